"""Which sequences of a training set make up each minibatch.

Letters: n rows of a training set, L lookback, S loss steps, T = L + S - 1 bars of a sequence, J blocks of S loss
rows, E epochs, K minibatches of an epoch, B sequences of a minibatch.
"""

from __future__ import annotations

import numpy as np

from lstmstrat.arrays import Bools, Ints, Singles
from lstmstrat.forecasting.models.lstm.layout import LANES, SEQUENCES, round_up
from lstmstrat.forecasting.models.lstm.model import LSTM


def pad(rows: Singles, steps: int) -> Singles:
    """`rows` (n, ...) with rows of zeros around them, into which sequences of S = `steps` losses may reach."""
    padded = np.zeros((len(rows) + 3 * steps, *rows.shape[1:]), dtype=rows.dtype)
    padded[steps : steps + len(rows)] = rows
    return padded


class Blocks:
    """The positions of the sequences in a training set: blocks of S loss rows that tile the rows with labels.

    Each epoch shifts the tiling by a random phase, so a sample has a context of L to L + S - 1 bars. A sequence is
    the number of its first row in arrays from `pad`. The sequences that fill up a minibatch to a multiple of
    `block` begin at 0, where no label counts.
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
        self.samples = int(inside.sum())  # of an epoch
        self.weight = pad(inside.astype(np.float32), steps)  # 1 for a label that counts, else 0
        self._first, self._steps = first, steps
        self._count = -(-(end - first + steps - 1) // steps)  # J, enough for every phase
        self.minibatches = -(-self._count // self._loss_sequences)  # K

    def epochs(self, rng: np.random.Generator, count: int) -> Ints:
        """The first rows of the sequences of `count` epochs, each with every block in random order; (E K, B)."""
        orders, phases = np.empty((count, self._count), dtype=np.int64), np.empty(count, dtype=np.int64)
        for e in range(count):
            orders[e], phases[e] = rng.permutation(self._count), rng.integers(self._steps)
        return self._cut(orders, phases)

    def in_order(self) -> Ints:
        """Every block once, in order and without a shift, for validation; (K, B)."""
        return self._cut(np.arange(self._count)[None], np.zeros(1, dtype=np.int64))

    def _cut(self, orders: Ints, phases: Ints) -> Ints:
        """Sequences of the blocks `orders` (E, J), shifted by `phases` (E,); (E K, B)."""
        epochs, count, wide = len(orders), self.minibatches, self._loss_sequences
        first_loss = self._first - phases[:, None] + self._steps * orders  # (E, J)
        begin = np.zeros((epochs, count * wide), dtype=np.int64)
        begin[:, : self._count] = np.maximum(first_loss + 2 * self._steps - self.span, 0)
        starts = np.zeros((epochs * count, self.sequences), dtype=np.int64)
        starts[:, :wide] = begin.reshape(-1, wide)
        return starts
