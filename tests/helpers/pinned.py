"""A model that says in which process it was fitted, and one that a GPU would fit: for the tests of a cluster."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from lstmstrat import FittedModel, Model, TrainingSet
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.models.base import Stop, ask, never


@dataclass(frozen=True)
class Slow(Model):
    """The past mean after some hundredths of a second, in which it can be stopped or its process killed."""

    scaler: str
    clip: float
    seconds: float = 0.02
    together: int = 1

    @property
    def at_once(self) -> int:
        return self.together

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            ask(stop)
            time.sleep(0.005)
        scaled = training.scaled(self.scaler, self.clip)
        return Mean(scaled.inputs, np.array([np.nan]), training.mean_label, os.getpid())


@dataclass(frozen=True, eq=False)
class Mean(FittedModel):
    value: float
    process: int

    def predict(self, windows: Floats) -> Floats:
        return np.full(len(windows), self.value)
