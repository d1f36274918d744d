"""The engine for a GPU: every operation serves all networks of a batch, in plain torch with its autograd.

The first dimension of every tensor is the network, so one batched product serves all networks. A minibatch is some
thousand small CUDA kernels; they are recorded once as a CUDA graph and then launched together.

A batch is filled up with idle networks to a fixed number, because a library of matrix products chooses its kernel
by the number of products: a network on its own came out 3e-6 away from the same network beside others (H100).

The mathematics, the minibatches and the random numbers are those of the compiled kernels (cpu.py); only the
rounding differs. The tests run this file on a CPU and compare it with the kernels.

Letters: G networks with the idle ones, V training sets, n rows, B sequences of a minibatch, T bars of a sequence,
S loss steps, X columns of inputs, H hidden units, E epochs, K minibatches of an epoch, P numbers of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstmstrat.arrays import Bools, Floats, Ints, Singles
from lstmstrat.forecasting.models.base import FitTask, Stop, ask
from lstmstrat.forecasting.models.lstm.batch import BETA1, BETA2, EPSILON, HUBER_DELTA, Batch, Prepared
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.model import GPU_BATCH, LSTM
from lstmstrat.forecasting.training_set import TrainingSet


def outputs(layout: Layout, theta: Tensor, x: Tensor, masks: Tensor, losses: int, first: int = 0) -> Tensor:
    """Outputs of the last S = `losses` steps; theta (G, P), x (G, T, B, X) -> (G, S, B).

    masks (layers - 1, G, T, B, H) multiply the state between two layers; (0, ...) for none. The gradient goes back
    to the step `first`.
    """
    h = layout.hidden
    matrices = theta[:, : layout.head].view(len(theta), layout.layers, layout.width, 4 * h)
    for k in range(layout.layers):
        recurrent, bias = matrices[:, k, :h], matrices[:, k, h, None, None, :]  # (G, H, 4H), (G, 1, 1, 4H)
        if k:
            x = x * masks[k - 1] if len(masks) else x
            gate_inputs = x @ matrices[:, k, None, h + 1 : 2 * h + 1] + bias  # (G, T, B, 4H)
        else:
            columns = min(x.shape[3], layout.width - h)  # the others are 0
            gate_inputs = x[..., :columns] @ matrices[:, k, None, h : h + columns]
        x = _layer(gate_inputs, recurrent, first)
    dense, dense_bias = theta[:, None, None, layout.head : layout.head + h], theta[:, layout.head + h, None, None]
    return (x[:, -losses:] * dense).sum(3) + dense_bias


def _layer(gate_inputs: Tensor, recurrent: Tensor, first: int) -> Tensor:
    """Hidden states (G, T, B, H) of a layer from a zero state, given the inputs of its gates (G, T, B, 4H)."""
    state = cell = torch.zeros_like(gate_inputs[:, 0, :, : recurrent.shape[1]])  # (G, B, H)
    before, states = list[Tensor](), list[Tensor]()  # the states before and after each step
    gate_inputs = _OneGradient.apply(gate_inputs, recurrent, before)  # type: ignore[no-untyped-call]
    constant = recurrent.detach()
    for t, step_inputs in enumerate(gate_inputs.unbind(1)):
        if t == first:
            state, cell = state.detach(), cell.detach()
        before.append(state.detach())
        o, i, f, g = torch.baddbmm(step_inputs, state, constant).chunk(4, 2)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        state = o.sigmoid() * cell.tanh()
        states.append(state)
    return torch.stack(states, 1)


class _OneGradient(torch.autograd.Function):
    """Hands on the inputs of the gates; the recurrent weights get their gradient over all steps in one product.

    A step adds state times weights to the inputs of its gates, so the gradient of these inputs is all it takes.
    Autograd would write a gradient of all weights at each step, and add it to the last.
    """

    @staticmethod
    def forward(context: Any, gate_inputs: Tensor, recurrent: Tensor, before: list[Tensor]) -> Tensor:
        context.before = before  # T times (G, B, H), once the steps are done
        return gate_inputs.view_as(gate_inputs)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        states = torch.stack(context.before, 1).flatten(1, 2)  # (G, T B, H)
        return gradient, states.mT @ gradient.flatten(1, 2), None


class Adam:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) for G networks; a network may skip a step."""

    def __init__(self, theta: Tensor, settings: LSTM):
        """`theta` (G, P) is changed in place by `step`."""
        self._theta = theta
        self._mean, self._square = torch.zeros_like(theta), torch.zeros_like(theta)
        self._steps = torch.zeros(len(theta), 1, dtype=torch.float64, device=theta.device)
        self._rate, self._decay, self._clip = settings.learning_rate, settings.weight_decay, settings.gradient_clip

    def step(self, gradient: Tensor, turn: Tensor) -> Tensor:
        """One update of the networks whose `turn` (G, 1) is 1, not 0; returns the norm of each gradient (G,)."""
        norm = gradient.square().sum(1, keepdim=True).sqrt()  # (G, 1)
        gradient = gradient * (self._clip / (norm + 1e-6)).clamp(max=1.0)
        self._steps += turn
        count = self._steps.clamp(min=1.0)
        self._mean.lerp_(gradient, (1.0 - BETA1) * turn)
        self._square.lerp_(gradient.square(), (1.0 - BETA2) * turn)
        unbias = (1.0 / (1.0 - BETA2**count).sqrt()).float()
        rate = (self._rate / (1.0 - BETA1**count)).float() * turn
        self._theta.mul_(1.0 - self._rate * self._decay * turn)
        self._theta.sub_(self._mean / (self._square.sqrt() * unbias + EPSILON) * rate)
        return norm.squeeze(1)


class TorchBatch(Batch):
    """Trains all its networks at once."""

    size = GPU_BATCH

    def __init__(
        self,
        tasks: Sequence[FitTask],
        settings: LSTM,
        slices: Callable[[TrainingSet], Prepared],
        device: str = "cuda",
    ):
        """Allocates fixed tensors on the device for all data of a minibatch; a recorded graph uses only these."""
        super().__init__(tasks, settings, slices)
        self.device = torch.device(device)
        blocks, g = self.prepared[0].training, self.size
        self._theta = self._zeros(g, self.first.shape[1])  # (G, P)
        self._theta[: len(tasks)] = torch.from_numpy(self.first)
        self._adam = Adam(self._theta, settings)
        sets = {id(s): s for s in self.prepared}  # V of them, each on the device once
        numbers = {one: v for v, one in enumerate(sets)}
        self._set = torch.zeros(g, 1, 1, dtype=torch.int64, device=self.device)
        self._set[: len(tasks), 0, 0] = torch.tensor([numbers[id(s)] for s in self.prepared])
        self._x = self._put([s.x for s in sets.values()])  # (V, n, X)
        self._y = self._put([s.y for s in sets.values()])  # (V, n)
        self._trained = self._put([s.training.weight for s in sets.values()])  # (V, n)
        self._held_out = self._put([s.validation.weight for s in sets.values()])  # (V, n)
        self._starts = torch.zeros(g, blocks.sequences, dtype=torch.int64, device=self.device)
        self._turn = self._zeros(g, 1)
        self._masks = self._zeros(0, g, *self._mask_shape[1:])
        if settings.dropout:
            self._masks = torch.ones(settings.layers - 1, g, *self._mask_shape[1:], device=self.device)
        self._total, self._finite = self._zeros(g), torch.ones(g, dtype=torch.bool, device=self.device)
        self._steps = torch.arange(blocks.span, device=self.device)[:, None]  # (T, 1)
        self._minibatch = record_graph(self._update) if self.device.type == "cuda" else self._update

    def weights(self) -> Singles:
        """A copy of the current weights of all networks but the idle ones."""
        copy: Singles = self._of_tasks(self._theta).copy()
        return copy

    def train(self, active: Bools, epochs: int, stop: Stop) -> tuple[Floats, Bools]:
        """All networks at once, a minibatch of each after the other."""
        drawn = [
            self.prepared[g].training.epochs(self.orders[g], epochs if on else 0) for g, on in enumerate(active)
        ]
        totals = []
        self._finite.fill_(True)
        for e in range(epochs):
            ask(stop)
            counts = [s.training.minibatches for s in self.prepared]
            self._train_epoch([own[e * k : (e + 1) * k] for own, k in zip(drawn, counts, strict=True)])
            totals.append(self._of_tasks(self._total).astype(float))
        samples = [[max(s.training.samples, 1)] for s in self.prepared]
        mean = np.where(active[:, None], np.stack(totals, 1) / samples, np.nan)  # (G, E)
        return mean, self._of_tasks(self._finite)

    def _train_epoch(self, minibatches: Sequence[Ints]) -> None:
        """Trains each network on its minibatches (K, B), of which it may have none; adds the losses up."""
        starts, turns = self._align(minibatches)
        self._total.zero_()
        for k in range(len(starts)):
            self._starts.copy_(starts[k])
            self._turn.copy_(turns[k, :, None])
            if self.settings.dropout:
                self._draw_masks([g for g, m in enumerate(minibatches) if k < len(m)])
            self._minibatch()

    def _validation_losses(self, stop: Stop) -> Floats:
        starts, _ = self._align([s.validation.in_order() for s in self.prepared])
        total = self._zeros(self.size)
        with torch.inference_mode():
            for k in range(len(starts)):
                ask(stop)
                self._starts.copy_(starts[k])
                total += self._loss(self._theta, self._masks[:0], self._held_out)[0]
        return self._of_tasks(total).astype(float)

    def _update(self) -> None:
        """Trains every network whose turn it is on one minibatch; reads and writes fixed tensors only."""
        theta = self._theta.detach().requires_grad_()
        with torch.enable_grad():
            loss, labels = self._loss(theta, self._masks, self._trained)  # (G,), (G,)
            (gradient,) = torch.autograd.grad((loss / labels.clamp(min=1.0)).sum(), theta)
        norm = self._adam.step(gradient, self._turn)
        self._finite &= torch.isfinite(norm + loss.detach())
        self._total += loss.detach()

    def _loss(self, theta: Tensor, masks: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the losses (G,) of the sequences that begin at the rows `_starts`, and the labels that count."""
        index = self._starts[:, None, :] + self._steps  # (G, T, B)
        losses = self.settings.loss_steps
        guess = outputs(self.layout, theta, self._x[self._set, index], masks, losses, self.first_step)  # (G, S, B)
        of_loss = index[:, -losses:]
        counts = weight[self._set, of_loss]  # (G, S, B), 1 or 0
        errors = (guess - self._y[self._set, of_loss]) * counts
        if self.settings.loss == "huber":
            slopes = errors.clamp(-HUBER_DELTA, HUBER_DELTA)
            return (slopes * (errors - 0.5 * slopes)).sum((1, 2)), counts.sum((1, 2))
        return errors.square().sum((1, 2)), counts.sum((1, 2))

    def _draw_masks(self, turn: Sequence[int]) -> None:
        for g in turn:
            self._masks[:, g] = torch.from_numpy(self.masks(g))

    def _align(self, minibatches: Sequence[Ints]) -> tuple[Tensor, Tensor]:
        """Starts (K, G, B) and turns (K, G), on the device; 0 once a network has no more."""
        counts = np.zeros(self.size, dtype=np.int64)
        counts[: len(minibatches)] = [len(own) for own in minibatches]
        starts = np.zeros((int(counts.max()), *self._starts.shape), dtype=np.int64)
        for g, own in enumerate(minibatches):
            starts[: len(own), g] = own
        turns = (np.arange(len(starts))[:, None] < counts).astype(np.float32)
        return torch.from_numpy(starts).to(self.device), torch.from_numpy(turns).to(self.device)

    def _put(self, arrays: Sequence[np.ndarray]) -> Tensor:
        """Arrays of unequal length side by side on the device, with zeros at their ends."""
        longest = max(len(a) for a in arrays)
        padded = [np.pad(a, [(0, longest - len(a)), *[(0, 0)] * (a.ndim - 1)]) for a in arrays]
        return torch.from_numpy(np.stack(padded)).to(self.device)

    def _of_tasks(self, values: Tensor) -> np.ndarray:
        """The rows of `values` (G, ...) that belong to a task."""
        rows: np.ndarray = values[: len(self.prepared)].cpu().numpy()
        return rows

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(*shape, device=self.device)


def record_graph(step: Callable[[], None]) -> Callable[[], None]:
    """`step` as a CUDA graph; `step` must read and write fixed tensors only, and change nothing if no turn is set.

    It runs three times before it is recorded, as torch requires.
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
