"""An adjusted close is known by what it does, under whatever heading; other columns beside the close are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import assert_bars, csv, made_up

from lstmstrat.errors import DataError

BARS = made_up(pd.bdate_range("2015-01-02", periods=400), start=100.0)
N = len(BARS)
PAID = np.prod([np.where(np.arange(N) < k, 0.99, 1.0) for k in range(50, N, 50)], axis=0)  # seven dividends of 1%
SPLIT = np.where(np.arange(N) < 200, 0.25, 1.0)  # 4:1
FACTORS = {"dividends": PAID, "a split": SPLIT, "both, forward": PAID * SPLIT / (PAID * SPLIT)[0]}
NOISE = np.random.default_rng(0).normal(0.0, 0.003, N)


def with_column(values: np.ndarray, name: str = "close_a") -> str:
    return BARS.assign(**{name: np.round(values, 4)}).rename_axis("date").to_csv()


@pytest.mark.parametrize("name", ["close_a", "Ber. Schluss", "CLP", "hfq", "Close 2"])
@pytest.mark.parametrize("factor", FACTORS.values(), ids=list(FACTORS))
def test_a_close_with_payments_put_back_is_refused_by_name(tmp_path: Path, factor: np.ndarray, name: str) -> None:
    """It was left out without a word: 400 days that pay 7% were 7% short. By hand: each price times the factor."""
    close = BARS["close"].to_numpy()
    text = with_column(close * factor, name)
    for content in (text, "\n".join([text.split("\n")[0], *text.strip().split("\n")[:0:-1]])):  # newest first
        with pytest.raises(DataError, match=f"the column '{name}' looks like an adjusted price"):
            csv(tmp_path, content)
        used = csv(tmp_path, content, columns={"adj close": name})
        np.testing.assert_allclose(used.bars[:, 3], np.round(close * factor, 4), rtol=1e-12)
        assert_bars(csv(tmp_path, content, columns={"adj close": None}), BARS)


@pytest.mark.parametrize(
    "values",
    {
        "the price before adjustment": BARS["close"] / PAID,
        "the same again": BARS["close"],
        "the day before": BARS["close"].shift(1),
        "an average price": BARS["close"] * (1.0 + NOISE),
        "an average of 50 days": BARS["close"].rolling(50, min_periods=1).mean(),
        "the value of all shares": BARS["close"] * 1e9 * np.where(np.arange(N) < 200, 1.0, 1.2),
        "the highest close so far": BARS["close"].cummax(),
        "one that differs on a day": BARS["close"] * np.where(np.arange(N) == 9, 1.1, 1.0),
        "another contract": BARS["close"] * np.linspace(0.9, 1.0, N),
        "a number": pd.Series(7.0, BARS.index),
        "a count": pd.Series(np.arange(1.0, N + 1.0), BARS.index),
    }.values(),
)  # fmt: skip
def test_another_column_beside_the_close_is_no_adjusted_close(tmp_path: Path, values: pd.Series) -> None:
    assert_bars(csv(tmp_path, with_column(values.to_numpy())), BARS)
