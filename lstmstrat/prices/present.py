"""The only place where the clock of this machine is read for dates: what is to come, and the century of '65."""

from __future__ import annotations

import pandas as pd

CENTURY, YEAR = pd.DateOffset(years=100), pd.DateOffset(years=1)


def tomorrow() -> pd.Timestamp:
    """The end of tomorrow in UTC; on no clock of the world is a bar later."""
    return pd.Timestamp.now("UTC").tz_localize(None).normalize() + pd.Timedelta(days=2)


def of_two_digits(days: pd.Series) -> pd.Series:
    """Dates (n,) whose years had two digits, read in any century, in their own one.

    No date is years ahead, so '65 is 1965 as long as 2065 is to come; a month that is not over may have the date
    of its end. Where this leaves the rows in disorder, and the last century orders them, they are of that.
    """
    years = days.dt.year
    late = days.where(years >= 2000, days + CENTURY)  # 2000 to 2099
    past = late.where(~(late > tomorrow() + YEAR), late - CENTURY)
    last = late - CENTURY
    return last if _in_order(last) and not _in_order(past) else past


def _in_order(days: pd.Series) -> bool:
    known = days.dropna()
    return known.is_monotonic_increasing or known.is_monotonic_decreasing
