"""G stacked LSTMs as one batch: layout of the weights, forward, gradient.

The bias is the weight of a constant input and the recurrent and input weights lie below each other, so a step of
all gates is one product: gates = [h, x, 1] @ W. The gates are ordered o, i, f, g: the three sigmoids lie
together, and so do the three blocks whose gradient is a multiple of the cell's. The gradient is written by hand
(tests compare it with torch.nn.LSTM); everything that does not depend on the step is taken out of the loop.

Letters: G slices, B sequences of a minibatch, T bars of a sequence, S loss steps, F features, H hidden units
(padded to a multiple of 4), D the width of [h | x | 1] (padded to a multiple of 16), P numbers of a network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.values import Single


@dataclass(frozen=True)
class Layout:
    """Where each matrix of a network lies in its flat vector of P numbers."""

    inputs: int  # F
    units: int  # hidden units asked for
    layers: int

    @classmethod
    def of(cls, config: ForecastConfig, inputs: int) -> Layout:
        """The layout for `inputs` feature columns."""
        return cls(inputs, config.hidden_size, config.layers)

    @property
    def hidden(self) -> int:
        """H: units padded to a multiple of 4, so that rows of 4H numbers start on cache lines."""
        return -(-self.units // 4) * 4

    def fan_in(self, layer: int) -> int:
        """Inputs of a layer beside its own hidden state."""
        return self.hidden if layer else self.inputs

    def width(self, layer: int) -> int:
        """D of a layer."""
        return -(-(self.hidden + self.fan_in(layer) + 1) // 16) * 16

    @property
    def size(self) -> int:
        """P."""
        return self.head + -(-(self.hidden + 1) // 16) * 16

    @property
    def head(self) -> int:
        """Where the dense layer begins: H weights, then its bias."""
        return sum(self.width(k) * 4 * self.hidden for k in range(self.layers))

    def matrices(self, theta: Tensor) -> list[Tensor]:
        """Views of `theta` (G, P): the gate matrix of each layer, (G, D, 4H)."""
        found, at = [], 0
        for layer in range(self.layers):
            size = self.width(layer) * 4 * self.hidden
            found.append(theta[:, at : at + size].view(-1, self.width(layer), 4 * self.hidden))
            at += size
        return found

    def initial(self, rng: np.random.Generator) -> Single:
        """First weights (P,): uniform within 1/sqrt(units), as torch.nn.LSTM draws; the dense bias is 0.

        A forget bias of 1 (Jozefowicz 2015) was tried: 0.79 in place of 0.82 on planted signals of short memory.

        Padding stays 0: a padded unit has no weights in or out, so its gradient is 0 for ever.
        """
        bound = 1.0 / math.sqrt(self.units)
        theta = np.zeros((1, self.size), dtype=np.float32)
        for layer, matrix in enumerate(self.matrices(torch.from_numpy(theta))):
            gates = matrix[0].view(-1, 4, self.hidden).numpy()  # (D, 4, H), a view
            bias = self.hidden + self.fan_in(layer)
            fan_in = self.units if layer else self.inputs
            for begin, rows in ((0, self.units), (self.hidden, fan_in), (bias, 1)):
                gates[begin : begin + rows, :, : self.units] = rng.uniform(-bound, bound, (rows, 4, self.units))
        theta[0, self.head : self.head + self.units] = rng.uniform(-bound, bound, self.units)
        first: Single = theta[0]
        return first


class _Step(NamedTuple):
    """Views of the buffers of `Sequences` at one step, cut once: cutting them anew took a fifth of the time."""

    z: Tensor  # (G, B, D)
    gates: Tensor  # (G, B, 4H)
    sigmoids: Tensor  # (G, B, 3H), the gates o, i, f
    output: Tensor  # (G, B, H), the gate o, and so on
    input: Tensor
    forget: Tensor
    candidate: Tensor
    by_cell: Tensor  # (G, B, 3, H), the gates i, f, g
    cell_before: Tensor  # (G, B, H)
    cell: Tensor
    tanh_cell: Tensor
    hidden: Tensor


class Sequences:
    """Activations of one layer for (G, T, B) steps, and the gradient that flows back through them."""

    def __init__(self, slices: int, steps: int, rows: int, layout: Layout, layer: int, device: torch.device):
        """Allocates the buffers once; every minibatch of a fit uses them again."""
        self.hidden = hidden = layout.hidden
        self.fan_in = layout.fan_in(layer)
        shape = (slices, steps, rows)
        self.z = torch.zeros(slices, steps + 1, rows, layout.width(layer), device=device)  # [h | x | 1 | 0]
        self.z[..., hidden + self.fan_in] = 1.0
        self.gates = torch.zeros(*shape, 4 * hidden, device=device)  # o i f g
        self.cell = torch.zeros(slices, steps + 1, rows, hidden, device=device)
        self.tanh_cell = torch.zeros(*shape, hidden, device=device)
        self._pre = torch.zeros(slices, rows, 4 * hidden, device=device)
        self._steps = [self._step(t) for t in range(steps)]

    def _step(self, t: int) -> _Step:
        h, gates = self.hidden, self.gates[:, t]
        return _Step(
            z=self.z[:, t],
            gates=gates,
            sigmoids=gates[..., : 3 * h],
            output=gates[..., :h],
            input=gates[..., h : 2 * h],
            forget=gates[..., 2 * h : 3 * h],
            candidate=gates[..., 3 * h :],
            by_cell=gates[..., h:].view(*gates.shape[:2], 3, h),
            cell_before=self.cell[:, t],
            cell=self.cell[:, t + 1],
            tanh_cell=self.tanh_cell[:, t],
            hidden=self.z[:, t + 1, :, :h],
        )

    @property
    def inputs(self) -> Tensor:
        """Where the layer's input goes; (G, T, B, F)."""
        return self.z[:, :-1, :, self.hidden : self.hidden + self.fan_in]

    @property
    def outputs(self) -> Tensor:
        """Hidden state after each step; (G, T, B, H)."""
        return self.z[:, 1:, :, : self.hidden]

    def forward(self, weights: Tensor) -> None:
        """Runs all steps with `weights` (G, D, 4H) from a zero state."""
        sigmoids, candidate = self._pre[..., : 3 * self.hidden], self._pre[..., 3 * self.hidden :]
        for s in self._steps:
            torch.bmm(s.z, weights, out=self._pre)
            torch.sigmoid(sigmoids, out=s.sigmoids)
            torch.tanh(candidate, out=s.candidate)
            torch.mul(s.input, s.candidate, out=s.cell)
            s.cell.addcmul_(s.forget, s.cell_before)
            torch.tanh(s.cell, out=s.tanh_cell)
            torch.mul(s.output, s.tanh_cell, out=s.hidden)

    def backward(self, weights: Tensor, d_outputs: Tensor, d_weights: Tensor) -> None:
        """Writes the gradient of `weights` (G, D, 4H) into `d_weights`, given that of `outputs` (G, T, B, H).

        Afterwards `gates` holds the gradient of the products before the gates.
        """
        h = self.hidden
        forget = self.gates[..., 2 * h : 3 * h].clone().unbind(1)
        d_cell_by_hidden = self._local_derivatives().unbind(1)
        d_cell = torch.zeros_like(self.cell[:, 0])  # (G, B, H)
        d_hidden = torch.zeros_like(d_cell)
        across = d_cell.unsqueeze(2)
        back = weights[:, :h].transpose(1, 2)  # (G, 4H, H)
        steps = zip(self._steps, d_outputs.unbind(1), d_cell_by_hidden, forget, strict=True)
        for s, d_output, by_hidden, kept in reversed(list(steps)):
            d_hidden.add_(d_output)
            d_cell.addcmul_(d_hidden, by_hidden)
            s.output.mul_(d_hidden)
            s.by_cell.mul_(across)
            d_cell.mul_(kept)
            torch.bmm(s.gates, back, out=d_hidden)
        seen = self.z[:, :-1].flatten(1, 2)  # (G, T*B, D)
        torch.bmm(seen.transpose(1, 2), self.gates.flatten(1, 2), out=d_weights)

    def _local_derivatives(self) -> Tensor:
        """Turns `gates` into d(h)/d(pre o) and d(c)/d(pre i, f, g); gives d(h)/d(c), (G, T, B, H)."""
        o, i, f, g = self.gates.chunk(4, -1)
        by_hidden = torch.addcmul(o, o, self.tanh_cell.square(), value=-1.0)
        slope_i = torch.addcmul(i, i, i, value=-1.0).mul_(g)
        slope_g = torch.addcmul(i, i, g.square(), value=-1.0)
        o.addcmul_(o, o, value=-1.0).mul_(self.tanh_cell)
        f.addcmul_(f, f, value=-1.0).mul_(self.cell[:, :-1])
        i.copy_(slope_i)
        g.copy_(slope_g)
        return by_hidden

    def d_inputs(self, weights: Tensor) -> Tensor:
        """Gradient of the layer's input after `backward`; (G, T, B, F)."""
        ahead = weights[:, self.hidden : self.hidden + self.fan_in].transpose(1, 2)  # (G, 4H, F)
        slices, steps, rows, _ = self.gates.shape
        return torch.bmm(self.gates.flatten(1, 2), ahead).view(slices, steps, rows, -1)


class Network:
    """G stacked LSTMs with a dense layer on the hidden state, for sequences of fixed shape."""

    def __init__(self, layout: Layout, slices: int, steps: int, rows: int, device: torch.device):
        """`steps` T bars a sequence and `rows` B sequences."""
        self.layout = layout
        self.layers = [Sequences(slices, steps, rows, layout, k, device) for k in range(layout.layers)]

    def forward(self, theta: Tensor, x: Tensor, steps: int, masks: Sequence[Tensor] = ()) -> Tensor:
        """Outputs of the last `steps` steps; x (G, T, B, F) -> (G, S, B).

        `masks` (G, T, B, H), one between two layers each, multiply the hidden state (dropout).
        """
        self.layers[0].inputs.copy_(x)
        for k, (layer, weights) in enumerate(zip(self.layers, self.layout.matrices(theta), strict=True)):
            if k:
                below = self.layers[k - 1].outputs
                layer.inputs.copy_(below * masks[k - 1] if masks else below)
            layer.forward(weights)
        self._last = self.layers[-1].outputs[:, -steps:].flatten(1, 2)  # (G, S*B, H)
        dense = theta[:, self.layout.head : self.layout.head + self.layout.hidden].unsqueeze(2)  # (G, H, 1)
        bias = theta[:, self.layout.head + self.layout.hidden, None, None]
        return (torch.bmm(self._last, dense) + bias).view(len(theta), steps, -1)

    def backward(self, theta: Tensor, d_y: Tensor, gradient: Tensor, masks: Sequence[Tensor] = ()) -> None:
        """Writes the gradient of `theta` into `gradient` (G, P), given that of the outputs (G, S, B)."""
        layout, steps = self.layout, d_y.shape[1]
        head, hidden = layout.head, layout.hidden
        flat = d_y.flatten(1).unsqueeze(2)  # (G, S*B, 1)
        gradient[:, head : head + hidden] = torch.bmm(self._last.transpose(1, 2), flat).squeeze(2)
        gradient[:, head + hidden] = d_y.sum((1, 2))
        d_outputs = torch.zeros_like(self.layers[-1].tanh_cell)  # (G, T, B, H)
        d_outputs[:, -steps:] = d_y.unsqueeze(3) * theta[:, None, None, head : head + hidden]
        matrices, gradients = layout.matrices(theta), layout.matrices(gradient)
        for k in reversed(range(layout.layers)):
            self.layers[k].backward(matrices[k], d_outputs, gradients[k])
            if k:
                d_outputs = self.layers[k].d_inputs(matrices[k])
                if masks:
                    d_outputs = d_outputs * masks[k - 1]
