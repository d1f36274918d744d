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
    with pytest.raises(DataError, match=f"row 31: the currency is '{other}', after '{one}' in row 1"):
        csv(tmp_path, content)
    assert_bars(csv(tmp_path, text([one] * 60, name)), BARS)  # converted
    assert_bars(csv(tmp_path, BARS.rename_axis("date").to_csv()), BARS)  # and without the column


def test_rows_without_a_currency_are_no_change(tmp_path: Path) -> None:
    assert_bars(csv(tmp_path, text(["USD", "", " USD "] * 20)), BARS)
