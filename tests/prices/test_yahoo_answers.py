"""Answers of Yahoo that are none: events that cannot be, other questions, too long, too slow, going round."""

from __future__ import annotations

import contextlib
import importlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd
import pytest
import requests
from helpers.yahoo import CLOSES, DAYS, ZONE, Yahoo, ask, chart, config, read

from lstmstrat.errors import DataError
from lstmstrat.prices import answers, yahoo_client
from lstmstrat.prices.kept import Network
from lstmstrat.prices.yahoo_client import Patience


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
        assert time.monotonic() - begin < 8.0  # and not the other limit


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
