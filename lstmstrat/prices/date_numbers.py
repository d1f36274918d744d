"""Numbers that are times: since 1970, days of Excel, and digits in the order of some ``date_format``."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lstmstrat.prices.day_forms import read_form

UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}  # of a time since 1970, by its digits
# What a number may be that is no date at first sight, by the date_format that reads it.
GUESSES = {
    **dict.fromkeys(("%Y", "%Y%m", "%y%m%d", "%d%m%Y", "%m%d%Y"), "date"),
    "excel": "day of Excel",
    **dict.fromkeys(UNITS.values(), "time since 1970"),
}


def likely_form(number: pd.Series, text: pd.Series) -> str:
    """The first of `GUESSES` that reads all numbers; excel if none does."""
    return next((form for form in GUESSES if _fits(number, text, form)), "excel")


def _fits(number: pd.Series, text: pd.Series, form: str) -> bool:
    """Whether a date_format makes of all numbers days of our time, in order; a cure must work."""
    if form == "excel":
        days = of_excel(number)
    elif form in UNITS.values():
        days = since_1970(number, form)
    else:
        days = pd.DatetimeIndex(read_form(text, form))
    inside = bool(((days.year >= 1900) & (days.year <= 2100))[number.notna()].all())
    return inside and (days.is_monotonic_increasing or days.is_monotonic_decreasing)


def of_excel(number: pd.Series) -> pd.DatetimeIndex:
    """Times from days as Excel counts them; NaT where that is none."""
    days = pd.to_datetime(number, unit="D", origin=pd.Timestamp("1899-12-30"), errors="coerce")
    return pd.DatetimeIndex(days).round("ms")


def since_1970(number: pd.Series, unit: Any) -> pd.DatetimeIndex:
    """Times from a count since 1970 in a unit; NaT where that is none."""
    return pd.DatetimeIndex(pd.to_datetime(number, unit=unit, errors="coerce"))
