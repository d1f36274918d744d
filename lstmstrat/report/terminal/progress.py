"""The progress of a long task: a bar in a terminal, a line now and then in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from lstmstrat.report.terminal.console import console_on

PIPE_SECONDS = 10.0
"""A pipe gets at most one line of progress in this period."""

ShowProgress = Callable[[int, int], None]  # (done, total)


@contextmanager
def progress(
    task: str = "training",
    unit: str = "folds",
    *,
    file: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    quiet: bool = False,
) -> Iterator[ShowProgress]:
    """A function that is called with (units done, units in all) and shows them and the time left.

    A terminal gets a bar. A pipe or file gets a plain line now and then, and one at the end.

    Parameters
    ----------
    file
        Standard error by default, so that progress never mixes with the tables.
    """
    file = file or sys.stderr
    if quiet:
        yield lambda done, total: None
        return
    if not file.isatty():
        yield _lines(task, unit, file, clock)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(task),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, time left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console_on(file)) as bar:
        number = bar.add_task("", total=None)
        yield lambda done, total: bar.update(number, completed=done, total=total)


def _lines(task: str, unit: str, file: TextIO, clock: Callable[[], float]) -> ShowProgress:
    start = last = clock()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = clock()
        if done < total and now - last < PIPE_SECONDS:
            return
        last = now
        left = f"{(now - start) * (total - done) / done:.0f} s left" if done else "time left unknown"
        print(f"{task}: {done} of {total} {unit}, {left}", file=file, flush=True)

    return show
