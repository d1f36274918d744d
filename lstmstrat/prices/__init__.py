"""Prices: bundled, from Yahoo, from CSV and Parquet files, checked and adjusted once -> `Prices`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lstmstrat.config import DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices import _bundled, _files, _yahoo
from lstmstrat.prices._adjust import adjusted
from lstmstrat.prices._check import ADJUSTED_CLOSE, COLUMNS, check, day

__all__ = ["Prices", "load"]


@dataclass(frozen=True, eq=False)
class Prices:
    """Bars fit to be computed with; cannot be built from others (see `_check.check`).

    Attributes
    ----------
    symbol, source
        As in the config: ``source`` is bundled, yahoo, csv or parquet.
    frame
        (n, 5) float64: open, high, low, close, adjusted for splits and dividends, and volume, adjusted for
        splits where they are known. Index: naive, ascending, the date of the bar at its exchange.
    notices
        Sentences on the data that the report must show.

    Raises
    ------
    DataError
        Every kind of fault in `frame`, each with its first row.
    """

    symbol: str
    source: str
    frame: pd.DataFrame
    notices: tuple[str, ...]

    def __post_init__(self) -> None:
        check(self.frame, f"{self.symbol} ({self.source})")
        if tuple(self.frame.columns) != COLUMNS:
            raise DataError(f"{self.symbol} ({self.source}): {ADJUSTED_CLOSE} is left; pass adjusted bars")

    @property
    def times(self) -> np.ndarray:
        """(n,) datetime64[ns]."""
        return self.frame.index.to_numpy().astype("datetime64[ns]")

    @property
    def bars(self) -> np.ndarray:
        """(n, 5) float64, C-contiguous: open, high, low, close, volume; a copy."""
        return np.array(self.frame.to_numpy(), dtype=np.float64, order="C")

    @property
    def sha256(self) -> str:
        """Hex digest of the times and the bars; the same on every machine."""
        times = self.times.astype("<M8[ns]").tobytes()
        return hashlib.sha256(times + self.bars.astype("<f8").tobytes()).hexdigest()


def load(data: DataConfig, *, offline: bool = False) -> Prices:
    """The prices that `data` asks for, from `data.start` to `data.end`, both days included.

    A file that does not reach from start to end is an error; Yahoo may lack the first days (a holiday) and the
    last (not traded yet). A relative `data.path` starts at the current directory.

    Raises
    ------
    DataError
        The source cannot give them (with `offline`, Yahoo never can), or `Prices` refuses them.
    """
    raw, notices = _raw(data, offline)
    raw = _cut(raw, data)
    check(raw, f"{data.symbol} ({data.source})")
    if ADJUSTED_CLOSE not in raw:
        notices = (*notices, _unadjusted(raw["close"]))
    return Prices(data.symbol, data.source, adjusted(raw), notices)


def _raw(data: DataConfig, offline: bool) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if data.source == "yahoo":
        if offline:
            raise DataError(f"{data.symbol}: --offline forbids source: yahoo, a download\n  {_yahoo.INSTEAD}")
        return _yahoo.download(data)
    if data.source == "bundled":
        raw, notices = _bundled.read(data.symbol)
    else:
        read = _files.read_csv_file if data.source == "csv" else _files.read_parquet_file
        raw, notices = read(Path(data.path or "").expanduser()), ()
    _covers(raw.index, data)
    return raw, notices


def _covers(index: pd.Index, data: DataConfig) -> None:
    if index.empty:
        raise DataError(f"{data.symbol} ({data.source}): there is no row below the heading")
    first, last = index.min().date(), index.max().date()
    for key, asked in (("start", data.start), ("end", data.end)):
        if asked and not first <= asked <= last:
            raise DataError(
                f"{data.symbol} ({data.source}): {key}: {asked} is outside the data, which run from {first} to "
                f"{last}; write {key}: {first if key == 'start' else last}, or take {key}: out to use all there is"
            )


def _cut(raw: pd.DataFrame, data: DataConfig) -> pd.DataFrame:
    days = pd.DatetimeIndex(raw.index).normalize()
    keep = np.ones(len(raw), dtype=bool)
    if data.start:
        keep &= days >= pd.Timestamp(data.start)
    if data.end:
        keep &= days <= pd.Timestamp(data.end)
    return raw[keep]


def _unadjusted(close: pd.Series) -> str:
    change = close.pct_change().to_numpy()[1:]  # (n - 1,)
    largest = int(np.abs(change).argmax())
    return (
        "there is no Adj Close: prices are taken as adjusted for splits and dividends already "
        f"(largest change of close in one bar: {change[largest]:+.1%} on {day(close.index[largest + 1])})"
    )
