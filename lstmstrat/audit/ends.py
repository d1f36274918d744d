"""Rules of the end: "no order on the last bar" knows how many bars there are, and no price.

A strategy that closes on the last bar of its data does something else near the end of shorter data, and so does
one that reads a later bar, where it finds none. The two are told apart by other bars in place of the missing ones.
What only knows the end does the same whatever bars follow, as long as enough of them do; and near the end of the
shorter data it does the same whatever prices and dates the last bars have, up to the first that is changed. What
reads a later bar moves with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from lstmstrat.audit import perturb

LAST_BARS = 5  # a rule of the end reaches no further back
SPARE = 12  # bars that follow where the end is to be far away
HOLIDAY = 5  # steps from one bar to the next
FUTURES = ("walk", "mirrored", "crash", "leap", "flat", "missing")
SAID = (
    "it knows which bar is the last one (by buflen() or by the last date), which no price tells and nobody knows "
    "live; leave that rule out, since what is still held is valued at the last close"
)


@dataclass(frozen=True, eq=False)
class Trial:
    """Bars on which a rule of the end does the same as before, up to the first bar that is changed."""

    frame: pd.DataFrame
    unchanged: int  # the last bar that is not changed
    kind: str  # how the bars after it are changed
    is_cut: bool  # it must do the same as on the bars up to the cut; else the same as on all bars


def has_room(frame: pd.DataFrame, cut: int) -> bool:
    """Whether there are enough bars after a cut to see what happens when the end is far away."""
    return cut + SPARE < len(frame)


def trials(
    frame: pd.DataFrame, cut: int, first: int, seed: int, kinds: Sequence[str] = FUTURES
) -> Iterator[Trial]:
    """The trials of a cut at which the first difference is at bar `first`."""
    longer, shorter = frame.iloc[: cut + 1 + SPARE], frame.iloc[: cut + 1]
    for k, kind in enumerate(kinds):
        for j, bar in enumerate(dict.fromkeys((first, cut))):
            yield Trial(_other_future(longer, bar, kind, seed, (k + j) % 2 == 0), bar, kind, False)
    for k in range(1, min(LAST_BARS, cut) + 1):
        kind = kinds[k % len(kinds)]
        yield Trial(_other_future(shorter, cut - k, kind, seed, k % 2 == 0), cut - k, kind, True)


def _other_future(frame: pd.DataFrame, bar: int, kind: str, seed: int, soon: bool) -> pd.DataFrame:
    """Other prices and other times after a bar: the next one comes a step later, if `soon`, or after a holiday."""
    changed = perturb.replace_future(frame, bar, kind, seed)
    times = pd.DatetimeIndex(frame.index)
    step = (times[1:] - times[:-1]).min()
    move = times[bar] + (step if soon else HOLIDAY * step) - times[bar + 1]
    return changed.set_axis(times[: bar + 1].append(times[bar + 1 :] + move))


def is_near(first: int, cut: int) -> bool:
    """Whether a difference is so near to the cut that it may be a rule of the end."""
    return cut - LAST_BARS < first <= cut
