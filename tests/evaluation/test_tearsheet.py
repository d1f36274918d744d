"""The figures of tear sheets, beside empyrical."""

from __future__ import annotations

import empyrical
import numpy as np
import pandas as pd
import pytest

from lstmstrat.evaluation.tearsheet import tear_sheet

NONE = pd.Series(dtype=float)


def accounts(bars: int = 700) -> tuple[pd.Series, pd.Series]:
    rng = np.random.default_rng(3)
    dates = pd.bdate_range("2018-03-05", periods=bars)
    base = rng.normal(5e-4, 0.012, bars)
    own = 0.6 * base + rng.normal(2e-4, 0.005, bars)
    return tuple(pd.Series(1e5 * np.cumprod(1.0 + r), dates) for r in (own, base))  # type: ignore[return-value]


def test_every_figure_is_that_of_empyrical() -> None:
    equity, holding = accounts()
    own, base = equity.pct_change().dropna(), holding.pct_change().dropna()
    found = tear_sheet(equity, holding, NONE, 252.0)
    assert found.beta == pytest.approx(empyrical.beta(own, base))
    assert found.alpha == pytest.approx(empyrical.alpha(own, base, period="daily"))
    assert found.information_ratio == pytest.approx(empyrical.excess_sharpe(own, base) * np.sqrt(252.0))
    assert found.correlation == pytest.approx(own.corr(base))
    assert found.value_at_risk == pytest.approx(empyrical.value_at_risk(own, 0.05))
    assert found.expected_shortfall == pytest.approx(empyrical.conditional_value_at_risk(own, 0.05))
    months = empyrical.aggregate_returns(own, "monthly")
    assert (found.best_month, found.worst_month) == (pytest.approx(months.max()), pytest.approx(months.min()))
    assert (found.best_bar, found.worst_bar) == (pytest.approx(own.max()), pytest.approx(own.min()))


def test_time_under_water_and_the_average_trade_by_hand() -> None:
    dates = pd.date_range("2020-01-01", periods=5)
    found = tear_sheet(pd.Series([100, 90, 95, 101, 100.0], dates), None, pd.Series([4.0, -1.0]), 252.0)
    assert found.under_water == 3 / 5  # 90, 95 and the last 100
    assert found.average_trade == 1.5
    assert found.beta is None


def test_what_never_moved_is_undefined_and_nothing_breaks() -> None:
    dates = pd.date_range("2020-01-01", periods=4)
    flat, moving = pd.Series(100.0, dates), pd.Series([1.0, 2.0, 1.0, 2.0], dates)
    assert tear_sheet(moving, flat, NONE, 252.0).beta is None
    still = tear_sheet(flat, moving, NONE, 252.0)
    assert (still.beta, still.correlation, still.average_trade) == (0.0, None, None)
    assert tear_sheet(flat[:1], moving[:1], NONE, 252.0).best_bar is None
