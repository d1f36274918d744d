"""A small market and a small network for the tests of the walk-forward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lstmstrat import ForecastConfig, Prices, Session, Store, WalkForward
from lstmstrat.arrays import Floats, Times
from lstmstrat.forecasting.fitted_fold import FittedFold
from lstmstrat.forecasting.models.lstm.model import FittedLSTM

BARS = 250
SMALL: dict[str, Any] = {
    "lookback": 5,
    "loss_steps": 3,
    "hidden_size": 4,
    "epochs": 1,
    "train_size": 60,
    "refit_every": 13,
    "mode": "rolling",
    "members": 1,
    "calibration": "none",
    "features": ("return_1", "range", "volume_change", "distance_3"),
}


def small(**changes: Any) -> ForecastConfig:
    return ForecastConfig(**{**SMALL, **changes})


def market(bars: int = BARS, seed: int = 0, freq: str = "B") -> Prices:
    """A random walk with sound bars; every price moves, so every bar matters."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, bars)))
    opened = close * np.exp(rng.normal(0.0, 0.01, bars))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, 0.01, bars)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, 0.01, bars)))
    volume = rng.integers(1_000, 10_000, bars).astype(float)
    index = pd.date_range("2020-01-01", periods=bars, freq=freq)
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return Prices("X", "csv", pd.DataFrame(columns, index=index), ())


def alone() -> Session:
    """A session that knows nothing: everything is fitted anew."""
    return Session(Store(None))


def advanced(
    config: ForecastConfig, times: Times, bars: Floats, cuts: Any = (), session: Session | None = None
) -> WalkForward:
    """A walk-forward that was handed the bars in the chunks that `cuts` make of them."""
    walk = WalkForward(config, session or alone())
    for part in np.split(np.arange(len(bars)), sorted(cuts)):
        walk.advance(times[part], bars[part])
    return walk


def learned(fitted: FittedFold) -> list[bytes]:
    """What tells the members of a fold from others: their weights, or a cheaper model's forecasts."""
    drawn = np.random.default_rng(0).normal(size=(200, 5, fitted.range.shape[1]))  # (n, L, F)
    return [
        m.digest if isinstance(m, FittedLSTM) else m.predict(m.inputs.location + m.inputs.scale * drawn).tobytes()
        for m in fitted.members
    ]


def bits(walk: WalkForward) -> Floats:
    """Forecast, spread and distance of every bar as integers, (n, 3): equal only if every bit is, NaN too."""
    lines = walk.forecasts
    named = lines.forecast, lines.spread, lines.distance, lines.sigma, lines.up
    return np.column_stack([*named, lines.quantiles]).view(np.uint64)
