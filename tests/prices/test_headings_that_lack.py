"""Files without a heading, and files whose commas are two things: the cure that is printed is the right one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.vendors import DAYS, assert_bars, csv, lines

from lstmstrat.errors import DataError

FACTOR = np.where(np.arange(40) < 17, 0.98, 1.0)
ADJUSTED = DAYS.assign(adjusted=(DAYS["close"] * FACTOR).round(6))
# By hand: all four prices times the factor, the volume as it is.
RIGHT = DAYS.assign(**{name: DAYS[name] * FACTOR for name in ("open", "high", "low", "close")})


def cure(text: str, tmp_path: Path) -> dict[str, object]:
    with pytest.raises(DataError, match="there is no heading") as caught:
        csv(tmp_path, text)
    start = str(caught.value).index("data.columns: ") + len("data.columns: ")
    found: dict[str, object] = yaml.safe_load(str(caught.value)[start:].partition("}")[0] + "}")
    return found


def rows(form: str, bars: pd.DataFrame = ADJUSTED, end: str = "\n") -> str:
    return "".join(
        form.format(t=t, o=o, h=h, l=low, c=c, v=int(v), a=a) + end for t, o, h, low, c, v, a in bars.itertuples()
    )


@pytest.mark.parametrize(
    "form",
    [
        "{t:%Y-%m-%d},{o},{h},{l},{c},{a},{v}",  # Yahoo
        "{t:%Y-%m-%d},{o},{h},{l},{c},{v},{a}",  # Yahoo until 2017
        "{t:%Y-%m-%d},{o:.0f},{h:.0f},{l:.0f},{c:.0f},{v},{a}",
        "X,{t:%Y-%m-%d},{o},{h},{l},{c},{v},{a}",
        "{t:%Y-%m-%d},16:00,{o},{h},{l},{c},{a},{v}",
    ],
)
def test_the_adjusted_close_is_no_volume(tmp_path: Path, form: str) -> None:
    text = rows(form)
    prices = csv(tmp_path, text, columns=cure(text, tmp_path))
    assert np.allclose(prices.frame["close"], ADJUSTED["adjusted"], rtol=1e-9)
    assert np.array_equal(prices.frame["volume"], DAYS["volume"])


def test_yahoo_by_hand(tmp_path: Path) -> None:
    text = rows("{t:%Y-%m-%d},{o},{h},{l},{c},{a},{v}")
    columns = {"date": 1, "open": 2, "high": 3, "low": 4, "close": 5, "adj close": 6, "volume": 7}
    assert cure(text, tmp_path) == columns
    assert np.allclose(csv(tmp_path, text, columns=columns).frame, RIGHT, rtol=1e-6)


def test_a_volume_is_no_adjusted_close(tmp_path: Path) -> None:
    text = lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c},{v}")
    assert cure(text, tmp_path) == {"date": 1, "open": 2, "high": 3, "low": 4, "close": 5, "volume": 6}
    assert_bars(csv(tmp_path, text, columns=cure(text, tmp_path)), DAYS)
    text = lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c}")
    assert cure(text, tmp_path) == {"date": 1, "open": 2, "high": 3, "low": 4, "close": 5}


def decimal_commas(form: str, heading: str = "") -> str:
    """`lines` with a comma for each point."""
    return heading + lines(DAYS, form).replace(".", ",")


@pytest.mark.parametrize(
    "heading", ["Date,Open,High,Low,Close,Volume\n", "a title\nDate,Open,High,Low,Close\n", ""]
)
@pytest.mark.parametrize(
    "form", ["{t:%Y-%m-%d},{o:.2f},{h:.2f},{l:.2f},{c:.2f},{v}", "{t:%Y-%m-%d},{o},{h},{l},{c},{v}"]
)
def test_commas_that_part_columns_and_are_decimal_signs_are_named(tmp_path: Path, form: str, heading: str) -> None:
    text = decimal_commas(form, heading)
    numbers = {"date": 1, "open": 2, "high": 3, "low": 4, "close": 5}
    for data in ({}, {"columns": numbers}) if heading else ({},):
        with pytest.raises(DataError, match="the comma parts the columns and is the decimal sign too") as caught:
            csv(tmp_path, text, **data)
        assert "data." not in str(caught.value)
    head = "Date,Open,High,Low,Close,Volume"
    for by, decimal in ((";", ","), ("\t", ","), (",", ".")):  # as the message says
        saved = lines(DAYS, form, head).replace(",", by).replace(".", decimal)
        assert_bars(csv(tmp_path, saved), DAYS)


def test_a_heading_that_lacks_the_adjusted_close(tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close,Volume\n" + rows("{t:%Y-%m-%d},{o},{h},{l},{c},{a},{v}")
    with pytest.raises(DataError, match="the heading has 6 columns and a row has 7") as caught:
        csv(tmp_path, text)
    assert "close: 5, adj close: 6, volume: 7}" in str(caught.value)
    columns = {"date": 1, "open": 2, "high": 3, "low": 4, "close": 5, "adj close": 6, "volume": 7}
    assert np.allclose(csv(tmp_path, text, columns=columns).frame, RIGHT, rtol=1e-6)


def test_whole_prices_beside_further_columns_are_no_decimal_commas(tmp_path: Path) -> None:
    """Yen, in a file whose heading names fewer columns than there are."""
    whole = DAYS.round(0)
    text = lines(
        whole, "{t:%Y-%m-%d},{o:.0f},{h:.0f},{l:.0f},{c:.0f},{v},1,2,3,4", "Date,Open,High,Low,Close,Volume"
    )
    numbers = {"date": 1, "open": 2, "high": 3, "low": 4, "close": 5, "volume": 6}
    assert_bars(csv(tmp_path, text, columns=numbers), whole)
