"""An Adj Close that does not belong to its Close is named; the factor of dividends and splits never is."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import csv
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat import DataConfig, Prices
from lstmstrat.arrays import Floats
from lstmstrat.prices.acceptance import open_faults
from lstmstrat.prices.factor import factor_faults
from lstmstrat.prices.sources import handed_over

N = 300
DAYS = pd.bdate_range("2015-01-02", periods=N)


def closes(seed: int, start: float = 50.0) -> Floats:
    rng = np.random.default_rng(seed)
    return start * np.exp(np.cumsum(rng.normal(0.0, 0.015, N)))


def raw(close: Floats, adjusted: Floats) -> pd.DataFrame:
    return pd.DataFrame({"close": close, "adj close": adjusted}, index=DAYS)


def factors(seed: int, every: int, dividend: float, split: float) -> Floats:
    """The factor of a dividend every so many bars, and of a split in the middle (0.5: two shares become one)."""
    rng, factor = np.random.default_rng(seed), np.ones(N)
    for bar in range(every, N, every):
        factor[:bar] *= 1.0 - dividend * rng.uniform(0.5, 1.5)
    factor[: N // 2] /= split
    return factor


@given(
    seed=st.integers(0, 10_000),
    start=st.sampled_from([0.5, 5.0, 50.0, 5_000.0]),
    every=st.sampled_from([1, 5, 21, 63]),
    dividend=st.floats(0.0, 0.03),
    split=st.sampled_from([1.0, 2.0, 7.0, 0.5, 0.1]),
    decimals=st.sampled_from([2, 4, 6]),
    single=st.booleans(),
)
def test_dividends_splits_and_rounding_are_no_finding(
    seed: int, start: float, every: int, dividend: float, split: float, decimals: int, single: bool
) -> None:
    """A payment on each bar too, as of a fund of bonds by months."""
    close = np.maximum(np.round(closes(seed, start), 2), 0.01)
    adjusted = close * factors(seed, every, dividend / 63 * every, split)
    rounded = adjusted.astype(np.float32) if single else np.maximum(np.round(adjusted, decimals), 10.0**-decimals)
    assert not list(factor_faults(raw(close, rounded.astype(float))))


@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["row before", "row after", "another share", "high"]),
    first=st.integers(0, 200),
    length=st.integers(60, N),
)
def test_another_series_is_found_wherever_it_begins(seed: int, kind: str, first: int, length: int) -> None:
    close = np.round(closes(seed), 2)
    whole = {
        "row before": np.append(close[:1], close[:-1]),
        "row after": np.append(close[1:], close[-1:]),
        "another share": np.round(closes(seed + 1, 20.0), 2),
        "high": np.round(close * np.exp(np.abs(np.random.default_rng(seed).normal(0.0, 0.01, N))), 2),
    }
    adjusted, part = close.copy(), slice(first, first + length)
    adjusted[part] = whole[kind][part]
    found = list(factor_faults(raw(close, adjusted)))
    assert [fault.kind for fault in found] == ["factor"]
    assert first <= found[0].bar < first + 30
    assert found[0].voids


def test_the_falls_are_counted() -> None:
    """By hand: of 10, 11, 10.5, 12, 11, 13, 12 the row before is 10.5, 10, 11, 10.5, 12, 11, 13.

    The ratios are 1.05, 0.909, 1.048, 0.875, 1.091, 0.846, 1.083: three falls, to 0.909, 0.875 and 0.846.
    """
    close = np.array([10.0, 11.0, 10.5, 12.0, 11.0, 13.0, 12.0])
    frame = pd.DataFrame({"close": close, "adj close": np.append(10.5, close[:-1])}, index=DAYS[:7])
    (fault,) = factor_faults(frame)
    assert (fault.bar, fault.date, fault.size) == (1, "2015-01-05", 3.0)
    assert "falls on 3 of 7 bars" in fault.text


def test_two_falls_that_a_vendor_corrects_are_none() -> None:
    close = np.round(closes(1), 2)
    adjusted = close.copy()
    adjusted[[100, 103]] *= 1.02
    assert not list(factor_faults(raw(close, adjusted)))


@pytest.mark.parametrize("file", [True, False])
def test_it_voids_an_edge_until_its_date_is_accepted(tmp_path: Path, file: bool) -> None:
    close = np.round(closes(3), 2)
    frame = pd.DataFrame(
        {"Open": close, "High": close, "Low": close, "Close": close, "Volume": 5.0}, index=DAYS.rename("Date")
    )
    frame["Adj Close"] = np.append(close[:1], close[:-1])
    prices = csv(tmp_path, frame.to_csv()) if file else Prices.from_frame(frame, "X")
    (fault,) = open_faults(prices.faults)
    assert fault.kind == "factor"
    assert prices.times[fault.bar] == np.datetime64(fault.date)
    assert pickle.loads(pickle.dumps(prices)).faults == prices.faults


def test_of_a_part_of_the_bars_it_has_its_place_there() -> None:
    """``start:`` and ``end:`` of a frame that is handed over: the falls go on after the first of them."""
    close = np.round(closes(3), 2)
    frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), close), index=DAYS)
    frame["Adj Close"] = np.append(close[:150], close[149:-1])
    first = Prices.from_frame(frame, "X").of_factor[0].bar
    assert 150 <= first < 160
    for start, end, bars in ((100, 299, [first - 100]), (first + 1, 299, [0]), (0, first - 1, [])):
        data = DataConfig(symbol="X", start=DAYS[start].date(), end=DAYS[end].date())
        _, prices = handed_over(frame, data)
        assert [fault.bar for fault in prices.faults if fault.kind == "factor"] == bars
