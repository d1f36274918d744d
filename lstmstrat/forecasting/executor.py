"""Work on an executor of `concurrent.futures`, or on any other with its interface."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from lstmstrat.forecasting.models.base import Stop, never

T = TypeVar("T")


class GivenUp:
    """A `Stop` that can be pickled and sent to another process together with its work.

    The copy in the other process is never set: work there runs until it is done.
    """

    def __init__(self, outer: Stop = never):
        """It also counts as set once `outer` returns True."""
        self._event = threading.Event()
        self._outer = outer

    def __call__(self) -> bool:
        """Whether the work has been given up."""
        return self._event.is_set() or self._outer()

    def set(self) -> None:
        """Gives the work up."""
        self._event.set()

    def __reduce__(self) -> tuple[type[GivenUp], tuple[()]]:
        return GivenUp, ()


class Inline(Executor):
    """Runs each call at once, in the thread that submits it: for work inside a call that already has a thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Runs the call; the future is done when it is returned."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class Distant(Executor):
    """An executor whose calls travel to processes elsewhere, which takes milliseconds each.

    Attributes
    ----------
    slots
        The number of calls that it runs at once.
    processors
        The kinds of processor that have worked so far, in the order in which they first did.
    """

    slots: int
    processors: tuple[str, ...]


def completed(
    executor: Executor, calls: Iterable[tuple[Any, ...]], ahead: int, running: set[Future[Any]] | None = None
) -> Iterator[Any]:
    """The results of calls (function, argument, ...) in the order in which they are done.

    At most `ahead` calls are submitted and not done, and these are in `running`. `calls` is read only when there
    is room for another call, so the iterator can decide late whether a call is still needed. When the caller stops
    reading, the calls that have not begun are cancelled.
    """
    running = set() if running is None else running
    # Not `wait`: it never returns for a future that a shutdown of the executor has cancelled.
    done: SimpleQueue[Future[Any]] = SimpleQueue()

    def next_result() -> Any:
        future = done.get()
        running.remove(future)
        return future.result()

    try:
        for call in calls:
            future = executor.submit(*call)
            running.add(future)
            future.add_done_callback(done.put)
            if len(running) >= ahead or isinstance(executor, Inline):
                yield next_result()
        while running:
            yield next_result()
    finally:
        for future in running:
            future.cancel()


def late(running: Iterable[Future[Any]], seconds: float) -> Iterator[Any]:
    """The results of calls that have begun and are done within `seconds`; a call that fails has none."""
    end = time.monotonic() + seconds
    for future in running:
        with suppress(Exception, CancelledError):
            yield future.result(max(0.0, end - time.monotonic()))


def cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def processor() -> str:
    """The kind of processor that runs this: two kinds may round differently.

    >>> len(processor()) > 0
    True
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        return platform.processor() or platform.machine()
    first, _, _ = text.partition("\n\n")  # all are alike
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
    if "model name" not in said:
        return platform.machine()
    return f"{said['model name']} (family {said.get('cpu family', '?')}, model {said.get('model', '?')})"
