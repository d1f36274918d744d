"""What a refresh says: a dividend, a split, single bars, nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lstmstrat.prices import Prices
from lstmstrat.prices.revision import revision


def prices(count: int = 10, volume: float = 100.0) -> Prices:
    close = 50.0 + np.arange(count)
    columns = {"open": close - 0.5, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": volume}
    frame = pd.DataFrame(columns, index=pd.bdate_range("2024-01-01", periods=count))
    return Prices("ABC", "yahoo", frame.astype(float), ())


def changed(old: Prices, until: int, price: float, volume: float = 1.0) -> Prices:
    frame = old.frame.copy()
    frame.iloc[:until] *= [price] * 4 + [volume]
    return Prices("ABC", "yahoo", frame, ())


def test_the_same_prices_let_old_results_stand() -> None:
    assert revision(prices(), prices()) == [
        "refreshed: no bar has changed, so results on the download before stand"
    ]


def test_a_dividend_multiplies_all_prices_before_it() -> None:
    # 0.50 paid on a close of 56 (the seventh): 1 - 0.5 / 56 = 0.991071.
    old = prices()
    told, results = revision(old, changed(old, 7, 1.0 - 0.5 / 56.0))
    assert told == (
        "refreshed: bars changed: 7, 2024-01-01 to 2024-01-09, by up to 0.00893 of their size; "
        "all prices until 2024-01-09 times 0.991071: a dividend"
    )
    assert f"data.sha256 {old.sha256}" in results


def test_a_split_divides_prices_and_multiplies_volumes() -> None:
    old = prices()
    told, _ = revision(old, changed(old, 10, 0.25, 4.0))
    assert told.endswith("all prices until 2024-01-12 times 0.25: a split (4 new shares for one)")


def test_without_volume_a_dividend_and_a_split_look_alike() -> None:
    old = prices(volume=0.0)
    assert revision(old, changed(old, 10, 0.25))[0].endswith("times 0.25: a dividend or a split")


def test_a_single_bar_is_no_event() -> None:
    old = prices()
    frame = old.frame.copy()
    frame.iloc[3] *= 1.01
    told, _ = revision(old, Prices("ABC", "yahoo", frame, ()))
    assert told == "refreshed: bars changed: 1, 2024-01-04 to 2024-01-04, by up to 0.0099 of their size"


def test_bars_that_came_and_went() -> None:
    old, new = prices(10), prices(12)
    gone = Prices("ABC", "yahoo", new.frame.drop(new.frame.index[4]), ())
    told, _ = revision(old, gone)
    assert told == (
        "refreshed: no bar has changed; 1 bar is gone, the first on 2024-01-05; "
        "2 bars are new, 2024-01-15 to 2024-01-16"
    )


@pytest.mark.parametrize("until", [0, 1, 9, 10])
@pytest.mark.parametrize("ratio", [0.5, 1.0 + 1e-8, 3.0])
def test_every_change_is_said(until: int, ratio: float) -> None:
    old = prices()
    told = revision(old, changed(old, until, ratio))
    assert (len(told) == 2) == (until > 0)
    assert (f"bars changed: {until}," in told[0]) == (until > 0)
