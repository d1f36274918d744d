"""`Prices`, and how they are made: read from a source, checked and adjusted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats, Times
from lstmstrat.config.data import DataConfig, ExtraConfig, PeerConfig, SourceConfig
from lstmstrat.errors import DataError
from lstmstrat.prices import acceptance, bundled, files, yahoo
from lstmstrat.prices.adjust import adjusted
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.prices.cells import Table, of_frame
from lstmstrat.prices.check import ADJUSTED_CLOSE, IN_A_FILE, IN_A_FRAME, Cure, check, day
from lstmstrat.prices.extra import read_column
from lstmstrat.prices.faults import Fault, find_faults
from lstmstrat.prices.findings import Column, Hints
from lstmstrat.prices.join import joined
from lstmstrat.prices.kept import UNKNOWN, Network, Vendor
from lstmstrat.prices.outside import NOTHING, Outside
from lstmstrat.prices.revision import revision
from lstmstrat.prices.table import Raw, read_bars

E = TypeVar("E", ExtraConfig, PeerConfig)
T = TypeVar("T")


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

    def __post_init__(self) -> None:
        check(self.frame, f"{self.symbol} ({self.source})")
        if tuple(self.frame.columns) != COLUMNS:
            raise DataError(f"{self.symbol} ({self.source}): {ADJUSTED_CLOSE} is left; pass adjusted bars")

    def __reduce__(self) -> tuple[type[Prices], tuple[object, ...]]:
        """Without the arrays below, which are made again where they are needed."""
        parts = self.symbol, self.source, self.frame, self.notices, self.vendor, self.outside
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
        return _made(symbol, "frame", read_bars(of_frame(frame, title), hints), title, IN_A_FRAME)

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
        """What cannot be true in the bars, or is worth a look; see `faults.find_faults`."""
        return find_faults(self.times, self.bars)

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the times and the bars, and of what is `outside`; the same on every machine."""
        times = self.times.astype("<M8[ns]").tobytes()
        return hashlib.sha256(times + self.bars.astype("<f8").tobytes() + self.outside.digest).hexdigest()


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.view()
    array.flags.writeable = False
    return array


def load(data: DataConfig, *, offline: bool = False, refresh: bool = False) -> Prices:
    """The prices that `data` asks for, from `data.start` to `data.end`, both days included.

    A file that does not reach from start to end is an error; Yahoo may lack the first days (a holiday) and the
    last (not traded yet). A relative `data.path` starts at the current directory.

    Parameters
    ----------
    data
        Symbol, source and dates, and what is done about prices that cannot be true.
    offline
        Never use the network: of ``source: yahoo`` the newest download that is kept and reaches from start to end.
    refresh
        Download anew, and say in a notice which bars changed. By default a download is used again: for good if
        `data.end` was over, else on the same day.

    Raises
    ------
    DataError
        The source cannot give them, or `Prices` or ``faults: refuse`` refuses them.

    Examples
    --------
    >>> import lstmstrat
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2012-01-03"))
    >>> len(prices.frame), list(prices.frame.columns)
    (291, ['open', 'high', 'low', 'close', 'volume'])
    """
    network = Network.NEVER if offline else Network.DAILY
    prices = _refreshed(data, offline) if refresh else _loaded(data, network)
    if not (data.extra or data.peers):
        return prices
    peer_network = Network.NOW if refresh else network
    peers = [(peer, _of_entry(peer, lambda one: _loaded(one, peer_network))) for peer in data.peers]
    extra = [(one, _of_entry(one, read_column)) for one in data.extra]
    outside, notices = joined(prices.times, extra, peers)
    return replace(prices, outside=outside, notices=(*prices.notices, *notices))


def _of_entry(entry: E, read: Callable[[E], T]) -> T:
    """What is read for an entry of ``data.extra`` or ``data.peers``, which an error names."""
    try:
        return read(entry)
    except DataError as error:
        raise DataError(f"{entry.entry}: {error}") from None


def _refreshed(data: DataConfig, offline: bool) -> Prices:
    """The prices, downloaded anew, with notices on what changed since they were last kept."""
    if offline:
        raise DataError("--refresh is a download, which --offline forbids; take one of the two out")
    if not SOURCES[data.source].network:
        raise DataError(f"--refresh is only for source: yahoo, not {data.source}; take it out")
    try:
        old = _loaded(data, Network.NEVER)
    except DataError:  # nothing is kept, or nothing that can be used
        old = None
    new = _loaded(data, Network.NOW)
    told = ["refreshed; there was no download to compare with"] if old is None else revision(old, new)
    return replace(new, notices=(*new.notices, *told))


def _loaded(data: SourceConfig, network: Network) -> Prices:
    """The prices of an asset or of a peer."""
    bars, vendor = _read_source(data, network)
    cure = yahoo.cure(data) if SOURCES[data.source].network else IN_A_FILE
    prices = _made(data.symbol, data.source, bars, _title(data), Cure(cure, data.entry))
    return _plausible(replace(prices, vendor=vendor), data)


def _made(symbol: str, source: str, bars: Raw, title: str, cure: Cure) -> Prices:
    """Raw bars, checked and adjusted."""
    raw, notices = bars
    check(raw, title, cure)
    if ADJUSTED_CLOSE not in raw:
        notices = (*notices, _unadjusted_notice(raw["close"]))
    return Prices(symbol, source, adjusted(raw), notices)


def _plausible(prices: Prices, data: SourceConfig) -> Prices:
    """The prices as ``faults:`` wants them, with the notices about it."""
    faults = acceptance.marked(prices.faults, data)
    left_out = acceptance.dropped(faults) if data.faults == "drop" else []
    if data.faults == "refuse":
        acceptance.refuse(faults, _title(data))
    notices = acceptance.notices(faults, left_out, data)
    if not notices:
        return prices
    frame = prices.frame.drop(prices.frame.index[[fault.bar for fault in left_out]])
    return replace(prices, frame=frame, notices=(*prices.notices, *notices))


@dataclass(frozen=True)
class Source:
    """What reads a ``source:``. One that needs a network selects the dates itself."""

    read: Callable[[SourceConfig, Network], tuple[Raw, Vendor]]
    network: bool = False


SOURCES = {
    "bundled": Source(lambda data, _: (bundled.read(data.symbol), UNKNOWN)),
    "csv": Source(lambda data, _: (_in_file(data, files.read_csv_file(_path(data), _hints(data))), UNKNOWN)),
    "parquet": Source(lambda data, _: (_in_file(data, files.read_parquet_file(_path(data))), UNKNOWN)),
    "yahoo": Source(lambda data, network: yahoo.read(data, network), network=True),
}
"""The source of each name."""


def _read_source(data: SourceConfig, network: Network) -> tuple[Raw, Vendor]:
    source = SOURCES[data.source]
    (raw, notices), vendor = source.read(data, network)
    if not source.network:
        _check_dates(raw.index, data)
    return (_select_dates(raw, data), notices), vendor


def _in_file(data: SourceConfig, table: Table) -> Raw:
    return read_bars(table, _hints(data))


def _hints(data: SourceConfig) -> Hints:
    return Hints(data.symbol, data.columns, data.date_format, data.time_zone, data.decimal, data.entry)


def _path(data: SourceConfig) -> Path:
    path = Path(data.path or "")
    try:
        return path.expanduser()
    except RuntimeError:  # ~name of nobody
        return path


def _title(data: SourceConfig) -> str:
    """What a message on the prices begins with: the file, or the symbol and its source."""
    return str(_path(data)) if data.path else f"{data.symbol} ({data.source})"


def _check_dates(index: pd.Index, data: SourceConfig) -> None:
    """Raises where `data.start` or `data.end` is outside the dates of the source."""
    if index.empty:
        raise DataError(f"{_title(data)}: there is no row below the heading")
    first, last = index.min().date(), index.max().date()
    for key, date in (("start", data.start), ("end", data.end)):
        if date and not first <= date <= last:
            raise DataError(
                f"{_title(data)}: {key}: {date} is outside the data, which run from {first} to "
                f"{last}; write {key}: {first if key == 'start' else last}, or take {key}: out to use all there is"
            )


def _select_dates(raw: pd.DataFrame, data: SourceConfig) -> pd.DataFrame:
    days = pd.DatetimeIndex(raw.index).normalize()
    inside = np.ones(len(raw), dtype=bool)
    if data.start:
        inside &= days >= pd.Timestamp(data.start)
    if data.end:
        inside &= days <= pd.Timestamp(data.end)
    return raw[inside]


def _unadjusted_notice(close: pd.Series) -> str:
    change = close.pct_change().to_numpy()[1:]  # (n - 1,)
    largest = int(np.abs(change).argmax())
    return (
        "there is no Adj Close: prices are taken as adjusted for splits and dividends already "
        f"(largest change of close in one bar: {change[largest]:+.1%} on {day(close.index[largest + 1])})"
    )
