"""Null worlds: sound bars, the same costs of holding, the same bunching of volatility, and nothing to forecast."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers.market import market
from helpers.parallel import Cores
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat.arrays import Floats
from lstmstrat.config.data import DataConfig
from lstmstrat.prices import Prices, load
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.prices.null_history import BLOCK, null_history


def logs(prices: Prices) -> Floats:
    return np.diff(np.log(prices.bars[:, CLOSE]))


def autocorrelation(x: Floats, lag: int = 1) -> float:
    return float(np.corrcoef(x[lag:], x[:-lag])[0, 1])


def persistent(bars: int, phi: float, seed: int = 0) -> Prices:
    """Returns that follow the last one by `phi`, with quiet and wild quarters."""
    rng = np.random.default_rng(seed)
    returns, wild = np.zeros(bars), np.where(np.arange(bars) // BLOCK % 2, 0.03, 0.01)
    for t in range(1, bars):
        returns[t] = phi * returns[t - 1] * wild[t] / wild[t - 1] + wild[t] * rng.standard_normal()
    close = 100.0 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    frame = pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": rng.integers(100, 1000, bars).astype(float),
        },
        pd.bdate_range("2000-01-03", periods=bars),
    )
    return Prices("X", "csv", frame, ())


@settings(max_examples=25, deadline=None)
@given(number=st.integers(0, 10_000), bars=st.integers(2, 400))
def test_a_world_is_made_of_sound_bars_with_the_same_dates(number: int, bars: int) -> None:
    """`Prices` refuses a bar that is not sound."""
    real = market(bars)
    world = null_history(real, number)
    assert world.frame.index.equals(real.frame.index)
    assert np.array_equal(world.bars[0], real.bars[0])
    assert np.array_equal(null_history(real, number).bars, world.bars)


def test_worlds_differ() -> None:
    real = market()
    assert null_history(real, 1).sha256 != null_history(real, 2).sha256 != real.sha256


def test_every_bar_of_a_world_is_one_of_the_real_ones_or_its_mirror_image() -> None:
    real = market(200)
    shapes = np.log(real.bars[1:, :4] / real.bars[:-1, [CLOSE]])
    world = np.log(null_history(real, 3).bars[1:, :4] / null_history(real, 3).bars[:-1, [CLOSE]])
    mirrored = 2.0 * shapes[:, CLOSE].mean() - shapes[:, [OPEN, 2, 1, CLOSE]]
    both = np.concatenate([shapes, mirrored])  # (2 (n - 1), 4)
    nearest = np.abs(world[:, None, :] - both[None]).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-9


def test_volume_goes_with_its_bar() -> None:
    real = market(200)
    size = {round(v): abs(r - logs(real).mean()) for v, r in zip(real.bars[1:, 4], logs(real), strict=True)}
    world = null_history(real, 4)
    assert [size[round(v)] for v in world.bars[1:, 4]] == pytest.approx(np.abs(logs(world) - logs(real).mean()))


def test_nothing_of_the_past_says_where_the_next_bar_goes() -> None:
    """Returns of an autocorrelation of 0.3 have none in a world, on average over 60 worlds of 1000 bars: the error
    is 1 / sqrt(60 * 1000) = 0.004. Blocks alone, not mirrored, would leave nearly all of it.
    """
    real = persistent(1000, 0.3)
    assert autocorrelation(logs(real)) > 0.2
    found = [autocorrelation(logs(null_history(real, k))) for k in range(60)]
    assert abs(np.mean(found)) < 0.02


def test_volatility_comes_in_clusters_as_it_did() -> None:
    real = persistent(1000, 0.0)
    was = autocorrelation(np.abs(logs(real)))
    found = np.mean([autocorrelation(np.abs(logs(null_history(real, k)))) for k in range(60)])
    assert was > 0.2
    assert found == pytest.approx(was, abs=0.06)


@pytest.mark.parametrize("start", [0, 1500])
def test_holding_earns_on_average_what_it_earned_in_the_bars_that_are_traded(start: int) -> None:
    """AAPL rose by log(13.4) = 2.6 from 2000 to 2013, most of it after 2003; means of 200 worlds have an error."""
    real = load(DataConfig())
    rises = [logs(null_history(real, k, start))[start:].sum() for k in range(200)]
    error = np.std(rises, ddof=1) / np.sqrt(200)
    assert np.mean(rises) == pytest.approx(logs(real)[start:].sum(), abs=3 * error)
    assert np.std(logs(null_history(real, 0, start))) == pytest.approx(np.std(logs(real)), rel=0.15)


def momentum_lead(prices: Prices) -> float:
    """Sharpe ratio a bar of who goes on in the direction of the last bar, above that of who holds the asset."""
    moves = logs(prices)
    own, hold = np.sign(moves[:-1]) * moves[1:], moves[1:]
    return float(own.mean() / own.std() - hold.mean() / hold.std())


def p_value(phi: float, seed: int) -> float:
    """Of an asset whose returns follow the last by `phi`, among 39 null worlds."""
    real = persistent(400, phi, seed)
    worlds = [momentum_lead(null_history(real, k)) for k in range(39)]
    return float((1 + np.sum(np.array(worlds) >= momentum_lead(real))) / 40)


def among_worlds(cores: Cores, phi: float, runs: int = 60) -> float:
    """Share of assets with a p-value below 5 %."""
    return float(np.mean([p < 0.05 for p in cores.map(p_value, itertools.repeat(phi), range(runs), at_once=5)]))


def test_a_p_value_among_worlds_is_small_as_seldom_as_it_should_be_and_where_there_is_momentum(
    cores: Cores,
) -> None:
    """1 of 40 can be below 5 %: a true rate of 2.5 %, of 60 binomial 99.9 % at most 6. A momentum of 0.3 earns
    0.24 deviations a bar, 4.8 errors of 400 bars.
    """
    assert among_worlds(cores, 0.0) <= 6 / 60
    assert among_worlds(cores, 0.3) > 0.8
