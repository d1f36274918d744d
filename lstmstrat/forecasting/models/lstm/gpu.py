"""The engine for a GPU: every operation serves all networks of a batch, in plain torch with its autograd.

The first dimension of every tensor is the network, so one batched product serves all networks. A minibatch is some
thousand small CUDA kernels; they are recorded once as a CUDA graph and then launched together.

The mathematics, the minibatches and the random numbers are those of the compiled kernels (cpu.py); only the
rounding differs. The tests run this file on a CPU and compare it with the kernels.

Letters: G networks, B sequences of a minibatch, T bars of a sequence, S loss steps, F features, H hidden units,
K minibatches, P numbers of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lstmstrat.arrays import Bools, Floats, Singles
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.lstm.batch import BETA1, BETA2, EPSILON, HUBER_DELTA, Batch
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.minibatches import Minibatches
from lstmstrat.forecasting.models.lstm.model import LSTM


def outputs(layout: Layout, theta: Tensor, x: Tensor, masks: Tensor, losses: int) -> Tensor:
    """Outputs of the last S = `losses` steps; theta (G, P), x (G, T, B, F) -> (G, S, B).

    masks (layers - 1, G, T, B, H) multiply the state between two layers; (0, ...) for none.
    """
    h = layout.hidden
    matrices = theta[:, : layout.head].view(len(theta), layout.layers, layout.width, 4 * h)
    for k in range(layout.layers):
        if k and len(masks):
            x = x * masks[k - 1]
        recurrent, bias = matrices[:, k, :h], matrices[:, k, h, None, None, :]  # (G, H, 4H), (G, 1, 1, 4H)
        input_weights = matrices[:, k, None, h + 1 : h + 1 + x.shape[3]]  # (G, 1, F, 4H)
        x = _layer(x @ input_weights + bias, recurrent)
    dense, dense_bias = theta[:, None, None, layout.head : layout.head + h], theta[:, layout.head + h, None, None]
    return (x[:, -losses:] * dense).sum(3) + dense_bias


def _layer(gate_inputs: Tensor, recurrent: Tensor) -> Tensor:
    """Hidden states (G, T, B, H) of a layer from a zero state, given the inputs of its gates (G, T, B, 4H)."""
    state = cell = torch.zeros_like(gate_inputs[:, 0, :, : recurrent.shape[1]])  # (G, B, H)
    states = []
    for step_inputs in gate_inputs.unbind(1):
        o, i, f, g = torch.baddbmm(step_inputs, state, recurrent).chunk(4, 2)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        state = o.sigmoid() * cell.tanh()
        states.append(state)
    return torch.stack(states, 1)


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

    def __init__(self, tasks: Sequence[FitTask], settings: LSTM, device: str = "cuda"):
        """Allocates fixed tensors on the device for all data of a minibatch; a recorded graph uses only these."""
        super().__init__(tasks, settings)
        self.device = torch.device(device)
        blocks, g = self.prepared[0].training, len(tasks)
        self._theta = torch.from_numpy(self.first).to(self.device)  # (G, P)
        self._adam = Adam(self._theta, settings)
        longest = max(len(s.y) for s in self.prepared)
        self._x = self._put([np.pad(s.x, ((0, longest - len(s.x)), (0, 0))) for s in self.prepared])  # (G, n, F)
        self._y = self._put([np.pad(s.y, (0, longest - len(s.y))) for s in self.prepared])  # (G, n)
        self._starts = torch.zeros(g, blocks.sequences, dtype=torch.int64, device=self.device)
        self._weights = self._zeros(g, settings.loss_steps, blocks.sequences)
        self._turn = self._zeros(g, 1)
        self._masks = self._put([self.no_masks] * g).transpose(0, 1)
        if settings.dropout:
            self._masks = torch.ones(settings.layers - 1, g, *self.no_masks.shape[1:], device=self.device)
        self._total, self._finite = self._zeros(g), torch.ones(g, dtype=torch.bool, device=self.device)
        self._steps = torch.arange(blocks.span, device=self.device)[:, None]  # (T, 1)
        self._network = torch.arange(g, device=self.device)[:, None, None]  # (G, 1, 1)
        self._minibatch = record_graph(self._update) if self.device.type == "cuda" else self._update

    def weights(self) -> Singles:
        """A copy of the current weights of all networks; (G, P)."""
        copy: Singles = self._theta.cpu().numpy().copy()
        return copy

    def _train(self, minibatches: Sequence[Minibatches]) -> tuple[Floats, Bools]:
        starts, weights, turns = self._align(minibatches)
        self._total.zero_()
        self._finite.fill_(True)
        for k in range(len(starts)):
            self._set(starts[k], weights[k])
            self._turn.copy_(turns[k, :, None])
            if self.settings.dropout:
                self._draw_masks([g for g, m in enumerate(minibatches) if k < len(m.starts)])
            self._minibatch()
        return self._total.cpu().numpy().astype(float), self._finite.cpu().numpy()

    def _losses(self, minibatches: Sequence[Minibatches]) -> Floats:
        starts, weights, _ = self._align(minibatches)
        total = self._zeros(len(self.prepared))
        with torch.inference_mode():
            for k in range(len(starts)):
                self._set(starts[k], weights[k])
                total += self._loss(self._theta, self._masks[:0])
        return total.cpu().numpy().astype(float)

    def _update(self) -> None:
        """Trains every network whose turn it is on one minibatch; reads and writes fixed tensors only."""
        theta = self._theta.detach().requires_grad_()
        with torch.enable_grad():
            loss = self._loss(theta, self._masks)  # (G,)
            count = self._weights.sum((1, 2)).clamp(min=1.0)
            (gradient,) = torch.autograd.grad((loss / count).sum(), theta)
        norm = self._adam.step(gradient, self._turn)
        self._finite &= torch.isfinite(norm + loss.detach())
        self._total += loss.detach()

    def _loss(self, theta: Tensor, masks: Tensor) -> Tensor:
        """Sum of the losses (G,) of the sequences that begin at the rows `_starts`."""
        errors = self._errors(theta, masks)
        if self.settings.loss == "mse":
            return errors.square().sum((1, 2))
        slopes = errors.clamp(-HUBER_DELTA, HUBER_DELTA)
        return (slopes * (errors - 0.5 * slopes)).sum((1, 2))

    def _errors(self, theta: Tensor, masks: Tensor) -> Tensor:
        """Errors (G, S, B) of the sequences that begin at the rows `_starts`; 0 where `_weights` is 0."""
        index = self._starts[:, None, :] + self._steps  # (G, T, B)
        guess = outputs(self.layout, theta, self._x[self._network, index], masks, self.settings.loss_steps)
        return (guess - self._y[self._network, index[:, -self.settings.loss_steps :]]) * self._weights

    def _draw_masks(self, turn: Sequence[int]) -> None:
        for g in turn:
            self._masks[:, g] = torch.from_numpy(self.masks(g))

    def _set(self, starts: Tensor, weights: Tensor) -> None:
        self._starts.copy_(starts)
        self._weights.copy_(weights)

    def _align(self, minibatches: Sequence[Minibatches]) -> tuple[Tensor, Tensor, Tensor]:
        """Starts (K, G, B), weights (K, G, S, B) and turns (K, G), on the device; 0 once a network has no more."""
        longest = max(len(m.starts) for m in minibatches)

        def side_by_side(arrays: Sequence[np.ndarray]) -> Tensor:
            rest = [np.pad(a, [(0, longest - len(a)), *[(0, 0)] * (a.ndim - 1)]) for a in arrays]
            return torch.from_numpy(np.stack(rest, 1)).to(self.device)

        turns = [np.ones(len(m.starts), dtype=np.float32) for m in minibatches]
        starts, weights = [m.starts for m in minibatches], [m.weights for m in minibatches]
        return side_by_side(starts), side_by_side(weights), side_by_side(turns)

    def _put(self, arrays: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(self.device)

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
