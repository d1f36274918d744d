"""Strategies, an indicator and features as users write them; used by test_audit.py.

A module of its own, since a new process imports it for each of them: with a test module it would load pytest too.
"""

from __future__ import annotations

import random

import backtrader as bt
import numpy as np
from helpers.market import small

from lstmstrat import LSTMForecast

LSTM = {**small().model_dump(), "train_size": 40, "device": "cpu"}


class Mine(bt.Strategy):
    """Nothing of lstmstrat in it: an average with endless memory, a comparison, orders of its own."""

    params = (("period", 5),)

    def __init__(self) -> None:
        self.mean = bt.ind.EMA(self.data.close, period=self.p.period)
        self.above = self.data.close > self.mean

    def next(self) -> None:
        if self.above[0] and not self.position:
            self.buy(size=10)
        elif not self.above[0] and self.position:
            self.close()


class OnForecast(bt.Strategy):
    """A user's strategy on an LSTMForecast, with a stop below each purchase."""

    def __init__(self) -> None:
        self.model = LSTMForecast(self.data, **LSTM)

    def next(self) -> None:
        if self.model.forecast[0] > 0.0 and not self.position and not self.broker.get_orders_open():
            self.buy(size=10)
        elif self.position and not self.broker.get_orders_open():
            self.sell(size=10, exectype=bt.Order.Stop, price=self.data.close[0] * 0.98)


class PeeksInNext(bt.Strategy):
    """Buys before a bar that opens higher: it reads a bar that is loaded but has not come."""

    def next(self) -> None:
        if len(self.data) < self.data.buflen() and not self.position and self.data.open[1] > self.data.close[0]:
            self.buy(size=10)
        elif self.position:
            self.close()


class Repaints(bt.Indicator):
    """Writes into the past once the future is known, as zigzags do."""

    lines = ("turn",)

    def __init__(self) -> None:
        self.addminperiod(4)

    def next(self) -> None:
        self.lines.turn[0] = self.data.close[0]
        self.lines.turn[-3] = self.data.close[0]


class Rolls(bt.Strategy):
    """Honest, but it rolls dice that nobody seeded."""

    def next(self) -> None:
        if random.random() < 0.5 and not self.position:
            self.buy(size=10)
        elif self.position:
            self.close()


class Sleeps(bt.Strategy):
    """Has no indicator and never trades."""


class KnowsDates(bt.Strategy):
    """Trades by the calendar: no bar moves it, so it cannot look ahead."""

    def next(self) -> None:
        if self.data.datetime.date(0).day < 15 and not self.position:
            self.buy(size=1)
        elif self.data.datetime.date(0).day >= 15 and self.position:
            self.sell(size=1)


class Breaks(bt.Strategy):
    def next(self) -> None:
        raise ZeroDivisionError("of its own")


class Level(bt.Indicator):
    """A feature in money."""

    lines = ("high",)

    def __init__(self) -> None:
        self.lines.high = self.data.close > 100.0


def ahead(bars: np.ndarray) -> np.ndarray:
    """A feature of the next bar."""
    return np.append(bars[1:, 3] / bars[:-1, 3] - 1.0, 0.0)


def rose(bars: np.ndarray) -> np.ndarray:
    """1 after a close that is 2% higher."""
    return np.append(0.0, np.diff(np.log(bars[:, 3])) > 0.02)
