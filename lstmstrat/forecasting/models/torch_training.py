"""Trains a network of the user's in torch, and makes forecasts with it.

Letters: n windows, L lookback, F features, B windows of a minibatch.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from lstmstrat.arrays import Floats, Ints
from lstmstrat.forecasting.models.base import Stop
from lstmstrat.forecasting.models.course import Course
from lstmstrat.forecasting.models.engines import RETRY
from lstmstrat.forecasting.models.torch_model import FittedTorch, TorchModel
from lstmstrat.forecasting.models.torch_network import Network, check_repeatable, new_network
from lstmstrat.forecasting.models.torch_process import torch_alone
from lstmstrat.forecasting.training_set import ScaledTrainingSet, TrainingSet


class _Samples(NamedTuple):
    """Scaled rows and labels on the device, and the samples of both parts; a window is cut out when needed."""

    x: Tensor  # (rows, F)
    y: Tensor  # (rows,)
    steps: Tensor  # (L,), 1 - L to 0
    training: Ints  # the last row of each sample to learn from
    validation: Ints  # and of each that is held out

    @classmethod
    def of(cls, model: TorchModel, training: TrainingSet, data: ScaledTrainingSet) -> _Samples:
        ends, (end, held_out) = np.flatnonzero(training.usable), training.split(model.val_size)
        x, y = (torch.from_numpy(array.copy()).to(model.device) for array in (data.x, data.y))
        steps = torch.arange(1 - model.lookback, 1, device=model.device)
        return cls(x, y, steps, ends[ends < end], ends[ends >= held_out])

    def at(self, ends: Ints) -> tuple[Tensor, Tensor]:
        """The windows (B, L, F) that end with the rows `ends` (B,), and their labels (B,)."""
        last = torch.from_numpy(ends).to(self.x.device)
        return self.x[last[:, None] + self.steps], self.y[last]


class _AdamW:
    """`torch.optim.AdamW` to the last bit, without its class, which loads torch's compiler in seconds."""

    def __init__(self, weights: Sequence[Tensor], learning_rate: float, weight_decay: float) -> None:
        self._learning_rate, self._weight_decay = learning_rate, weight_decay
        self._state = [
            (w, torch.zeros_like(w), torch.zeros_like(w), torch.tensor(0.0, device="cpu")) for w in weights
        ]

    def zero_grad(self) -> None:
        for weight, *_ in self._state:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves what has a gradient."""
        moved = [(weight, weight.grad, *rest) for weight, *rest in self._state if weight.grad is not None]
        weights, gradients, first, second, steps = ([one[k] for one in moved] for k in range(5))
        adamw(
            *(weights, gradients, first, second, [], steps),
            has_complex=any(torch.is_complex(weight) for weight in weights),
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._learning_rate,
            weight_decay=self._weight_decay,
            eps=1e-8,
            maximize=False,
        )


def fit(
    model: TorchModel, training: TrainingSet, seed: int, start: FittedTorch | None, stop: Stop
) -> FittedTorch | None:
    """A trained network; None without a sample, or if the training failed twice.

    A network whose loss, gradient or weights are not finite is trained once more, from a seed derived from its own
    and without a warm start.

    Raises
    ------
    CancelledError
        `stop()`, which is called before every minibatch, returned True.
    ConfigError
        The network or its loss cannot be used.
    """
    for attempt, begin in ((seed, start), (seed ^ RETRY, None)):
        with torch_alone(model.device, attempt), torch.inference_mode(False), torch.enable_grad():
            fitted = _fit_once(model, training, attempt, begin, stop)
        if fitted is not None:
            return fitted
    return None


def _fit_once(
    model: TorchModel, training: TrainingSet, seed: int, start: FittedTorch | None, stop: Stop
) -> FittedTorch | None:
    if not training.usable.any():
        return None
    data = training.scaled(model.scaler, model.clip)
    samples = _Samples.of(model, training, data)
    if not len(samples.training) or (model.val_size and not len(samples.validation)):
        return None
    if stop():
        raise CancelledError
    example, _ = samples.at(samples.training[:2])
    network = new_network(model, example[:1], seed)
    if start is not None:
        network.load(start.weights)
    course = _train(model, network, samples, np.random.default_rng(seed), stop)
    if not course.sound or course.weights is None:
        return None
    losses = np.array(course.train), np.array(course.valid)
    fitted = FittedTorch(data.inputs, *losses, model, course.weights, seed, data.output)
    network.load(fitted.weights)
    network.module.eval()
    with torch_alone(model.device, seed):
        check_repeatable(network, _network(fitted, example[:1]), [example[k : k + 1] for k in range(len(example))])
    return fitted


def _train(
    model: TorchModel, network: Network, samples: _Samples, order: np.random.Generator, stop: Stop
) -> Course[bytes]:
    """The course of a training."""
    adam = _AdamW(network.weights, model.learning_rate, model.weight_decay)
    course = Course[bytes](model.patience)
    for _ in range(model.epochs):
        if not course.running:
            break
        minibatches = _minibatches(order.permutation(samples.training), model.batch_size)
        train, finite = _epoch(model, network, adam, samples, minibatches, stop)
        valid = _mean_loss(model, network, samples) if model.val_size else None
        course.record(train, valid, finite, network.state())
    return course


def _minibatches(ends: Ints, size: int) -> Sequence[Ints]:
    """As few parts of at most `size` as there can be, of about one length: batch norm fails on a part of one."""
    return np.array_split(ends, -(-len(ends) // size))


def _epoch(
    model: TorchModel,
    network: Network,
    adam: _AdamW,
    samples: _Samples,
    minibatches: Sequence[Ints],
    stop: Stop,
) -> tuple[float, bool]:
    """Trains on every sample once; mean loss, and whether all numbers were finite."""
    network.module.train()
    weights, total = network.weights, 0.0
    for ends in minibatches:
        if stop():
            raise CancelledError
        adam.zero_grad()
        loss = network.loss(*samples.at(ends))
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(weights, model.gradient_clip)
        if not torch.isfinite(norm + loss.detach()):
            return float("nan"), False
        adam.step()
        total += loss.item() * len(ends)
    return total / len(samples.training), all(bool(torch.isfinite(weight).all()) for weight in weights)


def _mean_loss(model: TorchModel, network: Network, samples: _Samples) -> float:
    """Mean loss of the validation part."""
    network.module.eval()
    parts, total = _minibatches(samples.validation, model.batch_size), 0.0
    with torch.no_grad():
        for ends in parts:
            total += network.loss(*samples.at(ends)).item() * len(ends)
    return total / len(samples.validation)


def _network(fitted: FittedTorch, example: Tensor) -> Network:
    """The trained network, built again; the caller has set the seed."""
    network = Network(fitted.settings, example)
    network.load(fitted.weights)
    return network


def predict(fitted: FittedTorch, windows: Floats) -> Floats:
    """Forecasts in log returns, window by window; (n, L, F) -> (n,).

    In a batch the bits of a forecast would depend on the number of windows, and on its place among them.
    """
    model = fitted.settings
    if not len(windows):
        return np.empty(0)
    scaled = [fitted.inputs.apply(window[None], model.clip) for window in windows]  # n times (1, L, F)
    with torch_alone(model.device, fitted.seed), torch.no_grad():
        x = [torch.from_numpy(one).to(model.device) for one in scaled]
        network = _network(fitted, x[0])
        y = np.array([float(network.outputs(one)) for one in x])
    unscaled: Floats = fitted.output.location[0] + fitted.output.scale[0] * y
    return unscaled
