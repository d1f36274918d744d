"""Prices from a CSV or Parquet file of the user."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lstmstrat.errors import DataError, did_you_mean_file
from lstmstrat.prices.cells import Table, of_frame, of_text
from lstmstrat.prices.findings import Hints
from lstmstrat.prices.text import MOST_BYTES, read_text, too_large

SUFFIXES = (".csv", ".gz", ".zip", ".parquet")  # names with these may be suggested for a missing file
PARQUET = b"PAR1"


def read_csv_file(path: Path, hints: Hints) -> Table:
    """The table of a CSV file, which may be compressed (gz, zip ...).

    Raises
    ------
    DataError
        The file does not exist or is not a table.
    """
    return of_text(read_text(_bytes(path), str(path)), str(path), hints)


def read_parquet_file(path: Path) -> Table:
    """The table of a Parquet file, its index among the columns.

    Raises
    ------
    DataError
        pyarrow is not installed, the file does not exist or is not Parquet.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise DataError(f'{path}: to read Parquet, pip install "lstmstrat[parquet]"; or use source: csv') from None
    with _existing(path).open("rb") as file:
        if file.read(len(PARQUET)) != PARQUET:
            raise DataError(f"{path}: not a Parquet file; if it is a table of text, write source: csv")
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except Exception as error:  # pyarrow lets errors of all kinds through
        raise DataError(f"{path}: not a Parquet file that can be read: {_short(error)}") from None
    return of_frame(frame, str(path))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _bytes(path: Path) -> bytes:
    try:
        if _existing(path).stat().st_size > MOST_BYTES:
            raise DataError(too_large(str(path)))
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _existing(path: Path) -> Path:
    """`path`, which must be a file."""
    try:
        if path.is_file():
            return path
        is_folder, in_folder, is_there = path.is_dir(), path.parent.is_dir(), path.exists()
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte
        why = getattr(error, "strerror", None) or error
        raise DataError(f"no file {str(path)[:100]!r}: correct its path, {why}") from None
    if is_folder:
        raise DataError(f"{path} is a folder; write the path of a file in it")
    if is_there:
        raise DataError(
            f"{path} is no file but a pipe or a device; write what comes from it to a file, and its path"
        )
    folder = path.parent.absolute()
    where = "" if path.is_absolute() else ", nor beside the config"
    if not in_folder:
        raise DataError(f"no file {path}: correct its path, there is no folder {folder}{where}")
    names = [p.name for p in path.parent.iterdir() if p.suffix in (path.suffix, *SUFFIXES)]
    raise DataError(f"no file {path} in {folder}{where}: correct its path{did_you_mean_file(path.name, names)}")
