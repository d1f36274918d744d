"""`LSTMForecast(feed, universe=feeds)`: one model of many feeds, the same in every mode and never ahead."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.market import SMALL, alone, market
from helpers.recorder import Ticking

from lstmstrat import ConfigError, DataError, ForecastConfig, LSTMForecast
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.panel.forward import PanelForward

CONFIG: dict[str, Any] = {
    **SMALL,
    "model": "ridge",
    "pool": "all",
    "relation": "rank",
    "least_assets": 2,
    "train_size": 40,
}
BARS = 150


def calendars() -> list[pd.DataFrame]:
    """Four markets: one has holidays of its own, one is listed late, and one ends early."""
    frames = [market(BARS, seed=k).frame for k in range(4)]
    frames[1] = frames[1][frames[1].index.day_of_year % 11 != 0]
    frames[2] = frames[2].iloc[50:]
    frames[3] = frames[3].iloc[:120]
    return frames


class Universe(bt.Strategy):
    params = (("forecast", None), ("only", None))

    def __init__(self) -> None:
        feeds = self.datas if self.p.only is None else [self.datas[self.p.only]]
        self.built = {d: LSTMForecast(d, universe=self.datas, **self.p.forecast) for d in feeds}
        self.seen: dict[Any, dict[int, list[float]]] = {d: {} for d in feeds}
        self.begun: int | None = None

    def prenext(self) -> None:
        for feed, indicator in self.built.items():
            if len(feed):
                self.seen[feed][len(feed)] = [line[0] for line in indicator.lines]

    def next(self) -> None:
        self.begun = len(self) if self.begun is None else self.begun
        self.prenext()


def run(
    frames: list[pd.DataFrame],
    settings: dict[str, Any] = CONFIG,
    only: int | None = None,
    feed: Any = bt.feeds.PandasData,
    **cerebro: Any,
) -> Any:
    engine = bt.Cerebro(**{"stdstats": False, **cerebro})
    for k, frame in enumerate(frames):
        engine.adddata(feed(dataname=frame), name=f"F{k}")
    engine.addstrategy(Universe, forecast=settings, only=only)
    with alone().active():
        return engine.run()[0]


def lines(strategy: Any) -> list[Floats]:
    """The first three lines of each feed, by bar; (n, 3) each."""
    return [np.array(list(seen.values()))[:, :3] for seen in strategy.seen.values()]


def reference(frames: list[pd.DataFrame], settings: dict[str, Any] = CONFIG) -> list[Floats]:
    """What a `PanelForward` says of the same bars, put side by side by pandas."""
    times = pd.DatetimeIndex(sorted(set().union(*(frame.index for frame in frames))))
    bars = np.stack([frame.reindex(times).to_numpy() for frame in frames], axis=1)  # (D, N, 5)
    walk = PanelForward(ForecastConfig(**settings), [f"F{k}" for k in range(len(frames))], session=alone())
    found = walk.advance(times.to_numpy(), bars, np.ones(bars.shape[:2], dtype=bool))
    return [found[times.isin(frame.index), k] for k, frame in enumerate(frames)]


def equal(one: list[Floats], other: list[Floats]) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


MODES = (
    {},
    {"runonce": False},
    {"preload": False},
    {"exactbars": -1},
    {"exactbars": -2},
    {"live": True},
    {"lookahead": 5},
    {"objcache": True},
)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_c01_to_c04_and_c10_every_mode_says_what_the_panel_says(mode: dict[str, Any]) -> None:
    frames = calendars()
    found = lines(run(frames, **mode))
    assert equal(found, reference(frames))
    assert all(np.isfinite(one[:, 0]).sum() > 20 for one in found)


def test_c03_feeds_that_tick_say_the_same() -> None:
    frames = [market(BARS, seed=k).frame for k in range(3)]
    assert equal(lines(run(frames, feed=Ticking)), reference(frames))


@pytest.mark.parametrize("pool", ["none", "all"])
@pytest.mark.parametrize("runonce", [True, False])
def test_networks_are_trained_once_for_all_feeds(pool: str, runonce: bool) -> None:
    frames = calendars()[:2]
    settings = {**CONFIG, "model": "lstm", "pool": pool, "refit_every": 40}
    engine = bt.Cerebro(stdstats=False, runonce=runonce)
    for frame in frames:
        engine.adddata(bt.feeds.PandasData(dataname=frame))
    engine.addstrategy(Universe, forecast=settings)
    with alone().active() as session:
        strategy = engine.run()[0]
        assert session.fitted == 3 * (2 if pool == "none" else 1)  # folds
    first, second = strategy.built.values()
    assert first.walk_forward is second.walk_forward
    assert equal(lines(strategy), reference(frames, settings))


def test_other_settings_and_another_universe_are_another_panel() -> None:
    class Two(bt.Strategy):
        def __init__(self) -> None:
            ranks = LSTMForecast(self.data, universe=self.datas, **CONFIG)
            returns = LSTMForecast(self.data, universe=self.datas, **{**CONFIG, "relation": "none"})
            fewer = LSTMForecast(self.data, universe=self.datas[:2], **CONFIG)
            again = LSTMForecast(self.data1, universe=list(self.datas), **CONFIG)
            self.walks = [one.walk_forward for one in (ranks, returns, fewer, again)]

    engine = bt.Cerebro(stdstats=False)
    for frame in calendars():
        engine.adddata(bt.feeds.PandasData(dataname=frame))
    engine.addstrategy(Two)
    with alone().active():
        ranks, returns, fewer, again = engine.run()[0].walks
    assert ranks is again
    assert len({id(walk) for walk in (ranks, returns, fewer)}) == 3


def test_c05_a_second_run_gives_the_same() -> None:
    engine = bt.Cerebro(stdstats=False)
    for frame in calendars():
        engine.adddata(bt.feeds.PandasData(dataname=frame))
    engine.addstrategy(Universe, forecast=CONFIG)
    with alone().active():
        first, second = (lines(engine.run()[0]) for _ in range(2))
    assert equal(first, second)


@pytest.mark.parametrize("runonce", [True, False])
@pytest.mark.parametrize("last", [60, 72, 73, 90])
def test_c07_and_c08_no_later_bar_of_any_feed_moves_a_forecast(runonce: bool, last: int) -> None:
    frames = calendars()
    plain, end = lines(run(frames)), frames[0].index[last]
    changed = [frame.copy() for frame in frames]
    for frame in changed:
        frame.loc[frame.index > end] *= 10.0
    found = lines(run(changed, runonce=runonce))
    shorter = lines(run([frame.loc[:end] for frame in frames], runonce=runonce))
    before = [int((frame.index <= end).sum()) for frame in frames]
    assert equal([one[:n] for one, n in zip(found, before, strict=True)], shorter)
    assert equal([one[:n] for one, n in zip(plain, before, strict=True)], shorter)
    assert not equal(found, plain)


def test_one_indicator_alone_sees_all_feeds() -> None:
    frames = calendars()
    for mode in ({}, {"runonce": False}):
        (found,) = lines(run(frames, only=2, **mode))
        assert equal([found], [reference(frames)[2]])


def test_c15_next_begins_with_the_last_feed_and_not_years_after_it() -> None:
    strategy = run(calendars())
    assert strategy.begun == 51  # the first bar of the feed that is listed late
    indicator = strategy.built[strategy.datas[0]]
    first = int(np.flatnonzero(np.isfinite(lines(strategy)[0][:, 0]))[0])
    assert first == indicator.walk_forward.schedule.first_fit
    assert np.isnan(np.array(list(strategy.seen[strategy.datas[0]].values()))[:, 3:]).all()  # sigma, up, quantiles


class Present(Universe):
    """Notes when each feed has a bar, by the test that docs/backtrader.md gives, and scores that stay."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: dict[Any, list[Any]] = {d: [] for d in self.datas}
        self.kept = 0

    def next(self) -> None:
        for feed, indicator in self.built.items():
            if feed.datetime[0] == self.datetime[0]:
                self.noted[feed].append(self.datetime.datetime(0))
            else:
                self.kept += indicator.forecast[0] == indicator.forecast[0]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_feed_that_rests_or_has_ended_keeps_its_score_and_is_known_by_its_time(mode: dict[str, Any]) -> None:
    frames = calendars()[::-1]  # the feed that ends early is the first
    engine = bt.Cerebro(**{"stdstats": False, **mode})
    for frame in frames:
        engine.adddata(bt.feeds.PandasData(dataname=frame))
    engine.addstrategy(Present, forecast=CONFIG)
    with alone().active():
        strategy = engine.run()[0]
    begun = max(frame.index[0] for frame in frames)
    for feed, frame in zip(strategy.datas, frames, strict=True):
        assert strategy.noted[feed] == list(frame.index[frame.index >= begun])
    assert strategy.kept > 30  # the sessions after the end of one feed alone are 30


@pytest.mark.parametrize("runonce", [True, False])
def test_c16_too_few_sessions_give_no_forecast_and_say_so(runonce: bool, caplog: pytest.LogCaptureFixture) -> None:
    strategy = run([frame.iloc[:30] for frame in calendars()[:2]], runonce=runonce)
    assert all(np.isnan(one).all() for one in lines(strategy))
    assert runonce is False or "it needs 45 sessions for the first, the universe has 31" in caplog.text


def test_c26_a_strategy_can_be_pickled_without_its_networks() -> None:
    strategy = run(calendars()[:2])
    indicator = strategy.built[strategy.datas[0]]
    assert "_source" not in indicator.__getstate__()
    assert "LSTMForecast of ridge" in repr(indicator)
    assert pickle.dumps(indicator.__getstate__()["_bar_count"])


class Best(bt.Strategy):
    """Holds the feeds with the highest scores; its forecasts arrive at another process with it."""

    params = (("held", 1),)

    def __init__(self) -> None:
        self.scores = {d: LSTMForecast(d, universe=self.datas, **CONFIG) for d in self.datas}

    def next(self) -> None:
        ranked = sorted(self.datas, key=lambda d: -np.nan_to_num(self.scores[d].forecast[0], nan=-1.0))
        for place, feed in enumerate(ranked):
            self.order_target_percent(feed, 0.9 / self.p.held if place < self.p.held else 0.0)


class Value(bt.Analyzer):
    def stop(self) -> None:
        self.rets = {"value": self.strategy.broker.getvalue()}


def best_of(held: Sequence[int] | int, **options: Any) -> list[float]:
    """The account at the end for each number of feeds that is held."""
    engine = bt.Cerebro(**{"stdstats": False, **options})
    for k, frame in enumerate(calendars()[:3]):
        engine.adddata(bt.feeds.PandasData(dataname=frame), name=f"F{k}")
    engine.addanalyzer(Value, _name="value")
    one = isinstance(held, int)
    (engine.addstrategy if one else engine.optstrategy)(Best, held=held)
    found = engine.run()
    return [run.analyzers.value.get_analysis()["value"] for run in (found if one else [r for (r,) in found])]


@pytest.mark.parametrize("processes", [1, 2])
def test_c26_optstrategy_gives_what_single_runs_give(processes: int) -> None:
    alone_each = [best_of(held)[0] for held in (1, 2, 3)]
    assert len(set(alone_each)) == 3
    assert best_of([1, 2, 3], maxcpus=processes) == alone_each


def test_what_cannot_be_meant_is_refused_with_a_cure() -> None:
    def built(*_: Any, **changes: Any) -> type[bt.Strategy]:
        class Wrong(bt.Strategy):
            def __init__(self) -> None:
                given = changes.get("given", lambda s: (s.data, s.datas))
                data, universe = given(self)
                more = {k: v(self) if callable(v) else v for k, v in changes.items() if k != "given"}
                LSTMForecast(data, universe=universe, **{**CONFIG, **more})

        return Wrong

    for strategy, error, sentence in (
        (built(given=lambda s: (s.data, [s.data])), TypeError, "1 feeds given, expected 2 or more: self.datas"),
        (built(given=lambda s: (s.data, [s.data, s.data])), TypeError, "has a feed twice"),
        (built(given=lambda s: (s.data, s.datas[1:])), TypeError, "its data is no feed of the universe; write"),
        (built(given=lambda s: (s.data.close, s.datas)), TypeError, "its data is no feed of the universe; write"),
        (built(given=lambda s: (s.data, [s.data, 3])), TypeError, "universe are whole data feeds, not int; write"),
        (built(peers=lambda s: [s.data1]), TypeError, "universe and peers given"),
        (built(least_assets=5), ConfigError, "of 4 feeds, .* give least_assets=4 or less"),
        (built(pool="group"), ConfigError, "give pool='all' or 'none'"),
        (built(features=("column:mood",)), ConfigError, "'column:mood' is of data.extra"),
        (built(warm_start=True, model="lstm"), ConfigError, "warm_start"),
    ):
        engine = bt.Cerebro(stdstats=False)
        for frame in calendars():
            engine.adddata(bt.feeds.PandasData(dataname=frame))
        engine.addstrategy(strategy)
        with alone().active(), pytest.raises(error, match=sentence):
            engine.run()


@pytest.mark.parametrize("runonce", [True, False])
def test_feeds_that_are_no_sessions_of_each_other_are_refused(runonce: bool) -> None:
    days = market(BARS, seed=1).frame
    weeks = market(BARS, seed=2, freq="W-FRI").frame
    with pytest.raises(DataError, match="are not of one length"):
        run([days, weeks], runonce=runonce)
    stamped = days.set_axis(days.index + pd.Timedelta("23h59min"))
    with pytest.raises(DataError, match="has times of day and F0 has dates"):
        run([days, stamped], runonce=runonce)


@pytest.mark.parametrize("mode", [{}, {"runonce": False}, {"exactbars": -1}], ids=str)
@pytest.mark.parametrize("timeframe", [bt.TimeFrame.Weeks, bt.TimeFrame.Months])
def test_weeks_that_are_made_of_a_feed_of_days_are_refused_beside_it(mode: dict[str, Any], timeframe: int) -> None:
    """They come with the first day of the week after them, and were said to be out of order."""
    engine = bt.Cerebro(stdstats=False, **mode)
    for k, frame in enumerate(calendars()[:2]):
        engine.adddata(bt.feeds.PandasData(dataname=frame), name=f"F{k}")
    engine.resampledata(engine.datas[0], timeframe=timeframe, name="W")
    engine.addstrategy(Universe, forecast=CONFIG)
    with alone().active(), pytest.raises(DataError, match="the bars of W and F0 are not of one length; give bars"):
        engine.run()


def test_a_feed_with_a_time_twice_is_refused() -> None:
    frames = calendars()
    twice = pd.concat([frames[0].iloc[:70], frames[0].iloc[69:]])
    with pytest.raises(ValueError, match="the feed F0 is not sorted by time, or has a time twice"):
        run([twice, *frames[1:]])


def test_exactbars_1_loses_bars_of_other_feeds_and_is_refused() -> None:
    with pytest.raises(TypeError, match="with exactbars=1 Backtrader loses bars of a second feed"):
        run(calendars(), exactbars=1)
