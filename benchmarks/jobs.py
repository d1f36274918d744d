"""The jobs that every contender gets: the same folds, feature rows and labels, as plain arrays.

Letters: n bars, F features, K folds, L lookback.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstmstrat import DataConfig, ForecastConfig, load_prices
from lstmstrat.forecasting.features import feature_set
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.forecasting.targets import labels as labels_of

CONFIG = ForecastConfig(
    **{"lookback": 60, "hidden_size": 32, "epochs": 20, "batch_size": 64, "scaler": "standard"},
    **{"train_size": 750, "refit_every": 21, "mode": "rolling", "members": 1, "calibration": "none"},
)


@dataclass(frozen=True)
class FoldJob:
    """One fold: learn from the training set, and forecast the windows that end at the bars of the fold."""

    rows: np.ndarray  # (n, F) feature rows of the training set, oldest first
    targets: np.ndarray  # (n,)
    used: np.ndarray  # (lookback - 1 + bars, F) rows of the bars to forecast, with the first window before them
    truth: np.ndarray  # (bars,) the perfect forecast; NaN where it is not known


@dataclass(frozen=True)
class Scaled:
    """A FoldJob scaled by its training set, clipped, as float32: the data that every network is trained on."""

    rows: np.ndarray  # (n, F)
    targets: np.ndarray  # (n,)
    used: np.ndarray  # (lookback - 1 + bars, F)
    location: float  # forecast = location + scale * output of the network
    scale: float


def scaled(job: FoldJob) -> Scaled:
    """Rows scaled by mean and deviation in the training set, labels by those of the labels that end a window."""
    mean, unit = job.rows.mean(0), job.rows.std(0)
    labels = job.targets[CONFIG.lookback - 1 :]
    location, scale = float(labels.mean()), float(labels.std())

    def clipped(values: np.ndarray) -> np.ndarray:
        return np.clip(values, -CONFIG.clip, CONFIG.clip).astype(np.float32)

    rows, used = clipped((job.rows - mean) / unit), clipped((job.used - mean) / unit)
    return Scaled(rows, clipped((job.targets - location) / scale), used, location, scale)


def windows(rows: np.ndarray) -> np.ndarray:
    """Every window of `lookback` rows; (n, F) -> (n - L + 1, L, F)."""
    return np.lib.stride_tricks.sliding_window_view(rows, CONFIG.lookback, axis=0).transpose(0, 2, 1)


def walk_forward_jobs(inputs: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> list[FoldJob]:
    """The folds of CONFIG over feature rows (n, F), labels (n,) and perfect forecasts (n,)."""
    lookback, size, step, gap = CONFIG.lookback, CONFIG.train_size, CONFIG.refit_every, CONFIG.purge
    assert isinstance(size, int)
    assert isinstance(step, int)
    starts = range(size + gap, len(inputs) - step + 1, step)
    return [
        FoldJob(
            inputs[t - gap - size : t - gap],
            labels[t - gap - size : t - gap],
            inputs[t - lookback + 1 : t + step],
            truth[t : t + step],
        )
        for t in starts
    ]


def aapl() -> list[FoldJob]:
    """The folds on the bundled AAPL prices with default features; the perfect forecasts are the labels."""
    prices = load_prices(DataConfig())
    features = feature_set(CONFIG.features)
    first = schedule(CONFIG).warmup
    rows = features.rows(prices.times, prices.bars, first)
    labels = labels_of(prices.bars, CONFIG)[first:]
    return walk_forward_jobs(rows, labels, labels)


def planted(seed: int, folds: int = 8) -> list[FoldJob]:
    """A series with known conditional mean: a tanh of three recent inputs, half the variance; 7 unused inputs."""
    rng = np.random.default_rng(seed)
    bars = CONFIG.train_size + CONFIG.purge + folds * 21 + 1
    noise, other, mean = rng.normal(size=bars), rng.normal(size=bars), np.zeros(bars)
    value = np.zeros(bars)
    for t in range(bars):
        if t >= 3:
            mean[t] = 0.9 * np.tanh(1.2 * (value[t - 1] - value[t - 3] + other[t - 2]))
        value[t] = mean[t] + 0.7 * noise[t]
    rows = np.column_stack([value, other, rng.normal(size=(bars, 7))])  # (n, 9)
    ahead = np.append(value[1:], np.nan)
    return walk_forward_jobs(rows, ahead, np.append(mean[1:], np.nan))


def examples(job: FoldJob) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Scaled windows (examples, L, F), labels (examples,), windows to forecast; location, scale of the labels."""
    fold = scaled(job)
    x, ahead = (np.ascontiguousarray(windows(rows)) for rows in (fold.rows, fold.used))
    return x, fold.targets[CONFIG.lookback - 1 :], ahead, fold.location, fold.scale


def arithmetic(units: int) -> float:
    """GFlop of the matrix products that train one fold of CONFIG with `units`; nothing else is counted.

    One step of one sequence has three products: [h | 1 | x] times the weights of the gates, the gradient of these
    weights, and the gradient of the state.
    """
    features = len(CONFIG.features)
    assert isinstance(CONFIG.train_size, int)
    step = 2 * 4 * units * (2 * (units + 1 + features) + units)
    blocks = -(-(CONFIG.train_size - CONFIG.lookback + CONFIG.loss_steps) // CONFIG.loss_steps)
    return step * blocks * (CONFIG.lookback + CONFIG.loss_steps - 1) * CONFIG.epochs / 1e9
