"""Where bars are cut: aimed at where leaks hide, and a few anywhere.

Evenly spaced cuts miss labels that overlap the test and values filled from the next bar, for those leaks reach a
few bars only. Most of the cuts therefore stand around the bars at which a model is refitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from lstmstrat.features import Floats

T = TypeVar("T")

FOLDS = 3  # refits that are aimed at, the earliest
RANDOM = 5
MONTHS = 3
ORDERS = 3
ODD = 3


def aimed(
    frame: pd.DataFrame,
    first: int,
    refits: Sequence[int],
    orders: Sequence[int],
    seed: int,
    horizon: int = 1,
) -> list[int]:
    """Bars after which the future is exchanged, ascending; each is at least `first` and has bars after it.

    With t a bar of `refits` and the next one at e: t-2, t-1, t, t+1, t+horizon-1, the middle, e-1, for `FOLDS` of
    them spread evenly. Then ends of months, bars at which orders were made, bars beside flat ones and ones
    without volume, and random bars.
    """
    last = len(frame) - 2
    if last < first:
        return []
    rng = np.random.default_rng([seed, 2])
    found: set[int] = set()
    for t, end in spread_over([*itertools.pairwise([*refits, last + 1])], FOLDS):
        found |= {t - 2, t - 1, t, t + 1, t + horizon - 1, (t + end) // 2, end - 1}
    found |= set(spread_over(_month_ends(frame), MONTHS)) | set(spread_over(_odd(frame), ODD))
    found |= set(spread_over(sorted(set(orders)), ORDERS)) | set(rng.integers(first, last + 1, RANDOM).tolist())
    return sorted(int(cut) for cut in found if first <= cut <= last)


def spread_over(items: Sequence[T], number: int) -> list[T]:
    """At most `number` of them, evenly spread, the first and the last among them."""
    if len(items) <= number:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, number).astype(int)]


def _month_ends(frame: pd.DataFrame) -> list[int]:
    months = frame.index.to_numpy().astype("datetime64[M]")
    return [int(bar) for bar in np.flatnonzero(months[1:] != months[:-1])]


def _odd(frame: pd.DataFrame) -> list[int]:
    """The bars before flat ones and before ones without volume: what is filled in later is filled in there."""
    bars: Floats = frame.to_numpy()
    odd = (bars[:, 1] == bars[:, 2]) | (bars[:, 4] == 0.0)
    return [int(bar) - 1 for bar in np.flatnonzero(odd) if bar]
