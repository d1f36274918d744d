"""Daily bars stamped in UTC: whether its dates are those of the exchange, and if not, which zone has them."""

from __future__ import annotations

import numpy as np
import pandas as pd

SOME, FEW = 0.05, 0.02  # shares of the bars that lie on a weekend
AHEAD = pd.Timedelta(hours=13)  # of the clock of Auckland in summer, the first
# Zones where a day begins before that of UTC, at least in summer.
EUROPE = ("Europe/London", "Europe/Berlin", "Europe/Helsinki")
ASIA = ("Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland")


def _on_weekends(days: pd.DatetimeIndex) -> float:
    """The share of Saturdays and Sundays."""
    return float((days.day_of_week >= 5).mean())


def on_weekends(days: pd.DatetimeIndex) -> bool:
    """Whether a market trades on weekends too, beside single sessions on a Saturday."""
    return _on_weekends(days) > SOME


def a_day_early(utc: pd.DatetimeIndex) -> bool:
    """Whether bars stamped in UTC have the date of the day before: their days begin before those of UTC.

    Then the market seems to trade on Sundays and not on Fridays, and by the date of Auckland it does not.
    """
    return _on_weekends(utc) > SOME and _on_weekends(utc + AHEAD) < FEW


def likely_zone(utc: pd.DatetimeIndex) -> str:
    """The zone by whose dates the fewest bars lie on a weekend, and that has the fewest times of day."""

    def misfit(zone: str) -> tuple[float, int]:
        local = utc.tz_localize("UTC").tz_convert(zone)
        return _on_weekends(local), len(set(local.time))

    return min((*EUROPE, *ASIA), key=misfit)


def hours_to_midnight(stamps: pd.DatetimeIndex) -> int:
    """How many hours after the stamps of an evening, of all of them, the next day has begun."""
    evenings = stamps.hour[stamps.hour >= 12]
    return int(24 - evenings.min()) if len(evenings) else 0


ALL_YEAR = (1, 2, 6, 7, 8, 12)  # months within which hardly a clock is changed
ONE_HOUR = np.timedelta64(1, "h")  # by which clocks are changed


def one_clock(local: pd.DatetimeIndex, utc: pd.DatetimeIndex) -> bool:
    """Whether the offsets of rows (n,) may be those of one clock, with its changes in spring and autumn."""
    ahead = (local - utc).to_numpy()
    if not len(ahead) or ahead.max() == ahead.min():
        return True
    still = pd.DataFrame({"month": utc.strftime("%Y-%m"), "ahead": ahead})[
        utc.month.isin(ALL_YEAR)
    ].drop_duplicates()
    return bool(ahead.max() - ahead.min() <= ONE_HOUR and still["month"].is_unique)


def span_of_offsets(local: pd.DatetimeIndex, utc: pd.DatetimeIndex) -> str:
    """The least and the greatest offset of rows from UTC, for a message: -05:00 to +00:00."""
    minutes = ((local - utc).to_numpy() // np.timedelta64(1, "m")).astype(int)
    ends = [int(minutes.min()), int(minutes.max())]
    return " to ".join(f"{'-' if end < 0 else '+'}{abs(end) // 60:02}:{abs(end) % 60:02}" for end in ends)
