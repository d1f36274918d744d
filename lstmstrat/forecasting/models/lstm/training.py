"""Trains a batch of networks on either engine: epochs, early stopping, a second attempt for failed networks.

Letters: G networks, P numbers of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace

import numpy as np

from lstmstrat.arrays import Singles
from lstmstrat.forecasting.models.base import FitTask, Stop, never
from lstmstrat.forecasting.models.course import Course
from lstmstrat.forecasting.models.engines import RETRY
from lstmstrat.forecasting.models.lstm.batch import Batch
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM


def engine(device: str) -> Callable[[Sequence[FitTask], LSTM], Batch]:
    """The class of the engine for ``cpu`` or ``cuda``."""
    if device == "cpu":
        from lstmstrat.forecasting.models.lstm.cpu import CpuBatch

        return CpuBatch
    from lstmstrat.forecasting.models.lstm.gpu import TorchBatch

    return TorchBatch


def fit(tasks: Sequence[FitTask], settings: LSTM, stop: Stop = never) -> list[FittedLSTM | None]:
    """Trains networks as one batch; None if the training of a network failed twice.

    A network whose loss or gradient is not finite is trained once more, from a seed derived from its own and
    without a warm start.

    Raises
    ------
    CancelledError
        `stop()`, which is called before every epoch, returned True.
    """
    fits = _fit_batch(tasks, settings, stop)
    failed = [i for i, fitted in enumerate(fits) if fitted is None]
    again = [replace(tasks[i], seed=tasks[i].seed ^ RETRY, start=None) for i in failed]
    for i, fitted in zip(failed, _fit_batch(again, settings, stop), strict=True):
        fits[i] = fitted
    return fits


def _fit_batch(tasks: Sequence[FitTask], settings: LSTM, stop: Stop) -> list[FittedLSTM | None]:
    if not tasks:
        return []
    batch = engine(settings.device)(tasks, settings)
    states = [Course[Singles](settings.patience) for _ in tasks]
    for _ in range(settings.epochs):
        active = np.array([state.running for state in states])
        if not active.any():
            break
        if stop():
            raise CancelledError
        loss, finite = batch.epoch(active)
        score = batch.validate() if settings.val_size else None
        weights = batch.weights()  # (G, P)
        for g in np.flatnonzero(active):
            valid = None if score is None else float(score[g])
            all_finite = bool(finite[g]) and bool(np.isfinite(weights[g]).all())
            states[g].record(float(loss[g]), valid, all_finite, weights[g])
    return [_fitted_network(batch, g, state) for g, state in enumerate(states)]


def _fitted_network(batch: Batch, g: int, state: Course[Singles]) -> FittedLSTM | None:
    """Network `g` as a value; None if its training failed."""
    if not state.sound or state.weights is None:
        return None
    inputs, output, *_ = batch.prepared[g]
    losses = np.array(state.train), np.array(state.valid)
    return FittedLSTM(inputs, *losses, batch.settings, state.weights, output)
