"""The laws of forecasts with columns and peers from outside: chunks, folds, as-of, and no later row."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.market import BARS, alone, bits, market, small
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import ConfigError, WalkForward
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.features import feature_set
from lstmstrat.forecasting.history import History
from lstmstrat.prices.outside import Outside, Stream

OWN = market()
FEATURES = ("return_1", "column:mood", "column:rate.difference_3", "column:rate.change_2")


def outside(seed: int = 0, peers: int = 1) -> Outside:
    """A column with holes at odd hours, a monthly rate of either sign, and a peer with another calendar."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2019-11-01", periods=500, freq="D").to_numpy().astype("datetime64[ns]")
    kept = days[rng.random(500) < 0.6]
    hours = kept + rng.integers(0, 24, len(kept)) * np.timedelta64(1, "h")
    mood = Stream("mood", hours, rng.normal(size=(len(hours), 1)))
    months = days[::30]
    rate = Stream("rate", months, np.cumsum(rng.normal(size=(len(months), 1)), axis=0))
    other = market(420, seed=7 + seed, freq="D")
    streams = (Stream("other", other.times, other.bars),)[:peers]
    return Outside((mood, rate), streams)


CONFIG = small(features=FEATURES, peer_features=("return_1", "change_3"), members=2)


def walked(what: Outside, cuts: Any = (), config: Any = CONFIG) -> WalkForward:
    walk = WalkForward(config, alone(), outside=what)
    for part in np.split(np.arange(BARS), sorted(cuts)):
        walk.advance(OWN.times[part], OWN.bars[part])
    return walk


def test_the_inputs_are_those_of_pandas() -> None:
    what = outside()
    walk = walked(what)
    own = pd.DataFrame({"t": OWN.times})
    columns = [
        pd.merge_asof(own, pd.DataFrame({"t": s.known, s.name: s.values[:, 0]}), on="t")[s.name]
        for s in what.extra
    ]
    mood, rate = columns
    moved = rate.diff(2) / rate.diff().pow(2).rolling(2).sum().pow(0.5)
    moved = moved.where(rate.diff().pow(2).rolling(2).sum() != 0.0, 0.0).where(rate.shift(2).notna())
    peer = what.peers[0]
    close = pd.Series(peer.values[:, 3])
    theirs = pd.DataFrame({"t": peer.known, "r": np.log(close).diff(),
                           "c": close.diff(3) / close.diff().pow(2).rolling(3).sum().pow(0.5)})  # fmt: skip
    joined = pd.merge_asof(own, theirs, on="t")
    expected = np.column_stack(
        [np.log(pd.Series(OWN.bars[:, 3])).diff(), mood, rate.diff(3), moved, joined[["r", "c"]]]
    )
    assert walk._inputs is not None
    np.testing.assert_allclose(walk._inputs.all, expected, rtol=1e-9, atol=1e-12)
    assert walk._described.names == [*FEATURES, "return_1 of other", "change_3 of other"]


def test_law_1_chunk_one_bar_at_a_time_equals_all_at_once() -> None:
    whole = bits(walked(outside()))
    assert np.isfinite(whole.view(float)[:, 0]).sum() > 100
    assert np.array_equal(bits(walked(outside(), range(1, BARS))), whole)


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, BARS - 1), max_size=6, unique=True), seed=st.integers(0, 3))
def test_law_1_chunk_any_cut(cuts: list[int], seed: int) -> None:
    assert np.array_equal(bits(walked(outside(seed), cuts)), bits(walked(outside(seed))))


@pytest.mark.parametrize("last", [80, 140, 141, 200])
def test_no_row_reaches_a_forecast_made_before_it_was_known(last: int) -> None:
    what = outside()
    original = bits(walked(what))

    def later(stream: Stream) -> Stream:
        values = stream.values.copy()
        values[stream.known > OWN.times[last]] *= 3.0
        return Stream(stream.name, stream.known, values)

    changed = bits(walked(what.of(map(later, what.streams))))
    assert np.array_equal(changed[: last + 1], original[: last + 1])
    assert not np.array_equal(changed, original)
    assert np.array_equal(bits(walked(what.until(OWN.times[last])))[: last + 1], original[: last + 1])


def test_a_column_can_be_the_condition_of_a_refit() -> None:
    config = small(features=FEATURES, peer_features=("return_1",), refit_when="column:rate.difference_1")
    what = outside()
    walk = walked(what, config=config)
    rate = what.extra[1].at(OWN.times)[:, 0]
    assert np.array_equal(walk._refit.all, np.append(False, np.diff(rate) > 0.0))
    assert len(walk.folds) > len(walked(what).folds)


def test_one_session_does_not_mistake_one_file_for_another() -> None:
    session = alone()
    with session.one_walk_for_all():
        walks = [WalkForward(CONFIG, session, outside=outside(seed)) for seed in (0, 1, 0)]
        lines = [walk.advance(OWN.times, OWN.bars) for walk in walks]
    assert np.array_equal(lines[0], lines[2], equal_nan=True)
    assert not np.array_equal(lines[0], lines[1], equal_nan=True)


def test_an_unknown_column_is_refused_with_the_cure() -> None:
    with pytest.raises(
        ConfigError, match=r"there is no column 'mood'; name its file in the config, data: \{extra: "
    ):
        WalkForward(CONFIG, alone())


def bars_of(closes: Floats) -> Floats:
    return np.column_stack([closes] * 4 + [np.zeros(len(closes))])


def test_a_rate_below_zero_has_differences_and_no_returns() -> None:
    closes = np.array([0.5, 0.2, 0.0, -0.3, -0.1, 0.4])
    history = History(("difference_1", "change_2", "return_1"))
    history.append(OWN.times[:3], bars_of(closes[:3]))
    history.append(OWN.times[3:6], bars_of(closes[3:]))
    # By hand: each close minus the one before; change_2 at the last bar is (0.4 + 0.3) / root of 0.2^2 + 0.5^2.
    np.testing.assert_allclose(history.rows[:, 0], [np.nan, -0.3, -0.2, -0.3, 0.2, 0.5], atol=1e-15)
    assert history.rows[-1, 1] == pytest.approx(0.7 / np.sqrt(0.29))
    assert np.isnan(history.rows[2:, 2]).all()
    assert history.rows[1, 2] == pytest.approx(np.log(0.2 / 0.5))


def test_a_peer_below_zero_makes_forecasts_with_differences_and_a_sentence_without(caplog: Any) -> None:
    rate = np.cumsum(np.random.default_rng(1).normal(0.0, 0.1, BARS)) - 1.0
    peers = [(OWN.times, bars_of(rate))]
    good = WalkForward(small(peer_features=("difference_1", "change_5")), alone(), peers=1)
    assert np.isfinite(good.advance(OWN.times, OWN.bars, peers)[:, 0]).sum() > 150
    bad = WalkForward(small(peer_features=("return_1",)), alone(), peers=1)
    assert not np.isfinite(bad.advance(OWN.times, OWN.bars, peers)[:, 0]).any()
    assert "return_1 of peer 1" in caplog.text
    assert "peer_features: [difference_1, change_5]" in caplog.text


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("timed_features")
    monkeypatch.setitem(sys.modules, "timed_features", module)
    return module


def test_an_own_feature_may_take_the_times(mine: Any) -> None:
    mine.hours = lambda bars, times: (times - times[0]) / np.timedelta64(1, "D")
    mine.keyword = lambda bars, window=2: np.full(len(bars), float(window))
    mine.named = lambda bars, times=None: np.full(len(bars), float(times is not None))
    rows = feature_set([f"timed_features:{name}" for name in ("hours", "keyword", "named")])
    times = OWN.times[:3].copy()
    assert rows.rows(times, OWN.bars[:3], 0).tolist() == [[0.0, 2.0, 1.0], [1.0, 2.0, 1.0], [2.0, 2.0, 1.0]]

    def spoils(bars: Floats, times: Any) -> Floats:
        times[:] = times[0]
        return bars[:, 0]

    mine.spoils = spoils
    feature_set(["timed_features:spoils"]).rows(times, OWN.bars[:3], 0)
    assert np.array_equal(times, OWN.times[:3])


@pytest.mark.parametrize("wrong", [lambda: 0, lambda a, b, c: 0, lambda a, *, b: 0])
def test_an_own_feature_with_other_arguments_is_refused(mine: Any, wrong: Any) -> None:
    mine.wrong = wrong
    with pytest.raises(ConfigError, match=r"expected f\(bars\) or f\(bars, times\)"):
        feature_set(["timed_features:wrong"])
