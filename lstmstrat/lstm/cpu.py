"""The engine on a processor: networks one after the other, each by the compiled kernels, no torch.

Threads share out the networks (trainer.py); nothing here knows of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm import kernels
from lstmstrat.lstm.batch import Batch
from lstmstrat.lstm.layout import LANES, SEQUENCES, Layout, up
from lstmstrat.lstm.minibatches import Bools, Minibatches
from lstmstrat.lstm.values import Array, Fitted, Single, TrainingSlice


class CpuBatch(Batch):
    """Trains its networks in turn; they share the buffers of one."""

    def __init__(self, slices: Sequence[TrainingSlice], config: ForecastConfig):
        """Allocates what all minibatches use again."""
        super().__init__(slices, config)
        blocks = self.slices[0].training
        self._buffers = kernels.buffers(self.layout, blocks.span, config.loss_steps, blocks.block)
        self._theta = self.first.copy()
        self._gradient = np.zeros_like(self._theta[0])
        self._adam = [kernels.adam(self.layout, config) for _ in slices]

    def weights(self) -> Single:
        """A copy of all networks as they are; (G, P)."""
        return self._theta.copy()

    def _train(self, minibatches: Sequence[Minibatches]) -> tuple[Array, Bools]:
        found = [self._train_one(g, plan) for g, plan in enumerate(minibatches)]
        return np.array([total for total, _ in found]), np.array([finite for _, finite in found])

    def _train_one(self, g: int, plan: Minibatches) -> tuple[float, bool]:
        """Minibatches run in one call, or one by one when each draws its own dropout."""
        s, step = self.slices[g], 1 if self.config.dropout else max(1, len(plan.starts))
        total, finite = 0.0, True
        for k in range(0, len(plan.starts), step):
            starts, weights = plan.starts[k : k + step], plan.weights[k : k + step]
            state = (self._theta[g], self._gradient, self._adam[g])
            loss, sound = kernels.train(*state, s.x, s.y, starts, weights, self.masks(g), self._buffers)
            total, finite = total + loss, finite and sound
        return total, finite

    def _losses(self, minibatches: Sequence[Minibatches]) -> Array:
        return np.array([self._loss(g, plan) for g, plan in enumerate(minibatches)])

    def _loss(self, g: int, plan: Minibatches) -> float:
        s = self.slices[g]
        return kernels.measure(self._theta[g], s.x, s.y, *plan, self.no_masks, self._buffers)


def predict(members: Sequence[Fitted], rows: Array, config: ForecastConfig) -> Array:
    """Forecasts of every member from `rows` (L - 1 + n, F) of features, one for each window; log returns, (M, n).

    A forecast has the same bits whatever stands beside it.
    """
    count = len(rows) - config.lookback + 1  # n
    layout = Layout.of(config, rows.shape[1])
    windows = min(up(count, LANES), SEQUENCES)
    made = kernels.buffers(layout, config.lookback, 1, windows)
    masks = np.zeros((0, config.lookback, windows, layout.hidden), dtype=np.float32)
    forecasts = np.empty((len(members), count))
    for m, member in enumerate(members):
        network = layout.split(member.weights.copy())  # numba would compile anew for an array it may not write to
        x = member.inputs.apply(rows, config.clip)
        for first in range(0, count, windows):
            last = min(first + windows, count)
            starts = np.minimum(np.arange(first, first + windows), count - 1)
            kernels.outputs(*network, x, starts, masks, made)
            forecasts[m, first:last] = made.guess[0, : last - first]
        forecasts[m] = member.output.location[0] + member.output.scale[0] * forecasts[m]
    return forecasts
