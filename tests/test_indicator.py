"""LSTMForecast as a citizen of Backtrader; its values are those of WalkForward, see test_law_chunk.py."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable
from typing import Any

import backtrader as bt
import numpy as np
import pytest
from walks import SMALL, alone, market

from lstmstrat.engine import _Feed
from lstmstrat.errors import ConfigError
from lstmstrat.indicator import LSTMForecast

FIRST = 2 + 60 + 2  # warm-up of distance_3, train_size, purge of target: open
CLOSES: dict[str, Any] = {**SMALL, "features": ("return_1", "distance_3"), "target": "close"}
modes = pytest.mark.parametrize("runonce", [True, False])


def run(build: Callable[[Any], dict[str, Any]], bars: int = 120, **cerebro: Any) -> Any:
    """A strategy that builds indicators and keeps what they show at each of its calls of `next`."""

    class Watcher(bt.Strategy):
        def __init__(self) -> None:
            self.built = build(self.data)
            self.begun: int | None = None
            self.seen: dict[str, list[float]] = {name: [] for name in self.built}

        def prenext(self) -> None:
            for name, line in self.built.items():
                self.seen[name].append(line[0])

        def next(self) -> None:
            self.begun = len(self) - 1 if self.begun is None else self.begun
            self.prenext()

    engine = bt.Cerebro(stdstats=False, **cerebro)
    engine.adddata(_Feed(dataname=market(bars)))
    engine.addstrategy(Watcher)
    with alone().active():
        return engine.run()[0]


@modes
def test_the_first_value_is_where_the_strategy_begins(runonce: bool) -> None:
    strategy = run(lambda data: {"f": LSTMForecast(data, **SMALL)}, runonce=runonce)
    assert strategy.begun == FIRST
    assert strategy.built["f"]._minperiod == FIRST + 1
    assert np.flatnonzero(np.isfinite(strategy.seen["f"]))[0] == FIRST


@modes
@pytest.mark.parametrize(("bars", "values"), [(2, 0), (20, 0), (FIRST, 0), (FIRST + 1, 1), (FIRST + 2, 2)])
def test_short_data_gives_what_it_can_and_no_exception(runonce: bool, bars: int, values: int) -> None:
    strategy = run(lambda data: {"f": LSTMForecast(data, **SMALL)}, bars=bars, runonce=runonce)
    assert len(strategy.seen["f"]) == bars
    assert np.isfinite(strategy.seen["f"]).sum() == values


@modes
def test_on_another_indicator_the_first_value_is_later_by_its_own_period(runonce: bool) -> None:
    """SMA(10) has its first value at bar 9; 2 + 60 + 1 more bars with target: close."""
    strategy = run(lambda data: {"f": LSTMForecast(bt.ind.SMA(data, period=10), **CLOSES)}, runonce=runonce)
    assert strategy.begun == 9 + 2 + 60 + 1
    assert np.flatnonzero(np.isfinite(strategy.seen["f"]))[0] == strategy.begun


@pytest.mark.parametrize(("bars", "runonce"), [(5, False), (9, False), (10, False), (10, True), (30, True)])
def test_on_another_indicator_short_data_are_no_exception(bars: int, runonce: bool) -> None:
    """With runonce and less than 10 bars, Backtrader's own SMA(10) raises IndexError."""
    strategy = run(
        lambda data: {"f": LSTMForecast(bt.ind.SMA(data, period=10), **CLOSES)}, bars=bars, runonce=runonce
    )
    assert np.isnan(strategy.seen["f"]).all()


@modes
def test_a_single_line_equals_the_feed_where_only_closes_are_needed(runonce: bool) -> None:
    strategy = run(
        lambda data: {"line": LSTMForecast(data.close, **CLOSES), "feed": LSTMForecast(data, **CLOSES)},
        runonce=runonce,
    )
    assert np.array_equal(strategy.seen["line"], strategy.seen["feed"], equal_nan=True)
    assert np.isfinite(strategy.seen["line"]).any()


def test_a_single_line_is_refused_where_bars_are_needed() -> None:
    with pytest.raises(
        TypeError, match=r"needs open, high, low, close, volume, but was given a single line; pass"
    ):
        run(lambda data: {"f": LSTMForecast(data.close, **SMALL)})
    with pytest.raises(TypeError, match="choose target='close' and features of the close"):
        run(lambda data: {"f": LSTMForecast(data.close, **{**CLOSES, "target": "open"})})


def test_a_number_in_place_of_the_data_is_refused_at_once() -> None:
    """Backtrader turns a number into an endless line of itself, on which `once` would never end."""
    begin = time.perf_counter()
    with pytest.raises(TypeError, match="needs data first, then parameters by name"):
        run(lambda _: {"f": LSTMForecast(60)})
    assert time.perf_counter() - begin < 1.0


def test_a_wrong_parameter_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match="no parameter 'lookbak'; did you mean 'lookback'"):
        run(lambda data: {"f": LSTMForecast(data, lookbak=60)})
    with pytest.raises(ConfigError, match="lookback: 0 given, expected greater than or equal to 1"):
        run(lambda data: {"f": LSTMForecast(data, **{**SMALL, "lookback": 0})})
    with pytest.raises(ConfigError, match=r"refit_every: 'monthly' given, expected .*; did you mean 'month'"):
        run(lambda data: {"f": LSTMForecast(data, **{**SMALL, "refit_every": "monthly"})})


@pytest.mark.parametrize("mode", [{}, {"runonce": False}, {"exactbars": 1}], ids=str)
def test_every_value_is_a_python_float(mode: dict[str, Any]) -> None:
    def build(data: Any) -> dict[str, Any]:
        forecast = LSTMForecast(data, **SMALL)
        return {"forecast": forecast.lines.forecast, "spread": forecast.lines.spread}

    seen = run(build, **mode).seen
    assert {type(value) for values in seen.values() for value in values} == {float}


@modes
def test_it_can_be_computed_with(runonce: bool) -> None:
    """EMA(3) by its definition: the mean of three values first, then e += (x - e) / 2."""

    def build(data: Any) -> dict[str, Any]:
        f = LSTMForecast(data, **SMALL)
        return {"f": f, "twice": f * 2.0, "positive": f > 0.0, "ema": bt.ind.EMA(f.forecast, period=3)}

    strategy = run(build, runonce=runonce)
    f = np.array(strategy.seen["f"])[FIRST:]
    ema = [f[:3].mean()]
    for value in f[3:]:
        ema.append(ema[-1] + (value - ema[-1]) / 2.0)
    assert strategy.begun == FIRST + 2
    assert np.array_equal(np.array(strategy.seen["twice"])[FIRST:], 2.0 * f)
    assert np.array_equal(np.array(strategy.seen["positive"])[FIRST:], f > 0.0)
    np.testing.assert_allclose(np.array(strategy.seen["ema"])[FIRST + 2 :], ema, rtol=1e-12)


class Plain(bt.Strategy):
    """At the top of a module, as only such classes can be pickled."""

    def __init__(self) -> None:
        self.forecast = LSTMForecast(self.data, **SMALL, members=10)


def test_what_travels_to_another_process_holds_no_network() -> None:
    """10 members of 5 folds are far more than 100 kB; 120 bars of some lines are less."""
    engine = bt.Cerebro(stdstats=False)
    engine.adddata(_Feed(dataname=market(120)))
    engine.addstrategy(Plain)
    with alone().active():
        strategy = engine.run()[0]
    assert len(strategy.forecast.walk_forward.folds) == 5
    arrived = pickle.loads(pickle.dumps(strategy)).forecast
    assert not hasattr(arrived, "walk_forward")
    assert arrived.forecast.array.tobytes() == strategy.forecast.forecast.array.tobytes()


def test_it_works_through_cerebro_addindicator_and_as_a_signal() -> None:
    engine = bt.Cerebro(stdstats=False)
    engine.adddata(_Feed(dataname=market(120)))
    engine.addindicator(LSTMForecast, **SMALL)
    engine.add_signal(bt.SIGNAL_LONGSHORT, LSTMForecast, **SMALL)
    with alone().active() as trainer:
        strategy = engine.run()[0]
    values = [i.forecast[0] for i in strategy.getindicators() if isinstance(i, LSTMForecast)]
    assert not any(math.isnan(v) for v in values)
    assert trainer.fitted == 5  # bars 64, 77, 90, 103, 116: the second indicator finds what the first has fitted


def test_created_in_next_it_is_refused() -> None:
    class Late(bt.Strategy):
        def next(self) -> None:
            LSTMForecast(self.data, **SMALL)

    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=market().frame))
    cerebro.addstrategy(Late)
    with pytest.raises(RuntimeError, match="create it in __init__ of the strategy"):
        cerebro.run()


@modes
@pytest.mark.parametrize("order", [[0, 1, 3, 2], [0, 1, 1, 2]], ids=["unsorted", "twice"])
def test_a_feed_out_of_order_is_refused(runonce: bool, order: list[int]) -> None:
    frame = market().frame
    wrong = frame.iloc[[*order, *range(4, len(frame))]]
    cerebro = bt.Cerebro(runonce=runonce)
    cerebro.adddata(bt.feeds.PandasData(dataname=wrong))
    cerebro.addindicator(LSTMForecast, **SMALL)
    cerebro.addstrategy(bt.Strategy)
    with pytest.raises(ValueError, match="not in order of time; sort the feed by date"):
        cerebro.run()


@modes
def test_a_nan_in_the_feed_is_nan_for_a_while_and_said_once(
    runonce: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Bar 100 has no close: distance_3 lacks it for 3 bars, the window of 5 for 4 more; return_1 for 2."""
    frame = market().frame.copy()
    frame.iloc[100, frame.columns.get_loc("close")] = np.nan
    frame.iloc[150, frame.columns.get_loc("close")] = np.nan
    strategy = recorded_lines(frame, runonce)
    assert np.flatnonzero(np.isnan(strategy)).tolist()[-14:] == [*range(100, 107), *range(150, 157)]
    said = [record.message for record in caplog.records]
    assert said == [
        "no forecast at some bars: an input of the last `lookback` bars is missing; "
        "walk_forward.missing counts them"
    ]


@modes
@pytest.mark.parametrize("price", [0.0, -5.0])
def test_a_price_that_is_none_equals_one_that_is_missing(runonce: bool, price: float) -> None:
    """The mean of distance_3 must not take it in: it would be finite, and wrong."""
    lines = []
    for value in (price, np.nan):
        frame = market().frame.copy()
        frame.iloc[100, frame.columns.get_loc("close")] = value
        lines.append(recorded_lines(frame, runonce))
    assert np.array_equal(*lines, equal_nan=True)
    assert np.flatnonzero(np.isnan(lines[0]))[-7:].tolist() == [*range(100, 107)]


def recorded_lines(frame: Any, runonce: bool) -> np.ndarray:
    class Seen(bt.Strategy):
        def __init__(self) -> None:
            self.indicator = LSTMForecast(self.data, **SMALL)
            self.seen: list[float] = []

        def prenext(self) -> None:
            self.next()

        def next(self) -> None:
            self.seen.append(self.indicator.forecast[0])

    cerebro = bt.Cerebro(stdstats=False, runonce=runonce)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(Seen)
    with alone().active():
        return np.array(cerebro.run()[0].seen)


def test_too_few_bars_are_said(caplog: pytest.LogCaptureFixture) -> None:
    assert np.isnan(recorded_lines(market(64).frame, True)).all()
    assert [record.message for record in caplog.records] == [
        "LSTMForecast has no forecast: it needs 65 bars for the first, the feed has 64"
    ]
    caplog.clear()
    assert np.isfinite(recorded_lines(market(65).frame, True)).sum() == 1
    assert not caplog.records


def weekly(add: str, **cerebro: Any) -> tuple[np.ndarray, int]:
    """Forecast and spread of each finished week of a daily feed, and how many networks were trained."""
    frame = market(1200).frame

    class Weeks(bt.Strategy):
        def __init__(self) -> None:
            self.indicator = LSTMForecast(self.data, **SMALL)
            self.seen: dict[int, list[float]] = {}

        def prenext(self) -> None:
            self.next()

        def next(self) -> None:
            self.seen[len(self.data)] = [line[0] for line in self.indicator.lines]  # the last of a week stays

    run = bt.Cerebro(stdstats=False, **cerebro)
    getattr(run, add)(bt.feeds.PandasData(dataname=frame), timeframe=bt.TimeFrame.Weeks)
    run.addstrategy(Weeks)
    with alone().active() as trainer:
        strategy = run.run()[0]
    return np.array(list(strategy.seen.values())).view(np.uint64), trainer.fitted


def test_a_replayed_feed_gives_what_finished_weeks_give() -> None:
    """The week that grows from day to day is an input of its own forecast and never enters a training."""
    resampled, trained = weekly("resampledata")
    replayed, again = weekly("replaydata")
    assert np.isfinite(resampled.view(float)[:, 0]).sum() > 100
    assert np.array_equal(replayed, resampled)
    assert again == trained


def test_a_replayed_feed_takes_no_peers() -> None:
    class Two(bt.Strategy):
        def __init__(self) -> None:
            LSTMForecast(self.data, peers=[self.data1], **SMALL)

    for first, second, sentence in (
        ("replaydata", "resampledata", "peers need a feed of closed bars"),
        ("resampledata", "replaydata", r"peers=\[...\] need closed ones"),
    ):
        cerebro = bt.Cerebro()
        for add in (first, second):
            getattr(cerebro, add)(bt.feeds.PandasData(dataname=market().frame), timeframe=bt.TimeFrame.Weeks)
        cerebro.addstrategy(Two)
        with pytest.raises(TypeError, match=sentence):
            cerebro.run()
