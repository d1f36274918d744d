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
from lstmstrat.prices.bar_length import DAY, NONE, length_of_longer_bars, usual
from lstmstrat.prices.check import day
from lstmstrat.prices.extra import Column
from lstmstrat.prices.extra_hours import dates_among
from lstmstrat.prices.findings import such
from lstmstrat.prices.outside import Outside, Stream, later
from lstmstrat.prices.unknown_clocks import check_clock_of_column, one_clock_alone, one_clock_of_days
from lstmstrat.prices.utc_offset import UtcOffset
from lstmstrat.prices.zones import on_weekends

if TYPE_CHECKING:
    from lstmstrat.prices.prices import Prices

UNITS = {"w": 7 * DAY, "d": DAY, "h": np.timedelta64(1, "h"), "min": np.timedelta64(1, "m")}  # of a lag
RARE = 5 * DAY  # rows further apart are often dated before they are published
LONGEST_PERIOD, FORTNIGHT = 366, 14  # days: the longest period, and after its end
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
    known, lag = _of_column(times, config, column, own)
    if config.lag is None and len(times) > 1 and usual(times) > RARE:
        notices.append(
            f"{config.name}: its rows are {_days(usual(times))} apart, and each is used {lag} after its date; if "
            f"they are published later, write lag: {_late(usual(times))}, or how much later, beside {config.entry}"
        )
    return Stream(config.name, known, column.values.to_numpy()[:, None], config.path, lag)


def _late(distance: np.timedelta64) -> str:
    """A lag for numbers of a period that are dated on its first day, and published two weeks after its last.

    Examples
    --------
    >>> _late(31 * DAY), _late(92 * DAY), _late(365 * DAY)
    ('45d', '106d', '379d')
    """
    return f"{min(int(distance / DAY), LONGEST_PERIOD) + FORTNIGHT}d"


def _of_column(times: Times, config: ExtraConfig, column: Column, own: Prices) -> tuple[Times, str]:
    """When each row of a column is known, on the clock of the prices, and its lag; dates are so on every clock."""
    if isinstance(column.offset, UtcOffset) and isinstance(own.offset, UtcOffset) and column.has_times:
        utc = column.offset.to_utc(times)
        dates = _dates(utc, config, own.offset)
        if dates is None:
            lag = config.lag or "0d"
            return own.offset.to_local(later(utc, span(lag))), lag
        times = dates
    elif column.has_times:
        check_clock_of_column(config, column, own)
        lag = config.lag or "0d"
        return later(times, span(lag)), lag
    lag = config.lag or "1d"
    return later(times, span(lag)), lag


def _dates(utc: Times, config: ExtraConfig, clock: UtcOffset) -> Times | None:
    """The dates of rows all of which are midnight on the clock of the prices; None of times of day.

    What is midnight there is a date, also where it was written on another clock.
    """
    dates = clock.midnights(utc)
    midnight = ~np.isnat(dates)
    if midnight.all() and (np.diff(dates) > NONE).all():
        return dates
    rows = dates_among(pd.DatetimeIndex(clock.to_local(utc)), midnight)
    if config.lag is None and rows.any():
        raise DataError(
            f"{config.entry}: {config.path}: {_utc_text(utc[rows][0])} is midnight on the clock of the prices, as "
            f"of a date{such(int(rows.sum()))}, and {_utc_text(utc[~midnight][0])} is not; to use every row a day "
            f"after its time, write lag: 1d beside {config.entry}; to use each at its time, lag: 0d"
        )
    return None


def _utc_text(utc: np.datetime64) -> str:
    return f"{pd.Timestamp(utc):%Y-%m-%d %H:%M} UTC"


def _peer(config: PeerConfig, prices: Prices, own: Prices, notices: list[str]) -> Stream:
    notices += [f"{config.name}: {text}" for text in prices.notices]
    lag = config.lag or length_of_longer_bars(prices.times, own.times)
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
    if isinstance(prices.offset, UtcOffset) and isinstance(own.offset, UtcOffset):
        # Days stamped midnight of UTC may be dates of an exchange west of it: it closes before they end.
        return own.offset.to_local(later(prices.offset.to_utc(prices.times), lag))
    if _are_days(own.times):  # a day begins at midnight of UTC or before, and ends after it, wherever it is
        utc = prices.offset.to_utc(prices.times) if isinstance(prices.offset, UtcOffset) else prices.times
        return later(utc, lag)
    if prices.offset == own.offset:  # nothing, or the same abbreviation
        return later(prices.times, lag)
    raise DataError(f"{_title(config)}: {one_clock_alone(config, prices, own)}")


def _of_days(config: PeerConfig, prices: Prices, own: Prices, lag: np.timedelta64, notices: list[str]) -> Times:
    """When each day of a peer is known beside days; one that begins after that of its date, on the next one."""
    days = later(prices.times, lag)
    if config.lag is not None or _have_closed_by_midnight(prices, own):
        return days
    if isinstance(prices.offset, UtcOffset) and isinstance(own.offset, UtcOffset):
        moments = own.offset.to_local(later(prices.offset.to_utc(prices.times), lag))
        if (np.searchsorted(moments, own.times, "right") != np.searchsorted(days, own.times, "right")).any():
            notices.append(
                f"{config.name}: its days begin after those of the prices, so each is used from the next one on; "
                f"if its bars are known before those of the prices end, write lag: {lag // DAY}d beside "
                f"{config.entry}"
            )
            return moments
    elif lag == NONE and prices.offset != own.offset:  # else by the date, or over on the day before
        raise DataError(f"{_title(config)}: {one_clock_of_days(config, prices, own)}")
    if lag == NONE and on_weekends(_index(prices)) and not on_weekends(_index(own)):
        notices.append(
            f"{config.name}: it trades on weekends too, so its days end at midnight of its clock, and the session "
            "of the prices may be over by then; each is used at the bar of its date, whose orders are filled at "
            f"the next open; to use it on the day after, write lag: 1d beside {config.entry}"
        )
    return days


def _have_closed_by_midnight(peer: Prices, own: Prices) -> bool:
    """Whether the days of the prices end at midnight of UTC, and those of a peer with a session before it.

    What trades on weekends too has no sessions. Where the prices do not, they may be of London in winter, which
    closes before New York.
    """
    at_midnight = isinstance(own.offset, UtcOffset) and own.offset.is_utc and on_weekends(_index(own))
    return at_midnight and not on_weekends(_index(peer))


def _index(prices: Prices) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(prices.frame.index)


def _title(config: PeerConfig) -> str:
    return f"{config.entry}: {config.path or config.symbol}"


def _are_days(times: Times) -> bool:
    return bool((times == times.astype("datetime64[D]")).all())


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
    if ages[oldest] > max(STALE * usual(stream.known), STALE_DAYS):
        said.append(
            f"at {_day(times[first + oldest])} its newest value is {_days(ages[oldest])} old; its rows are "
            f"usually {_days(usual(stream.known))} apart"
        )
    return said


def _days(length: np.timedelta64) -> str:
    days = length / DAY
    return f"{days:.0f} days" if days >= 1.5 else "1 day" if days >= 0.75 else f"{days * 24:.2g} hours"


def _day(time: np.datetime64) -> str:
    return day(pd.Timestamp(time))


def _nanoseconds(index: pd.Index) -> Times:
    return pd.DatetimeIndex(index).to_numpy().astype("datetime64[ns]")
