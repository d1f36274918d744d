"""The losses by name: those of torch, in every engine, and what a user sees of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.market import advanced, market, small
from test_lstm_training import LOSSES, a_task, engines, tiny, trained

from lstmstrat import ConfigError, ForecastConfig
from lstmstrat.config.validation import validated
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.lstm import kernels
from lstmstrat.forecasting.models.lstm.layout import Layout
from lstmstrat.forecasting.models.lstm.model import LSTM

ERRORS = np.array([[0.0, 0.3, -0.999, 1.0], [-1.0, 1.001, -7.5, 1e4]], dtype=np.float32)  # (S, B)


def test_huber_and_its_slope_are_those_of_torch() -> None:
    buffers = kernels.new_buffers(Layout(1, 1, 1), 2, 2, 4)
    buffers.guess[:] = ERRORS
    total = kernels.errors_to_huber(buffers)
    errors = torch.tensor(ERRORS, requires_grad=True)
    expected = torch.nn.HuberLoss(reduction="sum", delta=1.0)(errors, torch.zeros(2, 4))
    expected.backward()  # type: ignore[no-untyped-call]
    assert total == pytest.approx(expected.item(), rel=1e-6)
    np.testing.assert_array_equal(buffers.guess, errors.grad)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_an_error_that_is_no_number_shows_in_the_loss(broken: float) -> None:
    buffers = kernels.new_buffers(Layout(1, 1, 1), 1, 1, 4)
    buffers.guess[0, 2] = broken
    assert not np.isfinite(kernels.errors_to_huber(buffers))


@engines
@pytest.mark.parametrize("loss", LOSSES)
def test_the_losses_on_record_are_means_of_that_loss(engine: type, loss: str) -> None:
    """Nothing is learned at this rate, so both parts have the loss of the first weights, worked here by torch."""
    settings = tiny(loss=loss, loss_steps=1, learning_rate=1e-12, val_size=0.3, epochs=1, weight_decay=0.0)
    task = a_task(3)
    (fitted,) = trained(engine, [task], settings)
    data, ends = task.training.scaled(settings.scaler, settings.clip), np.arange(5, len(task.training.rows))
    windows = np.stack([task.training.rows[t - 5 : t + 1] for t in ends])
    guess = (fitted.predict(windows) - data.output.location[0]) / data.output.scale[0]
    end, held_out = task.training.split(settings.val_size)
    for part, found in ((ends < end, fitted.losses), (ends >= held_out, fitted.valid_losses)):
        expected = LOSSES[loss](torch.from_numpy(guess[part]), torch.from_numpy(data.y[ends[part]].astype(float)))
        assert found == pytest.approx([expected.item()], rel=1e-5)


@engines
def test_an_outlier_pulls_huber_less(engine: type) -> None:
    """One label of 30 deviations among labels of 0, not clipped: huber stays with the others."""
    training = a_task(1).training
    labels = np.zeros(len(training.rows))
    labels[40] = 30.0
    far = {}
    for loss in LOSSES:
        settings = tiny(loss=loss, scaler="standard", clip=1000.0, epochs=20, learning_rate=0.02)
        task = FitTask(type(training)(training.rows, labels, training.lookback, 2), 1)
        (fitted,) = trained(engine, [task], settings)
        windows = np.stack([training.rows[t - 5 : t + 1] for t in range(5, 35)])
        far[loss] = float(np.abs(fitted.predict(windows)).mean())
    assert far["huber"] < far["mse"] / 2


def test_the_loss_is_a_part_of_the_key() -> None:
    mse, huber = (LSTM.of(ForecastConfig(loss=loss, device="cpu")) for loss in LOSSES)
    assert a_task(1).key(mse) != a_task(1).key(huber)


def test_another_loss_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"loss: 'mae' given, expected 'mse' or 'huber'"):
        validated(ForecastConfig, {"loss": "mae"}, "forecast:")


def test_a_model_that_reads_no_loss_ignores_it() -> None:
    prices = market()
    mse, huber = (advanced(small(model="ridge", loss=loss), prices.times, prices.bars) for loss in LOSSES)
    np.testing.assert_array_equal(mse.forecasts.forecast, huber.forecasts.forecast)
