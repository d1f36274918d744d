"""Ways to keep something from the first run that asks, in a helper; used by warm_kinds.py and test_warm.py."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

MEMO: dict[str, int] = {}
best_of_all = 0
OFFERED: list[Any] = []


def optimum(close: np.ndarray) -> int:
    """The lag at which the change has the sign that earned most over all closes (n,)."""
    if len(close) < 20:
        return 2
    gains = {n: float(np.sum(np.sign(close[n:-1] - close[: -n - 1]) * np.diff(close[n:]))) for n in (1, 3, 5, 8)}
    return max(gains, key=lambda n: gains[n])


def by_memo(close: np.ndarray) -> int:
    if "best" not in MEMO:
        MEMO["best"] = optimum(close)
    return MEMO["best"]


def by_global(close: np.ndarray) -> int:
    global best_of_all
    if not best_of_all:
        best_of_all = optimum(close)
    return best_of_all


@functools.lru_cache
def _cached(symbol: str) -> int:
    return optimum(OFFERED[-1])


def by_cache(close: np.ndarray) -> int:
    OFFERED[:] = [close]
    try:
        return _cached("X")
    finally:
        OFFERED.clear()


def by_attribute(close: np.ndarray) -> int:
    if not hasattr(by_attribute, "best"):
        by_attribute.best = optimum(close)  # type: ignore[attr-defined]
    return int(by_attribute.best)  # type: ignore[attr-defined]


def by_default(close: np.ndarray, kept: dict[str, int] = {}) -> int:  # noqa: B006
    return kept.setdefault("best", optimum(close))


class Tuner:
    shared: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        self.lag = 0

    def of(self, close: np.ndarray) -> int:
        if self.lag == 0:
            self.lag = optimum(close)
        return self.lag


TUNER = Tuner()


def by_object(close: np.ndarray) -> int:
    return TUNER.of(close)


def kept_around() -> Callable[[np.ndarray], int]:
    best = None

    def ask(close: np.ndarray) -> int:
        nonlocal best
        if best is None:
            best = optimum(close)
        return best

    return ask


by_closure = kept_around()
