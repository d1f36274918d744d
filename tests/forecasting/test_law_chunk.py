"""Law 1: the forecasts do not depend on the cut into chunks, the threads or the store, bit for bit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pytest
from helpers.market import advanced, alone, bits, market, small
from helpers.own_model import EVERY, FOREST, NETWORK, alive
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import LSTMForecast, Prices, Session, Store, WalkForward
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.models import model_of
from lstmstrat.trading.simulation import _Feed

BARS = 200
PRICES = market(BARS)
TIMES, BARS_5 = PRICES.times, PRICES.bars
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "ensemble of odd width": {"hidden_size": 7, "members": 3, "loss_steps": 5, "epochs": 2},
    "by month, expanding": {"refit_every": "month", "mode": "expanding"},
    "warm start": {"warm_start": True, "members": 2, "hidden_size": 7},
    "own condition": {"refit_when": "test_refits:fell", "refit_every": "month"},
    "nine members": {"members": 9, "refit_every": 45},
    "close, horizon 3": {"target": "close", "horizon": 3},
    "validation": {"val_size": 0.2, "epochs": 3, "patience": 1},
    "two layers with dropout": {"layers": 2, "dropout": 0.3, "hidden_size": 7, "members": 3},
    "calibrated": {"calibration": "learned", "members": 2},
    "calibrated, expanding": {"calibration": "learned", "mode": "expanding", "refit_every": "month"},
    "boosting": {"model": "boosting", "train_size": 140},  # a split needs 80 samples
    "ridge": {"model": "ridge"},
    "last sign": {"model": "last_sign", "mode": "expanding"},
    "always up": {"model": "always_up", "refit_every": "month"},
    "own, warm start": {"model": "helpers.own_model:Drawn", "members": 3, "warm_start": True},
    "own network, warm start": {"model": NETWORK, "members": 2, "warm_start": True, "refit_every": 40},
    "own network, calibrated": {"model": NETWORK, "calibration": "learned", "val_size": 0.2, "refit_every": 40},
    "forest, calibrated": {**alive(FOREST), "calibration": "learned", "refit_every": 15},
    "huber": {"loss": "huber", "members": 2},
}
KINDS |= {m: alive(m) for m in EVERY if m not in {kind.get("model", "lstm") for kind in KINDS.values()}}
kinds = pytest.mark.parametrize("kind", KINDS)


@cache
def at_once(kind: str) -> Floats:
    walk = advanced(small(**KINDS[kind]), TIMES, BARS_5)
    assert np.isfinite(walk.forecasts.forecast[walk.schedule.first_fit :]).all()
    assert len(walk.folds) > 3
    return bits(walk)


@kinds
def test_law_1_chunk_one_bar_at_a_time_equals_all_at_once(kind: str) -> None:
    walk = advanced(small(**KINDS[kind]), TIMES, BARS_5, range(1, BARS))
    assert np.array_equal(bits(walk), at_once(kind))


@kinds
@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(0, BARS), max_size=6))
def test_law_1_chunk_any_cut_equals_all_at_once(kind: str, cuts: set[int]) -> None:
    """A cut at 0 or at the end makes an empty chunk, which must do nothing."""
    assert np.array_equal(bits(advanced(small(**KINDS[kind]), TIMES, BARS_5, cuts)), at_once(kind))


def test_law_1_chunk_what_is_returned_is_what_is_kept() -> None:
    walk = WalkForward(small(), alone())
    out = np.vstack([walk.advance(TIMES[part], BARS_5[part]) for part in np.split(np.arange(BARS), [70, 71, 180])])
    assert np.array_equal(np.ascontiguousarray(out).view(np.uint64), bits(walk))


def test_law_1_chunk_times_that_do_not_increase_are_refused_and_nothing_is_taken() -> None:
    walk = WalkForward(small(), alone())
    walk.advance(TIMES[:100], BARS_5[:100])
    with pytest.raises(ValueError, match="not in order of time"):
        walk.advance(TIMES[99:120], BARS_5[99:120])
    walk.advance(TIMES[100:], BARS_5[100:])
    assert np.array_equal(bits(walk), at_once("plain"))


# --- threads and store ------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_law_1_chunk_any_number_of_threads_gives_the_same(jobs: int) -> None:
    kind = "two layers with dropout"
    with Session(Store(None), jobs=jobs) as session:
        walk = advanced(small(**KINDS[kind]), TIMES, BARS_5, session=session)
    assert np.array_equal(bits(walk), at_once(kind))


@pytest.mark.parametrize("model", EVERY)
def test_law_1_chunk_any_number_of_threads_gives_the_same_with_every_model(model: str) -> None:
    found = {
        bits(advanced(small(**alive(model)), TIMES, BARS_5, session=Session(Store(None), j))).tobytes()
        for j in (1, 2, 5)
    }
    assert len(found) == 1


@kinds
def test_law_1_chunk_warm_and_half_warm_stores_equal_a_cold_one(kind: str, tmp_path: Path) -> None:
    config = small(**KINDS[kind])
    for share in (BARS // 2, BARS, BARS):
        with Session(Store(tmp_path / "store")) as session:
            walk = advanced(config, TIMES[:share], BARS_5[:share], session=session)
        assert np.array_equal(bits(walk), at_once(kind)[:share])
    fits = len(walk.folds) * config.members
    assert (session.fitted, session.cached) == ((0, fits) if model_of(config).stored else (fits, 0))


# --- inside Backtrader --------------------------------------------------------------------------------------


class Live(_Feed):
    """Delivers like a live source: at each second call there is nothing yet."""

    def start(self) -> None:
        super().start()
        self.calls = 0

    def islive(self) -> bool:
        return True

    def _load(self) -> bool | None:
        self.calls += 1
        return None if self.calls % 2 else super()._load()


class Recorder(bt.Strategy):
    """Keeps the lines of its indicator while the run goes on, as exactbars=1 forgets them."""

    params = (("forecast", None), ("on", None))

    def __init__(self) -> None:
        self.indicator = LSTMForecast(self.data, **self.p.forecast)
        self.seen: list[tuple[float, ...]] = []

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        self.seen.append(tuple(line[0] for line in self.indicator.lines))


def recorded(feed: Any, config: dict[str, Any], **cerebro: Any) -> Floats:
    run = bt.Cerebro(stdstats=False, **cerebro)
    run.adddata(feed)
    run.addstrategy(Recorder, forecast=config)
    with alone().active():
        strategy = run.run()[0]
    return np.array(strategy.seen).view(np.uint64)


def engine_feed(prices: Prices) -> Any:
    return _Feed(dataname=prices)


def pandas_feed(prices: Prices) -> Any:
    return bt.feeds.PandasData(dataname=prices.frame)


@pytest.mark.parametrize("feed", [engine_feed, pandas_feed])
@pytest.mark.parametrize(
    "mode",
    [
        {},
        {"runonce": False},
        {"preload": False},
        {"exactbars": 1},
        {"exactbars": -1},
        {"exactbars": -2},
        {"live": True},
        {"objcache": True},
    ],
    ids=str,
)
def test_law_1_chunk_every_mode_of_backtrader_equals_the_walk_outside(feed: Any, mode: dict[str, Any]) -> None:
    config = small(**KINDS["plain"]).model_dump()
    assert np.array_equal(recorded(feed(PRICES), config, **mode), at_once("plain"))


def test_law_1_chunk_backtraders_lookahead_bars_are_not_read() -> None:
    assert np.array_equal(recorded(pandas_feed(PRICES), small().model_dump(), lookahead=5), at_once("plain"))


@kinds
@pytest.mark.parametrize("runonce", [True, False])
def test_law_1_chunk_every_kind_is_the_same_in_backtrader(kind: str, runonce: bool) -> None:
    seen = recorded(engine_feed(PRICES), small(**KINDS[kind]).model_dump(), runonce=runonce)
    assert np.array_equal(seen, at_once(kind))


def test_law_1_chunk_a_live_feed_equals_the_walk_outside() -> None:
    assert np.array_equal(recorded(Live(dataname=PRICES), small().model_dump()), at_once("plain"))


@pytest.mark.parametrize("freq", ["h", "7min"])
def test_law_1_chunk_intraday_times_survive_backtrader(freq: str) -> None:
    """Backtrader's times are floats of days, about 10 microseconds apart; the seeds come from the times."""
    prices = market(BARS, freq=freq)
    outside = bits(advanced(small(), prices.times, prices.bars))
    assert np.array_equal(recorded(engine_feed(prices), small().model_dump()), outside)
