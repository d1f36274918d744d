"""Prices from Yahoo Finance: one download through yfinance."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd

from lstmstrat.config.schema import SourceConfig
from lstmstrat.errors import DataError
from lstmstrat.prices.cells import of_frame
from lstmstrat.prices.check import day
from lstmstrat.prices.findings import Hints
from lstmstrat.prices.table import read_bars

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds for one answer
SPAN = {"1d": pd.DateOffset(days=1), "1wk": pd.DateOffset(weeks=1), "1mo": pd.DateOffset(months=1)}
CLOSED = pd.Timedelta(days=10)  # longer than any closure of an exchange for holidays

INSTEAD = "Read prices without a network: source: bundled, or source: csv and path: prices.csv"


def download(
    data: SourceConfig, *, session: Any = None, now: pd.Timestamp | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Raw bars of `data.symbol` from `data.start` to `data.end`, both included, and notices for the report.

    The bar that is not over yet (that of today, or of this week or month) is left out. Rows that Yahoo sends
    without any price are left out too; a notice counts them.

    Parameters
    ----------
    session
        A `requests` or `curl_cffi` session for this download; yfinance uses it for later downloads too.
    now
        The time of the download, with a time zone; by default the current time.

    Raises
    ------
    DataError
        Yahoo cannot be reached, refuses, does not know the symbol, or has a history that begins too long after
        `data.start`.
    """
    now = pd.Timestamp.now("UTC") if now is None else now
    title = f"{data.symbol} from Yahoo"
    history = _history(data, session)
    raw, told = read_bars(of_frame(history, title), Hints(data.symbol))
    today = now.tz_convert(pd.DatetimeIndex(history.index).tz).tz_localize(None).normalize()
    raw = raw[[time + SPAN[data.interval] <= today for time in raw.index]]
    notices = [
        f"DATA: Yahoo Finance, downloaded on {day(today)}; its history changes at splits and dividends",
        *told,
    ]
    _check_start(raw, data, title)
    if data.end and raw.index[-1].date() < data.end:
        notices.append(f"the last bar is {day(raw.index[-1])}, before the end asked for, {data.end}")
    return raw, tuple(notices)


def _check_start(raw: pd.DataFrame, data: SourceConfig, title: str) -> None:
    """Raises without any bar, and where the first bar is too long after `data.start`."""
    if raw.empty:
        raise DataError(f"{title}: no finished bar between start: {data.start} and end: {data.end}; widen them")
    first = raw.index[0]
    if data.start and first > pd.Timestamp(data.start) + SPAN[data.interval] + CLOSED:
        raise DataError(
            f"{title}: shorter history than asked: start: {data.start}, but the first bar is {day(first)}; "
            f"write start: {day(first)} or take start: out"
        )


def _history(data: SourceConfig, session: Any) -> pd.DataFrame:
    """The table from Yahoo: at least one row; the index holds dates in the time zone of the exchange."""
    with _raising_yfinance():
        import yfinance

        try:
            history = yfinance.Ticker(data.symbol, session=session).history(
                period=None if data.start else "max",  # without a period or start, yfinance gives one month
                start=data.start,
                end=data.end + dt.timedelta(days=1) if data.end else None,  # yfinance excludes the end
                interval=data.interval,
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=TIMEOUT,
            )
        except Exception as error:  # yfinance lets errors of all kinds through
            log.debug("download of %s failed", data.symbol, exc_info=True)
            raise DataError(f"{data.symbol} from Yahoo: {_reason(error)}\n  {INSTEAD}") from None
    if history.empty:
        raise DataError(f"{data.symbol} from Yahoo: no rows; check symbol:, start: and end:\n  {INSTEAD}")
    return pd.DataFrame(history)


@contextlib.contextmanager
def _raising_yfinance() -> Iterator[None]:
    """Makes yfinance raise its failures, forget earlier ones, and neither warn nor log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import yfinance
        from yfinance.data import YfData

        YfData.cache_get.cache_clear()  # it caches failed answers, and would return them again
        debug, logger = yfinance.config.debug, logging.getLogger("yfinance")
        hide_exceptions, level = debug.hide_exceptions, logger.level
        debug.hide_exceptions = False
        logger.setLevel(logging.CRITICAL)  # its failures are raised instead
        try:
            yield
        finally:
            debug.hide_exceptions = hide_exceptions
            logger.setLevel(level)


def _reason(error: Exception) -> str:
    """The reason of a failed download, and what the user can do."""
    from yfinance.exceptions import YFRateLimitError, YFTickerMissingError

    if isinstance(error, YFRateLimitError):
        return "too many requests; Yahoo refuses for now. Wait some minutes and run again"
    if isinstance(error, YFTickerMissingError):
        return f"{error.rationale}. Check symbol: (as on finance.yahoo.com), start: and end:"
    if isinstance(error, OSError) and not isinstance(error, ValueError):  # a JSON error may be both
        return f"cannot be reached ({type(error).__name__}). Check the network and run again"
    return f"the answer cannot be read ({type(error).__name__}: {error}). Run again later"
