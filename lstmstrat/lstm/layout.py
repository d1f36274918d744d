"""Where the weights of a network lie in one flat vector, for every engine.

Recurrent weights, bias (the weight of a constant input) and input weights lie below each other: a step of all
gates is one product, gates = [h | 1 | x] @ W. The gates are ordered o, i, f, g: the sigmoids lie together.

Letters: F features, H hidden units (padded to a multiple of 16), D the width of [h | 1 | x] (padded to a multiple
of 4), k layers, P numbers of a network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstmstrat.config import ForecastConfig

Single = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LANES = 4  # rows of a product are a multiple of this
SEQUENCES = 16  # at most, worked at a time: what they leave behind fits the cache
UNITS = 16  # hidden units, and so the columns of every product, of this


def up(count: int, to: int) -> int:
    """`count`, rounded up to a multiple of `to`."""
    return -(-count // to) * to


@dataclass(frozen=True)
class Layout:
    """Shapes of one network; the matrices of all layers have the same."""

    inputs: int  # F
    units: int  # hidden units asked for
    layers: int

    @classmethod
    def of(cls, config: ForecastConfig, inputs: int) -> Layout:
        """The layout for `inputs` feature columns."""
        return cls(inputs, config.hidden_size, config.layers)

    @property
    def hidden(self) -> int:
        """H."""
        return up(self.units, UNITS)

    @property
    def width(self) -> int:
        """D."""
        fan_in = max(self.inputs, self.hidden) if self.layers > 1 else self.inputs
        return up(self.hidden + 1 + fan_in, LANES)

    @property
    def head(self) -> int:
        """Where the dense layer begins: H weights, then its bias."""
        return self.layers * self.width * 4 * self.hidden

    @property
    def size(self) -> int:
        """P."""
        return self.head + up(self.hidden + 1, UNITS)

    def split(self, theta: Single) -> tuple[Single, Single]:
        """Views of `theta` (..., P): gate matrices (..., k, D, 4H); dense weights and bias (..., H + 1)."""
        matrices = theta[..., : self.head].reshape(*theta.shape[:-1], self.layers, self.width, 4 * self.hidden)
        return matrices, theta[..., self.head : self.head + self.hidden + 1]

    def initial(self, rng: np.random.Generator) -> Single:
        """First weights (P,): uniform within 1/sqrt(units), as torch.nn.LSTM draws; the dense bias is 0.

        A forget bias of 1 (Jozefowicz 2015) was tried: 0.79 in place of 0.82 on planted signals of short memory.

        Padding stays 0: a padded unit has no weights in or out, so its gradient is 0 for ever.
        """
        bound = 1.0 / math.sqrt(self.units)
        theta = np.zeros(self.size, dtype=np.float32)
        gates = theta[: self.head].reshape(self.layers, self.width, 4, self.hidden)  # a view
        for layer in range(self.layers):
            fan_in = self.units if layer else self.inputs
            for begin, rows in ((0, self.units), (self.hidden + 1, fan_in), (self.hidden, 1)):
                drawn = rng.uniform(-bound, bound, (rows, 4, self.units))
                gates[layer, begin : begin + rows, :, : self.units] = drawn
        theta[self.head : self.head + self.units] = rng.uniform(-bound, bound, self.units)
        return theta
