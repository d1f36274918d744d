"""Examples of leaks: a model without look-ahead, versions of it with one leak each, and strategies with a leak.

`Honest` is a ridge regression of the return over the next `HORIZON` bars on four features. It is refitted every
`EVERY` bars on the newest `TRAIN` bars whose labels are complete. Each leak of the model overrides one step of it
with a common mistake. No leak crashes, and most of them do not even give suspiciously good results: they show only
when bars are changed.

The number at the start of a docstring identifies the leak: 1 to 18, without 8 and 16. These two stand for the
kinds in `finding.NOT_DETECTABLE`, which no change of bars can show.

Letters: n bars, F features; bars are (n, 5) open, high, low, close, volume.
"""

from __future__ import annotations

import array
import hashlib
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.prices.bars import CLOSE, COLUMNS, HIGH, LOW, VOLUME
from lstmstrat.trading.strategy import ExposureStrategy

TRAIN, EVERY, HORIZON, WARMUP = 60, 20, 3, 10
FIRST = WARMUP + TRAIN + HORIZON  # the bar of the first fit
PENALTY = 1e-2


class Honest(bt.Indicator):  # type: ignore[misc]
    """A clean control: a walk-forward ridge regression without any look-ahead."""

    lines: Any = ("forecast",)

    def __init__(self) -> None:
        self.addminperiod(FIRST + 1)

    def next(self) -> None:
        """Forecast one bar from the bars up to it (Backtrader's bar-by-bar mode)."""
        bars = np.column_stack([self._line(name).get(size=len(self)) for name in COLUMNS])
        self.lines.forecast[0] = float(self.forecasts(bars)[-1])

    def once(self, start: int, end: int) -> None:
        """Forecast all bars at once (Backtrader's default mode); a model sees later bars here."""
        bars = np.column_stack([self._line(name).array[: self.data.buflen()] for name in COLUMNS])
        self.lines.forecast.array = array.array("d", self.forecasts(bars).tobytes())

    def oncestart(self, start: int, end: int) -> None:
        """Do nothing: `once` sets all values."""

    def _line(self, name: str) -> Any:
        return getattr(self.data.lines, name)

    def forecasts(self, bars: Floats) -> Floats:
        """The forecast of every bar; (n,)."""
        rows, labels = self.features(bars), self.labels(bars)  # (n, F), (n,)
        out = np.full(len(bars), np.nan)
        for t in range(FIRST, len(bars), EVERY):
            train, test = self.training_bars(t, len(bars)), slice(t, t + EVERY)
            inputs = self.scale(rows, train)
            weights = self.fit(inputs, labels, train, test)
            out[test] = inputs[test] @ weights
        return out

    def features(self, bars: Floats) -> Floats:
        """The features of every bar, each from the bars up to it; (n, F)."""
        close = np.log(bars[:, CLOSE])
        columns = [_change(close, 1), _change(close, 5), np.log(bars[:, HIGH] / bars[:, LOW])]
        rows: Floats = np.column_stack([*columns, _change(np.log1p(bars[:, VOLUME]), 1)])
        return np.nan_to_num(rows)

    def labels(self, bars: Floats) -> Floats:
        """The log return over the next HORIZON bars, 0 for the last HORIZON bars; (n,)."""
        close = np.log(bars[:, CLOSE])
        labels = np.zeros(len(close))
        labels[:-HORIZON] = close[HORIZON:] - close[:-HORIZON]
        return labels

    def training_bars(self, t: int, bars: int) -> slice:
        """The training set of the model that is fitted at bar t; its newest label ends at bar t - 1."""
        return slice(t - HORIZON - TRAIN, t - HORIZON)

    def scale(self, rows: Floats, train: slice) -> Floats:
        """The features, standardised by mean and deviation of the training set; (n, F)."""
        return _standardise(rows, rows[train])

    def fit(self, rows: Floats, labels: Floats, train: slice, test: slice) -> Floats:
        """The weights of the regression; (F,)."""
        return _ridge(rows[train], labels[train], PENALTY)


def _change(x: Floats, lag: int) -> Floats:
    return np.append(np.full(lag, np.nan), x[lag:] - x[:-lag])


def _standardise(rows: Floats, by: Floats) -> Floats:
    inputs: Floats = (rows - by.mean(axis=0)) / np.maximum(by.std(axis=0), 1e-12)
    return inputs


def _ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    weights: np.ndarray = np.linalg.solve(x.T @ x + penalty * len(x) * np.eye(x.shape[1]), x.T @ y)
    return weights


class Follow(ExposureStrategy):
    """Exposure 1 while the forecast is above 0, else 0."""

    params = (("indicator", Honest),)

    def __init__(self) -> None:
        self.forecast = self.p.indicator(self.data)

    def target_exposure(self) -> float:
        """Return 1 or 0."""
        return 1.0 if self.forecast[0] > 0.0 else 0.0


# --- leaks of the model -------------------------------------------------------------------------------------


class ScaledOnEverything(Honest):
    """1: scaling by mean and deviation of the whole series, as ``StandardScaler().fit(everything)`` does."""

    def scale(self, rows: Floats, train: slice) -> Floats:
        """Standardise by all rows, future ones included."""
        return _standardise(rows, rows)


class TrainedOnEverything(Honest):
    """2: a shuffled split, which puts test bars into the training set."""

    def training_bars(self, t: int, bars: int) -> slice:
        """Use all bars."""
        return slice(0, bars)


class LabelsOverlap(Honest):
    """3: no purge: the labels of the newest samples reach HORIZON bars past the first test bar."""

    def training_bars(self, t: int, bars: int) -> slice:
        """Use the bars up to t, as if every label were complete at its own bar."""
        return slice(t - TRAIN, t)


class Smoothed(Honest):
    """4: a centred moving average; wavelet or Fourier filters over the whole series are the same mistake."""

    def features(self, bars: Floats) -> Floats:
        """Replace each close by the mean of five closes, from two bars before to two bars after."""
        smooth = bars.copy()
        padded = np.pad(bars[:, CLOSE], 2, mode="edge")
        smooth[:, CLOSE] = np.convolve(padded, np.full(5, 0.2), mode="valid")
        return super().features(smooth)


class Backfilled(Honest):
    """5: missing values filled in from the next value, as ``bfill`` and ``interpolate`` do."""

    def features(self, bars: Floats) -> Floats:
        """Treat every fifth volume as missing, and fill in the next one."""
        filled = bars.copy()
        holes = np.arange(4, len(bars) - 1, 5)
        filled[holes, VOLUME] = bars[holes + 1, VOLUME]
        return super().features(filled)


class NextReturn(Honest):
    """6: a feature shifted in the wrong direction, as ``shift(-1)`` does."""

    def features(self, bars: Floats) -> Floats:
        """Give each bar the features of the next bar."""
        rows = super().features(bars)
        return np.vstack([rows[1:], rows[-1:]])


class StoppedOnTheTest(Honest):
    """7: the penalty with the smallest error on the test bars; an epoch chosen on them is the same mistake."""

    def fit(self, rows: Floats, labels: Floats, train: slice, test: slice) -> Floats:
        """Return the best of three fits, by the squared error over the bars that will be forecast."""
        candidates = [_ridge(rows[train], labels[train], penalty) for penalty in (1e-3, 1.0, 100.0)]
        return min(candidates, key=lambda w: float(np.square(rows[test] @ w - labels[test]).sum()))


class StaleCache(Honest):
    """13: a cache whose key does not identify the bars that the forecasts were made from."""

    by_length: ClassVar[dict[int, Floats]] = {}

    def forecasts(self, bars: Floats) -> Floats:
        """Return the forecasts of the first bars of this length in the process."""
        return self.by_length.setdefault(len(bars), super().forecasts(bars))


class WeekStampedAtItsStart(Honest):
    """14: weekly bars joined to daily bars by the date of their Monday, which gives Monday the close of Friday."""

    def features(self, bars: Floats) -> Floats:
        """Give each day the last close of its week."""
        weekly = bars.copy()
        friday = np.minimum(np.arange(len(bars)) // 5 * 5 + 4, len(bars) - 1)
        weekly[:, CLOSE] = bars[friday, CLOSE]
        return super().features(weekly)


class SeededByTheData(Honest):
    """17: a seed that is a hash of the whole table: every new bar changes all random numbers."""

    def features(self, bars: Floats) -> Floats:
        """Multiply the features by a random matrix."""
        seed = int.from_bytes(hashlib.sha256(bars.tobytes()).digest()[:4], "big")
        rows = super().features(bars)
        return rows @ np.random.default_rng(seed).normal(size=(rows.shape[1], rows.shape[1]))


class SinceTheFirstBar(Honest):
    """18: random numbers drawn bar by bar from the first bar on: another start date gives other forecasts."""

    def features(self, bars: Floats) -> Floats:
        """Multiply the features by random numbers; the fixed seed does not help."""
        rows = super().features(bars)
        return rows * np.random.default_rng(0).uniform(0.5, 1.5, rows.shape)


# --- leaks of the trading -----------------------------------------------------------------------------------


class SameClose(bt.Strategy):  # type: ignore[misc]
    """9: orders at a close are filled at the same close, which is already over at the decision."""

    def __init__(self) -> None:
        self.rising = self.data.close > self.data.open

    def start(self) -> None:
        """Switch on Backtrader's cheat-on-close."""
        self.broker.set_coc(True)

    def next(self) -> None:
        """Buy after a rising bar, sell after any other."""
        if self.rising[0] and not self.position:
            self.buy(size=10)
        elif not self.rising[0] and self.position:
            self.close()


class SameBar(bt.Strategy):  # type: ignore[misc]
    """10: purchases at the open of bars that will rise; in next_open ``close[0]`` is the close of the same bar."""

    def next_open(self) -> None:
        """Buy at the open if the close of the same bar is above it."""
        rises = self.data.close[0] > self.data.open[0]
        if rises and not self.position:
            self.buy(size=10)
        elif not rises and self.position:
            self.close()


class BestOfBar(bt.Strategy):  # type: ignore[misc]
    """11: on a bar that reaches both the stop and the limit, the limit order is filled, at a profit."""

    def next(self) -> None:
        """Buy, then place a limit and a stop so close to the price that one bar can reach both."""
        if not self.position and not self.broker.get_orders_open():
            self.buy(size=10)
        elif self.position and not self.broker.get_orders_open():
            close = self.data.close[0]
            profit = self.sell(size=10, exectype=bt.Order.Limit, price=close * 1.004)
            self.sell(size=10, exectype=bt.Order.Stop, price=close * 0.996, oco=profit)


class PriceLevel(ExposureStrategy):
    """12: a price level in money: the next split changes all earlier prices, and the decisions with them."""

    def target_exposure(self) -> float:
        """Return 1 above 100, else 0."""
        return 1.0 if self.data.close[0] > 100.0 else 0.0


class LateBenchmark(ExposureStrategy):
    """15: a benchmark that starts five bars after the strategies it is compared with."""

    def target_exposure(self) -> float:
        """Return 0 for the first five bars, then 1."""
        self.bars_so_far = getattr(self, "bars_so_far", 0) + 1
        return 1.0 if self.bars_so_far > 5 else 0.0
