"""The cuts: bars after which a probe changes the rest.

Evenly spaced cuts miss two kinds of leaks that reach only a few bars: labels that overlap the test bars, and
values filled in from the next bar. Most cuts therefore stand around the bars at which a model is refitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.prices.bars import HIGH, LOW, VOLUME

T = TypeVar("T")

# How many places of each kind get cuts, at most.
REFITS = 3
RANDOM_CUTS = 5
MONTH_ENDS = 3
ORDER_BARS = 3
ODD_BARS = 3


def aimed_cuts(
    frame: pd.DataFrame,
    first: int,
    refits: Sequence[int],
    orders: Sequence[int],
    seed: int,
    horizon: int = 1,
) -> list[int]:
    """The cuts, ascending; each is at least `first` and has bars after it.

    Around `REFITS` of the `refits`, evenly spread, each at bar t with the next refit at bar e: t-2, t-1, t, t+1,
    t+horizon-1, the middle of t and e, and e-1. In addition: ends of months, bars at which orders were placed,
    bars before a flat bar or a bar without volume, and random bars, one in each fifth of the bars.
    """
    last = len(frame) - 2
    if last < first:
        return []
    rng = np.random.default_rng([seed, 2])
    cuts: set[int] = set()
    for t, end in spread_over([*itertools.pairwise([*refits, last + 1])], REFITS):
        cuts |= {t - 2, t - 1, t, t + 1, t + horizon - 1, (t + end) // 2, end - 1}
    cuts |= set(spread_over(_month_ends(frame), MONTH_ENDS))
    cuts |= set(spread_over(_before_odd_bars(frame), ODD_BARS))
    cuts |= set(spread_over(sorted(set(orders)), ORDER_BARS))
    edges = np.linspace(first, last + 1, RANDOM_CUTS + 1)  # one random bar in each part of the bars
    cuts |= {int(rng.uniform(begin, end)) for begin, end in itertools.pairwise(edges)}
    return sorted(int(cut) for cut in cuts if first <= cut <= last)


def spread_over(items: Sequence[T], number: int) -> list[T]:
    """At most `number` of the items, evenly spread, with the first and the last."""
    if len(items) <= number:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, number).astype(int)]


def _month_ends(frame: pd.DataFrame) -> list[int]:
    months = frame.index.to_numpy().astype("datetime64[M]")
    return [int(bar) for bar in np.flatnonzero(months[1:] != months[:-1])]


def _before_odd_bars(frame: pd.DataFrame) -> list[int]:
    """The bars before a flat bar or a bar without volume, where a user's code may fill in later values."""
    bars: Floats = frame.to_numpy()
    odd = (bars[:, HIGH] == bars[:, LOW]) | (bars[:, VOLUME] == 0.0)
    return [int(bar) - 1 for bar in np.flatnonzero(odd) if bar]
