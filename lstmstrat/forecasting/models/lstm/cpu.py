"""The engine for a CPU: trains networks one after the other with the compiled kernels, without torch.

Several threads may each train networks of their own (trainer.py); this file does not depend on that.

Letters: M members, n windows, L lookback, F features; others as in batch.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lstmstrat.arrays import Bools, Floats, Ints, Singles
from lstmstrat.forecasting.models.base import FitTask, Stop, ask
from lstmstrat.forecasting.models.lstm import kernels
from lstmstrat.forecasting.models.lstm.adam import adam, update
from lstmstrat.forecasting.models.lstm.batch import Batch, Prepared
from lstmstrat.forecasting.models.lstm.layout import LANES, SEQUENCES, Layout, round_up
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.training_set import TrainingSet

CALL = 2e9
"""Floating point operations of one call of a kernel: some hundredths of a second, so that Ctrl-C is heard soon."""


class CpuBatch(Batch):
    """Trains its networks in turn, with one set of buffers for all."""

    size = 1

    def __init__(self, tasks: Sequence[FitTask], settings: LSTM, slices: Callable[[TrainingSet], Prepared]):
        """Allocates the arrays that all minibatches reuse."""
        super().__init__(tasks, settings, slices)
        blocks = self.prepared[0].training
        self._buffers = kernels.new_buffers(self.layout, blocks.span, settings.loss_steps, blocks.block)
        self._theta = self.first.copy()
        self._gradient = np.zeros_like(self._theta[0])
        self._adam = [adam(self.layout, settings) for _ in tasks]
        self._huber = settings.loss == "huber"
        of_block = self.layout.operations * blocks.span * blocks.block
        self._a_call = max(1, int(CALL / of_block)) * blocks.block  # sequences of a call

    def weights(self) -> Singles:
        """A copy of the current weights of all networks; (G, P)."""
        return self._theta.copy()

    def train(self, active: Bools, epochs: int, stop: Stop) -> tuple[Floats, Bools]:
        """One network after the other, each for all `epochs`."""
        mean = np.full((len(active), epochs), np.nan)
        for g in np.flatnonzero(active).tolist():
            mean[g] = self._train_one(g, epochs, stop)
        return mean, np.isfinite(mean).all(axis=1)

    def _train_one(self, g: int, epochs: int, stop: Stop) -> Floats:
        """Mean loss of each epoch of network g; (E,)."""
        blocks = self.prepared[g].training
        drawn_at_once = max(1, self._a_call // (blocks.minibatches * blocks.sequences))  # epochs
        losses = np.empty((epochs, blocks.minibatches))
        for first in range(0, epochs, drawn_at_once):
            part = losses[first : first + drawn_at_once]
            self._train_on(g, blocks.epochs(self.orders[g], len(part)), part.reshape(-1), stop)
        mean: Floats = losses.sum(axis=1) / max(blocks.samples, 1)
        return mean

    def _train_on(self, g: int, starts: Ints, losses: Floats, stop: Stop) -> None:
        """Trains network g on minibatches (K, B), as many in a call as it may take, and writes their losses (K,).

        With dropout each minibatch is a call of its own, for it draws its own masks.
        """
        if starts.shape[1] > self._a_call:
            losses[:] = [self._train_in_pieces(g, sequences, stop) for sequences in starts]
            return
        step = 1 if self.settings.dropout else self._a_call // starts.shape[1]
        state = self._theta[g], self._gradient, self.layout.width, self._adam[g], self._data(g)
        for k in range(0, len(starts), step):
            ask(stop)
            rest = self.masks(g), self._buffers, self._huber, self.first_step
            kernels.train(*state, starts[k : k + step], *rest, losses[k : k + step])

    def _train_in_pieces(self, g: int, starts: Ints, stop: Stop) -> float:
        """Trains network g on one minibatch (B,) in several calls, as `kernels.train` does in one; its loss."""
        theta, slope, data, masks = self._theta[g], self._gradient, self._data(g), self.masks(g)
        share, loss = kernels.share(data.weight, starts, self._buffers, self._huber), 0.0
        slope.fill(0.0)
        for b in range(0, len(starts), self._a_call):
            ask(stop)
            piece = slice(b, b + self._a_call)
            loss = kernels.add_gradient(
                theta,
                slope,
                self.layout.width,
                data,
                starts[piece],
                masks[:, :, piece],
                self._buffers,
                self._huber,
                self.first_step,
                share,
                loss,
            )
        norm = update(theta, slope, self._adam[g])
        return loss if np.isfinite(norm) else norm

    def _data(self, g: int) -> kernels.Data:
        s = self.prepared[g]
        return kernels.Data(s.x, s.y, s.training.weight)

    def _validation_losses(self, stop: Stop) -> Floats:
        return np.array([self._validation_loss(g, stop) for g in range(len(self.prepared))])

    def _validation_loss(self, g: int, stop: Stop) -> float:
        s, loss = self.prepared[g], 0.0
        network = self._theta[g], self.layout.width, kernels.Data(s.x, s.y, s.validation.weight)
        starts = s.validation.in_order().reshape(-1)
        for b in range(0, len(starts), self._a_call):
            ask(stop)
            piece = starts[b : b + self._a_call]
            masks = self.no_masks[:, :, : len(piece)]
            loss = kernels.measure(*network, piece, masks, self._buffers, self._huber, loss)
        return loss


def predict(members: Sequence[FittedLSTM], rows: Floats) -> Floats:
    """Forecasts from `rows` (L - 1 + n, F) of features, one of each member for each window; log returns, (M, n).

    The members have the same settings and the same scaling of the inputs, as those of a fold have. A forecast has
    the same bits whatever other windows and members there are.
    """
    first = members[0]
    lookback = first.settings.lookback
    count = len(rows) - lookback + 1  # n
    layout = Layout.of(first.settings, rows.shape[1])
    blocks = -(-count // SEQUENCES)
    at_a_time = round_up(-(-count // blocks), LANES)
    buffers = kernels.new_buffers(layout, lookback, 1, at_a_time)
    matrices, dense = layout.split(np.stack([member.weights for member in members]))
    x = layout.with_bias(first.inputs.apply(rows, first.settings.clip))
    starts = np.minimum(np.arange(blocks * at_a_time), count - 1)
    forecasts = np.empty((len(members), len(starts)), dtype=np.float32)
    kernels.forecasts(np.ascontiguousarray(matrices), np.ascontiguousarray(dense), x, starts, buffers, forecasts)
    location, scale = (np.stack(parts) for parts in zip(*(vars(m.output).values() for m in members), strict=True))
    unscaled: Floats = location + scale * forecasts[:, :count]  # (M, 1) + (M, 1) * (M, n)
    return unscaled
