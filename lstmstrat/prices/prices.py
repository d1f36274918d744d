"""`Prices`, and how they are made of raw bars: checked and adjusted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats, Times
from lstmstrat.errors import DataError
from lstmstrat.prices.adjust import adjusted
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.prices.cells import of_frame
from lstmstrat.prices.check import ADJUSTED_CLOSE, IN_A_FRAME, Cure, check, day
from lstmstrat.prices.download import UNKNOWN, Vendor
from lstmstrat.prices.factor import factor_faults
from lstmstrat.prices.faults import Fault, find_faults
from lstmstrat.prices.findings import Column, Hints
from lstmstrat.prices.outside import NOTHING, Outside
from lstmstrat.prices.table import Raw, read_bars
from lstmstrat.prices.utc_offset import Offset


@dataclass(frozen=True, eq=False)
class Prices:
    """Checked and adjusted bars; bars that fail `check.check` raise at construction.

    Attributes
    ----------
    symbol, source
        As in the config; ``source`` is bundled, yahoo, csv or parquet, or frame.
    frame
        (n, 5) float64: open, high, low and close, adjusted for splits and dividends; volume, adjusted for the
        splits that are known. The index is naive and ascending: the date of the bar at its exchange.
    notices
        Sentences about the data that the report must show.
    outside
        Extra columns and peers, each row with the time at which it was known.
    vendor
        Currency, time zone and time of the download, where they are known.
    of_factor
        Findings about Adj Close, which the adjusted bars do not show; see `factor.factor_faults`.
    offset
        How far the clock of the times is ahead of UTC, or its abbreviation; None where nothing says it.

    Raises
    ------
    DataError
        The message lists every kind of fault in `frame`, each with its first row.

    Examples
    --------
    Prices of one's own: checked, and refused if they cannot be used. A frame as a vendor gives it, with the names
    and forms of the vendor, is read by `from_frame`.

    >>> import lstmstrat
    >>> import pandas as pd
    >>> rows = {"2024-01-02": [10.0, 11.0, 9.5, 11.0, 500.0], "2024-01-03": [11.0, 12.0, 10.5, 11.5, 400.0]}
    >>> frame = pd.DataFrame.from_dict(rows, "index", columns=["open", "high", "low", "close", "volume"])
    >>> frame.index = pd.DatetimeIndex(frame.index)
    >>> prices = lstmstrat.Prices("MINE", "frame", frame, ())
    >>> prices.bars.shape
    (2, 5)
    """

    symbol: str
    source: str
    frame: pd.DataFrame
    notices: tuple[str, ...]
    vendor: Vendor = UNKNOWN
    outside: Outside = NOTHING
    of_factor: tuple[Fault, ...] = ()
    offset: Offset = None

    def __post_init__(self) -> None:
        check(self.frame, f"{self.symbol} ({self.source})")
        if tuple(self.frame.columns) != COLUMNS:
            raise DataError(f"{self.symbol} ({self.source}): {ADJUSTED_CLOSE} is left; pass adjusted bars")

    def __reduce__(self) -> tuple[type[Prices], tuple[object, ...]]:
        """Without the arrays below, which are made again where they are needed."""
        parts = (
            self.symbol,
            self.source,
            self.frame,
            self.notices,
            self.vendor,
            self.outside,
            self.of_factor,
            self.offset,
        )
        return Prices, parts

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        symbol: str,
        *,
        columns: Mapping[str, Column] | None = None,
        date_format: str | None = None,
        time_zone: str | None = None,
        decimal: str | None = None,
    ) -> Prices:
        """The prices in a frame, as pandas, yfinance or a vendor's library gives it; by the rules for files.

        Parameters
        ----------
        frame
            Dates as index or in a column; open, high, low, close and, if there are any, volume and adjusted close,
            under the names that vendors use. The frame is not changed.
        symbol
            What the asset is called; of a frame of several symbols the one that is taken.
        columns, date_format, time_zone, decimal
            As in `DataConfig`, for a frame that can be read in two ways.

        Raises
        ------
        DataError
            The frame is no table of prices, or can be read in two ways; the message lists all that is wrong, and
            the argument that says which.

        Examples
        --------
        >>> import lstmstrat
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"Open": [1.0, 2.0], "High": 2.5, "Low": 0.5, "Close": [2.0, 1.0]})
        >>> frame.index = pd.DatetimeIndex(["2024-01-02", "2024-01-03"], tz="America/New_York")
        >>> lstmstrat.Prices.from_frame(frame, "MINE").frame["close"].tolist()
        [2.0, 1.0]
        """
        if not isinstance(frame, pd.DataFrame):
            other = "; pass frame.to_pandas()" if hasattr(frame, "to_pandas") else ""
            kind = f"{type(frame).__module__}.{type(frame).__qualname__}".removeprefix("builtins.")
            raise DataError(f"{symbol}: {kind} given, expected a DataFrame of pandas{other}")
        hints = Hints(symbol, columns or {}, date_format, time_zone, decimal, in_config=False)
        title = f"{symbol} (frame)"
        bars, offset = read_bars(of_frame(frame, title), hints)
        return replace(made(symbol, "frame", bars, title, IN_A_FRAME), offset=offset)

    @cached_property
    def times(self) -> Times:
        """(n,) datetime64[ns]; read-only."""
        return _read_only(self.frame.index.to_numpy().astype("datetime64[ns]"))

    @cached_property
    def bars(self) -> Floats:
        """(n, 5) float64, C-contiguous: open, high, low, close, volume; read-only."""
        return _read_only(np.array(self.frame.to_numpy(), dtype=np.float64, order="C"))

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """What cannot be true in the bars or in their adjustment, or is worth a look; in the order of time."""
        bars = [int(np.searchsorted(self.times, np.datetime64(fault.date))) for fault in self.of_factor]
        begun = [  # before the bars that are left, or among them
            replace(fault, bar=bar)
            for fault, bar in zip(self.of_factor, bars, strict=True)
            if bar < len(self.times)
        ]
        return tuple(sorted([*find_faults(self.times, self.bars), *begun], key=lambda fault: fault.bar))

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the times and the bars, and of what is `outside`; the same on every machine."""
        times = self.times.astype("<M8[ns]").tobytes()
        return hashlib.sha256(times + self.bars.astype("<f8").tobytes() + self.outside.digest).hexdigest()


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.view()
    array.flags.writeable = False
    return array


def made(symbol: str, source: str, bars: Raw, title: str, cure: Cure) -> Prices:
    """The prices of raw bars: checked, and adjusted.

    Raises
    ------
    DataError
        The bars cannot be used; the message begins with `title` and ends with `cure`.
    """
    raw, notices = bars
    check(raw, title, cure)
    if ADJUSTED_CLOSE not in raw:
        notices = (*notices, _unadjusted_notice(raw["close"]))
    return Prices(symbol, source, adjusted(raw), notices, of_factor=tuple(factor_faults(raw)))


def _unadjusted_notice(close: pd.Series) -> str:
    change = close.pct_change().to_numpy()[1:]  # (n - 1,)
    largest = int(np.abs(change).argmax())
    return (
        "there is no Adj Close: prices are taken as adjusted for splits and dividends already "
        f"(largest change of close in one bar: {change[largest]:+.1%} on {day(close.index[largest + 1])})"
    )
