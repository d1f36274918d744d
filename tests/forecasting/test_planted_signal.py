"""Does the whole chain find a signal that is there, and none where there is none?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.market import market
from helpers.planted_signal import BARS, CONFIG, FOLDS, REFIT, bars_with, correlation, forecasts

from lstmstrat import ForecastConfig
from lstmstrat.arrays import Floats
from lstmstrat.prices.bars import OPEN


def planted(seed: int) -> tuple[Floats, Floats]:
    """Bars (n, 5), and the mean (n,) of the return from open[t+1] to open[t+2] given all that is known at t.

    The mean is the product of a drifting state and a regime of +-1 that lasts 50 bars on average. Each shows in
    one shadow of the bar, under noise; the regime must be recognised over some bars. Neither alone forecasts
    anything, nor does any linear model. The mean is 0.6 of the standard deviation of the returns.
    """
    rng = np.random.default_rng(seed)
    state, moves = np.zeros(BARS), rng.standard_normal(BARS)
    for t in range(1, BARS):
        state[t] = 0.8 * state[t - 1] + 0.6 * moves[t]  # variance 1
    regime = np.where(np.cumsum(rng.random(BARS) < 0.02) % 2, 1.0, -1.0)
    mean = 0.006 * regime * np.tanh(state) / np.tanh(state).std()
    returns = mean + 0.008 * rng.standard_normal(BARS)
    seen = np.column_stack([state, regime]) + [0.2, 0.3] * rng.standard_normal((BARS, 2))
    return bars_with(returns, seen), mean


def realised(bars: Floats) -> Floats:
    """log(open[t+2] / open[t+1]), written once more; (n,)."""
    opens = np.log(bars[:, OPEN])
    return np.append(opens[2:] - opens[1:-1], [np.nan, np.nan])


# Measured when written: between 0.80 and 0.89 for seeds 1 to 5 and 12 to 20 epochs. A linear model fitted to the
# true mean itself has -0.3 to 0.2.
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_planted_signal_is_found_out_of_sample(seed):
    bars, mean = planted(seed)
    made = forecasts(bars, CONFIG)
    assert correlation(made, mean) >= 0.75
    # A forecast with correlation c to the mean has 0.6 c to what is realised, give or take its own chance.
    expected = 0.6 * correlation(made, mean)
    assert correlation(made, realised(bars)) == pytest.approx(expected, abs=3 / math.sqrt(FOLDS * REFIT))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_found_in_a_random_walk(seed):
    # The correlation of unrelated series has a standard error of 1 / sqrt(n): three of them.
    bars = market(BARS, seed).bars
    made = forecasts(bars, CONFIG.model_copy(update={"features": ForecastConfig().features, "members": 1}))
    assert abs(correlation(made, realised(bars))) < 3 / math.sqrt(np.isfinite(made).sum())
