"""Networks in training: the part that does not depend on the engine.

Letters: G networks, n rows of a training set, B sequences of a minibatch, L lookback, S loss steps, T = L + S - 1
bars of a sequence, F features, H hidden units, K minibatches of an epoch, P numbers of a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Bools, Floats, Singles
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.minibatches import Blocks, Minibatches, pad
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.training_set import Scaler, TrainingSet

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam, the defaults of Kingma & Ba (2015)
HUBER_DELTA = 1.0  # in units of the scaled label; the error from which the loss `huber` is a straight line


class Prepared(NamedTuple):
    """A training set as the engines use it: scaled by its own statistics, and cut into blocks."""

    inputs: Scaler
    output: Scaler
    x: Singles  # (S + n + 2S, F)
    y: Singles  # (S + n + 2S,)
    training: Blocks
    validation: Blocks


def prepare(training: TrainingSet, settings: LSTM) -> Prepared:
    """Scales a training set and cuts it into blocks."""
    inputs, output, x, y = training.scaled(settings.scaler, settings.clip)
    x, y = pad(x, settings.loss_steps), pad(y, settings.loss_steps)
    usable = training.usable
    end, held_out = training.split(settings.val_size)
    blocks = Blocks(usable, settings.lookback - 1, end, settings)
    return Prepared(inputs, output, x, y, blocks, Blocks(usable, held_out, len(usable), settings))


class Batch(ABC):
    """G networks in training, side by side; their training sets may differ in length."""

    def __init__(self, tasks: Sequence[FitTask], settings: LSTM):
        """Every random number of a network comes from the seed of its task."""
        self.settings = settings
        self.layout = Layout.of(settings, tasks[0].training.rows.shape[1])
        self.prepared = [prepare(task.training, settings) for task in tasks]
        blocks = self.prepared[0].training
        self.no_masks = np.zeros((0, blocks.span, blocks.sequences, self.layout.hidden), dtype=np.float32)
        seeds = [np.random.SeedSequence(task.seed).spawn(3) for task in tasks]
        initial = [self.layout.initial(np.random.default_rng(s[0])) for s in seeds]
        self.first = np.stack([_first_weights(task, w) for task, w in zip(tasks, initial, strict=True)])  # (G, P)
        self._orders = [np.random.default_rng(s[1]) for s in seeds]
        self._dropouts = [np.random.default_rng(s[2]) for s in seeds]

    def epoch(self, active: Bools) -> tuple[Floats, Bools]:
        """Trains the networks that are `active` (G,) for one epoch; mean loss (G,), all numbers finite (G,)."""
        minibatches = [
            s.training.epoch(rng) if on else s.training.none()
            for s, rng, on in zip(self.prepared, self._orders, active, strict=True)
        ]
        total, finite = self._train(minibatches)
        return _mean_losses(total, minibatches), finite

    def validate(self) -> Floats:
        """Mean loss on the validation part; (G,)."""
        held_out = [s.validation.in_order() for s in self.prepared]
        return _mean_losses(self._losses(held_out), held_out)

    def masks(self, g: int) -> Singles:
        """Masks of inverted dropout between layers for the next minibatch of network g, (layers - 1, T, B, H).

        (0, T, B, H) without dropout.
        """
        rate = self.settings.dropout
        if not rate:
            return self.no_masks
        shape = (self.layout.layers - 1, *self.no_masks.shape[1:])
        kept_units = self._dropouts[g].random(shape, dtype=np.float32) >= rate
        return np.divide(kept_units, 1.0 - rate, dtype=np.float32)

    @abstractmethod
    def weights(self) -> Singles:
        """A copy of the current weights of all networks; (G, P)."""

    @abstractmethod
    def _train(self, minibatches: Sequence[Minibatches]) -> tuple[Floats, Bools]:
        """One update per minibatch of each network; sum of the losses (G,), all numbers finite (G,)."""

    @abstractmethod
    def _losses(self, minibatches: Sequence[Minibatches]) -> Floats:
        """Sum of the losses (G,); the networks are not changed."""


def _first_weights(task: FitTask, initial: Singles) -> Singles:
    """The weights at the beginning of the training: those of a warm start, else the random `initial` ones."""
    return task.start.weights if isinstance(task.start, FittedLSTM) else initial


def _mean_losses(total: Floats, minibatches: Sequence[Minibatches]) -> Floats:
    mean: Floats = total / np.maximum([m.weights.sum() for m in minibatches], 1.0)
    return mean
