"""Independent work over all cores: the numbers that it has one after the other, in a fraction of the time."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

S, T = TypeVar("S"), TypeVar("T")

# What every process needs; the server from which they are forked imports it once for all modules of the suite.
ONCE = ["pytest", "hypothesis", "scipy.stats", "arch.bootstrap", "sklearn.ensemble", "lstmstrat.study.run"]


def fresh() -> Any:
    """A way to start processes that know nothing of this one: all that they work on is sent to them."""
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(ONCE)
    return context


class Cores:
    """A process for each core of the machine, two or more; the first work starts them."""

    def __init__(self) -> None:
        self.pool = ProcessPoolExecutor(max(2, os.cpu_count() or 1), mp_context=fresh())

    def map(self, work: Callable[[S], T], items: Iterable[S], at_once: int = 1) -> list[T]:
        """`work`, a function at the top of a module, of each of the items, in their order."""
        return list(self.pool.map(work, items, chunksize=at_once))
