"""The progress of a run, stage by stage: bars in a terminal or a notebook, a line now and then in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TextIO

from lstmstrat.report.terminal.console import console_on
from lstmstrat.report.terminal.notebook import Shown, in_notebook

PIPE_SECONDS = 10.0
"""A pipe gets at most one line of progress in this period."""
LEAST_SECONDS = 0.05
"""What took less would be said to take 0.0 s, and is not said."""

ShowProgress = Callable[[int, int], None]  # (done, total)
Stage = Callable[[str, str], AbstractContextManager[ShowProgress]]  # (name, unit that it counts)
Clock = Callable[[], float]


@contextmanager
def stages(*, file: TextIO | None = None, clock: Clock = time.monotonic, quiet: bool = False) -> Iterator[Stage]:
    """A function that opens a stage of a run, which may lie inside another.

    A terminal and a notebook get a bar for each open stage, and nothing of it stays. A pipe or file gets a plain
    line now and then, and one at the end of each stage; of one inside another only if it took long.

    Parameters
    ----------
    file
        Standard error by default, so that progress never mixes with the tables.
    """
    notebook, file, watch = file is None and in_notebook(), file or sys.stderr, _Watch(clock)
    if quiet:
        yield _silent
    elif notebook:
        with Shown(clock) as shown:
            yield partial(_shown, shown, watch)
    elif not file.isatty():
        yield lambda name, unit: _lines(name, unit, file, watch)
    else:
        with _bars(file, watch) as opened:
            yield opened


class _Watch:
    """Tells a stage how long it is open, and how much of that no stage inside it was at work."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._open: list[list[float]] = []  # of each open stage, the seconds of each stage inside it

    @property
    def is_open(self) -> bool:
        """Whether a stage is open."""
        return bool(self._open)

    @contextmanager
    def open(self) -> Iterator[Callable[[], tuple[float, float]]]:
        """A function that gives the two numbers, in seconds. A stage is at work until its last look."""
        begin, inside, around = self._clock(), list[float](), self._open[-1] if self._open else []
        self._open.append(inside)
        around.append(0.0)
        place = len(around) - 1

        def look() -> tuple[float, float]:
            around[place] = passed = self._clock() - begin
            return passed, passed - sum(inside)

        try:
            yield look
        finally:
            self._open.pop()


@contextmanager
def _silent(name: str, unit: str) -> Iterator[ShowProgress]:
    yield lambda done, total: None


@contextmanager
def _shown(shown: Shown, watch: _Watch, name: str, unit: str) -> Iterator[ShowProgress]:
    stage = shown.opened(name)
    with watch.open() as look:
        yield lambda done, total: shown.show(
            stage, done, total, f"{done:,}/{total:,} {unit}", _left(look()[1], done, total)
        )
    shown.closed(stage)


@contextmanager
def _bars(file: TextIO, watch: _Watch) -> Iterator[Stage]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console_on(file), transient=True) as display:

        @contextmanager
        def stage(name: str, unit: str) -> Iterator[ShowProgress]:
            number = display.add_task(name, total=None, count="", left="")
            try:
                with watch.open() as look:
                    yield lambda done, total: display.update(
                        number,
                        completed=done,
                        total=total,
                        count=f"{done:,}/{total:,} {unit}",
                        left=_left(look()[1], done, total),
                    )
            finally:
                display.remove_task(number)

        yield stage


@contextmanager
def _lines(name: str, unit: str, file: TextIO, watch: _Watch) -> Iterator[ShowProgress]:
    """A stage inside another ends without a line if it was short: a sweep has thousands of them."""
    last, counted, inside = 0.0, "", watch.is_open
    with watch.open() as look:

        def show(done: int, total: int) -> None:
            nonlocal last, counted
            passed, own = look()
            counted = f"{total:,} of {total:,} {unit} in "
            ended = inside and done == total and passed >= PIPE_SECONDS
            if ended or (done < total and passed - last >= PIPE_SECONDS):
                last = passed
                print(f"{name}: {done:,} of {total:,} {unit}, {_left(own, done, total)}", file=file, flush=True)

        yield show
        if not inside and (passed := look()[0]) >= LEAST_SECONDS:
            print(f"{name}: {counted}{passed:.1f} s", file=file, flush=True)


def _left(passed: float, done: int, total: int) -> str:
    """The time left at the same pace, in minutes if it is long; nobody knows before a twentieth is done."""
    if done < total / 20:  # the first networks wait for the compiler
        return "time left unknown"
    seconds = passed * (total - done) / done
    return f"{seconds:.0f} s left" if seconds < 120.0 else f"{seconds / 60.0:.0f} min left"
