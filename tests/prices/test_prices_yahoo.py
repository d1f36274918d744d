"""The download, against a server on this machine that answers as Yahoo does."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import requests
import yfinance
from requests.adapters import HTTPAdapter

from lstmstrat.config.schema import DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices import Prices
from lstmstrat.prices.adjust import adjusted
from lstmstrat.prices.yahoo import download

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
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": ZONE,
            "priceHint": 2,
            "validRanges": ["1d", "max"],
        },
        "timestamp": opened,
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": [p and p / 2 for p in price]}]},
    }
    return {"chart": {"result": [result], "error": None}}


class Yahoo:
    """What the server says, and what it was asked for prices."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.status = 200
        self.body = json.dumps(chart())
        self.asked: list[dict[str, list[str]]] = []

    def answer(self, path: str) -> tuple[int, str]:
        query = parse_qs(urlsplit(path).query)
        if "/chart/" not in path:
            return 200, "crumb"
        if "period1" in query:
            self.asked.append(query)
            return self.status, self.body
        return 200, json.dumps(chart())  # yfinance asks for the time zone first


class ToLoopback(HTTPAdapter):
    """Sends every https request to the server on this machine."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.port}").geturl()
        return super().send(request, *args, **kwargs)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[requests.Session]:
    yahoo = Yahoo()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = yahoo.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToLoopback(server.server_port))
    session.yahoo = yahoo  # type: ignore[attr-defined]
    yield session
    session.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def yahoo(session: requests.Session) -> Yahoo:
    session.yahoo.reset()  # type: ignore[attr-defined]
    return session.yahoo  # type: ignore[attr-defined, no-any-return]


def config(**data: object) -> DataConfig:
    span = {"start": dt.date(2024, 1, 2), "end": dt.date(2024, 1, 5)}
    return DataConfig.model_validate({"symbol": "ABC", "source": "yahoo", **span, **data})


def test_bars_are_adjusted_once_and_dated_at_the_exchange(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.body = json.dumps(chart(DAYS[:4]))
    raw, notices = download(config(), session=session, now=NOW)
    value = Prices("ABC", "yahoo", adjusted(raw), notices)
    # By hand: Adj Close is half the close, so every price is halved; 11 - 1 = 10 -> 5.
    assert raw["close"].iloc[0] == 11.0  # as sent: yfinance adjusts nothing
    assert value.bars[0].tolist() == [5.0, 6.0, 4.5, 5.5, 100.0]
    assert value.times.astype("datetime64[D]").astype(str).tolist() == list(DAYS[:4])
    assert len(notices) == 1
    assert "Yahoo Finance, downloaded on 2024-01-08" in notices[0]


def test_the_end_is_included(session: requests.Session, yahoo: Yahoo) -> None:
    download(config(), session=session, now=NOW)
    (asked,) = yahoo.asked
    midnight = pd.Timestamp("2024-01-06", tz=ZONE)  # Yahoo leaves its end out
    assert (asked["period2"], asked["interval"]) == ([str(int(midnight.timestamp()))], ["1d"])


def test_without_a_start_all_of_the_history_is_asked_for(session: requests.Session, yahoo: Yahoo) -> None:
    download(config(start=None), session=session, now=NOW)
    assert int(yahoo.asked[0]["period1"][0]) < 0  # before 1970; yfinance's own default would be one month


def test_the_bar_of_today_is_left_out(session: requests.Session, yahoo: Yahoo) -> None:
    raw, notices = download(config(end=dt.date(2024, 1, 31)), session=session, now=NOW)
    assert raw.index[-1] == pd.Timestamp("2024-01-05")
    assert notices[-1] == "the last bar is 2024-01-05, before the end asked for, 2024-01-31"
    later = pd.Timestamp("2024-01-09 00:01", tz=ZONE)
    raw, _ = download(config(end=dt.date(2024, 1, 31)), session=session, now=later)
    assert raw.index[-1] == pd.Timestamp("2024-01-08")


def test_the_week_that_is_not_over_is_left_out(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.body = json.dumps(chart(("2023-12-18", "2023-12-25", "2024-01-01", "2024-01-08")))
    data = config(start=dt.date(2023, 12, 18), end=dt.date(2024, 1, 31), interval="1wk")
    raw, _ = download(data, session=session, now=NOW)
    assert raw.index[-1] == pd.Timestamp("2024-01-01")


def test_rows_without_prices_are_left_out_and_counted(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.body = json.dumps(chart(DAYS[:4], [11.0, None, 13.0, 14.0]))
    raw, notices = download(config(), session=session, now=NOW)
    assert [str(day.date()) for day in raw.index] == [DAYS[0], DAYS[2], DAYS[3]]
    assert notices[1] == "rows without prices left out: 1 (first: 2024-01-03)"


def test_a_shorter_history_than_asked_is_an_error(session: requests.Session, yahoo: Yahoo) -> None:
    with pytest.raises(
        DataError, match="start: 2023-12-01, but the first bar is 2024-01-02; write start: 2024-01-02"
    ):
        download(config(start=dt.date(2023, 12, 1)), session=session, now=NOW)
    raw, _ = download(config(start=dt.date(2023, 12, 30)), session=session, now=NOW)  # a weekend and a holiday
    assert raw.index[0] == pd.Timestamp("2024-01-02")


UNKNOWN = json.dumps({"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}})


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, UNKNOWN, "No data found. Check symbol:"),
        (429, "Too Many Requests", "too many requests"),
        (500, "Internal Server Error", "the answer cannot be read"),
        (200, "<html>Will be right back...</html>", "the answer cannot be read"),
        (200, json.dumps(chart())[:200], "the answer cannot be read"),
    ],
)
def test_a_failure_is_one_clear_error_and_the_next_download_asks_again(
    session: requests.Session, yahoo: Yahoo, status: int, body: str, message: str
) -> None:
    yahoo.status, yahoo.body = status, body
    with pytest.raises(DataError, match=f"ABC from Yahoo: {message}") as caught:
        download(config(), session=session, now=NOW)
    assert "source: bundled" in str(caught.value)
    assert caught.value.__suppress_context__
    yahoo.status, yahoo.body = 200, json.dumps(chart())
    raw, _ = download(config(), session=session, now=NOW)  # yfinance keeps failed answers; they must not come back
    assert len(raw) == 4


def test_no_server_is_a_network_error(session: requests.Session, yahoo: Yahoo) -> None:
    class Cut(HTTPAdapter):
        def send(self, *args: object, **kwargs: object) -> requests.Response:
            raise requests.ConnectionError("cable is out")

    nowhere = requests.Session()
    nowhere.mount("https://", Cut())
    with pytest.raises(DataError, match=r"cannot be reached \(ConnectionError\). Check the network"):
        download(config(), session=nowhere, now=NOW)


def test_settings_of_yfinance_are_as_before(session: requests.Session, yahoo: Yahoo) -> None:
    before = (yfinance.config.debug.hide_exceptions, logging.getLogger("yfinance").level, list(warnings.filters))
    yahoo.body = "garbage"
    with pytest.raises(DataError):
        download(config(), session=session, now=NOW)
    after = (yfinance.config.debug.hide_exceptions, logging.getLogger("yfinance").level, list(warnings.filters))
    assert before == after
    assert before[0] is True
