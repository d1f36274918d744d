"""The times of bars as files have them: what is not sure is refused, with a cure that works."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from helpers.vendors import DAYS, HOURS, assert_bars, csv, lines, made_up

from lstmstrat.errors import DataError

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
