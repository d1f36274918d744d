"""The assets of a panel before they stand side by side, and whether they can: `Asset` and `check_clocks`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.errors import DataError
from lstmstrat.prices.faults import Fault
from lstmstrat.prices.utc_offset import Offset, UtcOffset

DAYS = np.timedelta64(36, "h")  # bars further apart are no days


@dataclass(frozen=True, eq=False)
class Asset:
    """The bars of one asset, with the findings that put it into quarantine."""

    symbol: str
    times: Times  # (n,)
    bars: Floats  # (n, 5) open, high, low, close, volume
    faults: tuple[Fault, ...] = ()
    offset: Offset = None  # how far the clock of the times is ahead of UTC; None where nothing says it

    @property
    def of_days(self) -> bool:
        """Whether the times are dates."""
        return bool((self.times == self.times.astype("datetime64[D]")).all())

    @property
    def usual_gap(self) -> np.timedelta64:
        """How far apart its bars usually are; there are two at least."""
        gaps = np.diff(self.times).astype("timedelta64[ns]").astype(np.int64)
        return np.timedelta64(int(np.median(gaps)), "ns")


def check_clocks(assets: Sequence[Asset]) -> None:
    """Refuses assets whose sessions are not the same: one would see another's bar before it was over.

    Dates of days need no clock: a session is over when its last asset closes, and the next opens come after that.

    Raises
    ------
    DataError
        Days beside times of day, bars of several lengths, weeks on different days, or several clocks.
    """
    pairs = combinations(assets, 2) if any(_asks_for_more(asset) for asset in assets) else _with_ends(assets)
    odd = list(islice((sentence for one, other in pairs if (sentence := _unlike(one, other))), 3))
    if odd:
        raise unfit(*odd)


def unfit(*sentences: str) -> DataError:
    """The error that says why assets are no universe."""
    return DataError("\n  ".join(["the assets of the universe do not fit together:", *sentences]))


def of_two_lengths(one: str, other: str) -> str:
    """What is wrong with days beside weeks, or hours beside half-hours."""
    return f"the bars of {one} and {other} are not of one length; give bars of one length of all, such as days"


def _asks_for_more(asset: Asset) -> bool:
    """Whether its bars are no days, so that each pair of assets has to be looked at."""
    return len(asset.times) > 1 and bool(not asset.of_days or asset.usual_gap > DAYS)


def _with_ends(assets: Sequence[Asset]) -> list[tuple[Asset, Asset]]:
    """Of days only the length counts: the asset with the shortest bars beside each other one."""
    known = [asset for asset in assets if len(asset.times) > 1]
    shortest = min(known, key=lambda asset: asset.usual_gap, default=None)
    return [] if shortest is None else [(shortest, asset) for asset in assets if asset is not shortest]


def _unlike(one: Asset, other: Asset) -> str:
    """Why two assets cannot share sessions; "" if they can."""
    names = f"{other.symbol} and {one.symbol}"
    if one.of_days != other.of_days:
        days, times = (one, other) if one.of_days else (other, one)
        return f"{times.symbol} has times of day and {days.symbol} has dates; give dates of all, or times of all"
    if min(len(one.times), len(other.times)) > 1:
        short, long = sorted((one.usual_gap, other.usual_gap))
        if long >= 2 * short:
            return of_two_lengths(other.symbol, one.symbol)
        if short > DAYS and not _share_dates(one, other):
            return f"the bars of {names} have different dates; give all the same day of the week or of the month"
    if not one.of_days and not _same_clock(one, other):
        return (
            f"{other.symbol} may be on another clock than {one.symbol}; write data.time_zone: with that of one "
            "exchange, such as America/New_York, to have all on its clock"
        )
    return ""


def _share_dates(one: Asset, other: Asset) -> bool:
    """Whether most bars of the time that both have are on the same dates."""
    first, last = max(one.times[0], other.times[0]), min(one.times[-1], other.times[-1])
    inside = [asset.times[(asset.times >= first) & (asset.times <= last)] for asset in (one, other)]
    fewest = min(len(times) for times in inside)
    return 2 * len(np.intersect1d(*inside)) >= fewest


def _same_clock(one: Asset, other: Asset) -> bool:
    """Whether the times that both have are the same moments, as far as anything says it."""
    if not isinstance(one.offset, UtcOffset) or not isinstance(other.offset, UtcOffset):
        return one.offset == other.offset
    both = np.intersect1d(one.times, other.times)
    return bool((one.offset.to_utc(both) == other.offset.to_utc(both)).all())
