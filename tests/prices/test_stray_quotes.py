"""A quote that opens a cell and does not close it takes no row with it, wherever it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from helpers.vendors import DAYS, assert_bars, csv, lines
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.errors import DataError
from lstmstrat.prices.cells import of_text
from lstmstrat.prices.findings import Hints
from lstmstrat.prices.table import read_bars
from lstmstrat.prices.text import read_text

PRICES = "{o},{h},{l},{c},{v}"
FORMS = {
    "Note at the end": ("Date,Open,High,Low,Close,Volume,Note", "{t:%Y-%m-%d}," + PRICES + ","),
    "Name at the end": ("Date,Open,High,Low,Close,Volume,Name", "{t:%Y-%m-%d}," + PRICES + ",Widget Co"),
    "Note before the prices": ("Date,Note,Open,High,Low,Close,Volume", "{t:%Y-%m-%d},," + PRICES),
    "Note first": ("Note,Date,Open,High,Low,Close,Volume", ",{t:%Y-%m-%d}," + PRICES),
    "quoted": ("Date,Open,High,Low,Close,Volume,Note", '"{t:%Y-%m-%d}","{o}","{h}","{l}","{c}","{v}",'),
}


def with_notes(text: str, rows: list[int], note: str) -> str:
    """`text` with a note in the empty cell, or in place of the name, of some rows below the heading."""
    every = text.splitlines()
    for row in rows:
        line = every[row].replace("Widget Co", "")
        at = line.index(",,") + 1 if ",," in line else 0 if line.startswith(",") else len(line)
        every[row] = line[:at] + note + line[at:]
    return "\n".join(every) + "\n"


def cured(text: str, tmp_path: Path, **data: object) -> str:
    """`text` after what the message says, as often as it says it: each time without the quote that it names."""
    while message := refusal(partial(csv, tmp_path, text, **data)):
        found = re.search(r"line (\d+): a quote opens the cell '(.*?)', .*; remove the quote", message)
        assert found, message
        every = text.split("\n")
        line = every[int(found[1]) - 1]
        assert f'"{found[2]}' in line
        every[int(found[1]) - 1] = line.replace(f'"{found[2]}', found[2], 1)
        text = "\n".join(every)
    return text


def refusal(read: Callable[[], object]) -> str:
    """The message of what is refused; "" if nothing is."""
    try:
        read()
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("rows", [[10, 14, 20, 21], [10], [1, 2], [39, 40], [40], [1, 40]])
@pytest.mark.parametrize("form", FORMS)
def test_the_line_is_named_and_without_the_quote_all_rows_are_there(
    tmp_path: Path, form: str, rows: list[int]
) -> None:
    text = with_notes(lines(DAYS, FORMS[form][1], FORMS[form][0]), rows, '"6 inch')
    with pytest.raises(DataError, match=rf"line {rows[0] + 1}: a quote opens the cell"):
        csv(tmp_path, text)
    data = {"columns": {"symbol": None}} if "Name" in form else {}  # "6 inch" is no symbol
    right = cured(text, tmp_path, **data)
    assert right.count('"6 inch') < len(rows)
    assert_bars(csv(tmp_path, right, **data), DAYS)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6, unique=True),
    st.sampled_from(['"6 inch', '"', '" ', ' "a', 'b"', '"a""', '"a"b']),
    st.sampled_from(sorted(FORMS)),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_no_quote_makes_bars_fewer(rows: list[int], note: str, form: str, end: str) -> None:
    """40 bars were written: they are read, or a sentence says which line is wrong."""
    text = with_notes(lines(DAYS, FORMS[form][1], FORMS[form][0]), rows, note).replace("\n", end)
    hints = Hints(columns={"symbol": None})
    closes = list[float]()

    def read() -> None:
        closes.extend(read_bars(of_text(read_text(text.encode(), "t"), "t", hints), hints)[0][0]["close"])

    message = refusal(read)
    assert "a quote opens the cell" in message if message else closes == DAYS["close"].tolist()


def test_a_quote_that_opens_the_rest_of_a_long_file_is_named(tmp_path: Path) -> None:
    """Longer than a cell of the csv module may be."""
    text = with_notes(lines(DAYS, FORMS["Note at the end"][1], FORMS["Note at the end"][0]), [3], '"6')
    with pytest.raises(DataError, match="line 4: a quote opens the cell of more than 131,072 letters"):
        csv(tmp_path, text + "2016-01-01,1,1,1,1,1,\n" * 9_000)


def test_a_heading_may_have_names_of_two_lines(tmp_path: Path) -> None:
    """As a workbook saves a cell with a line break."""
    heading = 'Date,"Open\n","High","Low\n","Close\n(last)",Volume'
    assert_bars(csv(tmp_path, lines(DAYS, "{t:%Y-%m-%d}," + PRICES, heading)), DAYS)


def test_a_quote_in_the_heading_is_named(tmp_path: Path) -> None:
    text = lines(DAYS, "{t:%Y-%m-%d}," + PRICES + ",", 'Date,Open,High,Low,Close,Volume,"Note')
    with pytest.raises(DataError, match="line 1: a quote opens the cell 'Note'"):
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, cured(text, tmp_path)), DAYS)
