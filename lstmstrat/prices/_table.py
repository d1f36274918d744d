"""From a table as a vendor writes it to raw bars: find the columns, read the dates, read the numbers."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from lstmstrat.errors import DataError, did_you_mean
from lstmstrat.prices._check import ADJUSTED_CLOSE, COLUMNS

DATE = "date"
# One name a column, whatever the case and the spaces. "Adjusted Close" is what several vendors call it; to
# overlook it would be to take raw prices for adjusted ones.
NAMES = {name: name for name in (DATE, *COLUMNS)} | {"adjclose": ADJUSTED_CLOSE, "adjustedclose": ADJUSTED_CLOSE}

OFFSET = r"(?<=:\d\d)((?:\.\d+)?)\s*(?:Z|UTC|[+-]\d\d:?\d\d)$"


def read_csv(source: Path | IO[bytes], who: str) -> pd.DataFrame:
    """The cells of a comma-separated file as text, NaN where empty; columns as the first line names them."""
    try:
        # The first line is read as a row, so that pandas neither renames a column given twice nor takes the
        # first column for an index when the rows are longer than the heading.
        table = pd.read_csv(source, header=None, dtype=str, encoding="utf-8-sig", skipinitialspace=True)
    except UnicodeDecodeError:
        raise DataError(f"{who}: not a text file; is it source: parquet?") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{who}: not a comma-separated table: {error}") from None
    return table[1:].set_axis(table.iloc[0], axis="columns").reset_index(drop=True)


def raw_bars(table: pd.DataFrame, who: str) -> pd.DataFrame:
    """`table` as bars: a naive DatetimeIndex and float64 columns open, high, low, close, volume [, adj close].

    Columns are found in any order and case, with or without spaces, dots, dashes and underscores; others are
    left out. The bars keep the order of the table and are not checked: that is `check`.

    Raises
    ------
    DataError
        A column is missing or there twice; a cell is no date or no number (the message names its row).
    """
    chosen = _choose(table, who)
    times = _times(chosen[DATE], who)
    names = [name for name in (*COLUMNS, ADJUSTED_CLOSE) if name in chosen]
    return pd.DataFrame({name: _numbers(chosen[name], times, name, who) for name in names}, index=times)


def _choose(table: pd.DataFrame, who: str) -> pd.DataFrame:
    keys = [re.sub(r"[\s._-]+", "", str(column).lower()) for column in table.columns]
    known = [NAMES[key] for key in keys if key in NAMES]
    missing = [name for name in (DATE, *COLUMNS) if name not in known]
    if missing:
        unused = [key for key in keys if key not in NAMES]
        lines = [f"no column {name}{did_you_mean(name, unused)}" for name in missing]
        raise DataError("\n  ".join([f"{who}: expected the columns date, {', '.join(COLUMNS)}", *lines]))
    for name in known:
        if known.count(name) > 1:
            raise DataError(f"{who}: more than one column is called {name}; keep one of them")
    return table.loc[:, [key in NAMES for key in keys]].set_axis(known, axis="columns")


def _times(column: pd.Series, who: str) -> pd.DatetimeIndex:
    """Dates without a time zone: the clock of the exchange, as the table writes it.

    An offset or zone is dropped and the local clock kept, never converted: 2024-01-02 00:00+09:00 is the bar of
    2 January, though it is still the 1st in London. The time of day is dropped too where no date has two bars.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if not pd.api.types.is_datetime64_dtype(column.dtype):
        text = column.astype(str).str.strip().str.replace(OFFSET, r"\1", regex=True)
        column = _known(pd.to_datetime(text, format="ISO8601", errors="coerce"), column, who)
    times = pd.DatetimeIndex(column, name=DATE)
    return times.normalize() if times.normalize().is_unique else times


def _known(times: pd.Series, written: pd.Series, who: str) -> pd.Series:
    lost = np.flatnonzero(times.isna())
    if lost.size:
        raise DataError(
            f"{who}: row {lost[0] + 1}: the date is {written.iloc[lost[0]]!r}, expected the form 2024-01-31 "
            "(01/02/2024 is two dates: January in New York, February in London)"
        )
    return times


def _numbers(column: pd.Series, times: pd.DatetimeIndex, name: str, who: str) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce")
    lost = np.flatnonzero(values.isna() & column.notna())
    if lost.size:
        row = lost[0]
        raise DataError(
            f"{who}: row {row + 1}, {times[row]:%Y-%m-%d}: {name} is {column.iloc[row]!r}, "
            "expected a number such as 1234.5"
        )
    return values.to_numpy(np.float64, na_value=np.nan)  # (n,)
