"""The second origin of the engine: one of our networks as torch.nn.LSTM and torch.nn.Linear, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from lstmstrat.forecasting.models.lstm.layout import Layout

TORCH_ORDER = (1, 2, 3, 0)  # where torch's gates i, f, g, o lie among ours: o, i, f, g


class Reference(torch.nn.Module):
    """A dense layer on every hidden state of a stacked LSTM; x (T, B, F) -> (T, B)."""

    def __init__(self, layout: Layout, theta: Tensor):
        """Takes the weights from `theta` (P,), in its precision."""
        super().__init__()
        self.lstm = torch.nn.LSTM(layout.inputs, layout.units, layout.layers, dtype=theta.dtype)
        self.dense = torch.nn.Linear(layout.units, 1, dtype=theta.dtype)
        with torch.no_grad():
            for name, part in parts(layout, theta).items():
                self.get_parameter(name).copy_(part)
            for layer in range(layout.layers):  # torch has two biases and adds them; we have one
                self.lstm.get_parameter(f"bias_hh_l{layer}").zero_().requires_grad_(False)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        """The states before the step `first` are given: no gradient goes through them."""
        if not first:
            return self.dense(self.lstm(x)[0])[..., 0]
        with torch.no_grad():
            before, state = self.lstm(x[:first])
        return self.dense(torch.cat([before, self.lstm(x[first:], state)[0]]))[..., 0]


def parts(layout: Layout, theta: Tensor) -> dict[str, Tensor]:
    """`theta` (P,), weights or their gradient, cut up under the names and in the shapes of `Reference`."""
    units, hidden = layout.units, layout.hidden
    matrices, dense = layout.split(theta)
    found = {"dense.weight": dense[None, :units], "dense.bias": dense[hidden:]}
    for layer, matrix in enumerate(matrices):
        gates = matrix.view(-1, 4, hidden)[:, TORCH_ORDER, :units].flatten(1)  # (D, 4 units)
        fan_in = units if layer else layout.inputs
        found[f"lstm.weight_hh_l{layer}"] = gates[:units].T
        found[f"lstm.bias_ih_l{layer}"] = gates[hidden]
        found[f"lstm.weight_ih_l{layer}"] = gates[hidden + 1 : hidden + 1 + fan_in].T
    return found
