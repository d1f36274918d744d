"""Fit and predict: equal to an ordinary PyTorch loop, and pure to the bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from networks import Reference, parts

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm import batch, gpu, kernels, training, values
from lstmstrat.lstm.cpu import CpuBatch, predict
from lstmstrat.lstm.gpu import TorchBatch
from lstmstrat.lstm.layout import Layout
from lstmstrat.lstm.minibatches import Blocks
from lstmstrat.lstm.training import RETRY, fit
from lstmstrat.lstm.values import Fitted, TrainingSlice, fit_scaler

ENGINES = {"compiled": CpuBatch, "torch": lambda slices, config: TorchBatch(slices, config, "cpu")}
engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
TINY: dict[str, Any] = {
    "lookback": 6,
    "loss_steps": 3,
    "hidden_size": 4,
    "batch_size": 12,
    "epochs": 3,
    "train_size": 70,
    "learning_rate": 0.01,
    "device": "cpu",
}


def tiny(**changes: Any) -> ForecastConfig:
    return ForecastConfig(**{**TINY, **changes})


def a_slice(seed: int, n: int = 70, inputs: int = 3) -> TrainingSlice:
    """Random rows of which some target depends a little on the one before."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, inputs))
    targets = 0.5 * np.tanh(np.roll(rows[:, 0], 1) * rows[:, -1]) + rng.standard_normal(n)
    return TrainingSlice(rows, targets, 2, seed)


def same(a: Fitted | None, b: Fitted | None) -> bool:
    """Bit for bit, the course of the training too."""
    assert a is not None
    assert b is not None
    return a.to_bytes() == b.to_bytes()


# ---- equal to PyTorch ------------------------------------------------------------------------------------------


def compiled_steps(theta: torch.Tensor, config: ForecastConfig):
    """Updates of each row of `theta` (G, P) by the kernels, as one function of gradient and turn."""
    layout = Layout(1, 1, 1)
    states = [kernels.adam(layout, config) for _ in theta]

    def step(gradient: torch.Tensor, turn: np.ndarray) -> torch.Tensor:
        norms = gradient.norm(dim=1)
        for g in np.flatnonzero(turn):
            norms[g] = kernels.update(theta[g].numpy(), gradient[g].numpy(), states[g])
        return norms

    return step


def batched_steps(theta: torch.Tensor, config: ForecastConfig):
    adam = gpu.Adam(theta, config)
    return lambda gradient, turn: adam.step(gradient, torch.from_numpy(turn.astype(np.float32))[:, None])


@pytest.mark.parametrize("steps", [compiled_steps, batched_steps])
def test_steps_equal_adamw_with_clipping(steps):
    # The second network rests at steps 2 and 3: it must stay as it is, and go on as if nothing had been.
    config = tiny(learning_rate=0.02, weight_decay=0.3, gradient_clip=1.5)
    draw, size = torch.Generator().manual_seed(0), Layout(1, 1, 1).size
    theta = torch.randn(2, size, generator=draw)
    expected = [torch.nn.Parameter(row.clone()) for row in theta]
    theirs = [torch.optim.AdamW([p], lr=0.02, weight_decay=0.3) for p in expected]
    ours = steps(theta, config)
    for step, norm in enumerate([0.1, 1.0, 10.0, 0.01, 3.0, 0.2]):  # below and above the clip
        gradient = norm * torch.nn.functional.normalize(torch.randn(2, size, generator=draw))
        turn = np.array([True, step not in (2, 3)])
        resting = theta[1].clone()
        for g in np.flatnonzero(turn):
            expected[g].grad = gradient[g].clone()
            torch.nn.utils.clip_grad_norm_([expected[g]], 1.5)
            theirs[g].step()
        torch.testing.assert_close(ours(gradient, turn), torch.full((2,), norm))
        assert turn[1] or torch.equal(theta[1], resting)
        torch.testing.assert_close(theta, torch.stack([p.data for p in expected]), rtol=1e-5, atol=1e-6)


def ordinary_loop(s: TrainingSlice, config: ForecastConfig) -> dict[str, torch.Tensor]:
    """The classical training in plain PyTorch, from the same first weights over the same minibatches."""
    first, order, _ = (np.random.default_rng(q) for q in np.random.SeedSequence(s.seed).spawn(3))
    layout = Layout.of(config, s.rows.shape[1])
    model = Reference(layout, torch.from_numpy(layout.initial(first)))
    learned = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(learned, lr=config.learning_rate, weight_decay=config.weight_decay)
    x = torch.from_numpy(fit_scaler(s.rows, config.scaler).apply(s.rows, config.clip))  # (n, F)
    column = s.targets[:, None]
    y = torch.from_numpy(fit_scaler(column, config.scaler).apply(column, config.clip)[:, 0])  # (n,)
    ends = np.arange(config.lookback - 1, len(s.rows))  # the last bar of every window
    for _ in range(config.epochs):
        shuffled = ends[order.permutation(len(ends))]
        order.integers(1)  # the phase of the blocks, of which loss_steps 1 has one
        for bars in np.split(shuffled, range(config.batch_size, len(ends), config.batch_size)):
            windows = torch.stack([x[t + 1 - config.lookback : t + 1] for t in bars], 1)  # (L, B, F)
            adam.zero_grad()
            torch.nn.functional.mse_loss(model(windows)[-1], y[bars]).backward()
            torch.nn.utils.clip_grad_norm_(learned, config.gradient_clip)
            adam.step()
    return {name: p.detach() for name, p in model.named_parameters()}


def trained(engine, slices, config):
    """Networks of one engine by the course that `fit` takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "engine", lambda device: engine)
        return fit(slices, config, "cpu")


@engines
@pytest.mark.parametrize(("layers", "units"), [(1, 8), (2, 5)])
def test_classical_training_equals_an_ordinary_loop(engine, layers, units):
    # Identical mathematics: the difference is that of float32 sums in another order over 12 updates.
    config = tiny(loss_steps=1, layers=layers, hidden_size=units, epochs=2, weight_decay=0.05, gradient_clip=0.5)
    s = a_slice(1)
    (found,) = trained(engine, [s], config)
    assert found is not None
    ours = parts(Layout.of(config, 3), torch.from_numpy(found.weights))
    for name, expected in ordinary_loop(s, config).items():
        if "bias_hh" not in name:
            torch.testing.assert_close(ours[name], expected, rtol=1e-3, atol=2e-5, msg=name)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": 2, "dropout": 0.3, "hidden_size": 5},
        {"val_size": 0.2, "loss_steps": 1, "batch_size": 5},
        {"val_size": 0.2, "loss_steps": 1, "batch_size": 37, "layers": 2, "dropout": 0.3},
        {"val_size": 0.3, "patience": 1, "learning_rate": 0.05},
    ],
    ids=str,
)
def test_the_engines_train_the_same_networks_in_any_number(changes):
    """Slices of unequal length, each with its own number of minibatches and its own last epoch."""
    config = tiny(**changes)
    slices = [a_slice(k, n=60 + 9 * k) for k in range(4)]
    both = [trained(engine, slices, config) for engine in ENGINES.values()]
    for mine, theirs in zip(*both, strict=True):
        assert mine is not None
        assert theirs is not None
        np.testing.assert_allclose(mine.weights, theirs.weights, rtol=1e-3, atol=2e-5)
        np.testing.assert_allclose(mine.train_loss, theirs.train_loss, rtol=1e-4)
        np.testing.assert_allclose(mine.valid_loss, theirs.valid_loss, rtol=1e-4)


def test_forecasts_equal_an_ordinary_forward():
    # 50 forecasts are more than are made at a time.
    config, s = tiny(layers=2, hidden_size=5), a_slice(2)
    (found,) = fit([s], config, "cpu")
    assert found is not None
    rows = s.rows[:55]
    windows = np.stack([rows[t : t + 6] for t in range(50)])  # (n, L, F)
    model = Reference(Layout.of(config, 3), torch.from_numpy(found.weights))
    scaled = torch.from_numpy(found.inputs.apply(windows, config.clip)).transpose(0, 1)
    y = model(scaled)[-1].detach().numpy()
    expected = found.output.location[0] + found.output.scale[0] * y
    np.testing.assert_allclose(predict([found], rows, config), expected[None], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 4, 20])
def test_every_sample_is_learned_once_an_epoch(steps):
    usable = np.ones(60, dtype=bool)
    usable[[3, 20, 41]] = False
    config = tiny(loss_steps=steps, batch_size=3 * steps, lookback=7)
    blocks, rng = Blocks(usable, 9, 50, config), np.random.default_rng(0)
    expected = np.zeros(60)
    expected[9:50] = usable[9:50]
    for made in (*(blocks.epoch(rng) for _ in range(20)), blocks.in_order()):
        learned = np.zeros(60)
        for starts, weights in zip(made.starts, made.weights, strict=True):
            assert starts.shape == (4,)  # 3 sequences, filled up
            for b, s in zip(*np.nonzero(weights.T), strict=True):
                learned[starts[b] + 6 + s - steps] += weights[s, b]  # rows of zeros lie before the slice
        assert (learned == expected).all()
        assert made.starts.min() >= 0
        assert made.starts.max() + 7 + steps - 1 <= steps + 60 + 2 * steps


@engines
def test_the_padding_stays_0(engine):
    config = tiny(layers=2, hidden_size=5, weight_decay=0.1, dropout=0.3)
    networks = engine([a_slice(3), a_slice(4)], config)
    free = parts_mask(networks.layout)
    for _ in range(3):
        networks.epoch(np.array([True, True]))
    assert (networks.weights()[:, ~free] == 0.0).all()
    assert (networks.weights()[:, free] != 0.0).all()


def parts_mask(layout: Layout) -> np.ndarray:
    """Which of the P numbers belong to the network, the rest being padding."""
    numbered = torch.arange(1.0, layout.size + 1.0)
    used = torch.cat([part.flatten() for part in parts(layout, numbered).values()]).long() - 1
    mask = np.zeros(layout.size, dtype=bool)
    mask[used.numpy()] = True
    return mask


# ---- purity ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [4, 7, 32])
@pytest.mark.parametrize("steps", [1, 5, 20])
def test_law_3_purity_batch_mates_and_slot_do_not_matter(units, steps):
    config = tiny(hidden_size=units, loss_steps=steps, batch_size=20, epochs=2, layers=2, dropout=0.2)
    s = a_slice(5)
    (alone,) = fit([s], config, "cpu")
    others = [a_slice(100 + k, n=40 + 7 * (k % 11)) for k in range(6)]
    for slot in (0, 1, 4, 6):
        crowd = [*others[:slot], s, *others[slot:]]
        assert same(fit(crowd, config, "cpu")[slot], alone), slot


@pytest.mark.parametrize("units", [4, 7, 32])
def test_law_1_chunk_the_other_forecasts_do_not_matter(units):
    config = tiny(hidden_size=units)
    members = [f for f in fit([a_slice(k) for k in range(3)], config, "cpu") if f is not None]
    rows = np.random.default_rng(0).standard_normal((5 + 60, 3))
    whole = predict(members, rows, config)
    assert whole.shape == (3, 60)
    for first, last in ((0, 1), (7, 8), (30, 60), (11, 37), (59, 60)):
        some = predict(members, rows[first : last + 5], config)
        assert some.tobytes() == np.ascontiguousarray(whole[:, first:last]).tobytes()
    assert predict(members[1:2], rows, config).tobytes() == whole[1].tobytes()


SCRIPT = """
import hashlib
from test_lstm_training import a_slice, fit, tiny
made = fit([a_slice(k) for k in range(3)], tiny(layers=2, dropout=0.2), "cpu")
print(hashlib.sha256(b"".join(f.to_bytes() for f in made)).hexdigest())
"""


def test_law_3_purity_another_process_gives_the_same_networks():
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "123", "OMP_NUM_THREADS": "2"},
    )
    made = fit([a_slice(k) for k in range(3)], tiny(layers=2, dropout=0.2), "cpu")
    assert all(made)
    assert run.stdout.strip() == hashlib.sha256(b"".join(f.to_bytes() for f in made if f)).hexdigest()


def test_law_3_purity_nothing_global_changes_or_matters():
    config, kept = tiny(layers=2, dropout=0.2), torch.get_num_threads()
    reference = fit([a_slice(6)], config, "cpu")[0]
    torch.set_num_threads(2)
    try:
        torch.manual_seed(11)
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        found = fit([a_slice(6)], config, "cpu")[0]
        assert found is not None
        predict([found], np.zeros((9, 3)), config)
        after = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(kept)
    assert torch.equal(before[0], after[0])
    assert (before[1] == after[1]).all()
    assert torch.is_grad_enabled()
    assert same(found, reference)


def test_another_seed_gives_another_network():
    first, second = fit([a_slice(7), replace(a_slice(7), seed=8)], tiny(), "cpu")
    assert first is not None
    assert second is not None
    assert not np.array_equal(first.weights, second.weights)


# ---- dropout ---------------------------------------------------------------------------------------------------


def test_dropout_acts_in_training_and_not_in_forecasting():
    plain, dropped = (fit([a_slice(9)], tiny(layers=2, dropout=rate), "cpu")[0] for rate in (0.0, 0.3))
    assert plain is not None
    assert dropped is not None
    assert not np.array_equal(plain.weights, dropped.weights)
    rows = np.random.default_rng(1).standard_normal((15, 3))
    config = tiny(layers=2, dropout=0.3)
    assert (predict([dropped], rows, config) == predict([dropped], rows, tiny(layers=2))).all()


def test_dropout_is_inverted():
    # Kept with probability 0.75 and then worth 4/3: mean 1, standard deviation sqrt(1/3); 5 standard errors.
    config = tiny(layers=3, dropout=0.25, hidden_size=32)
    drawn = CpuBatch([a_slice(10)], config).masks(0)
    assert drawn.shape == (2, 8, 4, 32)
    assert set(np.unique(drawn).tolist()) == {0.0, np.float32(4 / 3)}
    assert abs(drawn.mean() - 1.0) < 5 * np.sqrt(1 / 3 / drawn.size)


# ---- early stopping --------------------------------------------------------------------------------------------


def test_validation_is_purged_from_training():
    # 70 bars, 14 held out, purge 2: bars 0..53 train, 54 and 55 are free, 56..69 validate.
    config, s = tiny(val_size=0.2, patience=99), a_slice(12)
    base = fit([s], config, "cpu")[0]
    assert base is not None
    for bar, trains, validates in ((53, True, False), (54, False, False), (55, False, False), (56, False, True)):
        targets = s.targets.copy()
        targets[bar] = 2.0 * s.targets[bar] - np.median(s.targets)  # twice as far out: the median stays
        found = refitted_with_scale_of(s, replace(s, targets=targets), config)
        assert (found.train_loss.tobytes() != base.train_loss.tobytes()) == trains, bar
        assert (found.valid_loss.tobytes() != base.valid_loss.tobytes()) == (trains or validates), bar


def refitted_with_scale_of(original: TrainingSlice, changed: TrainingSlice, config: ForecastConfig) -> Fitted:
    """Trains on `changed`, with the targets in the units of `original`."""
    unit = fit_scaler(original.targets[:, None], config.scaler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "fit_scaler", lambda x, kind: unit if x.shape[1] == 1 else fit_scaler(x, kind))
        found = fit([changed], config, "cpu")[0]
    assert found is not None
    return found


def test_stops_after_patience_and_keeps_the_best():
    # Noise only and a fast rate: the validation loss gets worse soon.
    config = tiny(val_size=0.3, patience=3, epochs=60, learning_rate=0.05)
    s = replace(a_slice(13), targets=np.random.default_rng(13).standard_normal(70))
    found = fit([s], config, "cpu")[0]
    assert found is not None
    best = int(np.argmin(found.valid_loss))
    assert len(found.valid_loss) == len(found.train_loss) == best + 1 + 3 < 60
    # The weights are those of a training that ends at the best epoch.
    ended = fit([s], config.model_copy(update={"epochs": best + 1}), "cpu")[0]
    assert ended is not None
    assert found.weights.tobytes() == ended.weights.tobytes()


def test_without_validation_the_last_weights_count():
    found = fit([a_slice(14)], tiny(), "cpu")[0]
    assert found is not None
    assert (len(found.train_loss), len(found.valid_loss)) == (3, 0)
    shorter = fit([a_slice(14)], tiny(epochs=2), "cpu")[0]
    assert shorter is not None
    assert found.train_loss[:2].tobytes() == shorter.train_loss.tobytes()
    assert found.weights.tobytes() != shorter.weights.tobytes()


# ---- broken training -------------------------------------------------------------------------------------------


@pytest.fixture
def overflow(monkeypatch):
    """Makes the targets of the slices with these seeds infinite, and lists the seeds that were trained."""
    broken: set[int] = set()
    tried: list[int] = []
    prepared = batch.prepared

    def preparing(s: TrainingSlice, config: ForecastConfig) -> batch.Slice:
        tried.append(s.seed)
        found = prepared(s, config)
        return found._replace(y=np.full_like(found.y, np.inf)) if s.seed in broken else found

    monkeypatch.setattr(batch, "prepared", preparing)
    return broken, tried


@engines
def test_a_broken_slice_harms_no_other(engine, overflow):
    broken, tried = overflow
    slices, config = [a_slice(k) for k in range(20, 25)], tiny(val_size=0.2)
    sound = trained(engine, slices, config)
    broken |= {22, 22 ^ RETRY}
    found = trained(engine, slices, config)
    assert found[2] is None
    assert all(same(a, b) for k, (a, b) in enumerate(zip(found, sound, strict=True)) if k != 2)
    assert tried[10:] == [22 ^ RETRY]  # one more attempt, for the broken one alone


def test_a_second_attempt_has_a_seed_of_its_own(overflow):
    broken, _ = overflow
    broken.add(22)
    found = fit([a_slice(21), a_slice(22)], tiny(), "cpu")
    assert same(found[1], fit([replace(a_slice(22), seed=22 ^ RETRY)], tiny(), "cpu")[0])


@engines
def test_a_rate_that_overflows_fails_and_is_not_a_forecast(engine):
    assert trained(engine, [a_slice(15)], tiny().model_copy(update={"learning_rate": 1e30})) == [None]


def test_training_stops_before_the_next_epoch_when_it_is_told_to():
    asked = iter([False, False, True])
    with pytest.raises(CancelledError):
        fit([a_slice(15)], tiny(), "cpu", lambda: next(asked))


def test_no_slices_no_networks():
    assert fit([], tiny(), "cpu") == []
