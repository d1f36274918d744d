"""No value is used before it was known: dates across a change of clocks, a clock of 12 hours, longer bars.

Second origin of what is known when: the zones of pandas, and hours counted by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import csv, lines, made_up
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstmstrat import DataError, Prices
from lstmstrat.arrays import Times
from lstmstrat.prices.bar_length import length_of_longer_bars
from lstmstrat.prices.utc_offset import UtcOffset

HEADING = "time,open,high,low,close,volume"
OHLC = ",{o},{h},{l},{c},{v}"
NEW_YORK = "America/New_York"
NANOS = "datetime64[ns]"


def sessions(zone: str, start: str, days: int, hour: int = 9) -> pd.DatetimeIndex:
    """Hours of sessions on weekdays, on the clock of a zone."""
    dates = pd.bdate_range(start, periods=days)
    stamps = pd.DatetimeIndex([day + pd.Timedelta(hours=hour + k) for day in dates for k in range(3)])
    return stamps.tz_localize(zone)


def with_extra(folder: Path, own: pd.DatetimeIndex, stamps: list[str], form: str = "{t}", **entry: Any) -> Prices:
    """Prices at some times with extra data whose k-th row has the value k."""
    (folder / "x.csv").write_text("\n".join(["date,x", *(f"{stamp},{k}" for k, stamp in enumerate(stamps))]))
    one = {"name": "x", "path": str(folder / "x.csv"), **entry}
    return csv(folder, lines(made_up(own), form + OHLC, HEADING), extra=[one])


# --- midnight of the exchange, written in UTC, across a change of clocks ------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from([NEW_YORK, "Europe/Berlin", "Asia/Jerusalem", "Australia/Sydney", "Asia/Tokyo"]),
    start=st.dates(pd.Timestamp("2018-12-01").date(), pd.Timestamp("2019-11-20").date()),
    days=st.integers(1, 60),
    before=st.integers(0, 150),
    after=st.integers(0, 150),
    on_weekends=st.booleans(),
)
def test_law_a_value_with_a_date_is_used_from_the_next_day_on(
    tmp_path: Path, zone: str, start: Any, days: int, before: int, after: int, on_weekends: bool
) -> None:
    """The values may begin before the bars, and go on after them, on the other side of a change of clocks."""
    own = sessions(zone, str(start), days)
    span = pd.Timedelta(days=1)
    begin, end = own[0].normalize() - before * span, own[-1].normalize() + after * span
    dates = pd.date_range(
        begin.tz_localize(None).normalize(), end.tz_localize(None), freq="D" if on_weekends else "B"
    )
    stamps = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in dates.tz_localize(zone).tz_convert("UTC")]
    if not len(dates) or dates[0] >= own[-1].tz_localize(None).normalize():
        return
    stream = with_extra(tmp_path, own, stamps).outside.extra[0]
    local = own.tz_localize(None)
    expected = np.searchsorted(dates + span, local.normalize(), side="right") - 1
    assert stream.newest(local.to_numpy().astype(NANOS)).tolist() == expected.tolist()
    assert stream.lag == "1d"


def test_dates_of_one_clock_among_times_of_day_are_asked_about_and_the_cures_work(tmp_path: Path) -> None:
    """Midnight of New York, and one row of 14:00: are the others known at midnight, or are they dates?"""
    own = sessions(NEW_YORK, "2019-01-02", 30)
    stamps = [f"2019-01-{day:02}T05:00:00Z" for day in range(2, 20)] + ["2019-01-20T19:00:00Z"]
    with pytest.raises(DataError, match="2019-01-02 05:00 UTC is midnight on the clock of the prices") as caught:
        with_extra(tmp_path, own, stamps)
    lags = re.findall(r"lag: (\w+)", str(caught.value))
    assert lags == ["1d", "0d"]
    late, early = (with_extra(tmp_path, own, stamps, lag=lag).outside.extra[0] for lag in lags)
    assert set((late.known - early.known).tolist()) == {24 * 3600 * 10**9}
    assert str(early.known[-1])[:16] == "2019-01-20T14:00"  # by hand: New York is five hours behind


@pytest.mark.parametrize("hour", [1, 7, 13])
def test_one_time_of_day_that_is_no_midnight_is_a_time(tmp_path: Path, hour: int) -> None:
    own = sessions(NEW_YORK, "2019-02-20", 30)
    stream = with_extra(
        tmp_path, own, [f"2019-0{m}-{d:02}T{hour:02}:00:00Z" for m in (2, 3) for d in range(1, 28)]
    )
    assert stream.outside.extra[0].lag == "0d"


def test_a_time_is_late_by_its_lag_and_not_by_what_clocks_show(tmp_path: Path) -> None:
    """Saturday noon of New York is 17:00 UTC; 48 hours later it is 13:00 there, by the clock of summer."""
    own = sessions(NEW_YORK, "2019-03-04", 12)
    stream = with_extra(tmp_path, own, ["2019-03-07T17:00:00Z", "2019-03-09T17:00:00Z"], lag="48h").outside.extra[
        0
    ]
    assert str(stream.known[1])[:16] == "2019-03-11T13:00"


def test_midnights_by_hand() -> None:
    """Friday 2019-03-08 09:30 -05:00 and Monday 2019-03-11 09:30 -04:00."""
    local = np.array(["2019-03-08T09:30", "2019-03-11T09:30"], dtype=NANOS)
    clock = UtcOffset(local, np.array(["2019-03-08T14:30", "2019-03-11T13:30"], dtype=NANOS))
    cases = {
        "2019-03-09T05:00": "2019-03-09",  # winter, and between the two any of both
        "2019-03-10T05:00": "2019-03-10",
        "2019-03-11T04:00": "2019-03-11",
        "2019-03-09T03:00": "NaT",
        "2019-03-12T04:00": "2019-03-12",  # after the last: by its offset, or but for an hour
        "2019-11-12T05:00": "2019-11-12",
        "2019-03-12T06:00": "NaT",
        "2018-10-12T04:00": "2018-10-12",  # before the first
    }
    found = clock.midnights(np.array(list(cases), dtype=NANOS))
    assert [str(time)[:10] for time in found] == list(cases.values())


# --- a clock of 12 hours ----------------------------------------------------------------------------------


def scattered(each: int) -> list[pd.Timestamp]:
    """Moments at any time of some days, so many of each."""
    rng = np.random.default_rng(1)
    days = [day for day in pd.date_range("2019-01-02", periods=90) for _ in range(each)]
    return sorted({day + pd.Timedelta(minutes=int(rng.integers(0, 1440))) for day in days})


@pytest.mark.parametrize("each", [1, 6])
def test_extra_data_on_a_clock_of_twelve_hours_is_asked_about_and_the_cures_work(
    tmp_path: Path, each: int
) -> None:
    """Read as it stands, 23:10 was known at 11:10."""
    own, moments = sessions("UTC", "2019-01-02", 60), scattered(each)
    plain = "{t:%Y-%m-%d %H:%M}"
    with pytest.raises(DataError, match="as on a clock of 12 hours without AM and PM") as caught:
        with_extra(tmp_path, own, [f"{time:%m/%d/%Y %I:%M}" for time in moments], plain)
    assert "mean" not in str(caught.value)
    for form in ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M"):
        stream = with_extra(tmp_path, own, [time.strftime(form) for time in moments], plain).outside.extra[0]
        assert pd.DatetimeIndex(stream.known).tolist() == moments
    if each == 1:
        lags = re.findall(r'lag: "(\w+)"', str(caught.value))
        assert lags == ["12h", "0d"]
        stamps = [f"{time:%m/%d/%Y %I:%M}" for time in moments]
        late = with_extra(tmp_path, own, stamps, plain, lag=lags[0]).outside.extra[0]
        assert (pd.DatetimeIndex(late.known)[:-1] >= pd.DatetimeIndex(moments)[:-1]).all()


@pytest.mark.parametrize("hours", [(8, 9, 10, 12), tuple(range(4, 13)), (9, 10, 11, 12, 13), (0, 1, 12)])
def test_hours_of_a_morning_are_not_asked_about(tmp_path: Path, hours: tuple[int, ...]) -> None:
    own = sessions("UTC", "2019-01-02", 30)
    stamps = [f"2019-01-{2 + k:02} {hours[k % len(hours)]:02}:30" for k in range(25)]
    assert with_extra(tmp_path, own, stamps, "{t:%Y-%m-%d %H:%M}").outside.extra[0].lag == "0d"


# --- how long bars are -------------------------------------------------------------------------------------


def grid(every: str, periods: int = 3000) -> Times:
    return pd.date_range("2019-01-02 09:30", periods=periods, freq=every).to_numpy().astype(NANOS)


@settings(max_examples=30, deadline=None)
@given(
    present=st.floats(0.05, 1.0), seed=st.integers(0, 99), times=st.sampled_from([2, 5, 15, 60])
)  # fmt: skip
def test_law_bars_that_are_missing_do_not_hide_that_a_peer_has_longer_ones(
    present: float, seed: int, times: int
) -> None:
    """Minutes, of which a share is there, beside full bars of more minutes: each is known when it is over."""
    minutes = grid("min", 12_000)
    own = minutes[np.random.default_rng(seed).random(len(minutes)) < present]
    lag = length_of_longer_bars(grid(f"{times}min"), own)
    assert lag == f"{times}min"


def test_a_stray_bar_does_not_make_the_others_shorter() -> None:
    hours = grid("h", 400)
    stray = np.insert(hours, 7, hours[7] - np.timedelta64(1, "m"))
    assert length_of_longer_bars(hours, stray) == "0d"
    assert length_of_longer_bars(stray, grid("15min")) == "60min"


def test_a_first_bar_of_half_an_hour_is_no_shorter_than_that_of_a_peer() -> None:
    """TradingView: 09:30, 10:00, 11:00 ... 15:00, of both."""
    stamps = [day + pd.Timedelta(minutes=m) for day in pd.bdate_range("2019-01-02", periods=60)
              for m in (570, *range(600, 960, 60))]  # fmt: skip
    times = pd.DatetimeIndex(stamps).to_numpy().astype(NANOS)
    assert length_of_longer_bars(times, times) == "0d"


# --- a day that ends after the session of its date ------------------------------------------------------------


@pytest.mark.parametrize(("zone", "there"), [(NEW_YORK, "UTC"), (NEW_YORK, NEW_YORK), (None, None)])
@pytest.mark.parametrize("lag", [None, "1d", "0d"])
def test_a_day_that_ends_after_the_session_is_said_and_the_cure_works(
    tmp_path: Path, zone: str | None, there: str | None, lag: str | None
) -> None:
    """Days of UTC end at 19:00 or 20:00 in New York, three hours after its close."""
    own = made_up(pd.bdate_range("2020-01-06", periods=30, tz=zone))
    (tmp_path / "btc.csv").write_text(
        lines(made_up(pd.date_range("2020-01-01", "2020-03-01", tz=there)), "{t}" + OHLC, HEADING)
    )
    one = {"name": "btc", "source": "csv", "path": str(tmp_path / "btc.csv"), **({"lag": lag} if lag else {})}
    prices = csv(tmp_path, lines(own, "{t}" + OHLC, HEADING), peers=[one])
    said = [notice for notice in prices.notices if "days end at midnight of its clock" in notice]
    assert len(said) == (lag is None)
    if said:
        assert "write lag: 1d beside name: btc" in said[0]
    newest = prices.outside.peers[0].newest(prices.times)
    assert newest[0] == (4 if lag == "1d" else 5)  # the row of January 6th is the sixth
