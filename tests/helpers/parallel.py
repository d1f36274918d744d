"""Independent work over all cores: the numbers that it has one after the other, in a fraction of the time."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

# What most of it needs; the server from which the processes are forked imports it once for all tests.
LIBRARIES = ["scipy.special", "sklearn.ensemble"]
ONCE = ["pytest", "hypothesis", *LIBRARIES, "lstmstrat.commands.main", "lstmstrat.study.run"]


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

    def map(self, work: Callable[..., T], *arguments: Iterable[Any], at_once: int = 1) -> list[T]:
        """As `map`; `work` is a function at the top of a module, of which each process does `at_once` in a row."""
        return list(self.pool.map(work, *arguments, chunksize=at_once))


def with_fewer_resamples(work: Callable[..., T], *arguments: Any) -> T:
    """The size of a bootstrap test is the same with any number of them that makes 5 % whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstmstrat.evaluation.bootstrap.RESAMPLES", 999)
        return work(*arguments)
