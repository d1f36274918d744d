"""The forecast of a fold whose labels have no spread: their constant, whatever the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.forecasting.models.base import FittedModel


@dataclass(frozen=True, eq=False)
class Constant(FittedModel):
    """The same forecast for every window."""

    value: float  # log return

    def predict(self, windows: Floats) -> Floats:
        """`value` for each window; (n, L, F) -> (n,)."""
        return np.full(len(windows), self.value)

    def to_bytes(self) -> bytes:
        """The bytes of the value, by which its forecasts are found in the store."""
        return np.float64(self.value).tobytes()
