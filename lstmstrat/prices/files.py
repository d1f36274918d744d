"""Prices from a CSV or Parquet file of the user."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lstmstrat.errors import DataError, did_you_mean
from lstmstrat.prices.table import DATE, raw_bars, read_csv

SUFFIXES = (".csv", ".gz", ".zip", ".parquet")  # names with these may be suggested for a missing file


def read_csv_file(path: Path) -> pd.DataFrame:
    """Raw bars of a CSV file, which may be compressed (.gz, .zip ...). Columns as in `raw_bars`.

    Raises
    ------
    DataError
        The file does not exist or is not a table, or `raw_bars` raises.
    """
    return raw_bars(read_csv(_existing(path), str(path)), str(path))


def read_parquet_file(path: Path) -> pd.DataFrame:
    """Raw bars of a Parquet file, with the date in a column or in the index. Columns as in `raw_bars`.

    Raises
    ------
    DataError
        pyarrow is not installed, the file does not exist or is not Parquet, or `raw_bars` raises.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise DataError(f'{path}: to read Parquet, pip install "lstmstrat[parquet]"; or use source: csv') from None
    try:
        table = pd.read_parquet(_existing(path), engine="pyarrow")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a Parquet file that can be read: {error}") from None
    if DATE not in [str(column).strip().lower() for column in table.columns]:
        table = table.rename_axis(index=DATE).reset_index()
    return raw_bars(table, str(path))


def _existing(path: Path) -> Path:
    """`path`, which must be a file."""
    if path.is_file():
        return path
    if not path.parent.is_dir():
        raise DataError(f"no price file {path}: there is no folder {path.parent.absolute()}")
    names = [p.name for p in path.parent.iterdir() if p.suffix in (path.suffix, *SUFFIXES)]
    raise DataError(f"no price file {path} in {path.parent.absolute()}{did_you_mean(path.name, names)}")
