"""A download is kept and used again: when Yahoo is asked, and what --offline and --refresh find."""

from __future__ import annotations

import datetime as dt
import json

import pandas as pd
import pytest
import requests
from helpers.yahoo import DAYS, NOW, RATE, Wait, Yahoo, ask, chart, config, read

from lstmstrat.errors import DataError
from lstmstrat.prices.kept import Network

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
