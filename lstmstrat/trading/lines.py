"""The pointers of Backtrader's lines, moved with fewer calls than Backtrader takes for it, and their values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats


def advance(lines: Iterable[Any], size: int) -> None:
    """Move each `bt.LineBuffer` on by `size` bars that it has already, as its own `advance` does.

    That one reads and writes the position through a property, and much of the time of a bar goes into such calls.
    """
    for line in lines:
        if line.mode == line.UnBounded:
            line._idx += size
            line.lencount += size
        else:
            line.advance(size)


def values_of(line: Any, first: int, end: int) -> Floats:
    """A copy of bars `first` to `end` of a line's buffer; NaN if there is no line."""
    if line is None:
        return np.full(end - first, np.nan)
    return np.array(line.array[first:end], dtype=np.float64)
