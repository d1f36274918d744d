"""The contract of an indicator that learns, C01 to C19: the same values however Backtrader runs it, none ahead."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.market import SMALL, market
from helpers.recorder import CLOSES, FIRST, FRAME, REFITS, TWO, Recorded, Ticking, recorded

from lstmstrat import LSTMForecast

modes = pytest.mark.parametrize("runonce", [True, False])


@pytest.fixture(scope="module")
def plain() -> Recorded:
    run = recorded()
    assert np.isfinite(run.lines()[FIRST:]).all()
    return run


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(mode, id=f"{contract} {mode}")
        for contract, mode in (
            ("C01", {"runonce": False}),
            ("C01", {"preload": False}),
            ("C02", {"exactbars": 1}),
            ("C02", {"exactbars": -1}),
            ("C02", {"exactbars": -2}),
            ("C03", {"live": True}),
            ("C03", {"feed": Ticking}),
            ("C04", {"oldsync": True}),
            ("C04", {"objcache": True}),
            ("C04", {"lookahead": 5}),
        )
    ],
)
def test_c01_to_c04_every_mode_gives_the_same_bits_at_every_bar(plain: Recorded, mode: dict[str, Any]) -> None:
    """C13, C14 as well: the same bars are refitted at, and no network is trained twice."""
    other = recorded(**mode)
    assert np.array_equal(other.bits(), plain.bits())
    assert (other.refits, other.trained) == (plain.refits, plain.trained)


def test_c05_a_second_run_and_a_second_instance_give_the_same(plain: Recorded) -> None:
    engine = bt.Cerebro(stdstats=False)
    engine.adddata(bt.feeds.PandasData(dataname=FRAME))

    class Pair(bt.Strategy):
        def __init__(self) -> None:
            self.pair = [LSTMForecast(self.data, **TWO) for _ in range(2)]

    engine.addstrategy(Pair)
    arrays = [i.forecast.array.tobytes() for _ in range(2) for i in engine.run()[0].pair]
    assert arrays == [plain.strategy.built["f"].forecast.array.tobytes()] * 4


@modes
def test_c06_a_single_line_equals_the_feed_where_only_closes_are_needed(runonce: bool) -> None:
    run = recorded(
        lambda s: {"line": LSTMForecast(s.data.close, **CLOSES), "feed": LSTMForecast(s.data, **CLOSES)},
        runonce=runonce,
    )
    assert np.array_equal(run.bits("line"), run.bits("feed"))
    assert np.isfinite(run.lines("line")).any()


def test_c06_a_single_line_is_refused_where_bars_are_needed() -> None:
    with pytest.raises(
        TypeError, match=r"needs open, high, low, close, volume, but was given a single line; pass"
    ):
        recorded(lambda s: {"f": LSTMForecast(s.data.close, **SMALL)})
    with pytest.raises(TypeError, match="choose target='close' and features of the close"):
        recorded(lambda s: {"f": LSTMForecast(s.data.close, **{**CLOSES, "target": "open"})})


@modes
@pytest.mark.parametrize("bars", [FIRST + 1, 76, 77, 78, 90, 91, 150])
def test_c07_a_shorter_history_gives_the_same_beginning(plain: Recorded, runonce: bool, bars: int) -> None:
    """Bars 77 and 90 are refitted at."""
    assert np.array_equal(recorded(frame=FRAME[:bars], runonce=runonce).bits(), plain.bits()[:bars])


@modes
@pytest.mark.parametrize("last", [70, 75, 76, 77, 78, 79, 90])
@pytest.mark.parametrize("factor", [10.0, np.nan])
def test_c08_a_changed_bar_moves_nothing_before_it(
    plain: Recorded, runonce: bool, last: int, factor: float
) -> None:
    """All bars after `last` are changed; then one alone, which moves its own forecast."""
    later, alone = FRAME.copy(), FRAME.copy()
    later.iloc[last + 1 :] *= factor
    alone.iloc[last] *= factor
    seen = recorded(frame=later, runonce=runonce).bits()
    assert np.array_equal(seen[: last + 1], plain.bits()[: last + 1])
    assert not np.array_equal(seen, plain.bits())
    seen = recorded(frame=alone, runonce=runonce).bits()
    assert np.array_equal(seen[:last], plain.bits()[:last])
    assert seen[last, 0] != plain.bits()[last, 0]


def test_c09_no_label_and_no_scale_is_made_of_the_fitting_bar_or_a_later_one(plain: Recorded) -> None:
    """Median and 1.4826 MAD of the training set; the open of the bar before the fitting bar is the newest label's.

    The rows are those of feature return_1, worked here: log close of a bar over that of the one before.
    """
    rows = np.diff(np.log(FRAME["close"].to_numpy()), prepend=np.nan)  # (n,)
    for fitted in plain.strategy.built["f"].walk_forward.folds:
        fold, scaler = fitted.fold, fitted.members[0].inputs
        assert fold.cutoff + 1 + plain.strategy.built["f"].p.horizon == fold.fitted_at - 1
        own = rows[fold.first : fold.cutoff + 1]
        centre = np.median(own)
        np.testing.assert_allclose(scaler.location[0], centre, rtol=1e-12)
        np.testing.assert_allclose(scaler.scale[0], 1.4826 * np.median(np.abs(own - centre)), rtol=1e-12)


@modes
@pytest.mark.parametrize("length", [80, 300])
def test_c10_a_second_feed_of_another_calendar_is_joined_as_of_its_time(runonce: bool, length: int) -> None:
    """The inputs of the peer are compared with pandas' merge_asof."""
    other = market(length, seed=5, freq="D").frame
    other = other[other.index.day_of_year % 9 != 0]

    def feeds(engine: Any) -> None:
        for frame in (FRAME, other):
            engine.adddata(bt.feeds.PandasData(dataname=frame))

    run = recorded(
        lambda s: {"f": LSTMForecast(s.data, peers=[s.data1], peer_features=("return_1",), **SMALL)},
        feeds=feeds,
        runonce=runonce,
    )
    theirs = np.log(other[["close"]]).diff()
    joined = pd.merge_asof(pd.DataFrame(index=FRAME.index), theirs, left_index=True, right_index=True)
    inputs = run.strategy.built["f"].walk_forward._inputs.all
    np.testing.assert_allclose(inputs[:, -1], joined["close"], rtol=1e-9, atol=1e-15)


def weeks(add: str, index: int, **cerebro: Any) -> Recorded:
    """Weekly bars of a daily feed: alone (`index` 0) or beside it (1)."""
    days = market(1000).frame

    def feeds(engine: Any) -> None:
        data = bt.feeds.PandasData(dataname=days)
        if index:
            engine.adddata(data)
        getattr(engine, add)(data, timeframe=bt.TimeFrame.Weeks)

    return recorded(lambda s: {"f": LSTMForecast(s.datas[index], **TWO)}, feeds=feeds, **cerebro)


@modes
def test_c11_weeks_beside_days_are_trained_and_forecast_as_weeks_alone(runonce: bool) -> None:
    both, single = weeks("resampledata", 1, runonce=runonce), weeks("resampledata", 0, runonce=runonce)
    assert both.trained == single.trained == 2 * len(single.refits)
    assert both.refits == single.refits
    assert np.array_equal(both.bits(), single.bits())


def test_c12_replayed_weeks_end_where_finished_weeks_do() -> None:
    """The week that grows from day to day is an input of its own forecast and never enters a training."""
    finished, replayed = weeks("resampledata", 0), weeks("replaydata", 0)
    assert np.isfinite(finished.lines()[:, 0]).sum() > 100
    assert np.array_equal(replayed.bits(), finished.bits())
    assert replayed.trained == finished.trained


def test_c13_as_many_networks_are_trained_as_the_schedule_asks_for(plain: Recorded) -> None:
    assert plain.refits == REFITS
    assert plain.trained == 2 * len(REFITS)


@pytest.mark.parametrize("refit_every", ["month", 1, "never"])
def test_c14_the_bars_refitted_at_do_not_depend_on_the_mode(refit_every: Any) -> None:
    """The first bar of each month after the first fold, which is fitted on 1 April 2020."""
    runs = [
        recorded(lambda s: {"f": LSTMForecast(s.data, **{**SMALL, "refit_every": refit_every})}, **mode)
        for mode in ({}, {"runonce": False}, {"exactbars": 1}, {"live": True}, {"feed": Ticking})
    ]
    months = pd.Series(range(len(FRAME)), FRAME.index.to_period("M")).groupby(level=0).first()
    expected = {"month": [m for m in months if m >= FIRST], 1: [*range(FIRST, 160)], "never": [FIRST]}
    for run in runs:
        assert run.refits == sorted({FIRST, *expected[refit_every]})


@modes
def test_c15_the_first_value_is_where_the_formula_says_and_the_strategy_begins(runonce: bool) -> None:
    run = recorded(runonce=runonce)
    assert run.strategy.begun == FIRST
    assert run.strategy.built["f"]._minperiod == FIRST + 1
    assert np.isnan(run.lines()[:FIRST]).all()
    assert np.isfinite(run.lines()[FIRST]).all()


@modes
@pytest.mark.parametrize(("bars", "values"), [(2, 0), (20, 0), (FIRST, 0), (FIRST + 1, 1), (FIRST + 2, 2)])
def test_c16_c17_short_data_give_what_they_can_and_no_exception(runonce: bool, bars: int, values: int) -> None:
    run = recorded(frame=FRAME[:bars], runonce=runonce)
    assert len(run.lines()) == bars
    assert np.isfinite(run.lines()[:, 0]).sum() == values


@modes
def test_c18_on_another_indicator_the_first_value_is_later_by_its_own_period(runonce: bool) -> None:
    """SMA(10) has its first value at bar 9; 2 + 60 + 1 more bars with target: close."""
    run = recorded(lambda s: {"f": LSTMForecast(bt.ind.SMA(s.data, period=10), **CLOSES)}, runonce=runonce)
    assert run.strategy.begun == 9 + 2 + 60 + 1
    assert np.flatnonzero(np.isfinite(run.lines()[:, 0])).tolist() == [*range(72, 160)]


@pytest.mark.parametrize(("bars", "runonce"), [(5, False), (9, False), (10, False), (10, True), (30, True)])
def test_c18_on_another_indicator_short_data_are_no_exception(bars: int, runonce: bool) -> None:
    """With runonce and less than 10 bars, Backtrader's own SMA(10) raises IndexError."""
    run = recorded(
        lambda s: {"f": LSTMForecast(bt.ind.SMA(s.data, period=10), **CLOSES)},
        frame=FRAME[:bars],
        runonce=runonce,
    )
    assert np.isnan(run.lines()).all()


@modes
@pytest.mark.parametrize("price", [np.nan, 0.0, -5.0])
def test_c19_a_price_that_is_none_is_nan_for_a_while_and_said_once(
    runonce: bool, price: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Bar 80 has no close: distance_3 lacks it for 3 bars, the window of 5 for 4 more. Refits at 90, 103 learn."""
    frame = FRAME.copy()
    frame.iloc[[80, 110], frame.columns.get_loc("close")] = price
    run = recorded(frame=frame, runonce=runonce)
    missing = np.flatnonzero(np.isnan(run.lines()[:, 0]))
    assert missing.tolist() == [*range(FIRST), *range(80, 87), *range(110, 117)]
    assert [record.message for record in caplog.records] == [
        "no forecast at 2020-04-22: an input of the last `lookback` bars is missing: return_1 has no value on "
        "1 of 5 bars, distance_3 on 1; the bars have no close there: give them one, or leave return_1, distance_3 "
        "out of features; walk_forward.missing counts all such bars"
    ]
