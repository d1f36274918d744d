"""The engine for a CPU: trains networks one after the other with the compiled kernels, without torch.

Several threads may each train networks of their own (trainer.py); this file does not depend on that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmstrat.arrays import Bools, Floats, Singles
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.lstm import kernels
from lstmstrat.forecasting.models.lstm.batch import Batch
from lstmstrat.forecasting.models.lstm.layout import LANES, SEQUENCES, Layout, round_up
from lstmstrat.forecasting.models.lstm.minibatches import Minibatches
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM


class CpuBatch(Batch):
    """Trains its networks in turn, with one set of buffers for all."""

    def __init__(self, tasks: Sequence[FitTask], settings: LSTM):
        """Allocates the arrays that all minibatches reuse."""
        super().__init__(tasks, settings)
        blocks = self.prepared[0].training
        self._buffers = kernels.new_buffers(self.layout, blocks.span, settings.loss_steps, blocks.block)
        self._theta = self.first.copy()
        self._gradient = np.zeros_like(self._theta[0])
        self._adam = [kernels.adam(self.layout, settings) for _ in tasks]
        self._huber = settings.loss == "huber"

    def weights(self) -> Singles:
        """A copy of the current weights of all networks; (G, P)."""
        return self._theta.copy()

    def _train(self, minibatches: Sequence[Minibatches]) -> tuple[Floats, Bools]:
        results = [self._train_one(g, m) for g, m in enumerate(minibatches)]
        return np.array([total for total, _ in results]), np.array([finite for _, finite in results])

    def _train_one(self, g: int, minibatches: Minibatches) -> tuple[float, bool]:
        """Trains network g in one call; with dropout in one call per minibatch, as each draws its own masks."""
        s, step = self.prepared[g], 1 if self.settings.dropout else max(1, len(minibatches.starts))
        total, finite = 0.0, True
        for k in range(0, len(minibatches.starts), step):
            starts, weights = minibatches.starts[k : k + step], minibatches.weights[k : k + step]
            state = (self._theta[g], self._gradient, self._adam[g])
            rest = (self.masks(g), self._buffers, self._huber)
            loss, loss_finite = kernels.train(*state, s.x, s.y, starts, weights, *rest)
            total, finite = total + loss, finite and loss_finite
        return total, finite

    def _losses(self, minibatches: Sequence[Minibatches]) -> Floats:
        return np.array([self._loss(g, m) for g, m in enumerate(minibatches)])

    def _loss(self, g: int, minibatches: Minibatches) -> float:
        s = self.prepared[g]
        starts, weights = minibatches
        rest = (self.no_masks, self._buffers, self._huber)
        return kernels.measure(self._theta[g], s.x, s.y, starts, weights, *rest)


def predict(fitted: FittedLSTM, rows: Floats) -> Floats:
    """Forecasts from `rows` (L - 1 + n, F) of features, one for each window; log returns, (n,).

    A forecast has the same bits whatever other windows are given.
    """
    lookback = fitted.settings.lookback
    count = len(rows) - lookback + 1  # n
    layout = Layout.of(fitted.settings, rows.shape[1])
    windows = min(round_up(count, LANES), SEQUENCES)
    buffers = kernels.new_buffers(layout, lookback, 1, windows)
    masks = np.zeros((0, lookback, windows, layout.hidden), dtype=np.float32)
    network = layout.split(fitted.weights.copy())  # a copy, because numba compiles again for a read-only array
    x = fitted.inputs.apply(rows, fitted.settings.clip)
    forecasts = np.empty(count)
    for first in range(0, count, windows):
        last = min(first + windows, count)
        starts = np.minimum(np.arange(first, first + windows), count - 1)
        kernels.outputs(*network, x, starts, masks, buffers)
        forecasts[first:last] = buffers.guess[0, : last - first]
    unscaled: Floats = fitted.output.location[0] + fitted.output.scale[0] * forecasts
    return unscaled
