"""How a series remembers older bars: what becomes of it when they are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.audit.perturb import ROUNDING

FORGOTTEN, FADING, EXPANDING, UNRELATED = "forgotten", "fading", "expanding", "unrelated"

# A difference fades if in the last quarter of the series it is at most the first share of the difference in the
# first quarter, and at most the second share of the largest value.
FADED_TO, FADED_TO_OF_LINE = 0.1, 0.01
# Two series are the same but for their start if their changes are correlated by at least ALIKE; or by RELATED, and
# in the last quarter they differ by at most SHRUNK_TO of what they differ by in the first, on average.
ALIKE, RELATED, SHRUNK_TO = 0.75, 0.3, 0.6


@dataclass(frozen=True)
class Memory:
    """What is left of older bars in a series.

    FORGOTTEN: nothing, up to rounding, or a constant, as in sums over all bars since the first one (OBV).
    FADING: a difference that vanishes, as in averages that never forget (EMA).
    EXPANDING: one that stays, between series that move alike, as in a mean over all bars since the first one.
    UNRELATED: the series have nothing to do with each other, as if they were counted from the first bar: a file
    joined by position, random numbers drawn bar by bar.
    """

    kind: str
    place: int = 0  # the first difference, if it does not fade
    left: float = 0.0  # share of the largest value that is left of a fading difference


def memory(x: Floats, y: Floats) -> Memory:
    """How the series `y`, made without the oldest bars, remembers them; `x` (n,) is made with them, `y` is (n,).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=400).cumsum()
    >>> mean = np.array([x[: t + 1].mean() for t in range(400)])
    >>> without = np.array([x[60 : t + 1].mean() for t in range(60, 400)])
    >>> memory(x, x).kind, memory(mean[60:], without).kind, memory(x[60:], x[:-60]).kind
    ('forgotten', 'expanding', 'unrelated')
    """
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not finite.size:
        return Memory(FORGOTTEN)
    first = int(finite[0])
    if (unequal := np.flatnonzero(np.isfinite(x[first:]) != np.isfinite(y[first:]))).size:
        return Memory(UNRELATED, first + int(unequal[0]))
    a, b = x[finite], y[finite]
    gap, size = np.abs(a - b), float(np.abs(a).max()) or 1.0
    if gap.max() <= ROUNDING * size or np.ptp(a - b) <= ROUNDING * size:
        return Memory(FORGOTTEN)
    quarter = max(1, len(gap) // 4)
    begin, end = float(gap[:quarter].max()), float(gap[-quarter:].max())
    if end <= max(min(FADED_TO * begin, FADED_TO_OF_LINE * size), ROUNDING * size):
        return Memory(FADING, left=end / size)
    place = int(finite[np.flatnonzero(gap > ROUNDING * size)[0]])
    return Memory(EXPANDING if _alike(a, b) else UNRELATED, place)


def _alike(a: Floats, b: Floats) -> bool:
    """Whether two series (n,) move alike: their changes agree, or both only rise or only fall, as records do.

    The first half does not count for the changes: a mean of few bars changes a lot.
    """
    changes, gap = (np.diff(a), np.diff(b)), np.abs(a - b)
    for sign in (1.0, -1.0):
        if all((sign * change >= 0.0).all() for change in changes):
            return True
    x, y = (change[len(change) // 2 :] for change in changes)
    if min(float(np.ptp(x)), float(np.ptp(y))) <= 0.0:
        return False
    correlation, quarter = float(np.corrcoef(x, y)[0, 1]), max(1, len(gap) // 4)
    shrinks = float(gap[-quarter:].mean()) <= SHRUNK_TO * float(gap[:quarter].mean())
    return correlation >= ALIKE or (correlation >= RELATED and shrinks)
