"""Strategies and indicators that know the future, and odd ones that do not: the cases of test_kinds.py.

A class of `LEAKY` has one kind of look-ahead; `HONEST` has none, however odd it looks; `UNKNOWN` cannot be told.
"""

from __future__ import annotations

import bisect
import contextlib
import datetime as dt
import functools
import gc
import json
import linecache
import math
import os
import pickle
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

import backtrader as bt
import numpy as np
import pandas as pd
from helpers.market import market

from lstmstrat import ExposureStrategy, LSTMForecast

BARS = 130
FRAME = market(BARS, seed=4).frame
OTHER = market(BARS, seed=5).frame
FILES = Path(os.environ.setdefault("LSTMSTRAT_TEST_FILES", "") or tempfile.mkdtemp(prefix="lstmstrat-kinds-"))
os.environ["LSTMSTRAT_TEST_FILES"] = str(FILES)  # the same in a child process

LEAKY: list[tuple[type[Any], str, str]] = []  # class, the probe that fails, words in what it says
HONEST: list[tuple[type[Any], str]] = []  # class, the probe that warns, or ""
UNKNOWN: list[tuple[type[Any], str, str]] = []  # class, the probe that cannot assess it, words in what it says


def leaky(probe: str, words: str = "") -> Any:
    def add(cls: type[Any]) -> type[Any]:
        LEAKY.append((cls, probe, words))
        return cls

    return add


def honest(warning: str = "") -> Any:
    def add(cls: type[Any]) -> type[Any]:
        HONEST.append((cls, warning))
        return cls

    return add


def unknown(probe: str, words: str) -> Any:
    def add(cls: type[Any]) -> type[Any]:
        UNKNOWN.append((cls, probe, words))
        return cls

    return add


class Trades(bt.Strategy):
    """Long while `signal` is above 0, in market orders of ten shares."""

    def signal(self) -> float:
        raise NotImplementedError

    def next(self) -> None:
        if len(self) < 10:  # an index before the first bar would count from the end of the array
            return
        signal = self.signal()
        if signal > 0 and not self.position:
            self.buy(size=10)
        elif not signal > 0 and self.position:
            self.close()


def closes(strategy: Any) -> np.ndarray:
    """All loaded closes, future ones included; (n,)."""
    return np.array(strategy.data.close.array[: strategy.data.buflen()])


class Precomputed(Trades):
    """A signal made in `start` from all bars that are loaded."""

    def start(self) -> None:
        self._signal = self.of(pd.Series(closes(self))).to_numpy()

    def of(self, close: pd.Series) -> pd.Series:
        raise NotImplementedError

    def signal(self) -> float:
        k = len(self) - 1
        return float(self._signal[k]) if k < len(self._signal) else 0.0


# --- look-ahead in the signal --------------------------------------------------------------------------------


@leaky("P2")
class ScaledByAll(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return (close - close.mean()) / close.std()


@leaky("P2")
class ShiftedBack(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return close.shift(-1) - close


@leaky("P2")
class Centred(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return close - close.rolling(5, center=True, min_periods=1).mean()


@leaky("P2")
class FilledBack(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        weekly = close.where(np.arange(len(close)) % 5 == 4).bfill()
        return weekly - close


@leaky("P2")
class RankedAmongAll(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return 0.5 - close.rank(pct=True)


@leaky("P2")
class TransformedMean(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return close.groupby(np.arange(len(close)) // 21).transform("mean") - close


@leaky("P2")
class EwmBackwards(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return close[::-1].ewm(span=5).mean()[::-1] - close


@leaky("P2")
class Detrended(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        t = np.arange(len(close))
        return pd.Series(np.polyval(np.polyfit(t, close, 1), t)) - close


@leaky("P2")
class BothWays(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return close.ewm(span=4).mean()[::-1].ewm(span=4).mean()[::-1] - close


@leaky("P2")
class ClippedByAll(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        returns = close.pct_change().fillna(0.0)
        return returns.clip(returns.quantile(0.4), returns.quantile(0.6)) - returns


@leaky("P2")
class MeanLabelOfWeekday(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        ahead = close.shift(-1) / close - 1.0
        return ahead.groupby(np.arange(len(close)) % 5).transform("mean") + close.pct_change().fillna(0.0) * 0.1


@leaky("P2")
class BestPeriodOfAll(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        signals = [close - close.rolling(n).mean() for n in (3, 5, 8, 13)]
        return max(signals, key=lambda s: float((np.sign(s).shift(1) * close.pct_change()).sum()))


class OneInAWhile(Precomputed):
    """An honest mean, and the next return at some bars only."""

    def where(self, n: int) -> np.ndarray:
        raise NotImplementedError

    def of(self, close: pd.Series) -> pd.Series:
        ahead = (close.shift(-1) - close).fillna(0.0)
        return ahead.where(self.where(len(close)), close - close.rolling(8).mean())


@leaky("P0")
class EveryTwentieth(OneInAWhile):
    def where(self, n: int) -> np.ndarray:
        return np.arange(n) % 20 == 7


@leaky("P0")
class OneMonth(OneInAWhile):
    def where(self, n: int) -> np.ndarray:
        return (np.arange(n) >= 60) & (np.arange(n) < 81)


# --- reads of later bars in `next` ---------------------------------------------------------------------------


@leaky("P0")
class NextClose(Trades):
    def signal(self) -> float:
        return self.data.close[1] - self.data.close[0] if len(self) < self.data.buflen() else 0.0


@leaky("P0")
class SecondOpen(Trades):
    def signal(self) -> float:
        return self.data.open[2] - self.data.open[1] if len(self) + 1 < self.data.buflen() else 0.0


@leaky("P0")
class ByIndex(Trades):
    """The closes read by position from the array: one too far."""

    def signal(self) -> float:
        array = self.data.close.array
        return array[min(len(self), len(array) - 1)] - self.data.close[0]


@leaky("P0")
class ByIndexToTheEnd(Trades):
    """As above, and it does not mind the end of the array."""

    def signal(self) -> float:
        if len(self) == BARS:
            return 0.0
        return self.data.close.array[len(self)] - self.data.close[0]


@leaky("P0")
class OldBarsOnly(Trades):
    def signal(self) -> float:
        if len(self) < 50:
            return self.data.close[1] - self.data.close[0]
        return self.data.close[0] - self.data.close[-3]


@leaky("P0")
class WrapsAround(bt.Strategy):
    """At the first bars an index before the first bar counts from the end of the array."""

    def next(self) -> None:
        if self.data.close[0] > self.data.close[-4] and not self.position:
            self.buy(size=10)
        elif self.position:
            self.close()


@leaky("P0")
class ByGet(Trades):
    def signal(self) -> float:
        ahead = self.data.close.get(ago=1, size=1)
        return ahead[0] - self.data.close[0] if len(ahead) and len(self) < self.data.buflen() else 0.0


@leaky("P0")
class NextVolume(Trades):
    def signal(self) -> float:
        return self.data.volume[1] - self.data.volume[0] if len(self) < self.data.buflen() else 0.0


@leaky("P3")
class CountsBars(Trades):
    def signal(self) -> float:
        return 1.0 if self.data.buflen() - len(self) > 40 or self.data.close[0] > self.data.open[0] else 0.0


@leaky("P0")
class NextDate(Trades):
    def signal(self) -> float:
        if len(self) == self.data.buflen():
            return 0.0
        return (
            self.data.datetime[1] - self.data.datetime[0] - 1.5 + 0.01 * (self.data.close[0] - self.data.open[0])
        )


@leaky("P0")
class ExitsOnly(Trades):
    def signal(self) -> float:
        if not self.position:
            return self.data.close[0] - self.data.close[-1]
        return self.data.close[1] - self.data.close[0] if len(self) < self.data.buflen() else 0.0


@leaky("P0")
class SizeOnly(bt.Strategy):
    def next(self) -> None:
        rises = len(self) < self.data.buflen() and self.data.close[1] > self.data.close[0]
        if not self.position:
            self.buy(size=20 if rises else 10)
        elif len(self) % 3 == 0:
            self.close()


@leaky("P2")
class DataBehindTheFeed(Trades):
    """The frame that the feed was made of has all bars; the code that names it is named by P12 as well."""

    def signal(self) -> float:
        close = self.data.p.dataname.frame["close"].to_numpy()
        return close[min(len(self), len(close) - 1)] - self.data.close[0]


@leaky("P0")
class Delayed(bt.Strategy):
    """A line delayed into the future."""

    def __init__(self) -> None:
        self.rising = self.data.close(1) > self.data.close

    def next(self) -> None:
        if self.rising[0] and not self.position:
            self.buy(size=10)
        elif self.position:
            self.close()


@leaky("P2")
class Repainting(bt.Indicator):
    lines = ("turn",)

    def __init__(self) -> None:
        self.addminperiod(4)

    def next(self) -> None:
        self.lines.turn[0] = self.data.close[0]
        self.lines.turn[-3] = self.data.close[0]


# --- look-ahead at the open ----------------------------------------------------------------------------------


class AtOpen(bt.Strategy):
    def next(self) -> None:
        pass

    def next_open(self) -> None:
        raise NotImplementedError


@leaky("P4", "Market")
class CloseAtTheOpen(AtOpen):
    def next_open(self) -> None:
        if self.data.close[0] > self.data.open[0] and not self.position:
            self.buy(size=10)
        elif self.position:
            self.close()


@leaky("P4", "as an indicator has it")
class AnIndicatorAtTheOpen(AtOpen):
    """Looks up what an indicator has at this bar already: all of them were worked out before the run."""

    def __init__(self) -> None:
        self.mean = bt.indicators.SMA(self.data.close, period=2)

    def next_open(self) -> None:
        bar = len(self.data) - 1
        rises = 2 * self.mean.array[bar] - self.data.close[-1] > self.data.open[0] if bar > 2 else False
        if rises and not self.position:
            self.buy(size=10)
        elif not rises and self.position:
            self.close()


@leaky("P4", "Limit")
class LimitAtItsOwnLow(AtOpen):
    def next_open(self) -> None:
        if not self.position:
            self.buy(size=10, exectype=bt.Order.Limit, price=self.data.low[0])
        else:
            self.close()


@leaky("P4", "Stop")
class StopAtItsOwnLow(AtOpen):
    def next_open(self) -> None:
        if self.position:
            self.close()
        else:
            self.sell(size=10, exectype=bt.Order.Stop, price=self.data.low[0])


@leaky("P4")
class SizedByTheClose(AtOpen):
    def next_open(self) -> None:
        self.order_target_percent(target=0.5 if len(self) % 7 < 4 else 0.0)


@leaky("P4")
class VolumeAtTheOpen(AtOpen):
    """Only in one month."""

    def next_open(self) -> None:
        if self.position:
            self.close()
        elif (60 < len(self) < 81 and self.data.volume[0] > 5000) or len(self) % 9 == 0:
            self.buy(size=10)


@leaky("P4")
class CheatTimer(bt.Strategy):
    def __init__(self) -> None:
        self.add_timer(when=bt.Timer.SESSION_START, cheat=True)

    def next(self) -> None:
        pass

    def notify_timer(self, timer: Any, when: Any, *args: Any, **kwargs: Any) -> None:
        if self.data.close[0] > self.data.open[0] and not self.position:
            self.buy(size=10)
        elif self.position:
            self.close()


@leaky("P5")
class CheatOnClose(Trades):
    def start(self) -> None:
        self.broker.set_coc(True)

    def signal(self) -> float:
        return self.data.close[0] - self.data.open[0]


@leaky("P5")
class CheatOnCloseForAMonth(Trades):
    def signal(self) -> float:
        self.broker.set_coc(80 < len(self) < 101)
        return self.data.close[0] - self.data.open[0]


# --- look-ahead by memory, seeds and other feeds -----------------------------------------------------------------


class Optimum(Trades):
    """The best period of an earlier run, kept on the class."""

    best: ClassVar[int] = 0

    def signal(self) -> float:
        n = type(self).best or 4
        return self.data.close[0] - self.data.close[-n] if len(self) > n else 0.0

    def stop(self) -> None:
        close = closes(self)
        gains = {
            n: float(np.sum(np.sign(close[n:-1] - close[: -n - 1]) * np.diff(close[n:]))) for n in (2, 3, 6, 9)
        }
        type(self).best = max(gains, key=lambda n: gains[n])


leaky("P0", "keeps something")(Optimum)

_SEEN: dict[int, np.ndarray] = {}


@leaky("P6")
class CacheByLength(Trades):
    def start(self) -> None:
        self._closes = _SEEN.setdefault(self.data.buflen(), closes(self)) if self.data.buflen() else None

    def signal(self) -> float:
        return (
            self.data.close[0] - self._closes[len(self) - 2] if self._closes is not None and len(self) > 2 else 0.0
        )


@leaky("P2")
class SeededByAll(Trades):
    def start(self) -> None:
        self._dice = random.Random(float(np.sum(closes(self))))

    def signal(self) -> float:
        return self._dice.random() - 0.5 + 1e-9 * self.data.close[0]


def two_feeds(cerebro: Any) -> None:
    cerebro.adddata(bt.feeds.PandasData(dataname=OTHER))


class TwoFeeds(Trades):
    """Classes below it run with a second feed."""


@leaky("P0")
class NextOfTheOther(TwoFeeds):
    def signal(self) -> float:
        return self.data1.close[1] - self.data1.close[0] if len(self.data1) < self.data1.buflen() else 0.0


@leaky("P2")
class MeanOfTheOther(TwoFeeds):
    """The second feed by its array; bars of the first one never matter."""

    def start(self) -> None:
        self._mean = float(np.mean(self.data1.close.array[: self.data1.buflen()])) if self.data1.buflen() else 0.0

    def signal(self) -> float:
        return self.data1.close[0] - self._mean


def ahead(bars: np.ndarray) -> np.ndarray:
    return np.append(bars[1:, 3] / bars[:-1, 3] - 1.0, 0.0)


RIDGE: dict[str, Any] = {
    **{"model": "ridge", "lookback": 3, "loss_steps": 3, "train_size": 40, "refit_every": 20},
    "features": ("return_1", "range"),
}


@leaky("P2")
class PeerAhead(TwoFeeds):
    def __init__(self) -> None:
        own = {**RIDGE, "peer_features": ("kinds:ahead",)}
        self.model = LSTMForecast(self.data, peers=[self.data1], **own)

    def signal(self) -> float:
        return self.model.forecast[0]


@leaky("P2")
class FeatureAhead(Trades):
    def __init__(self) -> None:
        self.model = LSTMForecast(self.data, **{**RIDGE, "features": ("return_1", "kinds:ahead")})

    def signal(self) -> float:
        return self.model.forecast[0]


# --- knowledge from elsewhere ----------------------------------------------------------------------------------

LABELS = pd.Series(np.sign(FRAME["close"].shift(-1) - FRAME["close"]).fillna(0.0), FRAME.index, name="value")
BY_DAY = {day.date().isoformat(): float(value) for day, value in LABELS.items()}
ROW = LABELS.tolist()
GOOD_DAYS = frozenset(day.date() for day, value in LABELS.items() if value > 0)
BITS = int("".join("1" if value > 0 else "0" for value in ROW), 2)
WORD = "".join("u" if value > 0 else "d" for value in ROW)


def day_of(strategy: Any) -> Any:
    return strategy.data.datetime.date(0)


@unknown("P12", "module kinds has LABELS, which has 130 dates")
class SeriesInAModule(Trades):
    def signal(self) -> float:
        return float(LABELS[pd.Timestamp(day_of(self))])


@unknown("P12", "module kinds has BY_DAY")
class DictInAModule(Trades):
    def signal(self) -> float:
        return BY_DAY[day_of(self).isoformat()]


@unknown("P12", "module kinds has ROW")
class RowInAModule(Trades):
    def signal(self) -> float:
        return ROW[len(self) - 1]


@unknown("P12", "GOOD_DAYS")
class SetOfDays(Trades):
    def signal(self) -> float:
        return 1.0 if day_of(self) in GOOD_DAYS else 0.0


@unknown("P12", "BITS")
class Bits(Trades):
    def signal(self) -> float:
        return BITS >> (BARS - len(self)) & 1


@unknown("P12", "WORD")
class Word(Trades):
    def signal(self) -> float:
        return 1.0 if WORD[len(self) - 1] == "u" else 0.0


@unknown("P12", "class InTheClass has labels")
class InTheClass(Trades):
    labels = LABELS.to_numpy()

    def signal(self) -> float:
        return float(self.labels[len(self) - 1])


@unknown("P12", "parameter labels")
class InAParameter(Trades):
    params = (("labels", tuple(ROW)),)

    def signal(self) -> float:
        return float(self.p.labels[len(self) - 1])


def _closure() -> Any:
    kept = LABELS.copy()

    def look_up(day: Any) -> float:
        return float(kept[pd.Timestamp(day)])

    return look_up


look_up = _closure()


@unknown("P12", "uses kept")
class InAClosure(Trades):
    def signal(self) -> float:
        return look_up(day_of(self))


class Oracle:
    def __init__(self) -> None:
        self.labels = LABELS.to_numpy()


ORACLE = Oracle()


@unknown("P12", "ORACLE")
class InAnObject(Trades):
    def signal(self) -> float:
        return float(ORACLE.labels[len(self) - 1])


@unknown("P12", "has 6 dates, 2020-02-03 to 2020-06-01")
class InTheCode(Trades):
    def signal(self) -> float:
        day = day_of(self).isoformat()
        if day in ("2020-02-03", "2020-02-10", "2020-03-02", "2020-04-01"):
            return 1.0
        return -1.0 if day == "2020-05-04" or day == "2020-06-01" else 0.0


@unknown("P12", "labels.csv")
class ReadsCsv(Trades):
    def start(self) -> None:
        self._labels = pd.read_csv(FILES / "labels.csv", index_col=0).iloc[:, 0].to_numpy()

    def signal(self) -> float:
        return float(self._labels[len(self) - 1])


@unknown("P12", "pandas.read_parquet, which reads files unseen")
class ReadsParquet(ReadsCsv):
    def start(self) -> None:
        self._labels = pd.read_parquet(FILES / "labels.parquet").iloc[:, 0].to_numpy()


@unknown("P12", "labels.pkl")
class ReadsPickle(ReadsCsv):
    def start(self) -> None:
        with open(FILES / "labels.pkl", "rb") as file:
            self._labels = pickle.load(file).to_numpy()


@unknown("P12", "labels.npy")
class ReadsNumpy(ReadsCsv):
    def start(self) -> None:
        self._labels = np.load(FILES / "labels.npy", mmap_mode="r")


@unknown("P12", "labels.raw")
class ReadsRaw(ReadsCsv):
    def start(self) -> None:
        self._labels = np.memmap(FILES / "labels.raw", dtype=float, mode="r")


@unknown("P12", "labels.json")
class ReadsJsonLate(Trades):
    """Only at one bar."""

    def signal(self) -> float:
        if len(self) == 120:
            return float(json.loads((FILES / "labels.json").read_text())[119])
        return self.data.close[0] - self.data.open[0]


@unknown("P12", "labels.sqlite")
class ReadsDatabase(ReadsCsv):
    def start(self) -> None:
        connection = sqlite3.connect(FILES / "labels.sqlite")
        self._labels = [value for (value,) in connection.execute("SELECT value FROM labels")]
        connection.close()


@functools.cache
def kept_labels() -> np.ndarray:
    return np.load(FILES / "labels.npy")


def write_files() -> None:
    """The labels in files of every kind; `kept_labels` has read one long before it is audited."""
    LABELS.to_csv(FILES / "labels.csv")
    LABELS.to_frame().to_parquet(FILES / "labels.parquet")
    LABELS.to_pickle(FILES / "labels.pkl")
    (FILES / "labels.json").write_text(json.dumps(ROW))
    np.save(FILES / "labels.npy", LABELS.to_numpy())
    LABELS.to_numpy().tofile(FILES / "labels.raw")
    (FILES / "site-packages").mkdir(exist_ok=True)
    LABELS.to_numpy().tofile(FILES / "site-packages" / "labels.raw")
    connection = sqlite3.connect(FILES / "labels.sqlite")
    LABELS.to_sql("labels", connection)
    connection.close()
    kept_labels()


@unknown("P12", "labels.npy")
class ReadLongAgo(Trades):
    def signal(self) -> float:
        return float(kept_labels()[len(self) - 1])


@unknown("P12", "connects to")
class AsksTheNetwork(Trades):
    def start(self) -> None:
        import urllib.request

        with contextlib.suppress(OSError):
            urllib.request.urlopen("http://localhost:9/labels", timeout=0.1)

    def signal(self) -> float:
        return self.data.close[0] - self.data.open[0]


@unknown("P12", "labels.json")
class ReadsLines(Trades):
    """By a module that opens files of code for itself."""

    def start(self) -> None:
        self._labels = json.loads("".join(linecache.getlines(str(FILES / "labels.json"))))

    def signal(self) -> float:
        return float(self._labels[len(self) - 1])


@unknown("P12", "labels.raw")
class ReadsBesideALibrary(ReadsCsv):
    """A file of its own that lies where packages are installed."""

    def start(self) -> None:
        self._labels = np.fromfile(FILES / "site-packages" / "labels.raw")


@unknown("P12", "labels.npy")
class ReadsByAnotherWay(ReadsCsv):
    """Through a path that says something about the machine until it is followed."""

    def start(self) -> None:
        self._labels = np.load(f"/proc/self/root{FILES / 'labels.npy'}")


@unknown("P12", "reaches the environment (environ)")
class ReadsTheEnvironment(Trades):
    def signal(self) -> float:
        return 1.0 if os.environ.get("MOOD", "")[len(self) : len(self) + 1] == "u" else -1.0


@leaky("P12", "reaches all objects of the process (get_objects)")
class LooksAround(Trades):
    """Could find the true prices of the run among them."""

    def signal(self) -> float:
        return float(len(gc.get_objects()) % 2) - 0.5


WORDS = " ".join("up" if value > 0 else "down" for value in ROW)


@unknown("P12", "WORDS, which has a row of signals")
class Words(Trades):
    def signal(self) -> float:
        return 1.0 if WORDS.split()[len(self) - 1] == "up" else -1.0


@unknown("P12", "starts")
class StartsAProcess(Trades):
    def start(self) -> None:
        import subprocess

        subprocess.run(["true"], check=False)

    def signal(self) -> float:
        return self.data.close[0] - self.data.open[0]


@unknown("P0", "give them a seed")
class Dice(Trades):
    def signal(self) -> float:
        return random.random() - 0.5


# --- honest ------------------------------------------------------------------------------------------------------


@honest()
class Trail(Trades):
    kind: ClassVar[int] = bt.Order.StopTrail

    def signal(self) -> float:
        return self.data.close[0] - self.data.close[-3]

    def next(self) -> None:
        if self.broker.get_orders_open() or len(self) < 10:
            return
        if self.position:
            self.sell(size=10, exectype=self.kind, trailpercent=0.03)
        elif self.signal() > 0:
            self.buy(size=10)


@honest()
class TrailLimit(Trail):
    kind = bt.Order.StopTrailLimit


@honest()
class Bookkeeping(Trades):
    """Keeps numbers that no two runs have alike: of an order, of a clock, of an object."""

    def __init__(self) -> None:
        self.address, self.begun, self.ref = id(self), time.perf_counter(), 0

    def signal(self) -> float:
        return self.data.close[0] - self.data.close[-3]

    def notify_order(self, order: Any) -> None:
        self.ref = order.ref
        self.spent = time.perf_counter() - self.begun


@honest()
class SameMoney(Trades):
    def signal(self) -> float:
        return self.data.close[0] - self.data.close[-3]

    def next(self) -> None:
        if len(self) < 10:
            return
        if self.signal() > 0 and not self.position:
            self.buy(size=int(10_000 / self.data.close[0]))
        elif self.signal() < 0 and self.position:
            self.close()


@honest()
class SameRisk(Trades):
    def __init__(self) -> None:
        self.atr = bt.ind.ATR(period=9)

    def next(self) -> None:
        if self.data.close[0] > self.data.close[-3] and not self.position:
            self.buy(size=500.0 / self.atr[0])
        elif self.position and self.data.close[0] < self.data.close[-3]:
            self.close()


@honest("P7")
class PriceLevel(Trades):
    def signal(self) -> float:
        return self.data.close[0] - 100.0


@honest("P8")
class ExpandingMean(bt.Indicator):
    lines = ("mean",)

    def next(self) -> None:
        self.lines.mean[0] = float(np.mean(self.data.close.get(size=len(self))))


@honest("P8")
class ExpandingScore(bt.Indicator):
    lines = ("score",)

    def __init__(self) -> None:
        self.addminperiod(5)

    def next(self) -> None:
        past = np.array(self.data.close.get(size=len(self)))
        self.lines.score[0] = (past[-1] - past.mean()) / past.std()


@honest("P0")
class CausalSums(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return close - close.rolling(10).mean()


@honest("P0")
class CausalEwm(Precomputed):
    def of(self, close: pd.Series) -> pd.Series:
        return close.ewm(span=5, adjust=False).mean() - close


@honest()
class Calendar(Trades):
    def signal(self) -> float:
        return 15.0 - day_of(self).day


@honest()
class EveryMonth(bt.Strategy):
    def next(self) -> None:
        if len(self) > 1 and day_of(self).month != self.data.datetime.date(-1).month:
            self.buy(size=3)


@honest()
class MoneyEveryMonth(bt.Strategy):
    def next(self) -> None:
        if len(self) > 1 and day_of(self).month != self.data.datetime.date(-1).month:
            self.buy(size=1000.0 / self.data.close[0])


@honest()
class SeededDice(Trades):
    def __init__(self) -> None:
        self._dice = random.Random(3)

    def signal(self) -> float:
        return self._dice.random() - 0.5


@honest()
class DiceByDate(Trades):
    def signal(self) -> float:
        return random.Random(day_of(self).toordinal()).random() - 0.5


@honest()
class Ema(bt.Strategy):
    def __init__(self) -> None:
        self.mean = bt.ind.EMA(period=9)

    def next(self) -> None:
        if self.data.close[0] > self.mean[0] and not self.position:
            self.buy(size=10)
        elif self.data.close[0] < self.mean[0] and self.position:
            self.close()


@honest()
class Cooldown(Trades):
    def __init__(self) -> None:
        self.rest = 0

    def signal(self) -> float:
        self.rest = 5 if self.position else max(0, self.rest - 1)
        return self.data.close[0] - self.data.close[-2] if not self.rest else 0.0


@honest("P8")
class AllTimeHigh(bt.Indicator):
    lines = ("high",)

    def next(self) -> None:
        before = self.lines.high[-1] if len(self) > 1 else -math.inf
        self.lines.high[0] = max(before, self.data.close[0])


@honest()
class Bracket(bt.Strategy):
    def next(self) -> None:
        close = self.data.close[0]
        if (
            not self.position
            and not self.broker.get_orders_open()
            and len(self) > 3
            and close > self.data.close[-2]
        ):
            self.buy_bracket(size=10, price=close, stopprice=close * 0.9, limitprice=close * 1.1)


@honest()
class LimitEntry(bt.Strategy):
    def next(self) -> None:
        if self.position:
            self.close()
        elif not self.broker.get_orders_open():
            price = self.data.close[0] * 0.99
            self.buy(size=10, exectype=bt.Order.Limit, price=price, valid=dt.timedelta(days=3))


@honest()
class LimitAtOpen(AtOpen):
    """A limit below the open that was made at the open, from the open alone."""

    def next_open(self) -> None:
        if self.position:
            self.close()
        else:
            self.buy(size=10, exectype=bt.Order.Limit, price=self.data.open[0] * 0.995)


@honest()
class Obv(bt.Indicator):
    lines = ("obv",)

    def next(self) -> None:
        before = self.lines.obv[-1] if len(self) > 1 else 0.0
        rises = len(self) > 1 and self.data.close[0] > self.data.close[-1]
        self.lines.obv[0] = before + self.data.volume[0] * (1 if rises else -1)


@honest()
class Rank(Trades):
    def signal(self) -> float:
        past = sorted(self.data.close.get(size=9))
        return 4.0 - bisect.bisect(past, self.data.close[0])


@honest()
class Percent(ExposureStrategy):
    def target_exposure(self) -> float:
        if len(self) < 5:
            return 0.0
        return 0.7 if self.data.close[0] > self.data.close[-4] else -0.2


@honest()
class Changelog(Trades):
    """Changed on 2019-01-05, 2019-02-11, 2019-03-12, 2019-04-15, 2019-05-21 and 2019-06-30."""

    def signal(self) -> float:
        return self.data.close[0] - self.data.open[0]


@honest()
class CloseAtOpen(bt.Strategy):
    """Asks at the open for the close of the bar."""

    def next_open(self) -> None:
        if len(self) % 4 == 0 and not self.position:
            self.buy(size=10, exectype=bt.Order.Close)
        elif len(self) % 4 == 2 and self.position:
            self.sell(size=10, exectype=bt.Order.Close)


@honest()
class WritesALog(Trades):
    def signal(self) -> float:
        with open(FILES / "log.txt", "a") as file:
            file.write("decided\n")
        return self.data.close[0] - self.data.open[0]


@honest()
class GridOfParameters(Trades):
    periods: ClassVar[list[int]] = list(range(5, 200, 3))

    def signal(self) -> float:
        return self.data.close[0] - self.data.close[-self.periods[0]] if len(self) > 5 else 0.0


@honest()
class TheOtherFeed(TwoFeeds):
    def signal(self) -> float:
        return self.data1.close[0] - self.data1.close[-2]


@honest()
class Refits(Trades):
    """A regression that is fitted in `next` on the past."""

    def signal(self) -> float:
        if len(self) % 10 == 0:
            close = np.log(np.array(self.data.close.get(size=40)))
            returns = np.diff(close)
            self._slope = float(np.polyfit(returns[:-1], returns[1:], 1)[0]) if len(close) == 40 else 0.0
        return getattr(self, "_slope", 0.0) * (self.data.close[0] - self.data.close[-1])
