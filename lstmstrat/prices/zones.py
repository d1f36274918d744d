"""Daily bars stamped in UTC: whether its dates are those of the exchange, and if not, which zone has them."""

from __future__ import annotations

import pandas as pd

SOME, FEW = 0.05, 0.02  # shares of the bars that lie on a weekend
AHEAD = pd.Timedelta(hours=13)  # of the clock of Auckland in summer, the first
# Zones where a day begins before that of UTC, at least in summer.
EUROPE = ("Europe/London", "Europe/Berlin", "Europe/Helsinki")
ASIA = ("Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland")


def _on_weekends(days: pd.DatetimeIndex) -> float:
    """The share of Saturdays and Sundays."""
    return float((days.day_of_week >= 5).mean())


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
