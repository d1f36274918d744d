"""The position of each weight of a network in one flat vector, for all engines.

Recurrent weights, bias (the weight of a constant input) and input weights are stacked, so that a step of all gates
is one product, gates = [h | 1 | x] @ W. The gates have the order o, i, f, g, so that the sigmoids are adjacent.

Letters: F features, X columns of [1 | x], H hidden units (both padded to a multiple of 8), D the width of
[h | 1 | x] (padded to a multiple of 4), k layers, n rows, P numbers of a network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmstrat.arrays import Singles
from lstmstrat.forecasting.models.lstm.model import LSTM

LANES = 4  # rows of a product are a multiple of this
SEQUENCES = 16  # the most that are processed at a time: their activations fit into the cache
UNITS = 8  # hidden units, and so the columns of every product, are a multiple of this


def round_up(count: int, factor: int) -> int:
    """`count`, rounded up to a multiple of `factor`."""
    return -(-count // factor) * factor


@dataclass(frozen=True)
class Layout:
    """The shapes of one network; the matrices of all layers have the same shape."""

    inputs: int  # F
    units: int  # hidden units of the settings, before the padding
    layers: int

    @classmethod
    def of(cls, settings: LSTM, inputs: int) -> Layout:
        """The layout for `inputs` feature columns."""
        return cls(inputs, settings.hidden_size, settings.layers)

    @cached_property
    def hidden(self) -> int:
        """H."""
        return round_up(self.units, UNITS)

    @cached_property
    def width(self) -> int:
        """D."""
        fan_in = max(self.inputs, self.hidden) if self.layers > 1 else self.inputs
        return round_up(self.hidden + 1 + fan_in, LANES)

    @cached_property
    def columns(self) -> int:
        """X, the width of [1 | x] (padded to a multiple of 8)."""
        return round_up(1 + self.inputs, UNITS)

    @cached_property
    def operations(self) -> float:
        """Floating point operations of training, for one bar of a sequence: three products (one forward)."""
        return 6.0 * self.layers * self.width * 4 * self.hidden

    @cached_property
    def head(self) -> int:
        """The position where the dense layer begins: H weights, then its bias."""
        return self.layers * self.width * 4 * self.hidden

    @cached_property
    def size(self) -> int:
        """P."""
        return self.head + round_up(self.hidden + 1, UNITS)

    def with_bias(self, x: Singles) -> Singles:
        """[1 | x | 0], the inputs as the products take them; (n, F) -> (n, X)."""
        padded = np.zeros((len(x), self.columns), dtype=np.float32)
        padded[:, 0], padded[:, 1 : 1 + self.inputs] = 1.0, x
        return padded

    def split(self, theta: Singles) -> tuple[Singles, Singles]:
        """Views of `theta` (..., P): gate matrices (..., k, D, 4H); dense weights and bias (..., H + 1)."""
        matrices = theta[..., : self.head].reshape(*theta.shape[:-1], self.layers, self.width, 4 * self.hidden)
        return matrices, theta[..., self.head : self.head + self.hidden + 1]

    def initial(self, rng: np.random.Generator) -> Singles:
        """Random first weights (P,): uniform within 1/sqrt(units), as in torch.nn.LSTM; the dense bias is 0.

        A forget bias of 1 (Jozefowicz 2015) scores 0.79 instead of 0.82 on planted signals of short memory.

        The padding stays 0: a padded unit has no weights in or out, so its gradient is always 0.
        """
        bound = 1.0 / math.sqrt(self.units)
        theta = np.zeros(self.size, dtype=np.float32)
        gates = theta[: self.head].reshape(self.layers, self.width, 4, self.hidden)  # a view
        for layer in range(self.layers):
            fan_in = self.units if layer else self.inputs
            for begin, rows in ((0, self.units), (self.hidden + 1, fan_in), (self.hidden, 1)):
                values = rng.uniform(-bound, bound, (rows, 4, self.units))
                gates[layer, begin : begin + rows, :, : self.units] = values
        theta[self.head : self.head + self.units] = rng.uniform(-bound, bound, self.units)
        return theta
