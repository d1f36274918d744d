"""One question to Yahoo Finance, through yfinance, asked again where that can help: `fetch`.

yfinance keeps failed answers in memory, says with few words what went wrong, and waits as long as it likes. So
each try begins with an empty memory, the answers are looked at on their way (`_Seen`), events that cannot be are
taken out of them, and none may take longer than `Patience` allows, or be longer than `answers.MOST`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import random
import threading
import time
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lstmstrat.config.data import is_zone
from lstmstrat.errors import DataError
from lstmstrat.prices.answers import MOST, TooLongError, set_content, whole
from lstmstrat.prices.download import Asked, Download
from lstmstrat.prices.findings import shown
from lstmstrat.prices.yahoo_events import sound_events

log = logging.getLogger(__name__)

INSTEAD = "Read prices without a network: source: bundled, or source: csv and path: prices.csv"
CHECK = "Check symbol: (as on finance.yahoo.com), start: and end:"
LATER = "Run again later"
IN_AN_ADDRESS = "^="  # what symbols of Yahoo have beside letters, digits, dot and hyphen
_ONE_AT_A_TIME = threading.Lock()  # yfinance has one session, one memory and one set of settings for a process


@dataclass(frozen=True)
class Patience:
    """How long Yahoo is waited for, and by which clock."""

    pauses: tuple[float, ...] = (2.0, 6.0, 18.0)  # seconds between two tries, each times 0.8 to 1.2
    total: float = 60.0  # seconds within which all tries begin and end
    answer: float = 30.0  # seconds for one answer, from the question to its last byte
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: random.Random = field(default_factory=random.Random)

    def waits(self) -> Iterator[float]:
        """The pauses, each longer or shorter by chance, so that many programs do not come back at once."""
        return (pause * (0.8 + 0.4 * self.chance.random()) for pause in self.pauses)


class _FailedError(Exception):
    """A try that failed: why, what the user can do, and whether another try can help."""

    def __init__(self, reason: str, cure: str, again: bool):
        super().__init__(f"{reason}. {cure}")
        self.reason, self.again = reason, again


def fetch(asked: Asked, when: pd.Timestamp, session: Any = None, patience: Patience | None = None) -> Download:
    """What Yahoo has of `asked`: at least one row.

    What may pass (no connection, no answer, HTTP 429 and 5xx, an answer that cannot be read) is tried four times
    within a minute, and each wait is logged; what Yahoo itself refuses (an unknown symbol) is tried once.

    Parameters
    ----------
    when
        The time of the download, with a zone.
    session
        A `requests` or `curl_cffi` session for this download; yfinance uses it for later downloads too.

    Raises
    ------
    DataError
        Yahoo cannot be reached, refuses, or does not know the symbol.
    """
    patience = patience or Patience()
    if not any(map(str.isalnum, asked.symbol)):
        raise DataError(f"{shown(asked.symbol)} is no symbol of Yahoo: neither a letter nor a digit. {CHECK}")
    deadline, waits = patience.clock() + patience.total, patience.waits()
    while True:
        try:
            return _ask(asked, when, session, patience, deadline)
        except _FailedError as failure:
            wait = next(waits, None) if failure.again else None
            if wait is None or patience.clock() + wait >= deadline:
                raise DataError(f"{asked.symbol} from Yahoo: {failure}\n  {INSTEAD}") from None
            log.warning("%s from Yahoo: %s; asked again in %.0f s", asked.symbol, failure.reason, wait)
        patience.sleep(wait)


def _ask(asked: Asked, when: pd.Timestamp, session: Any, patience: Patience, deadline: float) -> Download:
    seen = _Seen()
    with _ONE_AT_A_TIME, _raising_yfinance():
        import yfinance
        from yfinance.data import YfData

        try:
            with _watched(YfData(session=session), seen, patience, deadline):
                ticker = yfinance.Ticker(urllib.parse.quote(asked.symbol, safe=IN_AN_ADDRESS), session=session)
                history = ticker.history(
                    period=None if asked.start else "max",  # without a period or start, yfinance gives one month
                    start=asked.start,
                    end=asked.end + dt.timedelta(days=1) if asked.end else None,  # yfinance excludes the end
                    interval=asked.interval,
                    auto_adjust=False,
                    actions=True,
                    keepna=True,
                    timeout=patience.answer,
                )
        except TooLongError:
            raise _FailedError(f"the answer is longer than {MOST // 10**6} MB", LATER, again=False) from None
        except Exception as error:  # yfinance lets errors of all kinds through
            log.debug("download of %s failed", asked.symbol, exc_info=True)
            raise _failure(error, seen) from None
    if history.empty:
        raise _FailedError("no rows", CHECK, again=False)
    meta = seen.meta()
    _check_is_asked(asked, meta)
    if not is_zone(str(history.index.tz)):  # yfinance makes one of what it finds: UTC-00:00:01 of -1
        raise _failure(ValueError("no time zone"), seen)
    return Download(
        asked=asked,
        when=when.tz_convert("UTC").floor("ms"),
        currency=_printable(meta.get("currency")),
        exchange=_printable(meta.get("fullExchangeName") or meta.get("exchangeName")),
        time_zone=str(history.index.tz),
        yfinance=yfinance.__version__,
        rows=pd.DataFrame(history).tz_localize(None),
        left_out=seen.left_out,
    )


def _check_is_asked(asked: Asked, meta: dict[str, Any]) -> None:
    """Raises if an answer is about another symbol, or has other bars."""
    symbol, interval = _printable(meta.get("symbol")), _printable(meta.get("dataGranularity"))
    if symbol and symbol.upper() != asked.symbol:
        raise _FailedError(
            f"the answer has the prices of {shown(symbol)}; if they are meant, write symbol: {symbol}",
            CHECK,
            False,
        )
    if interval and interval != asked.interval:
        raise _FailedError(
            f"the answer has bars of {shown(interval)}, asked for were those of {asked.interval}",
            LATER,
            again=True,
        )


@dataclass
class _Seen:
    """The newest answer about prices: its status and its text; None while there is none."""

    status: int | None = None
    text: str = ""
    left_out: tuple[str, ...] = ()  # events that could not be: dividend of 2024-01-03

    def content(self) -> Any:
        """The answer as JSON; None if it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    def is_chart(self) -> bool:
        """Whether the answer has the form of prices, be there any or not."""
        content = self.content()
        return isinstance(content, dict) and isinstance(content.get("chart"), dict)

    def error(self) -> str:
        """What Yahoo itself says is wrong; '' if it says nothing."""
        content = self.content()
        parts = content.values() if isinstance(content, dict) else ()
        errors = (part.get("error") for part in parts if isinstance(part, dict))
        error = next((one for one in errors if isinstance(one, dict)), {})
        return _printable(error.get("description") or error.get("code"))

    def meta(self) -> dict[str, Any]:
        """What Yahoo says about the asset beside its prices."""
        try:
            return dict(self.content()["chart"]["result"][0]["meta"])
        except (TypeError, LookupError, ValueError):
            return {}


def _printable(value: object) -> str:
    """A text of Yahoo for a message: not long, without control characters; '' for None."""
    return "".join(filter(str.isprintable, "" if value is None else str(value)[:200]))


def _failure(error: Exception, seen: _Seen) -> _FailedError:
    """What an error of yfinance means, by the answer that was seen before it."""
    from yfinance.exceptions import YFInvalidPeriodError, YFRateLimitError, YFTickerMissingError

    if isinstance(error, YFRateLimitError) or seen.status == 429:
        return _FailedError(
            "too many requests; Yahoo refuses for now", "Wait some minutes and run again", again=True
        )
    if seen.status is not None and seen.status < 500 and seen.error():
        if seen.status in (401, 403):
            newer = f"{LATER}; if it lasts: pip install --upgrade yfinance"
            return _FailedError(f"refused (HTTP {seen.status}: {seen.error()})", newer, again=False)
        return _FailedError(seen.error().rstrip("."), CHECK, again=False)
    if isinstance(error, YFInvalidPeriodError):
        return _FailedError(_printable(error).rstrip("."), CHECK, again=False)
    if seen.status == 200 and seen.is_chart() and isinstance(error, YFTickerMissingError):
        return _FailedError("no prices of these dates", CHECK, again=False)
    if any(base.__name__ == "TooManyRedirects" for base in type(error).__mro__):  # of requests, or of curl_cffi
        return _FailedError("too many redirects", LATER, again=True)
    if isinstance(error, OSError) and not isinstance(error, ValueError):  # a JSON error may be both
        return _FailedError(
            f"cannot be reached ({type(error).__name__})", "Check the network and run again", again=True
        )
    if seen.status is None:
        return _FailedError(_printable(error).rstrip(".") or type(error).__name__, CHECK, again=False)
    begin = " ".join(seen.text[:40].split())
    return _FailedError(f"the answer cannot be read (HTTP {seen.status}: {shown(begin)})", LATER, again=True)


@contextlib.contextmanager
def _watched(yahoo: Any, seen: _Seen, patience: Patience, deadline: float) -> Iterator[None]:
    """In the block, answers about prices are seen, and no answer may come after the deadline."""
    session = yahoo._session
    get, own = session.get, vars(session).get("get")

    def watched(*args: Any, **kwargs: Any) -> Any:
        left = max(deadline - patience.clock(), 0.1)
        kwargs["timeout"] = min(kwargs.get("timeout") or patience.answer, patience.answer, left)
        prices = "/chart/" in str(kwargs.get("url") or args[0])
        if prices:
            seen.status, seen.text = None, ""
        answer = whole(get, args, kwargs, session, kwargs["timeout"])
        if prices:
            seen.status, seen.text = answer.status_code, answer.text
            content, seen.left_out = sound_events(seen.content())
            if seen.left_out:
                set_content(answer, json.dumps(content).encode())
        return answer

    session.get = watched
    try:
        yield
    finally:
        if own is None:
            del session.get
        else:
            session.get = own


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
