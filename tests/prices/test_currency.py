"""A column that says the currency of each bar: one currency is fine, a change of it is no history of one price."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import assert_bars, csv, made_up

from lstmstrat.errors import DataError

BARS = made_up(pd.bdate_range("2015-01-02", periods=60), start=100.0)


def text(currencies: list[str], name: str = "Currency", bars: pd.DataFrame = BARS) -> str:
    return bars.assign(**{name: currencies}).rename_axis("date").to_csv()


@pytest.mark.parametrize("name", ["Currency", "currency code", "CCY", "Price currency"])
@pytest.mark.parametrize(("one", "other"), [("USD", "EUR"), ("GBP", "GBp")])  # GBp are pence
def test_a_currency_that_changes_is_refused_and_the_cure_works(
    tmp_path: Path, name: str, one: str, other: str
) -> None:
    """It was read in silence: euros after dollars at 1.25 are a return of -20% that nobody had (1 / 1.25)."""
    rate = np.where(np.arange(60) < 30, 1.0, 0.8)
    prices = BARS.assign(**{price: BARS[price] * rate for price in ("open", "high", "low", "close")})
    content = text([one] * 30 + [other] * 30, name, prices)
    first, then = one.replace("GBp", "GBX"), other.replace("GBp", "GBX")
    with pytest.raises(DataError, match=f"2015-02-13: the currency is {then}, and {first} on 2015-01-02"):
        csv(tmp_path, content)
    assert_bars(csv(tmp_path, text([one] * 60, name)), BARS)  # converted
    assert_bars(csv(tmp_path, BARS.rename_axis("date").to_csv()), BARS)  # and without the column


OTHERS = {
    "no value": ["USD", "", "N/A"],
    "small letters and blanks": ["USD", "usd", " USD "],
    "a sign": ["USD", "$", "USD"],
    "amounts": ["59.277", "12.235", "3"],
    "coins": ["BTC", "ETH", "XRP"],
}


@pytest.mark.parametrize("cells", OTHERS.values(), ids=list(OTHERS))
def test_what_is_no_change_of_a_currency_is_read(tmp_path: Path, cells: list[str]) -> None:
    assert_bars(csv(tmp_path, text(cells * 20)), BARS)


def test_a_column_of_that_name_that_tells_assets_apart_keeps_its_cure(tmp_path: Path) -> None:
    francs = BARS.assign(**{price: BARS[price] * 0.9 for price in ("open", "high", "low", "close")})
    content = text(["EUR"] * 60) + text(["CHF"] * 60, bars=francs).split("\n", 1)[1]
    with pytest.raises(DataError, match="the column 'Currency' tells the rows apart") as caught:
        csv(tmp_path, content)
    assert "the currency is" not in str(caught.value)
    assert_bars(csv(tmp_path, content, symbol="CHF", columns={"symbol": "Currency"}), francs)
