"""Of several columns that may be the close it is said which is used; one of another day is never offered."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.vendors import DAYS, assert_bars, csv, lines

from lstmstrat.errors import DataError
from lstmstrat.prices.headings import OTHER_DAY, plain

PREVIOUS = (
    "Prev. Close", "Previous Close", "PREVCLOSE", "prev_close", "pre_close", "Prior Settle", "Yesterday's Close",
    "Vortag Schluss", "Cierre anterior", "Next Open", "昨收", "前收盘",
)  # fmt: skip


def futures(heading: str) -> str:
    """Bars whose last column but the volume is a close of its own: 7 beside the true one."""
    return lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},7,{c},{v}", heading)


def test_last_beside_settle_is_refused_and_each_cure_works(tmp_path: Path) -> None:
    """Quandl's futures: Date, Open, High, Low, Last, Change, Settle, Volume ..."""
    text = futures("Date,Open,High,Low,Last,Settle,Volume")
    with pytest.raises(DataError, match="more than one column is called close: 'Last', 'Settle'") as caught:
        csv(tmp_path, text)
    assert 'write data.columns: {close: "Last"} for the first' in str(caught.value)
    assert_bars(csv(tmp_path, text, columns={"close": "Settle"}), DAYS)


@pytest.mark.parametrize("name", ["Settle", "Settlement Price", "Settlement", "Settle Price"])
@pytest.mark.parametrize("previous", PREVIOUS)
def test_a_settlement_is_the_close_and_the_one_before_is_not(tmp_path: Path, name: str, previous: str) -> None:
    assert_bars(csv(tmp_path, futures(f"Date,Open,High,Low,{previous},{name},Volume")), DAYS)


def test_a_close_beside_a_last_is_used_and_said(tmp_path: Path) -> None:
    """As in the daily file of NSE."""
    prices = csv(tmp_path, futures("Date,Open,High,Low,Last,Close,Volume"))
    assert_bars(prices, DAYS)
    assert "the close is the column 'Close'; not used: 'Last'" in prices.notices


@pytest.mark.parametrize("previous", PREVIOUS)
def test_the_close_of_another_day_is_never_offered(tmp_path: Path, previous: str) -> None:
    assert OTHER_DAY.search(plain(previous))
    text = lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c},{v}", f"Date,Open,High,Low,{previous},Volume")
    for data in ({}, {"columns": {"close": "Close"}}):
        with pytest.raises(DataError) as caught:
            csv(tmp_path, text, **data)
        assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["Price", "Last", "Close", "Preis", "Pressure", "Open", "Hi", "Precio", "Clsoe"])
def test_a_price_of_the_day_is_offered(name: str) -> None:
    assert not OTHER_DAY.search(plain(name))
