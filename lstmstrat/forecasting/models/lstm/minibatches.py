"""Which sequences of a training set make up each minibatch.

Letters: n rows of a training set, L lookback, S loss steps, T = L + S - 1 bars of a sequence, J blocks of S loss
rows, B sequences of a minibatch, K minibatches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Bools, Ints, Singles
from lstmstrat.forecasting.models.lstm.layout import LANES, SEQUENCES, round_up
from lstmstrat.forecasting.models.lstm.model import LSTM


class Minibatches(NamedTuple):
    """The first row of each sequence, and which of the last S rows of the sequence have a loss."""

    starts: Ints  # (K, B), row numbers in arrays from `pad`
    weights: Singles  # (K, S, B), 1 or 0


def pad(rows: Singles, steps: int) -> Singles:
    """`rows` (n, ...) with rows of zeros around them, into which sequences of S = `steps` losses may reach."""
    return np.pad(rows, [(steps, 2 * steps), *[(0, 0)] * (rows.ndim - 1)])


class Blocks:
    """The positions of the sequences in a training set: blocks of S loss rows that tile the rows with labels.

    Each epoch shifts the tiling by a random phase, so a sample has a context of L to L + S - 1 bars. The sequences
    that fill up a minibatch to a multiple of `block` have no loss.
    """

    def __init__(self, usable: Bools, first: int, end: int, settings: LSTM):
        """`usable` (n,) marks the samples; those from `first` up to `end` belong here."""
        steps = settings.loss_steps
        inside = np.zeros(len(usable), dtype=bool)
        inside[first:end] = usable[first:end]
        self.span = settings.lookback + steps - 1  # T
        self._loss_sequences = -(-settings.batch_size // steps)  # sequences of a minibatch that have losses
        self.block = min(round_up(self._loss_sequences, LANES), SEQUENCES)  # sequences processed at a time
        self.sequences = round_up(self._loss_sequences, self.block)  # B
        self._weight = pad(inside.astype(np.float32), steps)
        self._first, self._steps = first, steps
        self._count = -(-(end - first + steps - 1) // steps)  # J, enough for every phase

    def epoch(self, rng: np.random.Generator) -> Minibatches:
        """Every block once, in random order."""
        return self._cut(rng.permutation(self._count), int(rng.integers(self._steps)))

    def in_order(self) -> Minibatches:
        """Every block once, in order and without a shift, for validation."""
        return self._cut(np.arange(self._count), 0)

    def none(self) -> Minibatches:
        """No minibatch."""
        return self._cut(np.arange(0), 0)

    def _cut(self, order: Ints, phase: int) -> Minibatches:
        count, steps = self._loss_sequences, self._steps
        batches = -(-len(order) // count)
        starts = np.zeros((batches, self.sequences), dtype=np.int64)
        weights = np.zeros((batches, steps, self.sequences), dtype=np.float32)
        blocks = np.pad(order, (0, batches * count - len(order))).reshape(batches, count)
        is_block = np.arange(batches * count).reshape(batches, 1, count) < len(order)
        losses = self._first - phase + steps * blocks  # (K, count), first loss row
        starts[:, :count] = losses + steps - (self.span - steps)
        weights[:, :, :count] = self._weight[losses[:, None, :] + np.arange(steps)[:, None] + steps] * is_block
        return Minibatches(np.maximum(starts, 0), weights)
