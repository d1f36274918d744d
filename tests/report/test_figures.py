"""The charts as data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.made_up import NAMES, put, result

from lstmstrat.report import figures
from lstmstrat.report.figures.trades import turned_over
from lstmstrat.report.figures.values import MOST, drawn, step


def test_numbers_keep_six_digits_and_gaps() -> None:
    assert figures.numbers([123456.789, 0.000123456789, float("nan"), float("inf")]) == [
        123457.0,
        0.000123457,
        None,
        None,
    ]


def test_a_long_history_is_thinned_and_keeps_its_ends() -> None:
    assert drawn(MOST).tolist() == list(range(MOST))
    places = drawn(100_000)
    assert (step(100_000), places[0], places[-1], places[1]) == (25, 0, 99_999, 25)
    assert len(places) <= MOST + 1


def test_falls_are_measured_from_the_highest_value_so_far() -> None:
    run = result()
    equity = run.equity.copy()
    equity.iloc[:4, 1] = [100.0, 80.0, 120.0, 90.0]  # 80/100 - 1 and 90/120 - 1
    below = [t for t in figures.through_time(replace(run, equity=equity))["data"] if t["yaxis"] == "y2"]
    assert below[1]["name"] == "long_flat"
    assert below[1]["y"][:4] == [0.0, -0.2, 0.0, -0.25]


def test_a_lost_account_is_a_gap_on_the_log_scale() -> None:
    frame = result().equity.iloc[:3].copy()
    frame["long_flat"] = [100.0, -5.0, 0.0]
    above = next(t for t in figures.answer(frame)["data"] if t["name"] == "long_flat")
    assert above["y"] == [100.0, None, None]


def test_the_first_chart_has_every_account_and_holding_above() -> None:
    data = figures.answer(result().equity)["data"]
    assert [trace["name"] for trace in data] == [*NAMES, "holding"]
    assert [trace["meta"]["of"] for trace in data[:-1]] == list(range(7))


def test_the_band_of_chance_is_two_standard_errors() -> None:
    upper = figures.fold_skill(result().folds)["data"][1]["y"]
    assert upper[0] == pytest.approx(0.427707, abs=1e-6)  # 1.96 / sqrt(21), by hand


def test_a_fold_of_a_few_bars_has_no_band_that_flares() -> None:
    frame = result().folds.copy()
    frame.loc[frame.index[-1], "observations"] = 2
    assert len(figures.fold_skill(frame)["data"][2]["x"]) == len(frame) - 1


def test_sharpe_ratios_and_differences_have_a_panel_each() -> None:
    assessment = put(result().assessment, "strategies.6.luck.placebo.low", None)
    ranges, own = figures.shuffles(assessment)["data"]
    # coin_flip, the last strategy, is the lowest row; its shuffles have no band, so the first one is hysteresis'.
    assert ranges["y"][:3] == [1, 1, None]
    assert ranges["x"][:3] == pytest.approx([-0.65, 0.05, None], abs=1e-9)  # -0.2 and 0.5, by costs of -0.45
    assert own["x"][-1] == 0.45
    worlds, seeds, run = figures.differences(assessment)["data"]
    # The differences of the made-up run, without the lost account.
    assert worlds["x"][:3] == pytest.approx([-0.3, 0.4, 0.0])
    assert seeds["x"] == pytest.approx([0.3, -0.2, 0.2, 0.4])
    assert run["x"][-1] == 0.3


def test_costs_meet_where_the_break_even_cost_is() -> None:
    """By hand: 200,000 with a turnover of 300 falls to 100,000 at a cost that is ln(2) / 300 higher."""
    run = result(NAMES[:1])
    equity = pd.DataFrame({"buy_and_hold": [100.0, 100.0, 100.0], "long_flat": [100.0, 100.0, 200.0]})
    equity.index = run.equity.index[:3]
    order = run.orders[run.orders["executed"].notna()].iloc[:1]
    orders = order.assign(executed=equity.index[1], size=300.0, price=100.0)
    small = replace(run, equity=equity, orders=orders)
    assert turned_over(small, "long_flat") == pytest.approx(300.0)
    strategy, hold = figures.costs(small)["data"]
    costs = run.assessment.costs
    at = np.interp(np.log(100.0), np.log(strategy["y"][::-1]), strategy["x"][::-1])
    assert at == pytest.approx(costs.commission + costs.slippage + np.log(2.0) / 300.0, rel=1e-3)
    assert hold["y"][0] == hold["y"][-1] == 100.0


def test_trades_are_listed_by_strategy_with_open_ones() -> None:
    trades = figures.payload(result())["trades"]
    assert len(trades) == len(NAMES)
    assert trades[0]["closed"][1] is None
    assert trades[0]["pnl"] == [98.9, -3.0]


def test_outcomes_are_shown_by_tenth_of_the_forecast() -> None:
    found = figures.outcomes(result().forecasts)["data"]
    assert found[0]["x"] == [str(k) for k in range(1, 11)]
    assert found[1]["y"] == sorted(found[1]["y"])
