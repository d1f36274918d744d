"""Rows from outside and the clock on which they are dated: none is known before its moment.

Second origin of what is known when: worked by hand from the offsets of the zones.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.vendors import DAYS, lines, made_up

from lstmstrat import DataConfig, DataError, Prices, load_prices

HEADING = "time,open,high,low,close,volume"
OHLC = ",{o},{h},{l},{c},{v}"
NEW_YORK = "America/New_York"
UTC_HOURS = made_up(pd.date_range("2020-01-01", periods=200, freq="h", tz="UTC"))


def beside(folder: Path, own: str | None, text: str, **entry: Any) -> Prices:
    """The prices of a CSV text, or those of IBM, with an extra column of another text."""
    (folder / "mood.csv").write_text(text)
    data: dict[str, Any] = {"symbol": "IBM", "start": "2012-01-03"}
    if own is not None:
        (folder / "own.csv").write_text(own)
        data = {"source": "csv", "path": str(folder / "own.csv"), **entry.pop("data", {})}
    one = {"name": "mood", "path": str(folder / "mood.csv"), **entry}
    return load_prices(DataConfig.model_validate({**data, "extra": [one]}))


def known(prices: Prices) -> list[str]:
    return [str(time)[:16] for time in prices.outside.extra[0].known]


def of_days(start: str = "2020-01-01") -> str:
    return lines(made_up(pd.date_range(start, periods=200)), "{t:%Y-%m-%d}" + OHLC, HEADING)


# --- days stamped midnight are dates, on whatever clock they are stamped ----------------------------------


@pytest.mark.parametrize("zone", [None, NEW_YORK, "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize(
    "text",
    [
        "date,score\n2020-01-02T00:00:00Z,1\n2020-01-03T00:00:00Z,2\n",
        "date,score\n2020-01-02 00:00:00+00:00,1\n2020-01-03 00:00:00+00:00,2\n",
        "date,score\n1577923200,1\n1578009600,2\n",
        "date,score\n1577923200000,1\n1578009600000,2\n",
        "time (UTC),score\n2020-01-02 00:00,1\n2020-01-03 00:00,2\n",
        "date,score\n2020-01-02 00:00-05:00,1\n2020-01-03 00:00-05:00,2\n",
    ],
)
@pytest.mark.parametrize("hourly", [True, False])
def test_days_stamped_midnight_are_known_on_the_day_after(
    tmp_path: Path, text: str, zone: str | None, hourly: bool
) -> None:
    """Five hours earlier, in New York, it is 19:00 of the day before, at which nobody knew them."""
    own = lines(UTC_HOURS, "{s}000" + OHLC, HEADING) if hourly else of_days()
    prices = beside(tmp_path, own, text, **({} if zone is None else {"time_zone": zone}))
    assert known(prices) == ["2020-01-03T00:00", "2020-01-04T00:00"]
    assert prices.outside.extra[0].lag == "1d"


def test_days_in_a_zoned_index_of_parquet_are_dates(tmp_path: Path) -> None:
    index = pd.DatetimeIndex(["2012-01-04", "2012-01-05"], tz="UTC", name="date")
    pd.DataFrame({"score": [1.0, 2.0]}, index).to_parquet(tmp_path / "mood.parquet")
    entry = {"name": "mood", "path": str(tmp_path / "mood.parquet"), "time_zone": NEW_YORK}
    data = {"symbol": "IBM", "start": "2012-01-03", "extra": [entry]}
    assert known(load_prices(DataConfig.model_validate(data))) == ["2012-01-05T00:00", "2012-01-06T00:00"]


def test_bars_of_days_stamped_midnight_utc_keep_their_dates_with_a_zone(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(lines(DAYS, "{t:%Y-%m-%dT00:00:00Z}" + OHLC, HEADING))
    data = {"source": "csv", "path": str(tmp_path / "own.csv"), "time_zone": NEW_YORK}
    assert load_prices(DataConfig.model_validate(data)).frame.index.tolist() == DAYS.index.tolist()


# --- times in UTC are joined by the moment, with the clock that the prices have ----------------------------


FUNDING = "fundingTime,rate\n1577952000000,1\n1577980800000,2\n"  # 2020-01-02, 08:00 and 16:00 UTC


def test_times_since_1970_beside_prices_since_1970_need_no_zone(tmp_path: Path) -> None:
    own = lines(UTC_HOURS, "{s}000" + OHLC, "open_time,open,high,low,close,volume")
    assert known(beside(tmp_path, own, FUNDING)) == ["2020-01-02T08:00", "2020-01-02T16:00"]
    # a zone cannot make them known five hours before they were
    assert known(beside(tmp_path, own, FUNDING, time_zone=NEW_YORK)) == ["2020-01-02T08:00", "2020-01-02T16:00"]


def test_times_in_utc_beside_hours_of_tokyo(tmp_path: Path) -> None:
    own = lines(UTC_HOURS.tz_convert("Asia/Tokyo"), "{t}" + OHLC, HEADING)
    assert "+09:00" in own
    assert known(beside(tmp_path, own, FUNDING)) == ["2020-01-02T17:00", "2020-01-03T01:00"]


def test_times_in_utc_beside_hours_of_an_unknown_clock_are_refused_and_both_cures_work(tmp_path: Path) -> None:
    own = lines(UTC_HOURS, "{t:%Y-%m-%d %H:%M}" + OHLC, HEADING)
    with pytest.raises(DataError, match="nothing says on which clock the prices are") as caught:
        beside(tmp_path, own, FUNDING)
    zones = [yaml.safe_load(zone) for zone in re.findall(r'time_zone: ("[^"]+")', str(caught.value))]
    assert zones == [NEW_YORK, "UTC"]
    assert known(beside(tmp_path, own, FUNDING, time_zone=NEW_YORK)) == ["2020-01-02T03:00", "2020-01-02T11:00"]
    assert known(beside(tmp_path, own, FUNDING, time_zone="UTC")) == ["2020-01-02T08:00", "2020-01-02T16:00"]


# --- a heading that says UTC is an offset ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "tokyo"),
    [
        ("time_utc", "17:00"),
        ("time (UTC)", "17:00"),
        ("GMT time", "17:00"),
        ("Gmt time", "17:00"),
        ("timestampUTC", "17:00"),
        ("UTC", "17:00"),
        ("utc_datetime", "17:00"),
        ("Date (GMT+2)", "15:00"),
        ("time UTC-05:00", "22:00"),
        ("time", "08:00"),
    ],
)
def test_a_heading_that_says_utc(tmp_path: Path, heading: str, tokyo: str) -> None:
    text = f"{heading},score\n2020-01-02 08:00,1\n"
    own = lines(UTC_HOURS.tz_convert("Asia/Tokyo"), "{t:%Y-%m-%d %H:%M}" + OHLC, HEADING)
    entry = {"time_zone": "Asia/Tokyo", "data": {"time_zone": "Asia/Tokyo"}, "date": heading}
    assert known(beside(tmp_path, own, text, **entry)) == [f"2020-01-02T{tokyo}"]


@pytest.mark.parametrize("minus", ["-", "\u2212", "\u2013", " - "])
def test_every_minus_of_a_heading_is_one(minus: str) -> None:
    from lstmstrat.prices.times_of_day import heading_offset

    assert heading_offset(f"time (UTC{minus}5)") == pd.Timedelta(hours=-5)


@pytest.mark.parametrize("name", ["outcome", "cutctime", "gmtoffset", "date", "GMT minus 5", "UTC-3.5"])
def test_a_heading_that_does_not_say_it(name: str) -> None:
    from lstmstrat.prices.times_of_day import heading_offset

    assert heading_offset(name) is None


def test_prices_under_gmt_time_get_the_clock_of_the_zone(tmp_path: Path) -> None:
    """Dukascopy. Midnight of Berlin is 23:00 GMT in winter and 22:00 in summer."""
    bars = made_up(pd.bdate_range("2015-01-02", periods=300))
    zoned = bars.set_axis(bars.index.tz_localize("Europe/Berlin").tz_convert("UTC"))
    path = tmp_path / "own.csv"
    path.write_text(lines(zoned, "{t:%d.%m.%Y %H:%M:%S}.000" + OHLC, "Gmt time,Open,High,Low,Close,Volume"))
    data = {"source": "csv", "path": str(path)}
    with pytest.raises(DataError, match=r'write data\.time_zone: "Europe/Berlin"'):
        load_prices(DataConfig.model_validate(data))
    prices = load_prices(DataConfig.model_validate({**data, "time_zone": "Europe/Berlin"}))
    assert prices.frame.index.tolist() == bars.index.tolist()


# --- a time of day is that of its row ----------------------------------------------------------------------

MIXED = {
    "one time among dates": "date,score\n2020-01-02,1\n2020-01-03,2\n2020-01-06 14:00,3\n2020-01-07,4\n",
    "one date among times": "date,score\n2020-01-02 09:00,1\n2020-01-03 09:30,2\n2020-01-06,3\n",
    "other dates": "date,score\n13/01/2020,1\n14/01/2020,2\n15/01/2020 14:00,3\n",
    "midnight for no time": "date,score\n2020-01-02 00:00,1\n2020-01-03 00:00,2\n2020-01-06 14:00,3\n",
    "an empty time": "date,time,score\n2020-01-02,09:00,1\n2020-01-03,,2\n2020-01-06,14:00,3\n",
}


@pytest.mark.parametrize("name", MIXED)
def test_dates_among_times_are_refused_and_each_cure_works(tmp_path: Path, name: str) -> None:
    text = MIXED[name]
    with pytest.raises(DataError, match="has no time of day, and other rows have one") as caught:
        beside(tmp_path, of_days(), text)
    lags = re.findall(r'lag: "(\w+)"', str(caught.value))
    assert lags == ["1d", "0d"]
    late, early = (beside(tmp_path, of_days(), text, lag=lag).outside.extra[0] for lag in lags)
    assert set((late.known - early.known).tolist()) == {24 * 3600 * 10**9}
    assert len(late.known) == len(text.splitlines()) - 1


@pytest.mark.parametrize("every", ["1h", "8h", "12h", "37min"])
def test_midnight_among_times_is_a_time(tmp_path: Path, every: str) -> None:
    times = pd.date_range("2020-01-02", periods=90, freq=every)
    text = "\n".join(["time,score", *(f"{time:%Y-%m-%d %H:%M},{k}" for k, time in enumerate(times))])
    stream = beside(tmp_path, of_days(), text).outside.extra[0]
    assert stream.lag == "0d"
    assert np.array_equal(stream.known, times.to_numpy().astype("datetime64[ns]"))


# --- two columns of dates ----------------------------------------------------------------------------

RELEASED = {
    "Feb 11 2020": "%b %d %Y",
    "11-Feb-2020": "%d-%b-%Y",
    "February 11, 2020": "%B %d, %Y",
    "Tuesday, 11 February 2020": "%A, %d %B %Y",
    "11 Feb 20": "%d %b %y",
    "2020-02-11": "%Y-%m-%d",
    "20200211": "%Y%m%d",
    "seconds": "%s",
    "11/02/2020": "%d/%m/%Y",
}


@pytest.mark.parametrize("form", RELEASED)
@pytest.mark.parametrize("heading", ["released", "Release Date", "published", "vintage"])
def test_a_day_of_release_in_any_form_is_not_ignored_and_the_cure_works(
    tmp_path: Path, form: str, heading: str
) -> None:
    """The figure of January is known in the middle of February, and not on the 2nd of January."""
    days = pd.DatetimeIndex(["2020-02-11", "2020-03-13", "2020-04-15", "2020-05-14"])
    texts = [str(day.value // 10**9) if form == "seconds" else f'"{day.strftime(RELEASED[form])}"' for day in days]
    rows = [f"2020-0{k + 1}-01,{text},{k}.5" for k, text in enumerate(texts)]
    text = "\n".join([f"date,{heading},gdp", *rows])
    with pytest.raises(DataError, match="several columns of dates") as caught:
        beside(tmp_path, of_days(), text)
    (column,) = re.findall(r'write date: "([^"]+)" beside', str(caught.value))
    assert known(beside(tmp_path, of_days(), text, date=column))[0] == "2020-02-12T00:00"


@pytest.mark.parametrize("value", ["20200000", "1250000", "43000.5", "0.3"])
def test_numbers_beside_dates_are_values(tmp_path: Path, value: str) -> None:
    text = f"date,gdp\n2020-01-01,{value}\n2020-01-02,{value}\n"
    assert beside(tmp_path, of_days(), text).outside.extra[0].values[:, 0].tolist() == [float(value)] * 2


def test_the_layout_of_the_bureau_of_labor_statistics(tmp_path: Path) -> None:
    """M13 is the mean of the year, which has no date: its row is to be deleted."""
    rows = [
        f"CUUR0000,{year},M{month:02},{year % 100}.{month:02}" for year in (2018, 2019) for month in range(1, 14)
    ]
    text = "\n".join(["Series ID,Year,Period,Value", *rows])
    with pytest.raises(DataError, match=r"the date is '2018 M13'.*delete rows 13 and 26") as caught:
        beside(tmp_path, of_days(), text, lag="45d")
    assert "date_format" not in str(caught.value)
    kept = "\n".join(line for k, line in enumerate(text.splitlines()) if k not in (13, 26))
    prices = beside(tmp_path, of_days(), kept, lag="45d")
    assert known(prices)[0] == "2018-02-15T00:00"  # by hand: January 1st and 45 days
    assert prices.outside.extra[0].values[:, 0].tolist()[:2] == [18.01, 18.02]
