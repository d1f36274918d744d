"""What is asked of Yahoo, what is asked again, and what a refusal says."""

from __future__ import annotations

import datetime as dt
import json
import logging
import warnings

import pytest
import requests
import yfinance
from helpers.yahoo import CLOSES, DAYS, DROPPED, RATE, SLOW, UNKNOWN, Answer, Wait, Yahoo, ask, chart, error
from requests.adapters import HTTPAdapter

from lstmstrat.errors import DataError
from lstmstrat.prices.kept import default_folder

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


EMPTY_QUOTE = json.dumps(
    {"chart": {"result": [{"meta": {"currency": "USD"}, "indicators": {"quote": [{}]}}], "error": None}}
)


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


def test_settings_of_yfinance_are_as_before(session: requests.Session, yahoo: Yahoo) -> None:
    before = (yfinance.config.debug.hide_exceptions, logging.getLogger("yfinance").level, list(warnings.filters))
    yahoo.body = "garbage"
    with pytest.raises(DataError):
        ask(session)
    assert "get" not in vars(session)  # it was watched
    after = (yfinance.config.debug.hide_exceptions, logging.getLogger("yfinance").level, list(warnings.filters))
    assert before == after
    assert before[0] is True
