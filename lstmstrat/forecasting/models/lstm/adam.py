"""The compiled kernel of the optimiser.

Letters: P numbers of a network.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Ints, Singles
from lstmstrat.forecasting.models.lstm.batch import BETA1, BETA2, EPSILON
from lstmstrat.forecasting.models.lstm.compiler import jit
from lstmstrat.forecasting.models.lstm.layout import UNITS, Layout
from lstmstrat.forecasting.models.lstm.model import LSTM
from lstmstrat.forecasting.models.lstm.vectors import load, sqrt, store


class AdamState(NamedTuple):
    """State and settings of the optimiser."""

    mean: Singles  # (P,)
    square: Singles  # (P,)
    steps: Ints  # (1,), updates so far
    rate: float
    decay: float
    clip: float


def adam(layout: Layout, settings: LSTM) -> AdamState:
    """The state before the first update."""
    mean, square = np.zeros((2, layout.size), dtype=np.float32)
    steps = np.zeros(1, dtype=np.int64)
    return AdamState(mean, square, steps, settings.learning_rate, settings.weight_decay, settings.gradient_clip)


@jit
def update(theta: Singles, slope: Singles, adam: AdamState) -> float:
    """One step of Adam with decoupled weight decay (Loshchilov & Hutter 2019); returns the norm of the gradient.

    theta and its gradient `slope` (P,); the gradient is first clipped to the norm `adam.clip`.
    """
    parts = np.zeros(UNITS, dtype=np.float64)  # independent sums, so that no addition waits for another
    for p in range(0, slope.size, UNITS):
        for j in range(UNITS):
            parts[j] += slope[p + j] * slope[p + j]
    norm: float = np.sqrt(parts.sum())
    shrink = np.float32(min(1.0, adam.clip / (norm + 1e-6)))
    adam.steps[0] += 1
    unbias = np.float32(1.0 / np.sqrt(1.0 - BETA2 ** adam.steps[0]))
    rate = np.float32(adam.rate / (1.0 - BETA1 ** adam.steps[0]))
    decay = np.float32(1.0 - adam.rate * adam.decay)
    for p in range(0, theta.size, UNITS):
        d, mean, square = load(slope, p) * shrink, load(adam.mean, p), load(adam.square, p)
        mean = mean + (d - mean) * np.float32(1.0 - BETA1)
        square = square + (d * d - square) * np.float32(1.0 - BETA2)
        store(mean, adam.mean, p)
        store(square, adam.square, p)
        step = mean / (sqrt(square) * unbias + np.float32(EPSILON)) * rate
        store(load(theta, p) * decay - step, theta, p)
    return norm
