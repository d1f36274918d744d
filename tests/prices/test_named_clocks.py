"""Zones by their names, and rows some of which say a zone: no known clock is dropped, and none is made up.

Second origin of what is known when: zones of pandas, and hours counted by hand.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import DAYS, HOURS, assert_bars, csv, lines, made_up
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import DataConfig, DataError, Prices, load_prices
from lstmstrat.prices.utc_offset import UtcOffset

HEADING = "date,open,high,low,close,volume"
OHLC = ",{o},{h},{l},{c},{v}"
TOKYO, NEW_YORK = "Asia/Tokyo", "America/New_York"
FORMS = {
    "name": "{t:%Y%m%d %H:%M:%S} ",  # and the name of the zone: Interactive Brokers
    "offset": "{t}",
    "short": "{t:%Y-%m-%d %H:%M %Z}",  # EST, EDT, JST
    "plain": "{t:%Y-%m-%d %H:%M}",
}


def hours(zone: str, first: int, days: int = 12) -> pd.DataFrame:
    """Hours of sessions from `first` on, around the day on which New York changes its clock (2019-03-10)."""
    dates = pd.bdate_range("2019-03-04", periods=days)
    stamps = [day + pd.Timedelta(hours=first + k) for day in dates for k in range(6)]
    return made_up(pd.DatetimeIndex(stamps).tz_localize(zone))


OWN, PEER = hours(TOKYO, 9), hours(NEW_YORK, 10)


def text(bars: pd.DataFrame, form: str) -> str:
    zone = str(bars.index.tz) if form == "name" else ""
    return lines(bars, FORMS[form] + zone + OHLC, HEADING)


def beside(folder: Path, forms: tuple[str, str], own: Any = None, entry: Any = None) -> Prices:
    """The prices of Tokyo with a peer of New York, with times of these forms."""
    for name, bars, form in (("own", OWN, forms[0]), ("peer", PEER, forms[1])):
        (folder / f"{name}.csv").write_text(text(bars, form))
    one = {"name": "it", "source": "csv", "path": str(folder / "peer.csv"), **(entry or {})}
    config = {"source": "csv", "path": str(folder / "own.csv"), "peers": [one], **(own or {})}
    return load_prices(DataConfig.model_validate(config))


def question(folder: Path, forms: tuple[str, str], said: dict[str, dict[str, str]]) -> str:
    """The message on them; "" if there is none."""
    try:
        beside(folder, forms, **said)
    except DataError as error:
        return str(error)
    return ""


def assert_by_moments(prices: Prices) -> None:
    newest = prices.outside.peers[0].newest(prices.times)
    assert newest.tolist() == (np.searchsorted(PEER.index, OWN.index, side="right") - 1).tolist()


@pytest.mark.parametrize("forms", [("name", "name"), ("name", "offset"), ("offset", "name")])
def test_a_zone_written_by_its_name_is_a_known_clock(tmp_path: Path, forms: tuple[str, str]) -> None:
    assert_by_moments(beside(tmp_path, forms))


@pytest.mark.parametrize(
    "forms", [("plain", "name"), ("name", "plain"), ("plain", "short"), ("short", "plain"), ("short", "short"),
              ("name", "short"), ("short", "name")]
)  # fmt: skip
def test_another_clock_that_is_not_known_is_asked_about_and_the_cures_work(
    tmp_path: Path, forms: tuple[str, str]
) -> None:
    """JST beside EST, and nothing beside either: by what the clocks show, 09:30 in New York was known in Tokyo."""
    said: dict[str, dict[str, str]] = {"own": {}, "entry": {}}
    assert question(tmp_path, forms, said)
    while asked := question(tmp_path, forms, said):
        assert "nothing says on which clock" in asked
        is_own = "write data.time_zone" in asked
        assert not said["own" if is_own else "entry"]
        said["own" if is_own else "entry"] = {"time_zone": TOKYO if is_own else NEW_YORK}
    assert_by_moments(beside(tmp_path, forms, **said))


def test_two_tables_with_one_abbreviation_are_on_one_clock(tmp_path: Path) -> None:
    stamps = "{t:%Y-%m-%d %H:%M} EST" + OHLC
    (tmp_path / "peer.csv").write_text(lines(HOURS, stamps, HEADING))
    one = {"name": "it", "source": "csv", "path": str(tmp_path / "peer.csv")}
    stream = csv(tmp_path, lines(HOURS, stamps, HEADING), peers=[one]).outside.peers[0]
    assert pd.DatetimeIndex(stream.known).tolist() == HOURS.index.tolist()


@pytest.mark.parametrize("zone", ["EST", "ET", "America/New_York"])
def test_the_zone_of_extra_data_is_not_dropped(tmp_path: Path, zone: str) -> None:
    """08:31 in New York in January is 22:31 in Tokyo: fourteen hours later."""
    (tmp_path / "x.csv").write_text(f"date,x\n2019-01-02 08:31 {zone},1\n2019-01-03 08:31 {zone},2\n")
    own = made_up(pd.date_range("2019-01-01", periods=200, freq="h", tz=TOKYO))
    one = {"name": "x", "path": str(tmp_path / "x.csv")}
    with pytest.raises(DataError, match="nothing says on which clock"):
        csv(tmp_path, text(own, "plain"), extra=[one])
    if zone != NEW_YORK:
        one["time_zone"] = NEW_YORK
        with pytest.raises(
            DataError, match=r'write data\.time_zone: "America/New_York", or where their exchange is'
        ):
            csv(tmp_path, text(own, "plain"), extra=[one])
    for form, said in (("plain", {"time_zone": TOKYO}), ("name", {})):
        prices = csv(tmp_path, text(own, form), extra=[one], **said)
        assert str(prices.outside.extra[0].known[0])[:16] == "2019-01-02T22:31"


def test_bars_that_name_their_zone_keep_the_hour_that_comes_twice(tmp_path: Path) -> None:
    """November 3rd 2019: 01:00 comes twice in New York, and the times become those of UTC."""
    night = made_up(pd.date_range("2019-11-02", periods=60, freq="h", tz=NEW_YORK))
    prices = csv(tmp_path, text(night, "name"))
    assert_bars(prices, night.set_axis(night.index.tz_convert("UTC").tz_localize(None)))


@pytest.mark.parametrize("hour", ["09:30", "16:00"])
def test_days_keep_the_clock_that_the_times_of_their_stamps_have(tmp_path: Path, hour: str) -> None:
    """Without it, New York's close was known in Tokyo on its own date."""
    days = pd.bdate_range("2020-01-06", periods=15)
    own, peer = (made_up((days + pd.Timedelta(f"{hour}:00")).tz_localize(zone)) for zone in (TOKYO, NEW_YORK))
    (tmp_path / "peer.csv").write_text(text(peer, "offset"))
    one = {"name": "it", "source": "csv", "path": str(tmp_path / "peer.csv")}
    prices = csv(tmp_path, text(own, "offset"), peers=[one])
    assert prices.frame.index.tolist() == days.tolist()
    assert prices.outside.peers[0].newest(prices.times)[5:].tolist() == list(range(4, 14))


@pytest.mark.parametrize("zone", ["America/New_York", "AMST", "PMST", "AMT"])
def test_a_zone_that_begins_with_am_or_pm_is_no_half_of_a_day(tmp_path: Path, zone: str) -> None:
    """12:30 America/New_York was read as 12:30 AM, and a zone erica/New_York."""
    noon = HOURS[HOURS.index.hour == 12]
    assert_bars(csv(tmp_path, lines(HOURS, "{t:%Y-%m-%d %H:%M} " + zone + OHLC, HEADING)), HOURS)
    stamps = [f"{time:%Y-%m-%d %H:%M} {zone}" for time in noon.index]
    (tmp_path / "x.csv").write_text("\n".join(["date,x", *(f"{stamp},{k}" for k, stamp in enumerate(stamps))]))
    one = {"name": "x", "path": str(tmp_path / "x.csv"), "time_zone": NEW_YORK}
    known = csv(tmp_path, text(HOURS, "plain"), time_zone=NEW_YORK, extra=[one]).outside.extra[0].known
    assert pd.DatetimeIndex(known).tolist() == noon.index.tolist()


# --- winter and summer time by their abbreviations ----------------------------------------------------


LONDON, DUBLIN = "Europe/London", "Europe/Dublin"
SPRING = pd.date_range("2019-03-20 08:00", periods=400, freq="h")  # London changes its clock on the 31st
AUTUMN = pd.date_range("2019-10-20 08:00", periods=400, freq="h")  # and on October 27th, New York on November 3rd
NAMES = {
    LONDON: {"GMT", "BST"},
    DUBLIN: {"GMT", "IST"},
    "Europe/Berlin": {"CET", "CEST"},
    NEW_YORK: {"EST", "EDT"},
}


def named(zone: str, hours: pd.DatetimeIndex) -> tuple[pd.DataFrame, str]:
    bars = made_up(hours.tz_localize("UTC").tz_convert(zone))
    assert {time.tzname() for time in bars.index} <= NAMES[zone]
    return bars, text(bars, "short")


@pytest.mark.parametrize("zone", NAMES)
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("column", [False, True])
def test_winter_and_summer_by_their_names_are_those_of_the_time_zone(
    tmp_path: Path, zone: str, order: int, column: bool
) -> None:
    """In autumn the hour that comes twice is told by its name, and the times become those of UTC."""
    for season, hours in (("spring", SPRING), ("autumn", AUTUMN)):
        bars, rows = named(zone, hours)
        heading, *below = (
            re.sub(r"^(\S+) (\S+ \S+?),", r"\1,\2,", rows, flags=re.M) if column else rows
        ).splitlines()
        heading = heading.replace("date,", "date,time,") if column else heading
        prices = csv(tmp_path, "\n".join([heading, *below[::order]]), time_zone=zone)
        back = season == "autumn"
        assert_bars(prices, bars.set_axis(hours if back else bars.index.tz_localize(None)))
        assert isinstance(prices.offset, UtcOffset)


@pytest.mark.parametrize("zone", [LONDON, DUBLIN])
@pytest.mark.parametrize("said", [{}, {"time_zone": NEW_YORK}])
def test_gmt_beside_another_abbreviation_is_asked_about_and_the_cure_works(
    tmp_path: Path, zone: str, said: dict[str, str]
) -> None:
    bars, rows = named(zone, SPRING)
    with pytest.raises(DataError, match=r"row 258: .* has no offset from UTC, and other rows have one") as caught:
        csv(tmp_path, rows, **said)
    (known,) = re.findall(r'write data\.time_zone: "([^"]+)", or write it in each row', str(caught.value))
    assert_bars(csv(tmp_path, rows, time_zone=known), bars.set_axis(bars.index.tz_localize(None)))
    with pytest.raises(DataError, match=f"pass time_zone='{zone}'"):
        Prices.from_frame(pd.read_csv(tmp_path / "prices.csv"), "X")


def test_extra_data_in_gmt_and_bst_are_on_the_clock_of_their_zone_alone(tmp_path: Path) -> None:
    """Their time_zone says what BST is, and nothing of the prices. By hand: 09:00 BST is 17:00 in Tokyo."""
    own = text(made_up(pd.date_range("2019-03-29", periods=200, freq="h", tz=TOKYO)), "plain")
    (tmp_path / "x.csv").write_text("date,x\n2019-03-30 09:00 GMT,1\n2019-04-01 09:00 BST,2\n")
    one = {"name": "x", "path": str(tmp_path / "x.csv")}
    with pytest.raises(DataError, match=r'write time_zone: "Europe/London" beside name: x in data\.extra'):
        csv(tmp_path, own, extra=[one])
    one["time_zone"] = LONDON
    with pytest.raises(DataError, match=r"nothing says on which clock the prices are; write data\.time_zone"):
        csv(tmp_path, own, extra=[one])
    known = csv(tmp_path, own, extra=[one], time_zone=TOKYO).outside.extra[0].known
    assert [str(time)[:16] for time in known] == ["2019-03-30T18:00", "2019-04-01T17:00"]


def test_gmt_all_the_year_is_utc_in_london_too(tmp_path: Path) -> None:
    """By hand: 08:00 GMT on April 1st is 09:00 in London."""
    bars = made_up(pd.date_range("2019-04-01 08:00", periods=60, freq="h"))
    prices = csv(tmp_path, lines(bars, "{t:%Y-%m-%d %H:%M} GMT" + OHLC, HEADING), time_zone=LONDON)
    assert str(prices.frame.index[0]) == "2019-04-01 09:00:00"


def test_a_name_that_the_zone_does_not_have_at_that_time_is_not_its_own(tmp_path: Path) -> None:
    """British summer time in January."""
    bars = made_up(pd.date_range("2019-01-07 08:00", periods=60, freq="h"))
    rows = lines(bars, "{t:%Y-%m-%d %H:%M} GMT" + OHLC, HEADING).replace("01-08 09:00 GMT", "01-08 09:00 BST")
    with pytest.raises(DataError, match="row 26: '2019-01-08 09:00 BST' has no offset from UTC") as caught:
        csv(tmp_path, rows, time_zone=LONDON)
    assert "time_zone" not in str(caught.value)


# --- a zone in one row alone ---------------------------------------------------------------------------

PLAIN = lines(DAYS, "{t:%Y-%m-%d}" + OHLC, HEADING)
LAST = f"{DAYS.index[-1]:%Y-%m-%d}"
ODD_ROWS = {
    "midnight in UTC": PLAIN.replace("2015-01-20,", "2015-01-20T00:00:00Z,"),
    "a close with an offset": PLAIN.replace(f"{LAST},", f"{LAST} 16:00:00-05:00,"),
    "a close with a name": PLAIN.replace(f"{LAST},", f"{LAST} 16:00:00 US/Eastern,"),
    "Barchart": PLAIN + "Downloaded from Barchart.com as of 04-21-2021 05:00pm CST\n",
    "a line with a name": PLAIN + "Last updated 16:00 America/New_York\n",
    "a line in UTC": PLAIN + "Last updated 16:00 UTC\n",
}


@pytest.mark.parametrize("name", ODD_ROWS)
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_zone_in_one_row_among_dates_is_no_clock(tmp_path: Path, name: str, newest_first: bool) -> None:
    rows = ODD_ROWS[name].splitlines()
    if newest_first:
        rows[1 : len(DAYS) + 1] = rows[len(DAYS) : 0 : -1]
    prices = csv(tmp_path, "\n".join(rows) + "\n")
    assert_bars(prices, DAYS)
    assert prices.offset is None


@given(
    st.integers(0, len(DAYS) - 1),
    st.sampled_from(["T00:00:00", "T16:00:00", " 00:00", " 16:00", " 09:30:00.000"]),
    st.sampled_from(
        ["", "Z", "+00:00", "-05:00", "+0900", " UTC", " GMT", " BST", " EST", f" {NEW_YORK}", f" {TOKYO}"]
    ),
    st.sampled_from([None, NEW_YORK, TOKYO, LONDON, "UTC"]),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_one_row_of_any_form_at_any_place_among_dates_is_a_date(
    place: int, hour: str, zone: str, time_zone: str | None, newest_first: bool
) -> None:
    day = f"{DAYS.index[place]:%Y-%m-%d}"
    heading, *rows = PLAIN.replace(f"{day},", f"{day}{hour}{zone},").splitlines()
    said = {} if time_zone is None else {"time_zone": time_zone}
    with tempfile.TemporaryDirectory() as folder:
        prices = csv(Path(folder), "\n".join([heading, *(rows[::-1] if newest_first else rows)]), **said)
    assert_bars(prices, DAYS)
    assert (prices.offset is None) == (time_zone is None)


def test_dates_of_extra_data_one_of_which_is_midnight_in_utc_are_dates(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("date,x\n2015-01-05,1\n2015-01-06T00:00:00Z,2\n2015-01-07,3\n")
    stream = csv(tmp_path, PLAIN, extra=[{"name": "x", "path": str(tmp_path / "x.csv")}]).outside.extra[0]
    assert [str(time)[:16] for time in stream.known] == [f"2015-01-0{day}T00:00" for day in (6, 7, 8)]


@pytest.mark.parametrize("lag", [None, "0d", "1d"])
def test_a_date_among_times_with_an_offset_is_refused_and_the_cures_work(tmp_path: Path, lag: str | None) -> None:
    one = {"name": "x", "path": str(tmp_path / "x.csv"), **({} if lag is None else {"lag": lag})}
    rows = "date,x\n2015-01-05 14:00Z,1\n{},2\n2015-01-07 14:00Z,3\n"
    own = text(made_up(HOURS.index.tz_localize(NEW_YORK)), "offset")
    (tmp_path / "x.csv").write_text(rows.format("2015-01-06"))
    with pytest.raises(DataError, match=r"row 2: '2015-01-06' has neither .*such as (\S+), or in none") as caught:
        csv(tmp_path, own, extra=[one])
    (say,) = re.findall(r"such as (\S+),", str(caught.value))
    (tmp_path / "x.csv").write_text(rows.format(f"2015-01-06 {say}"))
    assert str(csv(tmp_path, own, extra=[one]).outside.extra[0].known[0])[11:16] == "09:00"  # of New York, by hand


def test_a_moment_that_is_not_known_is_no_clock() -> None:
    for times in (["NaT"], ["2020-01-01", "NaT"], ["NaT", "2020-01-01"]):
        utc = np.array(times, dtype="datetime64[ns]")
        with pytest.raises(ValueError, match="increase on both clocks"):
            UtcOffset(np.arange(len(utc)).astype("datetime64[ns]"), utc)
