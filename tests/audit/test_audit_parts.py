"""What the look-ahead audit is made of: other bars that are sound, cuts in the right places, runs that agree."""

from __future__ import annotations

import io
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.market import market
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import Prices
from lstmstrat.audit import leaks, perturb
from lstmstrat.audit.compare import compare
from lstmstrat.audit.cuts import aimed_cuts
from lstmstrat.audit.feeds import OtherBars
from lstmstrat.audit.trace import MODES, STREAMED, Subject
from lstmstrat.report import terminal
from lstmstrat.trading.clock import to_numbers

FRAME = market(120).frame
cuts = st.integers(0, len(FRAME) - 2)


def sound(frame: pd.DataFrame) -> None:
    """`Prices` refuses bars that are not."""
    Prices("X", "csv", frame, ())


@given(cut=cuts, kind=st.sampled_from(sorted(perturb.KINDS)), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_another_future_is_sound_and_leaves_the_past_its_bits(cut: int, kind: str, seed: int) -> None:
    before = FRAME.copy()
    changed = perturb.replace_future(FRAME, cut, kind, seed)
    assert FRAME.equals(before)
    assert changed.iloc[: cut + 1].equals(FRAME.iloc[: cut + 1])
    assert (changed.iloc[cut + 1 :].to_numpy() != FRAME.iloc[cut + 1 :].to_numpy()).any(axis=1).all()
    assert changed.equals(perturb.replace_future(FRAME, cut, kind, seed)), "the same seed, the same future"
    if kind == "missing":
        assert changed.iloc[cut + 1 :].isna().all(axis=None)
    else:
        sound(changed)


@given(bar=cuts, factor=st.sampled_from([0.9, 0.99, 1.01, 1.1]))
@settings(max_examples=40, deadline=None)
def test_a_changed_bar_is_sound_and_the_only_one(bar: int, factor: float) -> None:
    inside, moved = perturb.change_inside(FRAME, bar, factor), perturb.move_open(FRAME, bar, factor)
    for changed in (inside, moved):
        sound(changed)
        assert changed.drop(index=FRAME.index[bar]).equals(FRAME.drop(index=FRAME.index[bar]))
    assert inside["open"].equals(FRAME["open"])
    assert moved["open"].iloc[bar] == FRAME["open"].iloc[bar] * factor
    assert moved["close"].equals(FRAME["close"])


def test_a_mirrored_future_has_the_other_sign() -> None:
    """log(p'/c) = -log(p/c) for every price p and the last close c that was kept."""
    mirrored, c = perturb.replace_future(FRAME, 50, "mirrored", 0), FRAME["close"].iloc[50]
    a, b = np.log(FRAME["close"].iloc[51:] / c), np.log(mirrored["close"].iloc[51:] / c)
    np.testing.assert_allclose(b, -a, atol=1e-12)


def test_half_the_price_is_half_to_the_bit() -> None:
    half = perturb.scale(FRAME, 0.5, 2.0)
    assert (half["close"] * 2.0).equals(FRAME["close"])
    assert (half["volume"] / 2.0).equals(FRAME["volume"])


def test_noise_is_a_fair_game() -> None:
    """Expected simple return 0 from any open or close: the mean of 20,000 is within 4 standard errors of 0."""
    bars = perturb.walk(np.random.default_rng(0), 100.0, 20_000)
    opens, closes = bars[1:, 0], bars[:, 3]
    for returns in (opens / closes[:-1] - 1.0, bars[:, 3] / bars[:, 0] - 1.0):
        assert abs(returns.mean()) < 4.0 * returns.std() / np.sqrt(len(returns))


def test_a_limit_order_in_noise_is_a_fair_game() -> None:
    """A buy at 0.99 of the open, sold at the close, earns nothing: that is how highs and lows are drawn."""
    bars = perturb.walk(np.random.default_rng(1), 100.0, 40_000)
    limit = bars[:, 0] * 0.99
    filled = bars[:, 2] <= limit
    earned = bars[filled, 3] / limit[filled] - 1.0
    assert filled.sum() > 10_000
    assert abs(earned.mean()) < 4.0 * earned.std() / np.sqrt(len(earned))


def test_cuts_stand_around_refits_and_month_ends() -> None:
    """Refits at 40, 60, 80, 100 of 120 bars: the first, one in the middle and the last are aimed at."""
    found = aimed_cuts(FRAME, 30, [40, 60, 80, 100], [], seed=0, horizon=3)
    assert {38, 39, 40, 41, 42, 50, 59} <= set(found)
    months = FRAME.index.month.to_numpy()
    ends = [bar for bar in found if months[bar] != months[bar + 1]]
    assert ends
    assert found == sorted(set(found))
    assert (found[0], found[-1]) >= (30, 98)
    assert found[-1] <= len(FRAME) - 2


def test_cuts_stand_before_bars_without_trades() -> None:
    frame = FRAME.copy()
    frame.iloc[77, 4] = 0.0
    assert 76 in aimed_cuts(frame, 30, [], [], seed=0)


class Quiet(bt.Strategy):
    def __init__(self) -> None:
        self.crossing = bt.ind.CrossOver(self.data.close, bt.ind.SMA(self.data.close, period=5))
        self.count = 0
        self._secret = 0.0

    def next(self) -> None:
        self.count += 1
        self._secret += 1.0
        if self.crossing[0] > 0:
            self.buy(size=3)
        elif self.crossing[0] < 0 and self.position:
            self.close()


@pytest.mark.parametrize(("cls", "params"), [(Quiet, {}), (leaks.Follow, {"indicator": leaks.Honest})])
@pytest.mark.parametrize("mode", MODES)
def test_a_trace_is_the_same_in_every_mode(cls: type[Any], params: dict[str, Any], mode: str) -> None:
    subject = Subject("x", cls, params, FRAME)
    original, other = subject.run(), subject.run(mode=mode)
    count, difference = compare(original, other, 10**6, 1e-9, begin=original.first)
    assert difference is None
    assert count > 100
    assert len(original.orders) > 3


def test_a_trace_holds_what_a_strategy_shows() -> None:
    """Lines of its indicators, numbers with a public name, and each order with its fill one bar later."""
    trace = Subject("x", Quiet, {}, FRAME).run()
    assert {"CrossOver.crossover", "self.count", "account value"} <= trace.lines.keys()
    assert "self._secret" not in trace.lines
    assert trace.lines["self.count"][-1] == trace.bars - trace.first
    assert [fill.bar - fill.order.bar for fill in trace.fills] == [1] * len(trace.fills)
    assert all(fill.order.ended == fill.bar for fill in trace.fills)
    for fill in trace.fills:  # slippage 0.0005 of the open, as BrokerConfig has it
        side = 1 if fill.size > 0 else -1
        assert fill.price == pytest.approx(FRAME["open"].iloc[fill.bar] * (1 + side * 0.0005), rel=1e-12)


def test_what_was_recorded_before_an_error_is_kept() -> None:
    class Late(Quiet):
        def next(self) -> None:
            if len(self) == 80:
                raise ValueError("late")
            super().next()

    trace = Subject("x", Late, {}, FRAME).run()
    assert (trace.bars, str(trace.error)) == (79, "late")
    assert compare(Subject("x", Quiet, {}, FRAME).run(), trace, 78)[1] is None


def test_a_stream_holds_no_bar_before_its_turn() -> None:
    seen: list[tuple[int, int, object]] = []

    class Looks(bt.Strategy):
        def next(self) -> None:
            seen.append((len(self), self.data.buflen(), self.data.p.dataname))

    trace = Subject("x", Looks, {}, FRAME).run(mode=STREAMED)
    assert trace.error is None
    assert seen == [(n, n, None) for n in range(1, len(FRAME) + 1)]


def test_the_rest_of_a_bar_is_masked_at_its_open_and_back_at_its_close() -> None:
    """Close 1.1 times the open, and volume * 1.1 + 0.1, as `MaskedOpens` says."""
    opened: list[tuple[float, ...]] = []
    closed: list[tuple[float, ...]] = []

    class Looks(bt.Strategy):
        def _bar(self) -> tuple[float, ...]:
            return tuple(getattr(self.data, name)[0] for name in FRAME.columns)

        def next_open(self) -> None:
            opened.append(self._bar())

        def next(self) -> None:
            closed.append(self._bar())

    Subject("x", Looks, {}, FRAME).run(mask=1.1)
    np.testing.assert_array_equal(closed, FRAME.to_numpy())
    seen = np.array(opened[-1])
    bar = FRAME.iloc[-1]
    assert seen[0] == bar["open"]
    np.testing.assert_allclose(seen[[1, 2, 3]], bar["open"] * np.array([1.1 * 1.01, 0.99, 1.1]))
    assert seen[4] == pytest.approx(bar["volume"] * 1.1 + 0.1)


def test_the_bars_of_other_feeds_are_changed_left_out_and_put_at_their_place() -> None:
    closes: list[float] = []
    other = market(120, seed=3).frame
    times = to_numbers(FRAME.index)

    class Looks(bt.Strategy):
        def stop(self) -> None:
            closes[:] = self.data1.close.array[: self.data1.buflen()]

    def setup(cerebro: Any) -> None:
        cerebro.adddata(bt.feeds.PandasData(dataname=other))

    subject, right = Subject("x", Looks, {}, FRAME, setup=setup), other["close"].to_numpy()
    subject.run(others=OtherBars(last=times[80]))
    np.testing.assert_array_equal(closes, right[:81])
    subject.run(others=OtherBars(first=times[80]))
    np.testing.assert_array_equal(closes, right[80:])
    subject.run(others=OtherBars(changed_after=times[80]))
    np.testing.assert_array_equal(closes[:81], right[:81])
    assert (np.array(closes[81:]) != right[81:]).all()
    subject.run(others=OtherBars(changed_after=times[80], mirrored=True))
    np.testing.assert_allclose(closes[81:], right[80] ** 2 / right[81:])


def test_compare_names_the_first_difference() -> None:
    subject = Subject("x", Quiet, {}, FRAME)
    changed = subject.run(perturb.change_inside(FRAME, 60, 1.5))
    count, difference = compare(subject.run(), changed, 10**6)
    assert difference is not None
    assert (difference.bar, difference.date) == (60, str(FRAME.index[60].date()))
    assert count > 300
    assert compare(subject.run(), changed, 59)[1] is None


def test_the_table_of_an_audit_names_what_failed_and_what_was_not_assessed() -> None:
    finding = {
        "probe": "P2 suffix",
        "subject": "mine",
        "status": "failed",
        "comparisons": 1234,
        "cuts": ["2020-01-02"],
        "detail": "it moves",
        "difference": {
            **{"bar": 7, "date": "2020-01-02", "line": "SMA.sma", "original": "1", "changed": "2"},
            **{"cut": "2020-01-02", "perturbation": "suffix walk"},
        },
        "command": "lstmstrat audit c.yaml --only P2",
    }
    unknown = {**finding, "probe": "P8 history", "status": "not assessed", "comparisons": 0, "cuts": []}
    record = {
        "findings": [finding, unknown, {**finding, "probe": "P0 rerun", "status": "warning"}],
        "controls": [
            {"name": "Leak, 1", "caught": True, "probe": "P2"},
            {"name": "One, clean: bars", "caught": True, "probe": ""},
            {"name": "Two, clean: peers", "caught": False, "probe": ""},
        ],
        "blind": ["no"],
        "exit_code": 1,
        "sentence": "1 probe of 2 failed.",
        "not_detectable": ["luck"],
    }
    file = io.StringIO()
    terminal.print_audit(record, file)
    said = file.getvalue()
    assert "Planted leaks found: 1 of 1; clean controls passed: 1 of 2; NOT PASSED: Two, clean: peers." in said
    assert "FAILED P2 suffix, mine: it moves" in said
    assert "WARNING P0 rerun, mine: it moves" in said
    assert "2020-01-02, bar 7: SMA.sma was 1, then 2 [suffix walk; cut 2020-01-02]" in said
    assert "lstmstrat audit c.yaml --only P2" in said
    assert "Not assessed: P8 history, mine: it moves" in said
    assert "Not assessable: no" in said
    assert said.endswith("1 probe of 2 failed. Not to be found this way: luck.\n")
