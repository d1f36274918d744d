"""Numbers that are times: since 1970, days of Excel, and digits in the order of some ``date_format``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.prices.day_forms import read_form

UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}  # of a time since 1970, by its digits
# What a number may be that is no date at first sight, by the date_format that reads it.
GUESSES = {
    **dict.fromkeys(("%Y", "%Y%m", "%Y%j", "%y%m%d", "%d%m%Y", "%m%d%Y"), "date"),
    "excel": "day of Excel",
    **dict.fromkeys(UNITS.values(), "time since 1970"),
}

ENOUGH = 15  # days that show on which of the week there is trading


def likely_form(number: pd.Series, text: pd.Series) -> str | None:
    """The first of `GUESSES` that reads all numbers; None if none does."""
    return next((form for form in GUESSES if _fits(number, text, form)), None)


def _fits(number: pd.Series, text: pd.Series, form: str) -> bool:
    """Whether a date_format makes of all numbers days of our time, in order; a cure must work."""
    if form == "excel":
        days = of_excel(number)
    elif form in UNITS.values():
        days = since_1970(number, form)
    else:
        days = pd.DatetimeIndex(read_form(text, form))
    inside = bool(((days.year >= 1900) & (days.year <= 2100))[number.notna()].all())
    ordered = days.is_monotonic_increasing or days.is_monotonic_decreasing
    return inside and ordered and (_trades_at_weekends_only_if_always(days) if form == "excel" else _apart(days))


def _apart(days: pd.DatetimeIndex) -> bool:
    """Whether most rows are a minute apart; 2015001 is a day of a year, and no second of January 1970."""
    steps = np.abs(np.diff(days.dropna().to_numpy()))
    return not len(steps) or bool(np.median(steps) >= np.timedelta64(1, "m"))


def _trades_at_weekends_only_if_always(days: pd.DatetimeIndex) -> bool:
    """Whether the days are not Saturdays and Sundays and at most three others, as of another count of days."""
    used = set(days.dropna().day_of_week)
    return len(days) < ENOUGH or not {5, 6} <= used or len(used) > 5


def of_excel(number: pd.Series) -> pd.DatetimeIndex:
    """Times from days as Excel counts them; NaT where that is none."""
    days = pd.to_datetime(number, unit="D", origin=pd.Timestamp("1899-12-30"), errors="coerce")
    return pd.DatetimeIndex(days).round("ms")


def since_1970(number: pd.Series, unit: Any) -> pd.DatetimeIndex:
    """Times from a count since 1970 in a unit; NaT where that is none."""
    return pd.DatetimeIndex(pd.to_datetime(number, unit=unit, errors="coerce"))
