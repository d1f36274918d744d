"""How far the clock of a table is ahead of UTC: `UtcOffset`, so that two tables are joined by the same moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.arrays import Times


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
        There is no moment, or they do not increase on both clocks.

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
        if not len(self.local) or len(self.local) != len(self.utc) or (steps <= np.timedelta64(0)).any():
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

    def to_utc(self, times: Times) -> Times:
        """Times on the clock of the table in UTC; (m,)."""
        return _carried(times, self.local, self.utc)

    def to_local(self, times: Times) -> Times:
        """Times in UTC on the clock of the table; (m,)."""
        return _carried(times, self.utc, self.local)


def utc_of(local: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Times on the clock of a zone in UTC; of an hour that comes twice the first, of one left out the next."""
    first = np.ones(len(local), dtype=bool)
    zoned = local.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    return zoned.tz_convert("UTC").tz_localize(None)


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
