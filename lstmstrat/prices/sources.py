"""`load`: the prices that a config asks for, read from their source, with what comes from outside of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import numpy as np
import pandas as pd

from lstmstrat.config.data import DataConfig, ExtraConfig, PeerConfig, SourceConfig
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, DataError
from lstmstrat.prices import acceptance, bundled, files, yahoo
from lstmstrat.prices.cells import Table
from lstmstrat.prices.check import IN_A_FILE, Cure
from lstmstrat.prices.download import UNKNOWN, Vendor
from lstmstrat.prices.extra import read_column
from lstmstrat.prices.findings import Hints
from lstmstrat.prices.join import joined
from lstmstrat.prices.kept import Network
from lstmstrat.prices.prices import Prices, made
from lstmstrat.prices.revision import revision
from lstmstrat.prices.table import Raw, read_bars
from lstmstrat.prices.utc_offset import Offset, UtcOffset

E = TypeVar("E", ExtraConfig, PeerConfig)
T = TypeVar("T")


def load(data: DataConfig | Mapping[str, Any], *, offline: bool = False, refresh: bool = False) -> Prices:
    """The prices that `data` asks for, from `data.start` to `data.end`, both days included.

    A file that does not reach from start to end is an error; Yahoo may lack the first days (a holiday) and the
    last (not traded yet). A relative `data.path` starts at the current directory.

    Parameters
    ----------
    data
        Symbol, source and dates, and what is done about prices that cannot be true; a dict of the keys too.
    offline
        Never use the network: of ``source: yahoo`` the newest download that is kept and reaches from start to end.
    refresh
        Download anew, and say in a notice which bars changed. By default a download is used again: for good if
        `data.end` was over, else on the same day.

    Raises
    ------
    ConfigError
        `data` has mistakes: a sentence for each.
    DataError
        The source cannot give them, or `Prices` or ``faults: refuse`` refuses them.

    Examples
    --------
    >>> import lstmstrat
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2012-01-03"))
    >>> len(prices.frame), list(prices.frame.columns)
    (291, ['open', 'high', 'low', 'close', 'volume'])
    """
    data = as_config(data)
    if data.universe is not None:
        raise ConfigError("data.universe: these are many assets; lstmstrat.load_panel reads them")
    prices = _refreshed(data, offline) if refresh else _loaded(data, _network(offline))
    return _with_outside(prices, data, offline, refresh)


def as_config(data: object) -> DataConfig:
    """The section ``data:``, or a dict of its keys, as a `DataConfig`."""
    if isinstance(data, DataConfig):
        return data
    if isinstance(data, Mapping):
        return validated(DataConfig, data, "the prices cannot be loaded:")
    raise ConfigError(
        f"{data!r:.60} given, expected a DataConfig or a dict of its keys, such as "
        'load_prices({"symbol": "AAPL"})'
    )


def _network(offline: bool) -> Network:
    return Network.NEVER if offline else Network.DAILY


def handed_over(
    prices: Prices | pd.DataFrame, data: DataConfig, *, offline: bool = False, refresh: bool = False
) -> tuple[DataConfig, Prices]:
    """Prices from Python in place of those of a source, and `data` without what it says of its source.

    Its dates, its findings, and what comes from outside of the prices count as they do for a file; `offline` and
    `refresh` are about peers. A frame has the symbol of `data` if one was given there, else "the asset".

    Raises
    ------
    DataError
        They cannot be used as prices; the message says what to change.
    """
    prices = as_prices(prices, data)
    data = DataConfig(symbol=prices.symbol, source=FRAME, **{key: getattr(data, key) for key in NOT_OF_SOURCE})
    if data.start or data.end:
        _check_dates(prices.frame.index, data)
        prices = replace(prices, frame=_select_dates(prices.frame, data))
    return data, _with_outside(_plausible(prices, data), data, offline, refresh)


def as_prices(prices: Prices | pd.DataFrame, data: DataConfig) -> Prices:
    """`Prices`, made of a frame if it is one; see `handed_over`."""
    if isinstance(prices, Prices):
        return prices
    symbol = data.symbol if "symbol" in data.model_fields_set else UNNAMED
    try:
        return Prices.from_frame(prices, symbol)
    except DataError as error:
        argument = re.search(r"\bpass (columns|date_format|time_zone|decimal|symbol)=", str(error))
        if argument is None:
            raise
        called = "" if argument[1] == "symbol" else f"{symbol!r}, "
        raise DataError(
            f"{error}\n  Make prices of the frame with this argument, and hand them over: "
            f"prices=lstmstrat.Prices.from_frame(frame, {called}{argument[1]}=...)"
        ) from None


FRAME: Final = "frame"
UNNAMED = "the asset"  # so that a sentence can say "holding the asset"
NOT_OF_SOURCE = ("start", "end", "faults", "accepted", "extra", "peers")
"""The keys of ``data:`` that count for prices from Python too."""


def _with_outside(prices: Prices, data: DataConfig, offline: bool, refresh: bool) -> Prices:
    """The prices, with the columns and peers of `data` if it has any."""
    if not (data.extra or data.peers):
        return prices
    peer_network = Network.NOW if refresh else _network(offline)
    peers = [(peer, _of_entry(peer, lambda one: _loaded(one, peer_network))) for peer in data.peers]
    extra = [(one, _of_entry(one, read_column)) for one in data.extra]
    outside, notices = joined(prices, extra, peers)
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
    bars, vendor, offset = read_source(data, network)
    cure = yahoo.cure(data) if SOURCES[data.source].network else IN_A_FILE
    prices = made(data.symbol, data.source, bars, _title(data), Cure(cure, data.entry))
    return _plausible(replace(prices, vendor=vendor, offset=offset), data)


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

    read: Callable[[SourceConfig, Network], tuple[Raw, Vendor, Offset]]
    network: bool = False


SOURCES = {
    "bundled": Source(lambda data, _: _of_zone(bundled.read(data.symbol), UNKNOWN, bundled.TIME_ZONE)),
    "csv": Source(lambda data, _: _in_file(data, files.read_csv_file(_path(data), _hints(data)))),
    "parquet": Source(lambda data, _: _in_file(data, files.read_parquet_file(_path(data)))),
    FRAME: Source(lambda data, _: _not_here(data)),
    "yahoo": Source(lambda data, network: _download(data, network), network=True),
}
"""The source of each name."""


def read_source(data: SourceConfig, network: Network) -> tuple[Raw, Vendor, Offset]:
    """Raw bars of one asset with their notices, what the vendor says of them, and their clock."""
    source = SOURCES[data.source]
    (raw, notices), vendor, offset = source.read(data, network)
    if not source.network:
        _check_dates(raw.index, data)
    return (_select_dates(raw, data), notices), vendor, offset


def _of_zone(raw: Raw, vendor: Vendor, zone: str | None) -> tuple[Raw, Vendor, Offset]:
    return raw, vendor, None if zone is None else UtcOffset.of_zone(zone, pd.DatetimeIndex(raw[0].index))


def _download(data: SourceConfig, network: Network) -> tuple[Raw, Vendor, Offset]:
    raw, vendor = yahoo.read(data, network)
    return _of_zone(raw, vendor, vendor.time_zone)


def _not_here(data: SourceConfig) -> NoReturn:
    raise DataError(
        f"{data.symbol}: source: frame stands for prices that were handed over in Python; hand them over again, "
        "lstmstrat.run(config, prices=...), or write source: csv, parquet, yahoo or bundled"
    )


def _in_file(data: SourceConfig, table: Table) -> tuple[Raw, Vendor, Offset]:
    raw, offset = read_bars(table, _hints(data))
    return raw, UNKNOWN, offset


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
