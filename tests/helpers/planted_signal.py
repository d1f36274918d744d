"""Prices whose returns have a known mean, and a forecast that is to find it out of sample."""

from __future__ import annotations

import numpy as np

from helpers.market import alone
from lstmstrat import ForecastConfig, WalkForward
from lstmstrat.arrays import Floats
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN

FOLDS, REFIT = 16, 63
CONFIG = ForecastConfig(
    features=("helpers.planted_signal:shadows",),
    lookback=20,
    train_size=750,
    refit_every=REFIT,
    epochs=16,
    learning_rate=3e-3,
    members=3,
    device="cpu",
)
BARS = 750 + CONFIG.purge + FOLDS * REFIT


def shadows(bars: Floats) -> Floats:
    """Logs of how far the bar reached above its body and below it; (n, 2)."""
    body = np.sort(bars[:, [OPEN, CLOSE]], axis=1)  # (n, 2) lower and upper end
    return np.log(np.log(np.column_stack([bars[:, HIGH] / body[:, 1], body[:, 0] / bars[:, LOW]])))


def bars_with(returns: Floats, seen: Floats) -> Floats:
    """Bars (n, 5) with these returns from open[t+1] to open[t+2]; `seen` (n, 2) shows in the shadows."""
    opens = 100.0 * np.exp(np.cumsum(np.concatenate([[0.0, 0.0], returns[:-1]])))  # (n + 1,)
    start, close = opens[:-1], opens[1:]
    up, down = np.exp(np.exp(0.3 * seen - 5.0)).T
    high, low = np.maximum(start, close) * up, np.minimum(start, close) / down
    return np.column_stack([start, high, low, close, np.ones(len(returns))])


def correlation(forecast: Floats, other: Floats) -> float:
    """Over the bars that have both."""
    both = np.isfinite(forecast) & np.isfinite(other)
    return float(np.corrcoef(forecast[both], other[both])[0, 1])


def forecasts(bars: Floats, config: ForecastConfig) -> Floats:
    times = np.datetime64("2000-01-03", "ns") + np.arange(len(bars)) * np.timedelta64(1, "D")
    walk = WalkForward(config, alone())
    made = walk.advance(times, bars)[:, 0]
    assert np.isfinite(made).sum() == len(bars) - walk.schedule.first_fit
    return made
