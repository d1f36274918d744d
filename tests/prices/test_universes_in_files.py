"""A universe as a table: stays with dates, groups, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstmstrat import ConfigError, DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices.universe import listed, read_universe


def read(folder: Path, text: str, encoding: str = "utf-8"):
    path = folder / "mine.csv"
    path.write_text(text, encoding=encoding)
    return read_universe(path)


def test_a_symbol_may_leave_and_come_back(tmp_path: Path) -> None:
    universe = read(
        tmp_path, "symbol,start,end,group\nAMD,1996-01-02,2013-09-23,chips\nKO,,,food\nAMD,2017-03-20,,chips\n"
    )
    assert universe.name == "mine"
    assert universe.symbols == ("AMD", "KO")
    assert universe.groups == {"AMD": "chips", "KO": "food"}
    days = np.array(
        ["1996-01-01", "1996-01-02", "2013-09-23T16:00", "2013-09-24", "2017-03-20"], dtype="datetime64[ns]"
    )
    assert universe.members(days)[:, 0].tolist() == [False, True, True, False, True]
    assert universe.members(days)[:, 1].all()


def test_tickers_that_look_like_something_else_are_tickers(tmp_path: Path) -> None:
    """NA, TRUE and NAN are symbols of stocks; a reader of tables may take them for a missing value."""
    universe = read(tmp_path, "Symbol \n NA\nTRUE\nNAN\n\n1\n", encoding="utf-8-sig")
    assert universe.symbols == ("1", "NA", "NAN", "TRUE")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, "symbol,start,end,group\nA,2005-13-01,,x\n,2005-01-01,,\nA,2006-01-01,soon,y\n")
    lines = str(error.value).split("\n  ")[1:]
    assert lines == [
        "line 2: start '2005-13-01', expected a date such as 2005-01-31, or nothing",
        "line 3: there is no symbol",
        "line 4: end 'soon', expected a date such as 2005-01-31, or nothing",
        "A is of group 'x' and of 'y'; give all its lines one group",
    ]


def test_a_cell_beyond_the_heading_and_a_week_are_refused_with_their_line(tmp_path: Path) -> None:
    """The days of the week 20 of 2013 by a calendar: Monday, 13 May, to Sunday, 19 May."""
    with pytest.raises(DataError) as error:
        read(
            tmp_path,
            "symbol,start,end\nA,,,\n\nB,2005-01-03,2006-01-02,food, drinks\nC,2013-W20,2013W20\nD,2013-W60,\n",
        )
    lines = str(error.value).split("\n  ")[1:]
    cure = "which has 3 columns; take it out, or put a cell with a comma in it in quotes"
    assert lines == [
        f"line 4: 'food' is beyond the heading, {cure}",
        "line 5: start '2013-W20' is a week; write the date of its first day, 2013-05-13",
        "line 5: end '2013W20' is a week; write the date of its last day, 2013-05-19",
        "line 6: start '2013-W60', expected a date such as 2005-01-31, or nothing",
    ]
    with pytest.raises(DataError, match="line 2: end '9999-W52' is a week"):
        read(tmp_path, "symbol,end\nA,9999-W52\n")
    quoted = read(tmp_path, 'symbol,start,group\nA,2013-W20-5,"food, drinks",, \n')  # a day of a week is a day
    assert str(quoted.spans[0]) == "A from 2013-05-17"
    assert quoted.groups == {"A": "food, drinks"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("symbol,start,end\nA,2005-01-01,2006-01-01\nA,2006-01-01,\n", "overlap; write one line for both"),
        ("symbol,start,end\nA,2006-01-01,2005-01-01\n", "A from 2006-01-01 to 2005-01-01 ends before it begins"),
        ("symbol\n", "there is no symbol in it"),
        ("ticker,from\nA,2005-01-01\n", "expected symbol,start,end,group"),
        ("", "the heading is empty"),
        ("symbol,symbol\nA,B\n", "the heading is symbol, symbol; expected symbol,start,end,group"),
        ("symbol,start,start\nA,,\n", "the heading is symbol, start, start; expected"),
    ],
)
def test_what_is_no_universe_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read(tmp_path, text)


def test_a_file_that_is_not_there_says_what_else_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"or a list of symbols: \[AAPL, MSFT\]"):
        read_universe(tmp_path / "nowhere.csv")


def test_a_list_belongs_to_it_on_all_days() -> None:
    assert listed(["B", "A"]).members(np.array(["1900-01-01"], dtype="datetime64[ns]")).tolist() == [[True, True]]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"universe": [True, "KO"]}, "True is no symbol; write each in quotes"),  # ON, in YAML
        ({"universe": ["KO", "KO"]}, "'KO' stands there twice"),
        ({"universe": ["KO"], "source": "csv", "path": "ko.csv"}, r"write \{symbol\} in it"),
        ({"universe": ["KO"], "peers": [{"name": "ibm", "symbol": "IBM"}]}, "extra and peers are for one asset"),
        (
            {"universe": ["KO"], "symbol": "KO"},
            "symbol: KO is one of the universe, which would be called so; take",
        ),
        ({"faults": "quarantine"}, "faults: quarantine is for a universe"),
        ({"index": "sp500"}, "index: it needs data.universe, such as us_stocks"),
    ],
)
def test_a_config_says_what_a_universe_needs(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        DataConfig(**values)


def test_a_universe_is_called_by_its_file_and_puts_faulty_assets_into_quarantine() -> None:
    data = DataConfig(universe="lists/dow.csv", source="csv", path="prices/{symbol}.csv")
    assert (data.symbol, data.faults) == ("dow", "quarantine")
    assert DataConfig(universe=["KO", "PEP"]).symbol == "universe"
    assert DataConfig(universe=["KO", "PEP"], faults="refuse").faults == "refuse"
