"""How long work takes, whatever runs beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


def processor_seconds(work: Callable[[], object], tries: int = 1) -> float:
    """The least processor time of `tries`, of this process and of those that it starts and waits for."""
    taken = []
    for _ in range(tries):
        begin = _spent()
        work()
        taken.append(_spent() - begin)
    return min(taken)


def _spent() -> float:
    return time.process_time() + sum(os.times()[2:4])
