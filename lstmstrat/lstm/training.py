"""Fit a batch of networks on either engine: epochs, early stopping, a second attempt for what broke.

Letters: G slices, P numbers of a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace

import numpy as np

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.batch import Batch
from lstmstrat.lstm.values import Fitted, Single, TrainingSlice

RETRY = 0x5EED  # mixed into the seed of a second attempt


@dataclass
class _Course:
    """How the training of one network goes; with validation, the best weights so far are kept."""

    patience: int
    train: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    weights: Single | None = None
    sound: bool = True

    @property
    def running(self) -> bool:
        """Not broken, and not `patience` epochs without a better validation loss."""
        stale = len(self.valid) - 1 - int(np.argmin(self.valid)) if self.valid else 0
        return self.sound and stale < self.patience

    def record(self, train: float, valid: float | None, finite: bool, weights: Single) -> None:
        """One epoch."""
        self.sound = finite and bool(np.isfinite(weights).all())
        self.train.append(train)
        if valid is None or valid < min(self.valid, default=np.inf):
            self.weights = weights
        if valid is not None:
            self.valid.append(valid)


def engine(device: str) -> Callable[[Sequence[TrainingSlice], ForecastConfig], Batch]:
    """The engine for ``cpu`` or ``cuda``."""
    if device == "cpu":
        from lstmstrat.lstm.cpu import CpuBatch

        return CpuBatch
    from lstmstrat.lstm.gpu import TorchBatch

    return TorchBatch


def fit(
    slices: Sequence[TrainingSlice], config: ForecastConfig, device: str, stop: Callable[[], bool] = lambda: False
) -> list[Fitted | None]:
    """Trains networks as one batch; None where training failed twice.

    A network whose loss or gradient is not finite is trained once more, from a seed derived from its own and
    without a warm start.

    Raises
    ------
    CancelledError
        `stop()`, asked before every epoch, said so.
    """
    found = _fit_batch(slices, config, device, stop)
    failed = [i for i, f in enumerate(found) if f is None]
    again = [replace(slices[i], seed=slices[i].seed ^ RETRY, start=None) for i in failed]
    for i, f in zip(failed, _fit_batch(again, config, device, stop), strict=True):
        found[i] = f
    return found


def _fit_batch(
    slices: Sequence[TrainingSlice], config: ForecastConfig, device: str, stop: Callable[[], bool]
) -> list[Fitted | None]:
    if not slices:
        return []
    batch = engine(device)(slices, config)
    courses = [_Course(config.patience) for _ in slices]
    for _ in range(config.epochs):
        active = np.array([course.running for course in courses])
        if not active.any():
            break
        if stop():
            raise CancelledError
        loss, finite = batch.epoch(active)
        score = batch.validate() if config.val_size else None
        weights = batch.weights()  # (G, P)
        for g in np.flatnonzero(active):
            valid = None if score is None else float(score[g])
            courses[g].record(float(loss[g]), valid, bool(finite[g]), weights[g])
    return [_fitted(batch, g, course) for g, course in enumerate(courses)]


def _fitted(batch: Batch, g: int, course: _Course) -> Fitted | None:
    """Network `g` as a value; None if its training broke."""
    if not course.sound or course.weights is None:
        return None
    s, losses = batch.slices[g], (np.array(course.train), np.array(course.valid))
    return Fitted(course.weights, s.inputs, s.output, *losses)
