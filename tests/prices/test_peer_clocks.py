"""Peers on another clock and of another length: no bar is used before it is over, by the moment and not the hour.

Second origin of what is known when: datetimes with time zones of Python, by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import lines, made_up
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import DataConfig, DataError, Prices, load_prices
from lstmstrat.prices.outside import Stream
from lstmstrat.prices.sources import handed_over
from lstmstrat.prices.utc_offset import UtcOffset

HEADING = "time,open,high,low,close,volume"
OHLC = ",{o},{h},{l},{c},{v}"
TOKYO, NEW_YORK = "Asia/Tokyo", "America/New_York"


def hours(zone: str, start: str = "2020-03-02", days: int = 12, every: str = "1h") -> pd.DataFrame:
    """Bars of every hour of some days on the clock of a zone; they begin at its midnight."""
    begin = pd.Timestamp(start, tz=zone)
    return made_up(pd.date_range(begin, begin + pd.Timedelta(days=days), freq=every))


def joined(
    folder: Path,
    own: pd.DataFrame,
    peer: pd.DataFrame,
    forms: tuple[str, str] = ("{t}", "{t}"),
    entry: dict[str, str] | None = None,
    **data: Any,
) -> Stream:
    """The stream of a peer beside prices, from CSV files with times of these forms."""
    for name, bars, form in (("own", own, forms[0]), ("peer", peer, forms[1])):
        (folder / f"{name}.csv").write_text(lines(bars, form + OHLC, HEADING))
    one = {"name": "it", "source": "csv", "path": str(folder / "peer.csv"), **(entry or {})}
    config = {"source": "csv", "path": str(folder / "own.csv"), "peers": [one], **data}
    return load_prices(DataConfig.model_validate(config)).outside.peers[0]


def moments(stream: Stream, zone: str) -> pd.DatetimeIndex:
    """The moments at which the rows are known, of a clock of the prices that is that of a zone."""
    return pd.DatetimeIndex(stream.known).tz_localize(zone, ambiguous="infer").tz_convert("UTC")


@pytest.mark.parametrize(("here", "there"), [(TOKYO, NEW_YORK), ("UTC", NEW_YORK), (NEW_YORK, TOKYO)])
@pytest.mark.parametrize("door", ["csv", "frame", "parquet"])
def test_hourly_bars_of_two_clocks_are_joined_by_the_moment(
    tmp_path: Path, here: str, there: str, door: str
) -> None:
    """09:00 in New York is 23:00 in Tokyo, in March from the 8th on 22:00."""
    own, peer = hours(here), hours(there)
    peer = peer[: -len(peer) // 3]
    if door == "csv":
        stream = joined(tmp_path, own, peer)
    else:
        peer.to_parquet(tmp_path / "peer.parquet")
        entry = {"name": "it", "source": "parquet", "path": str(tmp_path / "peer.parquet")}
        if door == "parquet":
            own.to_parquet(tmp_path / "own.parquet")
            data = {"source": "parquet", "path": str(tmp_path / "own.parquet"), "peers": [entry]}
            stream = load_prices(DataConfig.model_validate(data)).outside.peers[0]
        else:
            data = DataConfig.model_validate({"peers": [entry]})
            stream = handed_over(own, data)[1].outside.peers[0]
    own_times = pd.DatetimeIndex(own.index.tz_localize(None))
    rows = stream.newest(own_times.to_numpy().astype("datetime64[ns]"))
    expected = np.searchsorted(peer.index.tz_convert("UTC"), own.index.tz_convert("UTC"), side="right") - 1
    assert rows.tolist() == expected.tolist()


def test_a_peer_without_an_offset_needs_its_zone_and_the_cure_works(tmp_path: Path) -> None:
    own, peer = hours(TOKYO), hours(NEW_YORK)
    naive = "{t:%Y-%m-%d %H:%M}"
    with pytest.raises(DataError, match=r'write time_zone: "America/New_York".* beside name: it in data\.peers'):
        joined(tmp_path, own, peer, ("{t}", naive))
    stream = joined(tmp_path, own, peer, ("{t}", naive), entry={"time_zone": NEW_YORK})
    assert moments(stream, TOKYO).tolist() == peer.index.tz_convert("UTC").tolist()
    with pytest.raises(DataError, match=r'write data\.time_zone: "America/New_York", or where their exchange is'):
        joined(tmp_path, peer, own, (naive, "{t}"))
    stream = joined(tmp_path, peer, own, (naive, "{t}"), time_zone=NEW_YORK)
    assert stream.newest(peer.index[:1].tz_localize(None).to_numpy().astype("datetime64[ns]")).tolist() == [14]


def test_a_frame_without_an_offset_is_told_to_say_its_zone(tmp_path: Path) -> None:
    own, peer = hours(TOKYO), hours(NEW_YORK)
    (tmp_path / "peer.csv").write_text(lines(peer, "{t}" + OHLC, HEADING))
    entry = {"name": "it", "source": "csv", "path": str(tmp_path / "peer.csv")}
    data = DataConfig.model_validate({"peers": [entry]})
    frame = own.tz_localize(None)
    with pytest.raises(DataError, match=r"from_frame\(frame, symbol, time_zone='America/New_York'\), or where"):
        handed_over(frame, data)
    prices = Prices.from_frame(frame, "X", time_zone=TOKYO)
    stream = handed_over(prices, data)[1].outside.peers[0]
    assert moments(stream, TOKYO).tolist() == peer.index.tz_convert("UTC").tolist()


def test_neither_of_them_says_its_clock_and_both_are_of_one(tmp_path: Path) -> None:
    own = hours("UTC")
    naive = "{t:%Y-%m-%d %H:%M}"
    stream = joined(tmp_path, own, own, (naive, naive))
    assert pd.DatetimeIndex(stream.known).tolist() == own.index.tz_localize(None).tolist()


def test_days_of_another_clock_beside_hours_are_known_when_they_are_over_there(tmp_path: Path) -> None:
    """January 6th in New York is over at 05:00 UTC of the 7th, which is 14:00 in Tokyo."""
    own = hours(TOKYO, "2012-01-04")
    data = {"peers": [{"name": "ibm", "symbol": "IBM"}]}
    prices = handed_over(own, DataConfig.model_validate(data))[1]
    stream = prices.outside.peers[0]
    row = int(np.flatnonzero(load_prices(DataConfig(symbol="IBM")).times == np.datetime64("2012-01-06"))[0])
    assert str(stream.known[row])[:16] == "2012-01-07T14:00"


def days(zone: str) -> pd.DataFrame:
    return made_up(pd.bdate_range("2020-04-06", periods=15, tz=zone))


@pytest.mark.parametrize(
    ("here", "there", "used"),
    [
        (TOKYO, NEW_YORK, 1),  # New York closes 15 hours after Tokyo on the same date
        ("Europe/London", NEW_YORK, 1),
        (NEW_YORK, TOKYO, 0),
        (NEW_YORK, "Europe/London", 0),
        (NEW_YORK, NEW_YORK, 0),
    ],
)
def test_a_day_that_begins_later_is_used_on_the_next(tmp_path: Path, here: str, there: str, used: int) -> None:
    own, peer = days(here), days(there)
    stream = joined(tmp_path, own, peer)
    at = own.index.tz_localize(None).to_numpy().astype("datetime64[ns]")
    assert stream.newest(at)[5:].tolist() == [k - used for k in range(5, 15)]
    same = joined(tmp_path, own, peer, entry={"lag": "0d"})  # what the notice says
    assert same.newest(at).tolist() == list(range(15))


# London in winter shows what UTC shows, and its session ends at 16:30, before that of New York, at 21:00 UTC. What
# trades on every day goes on until midnight of its clock: that of New York is at 05:00 UTC of the next day.
WINTER = pd.bdate_range("2020-01-06", periods=15)
EVERY_DAY = pd.date_range("2020-01-06", periods=15)


@pytest.mark.parametrize(
    ("here", "mine", "there", "theirs", "used"),
    [
        ("Europe/London", WINTER, NEW_YORK, WINTER, 1),
        ("UTC", WINTER, NEW_YORK, WINTER, 1),  # stamped so, and maybe of London
        ("UTC", EVERY_DAY, NEW_YORK, WINTER, 0),
        ("UTC", EVERY_DAY, NEW_YORK, EVERY_DAY, 1),
        ("UTC", EVERY_DAY, "UTC", EVERY_DAY, 0),
        ("UTC", EVERY_DAY, TOKYO, WINTER, 0),
    ],
)
@pytest.mark.parametrize("by_zone", [False, True])
def test_days_that_look_like_those_of_utc_see_no_session_that_ends_later(
    tmp_path: Path,
    here: str,
    mine: pd.DatetimeIndex,
    there: str,
    theirs: pd.DatetimeIndex,
    used: int,
    by_zone: bool,
) -> None:
    form = "{t:%Y-%m-%d}" if by_zone else "{t}"
    zones = ({"time_zone": here}, {"time_zone": there}) if by_zone else ({}, {})
    own, peer = made_up(mine.tz_localize(here)), made_up(theirs.tz_localize(there))
    stream = joined(tmp_path, own, peer, (form, form), entry=zones[1], **zones[0])
    last = own.index.tz_localize(None).to_numpy().astype("datetime64[ns]")[10]
    newest = peer.index.tz_localize(None)[stream.newest(last[None])[0]]
    assert newest == [day for day in theirs if day <= last][-1 - used]


def test_the_zone_that_the_user_gives_counts_for_dates_stamped_in_utc(tmp_path: Path) -> None:
    """Dates of New York beside those of New York, as many vendors stamp them: each meets its own."""
    own, peer = made_up(WINTER.tz_localize("UTC")), made_up(WINTER.tz_localize(NEW_YORK))
    stream = joined(tmp_path, own, peer, time_zone=NEW_YORK)
    assert pd.DatetimeIndex(stream.known).tolist() == WINTER.tolist()


@pytest.mark.parametrize("zone", ["UTC", "Europe/London"])
def test_days_of_a_peer_beside_hours_of_utc_are_known_when_they_are_over(tmp_path: Path, zone: str) -> None:
    """A day of London ends in winter when that of UTC does; by hand: the 6th is over on the 7th at 00:00."""
    stream = joined(tmp_path, hours("UTC", "2020-01-06", 20), made_up(WINTER.tz_localize(zone)))
    assert str(stream.known[0])[:16] == "2020-01-07T00:00"


@pytest.mark.parametrize(("known", "whose"), [("own", "its days begin"), ("peer", "the days of the prices begin")])
def test_days_one_of_whose_clocks_is_known_are_asked_about_and_each_cure_works(
    tmp_path: Path, known: str, whose: str
) -> None:
    """Taken by the date, Tokyo saw the close of New York that comes 15 hours after its own."""
    plain = "{t:%Y-%m-%d}"
    zones = {"own": TOKYO, "peer": NEW_YORK}
    own, peer = made_up(WINTER.tz_localize(TOKYO)), made_up(WINTER.tz_localize(NEW_YORK))
    forms = ("{t}", plain) if known == "own" else (plain, "{t}")
    with pytest.raises(DataError, match=f"nothing says on which clock {whose}, .*time_zone") as caught:
        joined(tmp_path, own, peer, forms)
    lags = re.findall(r"lag: (\w+)", str(caught.value))
    assert lags == ["0d", "1d"]
    at = WINTER.to_numpy().astype("datetime64[ns]")
    for lag, used in zip(lags, (0, 1), strict=True):
        stream = joined(tmp_path, own, peer, forms, entry={"lag": lag})
        assert stream.newest(at)[5:].tolist() == [k - used for k in range(5, 15)]
    asked = {"time_zone": zones["peer" if known == "own" else "own"]}
    data = {"entry": asked} if known == "own" else asked  # what the message says: beside the entry, or data.
    assert joined(tmp_path, own, peer, forms, **data).newest(at)[5:].tolist() == list(range(4, 14))


def test_sessions_beside_days_that_end_at_midnight_of_utc_are_not_asked_about(tmp_path: Path) -> None:
    """Every session of a date, wherever it is, has closed by then; one without sessions, of New York, has not."""
    own, plain = made_up(EVERY_DAY.tz_localize("UTC")), "{t:%Y-%m-%d}"
    stream = joined(tmp_path, own, made_up(WINTER), ("{t}", plain))
    assert pd.DatetimeIndex(stream.known).tolist() == WINTER.tolist()
    with pytest.raises(DataError, match="nothing says on which clock its days begin"):
        joined(tmp_path, own, made_up(EVERY_DAY), ("{t}", plain))


def test_midnight_of_utc_that_is_nine_oclock_of_tokyo_is_no_date_of_a_zone() -> None:
    """09:00 in Tokyo is 19:00 of the evening before in New York, so that the market seems to trade on Sundays."""
    frame = made_up(WINTER.tz_localize(TOKYO) + pd.Timedelta(hours=9))
    with pytest.raises(DataError, match="the market trades on Sundays and not on Fridays"):
        Prices.from_frame(frame, "X", time_zone=NEW_YORK)


def test_a_week_that_is_over_is_not_asked_about(tmp_path: Path) -> None:
    own, weeks = made_up(WINTER.tz_localize(NEW_YORK)), made_up(pd.date_range("2020-01-06", periods=3, freq="7D"))
    stream = joined(tmp_path, own, weeks, ("{t}", "{t:%Y-%m-%d}"))
    assert str(stream.known[0])[:10] == "2020-01-13"


def test_a_peer_without_sessions_is_not_said_to_begin_later_on_the_same_clock(tmp_path: Path) -> None:
    """Between Friday and the Monday on which clocks have changed the clock of the prices is not known."""
    days = pd.date_range("2020-02-20", "2020-03-20")
    own = made_up(days[days.day_of_week < 5].tz_localize(NEW_YORK))
    (tmp_path / "own.csv").write_text(lines(own, "{t}" + OHLC, HEADING))
    (tmp_path / "peer.csv").write_text(lines(made_up(days.tz_localize(NEW_YORK)), "{t}" + OHLC, HEADING))
    one = {"name": "it", "source": "csv", "path": str(tmp_path / "peer.csv")}
    config = {"source": "csv", "path": str(tmp_path / "own.csv"), "peers": [one]}
    prices = load_prices(DataConfig.model_validate(config))
    assert not [notice for notice in prices.notices if "begin" in notice]
    assert pd.DatetimeIndex(prices.outside.peers[0].known).tolist() == days.tolist()


def test_midnight_of_new_york_beside_hours_of_utc_is_asked_about_in_true_words(tmp_path: Path) -> None:
    """05:00 UTC is a time on a known clock; what is not known is where the days begin that have this stamp."""
    own, peer = hours("UTC", "2020-01-06", 20), made_up(WINTER.tz_localize(NEW_YORK)).tz_convert("UTC")
    with pytest.raises(DataError, match="nothing says on which clock its days begin") as caught:
        joined(tmp_path, own, peer)
    assert "its times" not in str(caught.value)
    stream = joined(tmp_path, own, peer, entry={"time_zone": NEW_YORK})
    assert str(stream.known[0])[:16] == "2020-01-07T05:00"  # by hand: New York is five hours behind in January


@pytest.mark.parametrize(
    ("own", "peer", "lag"),
    [
        ("8h", "12h", 720),
        ("4h", "6h", 360),
        ("60min", "90min", 90),
        ("60min", "64min", 64),
        ("1D", "36h", 2880),  # said in days
        ("60min", "60min", 0),
        ("60min", "15min", 0),
        ("90min", "60min", 0),
    ],
)
def test_a_bar_of_a_peer_is_known_when_it_is_over(tmp_path: Path, own: str, peer: str, lag: int) -> None:
    mine, theirs = hours("UTC", every=own, days=40), hours("UTC", every=peer, days=40)
    stream = joined(tmp_path, mine, theirs)
    late = stream.known - theirs.index.tz_localize(None).to_numpy().astype("datetime64[ns]")
    assert set(late.tolist()) == {lag * 60 * 10**9}


def test_the_night_of_ones_own_market_is_no_part_of_its_bars(tmp_path: Path) -> None:
    """Two bars of four hours a day are 20 hours apart as often as 4, and a peer of 12 hours is longer."""
    stamps = [
        day + pd.Timedelta(hours=hour) for day in pd.bdate_range("2020-03-02", periods=20) for hour in (9, 13)
    ]
    stream = joined(tmp_path, made_up(pd.DatetimeIndex(stamps)), hours("UTC", every="12h").tz_localize(None))
    assert set(np.diff(stream.known).tolist()) == {12 * 3600 * 10**9}
    assert str(stream.known[0])[:16] == "2020-03-02T12:00"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-60, 60), min_size=60, max_size=60), st.sampled_from(["1h", "MS", "BME"]))
def test_law_bars_of_one_length_with_noise_are_joined_at_their_time(noise: list[int], every: str) -> None:
    """Seconds of noise, and months of 28 to 33 days."""
    from lstmstrat.prices.bar_length import length_of_longer_bars

    plain = pd.date_range("2015-01-01", periods=60, freq="MS" if every == "BME" else every)
    other = pd.date_range("2015-01-01", periods=60, freq=every) + pd.to_timedelta(noise, unit="s")
    for theirs, own in ((plain, other), (other, plain)):
        assert length_of_longer_bars(*(t.to_numpy().astype("datetime64[ns]") for t in (theirs, own))) == "0d"


zones = st.sampled_from([TOKYO, NEW_YORK, "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])


@settings(max_examples=60, deadline=None)
@given(
    zones, st.lists(st.integers(0, 12_000), min_size=2, max_size=60, unique=True), st.lists(st.integers(0, 9_000))
)
def test_law_a_moment_has_its_place_among_the_bars_on_every_clock(
    zone: str, at: list[int], others: list[int]
) -> None:
    """A row is known at a bar on the clock of the prices if, and only if, it is by the moments in UTC."""
    begin = pd.Timestamp("2020-01-01")
    utc = begin + pd.to_timedelta(sorted(at), unit="h")
    local = utc.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    offset = UtcOffset.of(local, utc)
    if offset is None:  # the clock is put back between two bars, which then are of UTC
        assert not (np.diff(local.to_numpy()) > np.timedelta64(0)).all()
        return
    there = (begin + pd.to_timedelta(others, unit="h")).to_numpy().astype("datetime64[ns]")
    bars, here = utc.to_numpy().astype("datetime64[ns]"), local.to_numpy().astype("datetime64[ns]")
    assert offset.to_local(bars).tolist() == here.tolist()
    assert offset.to_utc(here).tolist() == bars.tolist()
    by_moment = there[:, None] <= bars
    assert (offset.to_local(there)[:, None] <= here).tolist() == by_moment.tolist()


def test_moments_that_do_not_increase_are_no_clock() -> None:
    time = np.array(["2020-01-01", "2020-01-01"], dtype="datetime64[ns]")
    with pytest.raises(ValueError, match="increase on both clocks"):
        UtcOffset(time, time)
