"""Networks in training: everything that does not depend on the engine.

Letters: G slices, n rows of a slice, B sequences of a minibatch, L lookback, S loss steps, T = L + S - 1 bars of a
sequence, F features, H hidden units, K minibatches of an epoch, P numbers of a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.layout import Layout
from lstmstrat.lstm.minibatches import Blocks, Bools, Minibatches, padded
from lstmstrat.lstm.values import Array, Scaler, Single, TrainingSlice, parts, samples, scaled

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam (Kingma & Ba 2015), their defaults


class Slice(NamedTuple):
    """One slice as the engine sees it: scaled by its own statistics, and cut into blocks."""

    inputs: Scaler
    output: Scaler
    x: Single  # (S + n + 2S, F)
    y: Single  # (S + n + 2S,)
    training: Blocks
    validation: Blocks


def prepared(s: TrainingSlice, config: ForecastConfig) -> Slice:
    """Scales a slice and finds its samples."""
    inputs, output, x, y = scaled(s, config)
    x, y = padded(x, config.loss_steps), padded(y, config.loss_steps)
    usable = samples(s.rows, s.targets, config.lookback)
    end, held_out = parts(len(s.rows), s.purge, config.val_size)
    training = Blocks(usable, config.lookback - 1, end, config)
    return Slice(inputs, output, x, y, training, Blocks(usable, held_out, len(usable), config))


class Batch(ABC):
    """G networks in training, side by side; slices of unequal length may mix."""

    def __init__(self, slices: Sequence[TrainingSlice], config: ForecastConfig):
        """Everything random about a network comes from the seed of its slice."""
        self.config = config
        self.layout = Layout.of(config, slices[0].rows.shape[1])
        self.slices = [prepared(s, config) for s in slices]
        blocks = self.slices[0].training
        self.no_masks = np.zeros((0, blocks.span, blocks.sequences, self.layout.hidden), dtype=np.float32)
        seeds = [np.random.SeedSequence(s.seed).spawn(3) for s in slices]
        drawn = [self.layout.initial(np.random.default_rng(s[0])) for s in seeds]
        first = [own if s.start is None else s.start for s, own in zip(slices, drawn, strict=True)]
        self.first = np.stack(first)  # (G, P)
        self._orders = [np.random.default_rng(s[1]) for s in seeds]
        self._dropouts = [np.random.default_rng(s[2]) for s in seeds]

    def epoch(self, active: Bools) -> tuple[Array, Bools]:
        """Trains the networks where `active` (G,) once over their samples; mean loss (G,), all finite (G,)."""
        drawn = [
            s.training.epoch(rng) if on else s.training.none()
            for s, rng, on in zip(self.slices, self._orders, active, strict=True)
        ]
        total, finite = self._train(drawn)
        return _mean(total, drawn), finite

    def validate(self) -> Array:
        """Mean loss on the held-out tail; (G,)."""
        held_out = [s.validation.in_order() for s in self.slices]
        return _mean(self._losses(held_out), held_out)

    def masks(self, g: int) -> Single:
        """Inverted dropout between two layers for the next minibatch of network g, (layers - 1, T, B, H).

        (0, T, B, H) without dropout.
        """
        rate = self.config.dropout
        if not rate:
            return self.no_masks
        shape = (self.layout.layers - 1, *self.no_masks.shape[1:])
        kept = self._dropouts[g].random(shape, dtype=np.float32) >= rate
        return np.divide(kept, 1.0 - rate, dtype=np.float32)

    @abstractmethod
    def weights(self) -> Single:
        """A copy of all networks as they are; (G, P)."""

    @abstractmethod
    def _train(self, minibatches: Sequence[Minibatches]) -> tuple[Array, Bools]:
        """One update a minibatch for each network; sum of squared errors (G,), everything was finite (G,)."""

    @abstractmethod
    def _losses(self, minibatches: Sequence[Minibatches]) -> Array:
        """Sum of squared errors (G,); nothing is changed."""


def _mean(total: Array, minibatches: Sequence[Minibatches]) -> Array:
    mean: Array = total / np.maximum([m.weights.sum() for m in minibatches], 1.0)
    return mean
