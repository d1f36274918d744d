"""`load_panel`: the bars of all assets of a universe, each read as the prices of one asset are."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.config.data import PLACE, DataConfig
from lstmstrat.errors import ConfigError, DataError, did_you_mean
from lstmstrat.prices import acceptance, bundled
from lstmstrat.prices.check import IN_A_FRAME, value_faults
from lstmstrat.prices.faults import Fault, day_of
from lstmstrat.prices.kept import Network
from lstmstrat.prices.panel import CLEAN, Panel, panel_of
from lstmstrat.prices.panel_assets import Asset
from lstmstrat.prices.prices import made
from lstmstrat.prices.sources import as_config, read_source
from lstmstrat.prices.table import Raw
from lstmstrat.prices.universe import Universe, listed, read_universe, universe_of_rows
from lstmstrat.prices.utc_offset import Offset

BUNDLED, INDEX = "us_stocks", "sp500"  # the universe that comes with the package, and the index it is a part of


def load_panel(
    data: DataConfig | Mapping[str, Any], *, offline: bool = False, refresh: bool = False, clean: int = CLEAN
) -> Panel:
    """The bars of the assets of `data.universe`, from `data.start` to `data.end`.

    Parameters
    ----------
    data
        With a universe: a list of symbols, a CSV file of symbol, start, end and group, or us_stocks. Each asset is
        read by the rules for one: a file at `data.path`, in which ``{symbol}`` stands for its symbol, or a
        download.
    offline, refresh
        As in `load_prices`.
    clean
        Bars in quarantine after a finding, with ``faults: quarantine``.

    Raises
    ------
    ConfigError
        `data` has mistakes, or no universe.
    DataError
        The universe cannot be read, fewer than two assets can, or ``faults: refuse`` refuses one.

    Examples
    --------
    >>> import lstmstrat
    >>> panel = load_panel(lstmstrat.DataConfig(universe="us_stocks", start="2016-01-04"))
    >>> len(panel.symbols), len(panel.times)
    (120, 470)
    """
    data = as_config(data)
    universe = _universe(data)
    index = None if data.index is None else _index(data.index, universe)
    if data.path and (odd := [symbol for symbol in universe.symbols if "/" in symbol or "\\" in symbol]):
        raise DataError(
            f"universe: {odd[0]!r} stands for a part of data.path, and so cannot have a / or a \\ in it"
        )
    network = Network.NOW if refresh else Network.NEVER if offline else Network.DAILY
    assets, left_out = list[Asset](), dict[str, str]()
    for symbol in universe.symbols:
        try:
            assets.append(_asset(data, symbol, network))
        except DataError as error:
            if data.faults == "refuse":
                raise
            left_out[symbol] = str(error)
    inside = [kept for asset in assets if (kept := _between(asset, data))]
    kept_symbols = {asset.symbol for asset in inside}
    left_out |= {a.symbol: "it has no bar from start to end" for a in assets if a.symbol not in kept_symbols}
    return panel_of(
        universe, data.source, inside, left_out=left_out, notices=_notices(data), clean=clean, index=index
    )


def _universe(data: DataConfig) -> Universe:
    """The universe that `data` names."""
    named = data.universe
    if isinstance(named, tuple):
        return listed(named)
    if named == BUNDLED:
        return _bundled_universe(BUNDLED)
    if named is None:
        raise ConfigError(
            f"data.universe: it is missing, and a panel needs one; write universe: {BUNDLED}, a list of symbols "
            "such as [AAPL, MSFT], or the path of a CSV file of them. One asset is read by lstmstrat.load_prices"
        )
    if data.source == "bundled":
        hint = did_you_mean(named, [BUNDLED])
        raise DataError(f"data.universe: there is no bundled universe {named!r}{hint}; write universe: {BUNDLED}")
    return read_universe(Path(named).expanduser())


def _index(named: str, universe: Universe) -> Universe:
    """The index that `data.index` names, of which a universe is a part."""
    try:
        index = (
            _bundled_universe(INDEX) if named == INDEX else read_universe(Path(named).expanduser(), "data.index")
        )
    except DataError as error:
        raise DataError(f"data.index: {str(error).removeprefix('data.index: ')}") from error.__cause__
    if not set(index.symbols) & set(universe.symbols):
        raise DataError(
            f"data.index: none of the {len(index.symbols):,} symbols of {index.name} is in the universe, such as "
            f"{index.symbols[0]!r}; write them as the universe has them: {universe.symbols[0]!r}"
        )
    return index


def _asset(data: DataConfig, symbol: str, network: Network) -> Asset:
    """One asset, with the findings that put it into quarantine."""
    one: Any = {"symbol": symbol, "universe": None, "path": data.path and data.path.replace(PLACE, symbol)}
    if data.source != "yahoo":
        one |= {"start": None, "end": None}  # an asset may begin later than the panel
    config = data.model_copy(update=one)
    (raw, notices), offset = _raw(config, network)
    wrong, faults = _row_faults(raw) if data.faults == "quarantine" else (np.zeros(len(raw), dtype=bool), [])
    prices = made(symbol, data.source, (raw[~wrong], notices), f"{symbol} ({data.source})", IN_A_FRAME)
    found = acceptance.marked(prices.faults, config)
    if data.faults == "refuse":
        acceptance.refuse(found, f"{symbol} ({data.source})")
    return Asset(symbol, prices.times, prices.bars, (*acceptance.open_faults(found), *faults), offset)


def _raw(config: DataConfig, network: Network) -> tuple[Raw, Offset]:
    """Raw bars of one asset, and their clock."""
    if config.source == "bundled":
        return _bundled_bars(config.symbol), None
    raw, _, offset = read_source(config, network)
    return raw, offset


def _row_faults(raw: pd.DataFrame) -> tuple[np.ndarray, list[Fault]]:
    """The rows whose values no bar can have, (n,), and a finding for the bar that follows each of them."""
    found = value_faults(raw)
    wrong: np.ndarray = np.logical_or.reduce([fault.rows for fault in found] or [np.zeros(len(raw), dtype=bool)])
    if 2 * wrong.sum() > len(raw):
        return np.zeros(len(raw), dtype=bool), []  # not the rows are wrong: the message of `made` says what is
    times = raw.index.to_numpy()
    kept = np.cumsum(~wrong)
    faults = [  # of the bar that follows each of them
        Fault(int(kept[row]), day_of(times[row]), "bar", 1.0, fault.text, single=True)
        for fault in found
        for row in np.flatnonzero(fault.rows)
    ]
    return wrong, faults


def _between(asset: Asset, data: DataConfig) -> Asset | None:
    """The bars from `data.start` to `data.end`; None if there are none."""
    days = asset.times.astype("datetime64[D]")
    low = 0 if data.start is None else int(np.searchsorted(days, np.datetime64(data.start, "D")))
    high = (
        len(days) if data.end is None else int(np.searchsorted(days, np.datetime64(data.end, "D"), side="right"))
    )
    if low >= high:
        return None
    faults = tuple(replace(fault, bar=fault.bar - low) for fault in asset.faults if low <= fault.bar < high)
    return replace(asset, times=asset.times[low:high], bars=asset.bars[low:high], faults=faults)


def _notices(data: DataConfig) -> tuple[str, ...]:
    """Where the bars come from, of those that come with the package."""
    if data.source != "bundled":
        return ()
    facts = _provenance()
    return (
        f"DATA: {facts['prices']}; {facts['licence of the prices']}; sha256 {facts['sha256'][_PRICES]}",
        f"DATA: {facts['survivors']}",
    )


_PRICES = f"{BUNDLED}.safetensors.gz"


def _provenance() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((bundled.FOLDER / f"{BUNDLED}.provenance.json").read_text(encoding="utf-8"))
    return facts


def _read(name: str) -> bytes:
    """A bundled file, which must be the one that was published."""
    data, expected = (bundled.FOLDER / name).read_bytes(), _provenance()["sha256"][name]
    if hashlib.sha256(data).hexdigest() != expected:
        raise DataError(f"bundled {name}: the file was changed; reinstall lstmstrat")
    return data


@cache
def _bundled_universe(name: str) -> Universe:
    rows = list(csv.reader(io.StringIO(_read(f"{name}.csv").decode("utf-8"))))
    return universe_of_rows(name, rows, f"bundled {name}.csv")


@cache
def _bundled_arrays() -> Mapping[str, np.ndarray]:
    from safetensors import numpy

    arrays: dict[str, np.ndarray] = numpy.load(gzip.decompress(_read(_PRICES)))
    return arrays


def _bundled_bars(symbol: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Raw bars of a bundled stock; prices are kept as whole numbers of 0.0001, -1 where there is no bar."""
    arrays = _bundled_arrays()
    symbols = _bundled_universe(BUNDLED).symbols  # the rows of the arrays
    if symbol not in symbols:
        raise DataError(f"no bundled stock {symbol!r}{did_you_mean(symbol, symbols)}")
    row = symbols.index(symbol)
    there = arrays["close"][row] >= 0
    bars = {name: arrays[name][row, there] / 1e4 for name in ("open", "high", "low", "close")}
    bars["volume"] = arrays["volume"][row, there].astype(np.float64)
    days = arrays["days"][there].astype("datetime64[D]").astype("datetime64[ns]")
    return pd.DataFrame(bars, index=pd.DatetimeIndex(days)), ()
