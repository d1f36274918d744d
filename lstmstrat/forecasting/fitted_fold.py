"""A fold of the walk-forward after its fit.

Letters: n bars, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Bools, Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.forecasts import TOO_FEW, TRAINING_FAILED, FoldRecord
from lstmstrat.forecasting.learned import Learned
from lstmstrat.forecasting.models.base import FittedModel, mean_loss
from lstmstrat.forecasting.models.constant import Constant
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.training_set import TrainingSet

FARTHEST = 2.0
"""The largest absolute forecast, in multiples of the largest absolute label of the training set.

A conditional mean lies within the range of the labels, so an honest forecast needs 1 at most. A line through few
samples may leave their range a little; with twice the largest return ever seen, a forecast is broken. The absolute
value, because the plain rules forecast the size of a label with a sign of their own.
"""


@dataclass(frozen=True, eq=False)
class FittedFold:
    """A fold after its fit; `members` is empty if the fold cannot forecast."""

    record: FoldRecord
    members: tuple[FittedModel, ...]
    range: Floats  # (2, F) smallest and largest value of each input in the training set
    largest_label: float  # largest absolute label of the samples
    linear: FittedModel | None = None  # the linear part, with calibration
    learned: Learned | None = None  # from the forecasts before it; None until they are made

    @property
    def fold(self) -> Fold:
        """The bars of the fold."""
        return self.record.fold

    def distance(self, rows: Floats) -> Floats:
        """How far the inputs `rows` (n, F) lie outside the range of the training set; (n,).

        0 if every input lies between its smallest and its largest value in the training set; else the distance of
        the input that lies farthest outside, in units of its scale (about a standard deviation).
        """
        low, high = self.range
        outside = np.maximum(low - rows, rows - high) / self.members[0].inputs.scale  # (n, F)
        farthest: Floats = np.maximum(outside, 0.0).max(axis=1)
        return farthest

    def far_outside(self, forecasts: Floats) -> Bools:
        """At which bars any of the forecasts (k, n) is larger than `FARTHEST` allows; (n,)."""
        size = np.where(np.isfinite(forecasts), np.abs(forecasts), 0.0)  # (k, n)
        far: Bools = size.max(axis=0) > FARTHEST * self.largest_label  # (n,)
        return far


def constant_fold(fold: Fold, training: TrainingSet, config: ForecastConfig) -> FittedFold:
    """The fold of a training set without spread, which forecasts its constant; no model is fitted."""
    inputs, value = training.scaled(config.scaler, config.clip).inputs, training.mean_label
    constant = Constant(inputs, np.zeros(1), value)
    record = FoldRecord(fold, training.samples, value, 0.0, 0.0, constant=True)
    return FittedFold(record, (constant,), training.range, abs(value), linear=constant)


def fitted_fold(fold: Fold, training: TrainingSet, fits: Sequence[FittedModel | None]) -> FittedFold:
    """The fold with its members; `fits` is empty if the fold has too few samples."""
    models = tuple(model for model in fits if model is not None)
    members = models if len(models) == len(fits) else ()  # part of an ensemble would be another forecast
    reason = "" if members else TRAINING_FAILED if fits else TOO_FEW
    losses = mean_loss(members, 0), mean_loss(members, -1)
    record = FoldRecord(fold, training.samples, training.mean_label, *losses, reason)
    return FittedFold(record, members, training.range, max(map(abs, training.label_range)))
