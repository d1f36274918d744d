"""An answer of Yahoo becomes bars, what is no bar is left out by its date, and an odd answer is one sentence."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import shutil
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import requests
from helpers.yahoo import CLOSES, DAYS, NOW, ZONE, Wait, Yahoo, ask, chart, config, read
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lstmstrat.errors import DataError
from lstmstrat.prices import Prices
from lstmstrat.prices.adjust import adjusted
from lstmstrat.prices.check import check
from lstmstrat.prices.kept import Network, default_folder


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


def test_a_row_of_the_moment_is_no_bar(session: requests.Session, yahoo: Yahoo) -> None:
    answer = chart((*DAYS, DAYS[-1]), [*CLOSES, 15.5])
    answer["chart"]["result"][0]["timestamp"][-1] = int(NOW.timestamp())  # type: ignore[index]
    yahoo.body = json.dumps(answer)
    raw, _ = ask(session, end=None)
    assert raw["close"].tolist() == CLOSES[:4]


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
