"""What a leak looks like: one honest model, and every leak that the audit must find in a version of it.

`Honest` is a ridge regression of the return over the next `HORIZON` bars on four features, refitted every `EVERY`
bars on the `TRAIN` bars whose labels are known. Each leak below overrides one step of it, the way people do by
accident; the number is its row in the catalogue of the audit's documentation. None of them crashes, and most of
them do not even look too good: only a changed future gives them away.

Letters: n bars, F features; bars are (n, 5) open, high, low, close, volume.
"""

from __future__ import annotations

import array
import hashlib
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from lstmstrat.features import CLOSE, COLUMNS, HIGH, LOW, VOLUME, Floats
from lstmstrat.strategy import ExposureStrategy

TRAIN, EVERY, HORIZON, WARMUP = 60, 20, 3, 10
FIRST = WARMUP + TRAIN + HORIZON  # the bar of the first fit
PENALTY = 1e-2


class Honest(bt.Indicator):  # type: ignore[misc]
    """The clean control: a walk-forward ridge regression without any look-ahead."""

    lines: Any = ("forecast",)

    def __init__(self) -> None:
        self.addminperiod(FIRST + 1)

    def next(self) -> None:
        """Bar by bar, from the bars so far."""
        bars = np.column_stack([self._line(name).get(size=len(self)) for name in COLUMNS])
        self.lines.forecast[0] = float(self.forecasts(bars)[-1])

    def once(self, start: int, end: int) -> None:
        """All bars in one go: this is where a model can see too much."""
        bars = np.column_stack([self._line(name).array[: self.data.buflen()] for name in COLUMNS])
        self.lines.forecast.array = array.array("d", self.forecasts(bars).tobytes())

    def oncestart(self, start: int, end: int) -> None:
        """`once` has done it."""

    def _line(self, name: str) -> Any:
        return getattr(self.data.lines, name)

    def forecasts(self, bars: Floats) -> Floats:
        """The forecast of every bar; (n,)."""
        rows, labels = self.features(bars), self.labels(bars)  # (n, F), (n,)
        out = np.full(len(bars), np.nan)
        for t in range(FIRST, len(bars), EVERY):
            used = self.training(t, len(bars))
            scaled = self.scaled(rows, used)
            weights = self.fitted(scaled, labels, used, slice(t, t + EVERY))
            out[t : t + EVERY] = scaled[t : t + EVERY] @ weights
        return out

    def features(self, bars: Floats) -> Floats:
        """(n, F), row t from bars up to t."""
        close = np.log(bars[:, CLOSE])
        columns = [_change(close, 1), _change(close, 5), np.log(bars[:, HIGH] / bars[:, LOW])]
        rows: Floats = np.column_stack([*columns, _change(np.log1p(bars[:, VOLUME]), 1)])
        return np.nan_to_num(rows)

    def labels(self, bars: Floats) -> Floats:
        """(n,), the log return over the next HORIZON bars; 0 where it is not known."""
        close = np.log(bars[:, CLOSE])
        labels = np.zeros(len(close))
        labels[:-HORIZON] = close[HORIZON:] - close[:-HORIZON]
        return labels

    def training(self, t: int, bars: int) -> slice:
        """What the model of bar t learns from: its newest label ends at bar t - 1."""
        return slice(t - HORIZON - TRAIN, t - HORIZON)

    def scaled(self, rows: Floats, used: slice) -> Floats:
        """The features in standard deviations of the training bars."""
        return _standardised(rows, rows[used])

    def fitted(self, rows: Floats, labels: Floats, used: slice, test: slice) -> Floats:
        """The weights; (F,)."""
        return _ridge(rows[used], labels[used], PENALTY)


def _change(x: Floats, lag: int) -> Floats:
    return np.append(np.full(lag, np.nan), x[lag:] - x[:-lag])


def _standardised(rows: Floats, by: Floats) -> Floats:
    scaled: Floats = (rows - by.mean(axis=0)) / np.maximum(by.std(axis=0), 1e-12)
    return scaled


def _ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    weights: np.ndarray = np.linalg.solve(x.T @ x + penalty * len(x) * np.eye(x.shape[1]), x.T @ y)
    return weights


class Follow(ExposureStrategy):
    """All in while the forecast is above 0."""

    params = (("indicator", Honest),)

    def __init__(self) -> None:
        self.forecast = self.p.indicator(self.data)

    def target_exposure(self) -> float:
        """1 or 0."""
        return 1.0 if self.forecast[0] > 0.0 else 0.0


# --- leaks of the model -------------------------------------------------------------------------------------


class ScaledOnEverything(Honest):
    """1: mean and deviation of the whole series, as ``StandardScaler().fit(everything)`` gives them."""

    def scaled(self, rows: Floats, used: slice) -> Floats:
        """By all rows, those of the future too."""
        return _standardised(rows, rows)


class TrainedOnEverything(Honest):
    """2: a shuffled split, so that test bars are among the training bars."""

    def training(self, t: int, bars: int) -> slice:
        """All of them."""
        return slice(0, bars)


class LabelsOverlap(Honest):
    """3: no purge: the labels of the newest samples reach HORIZON bars past the first test bar."""

    def training(self, t: int, bars: int) -> slice:
        """Up to t, as if a label were known at once."""
        return slice(t - TRAIN, t)


class Smoothed(Honest):
    """4: a centred moving average; wavelets and Fourier filters over the whole series are the same."""

    def features(self, bars: Floats) -> Floats:
        """Of closes that are means of two bars before and two after."""
        smooth = bars.copy()
        padded = np.pad(bars[:, CLOSE], 2, mode="edge")
        smooth[:, CLOSE] = np.convolve(padded, np.full(5, 0.2), mode="valid")
        return super().features(smooth)


class Backfilled(Honest):
    """5: holes filled with the next value there is, as ``bfill`` and ``interpolate`` do."""

    def features(self, bars: Floats) -> Floats:
        """Of volumes that are missing every fifth bar."""
        filled = bars.copy()
        holes = np.arange(4, len(bars) - 1, 5)
        filled[holes, VOLUME] = bars[holes + 1, VOLUME]
        return super().features(filled)


class NextReturn(Honest):
    """6: a feature moved the wrong way, as ``shift(-1)`` does."""

    def features(self, bars: Floats) -> Floats:
        """With the next bar's row in the place of this one's."""
        rows = super().features(bars)
        return np.vstack([rows[1:], rows[-1:]])


class StoppedOnTheTest(Honest):
    """7: the penalty that does best on the test bars; early stopping and the best epoch are the same."""

    def fitted(self, rows: Floats, labels: Floats, used: slice, test: slice) -> Floats:
        """The best of three, by the error over the very bars that are to be forecast."""
        tried = [_ridge(rows[used], labels[used], penalty) for penalty in (1e-3, 1.0, 100.0)]
        return min(tried, key=lambda w: float(np.square(rows[test] @ w - labels[test]).sum()))


class StaleCache(Honest):
    """13: forecasts kept under a name that does not say what they were made from."""

    kept: ClassVar[dict[int, Floats]] = {}

    def forecasts(self, bars: Floats) -> Floats:
        """Those of the first bars of this length that ever came by."""
        return self.kept.setdefault(len(bars), super().forecasts(bars))


class WeekStampedAtItsStart(Honest):
    """14: weekly bars joined to days by the date of their Monday, so that Monday knows Friday's close."""

    def features(self, bars: Floats) -> Floats:
        """With the close of the week on each of its days."""
        weekly = bars.copy()
        friday = np.minimum(np.arange(len(bars)) // 5 * 5 + 4, len(bars) - 1)
        weekly[:, CLOSE] = bars[friday, CLOSE]
        return super().features(weekly)


class SeededByTheData(Honest):
    """17: a seed hashed from the whole table, so that every new bar changes all random numbers."""

    def features(self, bars: Floats) -> Floats:
        """Mixed by a random matrix."""
        seed = int.from_bytes(hashlib.sha256(bars.tobytes()).digest()[:4], "big")
        rows = super().features(bars)
        return rows @ np.random.default_rng(seed).normal(size=(rows.shape[1], rows.shape[1]))


class SinceTheFirstBar(Honest):
    """18: random numbers drawn bar by bar from the first one loaded; another start date gives other forecasts."""

    def features(self, bars: Floats) -> Floats:
        """With some noise, of a seed that is fixed, as if that were enough."""
        rows = super().features(bars)
        return rows * np.random.default_rng(0).uniform(0.5, 1.5, rows.shape)


# --- leaks of the trading -----------------------------------------------------------------------------------


class SameClose(bt.Strategy):  # type: ignore[misc]
    """9: decides at a close and is filled at that close, which was over when it decided."""

    def __init__(self) -> None:
        self.rising = self.data.close > self.data.open

    def start(self) -> None:
        """Backtrader's cheat-on-close."""
        self.broker.set_coc(True)

    def next(self) -> None:
        """In after a rising bar, out after a falling one."""
        if self.rising[0] and not self.position:
            self.buy(size=10)
        elif not self.rising[0] and self.position:
            self.close()


class SameBar(bt.Strategy):  # type: ignore[misc]
    """10: buys at the open of the bars that will rise; in next_open ``close[0]`` is the close of that bar."""

    def next_open(self) -> None:
        """In at the open if the close is above it."""
        rises = self.data.close[0] > self.data.open[0]
        if rises and not self.position:
            self.buy(size=10)
        elif not rises and self.position:
            self.close()


class BestOfBar(bt.Strategy):  # type: ignore[misc]
    """11: on bars that reach both the stop and the profit, the profit is taken."""

    def next(self) -> None:
        """Buys, and puts a profit so near and a stop so near that one bar reaches both."""
        if not self.position and not self.broker.get_orders_open():
            self.buy(size=10)
        elif self.position and not self.broker.get_orders_open():
            close = self.data.close[0]
            profit = self.sell(size=10, exectype=bt.Order.Limit, price=close * 1.004)
            self.sell(size=10, exectype=bt.Order.Stop, price=close * 0.996, oco=profit)


class PriceLevel(ExposureStrategy):
    """12: a level in money; the next split rewrites all earlier prices, and with them its decisions."""

    def target_exposure(self) -> float:
        """In above 100."""
        return 1.0 if self.data.close[0] > 100.0 else 0.0


class LateBenchmark(ExposureStrategy):
    """15: a benchmark that starts five bars after the strategies it is compared with."""

    def target_exposure(self) -> float:
        """All in, in the end."""
        self.waited = getattr(self, "waited", 0) + 1
        return 1.0 if self.waited > 5 else 0.0
