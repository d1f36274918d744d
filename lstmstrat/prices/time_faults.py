"""What is wrong with the times of rows, in sentences: none that can be read, a clock that goes back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools
from lstmstrat.prices import present
from lstmstrat.prices.clock import Clock
from lstmstrat.prices.day_forms import likely_forms
from lstmstrat.prices.findings import Findings, Hints, shown, such
from lstmstrat.prices.time_cells import FIRST_YEAR, LAST_YEAR
from lstmstrat.prices.times_of_day import ZONE, tidied, times_of_day

MOST_ROWS = 20  # that a message lists
OF_HALF = (
    "the hours of its times are 1 to 12, as on a clock of 12 hours without AM and PM; write AM or PM behind each "
    "time, or the hours from 0 to 23"
)
MANY = 10  # good rows for each that may be deleted: a form of its own, as that of a month, is no fault of a row
FEW = 0.05  # of the rows that have a time of day: those of running days


def rows_of(numbers: Sequence[int]) -> str:
    """Rows, from 1, for a message.

    Examples
    --------
    >>> rows_of([3]), rows_of([3, 9, 12])
    ('row 3', 'rows 3, 9 and 12')
    """
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    some = [str(number) for number in numbers[:MOST_ROWS]]
    more = f" ... ({len(numbers)} in all)" if len(numbers) > MOST_ROWS else ""
    return "rows " + (", ".join(some) + more if more else " and ".join([", ".join(some[:-1]), some[-1]]))


def check_readable(
    clock: Clock, dates: pd.Series, times: pd.Series | None, rows: Bools, hints: Hints, found: Findings
) -> None:
    """Adds a fault for the `rows` (n,) whose date, or time of day, cannot be read, with what looks likely."""
    wrong = np.flatnonzero(clock.unreadable & rows)
    if not len(wrong):
        return
    texts = dates.astype(str).where(dates.notna(), "").str.strip().iloc[wrong]
    named = rows_of([int(row) + 1 for row in dates.index[wrong]])
    first = int(wrong[0])
    if times is not None and (fault := _not_of_day(times.iloc[wrong])):
        found.faults.append(fault)
        return
    of_day = "" if times is None else f" {shown(times.iloc[first])}"
    cell = f"row {dates.index[first] + 1}: the date is {shown(dates.iloc[first])}{of_day}{such(len(wrong))}"
    form = f"the form 2024-01-31, from {FIRST_YEAR} to {LAST_YEAR}"
    good = np.flatnonzero(~clock.unreadable & rows)
    if (texts == "").all():
        cure = f"empty, as where cells are merged; write a date, such as 2024-01-31, into each, or delete {named}"
    elif texts.str.fullmatch("#+").any():
        cure = (
            "what a spreadsheet shows where a column is too narrow; make it wider there, and save the file again"
        )
    elif hints.date_format is not None:
        cure = (
            f"not of {hints.setting('date_format', hints.date_format)}; correct that, or write all dates in {form}"
        )
    elif not len(good):
        cure = _format(texts, form, hints)
    else:
        other = f"row {dates.index[good[0]] + 1} has {shown(dates.iloc[good[0]])}"
        delete = f", or delete {named}" if len(good) >= MANY * len(wrong) else ""
        cure = f"expected {form}, and {other}; write it so{delete}"
    found.faults.append(f"{cell}, {cure}")


def _format(texts: pd.Series, form: str, hints: Hints) -> str:
    """What to do where no date can be read: the format that reads them all, if one is found."""
    forms = likely_forms(texts)
    if forms:
        others = "".join(f" or {hints.setting('date_format', other)}" for other in forms[1:])
        return f"a time of day that is not understood; {hints.write('date_format', forms[0])}{others}"
    say = hints.write("date_format", "FORM")
    return (
        f"expected {form}; write all dates so, or {say}, with the form of all as in strptime, such as %d/%m/%Y or "
        "%d/%m/%Y %H:%M"
    )


def _not_of_day(times: pd.Series) -> str:
    """The sentence on cells of a column of times that are no times of day; "" if all of them are."""
    text = times.astype(str).where(times.notna(), "").str.strip()
    tidy = tidied(text)
    wrong = np.flatnonzero(times_of_day(tidy.str.extract(ZONE)[0].fillna(tidy)).isna())
    if not len(wrong):
        return ""
    return (
        f"row {text.index[wrong[0]] + 1}: the time of day is {shown(text.iloc[wrong[0]])}{such(len(wrong))}, "
        "expected the form 09:30, 09:30:00 or 9:30 AM; write it so"
    )


def check_hours(untimed: Bools, cells: pd.Series, rows: Bools, found: Findings) -> None:
    """Adds a fault for bars without a time of day among bars with one, or the other way round.

    `untimed` and `rows` (n,) say which of the cells have no time of day, and which rows are bars. Such a bar would
    be dated midnight, before the bars that it may stand after.
    """
    without, with_one = np.flatnonzero(untimed & rows), np.flatnonzero(~untimed & rows)
    if not len(without) or len(with_one) <= FEW * rows.sum():
        return
    fewer = min(without, with_one, key=len)
    has, have = ("no", "one") if fewer is without else ("a", "none")
    first = int(fewer[0])
    found.faults.append(
        f"row {cells.index[first] + 1}: {shown(cells.iloc[first])} has {has} time of day, and other rows have "
        f"{have}{such(len(fewer))}; write it in each row, or delete "
        f"{rows_of([int(row) + 1 for row in cells.index[fewer]])}"
    )


def check_future(days: pd.DatetimeIndex, cells: pd.Series, rows: Bools, found: Findings) -> None:
    """Adds a fault for bars, by `rows` (n,), of a day that is still to come."""
    late = np.flatnonzero(np.asarray(days > present.tomorrow()) & rows)
    if not len(late):
        return
    first = int(late[0])
    named = rows_of([int(row) + 1 for row in cells.index[late]])
    delete = f", or delete {named}" if 2 * len(late) < len(rows) else ""
    cell = f"{shown(cells.iloc[first])}, {days[first]:%Y-%m-%d}"
    found.faults.append(
        f"row {cells.index[first] + 1}: the date is {cell}, a day that is still to come{such(len(late))}; "
        f"correct it{delete}"
    )


def goes_back(index: pd.DatetimeIndex) -> str | None:
    """The sentence on times (n,) in the order of the table that go back within most days; None if they do not.

    That is no matter of sorting: 01:30 stands after 12:30, because it is 13:30.
    """
    if index.is_monotonic_increasing or index.is_monotonic_decreasing:
        return None
    days = index.normalize()
    step = np.diff(index.to_numpy()) / np.timedelta64(1, "s")
    step[days[1:] != days[:-1]] = 0.0
    if (step < 0.0).sum() > (step > 0.0).sum():  # the newest row first
        return goes_back(index[::-1]) if (step > 0.0).any() else None
    back = np.flatnonzero(step < 0.0)
    of_half = bool(index.hour.isin(range(1, 13)).all())  # no hour is 0 or above 12
    several = int((days.value_counts() > 1).sum())
    least = 1 if of_half and (index.hour[back] == 12).any() else 2
    if not len(back) or _most_alike(index[back + 1]) < max(least, several / 2):
        return None
    before, after = index[back[0]], index[back[0] + 1]
    why = (
        "on a clock of 12 hours without AM and PM; write AM or PM behind each time, or the hours from 0 to 23"
        if of_half
        else "where the evening before is dated as the day; write for each row the day on which it was"
    )  # fmt: skip
    return (
        f"{after:%Y-%m-%d}: {after:%H:%M} stands after {before:%H:%M}, and the times go back within most days at "
        f"this hour, as {why}"
    )


def is_of_half(times: pd.DatetimeIndex) -> bool:
    """Whether times (n,) look as those of a clock of 12 hours: from 12 over 1 on, and none at 0 or after 12.

    A clock of 24 hours shows 12 and what follows on 12 in the small hours, and nothing between, for no market.
    """
    hours = set(times.hour)
    return 12 in hours and not hours.isdisjoint((1, 2, 3)) and hours <= set(range(1, 13))


def _most_alike(times: pd.DatetimeIndex) -> int:
    """On how many days the commonest of some times of day is."""
    hours = pd.DataFrame({"day": times.normalize(), "hour": times - times.normalize()}).drop_duplicates()
    return int(hours["hour"].value_counts().max()) if len(hours) else 0
