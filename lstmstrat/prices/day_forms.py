"""Dates as people write them to years, months and days: 31/01/2024, 31-Jan-24, January 31, 2024.

Which of the numbers is the day is seen from the whole column, or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from lstmstrat.arrays import Bools
from lstmstrat.prices.present import of_two_digits

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
REST = r"(?:[\s,t]+(.*))?$"  # of a text in small letters
WEEKDAY = r"^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
NUMBERS = rf"^(\d{{1,4}})\s?[-./\s]\s?(\d{{1,2}})\s?[-./\s]\s?(\d{{1,4}}){REST}"
DAY_FIRST = rf"{WEEKDAY}(\d{{1,2}})(?:st|nd|rd|th)?[-\s.]*([a-z]{{3,9}})\.?[-\s,]*(\d{{4}}|\d{{2}}){REST}"
MONTH_FIRST = rf"{WEEKDAY}([a-z]{{3,9}})\.?[-\s]*(\d{{1,2}})(?:st|nd|rd|th)?[-,\s]+(\d{{4}}|\d{{2}}){REST}"
DATE_ALONE = r"[-\d/.]*$"  # the commonest cell without a time of day
ORDERS = {"%d/%m/%Y": "dmy", "%m/%d/%Y": "mdy", "%Y/%m/%d": "ymd"}
# What a date with a time of day may be that is not read by itself, as formats of strptime.
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
         "%d%m%Y")  # fmt: skip
TIMES = ("%H.%M", "%H.%M.%S", "%H-%M", "%H-%M-%S", "%H %M", "%H %M %S", "%Hh%Mm", "%Hh%Mm%Ss", "%H%M", "%H%M%S",
         "%H:%M", "%H:%M:%S")  # fmt: skip
BETWEEN = (" ", "-", "_", ", ", ":", " - ")
NO_DIGITS = {"now", "today"}  # which pandas reads in any form


@dataclass(frozen=True)
class Days:
    """The day of each row, NaT where there is none, what follows it, and the orders that are possible."""

    days: pd.Series
    rest: pd.Series  # text: the time of day, "" where there is none
    orders: tuple[str, ...]  # such as ("dmy", "mdy"): more than one if nothing shows which


def read_days(text: pd.Series) -> Days:
    """The days that texts begin with; text (n,) without offset or zone at the end.

    Most of them decide whether months are words, so that one odd cell is unreadable and not all others.
    """
    lower = text.str.lower()
    if 2 * lower.str.contains("[a-z]{3}", regex=True).sum() > (lower != "").sum():
        return _of_words(lower)
    parts = lower.str.extract(NUMBERS)
    a, b, c = (pd.to_numeric(parts[k], errors="coerce") for k in range(3))
    widths = {len(str(cell)) for cell in parts[0].dropna().unique()}
    orders: tuple[str, ...] = ("ymd",) if widths == {4} else ("dmy", "mdy", "ymd")
    if (parts[2].dropna().str.len() == 4).any():
        orders = tuple(order for order in orders if order != "ymd")
    places = {"dmy": (c, b, a), "mdy": (c, a, b), "ymd": (a, b, c)}
    days = {order: _days(*places[order]) for order in orders}
    most = max(days[order].notna().sum() for order in orders)
    possible = tuple(order for order in orders if days[order].notna().sum() == most)
    different = tuple(order for order in possible if not days[order].equals(days[possible[0]]))
    return Days(days[possible[0]], parts[3].fillna(""), possible if different else possible[:1])


def read_begin(text: pd.Series) -> Days:
    """The days that texts (n,) begin with, 20240131 too."""
    return read_days(text.str.replace(r"^(\d{4})(\d\d)(\d\d)(?=[\sT])", r"\1-\2-\3", regex=True))


def are_untimed(text: pd.Series) -> Bools:
    """Which cells (n,) have no time of day, with or without a colon: 2024-01-31, but not 2024-01-31 12-AM."""
    untimed: Bools = (~text.str.contains(":", regex=False)).to_numpy(dtype=bool).copy()
    in_doubt = untimed & ~text.str.match(DATE_ALONE).to_numpy(dtype=bool)
    if in_doubt.any():
        untimed[in_doubt] = (read_begin(text[in_doubt]).rest == "").to_numpy(dtype=bool)
    return untimed


def _of_words(lower: pd.Series) -> Days:
    first, second = lower.str.extract(DAY_FIRST), lower.str.extract(MONTH_FIRST)
    parts = first.where(first[0].notna(), second.set_axis([1, 0, 2, 3], axis="columns")[[0, 1, 2, 3]])
    months = parts[1].str[:3].map({name: k + 1 for k, name in enumerate(MONTHS)})
    numbers = [pd.to_numeric(parts[k], errors="coerce") for k in (2, 0)]
    return Days(_days(numbers[0], months, numbers[1]), parts[3].fillna(""), ("dmy",))


def read_form(text: pd.Series, form: str) -> pd.Series:
    """The dates of texts (n,) in a form of strptime; NaT where they have another."""
    days = pd.to_datetime(text, format=form, errors="coerce")
    return of_two_digits(days) if "%y" in form and days.dt.tz is None else days


def likely_forms(text: pd.Series) -> list[str]:
    """The formats of strptime with a time of day that read all texts (n,), such as %d/%m/%Y %H.%M."""
    few = text.head(5)
    seen = {_marks(cell) for cell in few if cell.casefold() not in NO_DIGITS}
    forms = [date + sign + time for date in DATES for sign in BETWEEN for time in TIMES]
    able = [form for form in forms if seen <= {_marks(re.sub("%.", "", form))}]
    return [form for form in able if _all_of(few, form) and _all_of(text, form)]


def _marks(text: str) -> str:
    """What stands between the numbers of a date: a form can only read what has the same."""
    return re.sub(r"[\d\s]", "", text).casefold()


def _all_of(text: pd.Series, form: str) -> bool:
    return bool(len(text)) and bool(pd.to_datetime(text, format=form, errors="coerce").notna().all())


def _days(year: pd.Series, month: pd.Series, day: pd.Series) -> pd.Series:
    """Dates; the century of a year of two digits is that of `of_two_digits`."""
    short = year < 100
    frame = pd.DataFrame({"year": year.where(~short, year + 2000), "month": month, "day": day})
    inside = frame["year"].between(1800, 2200)
    days = pd.to_datetime(frame.where(inside), errors="coerce")
    return days.where(~short, of_two_digits(days.where(short))) if short.any() else days
