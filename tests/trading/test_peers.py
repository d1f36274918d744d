"""Other assets as inputs: joined by time, in every mode the same, and never ahead."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.market import alone, bits, market, small

from lstmstrat import ConfigError, LSTMForecast, Prices, WalkForward
from lstmstrat.arrays import Floats, Times
from lstmstrat.forecasting.features import feature_set

PEER_FEATURES = ("return_1", "volatility_3")
CONFIG = small(peer_features=PEER_FEATURES, members=2)
OWN = market()


def calendar(kind: str) -> Prices:
    """Another market: with other holidays, with weekends, of another length."""
    other = market(420, seed=7, freq="D")  # 250 business days are 350 days
    kept = {
        "holidays": other.frame[(other.frame.index.day_of_year % 9 != 0) & (other.frame.index.day_of_week < 5)],
        "weekends": other.frame,
        "starts late": other.frame.iloc[120:],
        "starts early": market(500, seed=7, freq="D").frame.set_axis(
            pd.date_range("2019-06-01", periods=500, freq="D")
        ),
        "ends early": other.frame.iloc[:200],
        "weekly": other.frame.iloc[::7],
    }[kind]
    return Prices("Y", "csv", kept, ())


KINDS = ("holidays", "weekends", "starts late", "starts early", "ends early", "weekly")
kinds = pytest.mark.parametrize("kind", KINDS)


class Recorder(bt.Strategy):
    params = (("forecast", None),)

    def __init__(self) -> None:
        self.indicator = LSTMForecast(self.data, peers=self.datas[1:], **self.p.forecast)
        self.seen: dict[int, tuple[float, ...]] = {}

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        if len(self.data):
            self.seen[len(self.data)] = tuple(line[0] for line in self.indicator.lines)


def recorded(frames: list[pd.DataFrame], **cerebro: Any) -> tuple[Floats, WalkForward]:
    """Lines of each bar of the first feed as integers, and the walk behind them."""
    run = bt.Cerebro(stdstats=False, **cerebro)
    for frame in frames:
        run.adddata(bt.feeds.PandasData(dataname=frame))
    run.addstrategy(Recorder, forecast=CONFIG.model_dump())
    with alone().active():
        strategy = run.run()[0]
    return np.array(list(strategy.seen.values())).view(np.uint64), strategy.indicator.walk_forward


def rows_by_pandas(own: Prices, peer: Prices) -> Floats:
    """The inputs by another way: pandas joins the feature rows of the peer as of each bar."""
    mine = pd.DataFrame(feature_set(CONFIG.features).rows(own.times, own.bars, 0), index=own.frame.index)
    theirs = pd.DataFrame(feature_set(PEER_FEATURES).rows(peer.times, peer.bars, 0), index=peer.frame.index)
    return pd.merge_asof(mine, theirs.add_prefix("peer"), left_index=True, right_index=True).to_numpy()


@kinds
def test_every_mode_of_backtrader_joins_by_time(kind: str) -> None:
    peer = calendar(kind)
    frames = [OWN.frame, peer.frame]
    seen, walk = recorded(frames)
    assert walk._inputs is not None
    assert np.array_equal(walk._inputs.all, rows_by_pandas(OWN, peer), equal_nan=True)
    assert len(seen) == len(OWN.frame)
    assert np.isfinite(seen.view(float)[:, 0]).sum() > 50
    for mode in ({"runonce": False}, {"preload": False}, {"live": True}, {"exactbars": -1}):
        assert np.array_equal(recorded(frames, **mode)[0], seen), mode
    with pytest.raises(TypeError, match="with exactbars=1 Backtrader loses bars of a second feed"):
        recorded(frames, exactbars=1)


def test_two_peers_are_more_inputs_than_one() -> None:
    frames = [OWN.frame, calendar("holidays").frame, calendar("weekends").frame]
    seen, walk = recorded(frames)
    assert walk._inputs is not None
    assert walk._inputs.all.shape[1] == 4 + 2 * 2
    assert not np.array_equal(seen, recorded(frames[:2])[0])


@kinds
def test_no_bar_of_a_peer_reaches_a_forecast_made_before_it(kind: str) -> None:
    peer = calendar(kind)
    original = advanced_with(OWN, peer.times, peer.bars)
    for last in (90, 140, 141, 200):
        bars = peer.bars.copy()
        later = peer.times > OWN.times[last]
        bars[later] *= 3.0
        changed = advanced_with(OWN, peer.times, bars)
        assert np.array_equal(bits(changed)[: last + 1], bits(original)[: last + 1])
        assert not later.any() or not np.array_equal(bits(changed), bits(original))


def advanced_with(own: Prices, times: Times, bars: Floats, cuts: tuple[int, ...] = ()) -> WalkForward:
    """Handed over in chunks, with each chunk the bars of the peer up to its last time."""
    walk, given = WalkForward(CONFIG, alone(), peers=1), 0
    for part in np.split(np.arange(len(own.times)), cuts):
        known = len(times) if part[-1] == len(own.times) - 1 else int((times <= own.times[part[-1]]).sum())
        walk.advance(own.times[part], own.bars[part], [(times[given:known], bars[given:known])])
        given = known
    return walk


@kinds
def test_law_1_chunk_holds_with_a_peer(kind: str) -> None:
    peer = calendar(kind)
    whole = bits(advanced_with(OWN, peer.times, peer.bars))
    for cuts in ((100,), (64, 65, 66, 180), tuple(range(1, 250))):
        assert np.array_equal(bits(advanced_with(OWN, peer.times, peer.bars, cuts)), whole)


def test_what_is_no_feed_is_refused() -> None:
    class Line(bt.Strategy):
        def __init__(self) -> None:
            LSTMForecast(self.data, peers=[self.data.close])

    class Wrong(bt.Strategy):
        def __init__(self) -> None:
            LSTMForecast(self.data, peers=[self.data], peer_features=("return_0",))

    for strategy, error, sentence in (
        (Line, TypeError, r"peers are whole data feeds, not \w+; write peers=\[self.data1\]"),
        (Wrong, ConfigError, "unknown feature 'return_0'"),
    ):
        run = bt.Cerebro(stdstats=False)
        run.adddata(bt.feeds.PandasData(dataname=OWN.frame))
        run.addstrategy(strategy)
        with pytest.raises(error, match=sentence):
            run.run()


def test_as_many_peers_must_be_handed_over_as_were_announced() -> None:
    walk = WalkForward(CONFIG, alone(), peers=1)
    with pytest.raises(ValueError, match="zip"):
        walk.advance(OWN.times, OWN.bars)


@pytest.mark.parametrize("which", ["prices", "peer"])
def test_a_time_zone_on_one_of_two_frames_is_refused_and_the_cure_works(which: str) -> None:
    """Backtrader makes zoned times UTC and leaves others: 09:00 of New York would count as 09:00 UTC."""
    hours = market(300).frame.set_axis(pd.date_range("2020-06-01", periods=300, freq="h"))
    naive, zoned = hours, hours.tz_localize("America/New_York")
    frames = [naive, zoned] if which == "prices" else [zoned, naive]
    with pytest.raises(
        TypeError, match=rf"that of the {which} has no time zone.*tz_localize\('America/New_York'\)"
    ):
        recorded(frames)
    same = recorded([naive.tz_localize("America/New_York"), zoned])[1]
    alike = recorded([naive, naive])[1]._inputs
    assert same._inputs is not None
    assert alike is not None
    assert np.array_equal(same._inputs.all, alike.all, equal_nan=True)
