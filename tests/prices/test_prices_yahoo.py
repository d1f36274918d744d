"""The download, against a server on this machine that answers as Yahoo does."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib
import itertools
import json
import logging
import pickle
import random
import re
import shutil
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
import requests
import yfinance
from helpers.command import command, summary, tiny, what_it_found, written
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from yfinance.data import YfData

import lstmstrat
from lstmstrat.config.schema import DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices import Prices, answers, yahoo_client
from lstmstrat.prices.adjust import adjusted
from lstmstrat.prices.check import check
from lstmstrat.prices.kept import Network, default_folder
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


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[requests.Session]:
    yahoo = Yahoo()

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
    raw, notices = read(config(), session=session, now=NOW)
    value = Prices("ABC", "yahoo", adjusted(raw), notices)
    # By hand: Adj Close is half the close, so every price is halved; 11 - 1 = 10 -> 5.
    assert raw["close"].iloc[0] == 11.0  # as sent: yfinance adjusts nothing
    assert value.bars[0].tolist() == [5.0, 6.0, 4.5, 5.5, 100.0]
    assert value.times.astype("datetime64[D]").astype(str).tolist() == list(DAYS[:4])
    assert len(notices) == 1
    assert notices[0].startswith(
        "DATA: Yahoo Finance, downloaded on 2024-01-08 (20:00 UTC), prices in USD (NYSE, America/New_York)"
    )


def test_the_end_is_included(session: requests.Session, yahoo: Yahoo) -> None:
    read(config(), session=session, now=NOW)
    (asked,) = yahoo.asked
    midnight = pd.Timestamp("2024-01-06", tz=ZONE)  # Yahoo leaves its end out
    assert (asked["period2"], asked["interval"]) == ([str(int(midnight.timestamp()))], ["1d"])


def test_without_a_start_all_of_the_history_is_asked_for(session: requests.Session, yahoo: Yahoo) -> None:
    read(config(start=None), session=session, now=NOW)
    assert int(yahoo.asked[0]["period1"][0]) < 0  # before 1970; yfinance's own default would be one month


def test_the_bar_of_today_is_left_out(session: requests.Session, yahoo: Yahoo) -> None:
    raw, notices = read(config(end=dt.date(2024, 1, 31)), session=session, now=NOW)
    assert raw.index[-1] == pd.Timestamp("2024-01-05")
    assert notices[-1] == "the last bar is 2024-01-05, before the end asked for, 2024-01-31"
    later = pd.Timestamp("2024-01-09 00:01", tz=ZONE)
    raw, _ = read(config(end=dt.date(2024, 1, 31)), session=session, now=later)
    assert raw.index[-1] == pd.Timestamp("2024-01-08")


def test_the_week_that_is_not_over_is_left_out(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.body = json.dumps(chart(("2023-12-18", "2023-12-25", "2024-01-01", "2024-01-08")))
    data = config(start=dt.date(2023, 12, 18), end=dt.date(2024, 1, 31), interval="1wk")
    raw, _ = read(data, session=session, now=NOW)
    assert raw.index[-1] == pd.Timestamp("2024-01-01")


def test_rows_without_prices_are_left_out_and_counted(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.body = json.dumps(chart(DAYS[:4], [11.0, None, 13.0, 14.0]))
    raw, notices = read(config(), session=session, now=NOW)
    assert [str(day.date()) for day in raw.index] == [DAYS[0], DAYS[2], DAYS[3]]
    assert notices[1] == "rows without prices left out: 1 (first: 2024-01-03)"


def test_a_shorter_history_than_asked_is_an_error(session: requests.Session, yahoo: Yahoo) -> None:
    with pytest.raises(
        DataError, match="start: 2023-12-01, but the first bar is 2024-01-02; write start: 2024-01-02"
    ):
        read(config(start=dt.date(2023, 12, 1)), session=session, now=NOW)
    raw, _ = read(config(start=dt.date(2023, 12, 30)), session=session, now=NOW)  # a weekend and a holiday
    assert raw.index[0] == pd.Timestamp("2024-01-02")


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
BUSY, BROKEN = (503, "Service Unavailable"), (500, "Internal Server Error")
CUT = (200, json.dumps(chart())[:200])


@pytest.mark.parametrize(
    ("first", "waits", "questions"),  # yfinance asks twice in a try if the status is 400 or more
    [
        pytest.param([RATE, RATE], 1, 3, id="429 twice"),
        pytest.param([RATE] * 6, 3, 7, id="429 six times"),
        pytest.param([BROKEN, BROKEN], 1, 3, id="500"),
        pytest.param([BUSY] * 4, 2, 5, id="503"),
        pytest.param([DROPPED], 1, 2, id="dropped connection"),
        pytest.param([SLOW], 1, 2, id="slow answer"),
        pytest.param([(404, "no such page")] * 2, 1, 3, id="404 text"),
        pytest.param([(401, "go away")] * 2, 1, 3, id="401 text"),
        pytest.param([(200, "<html>Will be right back...</html>")], 1, 2, id="HTML"),
        pytest.param([CUT, CUT], 2, 3, id="cut JSON"),
        pytest.param([(200, "null")], 1, 2, id="JSON null"),
        pytest.param([(200, "[1, 2]")], 1, 2, id="JSON list"),
    ],
)
def test_what_may_pass_is_asked_again(
    session: requests.Session,
    yahoo: Yahoo,
    caplog: pytest.LogCaptureFixture,
    first: list[Answer],
    waits: int,
    questions: int,
) -> None:
    yahoo.first, wait = list(first), Wait()
    raw, _ = ask(session, wait)
    assert raw["close"].tolist() == CLOSES[:4]
    assert (len(wait.waits), len(yahoo.asked)) == (waits, questions)
    for waited, pause in zip(wait.waits, (2.0, 6.0, 18.0), strict=False):
        assert 0.8 * pause <= waited <= 1.2 * pause
    assert len([record for record in caplog.records if "asked again in" in record.message]) == waits


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (RATE, "too many requests; Yahoo refuses for now. Wait some minutes"),
        (BROKEN, r"the answer cannot be read \(HTTP 500: 'Internal Server Error'\). Run again later"),
        ((200, "<html>Will be right back...</html>"), r"the answer cannot be read \(HTTP 200: '<html>Will"),
        (CUT, r"the answer cannot be read \(HTTP 200: '{"),
        ((200, "null"), r"the answer cannot be read \(HTTP 200: 'null'\)"),
        (DROPPED, r"cannot be reached \(ConnectionError\). Check the network"),
    ],
)
def test_what_does_not_pass_is_one_clear_error_and_the_next_download_asks_again(
    session: requests.Session, yahoo: Yahoo, answer: Answer, message: str
) -> None:
    (yahoo.status, yahoo.body), wait = answer, Wait()
    with pytest.raises(DataError, match=f"ABC from Yahoo: {message}") as caught:
        ask(session, wait)
    assert len(wait.waits) == 3
    assert "source: bundled" in str(caught.value)
    assert caught.value.__suppress_context__
    yahoo.status, yahoo.body = 200, json.dumps(chart())
    raw, _ = ask(session, wait)  # yfinance keeps failed answers; they must not come back
    assert len(raw) == 4


def error(code: str, description: str, part: str = "chart") -> str:
    return json.dumps({part: {"result": None, "error": {"code": code, "description": description}}})


EMPTY_QUOTE = json.dumps(
    {"chart": {"result": [{"meta": {"currency": "USD"}, "indicators": {"quote": [{}]}}], "error": None}}
)
UNKNOWN = error("Not Found", "No data found, symbol may be delisted")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, UNKNOWN), "No data found, symbol may be delisted. Check symbol:"),
        (
            (400, error("Bad Request", "Data doesn't exist for startDate")),
            "Data doesn't exist for startDate. Check",
        ),
        (
            (401, error("Unauthorized", "Invalid Crumb", "finance")),
            r"refused \(HTTP 401: Invalid Crumb\). Run again later; if it lasts: pip install --upgrade yfinance",
        ),
        ((200, json.dumps({"chart": {"result": [], "error": None}})), "no prices of these dates. Check symbol:"),
        ((200, EMPTY_QUOTE), "no prices of these dates. Check symbol:"),
    ],
)
def test_what_yahoo_refuses_is_asked_once(
    session: requests.Session, yahoo: Yahoo, answer: Answer, message: str
) -> None:
    (yahoo.status, yahoo.body), wait = answer, Wait()
    with pytest.raises(DataError, match=f"ABC from Yahoo: {message}"):
        ask(session, wait)
    assert (wait.waits, len(yahoo.asked)) == ([], 1 if yahoo.status == 200 else 2)
    assert not list(default_folder().glob("*"))


def test_an_unknown_symbol_is_unknown_already_at_its_time_zone(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.zone, wait = (404, UNKNOWN), Wait()
    with pytest.raises(DataError, match=r"NOPE from Yahoo: No data found, symbol may be delisted. Check symbol:"):
        ask(session, wait, symbol="NOPE")
    assert (wait.waits, yahoo.asked) == ([], [])


def test_a_rate_limit_at_the_time_zone_is_no_unknown_symbol(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.zone, wait = RATE, Wait()
    with pytest.raises(DataError, match="NEW from Yahoo: too many requests"):
        ask(session, wait, symbol="NEW")
    assert len(wait.waits) == 3


def test_all_tries_end_within_a_minute(session: requests.Session, yahoo: Yahoo) -> None:
    (yahoo.status, yahoo.body), wait = RATE, Wait(each=4.0)
    with pytest.raises(DataError, match="too many requests"):
        ask(session, wait)
    assert len(wait.waits) < 3  # the last pause would end after the minute


def test_a_history_that_cannot_be_used_is_not_kept(session: requests.Session, yahoo: Yahoo) -> None:
    yahoo.body = json.dumps(chart(DAYS[3:4]))
    with pytest.raises(DataError, match="shorter history than asked"):
        ask(session, start=dt.date(2023, 12, 1))
    yahoo.body = json.dumps(chart(("2023-12-01", *DAYS[:4]), [10.0, *CLOSES[:4]]))
    assert len(ask(session, start=dt.date(2023, 12, 1))[0]) == 5


def test_no_server_is_a_network_error(session: requests.Session, yahoo: Yahoo) -> None:
    class Cut(HTTPAdapter):
        def send(self, *args: object, **kwargs: object) -> requests.Response:
            raise requests.ConnectionError("cable is out")

    nowhere = requests.Session()
    nowhere.mount("https://", Cut())
    with pytest.raises(DataError, match=r"cannot be reached \(ConnectionError\). Check the network"):
        ask(nowhere)


def test_a_period_that_yahoo_does_not_have_is_asked_for_once(session: requests.Session, yahoo: Yahoo) -> None:
    answer, wait = chart(), Wait()
    answer["chart"]["result"][0]["meta"]["validRanges"] = ["1d", "5d"]  # type: ignore[index]
    yahoo.body = json.dumps(answer)
    with pytest.raises(DataError, match=r"Period 'max' is invalid, must be one of: 1d, 5d. Check symbol:"):
        ask(session, wait, start=None)
    assert (wait.waits, len(yahoo.asked)) == ([], 1)


def test_a_row_of_the_moment_is_no_bar(session: requests.Session, yahoo: Yahoo) -> None:
    answer = chart((*DAYS, DAYS[-1]), [*CLOSES, 15.5])
    answer["chart"]["result"][0]["timestamp"][-1] = int(NOW.timestamp())  # type: ignore[index]
    yahoo.body = json.dumps(answer)
    raw, _ = ask(session, end=None)
    assert raw["close"].tolist() == CLOSES[:4]


@pytest.mark.parametrize(
    ("symbol", "path"),
    [("../../x?y=1", "..%2F..%2FX%3FY%3D1"), ("A B", "A%20B"), ("^GSPC", "%5EGSPC"), ("brk-b", "BRK-B")],
)
def test_a_symbol_is_one_part_of_the_address(
    session: requests.Session, yahoo: Yahoo, symbol: str, path: str
) -> None:
    answer = chart()
    answer["chart"]["result"][0]["meta"]["symbol"] = symbol.upper()  # type: ignore[index]
    yahoo.body = json.dumps(answer)
    ask(session, symbol=symbol)
    assert {asked.replace("=", "%3D") for asked in yahoo.paths} == {f"/v8/finance/chart/{path}"}


def test_a_symbol_without_a_letter_is_refused_before_anything_is_asked(
    session: requests.Session, yahoo: Yahoo
) -> None:
    with pytest.raises(DataError, match=r"'\.\.' is no symbol of Yahoo"):
        ask(session, symbol="..")
    assert yahoo.paths == []


def spoiled(values: dict[str, object], row: int = 1) -> str:
    """The answer with one row spoiled: {"close": None}."""
    answer = chart(DAYS[:4])
    quote = answer["chart"]["result"][0]["indicators"]["quote"][0]  # type: ignore[index]
    for name, value in values.items():
        quote[name][row] = value
    return json.dumps(answer)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"close": None}, "a price is missing"),
        ({"open": None, "high": None}, "a price is missing"),
        ({"close": 0.0}, "a price is not above 0, open or close is outside of low and high"),
        ({"low": -1.0}, "a price is not above 0"),
        ({"high": 1.0}, "open or close is outside of low and high"),
        ({"volume": -5}, "the volume is below 0"),
    ],
)
def test_a_row_that_is_no_bar_is_left_out_by_its_date(
    session: requests.Session, yahoo: Yahoo, values: dict[str, object], reason: str
) -> None:
    yahoo.body = spoiled(values)
    raw, notices = ask(session)
    assert raw["close"].tolist() == [11.0, 13.0, 14.0]
    assert notices[1] == f"rows that Yahoo has wrong left out: 1 (2024-01-03): {reason}"


@pytest.mark.parametrize("volume", [0, None])
def test_a_day_without_volume_is_a_bar(session: requests.Session, yahoo: Yahoo, volume: int | None) -> None:
    yahoo.body = spoiled({"volume": volume})  # an index or a currency has 0 on every day
    raw, notices = ask(session)
    assert (raw["volume"].tolist(), len(notices)) == ([100.0, 0.0, 100.0, 100.0], 1)


def test_a_history_that_is_wrong_in_most_rows_is_not_thinned_out(session: requests.Session, yahoo: Yahoo) -> None:
    answer = chart(DAYS[:4])
    answer["chart"]["result"][0]["indicators"]["quote"][0]["high"] = [1.0] * 4  # type: ignore[index]
    yahoo.body = json.dumps(answer)
    raw, notices = ask(session)
    assert (len(raw), len(notices)) == (4, 1)
    with pytest.raises(DataError, match="the prices cannot be used"):
        check(raw, "ABC")


def test_rows_twice_and_out_of_order_are_mended(session: requests.Session, yahoo: Yahoo) -> None:
    days = (DAYS[2], DAYS[0], DAYS[1], DAYS[3], DAYS[3])
    yahoo.body = json.dumps(chart(days, [13.0, 11.0, 12.0, 14.0, 14.5]))
    raw, _ = ask(session)
    assert raw["close"].tolist() == [11.0, 12.0, 13.0, 14.5]  # of two rows of a day the later one


def test_settings_of_yfinance_are_as_before(session: requests.Session, yahoo: Yahoo) -> None:
    before = (yfinance.config.debug.hide_exceptions, logging.getLogger("yfinance").level, list(warnings.filters))
    yahoo.body = "garbage"
    with pytest.raises(DataError):
        ask(session)
    assert "get" not in vars(session)  # it was watched
    after = (yfinance.config.debug.hide_exceptions, logging.getLogger("yfinance").level, list(warnings.filters))
    assert before == after
    assert before[0] is True


DAY_LATER = NOW + pd.Timedelta(days=1)
OPEN = {"end": None}


def test_an_end_that_is_over_is_asked_for_once(session: requests.Session, yahoo: Yahoo) -> None:
    first, _ = ask(session)
    yahoo.body = json.dumps(chart(closes=[99.0] * 5))
    again, notices = read(config(), session=session, now=NOW + pd.Timedelta(days=400))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert len(yahoo.asked) == 1
    assert "downloaded on 2024-01-08" in notices[0]


def test_a_history_that_goes_on_is_asked_for_once_a_day(session: requests.Session, yahoo: Yahoo) -> None:
    first, _ = read(config(**OPEN), session=session, now=NOW)
    late = pd.Timestamp("2024-01-09 04:59", tz="UTC")  # one minute to midnight in New York
    again, _ = read(config(**OPEN), session=session, now=late)
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert len(yahoo.asked) == 1
    fresh, _ = read(config(**OPEN), session=session, now=late + pd.Timedelta(minutes=1))
    assert len(yahoo.asked) == 2
    assert fresh.index[-1] == pd.Timestamp("2024-01-08")


def test_offline_uses_the_newest_that_reaches(session: requests.Session, yahoo: Yahoo) -> None:
    for now in (NOW, DAY_LATER):
        read(config(**OPEN), session=session, now=now)
    shorter = config(start=dt.date(2024, 1, 3), end=None)
    raw, notices = read(shorter, Network.NEVER)
    assert [str(time.date()) for time in raw.index] == list(DAYS[1:])
    assert "downloaded on 2024-01-09" in notices[0]
    assert len(yahoo.asked) == 2


@pytest.mark.parametrize(
    "data",
    [{"start": dt.date(2023, 1, 1)}, {"start": None}, {"symbol": "ABD"}, {"interval": "1wk"}, {"end": None}],
)
def test_offline_without_a_download_names_what_there_is(
    session: requests.Session, yahoo: Yahoo, data: dict[str, object]
) -> None:
    ask(session)
    with pytest.raises(DataError, match="--offline forbids source: yahoo, a download, and none of") as caught:
        read(config(**data), Network.NEVER)
    there = "kept: ABC 1d, 2024-01-02 to 2024-01-05, downloaded on 2024-01-08"
    assert (there in str(caught.value)) == ("symbol" not in data and "interval" not in data)


def test_a_later_download_for_another_question_changes_nothing(session: requests.Session, yahoo: Yahoo) -> None:
    read(config(**OPEN), session=session, now=NOW)
    inside = config(start=dt.date(2024, 1, 3))
    first, _ = read(inside, Network.NEVER)
    yahoo.body = json.dumps(chart(closes=[99.0] * 5))
    read(config(**OPEN), session=session, now=DAY_LATER)
    again, _ = read(inside, session=session, now=DAY_LATER)
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_refresh_asks_again_and_what_it_finds_is_used_from_then_on(
    session: requests.Session, yahoo: Yahoo
) -> None:
    ask(session)
    yahoo.body = json.dumps(chart(closes=[99.0] * 5))
    fresh, _ = read(config(), Network.NOW, session=session, now=DAY_LATER)
    again, _ = read(config(), Network.NEVER)
    assert fresh["close"].tolist() == again["close"].tolist() == [99.0] * 4


def test_a_failed_download_names_the_one_that_is_kept(session: requests.Session, yahoo: Yahoo) -> None:
    read(config(**OPEN), session=session, now=NOW)
    yahoo.status, yahoo.body = RATE
    with pytest.raises(DataError, match="Or use the download of 2024-01-08, which is kept: --offline"):
        read(config(**OPEN), session=session, now=DAY_LATER, patience=Wait().patience())
    assert len(read(config(**OPEN), Network.NEVER)[0]) == 4


@pytest.fixture
def command_on_loopback(session: requests.Session, yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks the server on this machine, and does not wait."""
    YfData(session=session)  # yfinance keeps it for downloads that name none
    monkeypatch.setattr(yahoo_client.Patience, "waits", lambda self: iter((0.01, 0.01, 0.01)))
    yahoo.body = long_history()


def long_history(ratio: float = 1.0) -> str:
    """Three hundred days to 2024-01-05, with adjusted closes times `ratio`."""
    days = tuple(str(day.date()) for day in pd.bdate_range(end="2024-01-05", periods=300))
    closes = (100.0 * np.exp(np.random.default_rng(3).normal(0.0, 0.01, 300).cumsum())).round(2)
    answer = chart(days, closes.tolist())
    result = answer["chart"]["result"][0]  # type: ignore[index]
    result["meta"]["currency"] = "JPY"
    result["indicators"]["adjclose"][0]["adjclose"] = (closes / 2.0 * ratio).tolist()
    return json.dumps(answer)


def yahoo_config(folder: Path) -> Path:
    data = {"source": "yahoo", "symbol": "ABC", "start": None, "end": "2024-01-05"}
    return written(folder, tiny(data=data, forecast={"model": "ridge", "members": 1}))


@pytest.mark.usefixtures("command_on_loopback")
def test_the_config_of_a_run_gives_its_numbers_again_offline(yahoo: Yahoo, tmp_path: Path) -> None:
    told = command(yahoo_config(tmp_path), "--out", tmp_path / "first", "--jobs", 1, "--quiet")
    assert (told.code, told.err) == (0, "")
    asked = len(yahoo.asked)
    yahoo.status, yahoo.body = 500, "out of order"
    config_of_run = tmp_path / "first" / "config.yaml"
    for name, options in (("offline", ["--offline"]), ("again", [])):
        again = command(config_of_run, "--out", tmp_path / name, "--jobs", 1, "--quiet", "--no-cache", *options)
        assert again.code == 0, again.err
        for file in ("equity.csv", "prices.csv", "forecasts.csv", "orders.csv", "trades.csv", "folds.csv"):
            assert (tmp_path / "first" / file).read_bytes() == (tmp_path / name / file).read_bytes()
        assert what_it_found(summary(tmp_path / name)) == what_it_found(summary(tmp_path / "first"))
    assert len(yahoo.asked) == asked
    data = summary(tmp_path / "offline")["data"]
    assert (data["currency"], data["time_zone"]) == ("JPY", ZONE)
    assert data["downloaded"] == summary(tmp_path / "first")["data"]["downloaded"]
    assert "prices in JPY (NYSE, America/New_York)" in data["notices"][0]
    page = (tmp_path / "first" / "report.html").read_text()
    assert "Prices: yahoo in JPY, 2022-11-14 to 2024-01-05" in page
    assert "ABC in JPY, yahoo, 2022-11-14 to 2024-01-05" in page


@pytest.mark.usefixtures("command_on_loopback")
def test_refresh_says_what_changed_and_which_results_are_old(yahoo: Yahoo, tmp_path: Path) -> None:
    config_file = yahoo_config(tmp_path)
    command(config_file, "--out", tmp_path / "old", "--jobs", 1, "--quiet")
    yahoo.body = long_history(ratio=0.99)  # a dividend of 1% after the last bar
    told = command(config_file, "--out", tmp_path / "new", "--jobs", 1, "--refresh")
    assert told.code == 0
    text = " ".join(told.out.split())
    assert "refreshed: bars changed: 300, 2022-11-14 to 2024-01-05, by up to 0.01 of their size" in text
    assert "all prices until 2024-01-05 times 0.99: a dividend" in text
    assert f"data.sha256 {summary(tmp_path / 'old')['data']['sha256']}" in text
    yahoo.body = long_history()
    again = command(config_file, "--out", tmp_path / "again", "--jobs", 1, "--quiet", "--offline")
    assert again.code == 0
    both = [summary(tmp_path / name)["data"]["sha256"] for name in ("new", "again")]
    assert both[0] == both[1] != summary(tmp_path / "old")["data"]["sha256"]


@pytest.mark.usefixtures("command_on_loopback")
def test_the_command_says_why_it_waits_and_what_does_not_work(yahoo: Yahoo, tmp_path: Path) -> None:
    config_file = yahoo_config(tmp_path)
    yahoo.first = [RATE] * 4
    told = command(config_file, "--out", tmp_path / "out", "--jobs", 1, "--quiet")
    assert told.code == 0
    yahoo.status, yahoo.body = 404, UNKNOWN
    told = command(config_file, "--set", "data.symbol=ABD", "--quiet")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: ABD from Yahoo: No data found, symbol may be delisted. Check symbol:")
    assert "Traceback" not in told.err
    told = command(config_file, "--set", "data.symbol=ABD", "--offline", "--quiet")
    assert told.code == 2
    assert told.err.startswith("error: ABD: --offline forbids source: yahoo, a download, and none of ABD 1d")
    told = command(config_file, "--offline", "--refresh")
    assert told.code == 2
    assert "not allowed with argument" in told.err
    told = command(written(tmp_path / "bundled", tiny()), "--refresh")
    assert told.err == "error: --refresh is only for source: yahoo, not bundled; take it out\n"


@pytest.mark.usefixtures("command_on_loopback")
def test_the_cure_for_a_history_that_the_check_refuses_works(yahoo: Yahoo, tmp_path: Path) -> None:
    answer = json.loads(long_history())
    quote = answer["chart"]["result"][0]["indicators"]["quote"][0]
    highs = quote["high"]
    quote["high"] = [low / 2.0 for low in quote["low"]]
    yahoo.body = json.dumps(answer)
    told = command(yahoo_config(tmp_path), "--quiet")
    assert told.code == 2
    (pattern,) = re.findall(r"a copy of the newest (\S+) and read it with source: csv, path:", told.err)
    newest = max(Path(pattern).parent.glob(Path(pattern).name))
    frame = pd.read_csv(newest)
    frame.assign(High=highs).to_csv(tmp_path / "copy.csv", index=False)
    prices = lstmstrat.load_prices(DataConfig(symbol="ABC", source="csv", path=str(tmp_path / "copy.csv")))
    assert len(prices.frame) == 300


@pytest.mark.usefixtures("command_on_loopback")
def test_the_library_has_the_same_two_words(yahoo: Yahoo) -> None:
    data = DataConfig(symbol="ABC", source="yahoo", end=dt.date(2024, 1, 5))
    first = lstmstrat.load_prices(data)
    assert (first.vendor.currency, first.vendor.time_zone) == ("JPY", ZONE)
    assert lstmstrat.load_prices(data, offline=True).sha256 == first.sha256
    yahoo.body = long_history(ratio=0.5)
    fresh = lstmstrat.load_prices(data, refresh=True)
    assert fresh.sha256 != first.sha256
    assert pickle.loads(pickle.dumps(fresh)).vendor == fresh.vendor
    with pytest.raises(DataError, match="take one of the two out"):
        lstmstrat.load_prices(data, offline=True, refresh=True)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of an answer."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from leaves(part, (*path, key))


PATHS = list(leaves(chart()))[1:]
ODD = [None, True, "x", "\x1b[2J", "", -1, 0, 10**30, -(10**15), 1e308, 0.5, [], [None], {}, {"error": 3}, [[]]]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(ODD)), min_size=1, max_size=2))
@example(places=[(("chart", "result", 0, "meta", "exchangeTimezoneName"), -1)])
def test_any_answer_gives_bars_or_one_sentence(
    session: requests.Session, yahoo: Yahoo, places: list[tuple[tuple[Any, ...], Any]]
) -> None:
    answer: Any = chart()
    for (*way, last), odd in places:
        with contextlib.suppress(TypeError, LookupError):
            functools.reduce(lambda part, key: part[key], way, answer)[last] = odd
    yahoo.reset()
    yahoo.body = json.dumps(answer)
    shutil.rmtree(default_folder(), ignore_errors=True)
    told = ""
    with contextlib.suppress(DataError):  # any other error fails
        raw, notices = read(config(), Network.NOW, session=session, now=NOW, patience=Wait().patience())
        told = " ".join(notices)
        again, _ = read(config(), Network.NEVER)
        pd.testing.assert_frame_equal(raw, again, check_exact=True)
        check(raw, "ABC")
        Prices("ABC", "yahoo", adjusted(raw), notices)
    assert "\x1b" not in told


def with_events(**events: object) -> str:
    answer = chart(DAYS[:4])
    answer["chart"]["result"][0]["events"] = events  # type: ignore[index]
    return json.dumps(answer)


def event(day: str, **amounts: object) -> dict[str, object]:
    seconds = int(pd.Timestamp(f"{day} 09:30", tz=ZONE).timestamp())
    return {str(seconds): {"date": seconds, **amounts}}


@pytest.mark.parametrize("bad", [None, "0.5", 0.0, -1.0, float("nan"), float("inf"), [1.0], True, 10**400])
def test_an_event_that_cannot_be_is_left_out_by_its_date(
    session: requests.Session, yahoo: Yahoo, bad: object
) -> None:
    """A dividend of null, or a split of 0:0, does not cost the download; the sound ones stay."""
    dividends = event("2024-01-03", amount=bad) | event("2024-01-04", amount=0.5)
    splits = event("2024-01-05", numerator=bad, denominator=1.0) | event("2024-01-03", numerator=2, denominator=1)
    yahoo.body = with_events(dividends=dividends, splits=splits, capitalGains={"x": None})
    raw, notices = ask(session)
    assert raw["close"].tolist() == CLOSES[:4]
    told = (
        "events that Yahoo has wrong left out: 3 (dividend of 2024-01-03, capital gain of an unknown day ('x'), "
    )
    assert told + "split of 2024-01-05)" in notices
    again, kept = read(config(), Network.NEVER)
    pd.testing.assert_frame_equal(raw, again, check_exact=True)
    assert kept == notices


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"symbol": "XYZ"}, "the answer has the prices of 'XYZ'; if they are meant, write symbol: XYZ"),
        ({"dataGranularity": "1mo"}, "the answer has bars of '1mo', asked for were those of 1d"),
    ],
)
def test_an_answer_to_another_question_is_refused(
    session: requests.Session, yahoo: Yahoo, meta: dict[str, str], message: str
) -> None:
    answer = chart(DAYS[:4])
    answer["chart"]["result"][0]["meta"].update(meta)  # type: ignore[index]
    yahoo.body = json.dumps(answer)
    with pytest.raises(DataError, match=message):
        ask(session)
    answer["chart"]["result"][0]["meta"].update(symbol="abc", dataGranularity="1d")  # type: ignore[index]
    yahoo.body = json.dumps(answer)
    assert len(ask(session)[0]) == 4


class Endless(BaseHTTPRequestHandler):
    """An answer that goes on: by a byte now and then, from its heading on or after it, or by 200 MB at once."""

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            if "heading" in self.path:
                self.drip(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            if "long" in self.path:
                for _ in range(200):
                    self.wfile.write(b" " * 1_000_000)
                return
            self.drip(b"{" + b" " * 1000)

    def drip(self, content: bytes) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def endless() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v8/finance/chart/"
    server.shutdown()
    server.server_close()


def sessions() -> list[Any]:
    import curl_cffi.requests

    return [requests.Session(), curl_cffi.requests.Session()]


@pytest.mark.parametrize("path", ["heading", "body"])
@pytest.mark.parametrize("session", sessions(), ids=["requests", "curl_cffi"])
def test_an_answer_of_a_byte_now_and_then_ends_in_time(endless: str, session: Any, path: str) -> None:
    """The timeout of requests is that of each byte: the answer would take a minute."""
    holder, seen = type("Holder", (), {"_session": session}), yahoo_client._Seen()
    for answer, total in ((0.4, 10.0), (10.0, 0.4)):
        begin = time.monotonic()
        watched = yahoo_client._watched(holder, seen, Patience(answer=answer), begin + total)
        with pytest.raises(OSError, match=r"tim|^$"), watched:
            session.get(endless + path, timeout=30)
        assert time.monotonic() - begin < 2.0


@pytest.mark.parametrize("session", sessions(), ids=["requests", "curl_cffi"])
def test_an_answer_of_200_mb_is_not_read_to_its_end(endless: str, session: Any) -> None:
    holder, seen = type("Holder", (), {"_session": session}), yahoo_client._Seen()
    with (
        pytest.raises(answers.TooLongError),
        yahoo_client._watched(holder, seen, Patience(), time.monotonic() + 60),
    ):
        session.get(endless + "long")


def test_an_answer_that_is_too_long_is_said_to_be(
    session: requests.Session, yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST", 1_000_000)
    yahoo.body = json.dumps(chart(DAYS[:4])) + " " * 2_000_000
    with pytest.raises(DataError, match="ABC from Yahoo: the answer is longer than"):
        ask(session)
    yahoo.body = json.dumps(chart(DAYS[:4])) + " " * 900_000
    assert len(ask(session)[0]) == 4


@pytest.mark.parametrize("client", ["requests", "curl_cffi.requests.exceptions"])
def test_a_loop_of_redirects_is_no_fault_of_the_network(
    session: requests.Session, yahoo: Yahoo, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = importlib.import_module(client).TooManyRedirects

    def around(*_: object, **__: object) -> None:
        raise kind("Exceeded 30 redirects.")

    monkeypatch.setattr(session, "send", around)
    with pytest.raises(DataError, match=r"ABC from Yahoo: too many redirects\. Run again later"):
        ask(session)
