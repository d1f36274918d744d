"""A model that costs next to nothing, for the runs of an audit over the whole traded period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.forecasting.models.base import FittedModel, Model, Stop, never
from lstmstrat.forecasting.training_set import TrainingSet


@dataclass(frozen=True)
class Sketch(Model):
    """Linear in the newest bar, with the covariances of a random half of the samples as slopes.

    It stands in for an ensemble of any other model: it learns from the same samples, its members differ, and it
    accepts every setting. Whether a strategy that trades a forecast reads later bars does not depend on what made
    the forecast.
    """

    ensemble: ClassVar[bool] = True
    warm_start: ClassVar[bool] = True

    scaler: str
    clip: float

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        """The slopes; None without a sample."""
        ends = np.flatnonzero(training.usable)
        if not len(ends):
            return None
        data = training.scaled(self.scaler, self.clip)
        drawn = np.random.default_rng(seed).random(len(ends)) < 0.5  # (m,)
        labels = drawn * data.y[ends] * data.output.scale[0] / len(ends)  # (m,)
        slopes = labels @ data.x[ends].astype(np.float64)  # (F,)
        if isinstance(start, FittedSketch):
            slopes = 0.5 * (slopes + start.slopes)
        return FittedSketch(data.inputs, np.array([np.nan]), self.clip, slopes)


@dataclass(frozen=True, eq=False)
class FittedSketch(FittedModel):
    """A product of the newest scaled inputs and the slopes."""

    clip: float
    slopes: Floats  # (F,)

    def predict(self, windows: Floats) -> Floats:
        """Forecasts in log returns; (n, L, F) -> (n,)."""
        inputs = self.inputs.apply(windows[:, -1], self.clip).astype(np.float64)  # (n, F)
        forecasts: Floats = np.add.accumulate(inputs * self.slopes, axis=1)[:, -1]
        return forecasts

    def to_bytes(self) -> bytes:
        """The slopes: a warm start begins with them."""
        return self.slopes.tobytes()
