"""Forward and gradient of the batched networks, and the values that go in and come out."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from networks import Reference, parts

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm import values
from lstmstrat.lstm.network import Layout, Network
from lstmstrat.lstm.values import Fitted, Scaler, TrainingSlice, fit_scaler, samples

CPU = torch.device("cpu")


def first_weights(layout: Layout, slices: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([layout.initial(np.random.default_rng(g)) for g in range(slices)]))  # (G, P)


def case(layers: int, units: int, inputs: int, steps: int, rows: int):
    """Three networks with inputs for them: layout, weights (G, P), x (G, T, B, F)."""
    layout = Layout(inputs, units, layers)
    x = torch.randn(3, steps, rows, inputs, generator=torch.Generator().manual_seed(1))
    return layout, first_weights(layout, 3), x


SHAPES = [  # layers, units, inputs, T, B, S; units of 1, 5 and 7 are padded, D is padded in all
    (1, 1, 1, 1, 1, 1),
    (1, 32, 13, 20, 5, 5),
    (2, 7, 3, 15, 4, 1),
    (2, 8, 10, 12, 1, 12),
    (3, 5, 2, 9, 3, 4),
]


@pytest.mark.parametrize(("layers", "units", "inputs", "span", "rows", "steps"), SHAPES)
def test_outputs_and_gradients_equal_torch(layers, units, inputs, span, rows, steps):
    layout, theta, x = case(layers, units, inputs, span, rows)
    d_y = torch.randn(3, steps, rows, generator=torch.Generator().manual_seed(2))
    network, gradient = Network(layout, 3, span, rows, CPU), torch.zeros_like(theta)
    y = network.forward(theta, x, steps)
    network.backward(theta, d_y, gradient)
    for g in range(3):
        reference = Reference(layout, theta[g])
        expected = reference(x[g])[-steps:]  # (S, B)
        torch.testing.assert_close(y[g], expected.detach(), rtol=1e-5, atol=1e-6)
        (expected * d_y[g]).sum().backward()
        for name, part in parts(layout, gradient[g]).items():
            torch.testing.assert_close(part, reference.get_parameter(name).grad, rtol=1e-4, atol=1e-5, msg=name)


def test_buffers_of_an_earlier_minibatch_leave_no_trace():
    layout, theta, x = case(2, 7, 3, 15, 4)
    d_y, fresh, used = torch.ones(3, 2, 4), torch.zeros_like(theta), torch.zeros_like(theta)
    network = Network(layout, 3, 15, 4, CPU)
    for gradient, inputs in ((fresh, x), (used, 5.0 * x), (used, x)):
        network.forward(theta, inputs, 2)
        network.backward(theta, d_y, gradient)
    assert torch.equal(fresh, used)


def test_gradient_equals_finite_differences_with_dropout_masks():
    # Central differences with steps of 1/64 in float32 are good to about 1e-3 of the largest gradient.
    layout, theta, x = case(2, 4, 2, 6, 3)
    draw = torch.Generator().manual_seed(3)
    masks = [2.0 * (torch.rand(3, 6, 3, layout.hidden, generator=draw) < 0.5)]
    d_y, gradient = torch.randn(3, 2, 3, generator=draw), torch.zeros_like(theta)
    network, step = Network(layout, 3, 6, 3, CPU), 1 / 64
    network.forward(theta, x, 2, masks)
    network.backward(theta, d_y, gradient, masks)

    def total(moved: torch.Tensor) -> torch.Tensor:
        return (network.forward(moved, x, 2, masks) * d_y).double().sum((1, 2))  # (G,)

    used = torch.randperm(layout.size, generator=draw)[:80]
    numeric = torch.zeros_like(theta)
    for p in used:
        shift = torch.zeros_like(theta)
        shift[:, p] = step
        numeric[:, p] = (total(theta + shift) - total(theta - shift)) / (2 * step)
    allowed = 2e-3 * gradient.abs().max()
    assert (numeric[:, used] - gradient[:, used]).abs().max() < allowed
    assert gradient[:, used].abs().max() > 50 * allowed


def test_first_weights():
    # torch.nn.LSTM draws within 1/sqrt(units); the dense bias begins at 0; all the rest is padding.
    layout = Layout(3, 7, 2)
    theta = torch.from_numpy(layout.initial(np.random.default_rng(0)))
    bound, own = 1 / math.sqrt(7), parts(layout, theta)
    for name, part in own.items():
        assert part.abs().max() <= bound, name
        assert name == "dense.bias" or part.abs().max() > 0.7 * bound, name
    assert own["dense.bias"].item() == 0.0
    # 4 gates of 7 units: (7 + 3 + 1) and (7 + 7 + 1) numbers each, and 7 of the dense layer.
    assert int((theta != 0).sum()) == 28 * 11 + 28 * 15 + 7


@pytest.mark.parametrize(("units", "hidden"), [(1, 4), (4, 4), (5, 8), (32, 32)])
def test_rows_of_every_matrix_start_on_cache_lines(units, hidden):
    # 16 numbers of 4 bytes are 64: the purity of a slice rests on it.
    layout = Layout(13, units, 3)
    assert layout.hidden == hidden
    assert [size % 16 for size in (layout.size, layout.head, *(layout.width(k) for k in range(3)))] == [0] * 5


# ---- values ----------------------------------------------------------------------------------------------------


def test_robust_scaler_by_hand():
    # 1 2 3 4 100: median 3, deviations 2 1 0 1 97, MAD 1. Equal but for one: MAD 0, so the standard deviation,
    # sqrt(4 * 0.16) = 0.8 of 0 0 0 0 2. Constant: unit 1. NaN is not counted: 1 3 5, median 3, MAD 2.
    x = np.array([[1, 0, 7, 1], [2, 0, 7, np.nan], [3, 0, 7, 3], [4, 0, 7, np.nan], [100, 2, 7, 5]], dtype=float)
    scaler = fit_scaler(x, "robust")
    np.testing.assert_allclose(scaler.location, [3, 0, 7, 3])
    np.testing.assert_allclose(scaler.scale, [1.4826, 0.8, 1, 2 * 1.4826])


def test_standard_scaler_by_hand():
    # 2 4 4 4 5 5 7 9 is the textbook sample of mean 5 and standard deviation 2.
    x = np.column_stack([[2, 4, 4, 4, 5, 5, 7, 9], np.full(8, 0.1)])
    scaler = fit_scaler(x, "standard")
    np.testing.assert_allclose(scaler.location, [5, 0.1])
    np.testing.assert_allclose(scaler.scale, [2, 1])


def test_scaled_values_are_clipped_and_a_missing_one_is_0():
    scaler = Scaler(np.array([1.0, 0.0]), np.array([2.0, 1.0]))
    x = np.array([[3.0, -9.0], [np.nan, 9.0], [np.inf, -np.inf]])
    z = scaler.apply(x, 5.0)
    assert z.dtype == np.float32
    assert z.tolist() == [[1, -5], [0, 5], [5, -5]]


def test_samples_by_hand():
    # Lookback 3: bars 0 and 1 have too few rows before them, 4 to 6 have the missing row 4 among theirs.
    rows, labels = np.zeros((9, 2)), np.zeros(9)
    rows[4, 1], labels[8] = np.nan, np.nan
    assert samples(rows, labels, 3).tolist() == [False, False, True, True, False, False, False, True, False]


def fitted() -> Fitted:
    rng = np.random.default_rng(4)
    weights = rng.standard_normal(Layout(3, 4, 1).size).astype(np.float32)
    return Fitted(
        weights, Scaler(rng.random(3), rng.random(3)), Scaler(*rng.random((2, 1))), rng.random(5), np.zeros(0)
    )


def test_bytes_and_back_is_exact():
    there = fitted()
    back = Fitted.from_bytes(there.to_bytes())
    assert back.digest == there.digest
    pairs = (
        (back.weights, there.weights),
        (back.inputs.location, there.inputs.location),
        (back.inputs.scale, there.inputs.scale),
        (back.output.location, there.output.location),
        (back.output.scale, there.output.scale),
        (back.train_loss, there.train_loss),
        (back.valid_loss, there.valid_loss),
    )
    for mine, his in pairs:
        assert (mine.dtype, mine.shape, mine.tobytes()) == (his.dtype, his.shape, his.tobytes())


# ---- the content address ---------------------------------------------------------------------------------------

BASE = ForecastConfig(layers=2, dropout=0.1, val_size=0.2)
SHAPING = {
    "lookback": 61,
    "scaler": "standard",
    "clip": 4.0,
    "hidden_size": 33,
    "layers": 3,
    "dropout": 0.2,
    "epochs": BASE.epochs + 1,
    "batch_size": 65,
    "loss_steps": 21,
    "learning_rate": 0.0031,
    "weight_decay": 0.5,
    "gradient_clip": 0.9,
    "val_size": 0.21,
    "patience": 6,
}
ACTING_THROUGH_THE_SLICE = {
    "horizon": 2,
    "target": "close",
    "features": ("range",),
    "train_size": 751,
    "refit_every": 22,
    "mode": "expanding",
    "members": 2,
    "seed": 1,
    "device": "cpu",
}


def training_slice() -> TrainingSlice:
    rng = np.random.default_rng(5)
    return TrainingSlice(rng.random((20, 2)), rng.random(20), 2, 7)


def key(config: ForecastConfig = BASE, **changes) -> str:
    return dataclasses.replace(training_slice(), **changes).key(config, "cpu")


def test_every_field_of_the_config_is_either_in_the_key_or_in_the_slice():
    assert SHAPING.keys() | ACTING_THROUGH_THE_SLICE.keys() == ForecastConfig.model_fields.keys()


@pytest.mark.parametrize("name", SHAPING)
def test_key_changes_with(name):
    assert key(BASE.model_copy(update={name: SHAPING[name]})) != key()


@pytest.mark.parametrize("name", ACTING_THROUGH_THE_SLICE)
def test_key_does_not_change_with(name):
    assert key(BASE.model_copy(update={name: ACTING_THROUGH_THE_SLICE[name]})) == key()


def test_key_changes_with_everything_in_the_slice(monkeypatch):
    rows, targets = training_slice().rows.copy(), training_slice().targets.copy()
    rows[3, 1] = np.nextafter(rows[3, 1], 1.0)
    targets[9] = np.nextafter(targets[9], 1.0)
    found = {key(), key(rows=rows), key(targets=targets), key(purge=3), key(seed=8), key(rows=rows.reshape(10, 4))}
    found.add(training_slice().key(BASE, "cuda"))
    monkeypatch.setattr(values, "engine_version", lambda: "another release")
    found.add(key())
    assert len(found) == 8
