"""The bars of a table in the order of their times, each time once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.prices.cells import Table
from lstmstrat.prices.check import day, value_faults
from lstmstrat.prices.clock import DAYS_APART
from lstmstrat.prices.findings import Findings, Hints, such
from lstmstrat.prices.headings import SYMBOL
from lstmstrat.prices.roles import Roles
from lstmstrat.prices.time_faults import goes_back

LEAST_BARS = 10  # that tell how long bars are
MOST_SECONDS = 0.05  # of daily bars, that are second ones of their day
LONG, SHORT = 6.5 * 86_400, 0.6  # seconds, of weekly bars and longer ones; of the usual gap
NIGHT = 4  # hours: clocks are put back before
MOST_COLUMNS = 100  # that are looked through for one that tells two rows of one time apart


def ordered(
    bars: pd.DataFrame, rows: pd.Index, table: Table, roles: Roles, hints: Hints, found: Findings
) -> pd.DataFrame:
    """The bars from the oldest to the newest, equal rows once; two different bars of one time are a fault.

    `rows` (n,) are the rows of the table that the bars (n, k) come from, from 0.
    """
    if back := goes_back(pd.DatetimeIndex(bars.index)):
        found.faults.append(back)
        return bars
    if not bars.index.is_unique:
        again = bars.reset_index().duplicated().to_numpy()
        if again.any():
            first = day(bars.index[again][0])
            found.notices.append(f"rows given twice left out: {again.sum()} (first: {first})")
        bars, rows = bars[~again], rows[~again]
    twice = np.flatnonzero(bars.index.duplicated())
    if twice.size:
        found.faults += [
            _twice(pd.DatetimeIndex(bars.index), rows, twice, table, roles, hints),
            *(fault.text for fault in value_faults(bars)),
        ]
        return bars
    _running(pd.DatetimeIndex(bars.index), rows, found)
    return by_time(bars, found)


def _running(index: pd.DatetimeIndex, rows: pd.Index, found: Findings) -> None:
    """Adds a fault for a second row of a day among daily bars, or of the last week or month among longer ones.

    That is what vendors give of a day or a week that is not over, beside its row.
    """
    place = np.argsort(index.to_numpy())
    times = index[place]
    days = times.normalize()
    second = np.flatnonzero((days[1:] == days[:-1]) & (times[1:] - times[:-1] < DAYS_APART)) + 1
    if 0 < second.size <= MOST_SECONDS * len(times) and len(times) >= LEAST_BARS:
        at, what = int(second[0]), "a day"
    elif len(times) >= LEAST_BARS and not second.size and _is_short(np.diff(times.to_numpy())):
        at, what = len(times) - 1, "a week or a month"
    else:
        return
    found.faults.append(
        f"{day(times[at])}: stands beside {day(times[at - 1])}{such(second.size)}, in a table of bars of {what}: "
        f"as of one that is not over; delete row {rows[place[at]] + 1} below the heading"
    )


def _is_short(gaps: np.ndarray) -> bool:
    """Whether of gaps (n,) of a week or more the last alone is short."""
    seconds = gaps / np.timedelta64(1, "s")
    usual = float(np.median(seconds))
    return bool(usual >= LONG and seconds[-1] < SHORT * usual <= seconds[:-1].min())


def by_time(bars: pd.DataFrame, found: Findings) -> pd.DataFrame:
    """The rows from the oldest to the newest; a notice says if the table had another order."""
    index = bars.index
    if len(index) > 1 and index.is_monotonic_decreasing:
        found.notices.append("the newest row comes first in the table: its order is turned round")
        return bars[::-1]
    if not index.is_monotonic_increasing:
        row = int(np.flatnonzero(index[1:] < index[:-1])[0]) + 1
        found.notices.append(
            f"the rows are sorted by date: in the table {day(index[row])} stands after {day(index[row - 1])}"
        )
        return bars.sort_index()
    return bars


def _twice(
    index: pd.DatetimeIndex, rows: pd.Index, twice: np.ndarray, table: Table, roles: Roles, hints: Hints
) -> str:
    """The sentence on times that two different bars have, with the likeliest cause."""
    second = int(twice[0])
    first = int(np.flatnonzero(index == index[second])[0])
    fault = f"{day(index[second])}: given twice, with different values{such(twice.size)}"
    if tells := _telling(index, rows, table, roles):
        name, value = tells
        column = hints.write("columns", {**hints.columns, SYMBOL: name})
        return f"{fault}; the column {name!r} tells the rows apart: {column} and {hints.setting('symbol', value)}"
    if hints.time_zone is None and (index[twice].hour < NIGHT).all() and (index != index.normalize()).any():
        zone = hints.write("time_zone", "America/New_York")
        return f"{fault}; if the clocks were put back then, {zone}, or where the exchange is"
    return f"{fault}; keep one of the rows {rows[first] + 1} and {rows[second] + 1} below the heading"


def _telling(index: pd.Index, rows: pd.Index, table: Table, roles: Roles) -> tuple[str, str] | None:
    """The heading of a column of text with which no time is there twice, and its commonest value."""
    used = {*roles.positions.values(), *roles.events.values()}
    others = [k for k, name in enumerate(table.names) if k not in used and len(name) == 1 and name[0]]
    if not others or len(others) > MOST_COLUMNS:
        return None
    cells = table.read(others).iloc[rows]
    for k in others:
        text = cells[k].astype(str).str.strip()
        if (
            text.str.contains(r"[^\W\d_]", regex=True).all()
            and 1 < text.nunique() < len(index) / 2
            and not pd.MultiIndex.from_arrays([index, text]).has_duplicates
        ):
            return table.names[k][0], str(text.value_counts().index[0])
    return None
