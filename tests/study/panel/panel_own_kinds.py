"""Features, rules, models, optimisers of a user's own, with and without a leak; used by test_panel_own_code.py.

A feature of `SOURCES` asks for something beside its bars; a rule of `MEMORIES` knows the next closes from an
earlier call. Each kind stands once, so that both audits are asked about the same function.
"""

from __future__ import annotations

import functools
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

import lstmstrat
from lstmstrat import FittedModel, Model

FILES = Path(os.environ.get("LSTMSTRAT_TEST_PANEL_FILES", ""))
DATED = {f"2008-{month:02}-{day:02}": (month * day) % 5 - 2.0 for month in range(1, 13) for day in range(1, 29)}


def write_files(folder: Path) -> None:
    """The files that the features read."""
    numbers = np.linspace(-1.0, 1.0, 50)
    (folder / "labels.pickle").write_bytes(pickle.dumps(numbers))
    np.save(folder / "labels.npy", numbers)
    with sqlite3.connect(folder / "labels.db") as base:
        base.execute("create table labels (value real)")
        base.execute("insert into labels values (0.5)")
    base.close()


def moved(bars: np.ndarray, by: float) -> np.ndarray:
    """A return with something added to it."""
    return honest(bars) + 0.01 * by


def honest(bars: np.ndarray) -> np.ndarray:
    closes = np.log(bars[:, 3])
    return np.append(np.full(min(2, len(closes)), np.nan), closes[2:] - closes[:-2])


def by_pickle(bars: np.ndarray) -> np.ndarray:
    return moved(bars, pickle.loads((FILES / "labels.pickle").read_bytes())[0])


def by_memory_map(bars: np.ndarray) -> np.ndarray:
    return moved(bars, float(np.load(FILES / "labels.npy", mmap_mode="r")[0]))


def by_sqlite(bars: np.ndarray) -> np.ndarray:
    base = sqlite3.connect(FILES / "labels.db")
    ((value,),) = base.execute("select value from labels")
    base.close()
    return moved(bars, value)


def by_web(bars: np.ndarray) -> np.ndarray:
    try:
        urllib.request.urlopen("http://127.0.0.1:9/labels", timeout=0.1)
    except (urllib.error.URLError, OSError):
        return honest(bars)
    return moved(bars, 1.0)


def by_process(bars: np.ndarray) -> np.ndarray:
    def ask() -> float:
        return float(subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout)

    return moved(bars, once("process", ask))


def by_environment(bars: np.ndarray) -> np.ndarray:
    return moved(bars, float(os.environ.get("LSTMSTRAT_TEST_LABEL", "0.5")))


def by_bundled_prices(bars: np.ndarray) -> np.ndarray:
    def load() -> float:
        prices = lstmstrat.load_prices({"symbol": "AAPL", "start": "2007-06-01", "end": "2007-12-31"})
        return float(prices.frame["close"].iloc[-1])

    return moved(bars, once("prices", load))


def by_bundled_panel(bars: np.ndarray) -> np.ndarray:
    return moved(bars, once("panel", last_close_of_a_panel))


def last_close_of_a_panel() -> float:
    panel = lstmstrat.load_panel({"universe": ["KO", "PEP"], "start": "2007-06-01", "end": "2007-12-31"})
    return float(panel.bars[-1, 0, 3])


def once(name: str, make: Callable[[], float]) -> float:
    """A number that takes long; it is the same in each run, so keeping it is no leak."""
    if name not in _known:
        _known[name] = make()
    return _known[name]


_known: dict[str, float] = {}


def by_thread(bars: np.ndarray) -> np.ndarray:
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(float(np.load(FILES / "labels.npy")[0])))
    thread.start()
    thread.join()
    return moved(bars, found[0])


def by_dates(bars: np.ndarray) -> np.ndarray:
    return moved(bars, DATED["2008-03-03"])


SOURCES: dict[Any, str] = {
    by_pickle: "labels.pickle",
    by_memory_map: "labels.npy",
    by_sqlite: "labels.db",
    by_web: "127.0.0.1",
    by_process: "starts",
    by_environment: "the environment",
    by_bundled_prices: "AAPL",
    by_bundled_panel: "us_stocks",
    by_thread: "labels.npy",
    by_dates: "dates",
}


class Rule:
    """All in the asset with the best value. Abstract."""

    def weights(self, scores: np.ndarray, held: np.ndarray, closes: np.ndarray) -> np.ndarray:
        weights = np.zeros(len(scores))
        values = self.values(scores, closes)
        weights[np.argmax(np.where(np.isnan(scores), -np.inf, np.nan_to_num(values, nan=-1e9)))] = 1.0
        return weights

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Honest(Rule):
    """The best score; it keeps a log that nothing reads."""

    log: ClassVar[list[int]] = []

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        self.log.append(len(closes))
        return scores


class Holds(Rule):
    """What it holds stays while it is among the better half."""

    def weights(self, scores: np.ndarray, held: np.ndarray, closes: np.ndarray) -> np.ndarray:
        stays = (held > 0.0) & (scores > np.nanmedian(scores))
        return held if stays.any() else super().weights(scores, held, closes)

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        return scores


class ByPanel(Rule):
    """A rule that asks for the bundled prices in each run."""

    def __init__(self) -> None:
        self.by = last_close_of_a_panel()

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        return scores * self.by


class ByFile(Rule):
    """A rule that reads a file."""

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        return scores * float(np.load(FILES / "labels.npy")[0])


class Knows(Rule):
    """The next closes, if they were kept before. Abstract."""

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        later = self.kept(closes)
        return np.asarray(later) / closes[-1] if later is not None else scores

    def kept(self, closes: np.ndarray) -> Any:
        """Keep these closes, and give the next ones if any call was ever shown them."""
        raise NotImplementedError


_longest: Any = None


class ByGlobal(Knows):
    def kept(self, closes: np.ndarray) -> Any:
        global _longest
        if _longest is None or len(closes) > len(_longest):
            _longest = closes.copy()
        return _longest[len(closes)] if len(closes) < len(_longest) else None


class ByClass(Knows):
    seen: ClassVar[dict[int, Any]] = {}

    def kept(self, closes: np.ndarray) -> Any:
        type(self).seen[len(closes)] = closes[-1].copy()
        return self.seen.get(len(closes) + 1)


class ByDefault(Knows):
    def kept(self, closes: np.ndarray, seen: dict[int, Any] = {}) -> Any:  # noqa: B006
        seen[len(closes)] = closes[-1].copy()
        return seen.get(len(closes) + 1)


class ByLruCache(Knows):
    def kept(self, closes: np.ndarray) -> Any:
        _row_at(len(closes)).append(closes[-1].copy())
        later = _row_at(len(closes) + 1)
        return later[-1] if later else None


@functools.cache
def _row_at(session: int) -> list[Any]:
    return []


def _closure() -> Any:
    seen: dict[int, Any] = {}

    def kept(closes: np.ndarray) -> Any:
        seen[len(closes)] = closes[-1].copy()
        return seen.get(len(closes) + 1)

    return kept


class ByClosure(Knows):
    kept = staticmethod(_closure())


class ByLibrary(Knows):
    """It puts what it keeps into a library."""

    def kept(self, closes: np.ndarray) -> Any:
        seen = np.__dict__.setdefault("kept_by_panel_kinds", {})
        seen[len(closes)] = closes[-1].copy()
        return seen.get(len(closes) + 1)


class ByModules(Knows):
    """It makes a module of what it keeps."""

    def kept(self, closes: np.ndarray) -> Any:
        seen = vars(sys.modules.setdefault("kept_by_panel_kinds", ModuleType("kept_by_panel_kinds")))
        seen[f"k{len(closes)}"] = closes[-1].copy()
        return seen.get(f"k{len(closes) + 1}")


class ByThread(Knows):
    """A thread keeps it."""

    seen: ClassVar[dict[int, Any]] = {}

    def kept(self, closes: np.ndarray) -> Any:
        thread = threading.Thread(target=self.seen.__setitem__, args=(len(closes), closes[-1].copy()))
        thread.start()
        thread.join()
        return self.seen.get(len(closes) + 1)


class ByFeature(Knows):
    """The feature `fills` keeps what it is handed, and the rule reads it."""

    def kept(self, closes: np.ndarray) -> Any:
        rows = [_filled.get(float(close)) for close in closes[-1]]
        return [np.nan if row is None else row for row in rows]


_filled: dict[float, float] = {}


def fills(bars: np.ndarray) -> np.ndarray:
    closes = bars[:, 3]
    _filled.update(zip(closes[:-1].tolist(), closes[1:].tolist(), strict=True))
    return honest(bars)


MEMORIES = (ByGlobal, ByClass, ByDefault, ByLruCache, ByClosure, ByLibrary, ByModules, ByThread, ByFeature)


@dataclass(frozen=True)
class MeanModel(Model):
    """The newest input; with `path` it reads a file at each fit."""

    path: str = ""

    def fit(self, training: Any, seed: int, start: Any = None, stop: Any = None) -> FittedModel:
        by = float(np.load(self.path)[0]) if self.path else 1.0
        return FittedMean(training.scaled("none", 0.0).inputs, np.array([0.0]), by)


@dataclass(frozen=True, eq=False)
class FittedMean(FittedModel):
    by: float

    def predict(self, windows: np.ndarray) -> np.ndarray:
        return windows[:, -1, 0] * self.by

    def to_bytes(self) -> bytes:
        return b""


class Calm:
    """An optimiser without a leak."""

    def fit(self, X: Any) -> None:  # noqa: N803
        self.weights_ = 1.0 / X.var(axis=0)


class CalmByFile:
    """An optimiser that reads a file."""

    def fit(self, X: Any) -> None:  # noqa: N803
        self.weights_ = 1.0 / X.var(axis=0) + 1.0 + float(np.load(FILES / "labels.npy")[0])
