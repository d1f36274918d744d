"""No proof, no edge: what reads later bars, was helped, or trades at stale prices is never an edge."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.command import tiny

from lstmstrat import Config, ExposureStrategy, Prices, Session, Store
from lstmstrat.audit import suite
from lstmstrat.audit.books import check_books
from lstmstrat.audit.finding import AuditResult, Finding
from lstmstrat.config.validation import validated
from lstmstrat.evaluation.skill import forecast_skill
from lstmstrat.evaluation.verdict import SUPPORTED, UNPROVEN
from lstmstrat.prices import load
from lstmstrat.prices.staleness import autocorrelation, staleness
from lstmstrat.results.assessment import FAILED, NOT_RUN, PASSED, Check
from lstmstrat.results.run import Run
from lstmstrat.study import checks
from lstmstrat.study.cuts import CUT_BARS, check_cuts
from lstmstrat.study.run import finish
from lstmstrat.study.simulate import simulate_all


class Peeks(ExposureStrategy):
    """Long where the open after the next is above the next."""

    def target_exposure(self) -> float:
        later = len(self) + 2 <= self.data.buflen()
        return 1.0 if later and self.data.open[2] > self.data.open[1] else 0.0


class PeeksOneBar(ExposureStrategy):
    """Long where the next bar rises."""

    def target_exposure(self) -> float:
        later = len(self) + 1 <= self.data.buflen()
        return 1.0 if later and self.data.close[1] > self.data.open[1] else 0.0


class PeeksUnguarded(bt.Strategy):
    """Reads past the end of what is loaded."""

    def next(self) -> None:
        if len(self) < 300:
            self.order_target_size(target=10 if self.data.close[2] > self.data.close[1] else 0)


class KnowsTheLength(bt.Strategy):
    """Orders by how many bars there are in all."""

    def next(self) -> None:
        if len(self) % 20 == self.data.buflen() % 20:
            self.order_target_size(target=0 if self.position else 10)


class KnowsTheBar(bt.Strategy):
    """Buys at the open of a bar that will rise."""

    def next_open(self) -> None:
        if self.data.close[0] > self.data.open[0] and not self.position:
            self.buy(size=10)
        elif self.data.close[0] <= self.data.open[0] and self.position:
            self.close()

    def next(self) -> None:
        """Wait for the open."""


class WholeSample(bt.Strategy):
    """Compares with a mean over all bars."""

    def start(self) -> None:
        self.mean = float(np.mean(self.data.close.array))

    def next(self) -> None:
        self.order_target_size(target=10 if self.data.close[0] > self.mean else 0)


class Rises(ExposureStrategy):
    """Honest: long after a rising bar."""

    def target_exposure(self) -> float:
        return 1.0 if self.data.close[0] > self.data.open[0] else 0.0


class AtTheOpen(bt.Strategy):
    """Honest: buys at an open below the close before, and sells when done with trading."""

    def next_open(self) -> None:
        if len(self) % 3 == 0:
            self.order_target_size(target=10 if self.data.open[0] < self.data.close[-1] else 0)

    def next(self) -> None:
        """Wait for the open."""

    def stop(self) -> None:
        self.close()


class Trails(bt.Strategy):
    """Honest: buys, and leaves by a trailing stop."""

    def next(self) -> None:
        if not self.position and not self.broker.get_orders_open():
            self.buy(size=10)
        elif self.position and len(self.broker.get_orders_open()) == 0:
            self.sell(size=10, exectype=bt.Order.StopTrail, trailpercent=0.02)


class ClosesAtOpen(bt.Strategy):
    """Honest: asks at the open for the close of the bar, whose price the broker notes before it is known."""

    def next_open(self) -> None:
        if len(self) % 4 == 0 and not self.position:
            self.buy(size=10, exectype=bt.Order.Close)
        elif len(self) % 4 == 2 and self.position:
            self.sell(size=10, exectype=bt.Order.Close)


class TrailsAtOpen(bt.Strategy):
    """Honest: a trailing stop that is placed at the open, from the open."""

    def next_open(self) -> None:
        if not self.position and not self.broker.get_orders_open():
            self.buy(size=10)
        elif self.position and not self.broker.get_orders_open():
            self.sell(size=10, exectype=bt.Order.StopTrail, price=self.data.open[0], trailpercent=0.02)


class AtTheOpenOfATarget(Rises):
    """Buys a little more at the open of a bar that will rise, which a method of the base class does not see."""

    def next_open(self) -> None:
        super().next_open()
        if self.data.close[0] > self.data.open[0]:
            self.buy(size=1, price=self.data.open[0])


class Dice(bt.Strategy):
    """Draws random numbers that nobody seeded."""

    def next(self) -> None:
        self.order_target_size(target=10 * int(np.random.default_rng().integers(2)))


class FlatAtTheEnd(Rises):
    """Holds nothing over the last bar, of which it knows how many there are."""

    def target_exposure(self) -> float:
        return 0.0 if len(self.data) >= self.data.buflen() - 1 else super().target_exposure()


class NoneOnTheLastBar(Trails):
    """Orders nothing on the last bar."""

    def next(self) -> None:
        if len(self.data) < self.data.buflen():
            super().next()


class PeeksAndIsFlatAtTheEnd(FlatAtTheEnd):
    """Reads the close of tomorrow, where there is one."""

    def target_exposure(self) -> float:
        if len(self.data) >= self.data.buflen() - 1:
            return 0.0
        return 1.0 if self.data.close[1] > self.data.close[0] else 0.0


class PeeksAtTheEnd(Rises):
    """Reads the close of tomorrow in the last days alone, which are those before each cut."""

    def target_exposure(self) -> float:
        if 0 < self.data.buflen() - len(self.data) < 4:
            return 1.0 if self.data.close[1] > self.data.close[0] else 0.0
        return super().target_exposure()


class KnowsTheBarButTheLast(KnowsTheBar):
    """Buys at the open of a bar that will rise, but for the last."""

    def next_open(self) -> None:
        if len(self.data) < self.data.buflen():
            super().next_open()


class Idle(bt.Strategy):
    """Does nothing."""


LEAKY = [Peeks, PeeksOneBar, PeeksUnguarded, KnowsTheLength, KnowsTheBar, WholeSample, AtTheOpenOfATarget]
LEAKY += [PeeksAndIsFlatAtTheEnd, PeeksAtTheEnd, KnowsTheBarButTheLast]
HONEST = [Rises, AtTheOpen, Trails, ClosesAtOpen, TrailsAtOpen]


def ran(*classes: type[Any], prices: Prices | None = None) -> Run:
    strategies = [{"class": f"test_proof:{cls.__name__}", "name": cls.__name__} for cls in classes]
    config = validated(Config, tiny(strategies=strategies, forecast={"model": "always_up", "members": 1}), "")
    with Session(Store(None)) as session:
        return simulate_all(config, prices or load(config.data), session)


def cut(run: Run) -> list[Check]:
    with Session(Store(None)) as session:
        return check_cuts(run, session)


@pytest.mark.parametrize("cls", LEAKY, ids=lambda cls: cls.__name__)
def test_what_knows_later_bars_is_seen_in_every_run(cls: type[Any]) -> None:
    (found,) = cut(ran(Rises, cls))
    assert (found.name, found.status, found.strategy) == (CUT_BARS, FAILED, cls.__name__)
    assert (
        "the first difference is at 200" in found.detail
        or "it ends with PeeksUnguarded: IndexError" in found.detail
    )


def test_what_is_honest_passes() -> None:
    (found,) = cut(ran(*HONEST))
    assert found.status == PASSED
    assert re.fullmatch(
        r"the same orders on \d+ shorter histories, that end between 200\d-\S+ and 200\d-\S+", found.detail
    )


@pytest.mark.parametrize("cls", [FlatAtTheEnd, NoneOnTheLastBar])
def test_a_rule_of_the_end_is_no_look_ahead_and_is_named(cls: type[Any]) -> None:
    (found,) = cut(ran(Rises, cls))
    assert found.status == PASSED, found.detail
    assert f"{cls.__name__}: it knows which bar is the last one" in found.detail


def test_random_numbers_that_nobody_seeded_are_called_what_they_are() -> None:
    (found,) = cut(ran(Dice))
    assert (found.status, found.detail) == (
        FAILED,
        "Dice: two runs on the same prices differ; seed its random numbers",
    )


def test_the_books_of_what_is_honest_add_up() -> None:
    run = ran(*HONEST)
    (found,) = check_books(run.config.broker, run.prices, run.accounts)
    assert found.status == PASSED


def test_nothing_is_said_of_a_strategy_that_does_nothing() -> None:
    assert [found.status for found in cut(ran(Idle))] == [NOT_RUN]
    (found,) = cut(ran(Rises, Idle))
    assert found.status == PASSED
    assert found.detail.endswith("not compared, for want of an order inside the window: Idle")


# --- where all else holds, the audit decides ---


class Tuesdays(ExposureStrategy):
    """Honest: holds from the open of Tuesday to that of Wednesday."""

    def target_exposure(self) -> float:
        return 1.0 if self.data.datetime.date(0).weekday() == 0 else 0.0


def paid_on_tuesdays(bars: int = 700) -> Prices:
    """A random walk that rises by 1% more on a Tuesday: a true edge, whatever it may be called."""
    rng, days = np.random.default_rng(3), pd.bdate_range("2010-01-04", periods=bars)
    move = rng.normal(0.0, 0.006, bars) + np.where(days.day_of_week == 1, 0.008, -0.002)
    close = 100.0 * np.exp(np.cumsum(move))
    opened = np.concatenate([[100.0], close[:-1]])
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.001,
        "low": np.minimum(opened, close) * 0.999,
        "close": close,
        "volume": np.full(bars, 1000.0),
    }
    return Prices("X", "csv", pd.DataFrame(columns, days), ())


Audited = list[tuple[str, ...]]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Audited]:
    """Let every audit end with one finding of a status; an audit of its own takes longer than all these tests."""

    def answering(status: str) -> Audited:
        made: Audited = []

        def audit(config: Config, prices: Prices, progress: Any = None) -> AuditResult:
            made.append(tuple(strategy.label for strategy in config.strategies))
            if status == "error":
                raise RuntimeError("no memory")
            names = ["P0 rerun", "P2 suffix"]
            return AuditResult(tuple(Finding(name, "Tuesdays", status, 12, (), "why") for name in names), ())

        monkeypatch.setattr(suite, "audit_config", audit)
        return made

    return answering


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in a file: without one nobody knows how many trials there were."""
    return Store(tmp_path / "store.sqlite")


def told(run: Run, store: Store, name: str = "Tuesdays") -> tuple[str, tuple[str, ...], dict[str, Check]]:
    """The verdict on Tuesdays, what it lacks, and the checks by name."""
    with Session(store) as session:
        found = finish(run, session).assessment
    versus = {s.name: s.versus_benchmark for s in found.strategies}[name]
    return versus.verdict, versus.missing, {check.name: check for check in found.checks}


@pytest.fixture(scope="module")
def edge() -> Run:
    return ran(Tuesdays, Rises, prices=paid_on_tuesdays())


def test_an_edge_is_supported_once_its_audit_has_passed(
    edge: Run, store: Store, answer: Callable[[str], Audited]
) -> None:
    made = answer("passed")
    assert told(edge, store)[:2] == (SUPPORTED, ())
    assert made == [("Tuesdays",)]  # of no other strategy, and once


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("failed", "2 probes of 2 failed, in 24 comparisons at 0 cuts"),
        ("not assessed", "Not assessable: Tuesdays: P0 rerun: why"),
        ("error", "Not assessable: the audit ended with RuntimeError: no memory"),
    ],
)
def test_an_edge_whose_audit_did_not_pass_is_not_proven(
    edge: Run, store: Store, answer: Callable[[str], Audited], status: str, reason: str
) -> None:
    answer(status)
    verdict, missing, found = told(edge, store)
    assert verdict == UNPROVEN
    (lack,) = missing
    assert lack.startswith(f"a look-ahead audit that passed ({reason}")
    assert found[checks.AUDIT].status == (FAILED if status == "failed" else NOT_RUN)


def test_an_audit_is_made_once_and_kept(edge: Run, store: Store, answer: Callable[[str], Audited]) -> None:
    answer("passed")
    told(edge, store)
    assert answer("failed") == []
    assert told(edge, store)[0] == SUPPORTED


def test_what_a_check_has_voided_is_not_audited(edge: Run, store: Store, answer: Callable[[str], Audited]) -> None:
    made = answer("passed")
    helped = dataclasses.replace(edge.strategies[0], equity=edge.strategies[0].equity + 1.0)
    verdict, missing, found = told(dataclasses.replace(edge, strategies=(helped, edge.strategies[1])), store)
    assert (verdict, made) == (UNPROVEN, [])
    assert missing[0].startswith("a check that passed (fills and cash: Tuesdays: on ")
    assert found["fills and cash"].strategy == "Tuesdays"


def test_what_is_too_good_to_be_true_is_no_edge_whatever_the_audit_says(
    store: Store, answer: Callable[[str], Audited]
) -> None:
    made = answer("passed")
    verdict, missing, found = told(ran(Peeks, Rises, prices=paid_on_tuesdays()), store, "Peeks")
    assert (verdict, made) == (UNPROVEN, [])
    assert any("too good to be true: Peeks has a Sharpe ratio of " in one for one in missing)
    assert found[checks.TOO_GOOD].strategy == "Peeks"


def test_what_is_too_good_is_named(edge: Run, store: Store, answer: Callable[[str], Audited]) -> None:
    answer("passed")
    found = told(edge, store)[2][checks.TRIPWIRES]
    assert found.status == FAILED
    assert found.detail.startswith("Tuesdays has a Sharpe ratio of ")
    assert found.detail.endswith("look for a leak or stale prices")


def test_what_is_too_good_depends_on_the_years() -> None:
    """By hand: 5, and two errors of 1 / sqrt(years) each; 21 bars are a twelfth of a year."""
    for traded, most in ((252, 5.0 + 2.0), (21, 5.0 + 2.0 * 12**0.5)):
        run = ran(Rises, prices=paid_on_tuesdays(111 + traded))
        assert len(run.dates) == traded
        (found,) = checks.check_too_good(run)
        assert f"no Sharpe ratio above {most:.1f}," in found.detail


@pytest.mark.parametrize("claimed", [1, 100_000])
def test_how_many_bars_a_year_has_is_not_for_the_config_to_say(edge: Run, claimed: int) -> None:
    """With one bar a year no Sharpe ratio is above 5, with 100,000 that of an honest rule is."""

    def told_of(run: Run) -> list[Check]:
        report = run.config.report.model_copy(update={"periods_per_year": claimed})
        run = dataclasses.replace(run, config=run.config.model_copy(update={"report": report}))
        skill = forecast_skill(run.traded.forecast, run.traded.realised, run.traded.past_mean)
        return [*checks.check_too_good(run), checks.tripwires(run, skill)]

    assert [check.status for check in told_of(edge)] == [PASSED, FAILED]
    assert [check.status for check in told_of(ran(Peeks, Rises, prices=paid_on_tuesdays()))] == [FAILED, FAILED]


# --- stale prices ---


def autoregressive(phi: float, bars: int = 2000, seed: int = 0) -> Prices:
    """A market whose returns follow the one before by `phi`."""
    rng, move = np.random.default_rng(seed), np.zeros(bars)
    for t in range(1, bars):
        move[t] = phi * move[t - 1] + rng.normal(0.0, 0.01)
    close = 100.0 * np.exp(np.cumsum(move))
    opened = np.concatenate([[100.0], close[:-1]])
    columns = {
        "open": opened,
        "high": np.maximum(opened, close),
        "low": np.minimum(opened, close),
        "close": close,
        "volume": np.full(bars, 1000.0),
    }
    return Prices("X", "csv", pd.DataFrame(columns, pd.bdate_range("2010-01-04", periods=bars)), ())


def smoothed(share: float) -> Prices:
    """A valuation that moves by a share of its way to a random walk: an autocorrelation of 1 - share."""
    return autoregressive(1.0 - share)


def without(volume: float, unmoved: float = 0.0) -> Prices:
    """A random walk in which shares of the bars have no volume, or do not move."""
    prices, rng = autoregressive(0.0), np.random.default_rng(1)
    frame = prices.frame.copy()
    frame.loc[rng.random(len(frame)) < volume, "volume"] = 0.0
    for k in np.flatnonzero(rng.random(len(frame) - 1) < unmoved) + 1:
        frame.iloc[k, :4] = frame.iloc[k - 1, 3]
    return dataclasses.replace(prices, frame=frame)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("phi", [0.22, 0.0, -0.22])
def test_an_honest_market_is_not_stale(phi: float, seed: int) -> None:
    assert staleness(autoregressive(phi, seed=seed).bars).faults == ()


@pytest.mark.parametrize(
    ("prices", "fault"),
    [
        (smoothed(0.4), "the returns of holding have an autocorrelation of +0."),
        (autoregressive(-0.45), "the returns of holding have an autocorrelation of -0."),
        (without(0.3), "of the bars have no volume or no movement"),
        (without(0.0, 0.2), "of the bars have no volume or no movement"),
    ],
)
def test_stale_prices_are_named(prices: Prices, fault: str) -> None:
    assert any(fault in found for found in staleness(prices.bars).faults)


def test_a_feed_without_any_volume_has_none() -> None:
    currency = without(1.0)
    assert (currency.frame["volume"] == 0.0).all()
    assert staleness(currency.bars).faults == ()


def test_the_real_shares_are_not_stale() -> None:
    for symbol in ("AAPL", "GOOG", "IBM", "MSFT"):
        assert staleness(load(validated(Config, tiny(data={"symbol": symbol}), "").data).bars).faults == ()


def test_the_autocorrelation_by_numpy_and_by_hand() -> None:
    assert autocorrelation(np.array([1.0, -1.0, 1.0, -1.0])) == -0.75  # -3 / 4
    assert autocorrelation(np.ones(5)) is None
    assert autocorrelation(np.array([])) is None
    x = np.random.default_rng(0).normal(size=5000)
    assert autocorrelation(x) == pytest.approx(np.corrcoef(x[1:], x[:-1])[0, 1], abs=1e-3)


def test_stale_prices_void_an_edge(store: Store, answer: Callable[[str], Audited]) -> None:
    made, prices = answer("passed"), paid_on_tuesdays()
    frame = prices.frame.copy()
    frame.loc[pd.DatetimeIndex(frame.index).day_of_week == 1, "volume"] = 0.0  # nobody traded when it bought
    verdict, missing, found = told(ran(Tuesdays, Rises, prices=dataclasses.replace(prices, frame=frame)), store)
    assert (verdict, made) == (UNPROVEN, [])
    assert found[checks.STALE].status == FAILED
    assert "fills on bars without volume" in missing[0]


def test_the_card_says_what_a_proof_lacks(edge: Run, store: Store, answer: Callable[[str], Audited]) -> None:
    from lstmstrat.report.card import card

    answer("failed")
    with Session(store) as session:
        rows = dict(card(finish(edge, session).assessment))
    assert rows["verdict"].startswith(
        "Tuesdays looks better than simply holding X, but checks failed: do not trust it."
    )
    assert rows["not proven"].startswith("Tuesdays lacks a look-ahead audit that passed (2 probes of 2 failed")
