"""Strategies and a feature that a config names; used by test_covers.py."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
from config_kinds_memory import rises_of

from lstmstrat import ExposureStrategy, FittedModel, ForecastStrategy, Model


def first_label() -> float:
    return float(Path(os.environ["LSTMSTRAT_TEST_LABELS"]).read_text().split()[0])


class OneMonth(ForecastStrategy):
    """Reads the next close in October 2005 only, else trades the forecast."""

    def target_exposure(self) -> float:
        day: Any = self.data.datetime.date(0)
        if dt.date(2005, 10, 1) <= day < dt.date(2005, 11, 1):
            return 1.0 if self.data.close[1] > self.data.close[0] else 0.0
        return 1.0 if self.forecast[0] > 0.0 else 0.0


class ReadsLate(ExposureStrategy):
    """Opens its file in November 2005 only."""

    def __init__(self) -> None:
        self.mean = bt.ind.SMA(self.data.close, period=5)

    def target_exposure(self) -> float:
        if self.data.datetime.date(0) == dt.date(2005, 11, 15):
            return first_label()
        return 1.0 if self.data.close[0] > self.mean[0] else 0.0


class Plain(ExposureStrategy):
    """Reads nothing but its bars."""

    def target_exposure(self) -> float:
        return 1.0 if self.data.close[0] > self.data.open[0] else 0.0


class Remembers(ExposureStrategy):
    """Asks a helper that answers from the first run of the process, in which all bars were loaded."""

    def start(self) -> None:
        self._rises = rises_of("AAPL", list(self.data.close.array))

    def target_exposure(self) -> float:
        bar = len(self) - 1
        return 1.0 if bar < len(self._rises) and self._rises[bar] else 0.0


@dataclass(frozen=True)
class LooksAlong(Model):
    """A model that, after a large move, answers with the input of the next row of the same batch."""

    def fit(self, training: Any, seed: int, start: Any = None, stop: Any = None) -> FittedModel:
        return FittedLooksAlong(training.scaled("none", 0.0).inputs, np.array([0.0]))


@dataclass(frozen=True, eq=False)
class FittedLooksAlong(FittedModel):
    def predict(self, windows: np.ndarray) -> np.ndarray:
        now = windows[:, -1, 0]  # (n,)
        after = np.append(now[1:], 0.0)
        return np.where(np.abs(now) > 0.04, after, now)

    def to_bytes(self) -> bytes:
        return b""


def by_file(bars: np.ndarray) -> np.ndarray:
    """A feature that reads a file each time."""
    return np.full(len(bars), first_label()) + bars[:, 3] / bars[:, 0]
