"""Fit and predict: equal to an ordinary PyTorch loop, and pure to the bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from networks import Reference, parts

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm import training
from lstmstrat.lstm.network import Layout
from lstmstrat.lstm.training import PAIR, RETRY, SLICES, _Adam, _Batch, _Blocks, device_name, fit, predict
from lstmstrat.lstm.values import ROWS, Fitted, TrainingSlice, fit_scaler

CPU = torch.device("cpu")
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


def test_steps_equal_adamw_with_clipping():
    # The second network rests at steps 2 and 3: it must stay as it is, and go on as if nothing had been.
    config = tiny(learning_rate=0.02, weight_decay=0.3, gradient_clip=1.5)
    draw = torch.Generator().manual_seed(0)
    theta = torch.randn(2, 40, generator=draw)
    expected = [torch.nn.Parameter(row.clone()) for row in theta]
    theirs = [torch.optim.AdamW([p], lr=0.02, weight_decay=0.3) for p in expected]
    ours = _Adam(theta, config)
    for step, size in enumerate([0.1, 1.0, 10.0, 0.01, 3.0, 0.2]):  # norms below and above the clip
        gradient = size * torch.randn(2, 40, generator=draw)
        active = np.array([True, step not in (2, 3)])
        resting = theta[1].clone()
        for g in np.flatnonzero(active):
            expected[g].grad = gradient[g].clone()
            torch.nn.utils.clip_grad_norm_([expected[g]], 1.5)
            theirs[g].step()
        norms = gradient.norm(dim=1)
        torch.testing.assert_close(ours.step(gradient, active), norms)
        assert active[1] or torch.equal(theta[1], resting)
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
        for batch in np.split(shuffled, range(config.batch_size, len(ends), config.batch_size)):
            windows = torch.stack([x[t + 1 - config.lookback : t + 1] for t in batch], 1)  # (L, B, F)
            adam.zero_grad()
            torch.nn.functional.mse_loss(model(windows)[-1], y[batch]).backward()
            torch.nn.utils.clip_grad_norm_(learned, config.gradient_clip)
            adam.step()
    return {name: p.detach() for name, p in model.named_parameters()}


@pytest.mark.parametrize(("layers", "units"), [(1, 8), (2, 5)])
def test_classical_training_equals_an_ordinary_loop(layers, units):
    # Identical mathematics: the difference is that of float32 sums in another order over 12 updates.
    config = tiny(loss_steps=1, layers=layers, hidden_size=units, epochs=2, weight_decay=0.05, gradient_clip=0.5)
    s = a_slice(1)
    (found,) = fit([s], config, "cpu")
    assert found is not None
    ours = parts(Layout.of(config, 3), torch.from_numpy(found.weights))
    for name, expected in ordinary_loop(s, config).items():
        if "bias_hh" not in name:
            torch.testing.assert_close(ours[name], expected, rtol=1e-3, atol=2e-5, msg=name)


def test_forecasts_equal_an_ordinary_forward():
    config, s = tiny(layers=2, hidden_size=5), a_slice(2)
    (found,) = fit([s], config, "cpu")
    assert found is not None
    windows = np.stack([s.rows[t - 6 : t] for t in range(10, 10 + ROWS)])  # (ROWS, L, F)
    model = Reference(Layout.of(config, 3), torch.from_numpy(found.weights))
    scaled = torch.from_numpy(found.inputs.apply(windows, config.clip)).transpose(0, 1)
    y = model(scaled)[-1].detach().numpy()
    expected = found.output.location[0] + found.output.scale[0] * y
    np.testing.assert_allclose(predict([found], windows, config)[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 4, 20])
def test_every_sample_is_learned_once_an_epoch(steps):
    usable = np.ones(57, dtype=bool)
    usable[[3, 20, 21]] = False
    blocks, rng = _Blocks(usable, 9, 50, steps), np.random.default_rng(0)
    expected = usable & (np.arange(57) >= 9) & (np.arange(57) < 50)
    for _ in range(30):
        starts, weights = blocks.epoch(rng, 3)  # (batches, B), (batches, S, B)
        met = np.zeros(57 + 2 * steps)
        where = starts[:, None, :] + np.arange(steps)[:, None]
        np.add.at(met, where[weights > 0], 1)
        assert (met[:57] == expected).all()
        assert weights.sum() == expected.sum()


def test_the_padding_stays_0():
    config = tiny(layers=2, hidden_size=5, weight_decay=0.1, dropout=0.3)
    batch = _Batch([a_slice(3), a_slice(4)], config, CPU)
    free = torch.from_numpy(parts_mask(batch.layout))
    for _ in range(3):
        batch.epoch(np.array([True, True]))
    assert (batch.theta[:, ~free] == 0.0).all()
    assert (batch.theta[:, free] != 0.0).all()


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
    others = [a_slice(100 + k, n=40 + 7 * (k % 11)) for k in range(40)]
    for slot in (0, 1, 2, 7, SLICES - 1, SLICES, 40):
        crowd = [*others[:slot], s, *others[slot:]]
        assert same(fit(crowd, config, "cpu")[slot], alone), slot
    for count in range(2, 8):
        assert same(fit([*others[: count - 1], s], config, "cpu")[-1], alone), count


@pytest.mark.parametrize("units", [4, 7, 32])
def test_law_1_chunk_the_other_rows_of_a_forecast_do_not_matter(units):
    config = tiny(hidden_size=units)
    members = [f for f in fit([a_slice(k) for k in range(3)], config, "cpu") if f is not None]
    rng = np.random.default_rng(0)
    windows = rng.standard_normal((ROWS, 6, 3))
    whole = predict(members, windows, config)
    for row in range(ROWS):
        lonely = np.full_like(windows, np.nan)
        lonely[row] = windows[row]
        changed = 9.0 * rng.standard_normal(windows.shape)
        changed[row] = windows[row]
        for other in (lonely, changed):
            assert predict(members, other, config)[:, row].tobytes() == whole[:, row].tobytes()


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
        predict([found], np.zeros((ROWS, 6, 3)), config)
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
    windows = np.random.default_rng(1).standard_normal((ROWS, 6, 3))
    config = tiny(layers=2, dropout=0.3)
    assert (predict([dropped], windows, config) == predict([dropped], windows, tiny(layers=2))).all()


def test_dropout_is_inverted():
    # Kept with probability 0.75 and then worth 4/3: mean 1, standard deviation sqrt(1/3); 5 standard errors.
    config = tiny(layers=3, dropout=0.25, hidden_size=32)
    masks = _Batch([a_slice(10), a_slice(11)], config, CPU)._dropout_masks(np.array([True, False]))
    assert [mask.shape for mask in masks] == [(2, 8, 4, 32)] * 2
    drawn = torch.stack(masks)[:, 0]
    assert set(drawn.unique().tolist()) == {0.0, np.float32(4 / 3)}
    assert abs(drawn.mean().item() - 1.0) < 5 * np.sqrt(1 / 3 / drawn.numel())
    assert (torch.stack(masks)[:, 1] == 1.0).all()  # whose turn it is not draws nothing


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
        patch.setattr(training, "fit_scaler", lambda x, kind: unit if x.shape[1] == 1 else fit_scaler(x, kind))
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
    load = _Batch._load

    def loading(batch: _Batch, slices: list[TrainingSlice]) -> None:
        load(batch, slices)
        tried.extend(s.seed for s in slices)
        for g, s in enumerate(slices):
            if s.seed in broken:
                batch.y[g] = torch.inf

    monkeypatch.setattr(_Batch, "_load", loading)
    return broken, tried


def test_a_broken_slice_harms_no_other(overflow):
    broken, tried = overflow
    slices, config = [a_slice(k) for k in range(20, 25)], tiny(val_size=0.2)
    sound = fit(slices, config, "cpu")
    broken |= {22, 22 ^ RETRY}
    found = fit(slices, config, "cpu")
    assert found[2] is None
    assert all(same(a, b) for k, (a, b) in enumerate(zip(found, sound, strict=True)) if k != 2)
    assert tried[-PAIR:] == [22 ^ RETRY] * PAIR  # one more attempt, for the broken one alone


def test_a_second_attempt_has_a_seed_of_its_own(overflow):
    broken, _ = overflow
    broken.add(22)
    found = fit([a_slice(21), a_slice(22)], tiny(), "cpu")
    assert same(found[1], fit([replace(a_slice(22), seed=22 ^ RETRY)], tiny(), "cpu")[0])


def test_a_rate_that_overflows_fails_and_is_not_a_forecast():
    assert fit([a_slice(15)], tiny().model_copy(update={"learning_rate": 1e30}), "cpu") == [None]


def test_no_slices_no_networks():
    assert fit([], tiny(), "cpu") == []


# ---- device ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "gpu", "expected"),
    [("auto", False, "cpu"), ("cpu", True, "cpu"), ("auto", True, "cuda"), ("cuda", True, "cuda")],
)
def test_device(monkeypatch, device, gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert device_name(tiny(device=device)) == expected


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="device: cuda, but torch finds no GPU here; set device: auto or cpu"):
        device_name(tiny(device="cuda"))
