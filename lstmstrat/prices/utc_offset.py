"""How far the clock of a table is ahead of UTC: `UtcOffset`, so that two tables are joined by the same moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.arrays import Times

HOUR = np.timedelta64(1, "h")  # by which clocks are changed


@dataclass(frozen=True, eq=False)
class UtcOffset:
    """The clock of a table beside UTC, by moments that are known on both: the ends of each stretch of one offset.

    Between two stretches, where clocks are changed, times are taken in proportion, so that the order of moments is
    the same on both clocks and every known moment is exact.

    Attributes
    ----------
    local, utc
        (k,) datetime64[ns], each strictly ascending: the same moments on the clock of the table and in UTC.

    Raises
    ------
    ValueError
        There is no moment, one is NaT, or they do not increase on both clocks.

    Examples
    --------
    >>> import pandas as pd
    >>> tokyo = UtcOffset.of_zone("Asia/Tokyo", pd.DatetimeIndex(["2024-01-04", "2024-01-05"]))
    >>> str(tokyo.to_local(tokyo.utc)[0]), str(tokyo.utc[0])
    ('2024-01-04T00:00:00.000000000', '2024-01-03T15:00:00.000000000')
    """

    local: Times
    utc: Times

    def __post_init__(self) -> None:
        steps = np.concatenate([np.diff(self.local), np.diff(self.utc)])
        if not len(self.local) or len(self.local) != len(self.utc) or not (steps > np.timedelta64(0)).all():
            raise ValueError("expected moments that increase on both clocks")
        if np.isnat(self.local).any() or np.isnat(self.utc).any():  # of a single one, which has no steps
            raise ValueError("expected moments that increase on both clocks")

    @classmethod
    def of(cls, local: pd.DatetimeIndex, utc: pd.DatetimeIndex) -> UtcOffset | None:
        """Of the times of rows (n,) on both clocks, in any order; None where one clock runs back, or of no row."""
        moments, first = np.unique(utc.to_numpy().astype("datetime64[ns]"), return_index=True)
        here = local.to_numpy().astype("datetime64[ns]")[first]
        if not len(here) or (np.diff(here) <= np.timedelta64(0)).any():
            return None
        changes = np.flatnonzero(np.diff(here - moments))
        ends = np.unique(np.concatenate([[0], changes, changes + 1, [len(here) - 1]]))
        return cls(here[ends], moments[ends])

    @classmethod
    def of_zone(cls, zone: str, local: pd.DatetimeIndex) -> UtcOffset | None:
        """Of times (n,) on the clock of a time zone of the IANA database."""
        return cls.of(local, utc_of(local, zone))

    @property
    def is_utc(self) -> bool:
        """Whether the clock is that of UTC."""
        return bool((self.local == self.utc).all())

    def midnights(self, utc: Times) -> Times:
        """The dates (m,) whose midnights times in UTC are; NaT of those that are no midnight.

        At what hour clocks are changed between two moments is not known, nor whether they are before the first
        and after the last: there a midnight is one by either of the two offsets, or but for an hour.
        """
        ahead, last = self.local - self.utc, len(self.utc) - 1
        before = ahead[np.clip(np.searchsorted(self.utc, utc, side="right") - 1, 0, last)]
        after = ahead[np.clip(np.searchsorted(self.utc, utc, side="left"), 0, last)]
        beyond = np.where((utc < self.utc[0]) | (utc > self.utc[-1]), HOUR, 0 * HOUR)
        dates = np.full(len(utc), np.datetime64("NaT"), dtype="datetime64[ns]")
        for offset in (before - beyond, before + beyond, after, before):  # the last one counts
            here = utc + offset
            dates = np.where(here == here.astype("datetime64[D]"), here, dates)
        return dates

    def to_utc(self, times: Times) -> Times:
        """Times on the clock of the table in UTC; (m,)."""
        return _carried(times, self.local, self.utc)

    def to_local(self, times: Times) -> Times:
        """Times in UTC on the clock of the table; (m,)."""
        return _carried(times, self.utc, self.local)


@dataclass(frozen=True)
class Abbreviated:
    """A clock that its table calls by an abbreviation alone: EST is the time of New York, and of Jamaica.

    Two tables with the same abbreviation are on one clock; beside any other it is to be asked about.
    """

    name: str


Offset = UtcOffset | Abbreviated | None
"""What is known of the clock of a table: all, its abbreviation, or nothing."""


def utc_of(local: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Times on the clock of a zone in UTC; of an hour that comes twice the first, of one left out the next."""
    first = np.ones(len(local), dtype=bool)
    zoned = local.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    return zoned.tz_convert("UTC").tz_localize(None)


def inferred(local: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex | None:
    """UTC from local times that are there twice because the clocks of the zone were put back."""
    if local.is_unique:
        return None
    falls = local[0] > local[-1]
    try:
        zoned = (local[::-1] if falls else local).tz_localize(zone, ambiguous="infer")
    except ValueError:  # a time that the zone does not have, or no repeated hour: two rows with one time
        return None
    utc = zoned.tz_convert("UTC").tz_localize(None)
    return utc[::-1] if falls else utc


def _carried(times: Times, here: Times, there: Times) -> Times:
    """Times (m,) on one clock, on the other; `here` and `there` (k,) are the same moments."""
    begin = np.clip(np.searchsorted(here, times, side="right") - 1, 0, None)
    end = np.minimum(begin + 1, len(here) - 1)
    since = (times - here[begin]).astype(np.int64)
    span, length = (there[end] - there[begin]).astype(np.int64), (here[end] - here[begin]).astype(np.int64)
    is_change = (span != length) & (since > 0)
    share = np.ceil(since * (span / np.maximum(length, 1))).astype(np.int64)
    moved: Times = (there[begin] + np.where(is_change, share, since).astype("timedelta64[ns]")).astype(
        "datetime64[ns]"
    )
    return moved
