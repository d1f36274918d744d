"""Fit a batch of networks, forecast with the members of a fold.

Letters: G slices, n bars of a slice, J blocks of S loss steps, B sequences of a minibatch, L lookback,
T = L + S - 1 bars of a sequence, F features, H hidden units, P numbers of a network, M members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.network import Layout, Network
from lstmstrat.lstm.values import PAIR, SLICES, Array, Fitted, Single, TrainingSlice, fit_scaler, parts, samples

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam (Kingma & Ba 2015), their defaults
RETRY = 0x5EED  # mixed into the seed of a second attempt


@contextmanager
def _calculating() -> Iterator[None]:
    """No gradient tape, one thread: the bits do not depend on the machine's load, the host keeps its setting."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def device_name(config: ForecastConfig) -> str:
    """``cpu`` or ``cuda``: what `config.device` means on this machine.

    Raises
    ------
    RuntimeError
        ``device: cuda`` on a machine where torch finds none.
    """
    if config.device == "cpu" or (config.device == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise RuntimeError("device: cuda, but torch finds no GPU here; set device: auto or cpu")
    return "cuda"


class _Blocks:
    """Where the sequences of one slice lie: blocks of S loss rows that tile the rows with labels.

    Each epoch shifts the tiling by a random phase, so a sample is met after L to L + S - 1 bars of context.
    """

    def __init__(self, usable: Bools, first: int, end: int, steps: int):
        """`usable` (n,) marks the samples; those from `first` up to `end` belong here."""
        inside = np.zeros(len(usable), dtype=bool)
        inside[first:end] = usable[first:end]
        self._weight = np.pad(inside, (steps, 2 * steps)).astype(np.float32)
        self._first = first
        self._steps = steps
        self._count = -(-(end - first + steps - 1) // steps)  # J, enough for every phase

    def epoch(self, rng: np.random.Generator, rows: int) -> tuple[Ints, Single]:
        """First loss row of every block in random order, (batches, B); which losses count, (batches, S, B)."""
        return self._minibatches(rng.permutation(self._count), int(rng.integers(self._steps)), rows)

    def in_order(self, rows: int) -> tuple[Ints, Single]:
        """The same without chance, for validation."""
        return self._minibatches(np.arange(self._count), 0, rows)

    def _minibatches(self, order: Ints, phase: int, rows: int) -> tuple[Ints, Single]:
        batches = -(-self._count // rows)
        real = (np.arange(batches * rows) < self._count).reshape(batches, 1, rows)
        order = np.pad(order, (0, batches * rows - self._count)).reshape(batches, rows)
        starts = self._first - phase + self._steps * order  # (batches, B)
        losses = starts[:, None, :] + np.arange(self._steps)[:, None] + self._steps  # (batches, S, B)
        return starts, self._weight[losses] * real


class _Adam:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) for G networks that may rest a step."""

    def __init__(self, theta: Tensor, config: ForecastConfig):
        """`theta` (G, P) is changed in place by `step`."""
        self._theta = theta
        self._mean = torch.zeros_like(theta)
        self._square = torch.zeros_like(theta)
        self._steps = np.zeros(len(theta))
        self._rate = config.learning_rate
        self._decay = config.weight_decay
        self._clip = config.gradient_clip

    def step(self, gradient: Tensor, active: Bools) -> Tensor:
        """One update of the networks where `active` (G,); gives the norm of each gradient (G,)."""
        norm = gradient.square().sum(1, keepdim=True).sqrt_()  # (G, 1)
        gradient.mul_((self._clip / (norm + 1e-6)).clamp_(max=1.0))
        self._steps += active
        count = np.maximum(self._steps, 1.0)
        on = self._column(active.astype(np.float64))
        self._mean.lerp_(gradient, (1.0 - BETA1) * on)
        self._square.lerp_(gradient.square_(), (1.0 - BETA2) * on)
        unbias = self._column(1.0 / np.sqrt(1.0 - BETA2**count))
        rate = self._column(self._rate * active / (1.0 - BETA1**count))
        self._theta.mul_(1.0 - self._rate * self._decay * on)
        self._theta.sub_(self._mean / self._square.sqrt().mul_(unbias).add_(EPSILON) * rate)
        return norm.squeeze(1)

    def _column(self, x: Array) -> Tensor:
        return torch.from_numpy(x.astype(np.float32)).to(self._theta.device).unsqueeze(1)  # (G, 1)


@dataclass
class _Course:
    """How the training of one network goes; with validation, the best weights so far are kept."""

    patience: int
    train: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    weights: Single | None = None
    sound: bool = True

    @property
    def running(self) -> bool:
        """Not broken, and not `patience` epochs without a better validation loss."""
        stale = len(self.valid) - 1 - int(np.argmin(self.valid)) if self.valid else 0
        return self.sound and stale < self.patience

    def record(self, train: float, valid: float | None, finite: bool, weights: Single) -> None:
        """One epoch."""
        self.sound = finite and bool(np.isfinite(weights).all())
        self.train.append(train)
        if valid is None or valid < min(self.valid, default=np.inf):
            self.weights = weights
        if valid is not None:
            self.valid.append(valid)


class _Batch:
    """G slices in training: their rows, networks and random streams. Slices of unequal length may mix."""

    def __init__(self, slices: Sequence[TrainingSlice], config: ForecastConfig, device: torch.device):
        """Scales every slice by its own statistics and draws its first weights from its own seed."""
        self.config = config
        self.device = device
        self.steps = config.loss_steps  # S
        self.rows = max(1, round(config.batch_size / config.loss_steps))  # B
        self.span = config.lookback + self.steps - 1  # T
        self.layout = Layout.of(config, slices[0].rows.shape[1])
        self.network = Network(self.layout, len(slices), self.span, self.rows, device)
        self._load(slices)
        seeds = [np.random.SeedSequence(s.seed).spawn(3) for s in slices]
        self.orders = [np.random.default_rng(s[1]) for s in seeds]
        self.dropouts = [np.random.default_rng(s[2]) for s in seeds]
        first = np.stack([self.layout.initial(np.random.default_rng(s[0])) for s in seeds])
        self.theta = torch.from_numpy(first).to(device)  # (G, P)
        self.gradient = torch.zeros_like(self.theta)
        self.adam = _Adam(self.theta, config)

    def _load(self, slices: Sequence[TrainingSlice]) -> None:
        config, steps = self.config, self.steps
        self.inputs = [fit_scaler(s.rows, config.scaler) for s in slices]
        self.outputs = [fit_scaler(s.targets[:, None], config.scaler) for s in slices]
        longest = max(len(s.rows) for s in slices)
        x = np.zeros((len(slices), longest + 3 * steps, self.layout.inputs), dtype=np.float32)
        y = np.zeros(x.shape[:2], dtype=np.float32)
        self.training, self.validation = [], []
        for g, s in enumerate(slices):
            n = len(s.rows)
            x[g, steps : steps + n] = self.inputs[g].apply(s.rows, config.clip)
            y[g, steps : steps + n] = self.outputs[g].apply(s.targets[:, None], config.clip)[:, 0]
            end, held_out = parts(n, s.purge, config.val_size)
            usable = samples(s.rows, s.targets, config.lookback)
            self.training.append(_Blocks(usable, config.lookback - 1, end, steps))
            self.validation.append(_Blocks(usable, held_out, n, steps))
        self.x = torch.from_numpy(x).to(self.device)  # (G, S + n + 2S, F)
        self.y = torch.from_numpy(y).to(self.device)  # (G, S + n + 2S)
        self._slice = torch.arange(len(slices), device=self.device)[:, None, None]

    def epoch(self, active: Bools) -> tuple[Array, Bools]:
        """Trains the networks where `active` (G,) once over their samples; mean loss (G,), all finite (G,)."""
        plans = [
            blocks.epoch(rng, self.rows) if on else None
            for blocks, rng, on in zip(self.training, self.orders, active, strict=True)
        ]
        starts, weights = _aligned(plans, self.steps, self.rows)
        total, finite = self._zeros(), torch.ones(len(plans), dtype=torch.bool, device=self.device)
        for k, (where, weight) in enumerate(zip(starts, weights, strict=True)):
            turn = np.array([plan is not None and k < len(plan[0]) for plan in plans])
            masks = self._dropout_masks(turn)
            error, count = self._errors(where, weight, masks)
            loss = error.square().sum((1, 2))  # (G,)
            self.network.backward(self.theta, 2.0 * error / count[:, None, None], self.gradient, masks)
            finite &= torch.isfinite(self.adam.step(self.gradient, turn) + loss)
            total += loss
        return _mean(total, weights), finite.cpu().numpy()

    def validate(self) -> Array:
        """Mean loss on the held-out tail; (G,)."""
        starts, weights = _aligned([b.in_order(self.rows) for b in self.validation], self.steps, self.rows)
        total = self._zeros()
        for where, weight in zip(starts, weights, strict=True):
            total += self._errors(where, weight, [])[0].square().sum((1, 2))
        return _mean(total, weights)

    def _zeros(self) -> Tensor:
        return torch.zeros(len(self.training), device=self.device)

    def _errors(self, starts: Ints, weight: Single, masks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Weighted errors (G, S, B) of the sequences whose losses begin at rows `starts` (G, B); counts (G,)."""
        begin = torch.from_numpy(starts).to(self.device)[:, None, :] + (self.steps - self.config.lookback + 1)
        index = begin + torch.arange(self.span, device=self.device)[:, None]  # (G, T, B)
        index.clamp_(min=0)  # sequences that fill up a minibatch begin anywhere and carry no loss
        on = torch.from_numpy(weight).to(self.device)  # (G, S, B)
        guess = self.network.forward(self.theta, self.x[self._slice, index], self.steps, masks)
        error = (guess - self.y[self._slice, index[:, -self.steps :]]) * on
        return error, on.sum((1, 2)).clamp_(min=1.0)

    def _dropout_masks(self, turn: Bools) -> list[Tensor]:
        """Inverted dropout between layers, (G, T, B, H) each; a slice draws only when it is its turn."""
        keep = 1.0 - self.config.dropout
        if keep == 1.0:
            return []
        shape = (self.layout.layers - 1, self.span, self.rows, self.layout.hidden)
        drawn = [
            (rng.random(shape, dtype=np.float32) < keep) / np.float32(keep) if on else np.ones(shape)
            for rng, on in zip(self.dropouts, turn, strict=True)
        ]
        masks = torch.from_numpy(np.stack(drawn, axis=1).astype(np.float32)).to(self.device)
        return list(masks)

    def fitted(self, g: int, course: _Course) -> Fitted | None:
        """Network `g` as a value; None if its training broke."""
        if not course.sound or course.weights is None:
            return None
        losses = np.array(course.train), np.array(course.valid)
        return Fitted(course.weights, self.inputs[g], self.outputs[g], *losses)


def _mean(total: Tensor, weights: Single) -> Array:
    """Total losses (G,) over their number, from weights (batches, G, S, B)."""
    mean: Array = total.cpu().numpy() / np.maximum(weights.sum((0, 2, 3)), 1.0)
    return mean


def _aligned(plans: Sequence[tuple[Ints, Single] | None], steps: int, rows: int) -> tuple[Ints, Single]:
    """The minibatches of all slices side by side, (batches, G, B) and (batches, G, S, B), 0 where one has none."""
    batches = max((len(plan[0]) for plan in plans if plan), default=0)
    starts = np.zeros((batches, len(plans), rows), dtype=np.int64)
    weights = np.zeros((batches, len(plans), steps, rows), dtype=np.float32)
    for g, plan in enumerate(plans):
        if plan:
            starts[: len(plan[0]), g] = plan[0]
            weights[: len(plan[1]), g] = plan[1]
    return starts, weights


def fit(slices: Sequence[TrainingSlice], config: ForecastConfig, device: str) -> list[Fitted | None]:
    """Trains any number of networks, `SLICES` at a time; None where training failed twice.

    A network whose loss or gradient is not finite is trained once more from a seed derived from its own.
    """
    found = _fit_all(slices, config, device)
    failed = [i for i, f in enumerate(found) if f is None]
    again = [replace(slices[i], seed=slices[i].seed ^ RETRY) for i in failed]
    for i, f in zip(failed, _fit_all(again, config, device), strict=True):
        found[i] = f
    return found


def _fit_all(slices: Sequence[TrainingSlice], config: ForecastConfig, device: str) -> list[Fitted | None]:
    found: list[Fitted | None] = []
    with _calculating():
        for i in range(0, len(slices), SLICES):
            part = slices[i : i + SLICES]
            padded = [*part, *[part[0]] * (-len(part) % PAIR)]
            found += _fit_batch(_Batch(padded, config, torch.device(device)))[: len(part)]
    return found


def _fit_batch(batch: _Batch) -> list[Fitted | None]:
    courses = [_Course(batch.config.patience) for _ in batch.training]
    for _ in range(batch.config.epochs):
        active = np.array([course.running for course in courses])
        if not active.any():
            break
        loss, finite = batch.epoch(active)
        score = batch.validate() if batch.config.val_size else None
        theta = batch.theta.cpu().numpy().copy()
        for g in np.flatnonzero(active):
            valid = None if score is None else float(score[g])
            courses[g].record(float(loss[g]), valid, bool(finite[g]), theta[g])
    return [batch.fitted(g, course) for g, course in enumerate(courses)]


def predict(members: Sequence[Fitted], windows: Array, config: ForecastConfig) -> Array:
    """Forecasts of every member for `windows` (ROWS, L, F) of feature rows; log returns, (M, ROWS).

    Always on the CPU, and always with `ROWS` windows: their number would change the last bits.
    """
    layout = Layout.of(config, windows.shape[2])
    x = np.stack([m.inputs.apply(windows, config.clip) for m in members])  # (M, ROWS, L, F)
    with _calculating():
        theta = torch.from_numpy(np.stack([m.weights for m in members]))
        network = Network(layout, len(members), windows.shape[1], len(windows), torch.device("cpu"))
        y = network.forward(theta, torch.from_numpy(x).transpose(1, 2), 1)[:, 0].numpy()  # (M, ROWS)
    location = np.array([m.output.location[0] for m in members])[:, None]
    scale = np.array([m.output.scale[0] for m in members])[:, None]
    forecasts: Array = location + scale * y.astype(np.float64)
    return forecasts
