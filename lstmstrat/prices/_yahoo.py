"""Prices from Yahoo Finance: one plain download through yfinance."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd

from lstmstrat.config import DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices._check import PRICES, day
from lstmstrat.prices._table import raw_bars

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds for one answer
SPAN = {"1d": pd.DateOffset(days=1), "1wk": pd.DateOffset(weeks=1), "1mo": pd.DateOffset(months=1)}
CLOSED = pd.Timedelta(days=10)  # longer than exchanges close for holidays

INSTEAD = "Read prices without a network: source: bundled, or source: csv and path: prices.csv"


def download(
    data: DataConfig, *, session: Any = None, now: pd.Timestamp | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Raw bars of `data.symbol` from `data.start` to `data.end`, both included, and notices for the report.

    The bar that is not over yet (today's, or this week's or month's) is left out, and so are rows that Yahoo
    sends without any price; a notice counts the latter.

    Parameters
    ----------
    session
        A `requests` or `curl_cffi` session to use for this and, as yfinance shares it, later downloads.
    now
        The time of the download, with a time zone; by default the clock's.

    Raises
    ------
    DataError
        Yahoo cannot be reached, refuses, does not know the symbol, or has a shorter history than asked.
    """
    now = pd.Timestamp.now("UTC") if now is None else now
    who = f"{data.symbol} from Yahoo"
    history = _history(data, session)
    raw = raw_bars(history.reset_index(), who)
    today = now.tz_convert(pd.DatetimeIndex(history.index).tz).tz_localize(None).normalize()
    raw = raw[[time + SPAN[data.interval] <= today for time in raw.index]]
    empty = raw[list(PRICES)].isna().all(axis="columns")
    notices = [f"DATA: Yahoo Finance, downloaded on {day(today)}; its history changes at splits and dividends"]
    if empty.any():
        first = day(raw.index[empty][0])
        notices.append(f"rows without prices that Yahoo sent, left out: {empty.sum()} (first: {first})")
    raw = raw[~empty]
    _long_enough(raw, data, who)
    if data.end and raw.index[-1].date() < data.end:
        notices.append(f"the last bar is {day(raw.index[-1])}, before the end asked for, {data.end}")
    return raw, tuple(notices)


def _long_enough(raw: pd.DataFrame, data: DataConfig, who: str) -> None:
    if raw.empty:
        raise DataError(f"{who}: no finished bar between start: {data.start} and end: {data.end}; widen them")
    first = raw.index[0]
    if data.start and first > pd.Timestamp(data.start) + SPAN[data.interval] + CLOSED:
        raise DataError(
            f"{who}: shorter history than asked: start: {data.start}, but the first bar is {day(first)}; "
            f"write start: {day(first)} or take start: out"
        )


def _history(data: DataConfig, session: Any) -> pd.DataFrame:
    """Yahoo's table: index of dates with the exchange's time zone; at least one row."""
    with _outspoken():
        import yfinance

        try:
            history = yfinance.Ticker(data.symbol, session=session).history(
                period=None if data.start else "max",  # without a start yfinance would give one month
                start=data.start,
                end=data.end + dt.timedelta(days=1) if data.end else None,  # yfinance leaves the end out
                interval=data.interval,
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=TIMEOUT,
            )
        except Exception as error:  # yfinance passes on whatever breaks inside it
            log.debug("download of %s failed", data.symbol, exc_info=True)
            raise DataError(f"{data.symbol} from Yahoo: {_reason(error)}\n  {INSTEAD}") from None
    if history.empty:
        raise DataError(f"{data.symbol} from Yahoo: no rows; check symbol:, start: and end:\n  {INSTEAD}")
    return pd.DataFrame(history)


@contextlib.contextmanager
def _outspoken() -> Iterator[None]:
    """yfinance that raises its failures, forgets earlier ones and is silent on what its authors must mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import yfinance
        from yfinance.data import YfData

        YfData.cache_get.cache_clear()  # it keeps failed answers, and would give them again
        debug, voice = yfinance.config.debug, logging.getLogger("yfinance")
        before = debug.hide_exceptions, voice.level
        debug.hide_exceptions = False
        voice.setLevel(logging.CRITICAL)  # what matters is raised
        try:
            yield
        finally:
            debug.hide_exceptions = before[0]
            voice.setLevel(before[1])


def _reason(error: Exception) -> str:
    from yfinance.exceptions import YFRateLimitError, YFTickerMissingError

    if isinstance(error, YFRateLimitError):
        return "too many requests; Yahoo refuses for now. Wait some minutes and run again"
    if isinstance(error, YFTickerMissingError):
        return f"{error.rationale}. Check symbol: (as on finance.yahoo.com), start: and end:"
    if isinstance(error, OSError) and not isinstance(error, ValueError):  # a JSON error may be both
        return f"cannot be reached ({type(error).__name__}). Check the network and run again"
    return f"the answer cannot be read ({type(error).__name__}: {error}). Run again later"
