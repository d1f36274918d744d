"""Fit and predict: equal to an ordinary PyTorch loop, and pure to the bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.torch_reference import Reference, parts

from lstmstrat import ForecastConfig, TrainingSet
from lstmstrat.forecasting import training_set
from lstmstrat.forecasting.models.base import FitTask, Stop, never
from lstmstrat.forecasting.models.engines import RETRY
from lstmstrat.forecasting.models.lstm import adam, batch, cpu, gpu, training
from lstmstrat.forecasting.models.lstm.cpu import CpuBatch
from lstmstrat.forecasting.models.lstm.gpu import TorchBatch
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.minibatches import Blocks
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.training_set import fit_scaler, windows


class TorchOnCpu(TorchBatch):
    """The engine for a GPU, on this machine, in small batches."""

    size = 5

    def __init__(self, tasks: Sequence[FitTask], settings: LSTM, slices: training.Slices):
        super().__init__(tasks, settings, slices, "cpu")


ENGINES = {"compiled": CpuBatch, "torch": TorchOnCpu}
LOSSES = {"mse": torch.nn.MSELoss(), "huber": torch.nn.HuberLoss(delta=1.0)}
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


def tiny(**changes: Any) -> LSTM:
    return LSTM.of(ForecastConfig(**{**TINY, **changes}))


def a_task(seed: int, n: int = 70, inputs: int = 3) -> FitTask:
    """Random rows of which some label depends a little on the one before."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, inputs))
    labels = 0.5 * np.tanh(np.roll(rows[:, 0], 1) * rows[:, -1]) + rng.standard_normal(n)
    return FitTask(TrainingSet(rows, labels, TINY["lookback"], 2), seed)


def with_labels(task: FitTask, labels: np.ndarray) -> FitTask:
    return replace(task, training=replace(task.training, labels=labels))


def fit(tasks: Sequence[FitTask], settings: LSTM, stop: Stop = never) -> list[FittedLSTM | None]:
    return [*training.fit(tasks, settings, stop)]


def predict(network: FittedLSTM, rows: np.ndarray) -> np.ndarray:
    return cpu.predict([network], rows)[0]


def batch_of(engine: type[batch.Batch], tasks: Sequence[FitTask], settings: LSTM) -> batch.Batch:
    """Networks before their first epoch."""
    return engine(tasks, settings, lambda one: batch.prepare(one, settings))


def same(a: FittedLSTM | None, b: FittedLSTM | None) -> bool:
    """Bit for bit, the course of the training too."""
    assert a is not None
    assert b is not None
    return a.to_bytes() == b.to_bytes()


# ---- equal to PyTorch ------------------------------------------------------------------------------------------


def compiled_steps(theta: torch.Tensor, settings: LSTM):
    """Updates of each row of `theta` (G, P) by the kernels, as one function of gradient and turn."""
    layout = Layout(1, 1, 1)
    states = [adam.adam(layout, settings) for _ in theta]

    def step(gradient: torch.Tensor, turn: np.ndarray) -> torch.Tensor:
        norms = gradient.norm(dim=1)
        for g in np.flatnonzero(turn):
            norms[g] = adam.update(theta[g].numpy(), gradient[g].numpy(), states[g])
        return norms

    return step


def batched_steps(theta: torch.Tensor, settings: LSTM):
    optimiser = gpu.Adam(theta, settings)
    return lambda gradient, turn: optimiser.step(gradient, torch.from_numpy(turn.astype(np.float32))[:, None])


@pytest.mark.parametrize("steps", [compiled_steps, batched_steps])
def test_steps_equal_adamw_with_clipping(steps):
    # The second network rests at steps 2 and 3: it must stay as it is, and go on as if nothing had been.
    settings = tiny(learning_rate=0.02, weight_decay=0.3, gradient_clip=1.5)
    draw, size = torch.Generator().manual_seed(0), Layout(1, 1, 1).size
    theta = torch.randn(2, size, generator=draw)
    expected = [torch.nn.Parameter(row.clone()) for row in theta]
    theirs = [torch.optim.AdamW([p], lr=0.02, weight_decay=0.3) for p in expected]
    ours = steps(theta, settings)
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


def ordinary_loop(task: FitTask, settings: LSTM) -> dict[str, torch.Tensor]:
    """The classical training in plain PyTorch, from the same first weights over the same minibatches."""
    first, order, _ = (np.random.default_rng(q) for q in np.random.SeedSequence(task.seed).spawn(3))
    s = task.training
    layout = Layout.of(settings, s.rows.shape[1])
    model = Reference(layout, torch.from_numpy(layout.initial(first)))
    learned = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(learned, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    x = torch.from_numpy(fit_scaler(s.rows, settings.scaler).apply(s.rows, settings.clip))  # (n, F)
    column = s.labels[:, None]
    y = torch.from_numpy(fit_scaler(column, settings.scaler).apply(column, settings.clip)[:, 0])  # (n,)
    ends = np.arange(settings.lookback - 1, len(s.rows))  # the last bar of every window
    for _ in range(settings.epochs):
        shuffled = ends[order.permutation(len(ends))]
        order.integers(1)  # the phase of the blocks, of which loss_steps 1 has one
        for bars in np.split(shuffled, range(settings.batch_size, len(ends), settings.batch_size)):
            sequences = torch.stack([x[t + 1 - settings.lookback : t + 1] for t in bars], 1)  # (L, B, F)
            adam.zero_grad()
            LOSSES[settings.loss](model(sequences)[-1], y[bars]).backward()
            torch.nn.utils.clip_grad_norm_(learned, settings.gradient_clip)
            adam.step()
    return {name: p.detach() for name, p in model.named_parameters()}


def trained(engine, tasks, settings, stop=never):
    """Networks of one engine by the course that `fit` takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "engine", lambda device: engine)
        return fit(tasks, settings, stop)


@engines
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("layers", "units"), [(1, 8), (2, 5)])
def test_classical_training_equals_an_ordinary_loop(engine, layers, units, loss):
    # Identical mathematics: the difference is that of float32 sums in another order over 12 updates.
    changes = {"layers": layers, "hidden_size": units, "loss": loss}
    settings = tiny(loss_steps=1, epochs=2, weight_decay=0.05, gradient_clip=0.5, **changes)
    task = a_task(1)
    (found,) = trained(engine, [task], settings)
    assert found is not None
    ours = parts(Layout.of(settings, 3), torch.from_numpy(found.weights))
    for name, expected in ordinary_loop(task, settings).items():
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
        {"loss": "huber"},
        {"loss": "huber", "val_size": 0.3, "patience": 1, "layers": 2, "dropout": 0.3},
    ],
    ids=str,
)
def test_the_engines_train_the_same_networks_in_any_number(changes):
    """Training sets of unequal length, each with its own number of minibatches and its own last epoch."""
    settings = tiny(**changes)
    tasks = [a_task(k, n=60 + 9 * k) for k in range(4)]
    both = [trained(engine, tasks, settings) for engine in ENGINES.values()]
    for mine, theirs in zip(*both, strict=True):
        assert mine is not None
        assert theirs is not None
        np.testing.assert_allclose(mine.weights, theirs.weights, rtol=1e-3, atol=2e-5)
        np.testing.assert_allclose(mine.losses, theirs.losses, rtol=1e-4)
        np.testing.assert_allclose(mine.valid_losses, theirs.valid_losses, rtol=1e-4)


def test_forecasts_equal_an_ordinary_forward():
    # 50 forecasts are more than are made at a time.
    settings, task = tiny(layers=2, hidden_size=5), a_task(2)
    (found,) = fit([task], settings)
    assert found is not None
    rows = task.training.rows[:55]
    stacked = np.stack([rows[t : t + 6] for t in range(50)])  # (n, L, F)
    model = Reference(Layout.of(settings, 3), torch.from_numpy(found.weights))
    scaled = torch.from_numpy(found.inputs.apply(stacked, settings.clip)).transpose(0, 1)
    y = model(scaled)[-1].detach().numpy()
    expected = found.output.location[0] + found.output.scale[0] * y
    np.testing.assert_allclose(predict(found, rows), expected, rtol=1e-5, atol=1e-6)
    assert found.predict(stacked).tobytes() == predict(found, rows).tobytes()


@pytest.mark.parametrize("steps", [1, 4, 20])
def test_every_sample_is_learned_once_an_epoch(steps):
    usable = np.ones(60, dtype=bool)
    usable[[3, 20, 41]] = False
    settings = tiny(loss_steps=steps, batch_size=3 * steps, lookback=7)
    blocks, rng = Blocks(usable, 9, 50, settings), np.random.default_rng(0)
    expected = np.zeros(60)
    expected[9:50] = usable[9:50]
    assert blocks.samples == expected.sum()
    drawn = blocks.epochs(rng, 20).reshape(20, blocks.minibatches, 4)  # of 4 sequences one fills up
    for starts in (*drawn, blocks.in_order()):
        assert starts.shape == (blocks.minibatches, 4)
        learned = np.zeros(60 + 3 * steps)
        for start in starts.ravel():
            rows = start + 6 + np.arange(steps)
            learned[rows] += blocks.weight[rows]
        assert (learned[steps : steps + 60] == expected).all()  # rows of zeros lie around them
        assert learned.sum() == expected.sum()
        assert starts.min() >= 0
        assert starts.max() + 7 + steps - 1 <= steps + 60 + 2 * steps


def test_epochs_are_the_same_however_many_are_drawn_at_once():
    blocks = Blocks(np.ones(60, dtype=bool), 9, 50, tiny())
    one, two = np.random.default_rng(0), np.random.default_rng(0)
    in_turn = [blocks.epochs(one, count) for count in (1, 3, 2)]
    assert np.array_equal(np.concatenate(in_turn), blocks.epochs(two, 6))


@engines
def test_the_padding_stays_0(engine):
    settings = tiny(layers=2, hidden_size=5, weight_decay=0.1, dropout=0.3)
    networks = batch_of(engine, [a_task(3), a_task(4)], settings)
    free = parts_mask(networks.layout)
    networks.train(np.array([True, True]), 3, never)
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
    settings = tiny(hidden_size=units, loss_steps=steps, batch_size=20, epochs=2, layers=2, dropout=0.2)
    task = a_task(5)
    (alone,) = fit([task], settings)
    others = [a_task(100 + k, n=40 + 7 * (k % 11)) for k in range(6)]
    for slot in (0, 1, 4, 6):
        crowd = [*others[:slot], task, *others[slot:]]
        assert same(fit(crowd, settings)[slot], alone), slot


@pytest.mark.parametrize("units", [4, 7, 32])
def test_law_1_chunk_the_other_forecasts_do_not_matter(units):
    settings = tiny(hidden_size=units)
    members = [f for f in fit([a_task(k) for k in range(3)], settings) if f is not None]
    rows = np.random.default_rng(0).standard_normal((5 + 60, 3))
    assert len(members) == 3
    for member in members:
        whole = predict(member, rows)
        assert whole.shape == (60,)
        for first, last in ((0, 1), (7, 8), (30, 60), (11, 37), (59, 60)):
            some = predict(member, rows[first : last + 5])
            assert some.tobytes() == whole[first:last].tobytes()
            assert member.predict(windows(rows, 6)[first:last]).tobytes() == some.tobytes()


SCRIPT = """
import hashlib
from test_lstm_training import a_task, fit, tiny
made = fit([a_task(k) for k in range(3)], tiny(layers=2, dropout=0.2))
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
    made = fit([a_task(k) for k in range(3)], tiny(layers=2, dropout=0.2))
    assert all(made)
    assert run.stdout.strip() == hashlib.sha256(b"".join(f.to_bytes() for f in made if f)).hexdigest()


def test_law_3_purity_nothing_global_changes_or_matters():
    settings, kept = tiny(layers=2, dropout=0.2), torch.get_num_threads()
    reference = fit([a_task(6)], settings)[0]
    torch.set_num_threads(2)
    try:
        torch.manual_seed(11)
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        found = fit([a_task(6)], settings)[0]
        assert found is not None
        predict(found, np.zeros((9, 3)))
        after = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(kept)
    assert torch.equal(before[0], after[0])
    assert (before[1] == after[1]).all()
    assert torch.is_grad_enabled()
    assert same(found, reference)


def test_another_seed_gives_another_network():
    first, second = fit([a_task(7), replace(a_task(7), seed=8)], tiny())
    assert first is not None
    assert second is not None
    assert not np.array_equal(first.weights, second.weights)


# ---- dropout ---------------------------------------------------------------------------------------------------


def test_dropout_acts_in_training_and_not_in_forecasting():
    plain, dropped = (fit([a_task(9)], tiny(layers=2, dropout=rate))[0] for rate in (0.0, 0.3))
    assert plain is not None
    assert dropped is not None
    assert not np.array_equal(plain.weights, dropped.weights)
    rows = np.random.default_rng(1).standard_normal((15, 3))
    assert (predict(dropped, rows) == predict(replace(dropped, settings=tiny(layers=2)), rows)).all()


def test_dropout_is_inverted():
    # Kept with probability 0.75 and then worth 4/3: mean 1, standard deviation sqrt(1/3); 5 standard errors.
    settings = tiny(layers=3, dropout=0.25, hidden_size=32)
    drawn = batch_of(CpuBatch, [a_task(10)], settings).masks(0)
    assert drawn.shape == (2, 8, 4, 32)
    assert set(np.unique(drawn).tolist()) == {0.0, np.float32(4 / 3)}
    assert abs(drawn.mean() - 1.0) < 5 * np.sqrt(1 / 3 / drawn.size)


# ---- early stopping --------------------------------------------------------------------------------------------


def test_validation_is_purged_from_training():
    # 70 bars, 14 held out, purge 2: bars 0..53 train, 54 and 55 are free, 56..69 validate.
    settings, task = tiny(val_size=0.2, patience=99), a_task(12)
    base = fit([task], settings)[0]
    assert base is not None
    for bar, trains, validates in ((53, True, False), (54, False, False), (55, False, False), (56, False, True)):
        labels = task.training.labels.copy()
        labels[bar] = 2.0 * labels[bar] - np.median(labels)  # twice as far out: the median stays
        found = refitted_with_scale_of(task, with_labels(task, labels), settings)
        assert (found.losses.tobytes() != base.losses.tobytes()) == trains, bar
        assert (found.valid_losses.tobytes() != base.valid_losses.tobytes()) == (trains or validates), bar


def refitted_with_scale_of(original: FitTask, changed: FitTask, settings: LSTM) -> FittedLSTM:
    """Trains on `changed`, with the labels in the units of `original`."""
    unit = fit_scaler(original.training.labels[:, None], settings.scaler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_set, "fit_scaler", lambda x, kind: unit if x.shape[1] == 1 else fit_scaler(x, kind))
        found = fit([changed], settings)[0]
    assert found is not None
    return found


def test_stops_after_patience_and_keeps_the_best():
    # Noise only and a fast rate: the validation loss gets worse soon.
    settings = tiny(val_size=0.3, patience=3, epochs=60, learning_rate=0.05)
    task = with_labels(a_task(13), np.random.default_rng(13).standard_normal(70))
    found = fit([task], settings)[0]
    assert found is not None
    best = int(np.argmin(found.valid_losses))
    assert len(found.valid_losses) == len(found.losses) == best + 1 + 3 < 60
    # The weights are those of a training that ends at the best epoch.
    ended = fit([task], replace(settings, epochs=best + 1))[0]
    assert ended is not None
    assert found.weights.tobytes() == ended.weights.tobytes()


def test_without_validation_the_last_weights_count():
    found = fit([a_task(14)], tiny())[0]
    assert found is not None
    assert (len(found.losses), len(found.valid_losses)) == (3, 0)
    shorter = fit([a_task(14)], tiny(epochs=2))[0]
    assert shorter is not None
    assert found.losses[:2].tobytes() == shorter.losses.tobytes()
    assert found.weights.tobytes() != shorter.weights.tobytes()


# ---- broken training -------------------------------------------------------------------------------------------


@pytest.fixture
def overflow(monkeypatch):
    """Makes the labels of the tasks with these seeds infinite, and lists the seeds that were trained."""
    broken: set[int] = set()
    tried: list[int] = []
    begin = batch.Batch.__init__

    def beginning(self: batch.Batch, tasks: Sequence[FitTask], settings: LSTM, slices: training.Slices) -> None:
        tried.extend(task.seed for task in tasks)
        begin(self, tasks, settings, slices)
        for k, task in enumerate(tasks):
            if task.seed in broken:
                self.prepared[k] = self.prepared[k]._replace(y=np.full_like(self.prepared[k].y, np.inf))

    monkeypatch.setattr(batch.Batch, "__init__", beginning)
    return broken, tried


@engines
def test_a_broken_task_harms_no_other(engine, overflow):
    broken, tried = overflow
    tasks, settings = [a_task(k) for k in range(20, 25)], tiny(val_size=0.2)
    sound = trained(engine, tasks, settings)
    broken |= {22, 22 ^ RETRY}
    found = trained(engine, tasks, settings)
    assert found[2] is None
    assert all(same(a, b) for k, (a, b) in enumerate(zip(found, sound, strict=True)) if k != 2)
    assert sorted(tried[5:]) == sorted([*range(20, 25), 22 ^ RETRY])  # one more attempt, for the broken one alone


def test_a_second_attempt_has_a_seed_of_its_own(overflow):
    broken, _ = overflow
    broken.add(22)
    found = fit([a_task(21), a_task(22)], tiny())
    assert same(found[1], fit([replace(a_task(22), seed=22 ^ RETRY)], tiny())[0])


@engines
def test_a_rate_that_overflows_fails_and_is_not_a_forecast(engine):
    assert trained(engine, [a_task(15)], replace(tiny(), learning_rate=1e30)) == [None]


@engines
def test_training_stops_before_the_next_epoch_when_it_is_told_to(engine):
    asked = iter([False, False, True])
    with pytest.raises(CancelledError):
        trained(engine, [a_task(15)], tiny(val_size=0.2), lambda: next(asked))
    assert next(asked, None) is None


@pytest.mark.parametrize("changes", [{"layers": 2, "dropout": 0.3}, {"val_size": 0.3, "loss": "huber"}], ids=str)
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_training_on_a_cpu_stops_within_a_minibatch_and_has_the_same_bits_in_pieces(blocks, changes, monkeypatch):
    """40 sequences of one loss are three blocks of 16; a call may take so many of them."""
    settings, asked = tiny(loss_steps=1, batch_size=40, epochs=2, **changes), []
    whole = fit([a_task(15)], settings)[0]
    a_block = Layout.of(settings, 3).operations * 6 * 16
    monkeypatch.setattr(cpu, "CALL", blocks * a_block)
    assert same(fit([a_task(15)], settings, lambda: bool(asked.append(1)))[0], whole)
    # 65 windows are two minibatches; of 49 windows 44 train, which are two as well, and 21 validate in one.
    training_calls = 2 * 2 * -(-3 // blocks)
    assert len(asked) == training_calls + (2 * -(-3 // blocks) if "val_size" in changes else 0)


@pytest.mark.parametrize("minibatches", [1, 2, 7])
def test_training_on_a_cpu_stops_within_an_epoch_and_has_the_same_bits_in_calls_of_any_length(
    minibatches, monkeypatch
):
    settings, asked = tiny(epochs=4), []
    whole = fit([a_task(15)], settings)[0]
    a_minibatch = Layout.of(settings, 3).operations * (6 + 3 - 1) * 4
    monkeypatch.setattr(cpu, "CALL", minibatches * a_minibatch)
    assert same(fit([a_task(15)], settings, lambda: bool(asked.append(1)))[0], whole)
    # 67 rows from the first window on are 23 blocks of 3 losses with any phase, so 6 minibatches of 4.
    by_hand = {1: 24, 2: 12, 7: 4}
    assert len(asked) == by_hand[minibatches]


def test_the_networks_before_a_stop_are_not_lost():
    asked = iter([False, False, True])
    made = training.fit([a_task(k) for k in range(3)], tiny(), lambda: next(asked))
    assert same(next(made), fit([a_task(0)], tiny())[0])
    assert same(next(made), fit([a_task(1)], tiny())[0])
    with pytest.raises(CancelledError):
        next(made)


def test_no_tasks_no_networks():
    assert fit([], tiny()) == []
