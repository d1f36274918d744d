"""Remarks, footers and headings among the bars are left out, wherever they stand; a bad line among bars is named.

Second origin: the very bars from which the texts are written.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from helpers.vendors import DAYS, HOURS, assert_bars, csv, lines

from lstmstrat import DataError

HEADING = "Date,Open,High,Low,Close,Volume"
OHLC = ",{o},{h},{l},{c},{v}"
FORMS: dict[str, tuple[str, pd.DataFrame]] = {
    "of Nasdaq": ("{t:%m/%d/%Y}", DAYS),
    "of ISO": ("{t:%Y-%m-%d}", DAYS),
    "in words": ("{t:%d-%b-%Y}", DAYS),
    "in digits": ("{t:%Y%m%d}", DAYS),
    "hours": ("{t:%Y-%m-%d %H:%M}", HOURS),
    "seconds": ("{s}", HOURS),
}
REMARKS = [
    "Source: Nasdaq",
    "Total,,,,,123",
    "600 rows",
    "# adjusted below 9:30,,,,,",
    "Memorial Day,,,,,",
    "END",
    "Data as of 2021-04-21 16:00 UTC",
    "Exported 2021-04-21T16:00:00Z",
    '"Downloaded from Barchart.com as of 04-21-2021 05:00pm CST"',
    "Good Friday,Market closed,,,,",
    HEADING,
]


def with_line(form: str, bars: pd.DataFrame, line: str, at: int) -> str:
    rows = lines(bars, form + OHLC, HEADING).splitlines()
    return "\n".join([*rows[: at + 1], line, *rows[at + 1 :]])


@pytest.mark.parametrize("line", REMARKS)
@pytest.mark.parametrize("form", FORMS)
def test_a_line_without_prices_is_left_out_wherever_it_stands(tmp_path: Path, form: str, line: str) -> None:
    """One such line was taken for the form of all dates, and all other rows were refused."""
    text, bars = FORMS[form]
    for at in (0, 20, len(bars)):
        prices = csv(tmp_path, with_line(text, bars, line, at))
        assert_bars(prices, bars)
        assert any("left out: " in notice for notice in prices.notices) or (at == 0 and line == HEADING)


@pytest.mark.parametrize("line", ["Source: Nasdaq", HEADING.replace("Date", "Date,Time"), "# at 9:30,,,,,,"])
def test_a_remark_does_not_hide_the_column_of_times(tmp_path: Path, line: str) -> None:
    rows = lines(HOURS, "{t:%m/%d/%Y},{t:%H:%M}" + OHLC, HEADING.replace("Date", "Date,Time")).splitlines()
    assert_bars(csv(tmp_path, "\n".join([rows[0], line, *rows[1:]])), HOURS)


@pytest.mark.parametrize("date", ["Sometime", "6oo"])
@pytest.mark.parametrize("form", FORMS)
def test_a_bar_with_an_unreadable_date_is_named_and_no_other(tmp_path: Path, form: str, date: str) -> None:
    text, bars = FORMS[form]
    with pytest.raises(DataError, match=f"row 21: the date is '{date}', expected .*or delete row 21$") as caught:
        csv(tmp_path, with_line(text, bars, f"{date},1,2,0.5,1,100", 20))
    assert len(str(caught.value).splitlines()) == 1


def test_the_date_of_a_row_without_prices_is_told_as_it_is_written_where_it_is_in_doubt(tmp_path: Path) -> None:
    line = "03/02/2015,null,null,null,null,null"
    prices = csv(tmp_path, with_line("{t:%m/%d/%Y}", DAYS, line, 20))
    assert "rows without prices left out: 1 (first: '03/02/2015')" in prices.notices


def test_prices_in_words_alone_are_bars_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 1, 2015-01-02: open is 'one', expected a number"):
        csv(tmp_path, lines(DAYS, "{t:%Y-%m-%d},one,two,one,two,{v}", HEADING))
