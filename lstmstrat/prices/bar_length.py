"""How long bars are, by their times alone: whether those of a peer are longer than one's own."""

from __future__ import annotations

import numpy as np

from lstmstrat.arrays import Times

DAY, NONE = np.timedelta64(1, "D"), np.timedelta64(0, "D")
LONGER = 1.05  # times the length of one's own bars; a longer bar of a peer ends after the bar of its time
SHORT = 0.25  # of the distances of bars are no longer than a bar: every fourth month has 30 days or less
SHORTEST = 0.01  # of the distances are no longer than a bar where most bars are missing, but for a stray one
ON_A_GRID = 0.95  # of the distances are multiples of the length of a bar, unless it varies as that of a month


def length_of_longer_bars(theirs: Times, own: Times) -> str:
    """The length of the bars of a peer as a lag, if they are longer than one's own; else none."""
    if _length(theirs) <= LONGER * _length(own) and _step(theirs) <= LONGER * _step(own):
        return "0d"
    return f"{-(-usual(theirs) // np.timedelta64(1, 'm'))}min" if usual(theirs) < DAY else _in_days(theirs)


def usual(times: Times) -> np.timedelta64:
    """The median distance of two rows; 0 of a single one."""
    return np.timedelta64(int(np.median(np.diff(times).astype(np.int64))), "ns") if len(times) > 1 else NONE


def _length(times: Times) -> np.timedelta64:
    """The length of bars: a short distance of two of them, for the usual one may have a night in it."""
    return _quantile(times, SHORT)


def _step(times: Times) -> np.timedelta64:
    """The length of bars most of which may be missing: the step of the grid on which they lie, if they do."""
    shortest = _quantile(times, SHORTEST)
    if shortest <= NONE:
        return shortest
    on_grid = (np.diff(times) % shortest == NONE).mean()
    return shortest if on_grid >= ON_A_GRID else _length(times)


def _quantile(times: Times, share: float) -> np.timedelta64:
    gaps = np.diff(times).astype(np.int64)
    return np.timedelta64(int(np.quantile(gaps, share, method="lower")), "ns") if len(gaps) else NONE


def _in_days(times: Times) -> str:
    return f"{-(-usual(times) // DAY)}d"
