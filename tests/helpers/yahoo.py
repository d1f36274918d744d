"""A server on this machine that answers as Yahoo does, and the questions that the tests ask it."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import requests
import yfinance
from requests.adapters import HTTPAdapter

from lstmstrat.config.schema import DataConfig
from lstmstrat.prices.table import Raw
from lstmstrat.prices.yahoo import read as read_with_vendor
from lstmstrat.prices.yahoo_client import Patience

ZONE = "America/New_York"
NOW = pd.Timestamp("2024-01-08 15:00", tz=ZONE)  # a Monday, the exchange open
DAYS = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08")
CLOSES = [11.0, 12.0, 13.0, 14.0, 15.0]


def chart(days: tuple[str, ...] = DAYS, closes: list[float | None] | None = None) -> dict[str, object]:
    """Yahoo's answer: bars that open at the close less 1, range from close less 2 to close plus 1."""
    price = CLOSES[: len(days)] if closes is None else closes
    quote = {
        name: [None if p is None else p + d for p in price]
        for name, d in (("open", -1.0), ("high", 1.0), ("low", -2.0), ("close", 0.0))
    }
    quote["volume"] = [None if p is None else 100.0 for p in price]
    opened = [int(pd.Timestamp(f"{day} 09:30", tz=ZONE).timestamp()) for day in days]
    result = {
        "meta": {
            "currency": "USD",
            "symbol": "ABC",
            "fullExchangeName": "NYSE",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": ZONE,
            "priceHint": 2,
            "validRanges": ["1d", "max"],
        },
        "timestamp": opened,
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": [p and p / 2 for p in price]}]},
    }
    return {"chart": {"result": [result], "error": None}}


Answer = tuple[int, str]
DROPPED, SLOW = (0, "dropped"), (0, "slow")  # a connection that is closed, and an answer that comes too late
ANSWER = 0.2  # seconds that an answer may take
LATE = 0.5


class Yahoo:
    """What the server says, and what it was asked for prices.

    The first questions for prices are answered by `first`, one by each, all others by `status` and `body`; `zone`
    is the answer to the question for the time zone.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.first: list[Answer] = []
        self.status = 200
        self.body = json.dumps(chart())
        self.zone: Answer = (200, json.dumps(chart()))
        self.asked: list[dict[str, list[str]]] = []
        self.paths: list[str] = []

    def answer(self, path: str) -> Answer:
        query = parse_qs(urlsplit(path).query)
        if "/chart/" not in path:
            return 200, "crumb"
        self.paths.append(urlsplit(path).path)
        if "period1" in query:
            self.asked.append(query)
            return self.first.pop(0) if self.first else (self.status, self.body)
        return self.zone  # yfinance asks for the time zone first, and keeps it


class ToLoopback(HTTPAdapter):
    """Sends every https request to the server on this machine."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.port}").geturl()
        return super().send(request, *args, **kwargs)  # type: ignore[arg-type]


def _handler(yahoo: Yahoo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = yahoo.answer(self.path)
            if (status, body) == SLOW:
                time.sleep(LATE)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def loopback(folder: Path) -> Iterator[tuple[requests.Session, Yahoo]]:
    """A session whose every question the `Yahoo` beside it answers; yfinance keeps time zones in `folder`."""
    yahoo, session = Yahoo(), requests.Session()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(yahoo))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yfinance.set_tz_cache_location(str(folder))
    session.trust_env = False
    session.mount("https://", ToLoopback(server.server_port))
    yield session, yahoo
    session.close()
    server.shutdown()
    server.server_close()


def config(**data: object) -> DataConfig:
    span = {"start": dt.date(2024, 1, 2), "end": dt.date(2024, 1, 5)}
    return DataConfig.model_validate({"symbol": "ABC", "source": "yahoo", **span, **data})


@dataclass
class Wait:
    """Patience without waiting: what was waited for, by a clock that only waits move."""

    waits: list[float] = field(default_factory=list)
    each: float = 0.0  # seconds that each look at the clock takes

    def patience(self) -> Patience:
        looks = itertools.count(1)
        return Patience(
            answer=ANSWER,
            sleep=self.waits.append,
            clock=lambda: sum(self.waits) + self.each * next(looks),
            chance=random.Random(1),
        )


def read(*given: Any, **named: Any) -> Raw:
    return read_with_vendor(*given, **named)[0]


def ask(session: requests.Session, wait: Wait | None = None, **data: object) -> Raw:
    return read(config(**data), session=session, now=NOW, patience=(wait or Wait()).patience())


RATE = (429, "Too Many Requests")


def error(code: str, description: str, part: str = "chart") -> str:
    return json.dumps({part: {"result": None, "error": {"code": code, "description": description}}})


UNKNOWN = error("Not Found", "No data found, symbol may be delisted")
