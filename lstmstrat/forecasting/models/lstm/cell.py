"""The compiled kernels of one layer: the gates and the cell of every step, and their gradient.

The letters are those of kernels.py: T bars of a sequence, B sequences, H hidden units, D the width of [h | 1 | x].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmstrat.arrays import Singles
from lstmstrat.forecasting.models.lstm.compiler import jit
from lstmstrat.forecasting.models.lstm.layout import UNITS
from lstmstrat.forecasting.models.lstm.product import add_product, set_product
from lstmstrat.forecasting.models.lstm.vectors import clamp, load, store

CHUNK = 32  # rows of each product that adds to the gradient of the weights


@jit
def tanh(x: Any) -> Any:
    """tanh of a vector with an error below 5e-7, never beyond +-1, and NaN for NaN.

    The quotient of polynomials with the smallest relative error up to 7.9, where tanh differs from 1 by 3e-7.
    """
    x = clamp(x, np.float32(7.9))
    s = x * x
    p = s * np.float32(1.153121842e-05) + np.float32(2.960413875e-03)
    p = p * s + np.float32(1.293436171e-01)
    p = p * s + np.float32(9.999998693e-01)
    q = s * np.float32(2.492354694e-07) + np.float32(2.400037671e-04)
    q = q * s + np.float32(2.385383815e-02)
    q = q * s + np.float32(4.626758838e-01)
    q = q * s + np.float32(1.0)
    return x * p / q


@jit
def _sigmoid(half: Any) -> Any:
    """The logistic function of twice `half`, a vector."""
    return tanh(half) * np.float32(0.5) + np.float32(0.5)


@jit
def forward(weights: Singles, z: Singles, gates: Singles, cell: Singles, tanh_cell: Singles) -> None:
    """All steps of one layer from a zero state; weights (D, 4H), other arrays as in `Buffers` without k."""
    steps, rows, h = tanh_cell.shape
    halved = weights.copy()  # of the sigmoids; halving is exact
    for i in range(len(halved)):
        for j in range(0, 3 * h, UNITS):
            store(load(halved[i], j) * np.float32(0.5), halved[i], j)
    for t in range(steps):
        set_product(z[t], halved, gates[t])
        for b in range(rows):
            gate, cell_before, cell_now = gates[t, b], cell[t, b], cell[t + 1, b]
            tanh_now, hidden = tanh_cell[t, b], z[t + 1, b]
            for j in range(0, h, UNITS):
                o, i, f = _sigmoid(load(gate, j)), _sigmoid(load(gate, h + j)), _sigmoid(load(gate, 2 * h + j))
                g = tanh(load(gate, 3 * h + j))
                c = i * g + f * load(cell_before, j)
                tanh_c = tanh(c)
                store(o, gate, j)
                store(i, gate, h + j)
                store(f, gate, 2 * h + j)
                store(g, gate, 3 * h + j)
                store(c, cell_now, j)
                store(tanh_c, tanh_now, j)
                store(o * tanh_c, hidden, j)


@jit
def backward(
    weights: Singles,
    z: Singles,
    gates: Singles,
    cell: Singles,
    tanh_cell: Singles,
    d_out: Singles,
    first: int,
    d_weights: Singles,
) -> None:
    """Adds the gradient of a layer's weights (D, 4H), given that of its outputs (T, B, H).

    It goes back to the step `first`, and overwrites `gates` with the gradient of the products.
    """
    steps, rows, h = tanh_cell.shape
    one = np.float32(1.0)
    recurrent = weights[:h].T.copy()  # (4H, H)
    d_cell = np.zeros((rows, h), dtype=np.float32)
    d_state = np.zeros((rows, h), dtype=np.float32)
    chunk = max(1, CHUNK // rows)
    for t in range(steps - 1, first - 1, -1):
        for b in range(rows):
            gate, cell_before, tanh_now = gates[t, b], cell[t, b], tanh_cell[t, b]
            d_above, d_next, d_memory = d_out[t, b], d_state[b], d_cell[b]
            for j in range(0, h, UNITS):
                o, i, f, g = load(gate, j), load(gate, h + j), load(gate, 2 * h + j), load(gate, 3 * h + j)
                tanh_c = load(tanh_now, j)
                d = load(d_next, j) + load(d_above, j)
                d_c = load(d_memory, j) + d * o * (one - tanh_c * tanh_c)
                store(d * tanh_c * o * (one - o), gate, j)
                store(d_c * g * i * (one - i), gate, h + j)
                store(d_c * load(cell_before, j) * f * (one - f), gate, 2 * h + j)
                store(d_c * i * (one - g * g), gate, 3 * h + j)
                store(d_c * f, d_memory, j)
        set_product(gates[t], recurrent, d_state)
        if (t - first) % chunk == 0:
            end = min(t + chunk, steps)
            inputs = z[t:end].reshape((end - t) * rows, -1)
            add_product(inputs.T, gates[t:end].reshape((end - t) * rows, 4 * h), d_weights)
