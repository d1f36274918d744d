"""A vendor's table to raw bars: find the columns, read the dates, read the numbers."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from lstmstrat.errors import DataError, did_you_mean
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.prices.check import ADJUSTED_CLOSE

DATE = "date"
# Column names in lower case, without spaces, and the names that replace them. Several vendors write "Adjusted
# Close"; if that name were missing here, their raw prices would be taken as adjusted.
NAMES = {name: name for name in (DATE, *COLUMNS)} | {"adjclose": ADJUSTED_CLOSE, "adjustedclose": ADJUSTED_CLOSE}

# A UTC offset or zone at the end of a time, after the seconds and their fraction (the group).
OFFSET = r"(?<=:\d\d)((?:\.\d+)?)\s*(?:Z|UTC|[+-]\d\d:?\d\d)$"


def read_csv(source: Path | IO[bytes], title: str) -> pd.DataFrame:
    """The cells of a comma-separated file as text, NaN where empty; the first line gives the column names.

    Raises
    ------
    DataError
        The file cannot be read or is not a table; the message begins with `title`.
    """
    try:
        # The first line is read as a row, so that pandas neither renames a column given twice nor takes the
        # first column for an index when the rows are longer than the heading.
        table = pd.read_csv(source, header=None, dtype=str, encoding="utf-8-sig", skipinitialspace=True)
    except UnicodeDecodeError:
        raise DataError(f"{title}: not a text file; is it source: parquet?") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{title}: not a comma-separated table: {error}") from None
    return table[1:].set_axis(table.iloc[0], axis="columns").reset_index(drop=True)


def raw_bars(table: pd.DataFrame, title: str) -> pd.DataFrame:
    """`table` as bars: a naive DatetimeIndex and float64 columns open, high, low, close, volume [, adj close].

    Columns may have any order and case, with or without spaces, dots, dashes and underscores; other columns are
    left out. The bars keep the order of the table and are not checked here; see `check`.

    Raises
    ------
    DataError
        A column is missing or occurs twice; a cell is not a date or not a number (the message names its row). The
        message begins with `title`.
    """
    columns = _select_columns(table, title)
    times = _times(columns[DATE], title)
    names = [name for name in (*COLUMNS, ADJUSTED_CLOSE) if name in columns]
    return pd.DataFrame({name: _numbers(columns[name], times, name, title) for name in names}, index=times)


def _select_columns(table: pd.DataFrame, title: str) -> pd.DataFrame:
    """The columns that `NAMES` knows, under the names that it gives them."""
    keys = [re.sub(r"[\s._-]+", "", str(column).lower()) for column in table.columns]
    names = [NAMES[key] for key in keys if key in NAMES]
    missing = [name for name in (DATE, *COLUMNS) if name not in names]
    if missing:
        other_keys = [key for key in keys if key not in NAMES]
        lines = [f"no column {name}{did_you_mean(name, other_keys)}" for name in missing]
        raise DataError("\n  ".join([f"{title}: expected the columns date, {', '.join(COLUMNS)}", *lines]))
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{title}: more than one column is called {name}; keep one of them")
    return table.loc[:, [key in NAMES for key in keys]].set_axis(names, axis="columns")


def _times(column: pd.Series, title: str) -> pd.DatetimeIndex:
    """Dates without a time zone, in the local time of the exchange, as in the table.

    An offset or zone is dropped, never converted: 2024-01-02 00:00+09:00 is the bar of 2 January, although it is
    still 1 January in London. The time of day is dropped too where no date has two bars.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if not pd.api.types.is_datetime64_dtype(column.dtype):
        text = column.astype(str).str.strip().str.replace(OFFSET, r"\1", regex=True)
        column = _require_dates(pd.to_datetime(text, format="ISO8601", errors="coerce"), column, title)
    times = pd.DatetimeIndex(column, name=DATE)
    return times.normalize() if times.normalize().is_unique else times


def _require_dates(times: pd.Series, cells: pd.Series, title: str) -> pd.Series:
    """`times`, which must have a date in every row; `cells` holds their text."""
    rows = np.flatnonzero(times.isna())
    if rows.size:
        raise DataError(
            f"{title}: row {rows[0] + 1}: the date is {cells.iloc[rows[0]]!r}, expected the form 2024-01-31 "
            "(01/02/2024 is two dates: January in New York, February in London)"
        )
    return times


def _numbers(column: pd.Series, times: pd.DatetimeIndex, name: str, title: str) -> np.ndarray:
    """The cells of column `name` as numbers (n,), NaN where empty."""
    values = pd.to_numeric(column, errors="coerce")
    rows = np.flatnonzero(values.isna() & column.notna())
    if rows.size:
        row = rows[0]
        raise DataError(
            f"{title}: row {row + 1}, {times[row]:%Y-%m-%d}: {name} is {column.iloc[row]!r}, "
            "expected a number such as 1234.5"
        )
    return values.to_numpy(np.float64, na_value=np.nan)
