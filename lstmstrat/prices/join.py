"""When each row from outside was known, and what there is to say about it: `joined`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmstrat.arrays import Times
from lstmstrat.config.data import ExtraConfig, PeerConfig
from lstmstrat.errors import DataError
from lstmstrat.prices.acceptance import marked
from lstmstrat.prices.check import day
from lstmstrat.prices.extra import Column
from lstmstrat.prices.outside import Outside, Stream, later

if TYPE_CHECKING:
    from lstmstrat.prices.prices import Prices

DAY, NONE = np.timedelta64(1, "D"), np.timedelta64(0, "D")
UNITS = {"w": 7 * DAY, "d": DAY, "h": np.timedelta64(1, "h"), "min": np.timedelta64(1, "m")}  # of a lag
LONGER = 1.5  # times the length of one's own bars; a longer bar of a peer ends after the bar of its time
RARE = 5 * DAY  # rows further apart are often dated before they are published
STALE = 5  # times the usual distance of two rows, and at least
STALE_DAYS = 7 * DAY


def joined(
    times: Times, extra: Sequence[tuple[ExtraConfig, Column]], peers: Sequence[tuple[PeerConfig, Prices]]
) -> tuple[Outside, tuple[str, ...]]:
    """Columns and peers with the time at which each row was known, and notices; `times` (n,) are those of bars.

    Without a lag that the user gives, a row that has a date only is known on the day after, a row with a time of
    day at this time, a bar of a peer at its own time, and a longer one, such as one of a week beside those of
    days, when it is over.

    Raises
    ------
    DataError
        A column or a peer has no row that is known at any bar.
    """
    notices: list[str] = []
    columns = [_column(config, column, notices) for config, column in extra]
    others = [_peer(config, prices, times, notices) for config, prices in peers]
    for stream in (*columns, *others):
        notices += [f"{stream.name}: {text}" for text in _gaps(stream, times)]
    return Outside(tuple(columns), tuple(others)), tuple(notices)


def span(lag: str) -> np.timedelta64:
    """A lag of a config as a span of time.

    Examples
    --------
    >>> str(span("2w")), str(span("90min"))
    ('14 days', '90 minutes')
    """
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", lag).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def _column(config: ExtraConfig, column: Column, notices: list[str]) -> Stream:
    series, said = column
    notices += [f"{config.name}: {text}" for text in said]
    times = _nanoseconds(series.index)
    is_dated = bool((times == times.astype("datetime64[D]")).all())
    lag = config.lag or ("1d" if is_dated else "0d")
    if config.lag is None and len(times) > 1 and _usual(times) > RARE:
        notices.append(
            f"{config.name}: its rows are {_days(_usual(times))} apart, and each is used {lag} after its date; if "
            f"they are published later, write lag: 45d, or how much later, beside {config.entry}"
        )
    return Stream(config.name, later(times, span(lag)), series.to_numpy()[:, None], config.path, lag)


def _peer(config: PeerConfig, prices: Prices, times: Times, notices: list[str]) -> Stream:
    notices += [f"{config.name}: {text}" for text in prices.notices]
    lag = config.lag or _length_of_longer_bars(prices.times, times)
    if config.lag is None and lag != "0d":
        notices.append(
            f"{config.name}: its bars are longer than those of the prices, so each is used {lag} after its time; "
            f"if that is the time at which it ends, write lag: 0d beside {config.entry}"
        )
    path = config.path or f"{config.source} {config.symbol}"
    known = later(prices.times, span(lag))
    used = [fault for fault in marked(prices.faults, config) if known[fault.bar] <= times[-1]]
    return Stream(config.name, known, prices.bars, path, lag, tuple(used))


def _length_of_longer_bars(theirs: Times, own: Times) -> str:
    """The length of the bars of a peer as a lag, if they are longer than one's own; else none."""
    if _usual(theirs) <= LONGER * _usual(own):
        return "0d"
    return f"{-(-_usual(theirs) // np.timedelta64(1, 'm'))}min" if _usual(theirs) < DAY else _in_days(theirs)


def _in_days(times: Times) -> str:
    return f"{-(-_usual(times) // DAY)}d"


def _usual(times: Times) -> np.timedelta64:
    """The median distance of two rows; 0 of a single one."""
    return np.timedelta64(int(np.median(np.diff(times).astype(np.int64))), "ns") if len(times) > 1 else NONE


def _gaps(stream: Stream, times: Times) -> list[str]:
    """Sentences on bars for which the stream has no value yet, or an old one.

    Raises
    ------
    DataError
        No bar has a value.
    """
    rows = stream.newest(times)
    first = int(np.searchsorted(rows, 0))  # the first bar with a value
    if first == len(times):
        raise DataError(
            f"{stream.path}: its first row is known at {_day(stream.known[0])}, and the last bar of the prices is "
            f"of {_day(times[-1])}; give it rows before that, or leave {stream.name} out"
        )
    said = [f"no value before {_day(times[first])}: {first} of {len(times)} bars"] if first else []
    ages = times[first:] - stream.known[rows[first:]]
    oldest = int(ages.argmax())
    if ages[oldest] > max(STALE * _usual(stream.known), STALE_DAYS):
        said.append(
            f"at {_day(times[first + oldest])} its newest value is {_days(ages[oldest])} old; its rows are "
            f"usually {_days(_usual(stream.known))} apart"
        )
    return said


def _days(length: np.timedelta64) -> str:
    days = length / DAY
    return f"{days:.0f} days" if days >= 1.5 else "1 day" if days >= 0.75 else f"{days * 24:.2g} hours"


def _day(time: np.datetime64) -> str:
    return day(pd.Timestamp(time))


def _nanoseconds(index: pd.Index) -> Times:
    return pd.DatetimeIndex(index).to_numpy().astype("datetime64[ns]")
