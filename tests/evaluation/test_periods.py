"""Months, years and falls, beside empyrical and by hand."""

from __future__ import annotations

import datetime as dt
import itertools

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat.evaluation.metrics import max_drawdown, sharpe, total_return
from lstmstrat.evaluation.periods import (
    drawdowns,
    levels,
    monthly_returns,
    rolling_correlation,
    rolling_sharpe,
    worst_falls,
    yearly_returns,
)


def account(bars: int = 900, seed: int = 0) -> pd.Series:
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range("2019-11-14", periods=bars)
    return pd.Series(100_000.0 * np.cumprod(1.0 + rng.normal(3e-4, 0.012, bars)), dates)


def test_months_and_years_are_those_of_empyrical() -> None:
    equity = account()
    returns = equity.pct_change().dropna()
    months = monthly_returns(equity)
    expected = empyrical.aggregate_returns(returns, "monthly")
    found = {(year, month): months.loc[year, month] for year, month in expected.index}
    assert list(found.values()) == pytest.approx(expected.tolist(), rel=1e-9)
    assert int(months.notna().to_numpy().sum()) == len(expected)
    assert yearly_returns(equity).tolist() == pytest.approx(
        empyrical.aggregate_returns(returns, "yearly").tolist(), rel=1e-9
    )


@settings(max_examples=50)
@given(st.integers(1, 400), st.integers(0, 9))
def test_all_months_and_all_years_make_the_total_return(bars: int, seed: int) -> None:
    equity = account(bars, seed)
    for parts in (monthly_returns(equity).to_numpy(), yearly_returns(equity).to_numpy()):
        assert np.prod(1.0 + parts[np.isfinite(parts)]) - 1.0 == pytest.approx(total_return(equity), abs=1e-9)


def test_a_lost_account_has_no_return_afterwards() -> None:
    dates = pd.to_datetime(["2020-01-31", "2020-02-28", "2020-03-31"])
    months = monthly_returns(pd.Series([100.0, -10.0, -20.0], dates))
    assert months.loc[2020, 2] == -1.1
    assert np.isnan(months.loc[2020, 3])


def test_falls_by_hand() -> None:
    # 100 to 80 and back on the third day after; 120 to 90 and 96 to the end; 100 to 100 is no fall.
    dates = pd.date_range("2020-01-01", periods=8)
    first, second = worst_falls(pd.Series([100, 80, 90, 100, 100, 120, 90, 96.0], dates))
    assert (first.depth, first.peak, first.trough, first.recovered, first.bars) == (
        -0.25,
        dt.date(2020, 1, 6),
        dt.date(2020, 1, 7),
        None,
        2,
    )
    assert (second.depth, second.trough, second.recovered, second.bars) == (
        pytest.approx(-0.2),
        dt.date(2020, 1, 2),
        dt.date(2020, 1, 4),
        3,
    )
    assert worst_falls(pd.Series([1.0, 2.0, 3.0], dates[:3])) == ()


@settings(max_examples=50)
@given(st.integers(1, 300), st.integers(0, 9))
def test_the_worst_fall_is_the_maximum_drawdown(bars: int, seed: int) -> None:
    equity = account(bars, seed)
    falls = worst_falls(equity)
    assert (falls[0].depth if falls else 0.0) == pytest.approx(max_drawdown(equity))
    assert drawdowns(equity.to_frame()).to_numpy().min() == pytest.approx(max_drawdown(equity))
    spans = sorted((fall.peak, fall.recovered or dt.date.max) for fall in falls)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))


def test_rolling_figures_end_at_those_of_the_last_window() -> None:
    equity = account()
    returns = equity.pct_change()
    found = rolling_sharpe(equity, 252, 252.0)
    assert found.iloc[-1] == pytest.approx(sharpe(returns.iloc[-252:], 252.0))
    assert found.iloc[:252].isna().all()
    assert rolling_sharpe(pd.Series(1.0, equity.index), 20, 252.0).isna().all()
    other = account(seed=1).pct_change()
    expected = np.corrcoef(returns.iloc[-100:], other.iloc[-100:])[0, 1]
    assert rolling_correlation(returns, other, 100).iloc[-1] == pytest.approx(expected)


def test_levels_by_hand() -> None:
    # Two groups of two: forecasts 1 2 and 3 4, outcomes 10 30 (mean 20, deviation sqrt(200), error 10) and 5 5.
    forecast, realised = np.array([4.0, 1.0, 3.0, 2.0, np.nan]), np.array([5.0, 10.0, 5.0, 30.0, 1.0])
    low, high = levels(forecast, realised, 2)
    assert (low.count, low.forecast, low.realised, low.error) == (2, 1.5, 20.0, pytest.approx(10.0))
    assert (high.count, high.forecast, high.realised, high.error) == (2, 3.5, 5.0, 0.0)
    assert levels(np.full(50, 0.5), np.arange(50.0))[0].count == 50
    assert levels(np.array([np.nan]), np.array([1.0])) == ()


def test_levels_hold_every_pair_once() -> None:
    rng = np.random.default_rng(1)
    forecast, realised = rng.normal(size=(2, 997))
    found = levels(forecast, realised)
    assert sum(one.count for one in found) == 997
    assert max(one.count for one in found) - min(one.count for one in found) <= 1
    assert [one.forecast for one in found] == sorted(one.forecast for one in found)
    assert sum(one.count * one.realised for one in found) / 997 == pytest.approx(realised.mean())
