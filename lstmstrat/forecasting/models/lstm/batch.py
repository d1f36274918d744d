"""Networks in training: the part that does not depend on the engine.

Letters: G networks, n rows of a training set, L lookback, S loss steps, T = L + S - 1 bars of a sequence,
X columns of inputs, B sequences of a minibatch, H hidden units, E epochs, P numbers of a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from lstmstrat.arrays import Bools, Floats, Singles
from lstmstrat.forecasting.models.base import FitTask, Stop
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.minibatches import Blocks, pad
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.training_set import Scaler, TrainingSet

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam, the defaults of Kingma & Ba (2015)
HUBER_DELTA = 1.0  # in units of the scaled label; the error from which the loss `huber` is a straight line


class Prepared(NamedTuple):
    """A training set as the engines use it: scaled by its own statistics, and cut into blocks."""

    inputs: Scaler
    output: Scaler
    x: Singles  # (S + n + 2S, X), see Layout.with_bias
    y: Singles  # (S + n + 2S,)
    training: Blocks
    validation: Blocks


def prepare(training: TrainingSet, settings: LSTM) -> Prepared:
    """Scales a training set and cuts it into blocks."""
    inputs, output, x, y = training.scaled(settings.scaler, settings.clip)
    x = Layout.of(settings, x.shape[1]).with_bias(pad(x, settings.loss_steps))
    usable = training.usable
    end, held_out = training.split(settings.val_size)
    blocks = Blocks(usable, settings.lookback - 1, end, settings)
    held_out_blocks = Blocks(usable, held_out, len(usable), settings)
    return Prepared(inputs, output, x, pad(y, settings.loss_steps), blocks, held_out_blocks)


class Batch(ABC):
    """G networks in training, side by side; their training sets may differ in length."""

    size: ClassVar[int]  # the most networks of a batch

    def __init__(self, tasks: Sequence[FitTask], settings: LSTM, slices: Callable[[TrainingSet], Prepared]):
        """`slices` prepares a training set. Every random number of a network comes from the seed of its task."""
        self.settings = settings
        self.layout = Layout.of(settings, tasks[0].training.rows.shape[1])
        self.prepared = [slices(task.training) for task in tasks]
        blocks = self.prepared[0].training
        self._mask_shape = (settings.layers - 1, blocks.span, blocks.sequences, self.layout.hidden)
        self.no_masks = np.zeros((settings.layers - 1, 0, *self._mask_shape[2:]), dtype=np.float32)
        # The step of a sequence to which the gradient goes back.
        reach = blocks.span if settings.backprop_steps is None else settings.backprop_steps
        self.first_step = max(0, settings.lookback - 1 - reach)
        initial = [self.layout.initial(_generator(task, 0)) for task in tasks]
        self.first = np.stack([_first_weights(task, w) for task, w in zip(tasks, initial, strict=True)])  # (G, P)
        self.orders = [_generator(task, 1) for task in tasks]
        self._dropouts = [_generator(task, 2) for task in tasks] if settings.dropout else []

    def masks(self, g: int) -> Singles:
        """Masks of inverted dropout between layers for the next minibatch of network g, (layers - 1, T, B, H).

        (layers - 1, 0, B, H) without dropout.
        """
        rate = self.settings.dropout
        if not rate:
            return self.no_masks
        kept_units = self._dropouts[g].random(self._mask_shape, dtype=np.float32) >= rate
        return np.divide(kept_units, 1.0 - rate, dtype=np.float32)

    def validate(self, stop: Stop) -> Floats:
        """Mean loss on the validation part; (G,). Raises as `train` does."""
        samples = [max(s.validation.samples, 1) for s in self.prepared]
        mean: Floats = self._validation_losses(stop) / samples
        return mean

    @abstractmethod
    def weights(self) -> Singles:
        """A copy of the current weights of all networks; (G, P)."""

    @abstractmethod
    def train(self, active: Bools, epochs: int, stop: Stop) -> tuple[Floats, Bools]:
        """Trains the networks that are `active` (G,); mean loss of each epoch (G, E), all numbers finite (G,).

        Raises
        ------
        CancelledError
            `stop()`, which is called now and then, returned True.
        """

    @abstractmethod
    def _validation_losses(self, stop: Stop) -> Floats:
        """Sum of the losses on the validation part (G,); the networks are not changed."""


def _generator(task: FitTask, number: int) -> np.random.Generator:
    """The random numbers of a network for one purpose, of a child of its seed as `spawn` makes them."""
    return np.random.default_rng(np.random.SeedSequence(task.seed, spawn_key=(number,)))


def _first_weights(task: FitTask, initial: Singles) -> Singles:
    """The weights at the beginning of the training: those of a warm start, else the random `initial` ones."""
    return task.start.weights if isinstance(task.start, FittedLSTM) else initial
