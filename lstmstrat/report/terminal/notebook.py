"""Bars of progress in the output of a cell of a notebook; no widget and no script is needed."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any, Self

SECONDS = 0.2  # between two drawings


def in_notebook() -> bool:
    """Whether this runs in a kernel that a notebook shows."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return any(
        base.__name__ == "ZMQInteractiveShell" for base in type(shell).__mro__
    )  # Colab's is derived from it


class Shown:
    """The open stages of a run, drawn in the output of a cell while the block lasts; nothing of it stays."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._stages: dict[int, tuple[str, int, int, str]] = {}  # name, done, total, text
        self._last = -math.inf
        self._handle: Any = None

    def __enter__(self) -> Self:
        from IPython.display import display

        self._handle = display(self._drawn(), raw=True, display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stages.clear()
        self._draw(now=True)

    def opened(self, name: str) -> int:
        """The number of a new stage."""
        number = max(self._stages, default=0) + 1
        self._stages[number] = name, 0, 0, ""
        self._draw(now=True)
        return number

    def show(self, stage: int, done: int, total: int, *texts: str) -> None:
        """Draw how far a stage is, unless something was drawn just now."""
        if stage in self._stages:
            self._stages[stage] = self._stages[stage][0], done, total, ", ".join(texts)
            self._draw(now=False)

    def closed(self, stage: int) -> None:
        """Forget a stage."""
        self._stages.pop(stage, None)

    def _draw(self, now: bool) -> None:
        if now or self._clock() - self._last >= SECONDS:
            self._last = self._clock()
            self._handle.update(self._drawn(), raw=True)

    def _drawn(self) -> dict[str, str]:
        from markupsafe import Markup

        row = Markup("<div><progress {}></progress> {} {}</div>")
        rows = [
            row.format(Markup('value="{}" max="{}"').format(done, total) if total else "", name, text)
            for name, done, total, text in self._stages.values()
        ]
        return {"text/html": "".join(rows), "text/plain": ""}
