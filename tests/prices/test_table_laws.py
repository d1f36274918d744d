"""The laws of reading a table, over tables of all kinds: hypothesis makes them up."""

from __future__ import annotations

import csv as text_of_rows
import io
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import CRYPTO, DAYS, HOURS, assert_bars, csv, lines, made_up, parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat.errors import DataError
from lstmstrat.prices import Prices
from lstmstrat.prices.findings import MOST_FAULTS, MOST_LETTERS, MOST_NAMES

# --- a column that could change a number is used, or refused by name -------------------------------------------

ROWS = DAYS.iloc[:5]
ADJUSTED = ROWS[["open", "high", "low", "close"]] / 4.0  # by hand: every factor is a quarter
words = st.sampled_from(["adj", "Adj", "ADJ", "adjusted", "Adjusted", "adj."])
closes = st.sampled_from(
    ["", "close", "Close", "CLOSE", "Price", "Close Price", "closing price", "Last", "Cls", "c"]
)
marks = st.sampled_from(["", "*", "**", " (USD)", "_", "[eur]", "1. ", "<", " 2"])


@st.composite
def spellings(draw: st.DrawFn) -> str:
    parts = [draw(words), draw(closes)]
    middle = draw(st.sampled_from([" ", "_", "-", "", "."])).join(draw(st.permutations(parts)))
    mark = draw(marks)
    return f"<{middle}>" if mark == "<" else mark + middle if mark == "1. " else middle + mark


@given(spellings(), st.integers(0, 6))
@settings(max_examples=150, deadline=None)
def test_any_spelling_of_an_adjusted_close_is_used_or_refused_by_name(name: str, place: int) -> None:
    frame = ROWS.rename(columns=str.title).rename_axis("Date").reset_index()
    frame.insert(place, name, ROWS["close"].to_numpy() / 4.0)
    read: Prices | str
    try:
        read = Prices.from_frame(frame, "X")
    except DataError as error:
        read = str(error)
    if isinstance(read, str):
        assert repr(name) in read
    else:
        np.testing.assert_allclose(read.frame[["open", "high", "low", "close"]], ADJUSTED, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["adj_factor", "factor", "AdjustmentFactor", "Cumulative Factor to Adjust Prices"]
)
def test_a_factor_is_not_ignored(tmp_path: Path, name: str) -> None:
    text = DAYS.rename_axis("Date").assign(**{name: np.linspace(0.5, 1.0, len(DAYS))}).to_csv()
    with pytest.raises(DataError, match=name) as caught:
        csv(tmp_path, text)
    assert "data.columns: {adj close: null}" in str(caught.value)
    assert_bars(csv(tmp_path, text, columns={"adj_close": None}), DAYS)


@pytest.mark.parametrize("name", ["Stock Splits", "Split Ratio", "splitFactor", "8. split coefficient"])
def test_a_split_that_is_still_in_the_prices_is_not_ignored(tmp_path: Path, name: str) -> None:
    ratio = np.ones(len(DAYS))
    ratio[20] = 4.0
    divided = DAYS.copy()
    divided.iloc[20:, :4] /= 4.0
    with pytest.raises(DataError, match=rf"{DAYS.index[20]:%Y-%m-%d}: the column '{name}' has a split of 4"):
        csv(tmp_path, divided.rename_axis("Date").assign(**{name: ratio}).to_csv())
    taken_out = csv(tmp_path, DAYS.rename_axis("Date").assign(**{name: ratio}).to_csv())
    assert_bars(taken_out, DAYS)
    assert taken_out.notices[0] == f"not used, because prices are taken as adjusted for them: {name!r}"


def test_a_split_in_words_is_not_ignored(tmp_path: Path) -> None:
    ratio = [""] * len(DAYS)
    ratio[20] = "4:1"
    divided = DAYS.copy()
    divided.iloc[20:, :4] /= 4.0
    with pytest.raises(DataError, match=r"the column .Stock Splits. has a split of 4"):
        csv(tmp_path, divided.rename_axis("Date").assign(**{"Stock Splits": ratio}).to_csv())


@pytest.mark.parametrize(
    "name", ["unadjustedVolume", "Unadjusted Close", "non-adjusted open", "Adjacent", "Close %"]
)
def test_what_is_not_adjusted_is_no_adjusted_close(tmp_path: Path, name: str) -> None:
    text = DAYS.rename_axis("Date").assign(**{name: 7.0}).to_csv()
    assert_bars(csv(tmp_path, text), DAYS)


def test_a_column_of_remarks_names_no_symbols(tmp_path: Path) -> None:
    text = DAYS.rename_axis("Date").assign(Code=[f"n{k}" for k in range(len(DAYS))]).to_csv()
    assert_bars(csv(tmp_path, text), DAYS)


# --- a number is no date, unless it is one -----------------------------------------------------------------------


NUMBERED = {
    "range": lambda numbers: DAYS.set_axis(pd.RangeIndex(numbers[0], numbers[-1] + 1)),
    "filtered": lambda numbers: DAYS.set_axis(numbers),  # what is left by a filter: no RangeIndex
    "a column": lambda numbers: DAYS.set_axis(numbers).reset_index(),
    "a column of dates": lambda numbers: DAYS.set_axis(numbers).rename_axis("date").reset_index(),
}
# Years, days as Excel counts them, months, days without a century: what looks most like a date.
firsts = st.sampled_from([0, 1, 1_990, 36_526, 42_006, 150_102, 201_501, 10**6, 10**7 - 50])


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("form", NUMBERED)
@given(firsts | st.integers(0, 10**7 - 50))
@settings(max_examples=15, deadline=None)
def test_a_row_number_is_never_a_date(form: str, named: bool, first: int) -> None:
    frame = NUMBERED[form](np.arange(first, first + len(DAYS)))
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(DataError, match=r"no column date|a number that may be that of the row"):
            Prices.from_frame(frame, "X")
        with pytest.raises(DataError, match=r"no column date|may be that of"):
            csv(Path(folder), frame.to_csv(index=named))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("form", NUMBERED)
def test_a_row_number_beside_dates_changes_nothing(tmp_path: Path, form: str, named: bool) -> None:
    for first in (0, 42_006, 10**7 - 50):
        numbered = NUMBERED[form](np.arange(first, first + len(DAYS)))
        dated = numbered.drop(columns=["date"], errors="ignore").assign(timestamp=DAYS.index)
        assert_bars(Prices.from_frame(dated, "X"), DAYS)
        assert_bars(csv(tmp_path, dated.to_csv(index=named)), DAYS)
        assert_bars(parquet(tmp_path, dated), DAYS)


EPOCHS = ["time", "Date", "unix", "timestamp", "open time", "", "t"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    ("bars", "heading"), [*((DAYS, heading) for heading in EPOCHS), (HOURS, "Date"), (CRYPTO, "open time")],
    ids=[*EPOCHS, "hours", "crypto"],
)  # fmt: skip
def test_times_since_1970_in_any_unit(tmp_path: Path, bars: pd.DataFrame, unit: str, heading: str) -> None:
    """Each unit below each heading, and for each kind of bars."""
    times = bars.index.as_unit(unit).astype("int64")  # type: ignore[attr-defined]
    for dates in (times, times.astype(float)) if unit != "ns" else (times,):
        frame = bars.set_axis(dates).rename_axis(heading)
        assert_bars(csv(tmp_path, frame.to_csv()), bars)
        assert_bars(parquet(tmp_path, frame), bars)
        assert_bars(Prices.from_frame(frame.reset_index(), "X"), bars)


@pytest.mark.parametrize("form", ["%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H"])
def test_compact_dates(tmp_path: Path, form: str) -> None:
    bars = HOURS if form != "%Y%m%d%H" else HOURS.set_axis(HOURS.index - pd.Timedelta(minutes=30))
    frame = bars.set_axis(bars.index.strftime(form).astype("int64")).rename_axis("date")
    assert_bars(csv(tmp_path, frame.to_csv()), bars)
    assert_bars(parquet(tmp_path, frame.reset_index()), bars)


def test_numbers_of_the_last_century(tmp_path: Path) -> None:
    """Nine digits until 2001-09-09, and less than nothing before 1970: the newest shows the unit."""
    bars = made_up(pd.date_range("1962-01-02", "2003-01-31", freq="MS"))
    assert_bars(csv(tmp_path, lines(bars, "{s},{o},{h},{l},{c},{v}", "time,open,high,low,close,volume")), bars)


# --- whatever the vendor's habits are, the bars are those of the plain file ------------------------------------

DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%m-%d-%Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y"),
    *("%Y%m%d", "%d-%b-%y", "%a %d %b %Y", "%Y.%m.%d 00:00", "%Y-%m-%dT00:00:00Z", "%d/%m/%Y 12:00:00 AM"),
)
LARGE = made_up(pd.DatetimeIndex(DAYS.index), start=2000.0)


@st.composite
def habits(draw: st.DrawFn) -> dict[str, Any]:
    decimal = draw(st.sampled_from(".,"))
    return {
        "separator": draw(st.sampled_from(",;\t|")),
        "decimal": decimal,
        "thousands": draw(
            st.sampled_from(["", ",", ".", "'", " ", "\u00a0"]).filter(lambda sign: sign != decimal)
        ),
        "before": draw(st.sampled_from(["", "$", "€", "£ ", "USD "])),
        "after": draw(st.sampled_from(["", " €", "USD", "₹"])),
        "date": draw(st.sampled_from(DATES)),
        "order": draw(st.sampled_from(["oldest first", "newest first", "none"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])),
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "columns": draw(st.permutations(["Date", "Open", "High", "Low", "Close", "Volume", "Change %"])),
        "preamble": draw(st.sampled_from([[], ["# made up"], ["Symbol: X", "", "Currency in USD"], ["sep=|"]])),
    }


def written(bars: pd.DataFrame, habit: dict[str, Any]) -> bytes:
    """The bars as somebody with these habits writes them."""

    def number(value: float, digits: int) -> str:
        text = f"{value:,.{digits}f}".replace(",", "_").replace(".", habit["decimal"])
        return habit["before"] + text.replace("_", habit["thousands"]) + habit["after"]

    stream = io.StringIO()
    writer = text_of_rows.writer(stream, delimiter=habit["separator"], lineterminator=habit["end"])
    stream.write("".join(line + habit["end"] for line in habit["preamble"]))
    writer.writerow(habit["columns"])
    rows = list(zip(bars.index, bars.to_numpy().tolist(), strict=True))
    rows = (
        rows[::-1]
        if habit["order"] == "newest first"
        else rows[7:] + rows[:7]
        if habit["order"] == "none"
        else rows
    )
    for at, (o, h, low, c, v) in rows:
        cells = {"Date": at.strftime(habit["date"]), "Change %": "0.1%", "Volume": number(v, 0)}
        cells |= {
            name: number(x, 2) for name, x in zip(("Open", "High", "Low", "Close"), (o, h, low, c), strict=True)
        }
        writer.writerow([cells[name] for name in habit["columns"]])
    return stream.getvalue().encode(habit["encoding"], errors="replace")


@given(habits())
@settings(max_examples=50, deadline=None)
def test_the_habits_of_vendors_change_no_bar(habit: dict[str, Any]) -> None:
    if habit["encoding"] == "cp1252" and "₹" in habit["after"]:
        habit["after"] = ""  # not in this code page
    with tempfile.TemporaryDirectory() as folder:
        prices = csv(Path(folder), written(LARGE, habit))
    assert_bars(prices, LARGE)
    turned = [notice for notice in prices.notices if "newest" in notice or "sorted" in notice]
    assert bool(turned) == (habit["order"] != "oldest first")


# --- what is wrong is said at once, and not at length ----------------------------------------------------------


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = lines(
        DAYS.iloc[:7],
        "{t:%d/%m/%Y},{o},x{h},{l},oops,{v},{v},{c}",
        "Date,Open,High,Lwo,Close,Volume BTC,Volume USDT,Adj Klose",
    )
    with pytest.raises(DataError) as caught:
        csv(tmp_path, text)
    said = str(caught.value).splitlines()
    for part in ("called volume", "no column low", "'Adj Klose'", "two ways", "high is 'x", "close is 'oops'"):
        assert sum(part in line for line in said) == 1, part


@pytest.mark.parametrize("make", [lambda k: f"c{k}", lambda k: "", lambda k: f"Adj Close {k}", lambda k: "Close"])
def test_a_message_is_never_longer_than_a_screen(tmp_path: Path, make: Any) -> None:
    heading = ",".join(make(k) for k in range(5000))
    with pytest.raises(DataError) as caught:
        csv(tmp_path, "\n".join([heading, *[",".join(["1"] * 5000)] * 3]))
    said = str(caught.value)
    assert len(said.splitlines()) <= MOST_FAULTS + 2
    assert len(said) < MOST_FAULTS * MOST_NAMES * MOST_LETTERS


def test_what_is_in_a_cell_does_not_reach_the_terminal_raw(tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07"
    for text in (
        f"Date,Open,High,Low,{hostile}\n2024-01-02,1,1,1,1\n",
        f"Date,Open,High,Low,Close\n{hostile},1,1,1,1\n",
    ):
        with pytest.raises(DataError) as caught:
            csv(tmp_path, text)
        assert "\x1b" not in str(caught.value)
        assert "\x07" not in str(caught.value)


WIDE = {
    "names": lambda n: ",".join(f"c{k}" for k in range(n)) + "\n" + ",".join(["1"] * n),
    "closes": lambda n: "Date,Open,High,Low," + ",".join(["Close"] * n) + "\n" + ",".join(["1"] * (n + 4)),
    "dates": lambda n: "Open,High,Low,Close," + ",".join(["time"] * n) + "\n" + ",".join(["930"] * (n + 4)),
    "adjusted": lambda n: ",".join(f"Adj X{k}x" for k in range(n)) + "\n" + ",".join(["1"] * n),
    "tickers": lambda n: (
        "Price," + ",".join(["Close"] * n) + "\nTicker," + ",".join(f"T{k}" for k in range(n)) + "\n"
    ),
    "rows": lambda n: "Date,Open,High,Low,Close\n" + "x,1,2,0,1\n" * n,
    "symbols": lambda n: (
        "Date,Name,Open,High,Low,Close\n" + "".join(f"2024-01-02,T{k},1,2,.5,1\n" for k in range(n))
    ),
    "one line": lambda n: "x" * (200 * n),
    "one cell": lambda n: "Date,Open,High,Low,Close\n2024-01-02," + "1," * n + "1\n",
    "brackets": lambda n: "(" * n + ",b\n1,2\n",
    "quote": lambda n: '"' + "a,\n" * n,
}


def seconds_of_refusal(tmp_path: Path, text: str) -> float:
    begin = time.process_time()
    with pytest.raises(DataError) as caught:
        csv(tmp_path, text)
    assert len(str(caught.value)) < 4000
    return time.process_time() - begin


@pytest.mark.parametrize("kind", WIDE)
def test_long_and_wide_junk_takes_linear_time(tmp_path: Path, kind: str) -> None:
    """Three times as many may take 4.5 times as long; what asks each about all the others takes nine.

    On a machine that others use as well, processor time is up to twice as much for a while, so there are three
    tries: what is quadratic fails in each.
    """
    tries = []
    for _ in range(3):
        few, many = (seconds_of_refusal(tmp_path, WIDE[kind](n)) for n in (8_000, 24_000))
        tries.append((few, many))
        if many < max(4.5 * few, 0.15) and many < 10.0:
            return
    raise AssertionError(tries)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_bytes_of_any_kind_are_bars_or_a_sentence(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.raises(DataError, match=r"prices\.csv"):
        csv(Path(folder), data)


cells = st.one_of(
    st.sampled_from(
        ["Date", "Open", "High", "Low", "Close", "Volume", "Adj Close", "Ticker", "time", "", "null", '"', "-"]
    ),
    st.sampled_from(
        ["2024-01-02", "1", "1,5", "1.5", "01/02/2024", "09:30", "1704153600", "20240103", "1e999", "-1", "0"]
    ),
    st.text(max_size=5),
)


@given(st.lists(st.lists(cells, min_size=1, max_size=9), min_size=1, max_size=7), st.sampled_from(",;\t|"))
@settings(max_examples=150, deadline=None)
def test_cells_of_any_kind_are_bars_or_a_sentence(rows: list[list[str]], separator: str) -> None:
    """Begun with a heading as often as not."""
    text = "\n".join(separator.join(row) for row in rows)
    for given_text in (text, "Date,Open,High,Low,Close,Volume".replace(",", separator) + "\n" + text):
        with tempfile.TemporaryDirectory() as folder:
            said = ""
            try:
                csv(Path(folder), given_text.encode("utf-8", "surrogatepass"))
            except DataError as error:
                said = str(error)
            assert len(said) < 4000
