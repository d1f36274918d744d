"""Forward and gradient of both engines, and the values that go in and come out."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numba
import numpy as np
import pytest
import torch
from helpers.torch_reference import Reference, parts
from torch import Tensor

from lstmstrat import ForecastConfig, Model, TrainingSet
from lstmstrat.forecasting.models import model_of
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.lstm import compiler, gpu, kernels
from lstmstrat.forecasting.models.lstm import model as lstm
from lstmstrat.forecasting.models.lstm.adam import update
from lstmstrat.forecasting.models.lstm.cell import tanh
from lstmstrat.forecasting.models.lstm.compiler import jit as compiled_by_numba
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.models.lstm.product import add_product, set_product
from lstmstrat.forecasting.models.lstm.vectors import load, store
from lstmstrat.forecasting.training_set import Scaler, fit_scaler

SHAPES = [  # layers, units, inputs, T, B, S; units of 1, 5 and 7 are padded, as B is for the kernels
    (1, 1, 1, 1, 1, 1),
    (1, 32, 13, 20, 5, 5),
    (2, 7, 3, 15, 4, 1),
    (2, 8, 10, 12, 1, 12),
    (3, 5, 2, 9, 3, 4),
    (1, 48, 30, 40, 8, 2),
]


class Case(NamedTuple):
    """Random sequences for one network; x (T, B, F), d_y (S, B), masks (layers - 1, T, B, H) or (0, ...)."""

    layout: Layout
    theta: Tensor
    x: Tensor
    d_y: Tensor
    masks: Tensor
    first: int = 0  # the step to which the gradient goes back


def case(layers: int, units: int, inputs: int, steps: int, rows: int, losses: int, dropout: bool = False) -> Case:
    layout, draw = Layout(inputs, units, layers), torch.Generator().manual_seed(1)
    x, d_y = torch.randn(steps, rows, inputs, generator=draw), torch.randn(losses, rows, generator=draw)
    shape = (layers - 1 if dropout else 0, steps, rows, layout.hidden)
    masks = 2.0 * (torch.rand(shape, generator=draw) < 0.5)
    return Case(layout, torch.from_numpy(layout.initial(np.random.default_rng(0))), x, d_y, masks)


def compiled(c: Case, made: kernels.Buffers | None = None) -> tuple[Tensor, Tensor]:
    """Outputs (S, B) and gradient (P,) of the kernels; sequences of zeros fill B up to a multiple of 4."""
    steps, rows, losses = c.x.shape[0], c.x.shape[1], len(c.d_y)
    more = -rows % 4
    x = np.pad(c.x.numpy(), ((0, 0), (0, more), (0, 0))).transpose(1, 0, 2).reshape(-1, c.layout.inputs).copy()
    x, starts = c.layout.with_bias(x), steps * np.arange(rows + more)
    masks = np.pad(c.masks.numpy(), ((0, 0), (0, 0), (0, more), (0, 0)))
    masks = masks if len(masks) else np.zeros((c.layout.layers - 1, 0, *masks.shape[2:]), dtype=np.float32)
    d_y, gradient = np.pad(c.d_y.numpy(), ((0, 0), (0, more))), np.zeros_like(c.theta.numpy())
    made = made or kernels.new_buffers(c.layout, steps, losses, rows + more)
    network = c.layout.split(c.theta.numpy())
    kernels.outputs(*network, x, starts, masks, made)
    y = torch.from_numpy(made.guess[:, :rows].copy())
    kernels.gradient(*network, d_y, masks, made, c.first, *c.layout.split(gradient))
    return y, torch.from_numpy(gradient)


def batched(c: Case) -> tuple[Tensor, Tensor]:
    """The same from the torch engine, as the second of three networks."""
    theta = torch.stack([torch.zeros_like(c.theta), c.theta, -c.theta]).requires_grad_()
    masks = c.masks[:, None].expand(-1, 3, -1, -1, -1)
    x = torch.from_numpy(c.layout.with_bias(c.x.numpy().reshape(-1, c.layout.inputs)))
    x = x.view(*c.x.shape[:2], -1)
    y = gpu.outputs(c.layout, theta, x.expand(3, *x.shape), masks, len(c.d_y), c.first)
    (gradient,) = torch.autograd.grad((y[1] * c.d_y).sum(), theta)
    return y[1].detach(), gradient[1]


engines = pytest.mark.parametrize("engine", [compiled, batched])


@engines
@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_and_gradients_equal_torch(engine, shape):
    c = case(*shape)
    y, gradient = engine(c)
    reference = Reference(c.layout, c.theta)
    expected = reference(c.x)[-len(c.d_y) :]  # (S, B)
    torch.testing.assert_close(y, expected.detach(), rtol=1e-5, atol=2e-6)
    (expected * c.d_y).sum().backward()
    for name, part in parts(c.layout, gradient).items():
        torch.testing.assert_close(part, reference.get_parameter(name).grad, rtol=1e-4, atol=2e-5, msg=name)


@engines
@pytest.mark.parametrize("first", [1, 5, 11])
def test_a_gradient_that_goes_back_to_a_step_equals_that_of_torch_with_the_state_before_it_given(engine, first):
    c = case(2, 7, 3, 15, 4, 4)._replace(first=first)
    y, gradient = engine(c)
    assert torch.equal(y, engine(c._replace(first=0))[0])
    reference = Reference(c.layout, c.theta)
    expected = reference(c.x, first)[-len(c.d_y) :]
    torch.testing.assert_close(y, expected.detach(), rtol=1e-5, atol=2e-6)
    (expected * c.d_y).sum().backward()
    for name, part in parts(c.layout, gradient).items():
        torch.testing.assert_close(part, reference.get_parameter(name).grad, rtol=1e-4, atol=2e-5, msg=name)


def test_both_engines_are_the_same_network_with_dropout_masks():
    c = case(3, 7, 2, 9, 4, 3, dropout=True)
    for mine, theirs in zip(compiled(c), batched(c), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=2e-5)
    assert not torch.allclose(compiled(c)[1], compiled(c._replace(masks=c.masks[:0]))[1], rtol=0.1)


def test_buffers_of_an_earlier_minibatch_leave_no_trace():
    c = case(2, 7, 3, 15, 4, 2)
    used = kernels.new_buffers(c.layout, 15, 2, 4)
    compiled(c._replace(x=5.0 * c.x), used)
    for again, fresh in zip(compiled(c, used), compiled(c), strict=True):
        assert torch.equal(again, fresh)


@engines
def test_gradient_equals_finite_differences_with_dropout_masks(engine):
    # Central differences with steps of 1/64 in float32 are good to about 1e-3 of the largest gradient.
    c, step = case(2, 4, 2, 6, 4, 2, dropout=True), 1 / 64
    gradient = engine(c)[1]

    def total(p: int, shift: float) -> float:
        theta = c.theta.clone()
        theta[p] += shift
        return float((engine(c._replace(theta=theta))[0] * c.d_y).double().sum())

    used = gradient.abs().topk(80).indices
    numeric = torch.tensor([(total(p, step) - total(p, -step)) / (2 * step) for p in used.tolist()])
    allowed = 2e-3 * gradient.abs().max()
    assert (numeric - gradient[used]).abs().max() < allowed
    assert gradient[used].abs().min() > 2 * allowed


@compiled_by_numba
def tanh_of_each(x, into):
    for j in range(0, x.size, 8):
        store(tanh(load(x, j)), into, j)


def test_tanh_is_within_half_a_millionth_and_never_beyond_1():
    x = np.linspace(-12.0, 12.0, 100_000, dtype=np.float32)
    found = np.zeros_like(x)
    tanh_of_each(x, found)
    np.testing.assert_allclose(found, np.tanh(x.astype(np.float64)), rtol=5e-7, atol=0.0)
    assert np.abs(found).max() <= 1.0
    assert found.tobytes() == (-found[::-1]).tobytes()
    edges = np.array([np.inf, -np.inf, np.nan, 0.0, 1e-30, -1e-30, 3e38, -3e38], dtype=np.float32)
    of_edges = np.zeros(8, dtype=np.float32)
    tanh_of_each(edges, of_edges)
    assert of_edges[[0, 6]] == pytest.approx(1.0, abs=4e-7)
    assert of_edges[[1, 7]] == pytest.approx(-1.0, abs=4e-7)
    assert np.isnan(of_edges[2])
    assert of_edges[3] == 0.0
    np.testing.assert_allclose(of_edges[4:6], edges[4:6], rtol=5e-7)


@pytest.mark.parametrize(("rows", "depth", "columns"), [(4, 1, 16), (8, 5, 48), (44, 16, 128), (4, 128, 32)])
def test_products_equal_numpy(rows, depth, columns):
    # In whole numbers a float32 sum is exact in any order.
    rng = np.random.default_rng(0)
    a, b, c = (
        rng.integers(-9, 9, shape).astype(np.float32)
        for shape in ((depth, rows), (depth, columns), (rows, columns))
    )
    expected = c + a.T @ b
    add_product(a.T, b, c)
    assert np.array_equal(c, expected)
    set_product(a.T, b, c)
    assert np.array_equal(c, a.T @ b)
    wider = np.concatenate([a, np.full((3, rows), np.nan, dtype=np.float32)])  # what lies beyond is not read
    set_product(wider.T, b, c)
    assert np.array_equal(c, a.T @ b)


def test_without_a_folder_for_them_the_kernels_are_compiled_anew(monkeypatch):
    def no_folder(self, function):
        raise RuntimeError("cannot cache function 'f': no locator available for file")  # as numba says it

    monkeypatch.setattr(compiler._Cache, "__init__", no_folder)
    kernel = compiled_by_numba(lambda x: x + 1.0)
    assert kernel(1.0) == 2.0


def test_kernels_on_disk_are_those_of_these_sources(monkeypatch):
    """A function of another file of the engine is a part of a kernel, and numba would not see that it changes."""
    signature = ()
    codegen = numba.core.registry.cpu_target.target_context.codegen()
    key = update._cache._index_key(signature, codegen)
    assert key == update._cache._index_key(signature, codegen)
    monkeypatch.setattr(compiler, "_source", lambda: "another release")
    assert update._cache._index_key(signature, codegen) != key


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


@pytest.mark.parametrize(
    ("units", "hidden", "width"), [(1, 8, 21), (8, 8, 21), (9, 16, 33), (24, 24, 49), (32, 32, 65)]
)
def test_the_products_fit_their_tiles(units, hidden, width):
    # Three layers: [h | 1 | h] is 2H + 1 wide, or with 8 units [h | 1 | x] 8 + 1 + 13; padded to 4s, P to 8s.
    layout = Layout(13, units, 3)
    assert (layout.hidden, layout.width, layout.size % 8) == (hidden, width + 3, 0)
    assert Layout(13, units, 1).width == -(-(hidden + 14) // 4) * 4


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


@pytest.mark.parametrize("bars", [1, 2, 5, 60])
def test_centre_and_unit_are_those_of_numpy_with_and_without_missing_values(bars):
    rng = np.random.default_rng(bars)
    for missing in (0.0, 0.4):
        x = rng.standard_normal((bars, 6))
        x[rng.random(x.shape) < missing] = np.nan
        x[0, np.isnan(x).all(axis=0)] = 1.0
        assert np.array_equal(fit_scaler(x, "robust").location, np.nanmedian(x, axis=0))
        standard = fit_scaler(x, "standard")
        assert np.array_equal(standard.location, np.nanmean(x, axis=0))
        deviation = np.nanstd(x, axis=0)
        assert np.array_equal(standard.scale, np.where(deviation > 1e-9, deviation, 1.0))


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
    found = TrainingSet(rows, labels, 3, 2)
    assert found.usable.tolist() == [False, False, True, True, False, False, False, True, False]
    assert found.samples == 3


def fitted() -> FittedLSTM:
    rng = np.random.default_rng(4)
    weights = rng.standard_normal(Layout(3, 4, 1).size).astype(np.float32)
    inputs, output = Scaler(rng.random(3), rng.random(3)), Scaler(*rng.random((2, 1)))
    return FittedLSTM(inputs, rng.random(5), np.zeros(0), LSTM.of(ForecastConfig(device="cpu")), weights, output)


def test_bytes_and_back_is_exact():
    there = fitted()
    back = there.settings.load(there.to_bytes())
    assert isinstance(back, FittedLSTM)
    assert back.digest == there.digest
    assert back.settings == there.settings
    pairs = (
        (back.weights, there.weights),
        (back.inputs.location, there.inputs.location),
        (back.inputs.scale, there.inputs.scale),
        (back.output.location, there.output.location),
        (back.output.scale, there.output.scale),
        (back.losses, there.losses),
        (back.valid_losses, there.valid_losses),
    )
    for mine, his in pairs:
        assert (mine.dtype, mine.shape, mine.tobytes()) == (his.dtype, his.shape, his.tobytes())


# ---- the content address ---------------------------------------------------------------------------------------

BASE = ForecastConfig(layers=2, dropout=0.1, val_size=0.2)
SHAPING = {
    "model": "ridge",
    "lookback": 61,
    "scaler": "standard",
    "clip": 4.0,
    "hidden_size": 33,
    "layers": 3,
    "dropout": 0.2,
    "epochs": BASE.epochs + 1,
    "loss": "huber",
    "batch_size": 65,
    "loss_steps": 21,
    "backprop_steps": 5,
    "learning_rate": 0.0031,
    "weight_decay": 0.5,
    "gradient_clip": 0.9,
    "val_size": 0.21,
    "patience": 6,
}
ACTING_THROUGH_THE_TASK = {
    "horizon": 2,
    "target": "close",
    "features": ("range",),
    "peer_features": ("range",),
    "train_size": 751,
    "refit_every": 22,
    "refit_when": "mine:condition",
    "warm_start": True,
    "mode": "rolling",
    "max_train_size": 100,
    "calibration": "none",
    "up_threshold": 0.01,
    "quantiles": (0.1, 0.9),
    "members": 2,
    "seed": 1,
    "device": "cpu",
}


def training_set() -> TrainingSet:
    rng = np.random.default_rng(5)
    return TrainingSet(rng.random((20, 2)), rng.random(20), 3, 2)


def model(config: ForecastConfig = BASE) -> Model:
    """As on a machine without a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lstm, "device_here", lambda wanted: "cpu")
        return model_of(config)


def key(config: ForecastConfig = BASE, seed: int = 7, start: FittedLSTM | None = None, **changes) -> str:
    return FitTask(dataclasses.replace(training_set(), **changes), seed, start).key(model(config))


def test_every_field_of_the_config_is_either_in_the_key_or_in_the_task():
    of_a_universe = {"pool", "relation", "least_assets"}  # what the training set is made of
    known = SHAPING.keys() | ACTING_THROUGH_THE_TASK.keys() | of_a_universe | {"model_params"}  # it refuses any
    assert known == ForecastConfig.model_fields.keys()
    assert {f.name for f in dataclasses.fields(LSTM)} == SHAPING.keys() - {"model"} | {"device"}


@pytest.mark.parametrize("name", SHAPING)
def test_key_changes_with(name):
    assert key(BASE.model_copy(update={name: SHAPING[name]})) != key()


@pytest.mark.parametrize("name", ACTING_THROUGH_THE_TASK)
def test_key_does_not_change_with(name):
    assert key(BASE.model_copy(update={name: ACTING_THROUGH_THE_TASK[name]})) == key()


def test_key_changes_with_everything_in_the_task(monkeypatch):
    rows, labels = training_set().rows.copy(), training_set().labels.copy()
    rows[3, 1] = np.nextafter(rows[3, 1], 1.0)
    labels[9] = np.nextafter(labels[9], 1.0)
    found = {key(), key(rows=rows), key(labels=labels), key(purge=3), key(seed=8), key(rows=rows.reshape(10, 4))}
    found.add(FitTask(training_set(), 7).key(dataclasses.replace(model(), device="cuda")))
    start = fitted()
    found.add(key(start=start))
    found.add(key(start=dataclasses.replace(start, weights=np.nextafter(start.weights, np.float32(1.0)))))
    found.add(key(lookback=4))
    monkeypatch.setattr(lstm, "engine_version", lambda _: "another release")
    found.add(key())
    assert len(found) == 11


def test_the_device_is_told_from_others_by_what_it_is_and_not_by_what_it_is_called(monkeypatch):
    """A config gives the same networks with and without a GPU, unless it asks for one."""
    monkeypatch.setattr(lstm, "device_here", lambda wanted: {"cpu": "cpu"}.get(wanted, "cuda"))
    auto, cpu, cuda = (model_of(BASE.model_copy(update={"device": device})) for device in ("auto", "cpu", "cuda"))
    assert auto == cpu != cuda
    assert auto.identity == cpu.identity != cuda.identity
