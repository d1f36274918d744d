from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat import prices
from lstmstrat.evaluation import metrics
from lstmstrat.evaluation.metrics import Performance, performance, periods_per_year

BUNDLED = Path(prices.__file__).parent / "snapshots"
YEAR = pd.Timedelta(days=365.25)
NO_ORDERS = pd.DataFrame({"status": [], "commission": []})
NO_TRADES = pd.DataFrame({"closed": [], "pnl": []})


def account(*values: float) -> pd.Series:
    return pd.Series(values, index=pd.bdate_range("2020-01-01", periods=len(values)), dtype=float)


def yearly(*values: float) -> pd.Series:
    """Account values 365.25 days apart, a year by definition."""
    return pd.Series(values, index=pd.Timestamp("2020-01-01") + np.arange(len(values)) * YEAR, dtype=float)


def idle(*values: float, periods: int = 252) -> Performance:
    """The metrics of an account without orders or trades."""
    equity = account(*values)
    return performance(equity, equity * 0.0, NO_ORDERS, NO_TRADES, 0.0, periods)


@pytest.fixture(scope="module")
def aapl() -> pd.Series:
    return pd.read_csv(BUNDLED / "AAPL_2000_2013.csv.gz", index_col="Date", parse_dates=True)["Adj Close"]


# The names and their order are those of the design's table of metrics.
def test_fields_are_the_metrics_of_the_contract():
    assert ", ".join(field.name for field in dataclasses.fields(Performance)) == (
        "total_return, cagr, annual_volatility, sharpe, sortino, max_drawdown, calmar, exposure, turnover, "
        "trades, hit_rate, profit_factor, commission_paid, orders_rejected, final_value"
    )


def test_performance_by_hand():
    # Returns +0.1, -0.1, +0.1 on 3 of 6 bars a year.
    #   mean 1/30; deviations 2/30, -4/30, 2/30; variance (4 + 16 + 4) / 900 / 2 = 0.04 / 3
    #   volatility sqrt(0.04 / 3 * 6) = 0.2 sqrt(2); Sharpe 1/30 / (0.2 / sqrt 3) * sqrt 6 = 1 / sqrt 2
    #   downside deviation sqrt(0.01 / 3); Sortino 1/30 / (0.1 / sqrt 3) * sqrt 6 = sqrt 2
    #   growth 1.089 in three years by the dates, 1.089^(1/3) = 1.02882977 in one (1.02882977^3 = 1.0890000);
    #   drawdown 99 / 110 - 1; Calmar 0.02882977 / 0.1
    #   mean account value 417.9 / 4 = 104.475, traded 208.95 is 2 of it in half a year
    # Closed round trips +300, -100, 0: 1 of 3 won, 300 / 100. The open one only counts.
    trades = pd.DataFrame(
        {
            "closed": pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06", None]),
            "pnl": [300.0, -100.0, 0.0, 999.0],
        }
    )
    orders = pd.DataFrame(
        {
            "status": ["Completed", "Margin", "Completed", "Rejected", "Canceled", "Expired"],
            "commission": [1.0, math.nan, 2.0, math.nan, 0.0, math.nan],
        }
    )
    found = performance(
        yearly(100, 110, 99, 108.9), account(0, 1, -1, 0.5), orders, trades, traded_value=208.95, periods=6
    )
    assert dataclasses.asdict(found) == pytest.approx(
        {
            "total_return": 0.089,
            "cagr": 1.089 ** (1 / 3) - 1,
            "annual_volatility": 0.2 * math.sqrt(2),
            "sharpe": 1 / math.sqrt(2),
            "sortino": math.sqrt(2),
            "max_drawdown": -0.1,
            "calmar": (1.089 ** (1 / 3) - 1) / 0.1,
            "exposure": 0.625,
            "turnover": 4.0,
            "trades": 4,
            "hit_rate": 1 / 3,
            "profit_factor": 3.0,
            "commission_paid": 3.0,
            "orders_rejected": 2,
            "final_value": 108.9,
        },
        rel=1e-12,
    )


def test_aapl_equals_published_values(aapl):
    # Computed from the same file by other hands: close to close of Adj Close 2000-03-01 to 2013-03-01.
    returns = metrics.returns(aapl)
    assert len(returns) == 3269
    assert metrics.total_return(aapl) == pytest.approx(12.409, abs=5e-4)
    # 13.409 ** (365.25 / 4748), the days from 2000-03-01 to 2013-03-01: ln 13.409 = 2.59593, / 12.99932 = 0.19970
    assert metrics.cagr(aapl) == pytest.approx(0.2210, abs=5e-5)
    assert metrics.sharpe(returns, 252) == pytest.approx(0.678, abs=5e-4)
    assert metrics.max_drawdown(aapl) == pytest.approx(-0.8180, abs=5e-5)
    # 2005 to 2012, where four libraries agreed to six digits.
    equity = aapl["2005":"2012"]
    returns = metrics.returns(equity)
    assert metrics.sharpe(returns, 252) == pytest.approx(1.132609, abs=5e-7)
    # 1.425649 is the growth of 252 of the 2,012 returns, in 2,919 days: 1.425649 ** (2012 / 252 * 365.25 / 2919)
    assert metrics.cagr(equity) == pytest.approx(1.425649 ** (2012 / 252 * 365.25 / 2919) - 1, abs=5e-6)
    assert metrics.max_drawdown(equity) == pytest.approx(-0.608667, abs=5e-7)
    assert metrics.sortino(returns, 252) == pytest.approx(1.698712, abs=5e-7)


def assert_equals_empyrical(equity: pd.Series, periods: int) -> None:
    returns = metrics.returns(equity)
    same = {"annualization": periods}
    days = (equity.index[-1] - equity.index[0]) / pd.Timedelta(days=1)
    by_dates = {"annualization": len(returns) * 365.25 / days}  # empyrical takes len / annualization for the years
    pairs = [
        (metrics.total_return(equity), empyrical.cum_returns_final(returns)),
        (metrics.cagr(equity), empyrical.annual_return(returns, **by_dates)),
        (metrics.annual_volatility(returns, periods), empyrical.annual_volatility(returns, **same)),
        (metrics.sharpe(returns, periods), empyrical.sharpe_ratio(returns, **same)),
        (metrics.sortino(returns, periods), empyrical.sortino_ratio(returns, **same)),
        (metrics.max_drawdown(equity), empyrical.max_drawdown(returns)),
        (metrics.calmar(equity), empyrical.calmar_ratio(returns, **by_dates)),
    ]
    for ours, theirs in pairs:
        if ours is not None:  # empyrical gives NaN, infinity or rounding noise there
            assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-9)


def test_aapl_equals_empyrical(aapl):
    assert None not in [metrics.sortino(metrics.returns(aapl), 252), metrics.calmar(aapl)]
    assert_equals_empyrical(aapl, 252)


# Whole per mille, so that a series either varies by far more than rounding or not at all.
PER_MILLE = st.lists(st.integers(-200, 200), min_size=2, max_size=40)


@given(PER_MILLE, st.sampled_from([12, 52, 252]))
def test_any_returns_equal_empyrical(per_mille, periods):
    values = np.cumprod([1e5, *(1 + np.array(per_mille) / 1000)])
    equity = pd.Series(values, index=pd.date_range("2020-01-31", periods=len(values), freq="ME"))
    assert (metrics.cagr(equity) is None) == (len(equity) < 13)  # 12 months to 2021-01-31 are 366 days
    assert_equals_empyrical(equity, periods)


@given(PER_MILLE, st.floats(1e-3, 1e6))
def test_metrics_do_not_depend_on_the_cash_one_starts_with(per_mille, factor):
    values = np.cumprod([1e5, *(1 + np.array(per_mille) / 1000)])
    one, other = idle(*values), idle(*values * factor)
    scaled = dataclasses.replace(other, final_value=other.final_value / factor)
    same = pytest.approx(np.array(dataclasses.astuple(scaled), dtype=float), rel=1e-6, abs=1e-9, nan_ok=True)
    assert np.array(dataclasses.astuple(one), dtype=float) == same


def test_drawdown_counts_from_the_first_day():
    # A fall that begins on the first day is invisible to libraries that drop the first value.
    assert metrics.max_drawdown(account(100, 80, 90)) == pytest.approx(-0.2)


def test_one_bar_has_no_rates():
    found = idle(100)
    assert (found.total_return, found.max_drawdown, found.final_value) == (0.0, 0.0, 100.0)
    assert found.cagr is found.annual_volatility is found.sharpe is found.sortino is None
    assert found.calmar is found.turnover is None


def test_two_bars_have_growth_but_no_deviation():
    equity = pd.Series([100.0, 121.0], index=pd.DatetimeIndex(["2019-01-01", "2020-12-31 12:00"]))  # 730.5 days
    found = performance(equity, equity * 0.0, NO_ORDERS, NO_TRADES, 0.0, 2.0)
    assert found.cagr == pytest.approx(0.1)  # sqrt(1.21) - 1
    assert found.annual_volatility is found.sharpe is found.sortino is found.calmar is None


def test_all_cash_has_zero_volatility_and_no_ratios():
    found = idle(100, 100, 100, 100)
    assert (found.annual_volatility, found.max_drawdown, found.exposure) == (0.0, 0.0, 0.0)
    assert metrics.cagr(yearly(100, 100)) == 0.0
    assert found.sharpe is found.sortino is found.calmar is None


def test_a_constant_rate_has_no_sharpe_whatever_its_rounding():
    # empyrical gives about 1e16 here: the deviation is rounding alone.
    found = idle(*(100 * 1.001 ** np.arange(200)))
    assert found.sharpe is None
    assert found.sortino is None


def test_growth_beyond_a_float_is_undefined():
    assert metrics.cagr(yearly(1e-300, 1e300)) is None


def test_a_run_of_less_than_a_year_has_no_growth_by_the_year():
    # GIPS 2020, 2.A.12: returns for periods of less than a year must not be annualised.
    days = [pd.Timestamp("2019-01-01"), pd.Timestamp("2019-12-31"), pd.Timestamp("2020-01-01")]
    assert metrics.cagr(pd.Series([1.0, 1.1], index=pd.DatetimeIndex(days[:2]))) is None  # 364 days
    assert metrics.calmar(pd.Series([1.0, 0.9], index=pd.DatetimeIndex(days[:2]))) is None
    year = metrics.cagr(pd.Series([1.0, 1.1], index=pd.DatetimeIndex(days[::2])))
    assert year == pytest.approx(1.1 ** (365.25 / 365) - 1)
    minutes = pd.Series([1.0, 1.5], index=pd.DatetimeIndex(["2024-01-02 09:30", "2024-01-02 21:30"]))
    assert metrics.cagr(minutes) is None  # 42 digits of percent before


def test_a_lost_account():
    ends_lost = idle(100, 50, 0)  # returns -0.5 and -1 are both defined: mean -0.75, deviation 0.25 sqrt 2
    assert (ends_lost.total_return, ends_lost.max_drawdown) == (-1.0, -1.0)
    assert metrics.cagr(yearly(100, 50, 0)) == metrics.cagr(yearly(100, -20, -30)) == -1.0
    assert ends_lost.sharpe == pytest.approx(-0.75 / (0.25 * math.sqrt(2)) * math.sqrt(252))
    in_debt = idle(100, -20, -30)
    assert (in_debt.total_return, in_debt.max_drawdown) == pytest.approx((-1.3, -1.3))
    assert in_debt.annual_volatility is in_debt.sharpe is in_debt.sortino is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_equity_that_is_no_number_is_an_error_with_its_date(bad):
    with pytest.raises(ValueError, match=f"equity is {bad} on 2020-01-02"):
        idle(100, bad, 102)


def test_equity_without_a_start_is_an_error():
    with pytest.raises(ValueError, match=r"starts at 0\.0 on 2020-01-01"):
        idle(0, 100)
    with pytest.raises(ValueError, match="equity series is empty"):
        idle()


def test_undefined_exposure_is_none():
    assert metrics.mean_exposure(account(0.5, math.nan)) is None


@pytest.mark.parametrize(
    ("pnl", "hit_rate", "factor"),
    [
        ([], None, None),  # no trade, or only an open one
        ([5.0, 1.0], 1.0, None),  # nothing was lost: no ratio, and not infinity
        ([-5.0, -1.0], 0.0, 0.0),
        ([0.0], 0.0, None),  # breaking even is no profit
    ],
)
def test_round_trips_at_the_edges(pnl, hit_rate, factor):
    assert metrics.hit_rate(pd.Series(pnl, dtype=float)) == hit_rate
    assert metrics.profit_factor(pd.Series(pnl, dtype=float)) == factor


def test_an_open_trade_counts_and_decides_nothing():
    open_trade = pd.DataFrame({"closed": [pd.NaT], "pnl": [7.0]})
    equity = account(100, 107)
    found = performance(equity, equity * 0, NO_ORDERS, open_trade, 100.0, 252)
    assert (found.trades, found.hit_rate, found.profit_factor) == (1, None, None)


def test_periods_per_year_of_aapl(aapl):
    assert periods_per_year(aapl.index) == 252  # New York; 3269 sessions in 13.0 years are 251.4 a year


def test_one_bar_has_no_frequency():
    with pytest.raises(ValueError, match="1 bar has no frequency"):
        periods_per_year(pd.DatetimeIndex(["2020-01-01"]))
