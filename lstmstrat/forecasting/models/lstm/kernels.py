"""The compiled kernels for one LSTM network on one core: forward pass, gradient, Adam, and loops over minibatches.

numba compiles these functions at their first call and caches them on disk. They release the interpreter lock, so
as many networks train at once as there are threads. One thread does all work on a network, in one order, so the
bits of the network depend on its own numbers alone.

A step of all four gates is one product, gates = [h | 1 | x] @ W. Three products (forward, gradient of the state,
gradient of W; see product.py) take more than half of the time, tanh takes most of the rest.

Letters: B sequences processed at a time (4 to 16), T bars of a sequence, S loss steps, n rows, F features,
H hidden units, D the width of [h | 1 | x], k layers, K minibatches, P numbers of a network. See `layout.Layout`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Ints, Singles
from lstmstrat.forecasting.models.lstm.batch import BETA1, BETA2, EPSILON, HUBER_DELTA
from lstmstrat.forecasting.models.lstm.layout import UNITS, Layout
from lstmstrat.forecasting.models.lstm.model import LSTM
from lstmstrat.forecasting.models.lstm.product import add_product, jit

CHUNK = 16  # rows of each product that adds to the gradient of W


class Buffers(NamedTuple):
    """Activations of one network; the arrays are reused for every minibatch."""

    z: Singles  # (k, T + 1, B, D), [h | 1 | x | 0] of every step
    gates: Singles  # (k, T, B, 4H), o i f g; `gradient` overwrites them with the gradient of their products
    cell: Singles  # (k, T + 1, B, H)
    tanh_cell: Singles  # (k, T, B, H)
    d_hidden: Singles  # (T, B, H), gradient of the output of a layer
    guess: Singles  # (S, B), outputs of the network, later their errors


class AdamState(NamedTuple):
    """State and settings of the optimiser."""

    mean: Singles  # (P,)
    square: Singles  # (P,)
    steps: Ints  # (1,), updates so far
    rate: float
    decay: float
    clip: float


def adam(layout: Layout, settings: LSTM) -> AdamState:
    """The state before the first update."""
    mean, square = np.zeros((2, layout.size), dtype=np.float32)
    steps = np.zeros(1, dtype=np.int64)
    return AdamState(mean, square, steps, settings.learning_rate, settings.weight_decay, settings.gradient_clip)


def new_buffers(layout: Layout, steps: int, losses: int, sequences: int) -> Buffers:
    """Buffers for `sequences` (a multiple of 4) of `steps` bars with a loss on the last `losses` bars."""
    k, h = layout.layers, layout.hidden

    def zeros(*shape: int) -> Singles:
        return np.zeros(shape, dtype=np.float32)

    z = zeros(k, steps + 1, sequences, layout.width)
    z[..., h] = 1.0
    return Buffers(
        z,
        zeros(k, steps, sequences, 4 * h),
        zeros(k, steps + 1, sequences, h),
        zeros(k, steps, sequences, h),
        zeros(steps, sequences, h),
        zeros(losses, sequences),
    )


@jit
def _tanh(x: np.float32) -> np.float32:
    """tanh with an error below 4e-7, and NaN for NaN: the quotient of polynomials that Eigen and XLA use."""
    x = min(max(x, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
    s = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * s + np.float32(2.00018790482477e-13)
    p = p * s + np.float32(-8.60467152213735e-11)
    p = p * s + np.float32(5.12229709037114e-08)
    p = p * s + np.float32(1.48572235717979e-05)
    p = p * s + np.float32(6.37261928875436e-04)
    p = p * s + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = q * s + np.float32(1.18534705686654e-04)
    q = q * s + np.float32(2.26843463243900e-03)
    q = q * s + np.float32(4.89352518554385e-03)
    return x * p / q


@jit
def _forward(weights: Singles, z: Singles, gates: Singles, cell: Singles, tanh_cell: Singles) -> None:
    """All steps of one layer from a zero state; weights (D, 4H), other arrays as in `Buffers` without k."""
    steps, rows, h = tanh_cell.shape
    half = np.float32(0.5)
    half_weights = weights.copy()
    _scale(half_weights[:, : 3 * h], half)  # sigmoid(x) = (1 + tanh(x / 2)) / 2, and halving is exact
    gates.fill(np.float32(0.0))
    for t in range(steps):
        add_product(z[t], half_weights, gates[t])
        flat = gates[t].reshape(rows * 4 * h)
        for j in range(flat.size):
            flat[j] = _tanh(flat[j])
        for b in range(rows):
            gate, cell_before, cell_now = gates[t, b], cell[t, b], cell[t + 1, b]
            for j in range(3 * h):
                gate[j] = half + half * gate[j]
            o, i, f, g = gate[:h], gate[h : 2 * h], gate[2 * h : 3 * h], gate[3 * h :]
            for j in range(h):
                cell_now[j] = i[j] * g[j] + f[j] * cell_before[j]
            tanh_now, hidden = tanh_cell[t, b], z[t + 1, b]
            for j in range(h):
                tanh_now[j] = _tanh(cell_now[j])
                hidden[j] = o[j] * tanh_now[j]


@jit
def _backward(
    weights: Singles,
    z: Singles,
    gates: Singles,
    cell: Singles,
    tanh_cell: Singles,
    d_out: Singles,
    d_weights: Singles,
) -> None:
    """Adds the gradient of a layer's weights (D, 4H), given that of its outputs (T, B, H); overwrites `gates`."""
    steps, rows, h = tanh_cell.shape
    one = np.float32(1.0)
    recurrent = weights[:h].T.copy()  # (4H, H)
    d_cell = np.zeros((rows, h), dtype=np.float32)
    d_state = np.zeros((rows, h), dtype=np.float32)
    chunk = max(1, CHUNK // rows)
    for t in range(steps - 1, -1, -1):
        for b in range(rows):
            gate, cell_before, tanh_now = gates[t, b], cell[t, b], tanh_cell[t, b]
            o, i, f, g = gate[:h], gate[h : 2 * h], gate[2 * h : 3 * h], gate[3 * h :]
            d_above, d_next, d_memory = d_out[t, b], d_state[b], d_cell[b]
            for j in range(h):
                d = d_next[j] + d_above[j]
                d_memory[j] += d * o[j] * (one - tanh_now[j] * tanh_now[j])
                o[j] = d * tanh_now[j] * o[j] * (one - o[j])
                d_next[j] = np.float32(0.0)
            for j in range(h):
                d = d_memory[j]
                d_input = d * g[j] * i[j] * (one - i[j])
                g[j] = d * i[j] * (one - g[j] * g[j])
                i[j] = d_input
                d_memory[j] = d * f[j]
                f[j] = d * cell_before[j] * f[j] * (one - f[j])
        add_product(gates[t], recurrent, d_state)
        if t % chunk == 0:
            end = min(t + chunk, steps)
            inputs = z[t:end].reshape((end - t) * rows, -1)
            add_product(inputs.T, gates[t:end].reshape((end - t) * rows, 4 * h), d_weights)


@jit
def _gather(x: Singles, starts: Ints, steps: int, into: Singles) -> None:
    """Copies rows `starts[b]` to `starts[b] + steps` of x (n, F) into the inputs of the steps (T + 1, B, F)."""
    for t in range(steps):
        for b in range(starts.size):
            for j in range(x.shape[1]):
                into[t, b, j] = x[starts[b] + t, j]


@jit
def outputs(matrices: Singles, dense: Singles, x: Singles, starts: Ints, masks: Singles, buffers: Buffers) -> None:
    """Writes the outputs of the network at the last S steps of each sequence into `buffers.guess` (S, B).

    matrices (k, D, 4H), dense (H + 1,) with its bias last; a sequence is the rows starts[b] to starts[b] + T of
    x (n, F). masks (k - 1, T, B, H) multiply the state between two layers; (0, ...) for none.
    """
    layers, steps, rows, h = buffers.tanh_cell.shape
    losses = buffers.guess.shape[0]
    _gather(x, starts, steps, buffers.z[0, :, :, h + 1 :])
    for k in range(layers):
        if k:
            for t in range(steps):
                for b in range(rows):
                    for j in range(h):
                        mask = masks[k - 1, t, b, j] if masks.shape[0] else np.float32(1.0)
                        buffers.z[k, t, b, h + 1 + j] = buffers.z[k - 1, t + 1, b, j] * mask
        _forward(matrices[k], buffers.z[k], buffers.gates[k], buffers.cell[k], buffers.tanh_cell[k])
    for s in range(losses):
        for b in range(rows):
            total = dense[h]
            for j in range(h):
                total += buffers.z[layers - 1, steps - losses + s + 1, b, j] * dense[j]
            buffers.guess[s, b] = total


@jit
def gradient(
    matrices: Singles,
    dense: Singles,
    d_y: Singles,
    masks: Singles,
    buffers: Buffers,
    d_matrices: Singles,
    d_dense: Singles,
) -> None:
    """Adds the gradient of the weights, given that of the outputs, d_y (S, B). Call `outputs` before."""
    layers, steps, rows, h = buffers.tanh_cell.shape
    losses = d_y.shape[0]
    buffers.d_hidden.fill(np.float32(0.0))
    for s in range(losses):
        t = steps - losses + s
        for b in range(rows):
            d_dense[h] += d_y[s, b]
            for j in range(h):
                d_dense[j] += d_y[s, b] * buffers.z[layers - 1, t + 1, b, j]
                buffers.d_hidden[t, b, j] = d_y[s, b] * dense[j]
    for k in range(layers - 1, -1, -1):
        _backward(
            matrices[k],
            buffers.z[k],
            buffers.gates[k],
            buffers.cell[k],
            buffers.tanh_cell[k],
            buffers.d_hidden,
            d_matrices[k],
        )
        if k:
            buffers.d_hidden.fill(np.float32(0.0))
            input_weights = matrices[k, h + 1 : 2 * h + 1].T.copy()  # (4H, H)
            for t in range(steps):
                add_product(buffers.gates[k, t], input_weights, buffers.d_hidden[t])
                for b in range(rows if len(masks) else 0):
                    for j in range(h):
                        buffers.d_hidden[t, b, j] *= masks[k - 1, t, b, j]


@jit
def update(theta: Singles, slope: Singles, adam: AdamState) -> float:
    """One step of Adam with decoupled weight decay (Loshchilov & Hutter 2019); returns the norm of the gradient.

    theta and its gradient `slope` (P,); the gradient is first clipped to the norm `adam.clip`.
    """
    parts = np.zeros(UNITS, dtype=np.float64)  # independent sums, so that no addition waits for another
    for p in range(0, slope.size, UNITS):
        for j in range(UNITS):
            parts[j] += slope[p + j] * slope[p + j]
    norm: float = np.sqrt(parts.sum())
    shrink = np.float32(min(1.0, adam.clip / (norm + 1e-6)))
    adam.steps[0] += 1
    unbias = np.float32(1.0 / np.sqrt(1.0 - BETA2 ** adam.steps[0]))
    rate = np.float32(adam.rate / (1.0 - BETA1 ** adam.steps[0]))
    decay = np.float32(1.0 - adam.rate * adam.decay)
    for p in range(theta.size):
        d = slope[p] * shrink
        adam.mean[p] += np.float32(1.0 - BETA1) * (d - adam.mean[p])
        adam.square[p] += np.float32(1.0 - BETA2) * (d * d - adam.square[p])
        theta[p] = (
            theta[p] * decay - adam.mean[p] / (np.sqrt(adam.square[p]) * unbias + np.float32(EPSILON)) * rate
        )
    return norm


@jit
def errors(y: Singles, starts: Ints, weights: Singles, buffers: Buffers) -> float:
    """Turns `buffers.guess` into errors, 0 where weights (S, B) are 0; returns the sum of their squares.

    y (n,) holds the labels of the rows that `starts` refers to.
    """
    total = 0.0
    losses, rows = buffers.guess.shape
    offset = buffers.d_hidden.shape[0] - losses
    for s in range(losses):
        for b in range(rows):
            error = (buffers.guess[s, b] - y[starts[b] + offset + s]) * weights[s, b]
            buffers.guess[s, b] = error
            total += error * error
    return total


@jit
def errors_to_huber(buffers: Buffers) -> float:
    """Turns the errors in `buffers.guess` into slopes of the Huber loss; returns the sum of the losses.

    The loss is half the square of an error up to `HUBER_DELTA`, and from there on a straight line (Huber 1964).
    """
    total, delta = 0.0, np.float32(HUBER_DELTA)
    for s in range(buffers.guess.shape[0]):
        for b in range(buffers.guess.shape[1]):
            error = buffers.guess[s, b]
            slope = min(max(error, -delta), delta)
            buffers.guess[s, b] = slope
            total += slope * (error - np.float32(0.5) * slope)
    return total


@jit
def _scale(x: Singles, factor: np.float32) -> None:
    """x *= factor, written as loops, which compile in a twentieth of the time."""
    for i in range(len(x)):
        for j in range(x.shape[1]):
            x[i, j] *= factor


@jit
def _split(theta: Singles, buffers: Buffers) -> tuple[Singles, Singles]:
    """`Layout.split` for one network."""
    layers, _, _, h = buffers.tanh_cell.shape
    width = buffers.z.shape[3]
    head = layers * width * 4 * h
    return theta[:head].reshape(layers, width, 4 * h), theta[head : head + h + 1]


@jit
def train(
    theta: Singles,
    slope: Singles,
    adam: AdamState,
    x: Singles,
    y: Singles,
    starts: Ints,
    weights: Singles,
    masks: Singles,
    buffers: Buffers,
    huber: bool,
) -> tuple[float, bool]:
    """Trains on minibatches, starts (K, all) and weights (K, S, all), one after the other.

    Returns the sum of the losses (squared errors, or Huber's), and False if a gradient or a loss was not finite.
    The sequences of a minibatch, a multiple of B, are processed B at a time. theta and its gradient `slope` (P,)
    are changed.
    """
    matrices, dense = _split(theta, buffers)
    d_matrices, d_dense = _split(slope, buffers)
    total, finite, rows = 0.0, True, buffers.guess.shape[1]
    for k in range(starts.shape[0]):
        slope.fill(np.float32(0.0))
        share = np.float32(1.0 if huber else 2.0) / max(weights[k].sum(), np.float32(1.0))
        loss = 0.0
        for b in range(0, starts.shape[1], rows):
            part, part_masks = starts[k, b : b + rows], masks[:, :, b : b + rows]
            outputs(matrices, dense, x, part, part_masks, buffers)
            squares = errors(y, part, weights[k, :, b : b + rows], buffers)
            loss += errors_to_huber(buffers) if huber else squares
            _scale(buffers.guess, share)
            gradient(matrices, dense, buffers.guess, part_masks, buffers, d_matrices, d_dense)
        norm = update(theta, slope, adam)
        finite = finite and np.isfinite(norm + loss)
        total += loss
    return total, finite


@jit
def measure(
    theta: Singles,
    x: Singles,
    y: Singles,
    starts: Ints,
    weights: Singles,
    masks: Singles,
    buffers: Buffers,
    huber: bool,
) -> float:
    """The sum of the losses over minibatches as in `train`; the network is not changed."""
    matrices, dense = _split(theta, buffers)
    total, rows = 0.0, buffers.guess.shape[1]
    for k in range(starts.shape[0]):
        for b in range(0, starts.shape[1], rows):
            outputs(matrices, dense, x, starts[k, b : b + rows], masks[:, :, b : b + rows], buffers)
            squares = errors(y, starts[k, b : b + rows], weights[k, :, b : b + rows], buffers)
            total += errors_to_huber(buffers) if huber else squares
    return total
