"""The times of bars as files have them: what is not sure is refused, with a cure that works."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from helpers.vendors import DAYS, HOURS, assert_bars, csv, lines, made_up

from lstmstrat.errors import DataError
from lstmstrat.prices import Prices

HEADING = "Date,Open,High,Low,Close,Volume"
OHLC = ",{o},{h},{l},{c},{v}"


def without_rows(text: str, message: str) -> str:
    """The text without the rows that a message says to delete; the heading is row 0."""
    (rows,) = re.findall(r"delete rows? ([\d, and]+)", message)
    left_out = {int(row) for row in re.findall(r"\d+", rows)}
    return "\n".join(line for k, line in enumerate(text.splitlines()) if k not in left_out) + "\n"


# --- a row without a time of day ---------------------------------------------


@pytest.mark.parametrize("rows", [[8], [8, 15], [1, 8, 15, 22, 29, 36, 43]])
@pytest.mark.parametrize("form", ["time column", "iso", "day first", "epoch-like"])
def test_a_bar_without_a_time_among_bars_with_one_is_named_by_its_row(
    tmp_path: Path, rows: list[int], form: str
) -> None:
    """It would become midnight of its day: before the bars that it may stand after."""
    stamp = {
        "time column": "{t:%Y-%m-%d},{t:%H:%M}",
        "iso": "{t:%Y-%m-%d %H:%M}",
        "day first": "{t:%d/%m/%Y %H:%M}",
        "epoch-like": "{t:%Y%m%d %H%M%S}",
    }[form]
    heading = HEADING.replace("Date", "Date,Time") if form == "time column" else HEADING
    text = lines(HOURS, stamp + OHLC, heading).splitlines()
    for row in rows:
        text[row] = re.sub(r"[ ]?\d\d:?\d\d(:?\d\d)?(?=,\d+\.)", "", text[row], count=1)
    with pytest.raises(DataError, match="no time of day, and other rows have one") as caught:
        csv(tmp_path, "\n".join(text))
    kept = HOURS.drop(HOURS.index[[row - 1 for row in rows]])
    assert_bars(csv(tmp_path, without_rows("\n".join(text), str(caught.value))), kept)


def test_a_column_of_times_that_is_empty_says_nothing(tmp_path: Path) -> None:
    text = lines(DAYS, "{t:%Y-%m-%d}," + OHLC, HEADING.replace("Date", "Date,Time"))
    assert_bars(csv(tmp_path, text), DAYS)


# --- two clocks in one file ---------------------------------------------


def stamped(zones: list[str], every: int) -> tuple[str, pd.DataFrame]:
    """Hours of UTC, `every` so many on the clock of the next zone."""
    utc = made_up(pd.date_range("2020-01-06", periods=120, freq="h", tz="UTC"))
    rows = []
    for k in range(0, 120, every):
        zone = zones[k // every % len(zones)]
        rows.append(lines(utc.iloc[k : k + every].tz_convert(zone), "{t}" + OHLC))
    return HEADING + "\n" + "".join(rows), utc.tz_localize(None)


@pytest.mark.parametrize("every", [1, 60])
@pytest.mark.parametrize("zones", [["America/New_York", "UTC"], ["America/New_York", "America/Chicago"]])
def test_rows_of_two_clocks_become_those_of_utc(tmp_path: Path, zones: list[str], every: int) -> None:
    text, utc = stamped(zones, every)
    prices = csv(tmp_path, text)
    assert_bars(prices, utc)
    assert any("not those of one clock: they are made times of UTC" in notice for notice in prices.notices)
    here = utc.set_axis(utc.index.tz_localize("UTC").tz_convert("America/New_York").tz_localize(None))
    assert_bars(csv(tmp_path, text, time_zone="America/New_York"), here)


def test_a_time_of_which_some_rows_say_the_offset_is_refused(tmp_path: Path) -> None:
    text = lines(HOURS, "{t:%Y-%m-%d %H:%M}Z" + OHLC, HEADING).splitlines()
    text[9] = text[9].replace("Z", "")
    with pytest.raises(
        DataError, match=r"row 9: '2015-01-06 10:30' has no offset from UTC, and other rows have one"
    ):
        csv(tmp_path, "\n".join(text))
    text[9] = text[9].replace(",", "Z,", 1)
    assert_bars(csv(tmp_path, "\n".join(text)), HOURS)


# --- a clock of 12 hours without AM and PM ---------------------------------------------


def twelve(bars: pd.DataFrame, half: str = "") -> str:
    return lines(bars, "{t:%Y-%m-%d %I:%M" + half + "}" + OHLC, HEADING)


ROUND_THE_CLOCK = made_up(pd.date_range("2020-01-06", periods=96, freq="h"))


@pytest.mark.parametrize("days", [1, 2, 8])
@pytest.mark.parametrize("bars", [HOURS, ROUND_THE_CLOCK], ids=["session", "around the clock"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_clock_of_twelve_hours_is_refused_and_the_cure_works(
    tmp_path: Path, bars: pd.DataFrame, days: int, newest_first: bool
) -> None:
    few = bars[bars.index.normalize() <= bars.index.normalize().unique()[:days][-1]]
    few = few[::-1] if newest_first else few
    with pytest.raises(DataError, match="as on a clock of 12 hours without AM and PM"):
        csv(tmp_path, twelve(few))
    assert_bars(csv(tmp_path, twelve(few, " %p")), few.sort_index())
    assert_bars(csv(tmp_path, lines(few, "{t:%Y-%m-%d %H:%M}" + OHLC, HEADING)), few.sort_index())


def test_a_night_session_dated_by_the_day_after_is_refused(tmp_path: Path) -> None:
    """Futures of China: 21:00 to 23:00 belongs to the trading day that follows, and its rows come first."""
    stamps = [
        day + pd.Timedelta(hours=hour)
        for day in pd.bdate_range("2020-01-06", periods=8)
        for hour in (21, 22, 9, 10, 11, 13, 14)
    ]
    with pytest.raises(
        DataError, match=r"the times go back within most days .*write for each row the day on which"
    ):
        csv(tmp_path, lines(made_up(pd.DatetimeIndex(stamps)), "{t:%Y-%m-%d %H:%M}" + OHLC, HEADING))


def test_rows_that_are_turned_round_within_each_day_are_sorted(tmp_path: Path) -> None:
    turned = pd.concat([bars[::-1] for _, bars in HOURS.groupby(HOURS.index.normalize())])
    assert_bars(csv(tmp_path, lines(turned, "{t:%Y-%m-%d %H:%M}" + OHLC, HEADING)), HOURS)
    shuffled = HOURS.sample(frac=1.0, random_state=1)
    assert_bars(csv(tmp_path, lines(shuffled, "{t:%Y-%m-%d %H:%M}" + OHLC, HEADING)), HOURS)


# --- the century of a year of two digits, and days that are to come ---------------------------------------------

FORMS = ["%d-%b-%y", "%m/%d/%y", "%d.%m.%y", "%b-%y", "%y%m%d"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("start", ["1931-06-01", "1965-06-01", "1968-06-03", "1995-06-01", "2010-06-01"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_years_of_two_digits_are_not_to_come(tmp_path: Path, form: str, start: str, newest_first: bool) -> None:
    """Python's own rule makes 68 2068, and 69 1969. Second origin: the bars that the text was written from."""
    end = "2024-06-01" if start > "1932" else "1999-06-01"
    bars = made_up(pd.date_range(start, end, freq="MS" if form == "%b-%y" else "40D"))
    rows = bars[::-1] if newest_first else bars
    given = {"date_format": form} if form in ("%y%m%d", "%d.%m.%y") else {}
    assert_bars(csv(tmp_path, lines(rows, f"{{t:{form}}}" + OHLC, HEADING), **given), bars)


def test_years_whose_order_says_the_last_century(tmp_path: Path) -> None:
    """1910 to 1999: by themselves 10 to 26 would be of this century."""
    bars = made_up(pd.date_range("1910-01-01", "1999-12-01", freq="MS"))
    assert_bars(csv(tmp_path, lines(bars, "{t:%d-%b-%y}" + OHLC, HEADING)), bars)


def test_the_machine_s_clock_is_read_in_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lstmstrat.prices import present

    text = lines(DAYS, "{t:%d-%b-%y}" + OHLC, HEADING)
    monkeypatch.setattr(present, "tomorrow", lambda: pd.Timestamp("2013-12-31"))
    assert {time.year for time in csv(tmp_path, text).frame.index} == {1915}
    with pytest.raises(DataError, match="a day that is still to come"):
        csv(tmp_path, lines(DAYS, "{t:%d-%b-%Y}" + OHLC, HEADING))


@pytest.mark.parametrize("form", ["{t:%Y-%m-%d}", "{t:%d-%b-%Y}", "{t:%Y%m%d}", "{s}"])
def test_a_bar_of_a_day_to_come_is_named_and_the_cure_works(tmp_path: Path, form: str) -> None:
    later = made_up(pd.DatetimeIndex(["2065-03-02", "2065-03-03"]))
    text = lines(pd.concat([DAYS, later]), form + OHLC, HEADING)
    with pytest.raises(
        DataError, match=r"row 41: the date is .*, 2065-03-02, a day that is still to come"
    ) as caught:
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, without_rows(text, str(caught.value))), DAYS)


def test_bars_until_tomorrow_are_no_fault(tmp_path: Path) -> None:
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    bars = made_up(pd.date_range(end=today + pd.Timedelta(days=1), periods=40))
    assert_bars(csv(tmp_path, lines(bars, "{t:%Y-%m-%d}" + OHLC, HEADING)), bars)


def test_the_end_of_a_month_that_is_not_over_is_of_this_century(tmp_path: Path) -> None:
    """It is to come, and refused: a hundred years earlier the whole file would be of the last century."""
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    bars = made_up(pd.date_range(end=today + pd.Timedelta(days=25), periods=40, freq="28D"))
    text = lines(bars, "{t:%d-%b-%y}" + OHLC, HEADING)
    with pytest.raises(DataError, match="still to come; correct it, or delete row 40") as caught:
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, without_rows(text, str(caught.value))), bars[:-1])


# --- days stamped at the midnight of another clock ---------------------------------------------

YEAR = pd.bdate_range("2015-01-02", periods=300)
EVERY_DAY = pd.date_range("2015-01-02", periods=300)


@pytest.mark.parametrize("given", [{}, {"time_zone": "zone"}])
@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("Europe/Berlin", YEAR),  # 23:00 and 22:00
        ("Europe/London", YEAR),  # 00:00 and 23:00 of the day before
        ("Europe/Helsinki", YEAR),
        ("Europe/Berlin", EVERY_DAY),
        ("Europe/London", EVERY_DAY),
        ("Australia/Sydney", YEAR),
    ],
)
def test_hours_to_add_are_enough_in_summer_too(
    tmp_path: Path, zone: str, days: pd.DatetimeIndex, given: dict[str, str]
) -> None:
    """An hour too few leaves two bars of one date where the clock is changed, one of which was to be deleted."""
    bars = made_up(days)
    stamps = days.tz_localize(zone).tz_convert("UTC").tz_localize(None)
    if zone == "Europe/Berlin" and days is EVERY_DAY and not given:
        pytest.skip("days in a row without a weekend: nothing tells the date of the evening from that of the day")
    given = dict.fromkeys(given, zone)
    form = "{t:%Y-%m-%d %H:%M}"
    with pytest.raises(DataError, match=r"add \d+ hours to each") as caught:
        csv(tmp_path, lines(bars.set_axis(stamps), form + OHLC, HEADING), **given)
    (hours,) = re.findall(r"add (\d+) hours to each", str(caught.value))
    moved = bars.set_axis(stamps + pd.Timedelta(hours=int(hours)))
    assert_bars(csv(tmp_path, lines(moved, form + OHLC, HEADING), **given), bars)
    assert "delete row" not in str(caught.value)


@pytest.mark.parametrize("zone", ["Europe/London", "Europe/Berlin"])
def test_days_without_weekends_in_utc_with_two_of_one_date_need_the_zone(tmp_path: Path, zone: str) -> None:
    bars = made_up(EVERY_DAY)
    text = lines(bars.set_axis(EVERY_DAY.tz_localize(zone).tz_convert("UTC")), "{s}" + OHLC, HEADING)
    if zone == "Europe/London":
        with pytest.raises(DataError, match=r'write data\.time_zone: "Europe/London"'):
            csv(tmp_path, text)
    assert_bars(csv(tmp_path, text, time_zone=zone), bars)


# --- dates in several columns -------------------------------------------------------------------

MONTHLY = made_up(pd.date_range("2020-01-01", periods=24, freq="MS"))


@pytest.mark.parametrize(
    ("heading", "form", "bars"),
    [
        ("Year,Month,Day", "{t:%Y},{t:%m},{t:%d}", DAYS),
        ("year,mon,dd", "{t:%Y},{t:%b},{t.day}", DAYS),
        ("Month,Day,Year", "{t.month},{t.day},{t:%Y}", DAYS),
        ("YYYY,MM,DD,Hour,Minute", "{t:%Y},{t:%m},{t:%d},{t.hour},{t.minute}", HOURS),
        ("Year,Month,Day,Time", "{t:%Y},{t:%m},{t:%d},{t:%H:%M}", HOURS),
        ("Year,Month", "{t:%Y},{t.month}", MONTHLY),
        ("Year,Period", "{t:%Y},M{t:%m}", MONTHLY),
        ("Year,Quarter", "{t:%Y},Q{t.quarter}", MONTHLY.iloc[::3]),
    ],
)
def test_a_date_in_several_columns(tmp_path: Path, heading: str, form: str, bars: pd.DataFrame) -> None:
    """The day alone was taken for the date."""
    text = lines(bars, form + OHLC, heading + HEADING.removeprefix("Date"))
    assert_bars(csv(tmp_path, text), bars)
    path = tmp_path / "prices.csv"
    assert_bars(Prices.from_frame(pd.read_csv(path), "X"), bars)
    assert any("the dates are made of the columns" in notice for notice in csv(tmp_path, text).notices)


@pytest.mark.parametrize("form", ["{t:%Y-%m-%d} 24:00", "{t:%Y-%m-%d}T24:00:00", "{t:%d/%m/%Y} 24:00"])
def test_24_00_in_every_row_ends_the_day_of_its_date(tmp_path: Path, form: str) -> None:
    """Dated by the next day the session of Tuesday met that of Wednesday of a peer."""
    assert_bars(csv(tmp_path, lines(DAYS, form + OHLC, HEADING)), DAYS)


@pytest.mark.parametrize("time", ["24:00", "24:00:00", "2400"])
def test_a_column_of_24_00_ends_the_day_of_its_date(tmp_path: Path, time: str) -> None:
    heading = HEADING.replace("Date", "Date,Time")
    assert_bars(csv(tmp_path, lines(DAYS, "{t:%Y-%m-%d}," + time + OHLC, heading)), DAYS)


def test_a_date_beside_its_parts_is_the_date(tmp_path: Path) -> None:
    text = lines(DAYS, "{t:%Y-%m-%d},{t:%Y},{t:%m}" + OHLC, "Date,Year,Month,Open,High,Low,Close,Volume")
    assert_bars(csv(tmp_path, text), DAYS)


# --- dates that cannot be read, and what is said of them ------------------------------------------


def changed(rows: dict[int, str], bars: pd.DataFrame = DAYS, form: str = "{t:%Y-%m-%d}") -> str:
    """A file whose dates in some rows are others."""
    text = lines(bars, form + OHLC, HEADING).splitlines()
    for row, date in rows.items():
        text[row] = f"{date},{text[row].split(',', 1)[1]}"
    return "\n".join(text) + "\n"


@pytest.mark.parametrize("rows", [[8], [8, 9, 10]])
@pytest.mark.parametrize("date", ["13/01/2015", "", "n/a", "2015-02-30", "1777-01-02"])
def test_a_date_of_another_form_is_named_and_the_cure_works(tmp_path: Path, date: str, rows: list[int]) -> None:
    text = changed(dict.fromkeys(rows, date))
    with pytest.raises(DataError, match=r"row 8: the date is") as caught:
        csv(tmp_path, text)
    assert "date_format" not in str(caught.value)
    assert_bars(csv(tmp_path, without_rows(text, str(caught.value))), DAYS.drop(DAYS.index[[r - 1 for r in rows]]))


def test_a_few_dates_of_the_expected_form_among_others(tmp_path: Path) -> None:
    text = lines(DAYS[DAYS.index.day > 12], "{t:%d/%m/%Y}" + OHLC, HEADING).splitlines()
    text[1] = "2015-01-13" + text[1][10:]
    with pytest.raises(
        DataError, match=r"expected the form 2024-01-31.*, and row 1 has '2015-01-13'; write it so$"
    ):
        csv(tmp_path, "\n".join(text))


def test_merged_cells_are_said_to_be(tmp_path: Path) -> None:
    text = changed({row: "" for row in range(1, 41) if row % 7 != 1}, HOURS.iloc[:40], "{t:%Y-%m-%d}")
    with pytest.raises(
        DataError, match="empty, as where cells are merged; write a date, such as 2024-01-31, into each"
    ):
        csv(tmp_path, text)


def test_what_a_spreadsheet_has_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a column is too narrow; make it wider there, and save the file again$"):
        csv(tmp_path, changed(dict.fromkeys(range(1, 41), "########")))
    with pytest.raises(DataError, match="has left out digits; take the file as it was downloaded") as caught:
        csv(tmp_path, changed(dict.fromkeys(range(1, 41), "1.57792E+12")))
    assert "date_format" not in str(caught.value)
    assert_bars(csv(tmp_path, lines(DAYS, '"=""{t:%Y-%m-%d}"""' + OHLC, HEADING)), DAYS)


@pytest.mark.parametrize("form", ["{t.year}Q{t.quarter}", "{t.year}-Q{t.quarter}", "Q{t.quarter} {t.year}"])
def test_quarters(tmp_path: Path, form: str) -> None:
    bars = made_up(pd.date_range("2010-01-01", periods=40, freq="QS"))
    assert_bars(csv(tmp_path, lines(bars, form + OHLC, HEADING)), bars)


@pytest.mark.parametrize(
    ("form", "midnight", "end"),
    [
        ("%Y-%m-%d %H:%M", " 00:00", " 24:00"),
        ("%Y-%m-%dT%H:%M:%S", "T00:00:00", "T24:00:00"),
        ("%d/%m/%Y %H:%M", " 00:00", " 24:00"),
        ("%Y%m%d %H%M%S", " 000000", " 240000"),
        ("%Y-%m-%d,%H:%M", ",00:00", ",24:00"),
        ("%Y%m%d%H", "00", "24"),
        ("%Y%m%d%H%M", "0000", "2400"),
    ],
)
def test_the_hour_24_is_the_midnight_after(tmp_path: Path, form: str, midnight: str, end: str) -> None:
    """Twelve bars of the day were left, with the advice to delete the row."""
    bars = made_up(pd.date_range("2015-01-13 01:00", periods=96, freq="h"))
    rows = []
    for k, line in enumerate(lines(bars, "{t:" + form + "}" + OHLC).splitlines()):
        time = bars.index[k]
        if time.hour == 0:
            before = (time - pd.Timedelta(days=1)).strftime(form)
            line = line.replace(time.strftime(form), before[: -len(midnight)] + end)
        rows.append(line)
    heading = HEADING.replace("Date", "Date,Time") if "," in form else HEADING
    text = "\n".join([heading, *rows])
    assert end in text
    assert_bars(csv(tmp_path, text), bars)


@pytest.mark.parametrize("date", ['"2015-01-13 24:00\nx"', '"2015Q1\nx"', '"1.5E+12\nx"'])
def test_a_cell_of_two_lines_is_no_date(tmp_path: Path, date: str) -> None:
    with pytest.raises(DataError, match=r"line 9: a quote opens the cell .* which goes on to line 10"):
        csv(tmp_path, changed({8: date}))


@pytest.mark.parametrize("date", ["'", '"="""""'])
def test_a_cell_of_quotes_is_no_date(tmp_path: Path, date: str) -> None:
    with pytest.raises(DataError, match="row 8: the date is"):
        csv(tmp_path, changed({8: date}))
