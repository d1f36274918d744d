"""The stages of a run, as they are told to somebody who waits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from lstmstrat.forecasting.session import Progress

Stages = Callable[[str, str], AbstractContextManager[Progress]]
"""Opens a stage: its name, and the unit that it counts. What it gives is called with (done, total)."""


@contextlib.contextmanager
def silent(stage: str, unit: str) -> Iterator[Progress]:
    """A stage that nobody is told about."""
    yield lambda done, total: None
