"""The compiled kernels for one LSTM network on one core: outputs, gradient, losses, and loops over minibatches.

They release the interpreter lock, so as many networks train at once as there are threads. One thread does all work
on a network, in one order, so the bits of the network depend on its own numbers alone.

A step of all four gates is one product, gates = [h | 1 | x] @ W. Three products (forward, gradient of the state,
gradient of W; see product.py) take most of the time, gates and cells (cell.py) most of the rest. adam.py has the
optimiser.

Letters: B sequences processed at a time (4 to 16), T bars of a sequence, S loss steps, n rows, X columns of
inputs, H hidden units, D the width of [h | 1 | x], k layers, K minibatches, P numbers of a network, M networks.
See `layout.Layout`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Floats, Ints, Singles
from lstmstrat.forecasting.models.lstm.adam import AdamState, update
from lstmstrat.forecasting.models.lstm.batch import HUBER_DELTA
from lstmstrat.forecasting.models.lstm.cell import backward, forward
from lstmstrat.forecasting.models.lstm.compiler import jit
from lstmstrat.forecasting.models.lstm.layout import UNITS, Layout
from lstmstrat.forecasting.models.lstm.product import set_product
from lstmstrat.forecasting.models.lstm.vectors import load, spread, store, total


class Buffers(NamedTuple):
    """Activations of one network; the arrays are reused for every minibatch."""

    z: Singles  # (k, T + 1, B, >= D), [h | 1 | x | 0] of every step
    gates: Singles  # (k, T, B, 4H), o i f g; `gradient` overwrites them with the gradient of their products
    cell: Singles  # (k, T + 1, B, H)
    tanh_cell: Singles  # (k, T, B, H)
    d_hidden: Singles  # (T, B, H), gradient of the output of a layer
    guess: Singles  # (S, B), outputs of the network, later their errors


class Data(NamedTuple):
    """What the sequences of a network are cut from; n rows."""

    x: Singles  # (n, X), see `batch.with_bias`
    y: Singles  # (n,)
    weight: Singles  # (n,), 1 for a label that counts, else 0


def new_buffers(layout: Layout, steps: int, losses: int, sequences: int) -> Buffers:
    """Buffers for `sequences` (a multiple of 4) of `steps` bars with a loss on the last `losses` bars."""
    k, h = layout.layers, layout.hidden

    def zeros(*shape: int) -> Singles:
        return np.zeros(shape, dtype=np.float32)

    z = zeros(k, steps + 1, sequences, h + max(layout.columns, layout.width - h))
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
def _gather(x: Singles, starts: Ints, h: int, into: Singles) -> None:
    """Copies rows `starts[b]` to `starts[b] + T` of x (n, X) into the inputs of the steps, z (T + 1, B, >= D)."""
    for t in range(into.shape[0] - 1):
        for b in range(starts.size):
            source, target = x[starts[b] + t], into[t, b]
            for j in range(0, x.shape[1], UNITS):
                store(load(source, j), target, h + j)


@jit
def _hand_up(below: Singles, masks: Singles, h: int, into: Singles) -> None:
    """The states of the layer below as inputs of a layer, z (T + 1, B, >= D) both; masks (T, B, H) or (0, ...)."""
    for t in range(into.shape[0] - 1):
        for b in range(into.shape[1]):
            for j in range(0, h, UNITS):
                state = load(below[t + 1, b], j)
                if len(masks):
                    state = state * load(masks[t, b], j)
                store(state, into[t, b], h + 1 + j)


@jit
def outputs(matrices: Singles, dense: Singles, x: Singles, starts: Ints, masks: Singles, buffers: Buffers) -> None:
    """Writes the outputs of the network at the last S steps of each sequence into `buffers.guess` (S, B).

    matrices (k, D, 4H), dense (H + 1,) with its bias last; a sequence is the rows starts[b] to starts[b] + T of
    x (n, X). masks (k - 1, T, B, H) multiply the state between two layers; (k - 1, 0, ...) for none.
    """
    layers, steps, rows, h = buffers.tanh_cell.shape
    losses = buffers.guess.shape[0]
    _gather(x, starts, h, buffers.z[0])
    for k in range(layers):
        if k:
            _hand_up(buffers.z[k - 1], masks[k - 1], h, buffers.z[k])
        forward(matrices[k], buffers.z[k], buffers.gates[k], buffers.cell[k], buffers.tanh_cell[k])
    for s in range(losses):
        for b in range(rows):
            hidden, parts = buffers.z[layers - 1, steps - losses + s + 1, b], spread(np.float32(0.0))
            for j in range(0, h, UNITS):
                parts = parts + load(hidden, j) * load(dense, j)
            buffers.guess[s, b] = dense[h] + total(parts)


@jit
def gradient(
    matrices: Singles,
    dense: Singles,
    d_y: Singles,
    masks: Singles,
    buffers: Buffers,
    first: int,
    d_matrices: Singles,
    d_dense: Singles,
) -> None:
    """Adds the gradient of the weights, given that of the outputs, d_y (S, B). Call `outputs` before.

    It goes back to the step `first`: what lies before is taken as given.
    """
    layers, steps, rows, h = buffers.tanh_cell.shape
    losses = d_y.shape[0]
    buffers.d_hidden[: steps - losses] = np.float32(0.0)
    for j in range(0, h, UNITS):
        weights, slope = load(dense, j), load(d_dense, j)
        for s in range(losses):
            for b in range(rows):
                slope = slope + load(buffers.z[layers - 1, steps - losses + s + 1, b], j) * d_y[s, b]
                store(weights * d_y[s, b], buffers.d_hidden[steps - losses + s, b], j)
        store(slope, d_dense, j)
    for s in range(losses):
        for b in range(rows):
            d_dense[h] += d_y[s, b]
    for k in range(layers - 1, -1, -1):
        backward(
            matrices[k],
            buffers.z[k],
            buffers.gates[k],
            buffers.cell[k],
            buffers.tanh_cell[k],
            buffers.d_hidden,
            first,
            d_matrices[k],
        )
        if k:
            _hand_down(matrices[k], buffers.gates[k], masks[k - 1], first, buffers.d_hidden)


@jit
def _hand_down(weights: Singles, d_gates: Singles, masks: Singles, first: int, d_hidden: Singles) -> None:
    """The gradient of the outputs of the layer below, from that of the gates of a layer (T, B, 4H)."""
    steps, rows, h = d_hidden.shape
    input_weights = weights[h + 1 : 2 * h + 1].T.copy()  # (4H, H)
    for t in range(first, steps):
        set_product(d_gates[t], input_weights, d_hidden[t])
        if len(masks):
            for b in range(rows):
                for j in range(0, h, UNITS):
                    store(load(d_hidden[t, b], j) * load(masks[t, b], j), d_hidden[t, b], j)


@jit
def errors(data: Data, starts: Ints, buffers: Buffers) -> float:
    """Turns `buffers.guess` into errors, 0 where the label does not count; returns the sum of their squares."""
    squares = 0.0
    losses, rows = buffers.guess.shape
    offset = buffers.d_hidden.shape[0] - losses
    for s in range(losses):
        for b in range(rows):
            row = starts[b] + offset + s
            error = (buffers.guess[s, b] - data.y[row]) * data.weight[row]
            buffers.guess[s, b] = error
            squares += error * error
    return squares


@jit
def errors_to_huber(buffers: Buffers) -> float:
    """Turns the errors in `buffers.guess` into slopes of the Huber loss; returns the sum of the losses.

    The loss is half the square of an error up to `HUBER_DELTA`, and from there on a straight line (Huber 1964).
    """
    losses, delta = 0.0, np.float32(HUBER_DELTA)
    for s in range(buffers.guess.shape[0]):
        for b in range(buffers.guess.shape[1]):
            error = buffers.guess[s, b]
            slope = min(max(error, -delta), delta)
            buffers.guess[s, b] = slope
            losses += slope * (error - np.float32(0.5) * slope)
    return losses


@jit
def share(weight: Singles, starts: Ints, buffers: Buffers, huber: bool) -> np.float32:
    """The factor of an error in the slope of the mean loss: 1 (Huber) or 2 over the number of labels."""
    losses, count = buffers.guess.shape[0], np.float32(0.0)
    offset = buffers.d_hidden.shape[0] - losses
    for b in range(starts.size):
        for s in range(losses):
            count += weight[starts[b] + offset + s]
    return np.float32(1.0 if huber else 2.0) / max(count, np.float32(1.0))


@jit
def _split(theta: Singles, layers: int, width: int, h: int) -> tuple[Singles, Singles]:
    """`Layout.split` for one network."""
    head = layers * width * 4 * h
    return theta[:head].reshape(layers, width, 4 * h), theta[head : head + h + 1]


@jit
def add_gradient(
    theta: Singles,
    slope: Singles,
    width: int,
    data: Data,
    starts: Ints,
    masks: Singles,
    buffers: Buffers,
    huber: bool,
    first: int,
    share: np.float32,
    loss: float,
) -> float:
    """Adds the gradient of some sequences of a minibatch, a multiple of B, to `slope` (P,).

    Returns `loss` and the losses of these sequences. The gradient goes back to the step `first`. D is `width`.
    """
    layers, _, _, h = buffers.tanh_cell.shape
    matrices, dense = _split(theta, layers, width, h)
    d_matrices, d_dense = _split(slope, layers, width, h)
    losses, rows = buffers.guess.shape
    for b in range(0, starts.size, rows):
        part, part_masks = starts[b : b + rows], masks[:, :, b : b + rows]
        outputs(matrices, dense, data.x, part, part_masks, buffers)
        squares = errors(data, part, buffers)
        loss += errors_to_huber(buffers) if huber else squares
        for s in range(losses):
            for r in range(rows):
                buffers.guess[s, r] *= share
        gradient(matrices, dense, buffers.guess, part_masks, buffers, first, d_matrices, d_dense)
    return loss


@jit
def train(
    theta: Singles,
    slope: Singles,
    width: int,
    adam: AdamState,
    data: Data,
    starts: Ints,
    masks: Singles,
    buffers: Buffers,
    huber: bool,
    first: int,
    losses: Floats,
) -> None:
    """Trains on minibatches, starts (K, all), one after the other.

    Writes the sum of the losses of each (squared errors, or Huber's) into `losses` (K,); infinite or NaN if any of
    its numbers was. theta and its gradient `slope` (P,) are changed.
    """
    for k in range(starts.shape[0]):
        slope.fill(np.float32(0.0))
        part = share(data.weight, starts[k], buffers, huber)
        loss = add_gradient(theta, slope, width, data, starts[k], masks, buffers, huber, first, part, 0.0)
        norm = update(theta, slope, adam)
        losses[k] = loss if np.isfinite(norm) else norm


@jit
def measure(
    theta: Singles,
    width: int,
    data: Data,
    starts: Ints,
    masks: Singles,
    buffers: Buffers,
    huber: bool,
    loss: float,
) -> float:
    """`loss` and the losses of some sequences, a multiple of B; the network is not changed."""
    layers, _, _, h = buffers.tanh_cell.shape
    matrices, dense = _split(theta, layers, width, h)
    rows = buffers.guess.shape[1]
    for b in range(0, starts.size, rows):
        outputs(matrices, dense, data.x, starts[b : b + rows], masks[:, :, b : b + rows], buffers)
        squares = errors(data, starts[b : b + rows], buffers)
        loss += errors_to_huber(buffers) if huber else squares
    return loss


@jit
def forecasts(
    matrices: Singles, dense: Singles, x: Singles, starts: Ints, buffers: Buffers, into: Singles
) -> None:
    """Outputs of M networks at the last bars of n windows, a multiple of 4, into (M, n).

    matrices (M, k, D, 4H), dense (M, H + 1), x (rows, X); the windows are processed B at a time.
    """
    rows = buffers.guess.shape[1]
    masks = np.zeros((len(buffers.z), 0, rows, 0), dtype=np.float32)  # none
    for m in range(len(dense)):
        for b in range(0, starts.size, rows):
            outputs(matrices[m], dense[m], x, starts[b : b + rows], masks, buffers)
            into[m, b : b + rows] = buffers.guess[0]
