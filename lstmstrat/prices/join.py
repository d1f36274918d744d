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
from lstmstrat.prices.zones import on_weekends

if TYPE_CHECKING:
    from lstmstrat.prices.prices import Prices

ZONE = "America/New_York"  # in a message, as an example
DAY, NONE = np.timedelta64(1, "D"), np.timedelta64(0, "D")
UNITS = {"w": 7 * DAY, "d": DAY, "h": np.timedelta64(1, "h"), "min": np.timedelta64(1, "m")}  # of a lag
LONGER = 1.05  # times the length of one's own bars; a longer bar of a peer ends after the bar of its time
SHORT = 0.25  # of the distances of bars are no longer than a bar: every fourth month has 30 days or less
RARE = 5 * DAY  # rows further apart are often dated before they are published
STALE = 5  # times the usual distance of two rows, and at least
STALE_DAYS = 7 * DAY


def joined(
    own: Prices, extra: Sequence[tuple[ExtraConfig, Column]], peers: Sequence[tuple[PeerConfig, Prices]]
) -> tuple[Outside, tuple[str, ...]]:
    """Columns and peers with the time at which each row was known on the clock of `own`, and notices.

    Without a lag that the user gives, a row that has a date only is known on the day after, a row with a time of
    day at this time, a bar of a peer at its own time, and a longer one, such as one of a week beside those of
    days, when it is over. Where both clocks are known, what counts is the moment and not what the clocks show.

    Raises
    ------
    DataError
        A column or a peer has no row that is known at any bar; one clock is known and the other is not.
    """
    notices: list[str] = []
    columns = [_column(config, column, own, notices) for config, column in extra]
    others = [_peer(config, prices, own, notices) for config, prices in peers]
    for stream in (*columns, *others):
        notices += [f"{stream.name}: {text}" for text in _gaps(stream, own.times)]
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


def _column(config: ExtraConfig, column: Column, own: Prices, notices: list[str]) -> Stream:
    notices += [f"{config.name}: {text}" for text in column.notices]
    times = _nanoseconds(column.values.index)
    moments = _of_column(times, config, column, own)
    # What is midnight on the clock of the prices is a date, also where it was written on another clock.
    lag = config.lag or ("0d" if column.has_times and not _are_days(moments) else "1d")
    if config.lag is None and len(times) > 1 and _usual(times) > RARE:
        notices.append(
            f"{config.name}: its rows are {_days(_usual(times))} apart, and each is used {lag} after its date; if "
            f"they are published later, write lag: 45d, or how much later, beside {config.entry}"
        )
    known = later(moments, span(lag))
    return Stream(config.name, known, column.values.to_numpy()[:, None], config.path, lag)


def _of_column(times: Times, config: ExtraConfig, column: Column, own: Prices) -> Times:
    """The times of the rows of a column on the clock of the prices; dates are dates on every clock."""
    if not column.has_times or (column.offset is None and own.offset is None):
        return times
    if column.offset is not None and own.offset is not None:
        return own.offset.to_local(column.offset.to_utc(times))
    if column.offset is None:
        raise DataError(
            f"{config.entry}: {config.path}: nothing says on which clock its times are, and that of the prices is "
            f'known; write time_zone: "America/New_York", or where they were written, beside {config.entry}; if '
            'they are those of UTC, time_zone: "UTC"'
        )
    if config.time_zone is not None:
        return times  # on the clock of the exchange, by what the user says of it
    raise DataError(
        f"{config.entry}: {config.path}: its times are in UTC or have an offset, and nothing says on which clock "
        f'the prices are; write time_zone: "America/New_York", or where their exchange is, beside {config.entry}; '
        'if the times of the prices are those of UTC, time_zone: "UTC"'
    )


def _peer(config: PeerConfig, prices: Prices, own: Prices, notices: list[str]) -> Stream:
    notices += [f"{config.name}: {text}" for text in prices.notices]
    lag = config.lag or _length_of_longer_bars(prices.times, own.times)
    if config.lag is None and lag != "0d":
        notices.append(
            f"{config.name}: its bars are longer than those of the prices, so each is used {lag} after its time; "
            f"if that is the time at which it ends, write lag: 0d beside {config.entry}"
        )
    path = config.path or f"{config.source} {config.symbol}"
    known = _of_peer(config, prices, own, span(lag), notices)
    used = [fault for fault in marked(prices.faults, config) if known[fault.bar] <= own.times[-1]]
    return Stream(config.name, known, prices.bars, path, lag, tuple(used))


def _of_peer(config: PeerConfig, prices: Prices, own: Prices, lag: np.timedelta64, notices: list[str]) -> Times:
    """When each bar of a peer is known, on the clock of the prices."""
    if _are_days(own.times) and _are_days(prices.times):
        return _of_days(config, prices, own, lag, notices)
    if prices.offset is not None and own.offset is not None:
        # Days stamped midnight of UTC may be dates of an exchange west of it: it closes before they end.
        return own.offset.to_local(later(prices.offset.to_utc(prices.times), lag))
    if _are_days(own.times):  # a day begins at midnight of UTC or before, and ends after it, wherever it is
        utc = prices.times if prices.offset is None else prices.offset.to_utc(prices.times)
        return later(utc, lag)
    if prices.offset is None and own.offset is None:
        return later(prices.times, lag)
    raise DataError(f"{_title(config)}: {_one_clock_alone(config, prices, own)}")


def _of_days(config: PeerConfig, prices: Prices, own: Prices, lag: np.timedelta64, notices: list[str]) -> Times:
    """When each day of a peer is known beside days; one that begins after that of its date, on the next one."""
    days = later(prices.times, lag)
    if config.lag is not None or _have_closed_by_midnight(prices, own):
        return days
    if prices.offset is None or own.offset is None:
        if lag == NONE and prices.offset is not own.offset:  # else by the date, or over on the day before
            raise DataError(f"{_title(config)}: {_one_clock_of_days(config, own)}")
        return days
    moments = own.offset.to_local(later(prices.offset.to_utc(prices.times), lag))
    if (np.searchsorted(moments, own.times, "right") == np.searchsorted(days, own.times, "right")).all():
        return days
    notices.append(
        f"{config.name}: its days begin after those of the prices, so each is used from the next one on; if its "
        f"bars are known before those of the prices end, write lag: {lag // DAY}d beside {config.entry}"
    )
    return moments


def _have_closed_by_midnight(peer: Prices, own: Prices) -> bool:
    """Whether the days of the prices end at midnight of UTC, and those of a peer with a session before it.

    What trades on weekends too has no sessions. Where the prices do not, they may be of London in winter, which
    closes before New York.
    """
    at_midnight = own.offset is not None and own.offset.is_utc and on_weekends(_index(own))
    return at_midnight and not on_weekends(_index(peer))


def _index(prices: Prices) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(prices.frame.index)


def _title(config: PeerConfig) -> str:
    return f"{config.entry}: {config.path or config.symbol}"


def _one_clock_of_days(config: PeerConfig, own: Prices) -> str:
    """The sentence on days of the prices and of a peer, if the clock of the one is known and of the other not."""
    whose, zone = (
        ("its days", _zone_of_peer(config)) if own.offset is not None
        else ("the days of the prices", _zone_of_prices(own))
    )  # fmt: skip
    return (
        f"nothing says on which clock {whose} begin, and of the others it is known; {zone}; or, if each of its "
        f"bars is known before the bar of the prices of its date ends, write lag: 0d beside {config.entry}, and "
        "if not, lag: 1d"
    )


def _one_clock_alone(config: PeerConfig, prices: Prices, own: Prices) -> str:
    """The sentence on prices and a peer, of which one alone says how far its clock is ahead of UTC."""
    if own.offset is None:
        return (
            "its times are in UTC or have an offset, and nothing says on which clock those of the prices are; "
            f"{_zone_of_prices(own)}; if they are those of UTC, that"
        )
    whose = "its days begin" if _are_days(prices.times) else "its times are"
    return (
        f"nothing says on which clock {whose}, and the times of the prices are in UTC or have an offset; "
        f'{_zone_of_peer(config)}; if it is that of UTC, time_zone: "UTC"'
    )


def _zone_of_peer(config: PeerConfig) -> str:
    return f'write time_zone: "{ZONE}", or where its exchange is, beside {config.entry}'


def _zone_of_prices(own: Prices) -> str:
    say = (
        f'write data.time_zone: "{ZONE}"' if own.source in ("csv", "parquet")
        else f"make the prices by lstmstrat.Prices.from_frame(frame, symbol, time_zone={ZONE!r})"
    )  # fmt: skip
    return f"{say}, or where their exchange is"


def _length_of_longer_bars(theirs: Times, own: Times) -> str:
    """The length of the bars of a peer as a lag, if they are longer than one's own; else none."""
    if _length(theirs) <= LONGER * _length(own):
        return "0d"
    return f"{-(-_usual(theirs) // np.timedelta64(1, 'm'))}min" if _usual(theirs) < DAY else _in_days(theirs)


def _length(times: Times) -> np.timedelta64:
    """The length of bars: a short distance of two of them, for the usual one may have a night in it."""
    gaps = np.diff(times).astype(np.int64)
    return np.timedelta64(int(np.quantile(gaps, SHORT, method="lower")), "ns") if len(gaps) else NONE


def _are_days(times: Times) -> bool:
    return bool((times == times.astype("datetime64[D]")).all())


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
