"""Times of day in forms that few files have, and dates in several columns beside a date: read, or asked about.

Second origin: the very times from which the texts are written; each cure of a message is carried out.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from helpers.vendors import DAYS, HOURS, assert_bars, csv, lines, made_up
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat import DataConfig, DataError, Prices, load_prices
from lstmstrat.prices.findings import Findings, Hints
from lstmstrat.prices.outside import Stream
from lstmstrat.prices.time_cells import _of_text, _plain_days

OHLC = ",{o},{h},{l},{c},{v}"
PRICES = "Open,High,Low,Close,Volume"

NIGHTS = made_up(pd.date_range("2019-04-14 20:00", periods=60, freq="h"))
FORMS = {
    "two blanks": "  {t:%H:%M:%S}",
    "a.m.": " {t:%I:%M} {half}",
    "h": " {t:%H}h{t:%M}",
    "a colon before the milliseconds": " {t:%H:%M:%S}:000",
    "points": " {t:%H.%M}",
    "points and seconds": " {t:%H.%M.%S}",
    "dashes": " {t:%H-%M}",
}


def halves(bars: pd.DataFrame, form: str, heading: str) -> str:
    """The lines of bars, with a.m. and p.m. as a person writes it."""
    parts = [
        lines(bars.iloc[[k]], form.replace("{half}", "a.m." if time.hour < 12 else "p.m."))
        for k, time in enumerate(bars.index)
    ]
    return "".join([f"{heading}\n", *parts])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("date", ["{t:%Y%m%d}", "{t:%Y-%m-%d}"])
def test_a_time_of_day_behind_a_date(tmp_path: Path, form: str, date: str) -> None:
    assert_bars(csv(tmp_path, halves(HOURS, date + FORMS[form] + OHLC, f"Date,{PRICES}")), HOURS)


@pytest.mark.parametrize("form", FORMS)
def test_a_time_of_day_in_a_column_of_its_own(tmp_path: Path, form: str) -> None:
    text = halves(HOURS, "{t:%Y-%m-%d}," + FORMS[form].strip() + OHLC, f"Date,Time,{PRICES}")
    assert_bars(csv(tmp_path, text), HOURS)


@pytest.mark.parametrize("hour", ["%I-%p", "%I %p", "%I%p", "%H", "%H%M", "%H%M%S", "%H.%M", "%H-%M", "%Hh%M"])
@pytest.mark.parametrize("date", ["%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d %b %Y", "%b %d, %Y", "%a, %d-%b-%Y"])
def test_midnight_without_a_colon_is_a_time_of_day_among_hours(tmp_path: Path, date: str, hour: str) -> None:
    text = lines(NIGHTS, '"{t:' + f"{date} {hour}" + '}"' + OHLC, f"Date,{PRICES}")
    assert_bars(csv(tmp_path, text), NIGHTS)


@pytest.mark.parametrize("date", ["%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d %b %Y", "%b %d, %Y", "%a, %d-%b-%Y"])
def test_a_date_among_hours_has_no_time_of_day(tmp_path: Path, date: str) -> None:
    text = lines(NIGHTS, '"{t:' + f"{date} %H:%M" + '}"' + OHLC, f"Date,{PRICES}").replace(' 00:00"', '"')
    with pytest.raises(DataError, match=r"row 5: '[^:']+' has no time of day, and other rows have one"):
        csv(tmp_path, text)


def test_days_without_a_year_are_no_months(tmp_path: Path) -> None:
    """Jan 02 and Jan 05 would be the Januaries of 2002 and 2005."""
    with pytest.raises(DataError, match="row 1: the date is 'Jan 02'"):
        csv(tmp_path, lines(DAYS.iloc[:20], "{t:%b %d}" + OHLC, f"Date,{PRICES}"))


@pytest.mark.parametrize("form", [{}, {"date_format": "%G-W%V"}])
def test_a_week_is_refused_with_its_last_day(tmp_path: Path, form: dict[str, str]) -> None:
    """Second origin: the calendar of 2018, in which December 16 is the Sunday of week 50."""
    weeks = lines(DAYS.iloc[:3], "2018-W5{t.day}" + OHLC, f"Date,{PRICES}").replace("W52", "W50")
    with pytest.raises(DataError, match=r"row 1: the date is '2018-W50'.* of its last day, 2018-12-16"):
        csv(tmp_path, weeks, **form)


def test_minutes_behind_a_dash_are_no_offset(tmp_path: Path) -> None:
    """09-03 was nine o'clock, three hours behind UTC."""
    bars = HOURS.set_axis(HOURS.index - pd.Timedelta(minutes=27))
    assert_bars(csv(tmp_path, lines(bars, "{t:%Y-%m-%d %H-%M}" + OHLC, f"Date,{PRICES}")), bars)


@pytest.mark.parametrize(
    "form", ["{t:%Y-%m-%d_%H.%M}", "{t:%Y-%m-%d %Hh%Mm}", "{t:%d.%m.%Y %H %M}", "{t:%Y-%m-%d, %H-%M}"]
)
def test_a_form_that_is_not_read_is_named_and_keeps_the_time(tmp_path: Path, form: str) -> None:
    text = lines(HOURS, '"' + form + '"' + OHLC, f"Date,{PRICES}")
    try:
        prices = csv(tmp_path, text)
    except DataError as error:
        (known,) = re.findall(r'data\.date_format: ("[^"]+")', str(error))
        prices = csv(tmp_path, text, date_format=yaml.safe_load(known))
    assert_bars(prices, HOURS)


def test_a_date_that_can_be_read_in_two_ways_before_an_odd_time_has_cures_that_work(tmp_path: Path) -> None:
    few = HOURS[HOURS.index.day <= 12]
    text = halves(few, "{t:%d/%m/%Y}  {t:%I:%M} {half}" + OHLC, f"Date,{PRICES}")
    with pytest.raises(DataError, match="can be read in two ways") as caught:
        csv(tmp_path, text)
    forms = re.findall(r'data\.date_format: "([^"]+)"', str(caught.value))
    assert forms[0] == "%d/%m/%Y %I:%M %p"
    assert_bars(csv(tmp_path, text, date_format=forms[0]), few)


def test_a_column_of_times_that_cannot_be_read_is_named_by_its_time(tmp_path: Path) -> None:
    text = lines(HOURS, "{t:%Y-%m-%d},{t:%H/%M}" + OHLC, f"Date,Time,{PRICES}")
    with pytest.raises(DataError, match=r"row 1: the time of day is '09/30' \(56 such rows\).*09:30") as caught:
        csv(tmp_path, text)
    assert "delete" not in str(caught.value)
    assert_bars(csv(tmp_path, re.sub(r",(\d\d)/(\d\d),", r",\1:\2,", text)), HOURS)


# --- columns of extra data ---------------------------------------------------------------------------


def mood(folder: Path, text: str, **entry: Any) -> Stream:
    (folder / "mood.csv").write_text(text)
    one = {"name": "mood", "path": str(folder / "mood.csv"), **entry}
    config = {"symbol": "IBM", "start": "2012-01-03", "extra": [one]}
    return load_prices(DataConfig.model_validate(config)).outside.extra[0]


NEW_YORK = {"time_zone": "America/New_York"}


@pytest.mark.parametrize(
    "form", ["{k:02} 09h30", "{k:02} 9.30", "{k:02} 09:30:00:000", "{k:02},09h30", "{k:02},9.30"]
)
def test_the_time_of_a_row_of_extra_data_is_kept(tmp_path: Path, form: str) -> None:
    heading = "date,time,mood" if "," in form else "date,mood"
    rows = [f"2012-01-{form.format(k=k)},{k}" for k in range(3, 13)]
    stream = mood(tmp_path, "\n".join([heading, *rows]), **NEW_YORK)
    assert [str(time)[:16] for time in stream.known] == [f"2012-01-{k:02}T09:30" for k in range(3, 13)]


@pytest.mark.parametrize("form", ["%Y-%m-%d %H.%M", "%d/%m/%Y %Hh%M"])
def test_a_date_format_that_has_an_hour_is_a_time_of_day(tmp_path: Path, form: str) -> None:
    times = pd.date_range("2012-01-03", periods=20, freq="12h")
    text = "\n".join(["date,mood", *(f"{time.strftime(form)},{k}" for k, time in enumerate(times))])
    stream = mood(tmp_path, text, date_format=form, **NEW_YORK)
    assert pd.DatetimeIndex(stream.known).tolist() == times.tolist()


def test_an_hour_in_a_column_of_its_own_is_kept(tmp_path: Path) -> None:
    """By hand: hour 16 of the 3rd is 2012-01-03T16:00."""
    rows = [f"2012,01,{day:02},{hour:02},{day}" for day in range(3, 9) for hour in (9, 16)]
    stream = mood(tmp_path, "\n".join(["YYYY,MM,DD,HH,mood", *rows]), **NEW_YORK)
    assert [str(time)[:16] for time in stream.known[:3]] == [
        "2012-01-03T09:00",
        "2012-01-03T16:00",
        "2012-01-04T09:00",
    ]


def test_a_day_of_release_beside_year_and_month_needs_one_answer(tmp_path: Path) -> None:
    """The cure led to another question, in which Year was offered as the value."""
    rows = [f"2012-{month + 1:02}-15,2012,{month},{month}.5" for month in range(1, 11)]
    text = "\n".join(["published,Year,Month,cpi", *rows])
    with pytest.raises(DataError, match="several columns of dates") as caught:
        mood(tmp_path, text)
    (column,) = re.findall(r'write date: "([^"]+)" beside', str(caught.value))
    stream = mood(tmp_path, text, date=column)
    assert str(stream.known[0])[:10] == "2012-02-16"
    assert stream.values[:2, 0].tolist() == [1.5, 2.5]


# --- a date, or the number of a row, beside year, month and day ---------------------------------------


@pytest.mark.parametrize("date", ["{t:%Y-%m-%d}", "{t:%d %b %Y}", "{t:%Y%m%d}"])
@pytest.mark.parametrize("heading", ["Date,Year,Month,Day", "Year,Month,Day,Date"])
def test_a_date_beside_year_month_and_day_is_the_date(tmp_path: Path, heading: str, date: str) -> None:
    forms = {"Date": date, "Year": "{t:%Y}", "Month": "{t:%m}", "Day": "{t:%d}"}
    form = ",".join(forms[name] for name in heading.split(","))
    assert_bars(csv(tmp_path, lines(DAYS, form + OHLC, f"{heading},{PRICES}")), DAYS)
    rows = [f"{day:%Y-%m-%d},{day:%Y},{day:%m},{day:%d},1" for day in pd.bdate_range("2012-01-03", periods=9)]
    stream = mood(tmp_path, "\n".join(["Date,Year,Month,Day,value", *rows]))
    assert str(stream.known[0])[:10] == "2012-01-04"


def parts(bars: pd.DataFrame, hour: bool) -> pd.DataFrame:
    index = pd.DatetimeIndex(bars.index)
    columns = {"Year": index.year, "Month": index.month, "Day": index.day} | ({"Hour": index.hour} if hour else {})
    return bars.assign(**columns)


ON_THE_HOUR = HOURS.set_axis(HOURS.index - pd.Timedelta(minutes=30))


@pytest.mark.parametrize("first", [0, 1, 10_000, 20_150_000])
@pytest.mark.parametrize("bars", [DAYS, ON_THE_HOUR], ids=["days", "hours"])
def test_the_number_of_a_row_is_never_the_date(tmp_path: Path, bars: pd.DataFrame, first: int) -> None:
    frame = parts(bars, bars is ON_THE_HOUR).set_axis(pd.Index(range(first, first + len(bars))))
    assert_bars(Prices.from_frame(frame, "X"), bars)
    assert_bars(csv(tmp_path, frame.to_csv()), bars)


def test_the_times_of_an_index_are_the_dates_beside_columns_of_their_parts(tmp_path: Path) -> None:
    """Year, Month and Day as features: the time of day is in the index alone."""
    assert_bars(Prices.from_frame(parts(HOURS, False), "X"), HOURS)
    assert_bars(csv(tmp_path, parts(HOURS, False).to_csv()), HOURS)


@given(days=st.lists(st.dates(dt.date(1800, 1, 1), dt.date(2199, 12, 31)), min_size=1, max_size=30))
def test_plain_days_are_what_the_reader_of_all_forms_makes_of_them(days: list[dt.date]) -> None:
    text = pd.Series([day.isoformat() for day in days])
    hints = Hints("X", {}, None, None, None)
    quick, slow = _plain_days(text, hints), _of_text(text, hints, Findings("X"))
    assert quick is not None
    assert quick.local.equals(slow.local)
    assert quick.local.dtype == slow.local.dtype
    assert quick.untimed.tolist() == slow.untimed.tolist() == [True] * len(days)
    assert (quick.utc, quick.abbreviation) == (slow.utc, slow.abbreviation) == (None, "")
    for cell in ("2024-02-30", "2024-1-2", "", "2024-01-02 16:00", "2024-01-02Z", "20240102"):
        assert _plain_days(pd.Series([*text, cell]), hints) is None
