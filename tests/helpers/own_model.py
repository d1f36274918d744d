"""Models as users write them, named ``module:Class`` in a config; and every model there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lstmstrat import FittedModel, Model, TrainingSet
from lstmstrat.arrays import Floats, Singles
from lstmstrat.forecasting.models import MODELS, model_class
from lstmstrat.forecasting.models.base import Stop, never
from lstmstrat.forecasting.training_set import Scaler


@dataclass(frozen=True)
class Nearest(Model):
    """The mean label of the samples whose windows look most like this one; nothing random, nothing stored."""

    scaler: str
    clip: float
    neighbours: int = 5

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        windows, labels = training.windows()
        if not len(labels):
            return None
        inputs = training.scaled(self.scaler, self.clip).inputs
        known = inputs.apply(windows, self.clip)  # (m, L, F)
        return Remembered(inputs, np.array([np.nan]), self.clip, known, labels, self.neighbours)


@dataclass(frozen=True, eq=False)
class Remembered(FittedModel):
    clip: float
    known: Singles  # (m, L, F)
    labels: Floats  # (m,)
    neighbours: int

    def predict(self, windows: Floats) -> Floats:
        return np.array([self._of(window) for window in self.inputs.apply(windows, self.clip)])

    def _of(self, window: Singles) -> float:
        far = np.square(self.known - window).sum(axis=(1, 2))  # (m,)
        return float(self.labels[np.argsort(far, kind="stable")[: self.neighbours]].mean())


@dataclass(frozen=True)
class Drawn(Model):
    """Linear in the newest bar, each sample weighted by chance: an ensemble, stored, that can start warm."""

    ensemble: ClassVar[bool] = True
    warm_start: ClassVar[bool] = True
    stored: ClassVar[bool] = True

    scaler: str
    clip: float

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        ends = np.flatnonzero(training.usable)
        if not len(ends):
            return None
        data = training.scaled(self.scaler, self.clip)
        weights = np.random.default_rng(seed).exponential(size=len(ends)) / len(ends)
        labels = weights * data.y[ends] * data.output.scale[0]  # (m,)
        slopes = np.add.accumulate(data.x[ends] * labels[:, None])[-1]  # (F,)
        if isinstance(start, Sloped):
            slopes = 0.5 * (slopes + start.slopes)
        return Sloped(data.inputs, np.array([np.nan]), self.clip, slopes)

    def load(self, data: bytes) -> FittedModel:
        location, scale, slopes = np.frombuffer(data).reshape(3, -1)
        return Sloped(Scaler(location, scale), np.array([np.nan]), self.clip, slopes)


@dataclass(frozen=True, eq=False)
class Sloped(FittedModel):
    clip: float
    slopes: Floats  # (F,)

    def predict(self, windows: Floats) -> Floats:
        x = self.inputs.apply(windows[:, -1], self.clip).astype(np.float64)  # (n, F)
        return np.add.accumulate(x * self.slopes, axis=1)[:, -1]

    def to_bytes(self) -> bytes:
        return np.stack([self.inputs.location, self.inputs.scale, self.slopes]).tobytes()


NETWORK = "helpers.own_network:Gru"
FOREST, LINEAR = "sklearn.ensemble:RandomForestRegressor", "sklearn.linear_model:LinearRegression"
OWN = ("helpers.own_model:Nearest", "helpers.own_model:Drawn", NETWORK, FOREST, LINEAR)
EVERY = (*MODELS, *OWN)


def alive(model: str) -> dict[str, Any]:
    """Settings with which a model does all that it can on 140 samples: trees split 80, an ensemble has members."""
    params = {"model_params": {"n_estimators": 3}} if model == FOREST else {}
    return {"model": model, "train_size": 140, "members": 2 if model_class(model).ensemble else 1, **params}
