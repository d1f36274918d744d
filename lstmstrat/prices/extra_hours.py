"""Whether the rows of extra data have a time of day, and which: dates among them, and a clock of 12 hours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools
from lstmstrat.prices.clock import Clock, are_days
from lstmstrat.prices.findings import Findings, Hints, shown, such
from lstmstrat.prices.headings import DATE
from lstmstrat.prices.time_faults import OF_HALF, is_of_half

MANY = 1.5  # times as many rows of midnight as of any other time of day: then some of them are dates
HALF = r"(?i)\d\s?[ap]\.?\s?m\b"  # AM or PM behind a time of day


def check_hours(
    clock: Clock, has_offsets: bool, cells: pd.DataFrame, lag: str | None, hints: Hints, found: Findings
) -> None:
    """Adds a fault for rows whose time of day is in doubt, where no `lag` of the user says what to do with them.

    `cells` are those of the dates and of the times of day; `has_offsets` says whether some of them have an offset.
    """
    if has_offsets and clock.utc is None and not are_days(clock.local):
        _refuse_dates(clock, cells[DATE], found)
    elif lag is None:
        _check_dates(clock, cells[DATE], hints, found)
        _check_half(clock, cells, hints, found)


def _check_dates(clock: Clock, cells: pd.Series, hints: Hints, found: Findings) -> None:
    """Adds a fault for rows that are dates among rows with a time of day: they are known at different hours."""
    midnight = np.asarray(clock.local == clock.local.normalize())
    if midnight.all():
        return
    dates = clock.untimed | dates_among(clock.local, midnight)
    if dates.any():
        row = int(np.flatnonzero(dates)[0])
        found.faults.append(
            f"row {cells.index[row] + 1}: {shown(cells.iloc[row])} has no time of day, and other rows have "
            f"one{such(int(dates.sum()))}; to use every row a day after its time, {hints.write('lag', '1d')}; to "
            f"use each at its time, and dates from their midnight on, {hints.setting('lag', '0d')}"
        )


def dates_among(local: pd.DatetimeIndex, midnight: Bools) -> Bools:
    """Which rows (n,) at midnight are dates: all, if they are many more than those at any other time of day."""
    hours = pd.Series(local[~midnight] - local[~midnight].normalize()).value_counts()
    dates: Bools = midnight & (midnight.sum() > MANY * hours.max())
    return dates


def _refuse_dates(clock: Clock, cells: pd.Series, found: Findings) -> None:
    """Adds a fault for dates among rows with a time of day and an offset: on which clock are they dates?"""
    row = int(np.flatnonzero(clock.untimed)[0])
    found.faults.append(
        f"row {cells.index[row] + 1}: {shown(cells.iloc[row])} has neither a time of day nor an offset from UTC, "
        f"and other rows have both{such(int(clock.untimed.sum()))}; write both in each row, such as 00:00+00:00, "
        "or in none"
    )


def _check_half(clock: Clock, cells: pd.DataFrame, hints: Hints, found: Findings) -> None:
    """Adds a fault for times of day that look as those of a clock of 12 hours, and do not say which half it is."""
    if clock.utc is not None or hints.date_format is not None or not is_of_half(clock.local):
        return
    if not any(cells[role].astype(str).str.contains(HALF, regex=True).any() for role in cells):
        found.faults.append(
            f"{OF_HALF}; to use every row 12 hours after its time, {hints.write('lag', '12h')}; if its hours are "
            f"those from 0 to 23, {hints.setting('lag', '0d')}"
        )
