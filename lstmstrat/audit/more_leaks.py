"""More examples of leaks: at the open, through another feed, through memory, and from elsewhere.

The numbers at the start of the docstrings go on from those of `leaks.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.audit.leaks import HORIZON, TRAIN
from lstmstrat.forecasting.fitted_fold import FittedFold
from lstmstrat.forecasting.learned import Learned
from lstmstrat.forecasting.walk_forward import WalkForward
from lstmstrat.prices.bars import CLOSE
from lstmstrat.prices.outside import Stream, later
from lstmstrat.trading.indicator import LSTMForecast


class _Trades(bt.Strategy):  # type: ignore[misc]
    """Long while `signal` is above 0. Abstract."""

    def signal(self) -> float:
        """Positive to be long."""
        raise NotImplementedError

    def next(self) -> None:
        """Buy and sell ten shares."""
        signal = self.signal()
        if signal > 0.0 and not self.position:
            self.buy(size=10)
        elif not signal > 0.0 and self.position:
            self.close()


class OldBarsOnly(_Trades):
    """19: the next close, read from the loaded bars, and only in the older half of the history."""

    def signal(self) -> float:
        """The next change at first, later the last one."""
        close = self.data.close
        return float(close[1] - close[0] if len(self) < self.data.buflen() / 2 else close[0] - close[-1])


class ByPosition(_Trades):
    """20: closes read by their position in the array, one too far."""

    def signal(self) -> float:
        """The next change, and 0 where there is none."""
        array = self.data.close.array
        return float(array[min(len(self), len(array) - 1)] - self.data.close[0])


class OneMonthInAdvance(bt.Strategy):  # type: ignore[misc]
    """21: a signal made before the run from all bars, which knows the next close in one month only."""

    def start(self) -> None:
        """Make the signal of every bar from the array of all closes."""
        close = np.array(self.data.close.array)  # (n,)
        later, before = np.append(close[1:], np.nan), np.append(np.nan, close[:-1])
        month = np.arange(len(close)) // 21 == 4
        self._rises = np.where(month, later > close, close > before) if len(close) else np.zeros(0, bool)

    def next(self) -> None:
        """Buy before a rise, as the signal has it."""
        rises = len(self) <= len(self._rises) and bool(self._rises[len(self) - 1])
        if rises and not self.position:
            self.buy(size=10)
        elif not rises and self.position:
            self.close()


class LimitAtTheLow(bt.Strategy):  # type: ignore[misc]
    """22: a limit order, made at the open, at the low of the same bar."""

    def next_open(self) -> None:
        """Buy at the low, sell at the next open."""
        if self.position:
            self.close()
        else:
            self.buy(size=10, exectype=bt.Order.Limit, price=self.data.low[0])


class StopAtTheHigh(bt.Strategy):  # type: ignore[misc]
    """23: a stop order, made at the open, at the high of the same bar."""

    def next_open(self) -> None:
        """Buy at the high, sell at the next open."""
        if self.position:
            self.close()
        else:
            self.buy(size=10, exectype=bt.Order.Stop, price=self.data.high[0])


class OtherFeed(_Trades):
    """24: the next close of a second feed."""

    def signal(self) -> float:
        """The next change of the second feed."""
        close = self.data1.close
        return float(close[1] - close[0]) if len(self.data1) < self.data1.buflen() else 0.0


def next_return(bars: Floats) -> Floats:
    """A feature of a peer that gives each bar the return of the next one; (n, 5) -> (n,)."""
    return np.append(np.log(bars[1:, CLOSE] / bars[:-1, CLOSE]), 0.0)


class PeerAhead(_Trades):
    """25: a feature of a peer that is shifted in the wrong direction."""

    def __init__(self) -> None:
        self.model = LSTMForecast(
            self.data,
            peers=[self.data1],
            peer_features=(f"{__name__}:next_return",),
            **{"features": ("return_1",), "lookback": 2, "loss_steps": 2, "horizon": HORIZON},
            **{"model": "ridge", "train_size": TRAIN, "refit_every": 40},
        )

    def signal(self) -> float:
        """The forecast."""
        return float(self.model.forecast[0])


class BestOfEarlierRuns(_Trades):
    """26: the best parameter of an earlier run over all bars, kept on the class."""

    best: ClassVar[int] = 0

    def __init__(self) -> None:
        self.period = type(self).best or 2
        self.mean = bt.ind.SMA(self.data.close, period=self.period)

    def signal(self) -> float:
        """The distance from the mean."""
        return float(self.data.close[0] - self.mean[0])

    def stop(self) -> None:
        """Keep the period whose signal would have earned most."""
        close = np.array(self.data.close.array)  # (n,)
        earned = {}
        for period in (3, 5, 9):
            means = np.convolve(close, np.full(period, 1.0 / period), mode="valid")
            earned[period] = float(
                np.sum(np.sign(close[period - 1 : -1] - means[:-1]) * np.diff(close[period - 1 :]))
            )
        type(self).best = max(earned, key=lambda period: earned[period])


class ReadsAFile(_Trades):
    """27: labels in a file, made from the very bars that are traded."""

    params = (("path", ""),)

    def signal(self) -> float:
        """The label of this bar."""
        labels = Path(self.p.path).read_text().split()
        return float(labels[len(self) % len(labels)])


EARLY = np.timedelta64(3, "D")
TABLE = {f"2020-{month:02}-{day:02}": (month * day) % 3 - 1.0 for month in range(1, 13) for day in range(1, 29)}


class ReadsATable(_Trades):
    """28: labels by date, in a variable of the module."""

    def signal(self) -> float:
        """The label of this bar."""
        return TABLE.get(self.data.datetime.date(0).isoformat(), 0.0)


class _WeighsByTheFuture(WalkForward):
    """A walk-forward that learns its weights from all bars that were handed over."""

    def _learn(self, fitted: FittedFold) -> Learned:
        last = replace(fitted.fold, fitted_at=max(fitted.fold.fitted_at, len(self._history.bars) - 1))
        learned = super()._learn(replace(fitted, record=replace(fitted.record, fold=last)))
        record = replace(fitted.record, weights=learned.weights)
        self.folds[fitted.fold.number - 1] = replace(fitted, record=record, learned=learned)
        return learned


class LateCalibration(_Trades):
    """29: the weights of the parts of a forecast, learned from forecasts that came later."""

    def __init__(self) -> None:
        self.model = LSTMForecast(
            self.data,
            **{"features": ("return_1",), "lookback": 2, "loss_steps": 2, "model": "ridge"},
            **{"train_size": TRAIN, "refit_every": 40},
        )
        self.model.walk_forward = _WeighsByTheFuture(self.model.walk_forward.config)

    def signal(self) -> float:
        """The forecast."""
        return float(self.model.forecast[0])


class KnownInTime(_Trades):
    """A clean control: a column and a peer of a config, joined by the time at which each row was known."""

    streams: ClassVar[type[Stream]] = Stream

    def __init__(self) -> None:
        self.model = LSTMForecast(
            self.data,
            **{"features": ("column:mood",), "peer_features": ("return_1",), "lookback": 2, "loss_steps": 2},
            **{"model": "ridge", "train_size": TRAIN, "refit_every": 40, "calibration": "none"},
        )
        known = self.data.outside
        rows = known.of(self.streams(s.name, s.known, s.values) for s in known.streams)
        self.model.walk_forward = WalkForward(self.model.walk_forward.config, outside=rows)

    def signal(self) -> float:
        """The forecast."""
        return float(self.model.forecast[0])


class _NextRow(Stream):
    """A column that is joined with the row after the newest one."""

    def newest(self, times: Times) -> np.ndarray:
        following: np.ndarray = np.minimum(super().newest(times) + 1, len(self.known) - 1)
        return following


class _DaysEarly(Stream):
    """A peer whose bars are there three days early, which is the next one over a weekend too."""

    def between(self, first: int, last: np.datetime64) -> tuple[Times, Floats]:
        known, values = super().between(first, last + EARLY)
        return later(known, -EARLY), values


class ColumnAhead(KnownInTime):
    """30: a column of a config, joined one row late."""

    streams = _NextRow


class PeerOfConfigAhead(KnownInTime):
    """31: a peer of a config whose bars are known before they close."""

    streams = _DaysEarly


WITH_OUTSIDE = (KnownInTime, ColumnAhead, PeerOfConfigAhead)
PLANTED: tuple[tuple[type[Any], str], ...] = (
    (ColumnAhead, "P2"),
    (PeerOfConfigAhead, "P2"),
    (OldBarsOnly, "P0"),
    (ByPosition, "P0"),
    (OneMonthInAdvance, "P0"),
    (LimitAtTheLow, "P4"),
    (StopAtTheHigh, "P4"),
    (OtherFeed, "P0"),
    (PeerAhead, "P2"),
    (BestOfEarlierRuns, "P0"),
    (ReadsAFile, "P12"),
    (ReadsATable, "P12"),
    (LateCalibration, "P13"),
)
