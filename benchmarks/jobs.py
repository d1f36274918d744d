"""The jobs that every contender is given: the same folds, feature rows and targets, as plain arrays.

Letters: n bars, F features, K folds, L lookback.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstmstrat.config import DataConfig, ForecastConfig
from lstmstrat.features import feature_set, targets
from lstmstrat.folds import schedule
from lstmstrat.prices import load

CONFIG = ForecastConfig(
    lookback=60, hidden_size=32, train_size=750, refit_every=21, epochs=20, batch_size=64, scaler="standard"
)


@dataclass(frozen=True)
class FoldJob:
    """One fold: learn from the slice, forecast the windows that end at the bars it is used for."""

    rows: np.ndarray  # (n, F) feature rows: the training slice, oldest first
    targets: np.ndarray  # (n,)
    used: np.ndarray  # (lookback - 1 + bars, F) rows of the bars it is used for, with the context of the first
    truth: np.ndarray  # (bars,) what a perfect forecast would say; NaN where nobody knows


@dataclass(frozen=True)
class Scaled:
    """A FoldJob in units of its slice, clipped, float32: what every network here is trained on."""

    rows: np.ndarray  # (n, F)
    targets: np.ndarray  # (n,)
    used: np.ndarray  # (lookback - 1 + bars, F)
    location: float  # forecast = location + scale * what the network says
    scale: float


def scaled(job: FoldJob) -> Scaled:
    """Rows by their mean and deviation in the slice, targets by those of the targets that end a window."""
    mean, unit = job.rows.mean(0), job.rows.std(0)
    labels = job.targets[CONFIG.lookback - 1 :]
    location, scale = float(labels.mean()), float(labels.std())

    def clipped(values: np.ndarray) -> np.ndarray:
        return np.clip(values, -CONFIG.clip, CONFIG.clip).astype(np.float32)

    rows, used = clipped((job.rows - mean) / unit), clipped((job.used - mean) / unit)
    return Scaled(rows, clipped((job.targets - location) / scale), used, location, scale)


def windows(rows: np.ndarray) -> np.ndarray:
    """Every run of `lookback` rows; (n, F) -> (n - L + 1, L, F)."""
    return np.lib.stride_tricks.sliding_window_view(rows, CONFIG.lookback, axis=0).transpose(0, 2, 1)


def walk_forward_jobs(inputs: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> list[FoldJob]:
    """The folds of CONFIG over feature rows (n, F), labels (n,) and the truth (n,)."""
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
    """The bundled AAPL prices, default features; the truth is what came."""
    prices = load(DataConfig())
    features = feature_set(CONFIG.features)
    first = schedule(CONFIG).warmup
    rows = features.rows(prices.times, prices.bars, first)
    labels = targets(prices.bars, CONFIG)[first:]
    return walk_forward_jobs(rows, labels, labels)


def planted(seed: int, folds: int = 8) -> list[FoldJob]:
    """A series of known conditional mean: a tanh of three recent inputs, half the variance; 7 idle inputs."""
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
    """Scaled windows (examples, L, F), labels (examples,), windows to forecast; centre and unit of the labels."""
    fold = scaled(job)
    x, ahead = (np.ascontiguousarray(windows(rows)) for rows in (fold.rows, fold.used))
    return x, fold.targets[CONFIG.lookback - 1 :], ahead, fold.location, fold.scale


def arithmetic() -> float:
    """GFlop of the matrix products that train one fold of CONFIG with its loss_steps, nothing else counted.

    A step of one sequence: [h | 1 | x] times the gates' weights, their gradient, and the state's gradient.
    """
    units, features = CONFIG.hidden_size, len(CONFIG.features)
    assert isinstance(CONFIG.train_size, int)
    step = 2 * 4 * units * (2 * (units + 1 + features) + units)
    blocks = -(-(CONFIG.train_size - CONFIG.lookback + CONFIG.loss_steps) // CONFIG.loss_steps)
    return step * blocks * (CONFIG.lookback + CONFIG.loss_steps - 1) * CONFIG.epochs / 1e9
