"""Prices from CSV and Parquet files, as people have them."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import sys
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat.config.data import DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices import Prices, load

TABLE = pd.DataFrame(
    {
        "Date": ["2024-01-02", "2024-01-03", "2024-01-04"],
        "Open": ["10", "11", "12"],
        "High": ["12", "13", "14"],
        "Low": ["9", "10", "11"],
        "Close": ["11", "12", "13"],
        "Adj Close": ["5.5", "6", "13"],  # 2:1 on 4 January
        "Volume": ["100", "200", "300"],
    }
)
# By hand: the first two rows halved, their volume doubled.
BARS = [[5.0, 6.0, 4.5, 5.5, 200.0], [5.5, 6.5, 5.0, 6.0, 400.0], [12.0, 14.0, 11.0, 13.0, 300.0]]


def csv(folder: Path, text: str | bytes, name: str = "prices.csv", **more: dt.date) -> Prices:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(DataConfig(symbol="ABC", source="csv", path=str(path), **more))


def parquet(folder: Path, table: pd.DataFrame) -> Prices:
    path = folder / "prices.parquet"
    table.to_parquet(path)
    return load(DataConfig(symbol="ABC", source="parquet", path=str(path)))


def test_csv_is_read_and_adjusted(tmp_path: Path) -> None:
    value = csv(tmp_path, TABLE.to_csv(index=False))
    assert value.bars.tolist() == BARS
    assert value.times.astype("datetime64[D]").astype(str).tolist() == TABLE["Date"].tolist()
    assert (value.symbol, value.source, value.notices) == ("ABC", "csv", ())


def test_csv_may_be_compressed_and_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert csv(tmp_path, "\ufeff" + TABLE.to_csv(index=False)).bars.tolist() == BARS
    assert csv(tmp_path, gzip.compress(TABLE.to_csv(index=False).encode()), "p.csv.gz").bars.tolist() == BARS


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_parquet_holds_the_date_in_a_column_or_in_the_index(
    tmp_path: Path, indexed: bool, zone: str | None
) -> None:
    dates = pd.DatetimeIndex(TABLE["Date"]).tz_localize(zone)
    table = TABLE.drop(columns="Date").astype(float)
    table = table.set_axis(dates) if indexed else table.assign(Date=dates)
    value = parquet(tmp_path, table)
    assert value.bars.tolist() == BARS
    assert value.times.astype("datetime64[D]").astype(str).tolist() == TABLE["Date"].tolist()


def test_parquet_of_date32(tmp_path: Path) -> None:
    dates = [dt.date(2024, 1, day) for day in (2, 3, 4)]
    assert parquet(tmp_path, TABLE.assign(Date=dates)).times.astype("datetime64[D]").tolist() == dates


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r'pip install "lstmstrat\[parquet\]"'):
        load(DataConfig(source="parquet", path=str(tmp_path / "prices.parquet")))


def test_a_path_is_relative_to_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csv(tmp_path, TABLE.to_csv(index=False))
    monkeypatch.chdir(tmp_path)
    assert load(DataConfig(source="csv", path="prices.csv")).bars.tolist() == BARS


@st.composite
def spelled(draw: st.DrawFn) -> pd.DataFrame:
    """`TABLE`, its columns in any order, case and spelling of the space, one foreign column among them."""
    spell = [str.lower, str.upper, str.title, lambda name: f" {name} "]
    space = draw(st.sampled_from([" ", "_", "", "-", ". "]))
    names = {name: draw(st.sampled_from(spell))(name.replace(" ", space)) for name in TABLE.columns}
    table = TABLE.rename(columns=names).assign(Dividends="0")
    return table[draw(st.permutations(list(table.columns)))]


@given(spelled())
@settings(max_examples=40, deadline=None)
def test_order_case_and_spaces_of_columns_do_not_matter(table: pd.DataFrame) -> None:
    one, other = Prices.from_frame(table, "t"), Prices.from_frame(TABLE, "t")
    pd.testing.assert_frame_equal(one.frame, other.frame, check_exact=True)
    assert one.bars.tolist() == BARS


def test_adjusted_close_is_adj_close(tmp_path: Path) -> None:
    text = TABLE.rename(columns={"Adj Close": "Adjusted_close"}).to_csv(index=False)
    assert csv(tmp_path, text).bars.tolist() == BARS


def test_without_adj_close_a_notice_says_that_prices_are_taken_as_adjusted(tmp_path: Path) -> None:
    table = TABLE.drop(columns="Adj Close").assign(Low="5", Close=["11", "5.5", "13"])
    value = csv(tmp_path, table.to_csv(index=False))
    assert value.bars[:, 3].tolist() == [11.0, 5.5, 13.0]
    # 13 / 5.5 - 1 = 1.364; 5.5 / 11 - 1 = -0.5
    assert len(value.notices) == 1
    assert "taken as adjusted" in value.notices[0]
    assert "+136.4% on 2024-01-04" in value.notices[0]


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    text = (
        TABLE.drop(columns="Adj Close").assign(Close=["11.1", "12.300000000000001", "1.3e1"]).to_csv(index=False)
    )
    assert csv(tmp_path, text).bars[:, 3].tolist() == [11.1, 12.300000000000001, 13.0]


# --- dates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dates",
    [
        ["20240102", "20240103", "20240104"],
        ["2024-01-02 00:00:00-05:00", "2024-01-03 00:00:00-05:00", "2024-01-04 00:00:00-04:00"],
        ["2024-01-02T16:00:00.000Z", "2024-01-03T16:00:00.000Z", "2024-01-04T16:00:00.000Z"],
        # Midnight in Tokyo is the day before in London: the clock of the exchange counts.
        ["2024-01-02 00:00:00+09:00", "2024-01-03 00:00:00+09:00", "2024-01-04 00:00:00+09:00"],
    ],
)
def test_dates_are_those_of_the_exchange(tmp_path: Path, dates: list[str]) -> None:
    value = csv(tmp_path, TABLE.assign(Date=dates).to_csv(index=False))
    assert value.times.astype(str).tolist() == [f"2024-01-0{d}T00:00:00.000000000" for d in (2, 3, 4)]


def test_several_bars_a_day_keep_their_time_and_end_includes_its_whole_day(tmp_path: Path) -> None:
    dates = ["2024-01-02 10:00:00-05:00", "2024-01-02 11:00:00-05:00", "2024-01-03 10:00:00-05:00"]
    value = csv(tmp_path, TABLE.assign(Date=dates).to_csv(index=False), end=dt.date(2024, 1, 2))
    assert value.times.astype("datetime64[m]").astype(str).tolist() == ["2024-01-02T10:00", "2024-01-02T11:00"]


@pytest.mark.parametrize("date", ["01/03/2024", "2024-02-31", "soon", ""])
def test_a_date_of_another_form_is_named_with_its_row(tmp_path: Path, date: str) -> None:
    text = TABLE.assign(Date=["2024-01-02", date, "2024-01-04"]).to_csv(index=False)
    with pytest.raises(DataError, match=f"prices.csv: row 2: the date is {date and repr(date)}.*2024-01-31"):
        csv(tmp_path, text)


# --- what is done to the rows, and said -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "notice"),
    [
        ([2, 1, 0], "the newest row comes first in the table: its order is turned round"),
        ([1, 0, 2], "the rows are sorted by date: in the table 2024-01-02 stands after 2024-01-03"),
        ([0, 1, 1, 2], "rows given twice left out: 1 (first: 2024-01-03)"),
    ],
)
def test_the_order_of_the_rows_is_mended_with_a_notice(tmp_path: Path, order: list[int], notice: str) -> None:
    """There is one reading, so it is taken; before, it was refused, and the cures spoilt some files."""
    value = csv(tmp_path, TABLE.iloc[order].to_csv(index=False))
    assert value.bars.tolist() == BARS
    assert value.notices == (notice,)


@pytest.mark.parametrize("empty", ["", "null", "N/A", "-"])
def test_a_row_without_prices_is_left_out_with_a_notice(tmp_path: Path, empty: str) -> None:
    """As from Yahoo itself."""
    row = pd.DataFrame([["2024-01-01", *[empty] * 6]], columns=TABLE.columns)
    value = csv(tmp_path, pd.concat([row, TABLE]).to_csv(index=False))
    assert value.bars.tolist() == BARS
    assert value.notices == ("rows without prices left out: 1 (first: 2024-01-01)",)


# --- broken files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Close": ["11", "n.a.", "13"]}, r"row 2, 2024-01-03: close is 'n.a.', expected a number"),
        ({"Volume": ["100", "200", "13 00 x"]}, r"row 3, 2024-01-04: volume is '13 00 x', expected a number"),
        ({"Adj Close": ["5.5", "", "13"]}, r"2024-01-03: adj close is nan"),
        ({"Adj Close": ["5.5", "0", "13"]}, r"2024-01-03: adj close is 0, expected a price above 0"),
        (
            {"Adj Close": ["5.5", "1e300", "13"]},
            r"2024-01-03: adj close is 1e\+300, expected a price from 1e-15 to 1e\+15",
        ),
        ({"Adj Close": ["5.5", "1e-300", "13"]}, r"2024-01-03: adj close is 1e-300, expected a price from 1e-15"),
        ({"Date": ["2024-01-02", "2024-01-02", "2024-01-04"]}, "2024-01-02: given twice, with different values"),
        # The value is the one in the file, not the adjusted one.
        ({"High": ["8", "13", "14"]}, "2024-01-02: high 8 is below low 9"),
    ],
)
def test_a_broken_cell_is_named_with_its_row(tmp_path: Path, given: dict[str, list[str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        csv(tmp_path, TABLE.assign(**given).to_csv(index=False))


def test_every_missing_column_is_named_with_the_nearest_there_is(tmp_path: Path) -> None:
    text = TABLE.rename(columns={"High": "Hihg", "Close": "Closed"}).to_csv(index=False)
    with pytest.raises(DataError, match=r"no column high, close; did you mean data\.columns: ") as caught:
        csv(tmp_path, text)
    assert '{high: "Hihg", close: "Closed"}' in str(caught.value)


def test_a_column_given_twice_is_not_chosen_from(tmp_path: Path) -> None:
    text = TABLE.assign(close="1").rename(columns={"close": "Close"}).to_csv(index=False)
    assert text.startswith("Date,Open,High,Low,Close,Adj Close,Volume,Close\n")
    with pytest.raises(DataError, match="more than one column is called close"):
        csv(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table, but an empty file"),
        ("Date,Open,High,Low,Close,Volume\n2024-01-02,1,1,1,1,1,1\n", "heading has 6 columns and a row has 7"),
        ("Date,Open,High,Low,Close,Volume\n", "no row below the heading"),
        (b"PAR1\xff\xfe\x00", "not a text file, but a Parquet file; write source: parquet"),
        (b"\x00\x01\x02\x03", "not a text file; expected a CSV file"),
    ],
)
def test_what_is_no_table_is_said_to_be_none(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        csv(tmp_path, text)


def test_a_text_file_is_no_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(TABLE.to_csv(index=False))
    with pytest.raises(DataError, match=r"prices.csv: not a Parquet file"):
        load(DataConfig(source="parquet", path=str(path)))


@pytest.mark.parametrize("source", ["csv", "parquet"])
def test_a_missing_file_is_answered_with_near_names(tmp_path: Path, source: str) -> None:
    (tmp_path / f"aapl_daily.{source}").touch()
    with pytest.raises(DataError, match=f"no file .*: correct its path; did you mean 'aapl_daily.{source}'"):
        load(DataConfig(source=source, path=str(tmp_path / f"aapl-daily.{source}")))
    with pytest.raises(DataError, match=r"there is no folder .*missing"):
        load(DataConfig(source=source, path=str(tmp_path / "missing" / f"aapl.{source}")))


@pytest.mark.parametrize("source", ["csv", "parquet"])
def test_a_pipe_or_a_device_is_said_to_be_one(tmp_path: Path, source: Literal["csv", "parquet"]) -> None:
    os.mkfifo(tmp_path / "ff1")
    for path in (str(tmp_path / "ff1"), "/dev/null"):
        with pytest.raises(DataError, match=f"{path} is no file but a pipe or a device"):
            load(DataConfig(source=source, path=path))
