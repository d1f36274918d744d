"""A network of the user's own in torch: trained as a plain loop trains it, and what goes wrong is a sentence."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers import own_network
from helpers.market import advanced, alone, bits, market, small
from helpers.own_network import NETWORKS
from torch import Tensor, nn

from lstmstrat import ConfigError, Session, Store, TorchModel, TrainingSet
from lstmstrat.forecasting.forecasts import TRAINING_FAILED
from lstmstrat.forecasting.models import engines, model_of, torch_model
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.course import Course
from lstmstrat.forecasting.models.engines import RETRY
from lstmstrat.forecasting.models.torch_model import FittedTorch
from lstmstrat.forecasting.training_set import fit_scaler, windows

PRICES = market()
GRU = "helpers.own_network:Gru"


def a_set(seed: int = 0, rows: int = 70, features: int = 3, lookback: int = 5) -> TrainingSet:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, features))
    return TrainingSet(x, 0.5 * np.tanh(x[:, 0]) + rng.standard_normal(rows), lookback, 2)


def model(name: str = "Gru", **changes: Any) -> TorchModel:
    path = name if ":" in name else f"helpers.own_network:{name}"
    found = model_of(small(**{"model": path, "device": "cpu", "batch_size": 16, "epochs": 3, **changes}))
    assert isinstance(found, TorchModel)
    return found


def fitted(found: TorchModel, training: TrainingSet | None = None, seed: int = 7, **task: Any) -> FittedTorch:
    made = found.fit(training or a_set(), seed, **task)
    assert isinstance(made, FittedTorch)
    return made


# ---- equal to a plain loop -----------------------------------------------------------------------------------


def plain_loop(found: TorchModel, training: TrainingSet, seed: int) -> tuple[nn.Module, list[float]]:
    """The same training as a user would write it, window by window, with torch's own parts alone."""
    rows, column = training.rows, training.labels[:, None]
    x = fit_scaler(rows, found.scaler).apply(rows, found.clip)
    y = torch.from_numpy(fit_scaler(column, found.scaler).apply(column, found.clip)[:, 0])
    loss_of = {"mse": nn.MSELoss(), "huber": nn.HuberLoss(delta=1.0)}[found.loss]
    order, losses = np.random.default_rng(seed), []
    end = len(rows) - int(found.val_size * len(rows)) - (training.purge if found.val_size else 0)
    samples = np.arange(training.lookback - 1, end)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = found.network(rows.shape[1]).train()
        adam = torch.optim.AdamW(network.parameters(), lr=found.learning_rate, weight_decay=found.weight_decay)
        for _ in range(found.epochs):
            shuffled, total = order.permutation(samples), 0.0
            for part in np.array_split(shuffled, -(-len(samples) // found.batch_size)):
                stacked = torch.from_numpy(np.stack([x[t + 1 - training.lookback : t + 1] for t in part]))
                adam.zero_grad()
                loss = loss_of(network(stacked)[:, 0], y[part])
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), found.gradient_clip)
                adam.step()
                total += loss.item() * len(part)
            losses.append(total / len(samples))
    return network.eval(), losses


@pytest.mark.parametrize("loss", ["mse", "huber"])
@pytest.mark.parametrize("scaler", ["robust", "standard"])
def test_the_training_is_that_of_a_plain_loop(loss: str, scaler: str) -> None:
    """With dropout and clipping; the same operations in the same order, so nearly the same bits."""
    settings = {"loss": loss, "scaler": scaler, "learning_rate": 0.02, "weight_decay": 0.1, "gradient_clip": 0.3}
    found, training = model(**settings), a_set()
    made = fitted(found, training)
    network, losses = plain_loop(found, training, 7)
    np.testing.assert_allclose(made.losses, losses, rtol=1e-6)
    inputs, _ = training.windows()
    with torch.no_grad():
        expected = network(torch.from_numpy(made.inputs.apply(inputs, found.clip)))[:, 0].numpy()
    unscaled = made.output.location[0] + made.output.scale[0] * expected
    np.testing.assert_allclose(made.predict(inputs), unscaled, rtol=1e-5, atol=1e-7)


def test_early_stopping_keeps_the_best_weights_and_leaves_the_purge_out() -> None:
    """The part before the purge is what a plain loop learns from; the part after it is what stops it."""
    training = a_set(rows=90)
    found = model(val_size=0.2, epochs=30, patience=2, learning_rate=0.05)
    made = fitted(found, training)
    best = int(np.argmin(made.valid_losses))
    assert len(made.valid_losses) == best + 1 + 2 < 30
    end, held_out = training.split(0.2)
    assert held_out - end == training.purge
    short = fitted(replace(found, epochs=best + 1, patience=99), training)
    assert short.weights == made.weights
    np.testing.assert_allclose(
        short.losses, plain_loop(replace(found, epochs=best + 1), training, 7)[1], rtol=1e-5
    )
    data = training.scaled(found.scaler, found.clip)
    inputs, labels = windows(training.rows, 5)[held_out - 4 :], data.y[held_out:]
    guess = (made.predict(inputs) - data.output.location[0]) / data.output.scale[0]
    assert np.square(guess - labels).mean() == pytest.approx(made.valid_losses[best], rel=1e-5)


def test_without_validation_the_last_weights_count() -> None:
    found = model(epochs=4, learning_rate=0.05)
    made = fitted(found)
    assert (len(made.losses), len(made.valid_losses)) == (4, 0)
    network, _ = plain_loop(found, a_set(), 7)
    first = next(network.parameters()).detach().numpy()
    from safetensors.torch import load

    np.testing.assert_allclose(load(made.weights)["recurrent.weight_ih_l0"], first, rtol=1e-5, atol=1e-7)


def test_a_loss_of_the_users_is_the_one_that_is_learned_and_recorded() -> None:
    """The best constant for absolute errors is the median, for squares the mean; one label is far away."""
    labels = np.r_[np.zeros(60), np.full(10, 5.0)]
    training = TrainingSet(np.ones((70, 1)) + np.arange(70)[:, None] * 0.0, labels, 5, 2)
    settings = {"scaler": "standard", "epochs": 60, "learning_rate": 0.05, "clip": 99.0}
    mean, median = (fitted(model(n, **settings), training) for n in ("Linear", "Absolute"))
    one = np.ones((1, 5, 1))
    assert mean.predict(one)[0] == pytest.approx(labels[4:].mean(), abs=0.25)
    assert median.predict(one)[0] == pytest.approx(0.0, abs=0.1)
    scaled = np.abs(fit_scaler(labels[:, None], "standard").apply(labels[:, None], 99.0)[4:, 0])
    assert median.losses[-1] < scaled.max()


def test_a_fold_of_fewer_samples_than_a_batch_and_of_one_more() -> None:
    found = model("Normed", batch_size=64)
    for rows in (6, 20, 69):  # samples: 2, 16 and 65, of which batch norm could not take the last alone
        assert np.isfinite(fitted(found, a_set(rows=rows)).predict(np.zeros((3, 5, 3)))).all()
    assert found.fit(a_set(rows=4), 7) is None


# ---- the laws --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_law_1_chunk_a_forecast_is_the_same_in_any_company(name: str) -> None:
    made, inputs = fitted(model(name)), np.random.default_rng(3).standard_normal((90, 5, 3))
    together = made.predict(inputs)
    for size in (1, 2, 7, 33, 64):
        for begin in (0, 5, 13):
            assert np.array_equal(made.predict(inputs[begin : begin + size]), together[begin : begin + size])
    assert np.array_equal(made.predict(inputs[::-1])[::-1], together)
    assert made.predict(inputs[:0]).shape == (0,)


@pytest.mark.parametrize("name", NETWORKS)
def test_law_1_chunk_the_store_gives_back_the_same_model(name: str) -> None:
    found = model(name, val_size=0.2)
    made, inputs = fitted(found), np.random.default_rng(3).standard_normal((9, 5, 3))
    again = found.load(made.to_bytes())
    assert isinstance(again, FittedTorch)
    assert again.to_bytes() == made.to_bytes()
    assert again.digest == made.digest
    assert np.array_equal(again.predict(inputs), made.predict(inputs))
    assert again.seed == 7


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_every_seed_can_be_used(seed: int) -> None:
    found = model()
    made = fitted(found, seed=seed)
    assert found.load(made.to_bytes()).digest == made.digest  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NETWORKS)
def test_law_3_purity_what_is_trained_beside_it_does_not_matter(name: str) -> None:
    """Other fits on other threads, and a host that draws and computes on torch's threads in between."""
    found, training = model(name, device="cpu"), a_set()
    expected = [fitted(found, training, seed).to_bytes() for seed in range(4)]
    results: dict[int, bytes] = {}

    def work(seed: int) -> None:
        results[seed] = fitted(found, training, seed).to_bytes()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[seed] for seed in range(4)] == expected


def test_nothing_of_the_process_is_changed_or_read() -> None:
    found, training = model("Normed"), a_set()
    expected = fitted(found, training).to_bytes()
    threads, kept = torch.get_num_threads(), torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    torch.manual_seed(11)
    random.seed(11)
    before = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    try:
        with torch.inference_mode():
            assert fitted(found, training).to_bytes() == expected
            assert torch.is_inference_mode_enabled()
        after = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
        assert after == before
        assert (torch.get_num_threads(), torch.get_default_dtype()) == (2, torch.float64)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)
        torch.set_rng_state(kept)


def test_one_thread_trains_and_forecasts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    forward = own_network.LastState.forward

    def watched(self: Any, x: Tensor) -> Tensor:
        seen.add(torch.get_num_threads())
        return forward(self, x)

    monkeypatch.setattr(own_network.LastState, "forward", watched)
    kept = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fitted(model()).predict(np.zeros((2, 5, 3)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(kept)
    assert seen == {1}


def test_another_seed_gives_another_network_and_dropout_acts_in_training_alone() -> None:
    found = model()
    assert fitted(found, seed=1).weights != fitted(found, seed=2).weights
    made, inputs = fitted(found), a_set().windows()[0]
    assert np.array_equal(made.predict(inputs), made.predict(inputs))
    without = model("test_torch_model:NoDropout")
    assert not np.allclose(fitted(without).losses, made.losses)


class NoDropout(own_network.Gru):
    def network(self, features: int) -> nn.Module:
        network = own_network.LastState(features, self.width)
        network.dropout.p = 0.0
        return network


def test_a_warm_start_begins_with_the_weights_of_the_fold_before() -> None:
    found = model(epochs=1, learning_rate=1e-9, weight_decay=0.0, warm_start=True)
    start = fitted(model(epochs=9, learning_rate=0.05))
    inputs = a_set().windows()[0]
    cold, warm = fitted(found), fitted(found, start=start)
    np.testing.assert_allclose(warm.predict(inputs), start.predict(inputs), rtol=1e-5, atol=1e-6)
    assert not np.allclose(cold.predict(inputs), start.predict(inputs), rtol=1e-2)


def test_the_key_has_the_code_the_parameters_and_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    task = FitTask(a_set(), 7)
    found = {task.key(model(**changes)) for changes in ({}, {"loss": "huber"}, {"model_params": {"width": 5}})}
    found.add(task.key(model("test_torch_model:NoDropout")))
    assert len(found) == 4
    assert task.key(model(hidden_size=9)) in found  # no field of the model
    monkeypatch.setattr(own_network.LastState, "forward", lambda self, x: x.mean((1, 2)) * self.dense.bias)
    found.add(task.key(model()))
    monkeypatch.setattr(torch_model, "engine_version", lambda: "another release")
    found.add(task.key(model()))
    assert len(found) == 6


def test_fits_are_stored_and_found_again(tmp_path: Any) -> None:
    config = small(model=GRU, members=2)
    with Session(Store(tmp_path / "store")) as session:
        first = advanced(config, PRICES.times, PRICES.bars, session=session)
        assert session.fitted == 2 * len(first.folds)
    with Session(Store(tmp_path / "store")) as session:
        again = advanced(config, PRICES.times, PRICES.bars, session=session)
        assert (session.fitted, session.cached) == (0, 2 * len(first.folds))
    assert np.array_equal(bits(first), bits(again))


# ---- failures --------------------------------------------------------------------------------------------------


def test_it_stops_before_the_next_minibatch_when_it_is_told_to() -> None:
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(CancelledError):
        model(epochs=50).fit(a_set(), 7, stop=stop)  # 66 samples in minibatches of 16: five an epoch
    assert len(asked) == 5
    asked.clear()
    with pytest.raises(CancelledError):
        model(epochs=50).fit(a_set(), 7, stop=lambda: True)


class Explodes(own_network.Linear):
    """Its loss is no number from a seed that is in `BROKEN`."""

    def criterion(self, forecasts: Tensor, labels: Tensor) -> Tensor:
        return super().criterion(forecasts, labels) * (np.nan if torch.initial_seed() in BROKEN else 1.0)


BROKEN: set[int] = set()


def test_a_loss_that_is_no_number_is_tried_once_more_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    found = model("test_torch_model:Explodes")
    BROKEN.update({7})
    try:
        assert fitted(found).seed == 7 ^ RETRY
        BROKEN.add(7 ^ RETRY)
        assert found.fit(a_set(), 7) is None
    finally:
        BROKEN.clear()
    monkeypatch.setattr(Explodes, "criterion", lambda self, f, y: (f - y).mean() * np.inf)
    walk = advanced(small(model="test_torch_model:Explodes"), PRICES.times, PRICES.bars)
    assert {fold.record.reason for fold in walk.folds} == {TRAINING_FAILED}


def test_weights_that_overflow_are_no_fit() -> None:
    made = dataclasses.replace(model("Linear", learning_rate=1.0, epochs=4), weight_decay=1e30)
    assert made.fit(a_set(), 7) is None


def test_a_gpu_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    engines.device_here.cache_clear()
    with pytest.raises(ConfigError, match="device: cuda, but torch finds no GPU here; set device: auto or cpu"):
        model(device="cuda")


def test_torch_is_not_loaded_before_a_network_is_needed() -> None:
    script = "import sys, lstmstrat; lstmstrat.TorchModel; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_training_loads_no_compiler_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # an ImportError
    assert model("Linear").fit(a_set(), 7) is not None


SHARED = nn.Linear(15, 1)


class Scripted(nn.Module):
    """A linear network that does as it is told."""

    def __init__(self, forward: Any):
        super().__init__()
        self.dense = nn.Linear(3, 1)
        self.does = forward
        self.kept = 0.0

    def forward(self, windows: Tensor) -> Any:
        return self.does(self, windows)


class Stateful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(3, 1)

    def get_extra_state(self) -> object:
        return {"steps": 3}

    def set_extra_state(self, state: object) -> None:
        pass

    def forward(self, windows: Tensor) -> Tensor:
        return self.dense(windows[:, -1])


def remembers(network: Any, windows: Tensor) -> Tensor:
    outputs = network.dense(windows[:, -1]) + network.kept
    network.kept = outputs.detach().mean()
    return outputs


class Recurrent(nn.Module):
    """torch reads (lookback, B, features) unless it is told batch_first=True."""

    def __init__(self, features: int):
        super().__init__()
        self.recurrent, self.dense = nn.GRU(features, 4), nn.Linear(4, 1)

    def forward(self, windows: torch.Tensor) -> Any:
        return self.dense(self.recurrent(windows)[0][:, -1])


@dataclass(frozen=True)
class Wrong(TorchModel):
    """Each mistake by its name."""

    mistake: str = ""

    def network(self, features: int) -> Any:
        dense = nn.Linear(features, 1)
        return {
            "no module": lambda: "dense",
            "none": lambda: None,
            "raises": lambda: 1 / 0,
            "shared": lambda: nn.Sequential(nn.Flatten(), SHARED),
            "own generator": self._own_generator,
            "no weights": lambda: nn.Flatten(0),
            "frozen": lambda: Scripted(lambda n, w: n.dense(w[:, -1])).requires_grad_(False),
            "tuple": lambda: nn.GRU(features, 1, batch_first=True),
            "every bar": lambda: dense,
            "two": lambda: Scripted(lambda n, w: torch.cat([n.dense(w[:, -1])] * 2, 1)),
            "one for all": lambda: Scripted(lambda n, w: n.dense(w[:, -1]).mean()),
            "whole": lambda: Scripted(lambda n, w: n.dense(w[:, -1]).long()),
            "other shape": lambda: nn.Sequential(nn.Flatten(), nn.Linear(7, 1)),
            "detached": lambda: Scripted(lambda n, w: n.dense(w[:, -1]).detach()),
            "always drops": lambda: Scripted(lambda n, w: nn.functional.dropout(n.dense(w[:, -1]))),
            "remembers": lambda: Scripted(remembers),
            "mixes": lambda: Scripted(lambda n, w: n.dense((w - w.mean(0))[:, -1])),
            "batch second": lambda: Recurrent(features),
            "extra": Stateful,
        }.get(self.mistake, lambda: Scripted(lambda n, w: n.dense(w[:, -1])))()

    def _own_generator(self) -> nn.Module:
        network = Scripted(lambda n, w: n.dense(w[:, -1]))
        nn.init.constant_(network.dense.bias, float(np.random.default_rng().normal()))
        return network

    def criterion(self, forecasts: Tensor, labels: Tensor) -> Any:
        return {
            "vector": lambda: (forecasts - labels).square(),
            "number": lambda: float((forecasts - labels).detach().square().mean()),
            "fails": lambda: forecasts @ labels[:-1],
        }.get(self.mistake, lambda: super(Wrong, self).criterion(forecasts, labels))()


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("no module", r"Wrong.network gave a str; expected a torch.nn.Module"),
        ("none", r"Wrong.network gave a NoneType; expected a torch.nn.Module"),
        ("raises", r"Wrong.network\(3\) failed: ZeroDivisionError: division by zero \(.*, line \d+\)"),
        ("shared", r"Wrong.network gave the same weights twice, .*; make new layers inside of network\(\)"),
        ("own generator", r"Wrong.network begins with other weights each time, though the seed is the same"),
        ("no weights", r"for inputs of shape \(1, 5, 3\); expected real numbers, one for each window"),
        ("frozen", r"Wrong.network has no weights to train; expected a module with some"),
        (
            "tuple",
            r"the network of Wrong gave a tuple; expected a tensor, one number for each window",
        ),
        ("every bar", r"gave torch.float32 of shape \(1, 5, 1\) for inputs of shape \(1, 5, 3\); expected real"),
        ("two", r"gave torch.float32 of shape \(1, 2\) for inputs of shape \(1, 5, 3\)"),
        ("one for all", r"gave torch.float32 of shape \(\) for inputs of shape \(\d\d, 5, 3\); expected real"),
        ("whole", r"gave torch.int64 of shape \(1, 1\)"),
        (
            "other shape",
            r"failed on inputs of shape \(1, 5, 3\), that is windows, lookback and features: Runtime",
        ),
        (
            "detached",
            r"the loss of Wrong does not depend on the weights of its network, so nothing can",
        ),
        ("always drops", r"gives another output for the same window when asked again; in eval\(\) nothing may be"),
        ("remembers", r"gives another output for the same window when asked again"),
        ("mixes", r"gives another output for a window when others are beside it"),
        ("batch second", r"others are beside it.*recurrent layers of torch need batch_first=True"),
        ("extra", r"has _extra_state, a dict, in its state; expected tensors alone"),
        ("vector", r"Wrong.criterion gave shape \(\d\d,\); expected a tensor with one real number"),
        ("number", r"Wrong.criterion gave a float; expected a tensor with one real number"),
        ("fails", r"Wrong.criterion failed: RuntimeError"),
    ],
)
def test_a_mistake_is_a_sentence(mistake: str, sentence: str) -> None:
    found = model("test_torch_model:Wrong", model_params={"mistake": mistake})
    with pytest.raises(ConfigError, match=f"^model: .*{sentence}"):
        found.fit(a_set(), 7)


def test_without_a_mistake_there_is_none() -> None:
    assert model("test_torch_model:Wrong").fit(a_set(), 7) is not None


class Unfinished(TorchModel):
    pass


def test_a_class_without_a_network_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"expected a class of lstmstrat.Model with network\(\)"):
        model("test_torch_model:Unfinished")


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"widht": 3}, r"model_params.widht: unknown parameter; did you mean 'width'\?"),
        ({"width": "wide"}, r"model_params.width: 'wide' given, expected a whole number, such as 4"),
        ({"width": 2.5}, r"model_params.width: 2.5 given, expected a whole number, such as 4"),
        (
            {"epochs": 2},
            r"model_params.epochs: a key of forecast: itself; write epochs: there, beside",
        ),
    ],
)
def test_a_wrong_parameter_is_a_sentence(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        model(model_params=params)


def test_training_goes_on_while_the_loss_of_validation_falls() -> None:
    """The course by hand: 3, 2, 2.5, 2.2 with a patience of 2 stops after the fourth, with the second weights."""
    course = Course[int](2)
    for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.2]):
        assert course.running
        course.record(1.0, loss, True, epoch)
    assert not course.running
    assert course.weights == 1


def test_a_failure_leaves_the_process_as_it_was() -> None:
    before, threads = torch.get_rng_state().tolist(), torch.get_num_threads()
    with pytest.raises(ConfigError):
        model("test_torch_model:Wrong", model_params={"mistake": "raises"}).fit(a_set(), 7)
    assert (torch.get_rng_state().tolist(), torch.get_num_threads()) == (before, threads)
    assert advanced(small(model=GRU), PRICES.times, PRICES.bars, session=alone()).folds
