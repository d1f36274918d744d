"""Which sequences of a slice make up each minibatch.

Letters: n rows of a slice, L lookback, S loss steps, T = L + S - 1 bars of a sequence, J blocks of S loss rows,
B sequences of a minibatch, K minibatches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.layout import LANES, SEQUENCES, Ints, Single, up

Bools = npt.NDArray[np.bool_]


class Minibatches(NamedTuple):
    """Sequences by their first row, and which of their last S rows carry a loss."""

    starts: Ints  # (K, B), rows of `padded` arrays
    weights: Single  # (K, S, B), 1 or 0


def padded(rows: Single, steps: int) -> Single:
    """`rows` (n, ...) with the rows of zeros around them that sequences of S = `steps` losses may reach into."""
    return np.pad(rows, [(steps, 2 * steps), *[(0, 0)] * (rows.ndim - 1)])


class Blocks:
    """Where the sequences of one slice lie: blocks of S loss rows that tile the rows with labels.

    Each epoch shifts the tiling by a random phase, so a sample is met after L to L + S - 1 bars of context. The
    sequences of a minibatch that fill it up to a multiple of `block` carry no loss.
    """

    def __init__(self, usable: Bools, first: int, end: int, config: ForecastConfig):
        """`usable` (n,) marks the samples; those from `first` up to `end` belong here."""
        steps = config.loss_steps
        inside = np.zeros(len(usable), dtype=bool)
        inside[first:end] = usable[first:end]
        self.span = config.lookback + steps - 1  # T
        self._own = -(-config.batch_size // steps)  # sequences of a minibatch that carry losses
        self.block = min(up(self._own, LANES), SEQUENCES)  # sequences worked at a time
        self.sequences = up(self._own, self.block)  # B
        self._weight = padded(inside.astype(np.float32), steps)
        self._first, self._steps = first, steps
        self._count = -(-(end - first + steps - 1) // steps)  # J, enough for every phase

    def epoch(self, rng: np.random.Generator) -> Minibatches:
        """Every block once, in random order."""
        return self._cut(rng.permutation(self._count), int(rng.integers(self._steps)))

    def in_order(self) -> Minibatches:
        """The same without chance, for validation."""
        return self._cut(np.arange(self._count), 0)

    def none(self) -> Minibatches:
        """Nothing to do."""
        return self._cut(np.arange(0), 0)

    def _cut(self, order: Ints, phase: int) -> Minibatches:
        own, steps = self._own, self._steps
        batches = -(-len(order) // own)
        starts = np.zeros((batches, self.sequences), dtype=np.int64)
        weights = np.zeros((batches, steps, self.sequences), dtype=np.float32)
        filled = np.pad(order, (0, batches * own - len(order))).reshape(batches, own)
        real = np.arange(batches * own).reshape(batches, 1, own) < len(order)
        losses = self._first - phase + steps * filled  # (K, own), first loss row
        starts[:, :own] = losses + steps - (self.span - steps)
        weights[:, :, :own] = self._weight[losses[:, None, :] + np.arange(steps)[:, None] + steps] * real
        return Minibatches(np.maximum(starts, 0), weights)
