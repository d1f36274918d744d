"""Time and memory are said before a large training starts, and what cannot fit is refused."""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from helpers.market import advanced, alone, market, small
from helpers.processor import processor_seconds

from lstmstrat import Config, ConfigError, ForecastConfig, Session, Store
from lstmstrat.forecasting import cost as module
from lstmstrat.forecasting.cost import Cost, cost, machine_memory
from lstmstrat.forecasting.models.baselines import Ridge
from lstmstrat.forecasting.models.lstm import kernels
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.model import LSTM
from lstmstrat.forecasting.training_set import TrainingSet
from lstmstrat.study.prepare import expected_cost, prepare

PRICES = market()


def lstm(**changes: Any) -> LSTM:
    return LSTM.of(ForecastConfig(**{"lookback": 60, "hidden_size": 32, "epochs": 8, "device": "cpu"} | changes))


def test_the_operations_are_those_counted_by_hand() -> None:
    """32 units, 10 inputs: [h | 1 | x] has 43 columns, padded to 44, and 4 gates of 32.

    An epoch of 750 bars, a loss on 20 steps: 39 blocks, 4 in a minibatch, so 10 minibatches; sequences of 79 bars.
    benchmarks/README.md counts 1.72e9 operations in 20 epochs, without the padding of the last minibatch.
    """
    by_hand = 20 * (10 * 4) * 79 * 44 * (4 * 32) * 2 * 3
    model = lstm(epochs=20)
    assert module._operations(model, Layout.of(model, 10), 750) == by_hand
    assert by_hand == pytest.approx(1.72e9, rel=0.25)


def test_a_small_layer_takes_as_long_as_one_of_sixteen_units() -> None:
    small, sixteen = (lstm(hidden_size=units) for units in (3, 16))
    found = [module._operations(model, Layout.of(model, 10), 750) for model in (small, sixteen)]
    assert found[0] == found[1]


@pytest.mark.parametrize("changes", [{}, {"hidden_size": 100, "layers": 3}, {"loss_steps": 1, "lookback": 7}])
def test_the_buffers_are_those_of_the_kernels(changes: dict[str, Any]) -> None:
    model = lstm(**changes)
    layout = Layout.of(model, 10)
    block = module._sequences(model)[-1]
    span = model.lookback + model.loss_steps - 1
    arrays = kernels.new_buffers(layout, span, model.loss_steps, block)
    assert module._buffers(model, layout) == pytest.approx(sum(array.nbytes for array in arrays), rel=0.01)


def test_the_memory_is_that_of_the_weights() -> None:
    model = lstm(hidden_size=64)
    rows = np.random.default_rng(0).normal(size=(100, 10))
    fitted = model.fit(TrainingSet(rows, rows[:, 0] * 0.01, 60, 2), 0)
    assert fitted is not None
    one, two = (cost(model, members, [100] * 50, 10, 1).memory for members in (1, 2))
    assert two - one == 50 * fitted.weights.nbytes  # type: ignore[attr-defined]


def test_nobody_knows_how_long_a_subclass_takes() -> None:
    class Slower(LSTM):
        """Whose fit may do anything."""

    rows = np.zeros((100, 10))
    training = TrainingSet(rows, rows[:, 0], 60, 2)
    settings = {field.name: getattr(lstm(), field.name) for field in fields(LSTM)}
    assert 0.0 < module.seconds_of_fit(lstm(), training) < 1.0
    assert module.seconds_of_fit(Slower(**settings), training) == float("inf")


def test_the_time_is_within_a_factor_of_ten_of_a_real_one() -> None:
    """Of two, on a machine that does nothing else."""
    model, rows = lstm(), np.random.default_rng(0).normal(size=(750, 10))
    sets = [TrainingSet(rows, rows[:, 0] * 0.01, 60, 2) for _ in range(5)]
    model.fit(sets[0], 0)  # compiles
    taken = processor_seconds(lambda: [model.fit(training, k) for k, training in enumerate(sets)])
    estimate = cost(model, 1, [750] * 5, 10, 1).seconds
    assert estimate / 10.0 < taken < estimate * 10.0


@pytest.mark.parametrize(
    ("changes", "folds", "sentence"),
    [
        ({}, 118, "118 networks to train: about 2 seconds and 0.1 GB of memory, less what is in the cache"),
        ({"epochs": 1000}, 118, "118 networks to train: about 4 minutes and 0.1 GB"),
        ({"hidden_size": 512, "layers": 4, "epochs": 1000}, 118, "about 4 days and 4.2 GB"),
        ({"loss_steps": 1}, 4760, "about 16 minutes and 0.3 GB"),
    ],
)
def test_a_large_job_is_said_in_one_sentence(changes: dict[str, Any], folds: int, sentence: str) -> None:
    """By hand, at 60e9 operations a second, for the operations of an epoch as counted above:

    118 * 8 * 107e6 is 1.7 s, 118 * 1000 * 107e6 is 210 s. With 512 units, four layers have 1028 columns and 2048
    gates each, 118 * 1000 * 40 * 79 * 4 * 1028 * 2048 * 6 is 3.6 days; 8.4 million weights are 34 MB, times 118.
    A loss on one step: 12 minibatches of 64 sequences of 60 bars, 4760 * 8 * 1.56e9 is 16.5 minutes.
    """
    assert sentence in str(cost(lstm(**changes), 1, [750] * folds, 10, 1))


def test_seeds_worlds_and_threads_count() -> None:
    one = cost(lstm(), 1, [750] * 10, 10, 1)
    assert cost(lstm(), 1, [750] * 10, 10, 2).seconds == one.seconds / 2.0
    assert cost(lstm(), 5, [750] * 10, 10, 1, times=8).seconds == pytest.approx(one.seconds * 40.0)
    assert cost(lstm(), 5, [750] * 10, 10, 1, times=8).networks == 400


def test_a_model_whose_time_nobody_knows_has_none() -> None:
    assert cost(Ridge("robust", 5.0), 1, [750] * 10, 10, 1) == Cost(0, 0.0, 7500 * 53.0)


def test_the_memory_of_this_machine_is_that_of_proc() -> None:
    with open("/proc/meminfo") as file:
        total = 1024.0 * float(next(line for line in file if line.startswith("MemTotal")).split()[1])
    memory = machine_memory()
    assert memory is not None
    assert memory <= total * 1.001


def test_what_does_not_fit_is_refused_before_the_first_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a script: 17 MB of weights for a layer of 1,024 units, of which a machine of 1 GB holds no 100."""
    monkeypatch.setattr(module, "machine_memory", lambda: 1e9)
    session = alone()
    with pytest.raises(
        ConfigError, match=r"1,500 networks of these settings need about \d+ GB .* there are 1 GB; give"
    ):
        advanced(small(hidden_size=1024, members=100), PRICES.times, PRICES.bars, session=session)
    assert session.fitted == 0


def test_a_script_logs_a_large_job_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "LONG", 0.0)
    advanced(small(), PRICES.times, PRICES.bars, cuts=[100, 200])
    assert [record.message[:31] for record in caplog.records] == ["3 networks to train: about 1 se"]
    assert caplog.records[0].levelno == logging.WARNING


def test_a_run_says_it_before_and_not_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """2,600 bars of AAPL make 92 folds; two seeds and the ladder count as three times."""
    config = Config(
        forecast=ForecastConfig(train_size=750, members=2, device="cpu"),
        strategies=[{"class": "strategies.long_flat:LongFlat"}],
        report={"seeds": 2, "ladder": True},
    )
    config, prices = prepare(config)
    monkeypatch.setattr(module, "LONG", 0.0)
    with Session(Store(None), 2) as session:
        sentence = expected_cost(config, prices, session)
        assert sentence.startswith(f"{118 * 2 * 3} networks to train")
        assert session.told == {module.SAID}
    assert not caplog.records
