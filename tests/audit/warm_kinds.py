"""Strategies of a module that keep an optimum over all bars of their first run; used by test_warm.py."""

from __future__ import annotations

from typing import Any, ClassVar

import backtrader as bt
import numpy as np
import warm_helper


class Lagged(bt.Strategy):
    """Long while the change over `lag` bars is positive; the lag is chosen at the start."""

    def start(self) -> None:
        self._lag = self.lag(np.array(self.data.close.array))

    def lag(self, close: np.ndarray) -> int:
        raise NotImplementedError

    def next(self) -> None:
        if len(self) < 12:
            return
        rises = self.data.close[0] > self.data.close[-self._lag]
        if rises and not self.position:
            self.buy(size=10)
        elif not rises and self.position:
            self.close()


class OnTheClass(Lagged):
    best: ClassVar[int | None] = None

    def lag(self, close: np.ndarray) -> int:
        if self.best is None:
            type(self).best = warm_helper.optimum(close)
        return self.best or 2


class InAHelper(Lagged):
    def lag(self, close: np.ndarray) -> int:
        return warm_helper.by_global(close)


class InALibrary(Lagged):
    def lag(self, close: np.ndarray) -> int:
        if not hasattr(bt, "kept_by_warm_kinds"):
            bt.kept_by_warm_kinds = warm_helper.optimum(close)
        return int(bt.kept_by_warm_kinds)


class NeedsAllBars(Lagged):
    """It cannot be streamed before it has kept its optimum."""

    best: ClassVar[int | None] = None

    def lag(self, close: np.ndarray) -> int:
        if self.best is None:
            type(self).best = warm_helper.optimum(close) if close[0] else 0
        return self.best or 2


class ByParameter(Lagged):
    params: Any = (("tuner", None),)

    def lag(self, close: np.ndarray) -> int:
        return int(self.p.tuner.of(close))


class Indicated(bt.Indicator):
    lines = ("change",)
    best: ClassVar[int | None] = None

    def __init__(self) -> None:
        if Indicated.best is None:
            Indicated.best = warm_helper.optimum(np.array(self.data.array))
        self.lines.change = self.data - self.data(-Indicated.best)


class Honest(Lagged):
    """Remembers what does not depend on the bars."""

    def lag(self, close: np.ndarray) -> int:
        return warm_helper.MEMO.setdefault("honest", 3)
