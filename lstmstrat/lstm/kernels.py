"""One LSTM network on one core, compiled: forward, gradient, Adam, and whole minibatches of them.

numba compiles these functions when they are first called and keeps the result on disk. They release the
interpreter lock, so as many networks train at once as there are threads; each is worked by one thread from
beginning to end, in one order, so its bits depend on nothing but its own numbers.

A step of all four gates is one product, gates = [h | 1 | x] @ W. More than half of the time goes into three
products (forward, gradient of the state, gradient of W; see product.py), most of the rest into tanh.

Letters: B sequences worked at a time (4 to 16), T bars of a sequence, S loss steps, n rows, F features,
H hidden units, D the width of [h | 1 | x], k layers, K minibatches, P numbers of a network. See layout.Layout.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.batch import BETA1, BETA2, EPSILON
from lstmstrat.lstm.layout import UNITS, Ints, Layout, Single
from lstmstrat.lstm.product import add_product, compiled

CHUNK = 16  # rows that go into the gradient of W at a time


class Buffers(NamedTuple):
    """Activations of one network, used again for every minibatch."""

    z: Single  # (k, T + 1, B, D), [h | 1 | x | 0] of every step
    gates: Single  # (k, T, B, 4H), o i f g; after the gradient, that of the products before the gates
    cell: Single  # (k, T + 1, B, H)
    tanh_cell: Single  # (k, T, B, H)
    d_hidden: Single  # (T, B, H), gradient of a layer's output
    guess: Single  # (S, B)


class Adam(NamedTuple):
    """State and settings of the optimiser."""

    mean: Single  # (P,)
    square: Single  # (P,)
    steps: Ints  # (1,), updates so far
    rate: float
    decay: float
    clip: float


def adam(layout: Layout, config: ForecastConfig) -> Adam:
    """Before the first update."""
    mean, square = np.zeros((2, layout.size), dtype=np.float32)
    steps = np.zeros(1, dtype=np.int64)
    return Adam(mean, square, steps, config.learning_rate, config.weight_decay, config.gradient_clip)


def buffers(layout: Layout, steps: int, losses: int, sequences: int) -> Buffers:
    """For `sequences` (a multiple of 4) of `steps` bars with a loss on the last `losses`."""
    k, h = layout.layers, layout.hidden

    def zeros(*shape: int) -> Single:
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


@compiled
def _tanh(x: np.float32) -> np.float32:
    """Within 4e-7 of tanh, and NaN for NaN: the quotient of polynomials that Eigen and XLA use."""
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


@compiled
def _forward(weights: Single, z: Single, gates: Single, cell: Single, tanh_cell: Single) -> None:
    """All steps of one layer from a zero state; weights (D, 4H), the rest as in `Buffers` without k."""
    steps, rows, h = tanh_cell.shape
    half = np.float32(0.5)
    halved = weights.copy()
    _scale(halved[:, : 3 * h], half)  # sigmoid(x) = (1 + tanh(x / 2)) / 2, and halving is exact
    gates.fill(np.float32(0.0))
    for t in range(steps):
        add_product(z[t], halved, gates[t])
        flat = gates[t].reshape(rows * 4 * h)
        for j in range(flat.size):
            flat[j] = _tanh(flat[j])
        for b in range(rows):
            gate, before, now = gates[t, b], cell[t, b], cell[t + 1, b]
            for j in range(3 * h):
                gate[j] = half + half * gate[j]
            o, i, f, g = gate[:h], gate[h : 2 * h], gate[2 * h : 3 * h], gate[3 * h :]
            for j in range(h):
                now[j] = i[j] * g[j] + f[j] * before[j]
            tanh_now, hidden = tanh_cell[t, b], z[t + 1, b]
            for j in range(h):
                tanh_now[j] = _tanh(now[j])
                hidden[j] = o[j] * tanh_now[j]


@compiled
def _backward(
    weights: Single, z: Single, gates: Single, cell: Single, tanh_cell: Single, d_out: Single, d_weights: Single
) -> None:
    """Adds the gradient of one layer's weights (D, 4H), given that of its outputs (T, B, H); changes `gates`."""
    steps, rows, h = tanh_cell.shape
    one = np.float32(1.0)
    back = weights[:h].T.copy()  # (4H, H)
    d_cell = np.zeros((rows, h), dtype=np.float32)
    d_state = np.zeros((rows, h), dtype=np.float32)
    chunk = max(1, CHUNK // rows)
    for t in range(steps - 1, -1, -1):
        for b in range(rows):
            gate, before, tanh_now = gates[t, b], cell[t, b], tanh_cell[t, b]
            o, i, f, g = gate[:h], gate[h : 2 * h], gate[2 * h : 3 * h], gate[3 * h :]
            above, state, carried = d_out[t, b], d_state[b], d_cell[b]
            for j in range(h):
                d = state[j] + above[j]
                carried[j] += d * o[j] * (one - tanh_now[j] * tanh_now[j])
                o[j] = d * tanh_now[j] * o[j] * (one - o[j])
                state[j] = np.float32(0.0)
            for j in range(h):
                d = carried[j]
                d_input = d * g[j] * i[j] * (one - i[j])
                g[j] = d * i[j] * (one - g[j] * g[j])
                i[j] = d_input
                carried[j] = d * f[j]
                f[j] = d * before[j] * f[j] * (one - f[j])
        add_product(gates[t], back, d_state)
        if t % chunk == 0:
            end = min(t + chunk, steps)
            seen = z[t:end].reshape((end - t) * rows, -1)
            add_product(seen.T, gates[t:end].reshape((end - t) * rows, 4 * h), d_weights)


@compiled
def _gather(x: Single, starts: Ints, steps: int, into: Single) -> None:
    """Rows `starts[b]` to `starts[b] + steps` of x (n, F) into the input of every step; into (T + 1, B, F)."""
    for t in range(steps):
        for b in range(starts.size):
            for j in range(x.shape[1]):
                into[t, b, j] = x[starts[b] + t, j]


@compiled
def outputs(matrices: Single, dense: Single, x: Single, starts: Ints, masks: Single, made: Buffers) -> None:
    """Writes into `made.guess` (S, B) what the network says at the last S steps of each sequence.

    matrices (k, D, 4H), dense (H + 1,) with its bias last; the sequences are rows starts[b] to starts[b] + T of
    x (n, F). masks (k - 1, T, B, H) multiply the state between two layers; (0, ...) for none.
    """
    layers, steps, rows, h = made.tanh_cell.shape
    losses = made.guess.shape[0]
    _gather(x, starts, steps, made.z[0, :, :, h + 1 :])
    for k in range(layers):
        if k:
            for t in range(steps):
                for b in range(rows):
                    for j in range(h):
                        keep = masks[k - 1, t, b, j] if masks.shape[0] else np.float32(1.0)
                        made.z[k, t, b, h + 1 + j] = made.z[k - 1, t + 1, b, j] * keep
        _forward(matrices[k], made.z[k], made.gates[k], made.cell[k], made.tanh_cell[k])
    for s in range(losses):
        for b in range(rows):
            total = dense[h]
            for j in range(h):
                total += made.z[layers - 1, steps - losses + s + 1, b, j] * dense[j]
            made.guess[s, b] = total


@compiled
def gradient(
    matrices: Single, dense: Single, d_y: Single, masks: Single, made: Buffers, d_matrices: Single, d_dense: Single
) -> None:
    """Adds the gradient of the weights after `outputs`, given that of the outputs, d_y (S, B)."""
    layers, steps, rows, h = made.tanh_cell.shape
    losses = d_y.shape[0]
    made.d_hidden.fill(np.float32(0.0))
    for s in range(losses):
        t = steps - losses + s
        for b in range(rows):
            d_dense[h] += d_y[s, b]
            for j in range(h):
                d_dense[j] += d_y[s, b] * made.z[layers - 1, t + 1, b, j]
                made.d_hidden[t, b, j] = d_y[s, b] * dense[j]
    for k in range(layers - 1, -1, -1):
        _backward(
            matrices[k], made.z[k], made.gates[k], made.cell[k], made.tanh_cell[k], made.d_hidden, d_matrices[k]
        )
        if k:
            made.d_hidden.fill(np.float32(0.0))
            ahead = matrices[k, h + 1 : 2 * h + 1].T.copy()  # (4H, H)
            for t in range(steps):
                add_product(made.gates[k, t], ahead, made.d_hidden[t])
                for b in range(rows if len(masks) else 0):
                    for j in range(h):
                        made.d_hidden[t, b, j] *= masks[k - 1, t, b, j]


@compiled
def update(theta: Single, slope: Single, adam: Adam) -> float:
    """One step of Adam with decoupled weight decay (Loshchilov & Hutter 2019); gives the gradient's norm.

    theta and its gradient `slope` (P,); the gradient is first cut to the norm `adam.clip`.
    """
    parts = np.zeros(UNITS, dtype=np.float64)  # sums side by side: one would wait for the other
    for p in range(0, slope.size, UNITS):
        for j in range(UNITS):
            parts[j] += slope[p + j] * slope[p + j]
    norm: float = np.sqrt(parts.sum())
    cut = np.float32(min(1.0, adam.clip / (norm + 1e-6)))
    adam.steps[0] += 1
    unbias = np.float32(1.0 / np.sqrt(1.0 - BETA2 ** adam.steps[0]))
    rate = np.float32(adam.rate / (1.0 - BETA1 ** adam.steps[0]))
    kept = np.float32(1.0 - adam.rate * adam.decay)
    for p in range(theta.size):
        d = slope[p] * cut
        adam.mean[p] += np.float32(1.0 - BETA1) * (d - adam.mean[p])
        adam.square[p] += np.float32(1.0 - BETA2) * (d * d - adam.square[p])
        theta[p] = theta[p] * kept - adam.mean[p] / (np.sqrt(adam.square[p]) * unbias + np.float32(EPSILON)) * rate
    return norm


@compiled
def errors(y: Single, starts: Ints, weights: Single, made: Buffers) -> float:
    """Turns `made.guess` into errors, 0 where weights (S, B) are 0; gives the sum of their squares.

    y (n,) belongs to the rows that the sequences were cut from.
    """
    total = 0.0
    losses, rows = made.guess.shape
    before = made.d_hidden.shape[0] - losses
    for s in range(losses):
        for b in range(rows):
            error = (made.guess[s, b] - y[starts[b] + before + s]) * weights[s, b]
            made.guess[s, b] = error
            total += error * error
    return total


@compiled
def _scale(x: Single, by: np.float32) -> None:
    """x *= by; written out, it compiles in a twentieth of the time."""
    for i in range(len(x)):
        for j in range(x.shape[1]):
            x[i, j] *= by


@compiled
def _split(theta: Single, made: Buffers) -> tuple[Single, Single]:
    """`Layout.split` for one network."""
    layers, _, _, h = made.tanh_cell.shape
    width = made.z.shape[3]
    head = layers * width * 4 * h
    return theta[:head].reshape(layers, width, 4 * h), theta[head : head + h + 1]


@compiled
def train(
    theta: Single,
    slope: Single,
    adam: Adam,
    x: Single,
    y: Single,
    starts: Ints,
    weights: Single,
    masks: Single,
    made: Buffers,
) -> tuple[float, bool]:
    """Minibatches, starts (K, all) and weights (K, S, all), one after the other; the sum of squared errors.

    The sequences of a minibatch, a multiple of B, are worked B at a time. False if a gradient or a loss was not
    finite. theta and its gradient `slope` (P,) are changed.
    """
    matrices, dense = _split(theta, made)
    d_matrices, d_dense = _split(slope, made)
    total, finite, rows = 0.0, True, made.guess.shape[1]
    for k in range(starts.shape[0]):
        slope.fill(np.float32(0.0))
        loss, share = 0.0, np.float32(2.0) / max(weights[k].sum(), np.float32(1.0))
        for b in range(0, starts.shape[1], rows):
            some, dropped = starts[k, b : b + rows], masks[:, :, b : b + rows]
            outputs(matrices, dense, x, some, dropped, made)
            loss += errors(y, some, weights[k, :, b : b + rows], made)
            _scale(made.guess, share)
            gradient(matrices, dense, made.guess, dropped, made, d_matrices, d_dense)
        norm = update(theta, slope, adam)
        finite = finite and np.isfinite(norm + loss)
        total += loss
    return total, finite


@compiled
def measure(
    theta: Single, x: Single, y: Single, starts: Ints, weights: Single, masks: Single, made: Buffers
) -> float:
    """Sum of squared errors over minibatches as `train` takes them; nothing is learned."""
    matrices, dense = _split(theta, made)
    total, rows = 0.0, made.guess.shape[1]
    for k in range(starts.shape[0]):
        for b in range(0, starts.shape[1], rows):
            outputs(matrices, dense, x, starts[k, b : b + rows], masks[:, :, b : b + rows], made)
            total += errors(y, starts[k, b : b + rows], weights[k, :, b : b + rows], made)
    return total
