"""Trains networks on either engine: epochs, early stopping, a second attempt for failed networks.

Letters: G networks, P numbers of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from lstmstrat.arrays import Singles
from lstmstrat.forecasting.models.base import FitTask, Stop, never
from lstmstrat.forecasting.models.course import Course
from lstmstrat.forecasting.models.engines import RETRY
from lstmstrat.forecasting.models.lstm.batch import Batch, Prepared, prepare
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.training_set import TrainingSet

Slices = Callable[[TrainingSet], Prepared]


def engine(device: str) -> type[Batch]:
    """The class of the engine for ``cpu`` or ``cuda``."""
    if device == "cpu":
        from lstmstrat.forecasting.models.lstm.cpu import CpuBatch

        return CpuBatch
    from lstmstrat.forecasting.models.lstm.gpu import TorchBatch

    return TorchBatch


def fit(tasks: Sequence[FitTask], settings: LSTM, stop: Stop = never) -> Iterator[FittedLSTM | None]:
    """Trained networks in the order of the tasks; None if the training of a network failed twice.

    On a GPU a thousand networks are trained as one batch, on a CPU one after the other, each when it is asked for.
    Those with the same training set share its preparation; on a CPU their tasks must follow each other for that.

    A network whose loss or gradient is not finite is trained once more, from a seed derived from its own and
    without a warm start.

    Raises
    ------
    CancelledError
        `stop()`, which is called several times a second, returned True.
    """
    size = engine(settings.device).size
    slices = lru_cache(size)(lambda training: prepare(training, settings))
    for first in range(0, len(tasks), size):
        yield from _fit_part(tasks[first : first + size], settings, slices, stop)


def _fit_part(tasks: Sequence[FitTask], settings: LSTM, slices: Slices, stop: Stop) -> list[FittedLSTM | None]:
    fits = _fit_batch(tasks, settings, slices, stop)
    failed = [i for i, fitted in enumerate(fits) if fitted is None]
    again = [replace(tasks[i], seed=tasks[i].seed ^ RETRY, start=None) for i in failed]
    for i, fitted in zip(failed, _fit_batch(again, settings, slices, stop), strict=True):
        fits[i] = fitted
    return fits


def _fit_batch(tasks: Sequence[FitTask], settings: LSTM, slices: Slices, stop: Stop) -> list[FittedLSTM | None]:
    if not tasks:
        return []
    batch = engine(settings.device)(tasks, settings, slices)
    states = [Course[Singles](settings.patience) for _ in tasks]
    step = 1 if settings.val_size else settings.epochs  # epochs after which something is decided
    for _ in range(0, settings.epochs, step):
        active = np.array([state.running for state in states])
        if not active.any():
            break
        losses, finite = batch.train(active, step, stop)  # (G, step), (G,)
        score = batch.validate(stop) if settings.val_size else None
        weights = batch.weights()  # (G, P)
        for g in np.flatnonzero(active):
            valid = None if score is None else float(score[g])
            all_finite = bool(finite[g]) and bool(np.isfinite(weights[g]).all())
            for loss in losses[g]:
                states[g].record(float(loss), valid, all_finite, weights[g])
    return [_fitted_network(batch, g, state) for g, state in enumerate(states)]


def _fitted_network(batch: Batch, g: int, state: Course[Singles]) -> FittedLSTM | None:
    """Network `g` as a value; None if its training failed."""
    if not state.sound or state.weights is None:
        return None
    inputs, output, *_ = batch.prepared[g]
    losses = np.array(state.train), np.array(state.valid)
    return FittedLSTM(inputs, *losses, batch.settings, state.weights, output)
