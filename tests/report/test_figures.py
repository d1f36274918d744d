"""The charts as data."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.made_up import NAMES, UNUSUAL, put, result, unusual
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.report import figures
from lstmstrat.report.figures import chance, history, skill, trades
from lstmstrat.report.figures.trades import turned_over
from lstmstrat.report.figures.values import (
    CLOSES,
    drawn,
    exact,
    log_axis,
    money,
    numbers,
    packed,
    rounded,
    short,
    step,
    times,
)
from lstmstrat.results.result import Result


def test_numbers_keep_six_digits_and_gaps() -> None:
    assert numbers([123456.789, 0.000123456789, float("nan"), float("inf")]) == [
        123457.0,
        0.000123457,
        None,
        None,
    ]


def test_a_long_history_is_thinned_and_keeps_its_ends() -> None:
    assert drawn(CLOSES).tolist() == list(range(CLOSES))
    places = drawn(100_000)
    assert (step(100_000), places[0], places[-1], places[1]) == (25, 0, 99_999, 25)
    assert len(places) <= CLOSES + 1
    assert step(2_450, 7) == 1  # 20,000 values of seven accounts
    assert len(drawn(2_450, 21)) * 21 <= 20_000


def test_the_seeds_are_a_band_with_its_median_beside_the_run_and_holding_at_the_same_closes() -> None:
    """The values by hand from the made-up account: four fifths of it, a twentieth more, and a fifth more."""
    run = result()
    figure = figures.seeds(run)
    assert figure is not None
    assert [trace["name"] for trace in figure["data"]] == [
        *("lowest of 4 seeds", "4 seeds", "their median", "long_flat", "holding")
    ]
    assert len({str(trace["x"]) for trace in figure["data"]}) == 1
    low, high, median, own, hold = (np.cumsum(trace["y"]["steps"]) for trace in figure["data"])
    account, held = (run.equity[name].to_numpy()[::24] for name in ("long_flat", "buy_and_hold"))
    by_hand = (0.8 * account, 1.2 * account, 1.05 * account, account, held)
    for values, expected in zip((low, high, median, own, hold), by_hand, strict=True):
        assert values == pytest.approx(expected, abs=0.51)  # whole numbers
    assert figure["data"][1]["fill"] == "tonexty"
    assert [why is None for why in figure["why"]] == [True] + [False] * 6
    assert figures.seeds(replace(run, assessment=put(run.assessment, "strategies.0.luck.seeds", None))) is None


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
    assert len(figures.fold_skill(frame)["data"][2]["x"]) == len(frame) - 2  # nor has the fold that failed


def test_sharpe_ratios_and_differences_have_a_panel_each() -> None:
    assessment = put(result().assessment, "strategies.6.luck.placebo.low", None)
    ranges, own = figures.shuffles(assessment)["data"][:2]
    # coin_flip, the last strategy, is the lowest row; its shuffles have no band, so the first one is hysteresis'.
    assert ranges["y"][:3] == [1, 1, None]
    assert ranges["x"][:3] == pytest.approx([-0.65, 0.05, None], abs=1e-9)  # -0.2 and 0.5, by costs of -0.45
    assert own["x"][-1] == 0.45
    worlds, seeds, run, zero = figures.differences(assessment)["data"]
    assert (zero["name"], zero["x"]) == ("no difference", [0.0, 0.0])
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


def test_of_a_portfolio_that_trades_all_day_the_costs_end_where_little_is_left() -> None:
    """By hand: turned over 10,000 times, 0.1% + 0.05% leave exp(-15) of the end without costs; twice that is the
    least that is drawn. Turned over 2,000 times, a thousandth is left at ln(1000) / 2000 = 0.345%."""
    run = result(NAMES[:1])
    equity = pd.DataFrame({"buy_and_hold": [100.0, 100.0], "long_flat": [100.0, 100.0]}, run.equity.index[:2])
    order = run.orders[run.orders["executed"].notna()].iloc[:1]

    def last(size: float) -> float:
        orders = order.assign(executed=equity.index[1], size=size, price=100.0)
        (strategy, _) = figures.costs(replace(run, equity=equity, orders=orders))["data"]
        return float(strategy["x"][-1])

    assert last(10_000.0) == pytest.approx(0.003)
    assert last(2_000.0) == pytest.approx(0.003454, rel=1e-3)
    assert last(10.0) == pytest.approx(0.005)


def test_over_many_powers_of_ten_an_axis_has_these_alone() -> None:
    """An account that lost all but a millionth had fifty ticks, which lay on each other."""
    assert log_axis([0.2, 200_000.0])["tickvals"] == [10.0**k for k in range(-2, 7)]


def test_trades_are_listed_by_strategy_with_open_ones() -> None:
    listed = figures.payload(result())["trades"]
    assert len(listed) == len(NAMES)
    assert listed[0]["closed"]["missing"] == [1]
    assert listed[0]["pnl"] == [98.9, -3.0]


def test_outcomes_are_shown_by_tenth_of_the_forecast() -> None:
    found = figures.outcomes(result().forecasts)["data"]
    assert found[0]["x"] == [str(k) for k in range(1, 11)]
    assert found[1]["y"] == sorted(found[1]["y"])


@given(st.lists(st.none() | st.floats(-1e7, 1e7).map(lambda v: float(f"{v:.6g}")), max_size=40))
def test_packed_numbers_lose_nothing(values: list[float | None]) -> None:
    """Added up again and divided, as the page does, they are the same numbers, to 15 digits of the largest."""
    made = packed(values)
    total, back = 0, []
    for one in made["steps"]:
        total += one or 0
        assert abs(total) < 2**53
        back.append(None if one is None else total / 10 ** made["decimals"])
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    assert [v is None for v in back] == [v is None for v in values]
    assert all(a == b or abs(a - b) <= 1e-14 * largest for a, b in zip(back, values, strict=True))  # type: ignore[operator]


@given(st.lists(st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2100, 1, 1)), max_size=30), st.booleans())
def test_packed_times_lose_nothing(found: list[dt.datetime], daily: bool) -> None:
    whole = [t.replace(microsecond=0) if not daily else dt.datetime(t.year, t.month, t.day) for t in found]
    made = times(pd.DatetimeIndex(whole))
    seconds = np.cumsum(made["steps"]) * made["seconds"]
    assert pd.to_datetime(seconds, unit="s").to_pydatetime().tolist() == whole


def test_the_drawn_account_ends_with_the_number_of_the_answer() -> None:
    """Six digits made 4,063,030 of 4,063,034."""
    assert money([100_000.0, 4_063_033.6]) == [100_000.0, 4_063_034.0]
    assert money([1.0, 0.123456789]) == [1.0, 0.123457]  # an account of 1 keeps its digits
    run = result()
    drawn_ends = [trace["y"][-1] for trace in figures.answer(run.equity)["data"]]
    found = run.assessment
    assert drawn_ends == [round(s.metrics.final_value) for s in found.strategies] + [
        round(found.benchmark.final_value)
    ]


def test_a_number_of_a_table_is_exact_to_the_cent_and_a_small_one_to_six_digits() -> None:
    assert exact([1_234_567.891, 0.00123456789, -0.001, np.nan], 2) == [1_234_567.89, 0.00123457, -0.001, None]


def test_nothing_is_drawn_as_minus_nothing() -> None:
    assert [str(v) for v in rounded([-0.0001, 0.0], 2)] == ["0.0", "0.0"]


@given(st.floats(1e-3, 1e9), st.floats(1.0, 1e4))
def test_a_log_axis_has_a_few_round_ticks_over_its_values(low: float, times_: float) -> None:
    """Of one strategy that equals holding, the ticks were 1.476998 and 1.4769985, or there was none at all."""
    ticks = log_axis([low, low * times_])["tickvals"]
    assert len({f"{tick:.4g}" for tick in ticks}) == len(ticks)
    assert 2 <= sum(low * 0.98 <= tick <= low * times_ * 1.02 for tick in ticks) <= 16
    assert all(round(float(f"{tick:.6g}") / tick, 9) == 1.0 for tick in ticks)


def test_names_that_differ_at_their_end_differ_when_they_are_cut() -> None:
    names = [f"lf(threshold={k / 10_000:.4f})" for k in range(20)]
    assert len({short(name, 14) for name in names}) == 20
    assert all(len(short(name, 14)) == 14 for name in names)
    assert figures.answer(result(("<script>alert(1)</script>",)).equity)["data"][0]["name"].startswith(
        "&lt;script"
    )


def never(names: tuple[str, ...]) -> Result:
    """A run of which no strategy traded."""
    run = unusual("no trades", names)
    return replace(run, equity=run.equity.assign(**dict.fromkeys(names, 100_000.0)))


def test_a_chart_without_data_says_why() -> None:
    found = never(NAMES[:1])
    charts = figures.payload(found)["figures"]
    said = "No strategy traded, so there is no Sharpe ratio to compare."
    assert charts["shuffles"] == charts["differences"] == {"data": [], "layout": {}, "why": said}
    assert charts["profits"]["why"] == charts["spread"]["why"] == ["long_flat never traded."]
    assert trades.profits(result())["why"] == [None] * len(NAMES)
    for kind in UNUSUAL:
        for name, figure in figures.payload(unusual(kind))["figures"].items():
            why = figure.get("why")
            for place in range(len(NAMES)):
                line = why[place] if isinstance(why, list) else why
                shown = [t for t in figure["data"] if t.get("meta", {}).get("of", place) == place]
                assert line or any(t["x"] == "dates" or len(t["x"]) for t in shown), (kind, name, place)


def test_without_forecasts_there_is_no_line_and_the_panel_says_so() -> None:
    made = history.prices(unusual("no forecast"))
    assert not {"forecast"} & {trace["name"] for trace in made["data"]}
    assert made["layout"]["annotations"][0]["text"] == "There was no forecast in this period."
    used = {trace.get("yaxis", "y") for trace in made["data"]}
    axes = {name.replace("axis", "") for name in made["layout"] if name.startswith("yaxis")}
    assert used == axes == {"y", "y4"}  # no panel is empty
    assert history.prices(result())["layout"]["yaxis2"]["title"]["text"] == "forecast, 1 bar"


def test_without_a_band_of_shuffles_nothing_stands_for_one() -> None:
    found = put(result(NAMES[:1]).assessment, "strategies.0.luck.placebo.low", None)
    names = [trace["name"] for trace in chance.shuffles(found)["data"]]
    assert names == ["this run", "holding", "best of 12 trials by luck"]


def test_of_very_many_round_trips_a_page_has_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    run = result(NAMES[:1])
    many = pd.concat([run.trades.iloc[:1].assign(pnl=float(k)) for k in range(10)])
    monkeypatch.setattr(figures, "MOST_TRADES", 4)
    (listed,) = figures.payload(replace(run, trades=many))["trades"]
    assert (listed["all"], listed["pnl"]) == (10, [6, 7, 8, 9])


def test_a_hover_names_the_figure_in_every_line() -> None:
    texts = {
        trace["yaxis"]: trace["hovertemplate"].split(" ")[0] for trace in history.through_time(result())["data"]
    }
    assert texts == {"y": "account", "y2": "fall", "y3": "Sharpe", "y4": "exposure"}


def test_the_best_of_all_trials_by_luck_is_a_line() -> None:
    """By hand, for 12 trials and 2,448 bars: the largest of 12 normal numbers is expected at about
    0.42278 z(1 - 1/12) + 0.57722 z(1 - 1/(12 e)), here 0.42278 * 1.38299 + 0.57722 * 1.87123 = 1.66481; a year of
    252 bars of 1 / sqrt(2,446) each has sqrt(252 / 2,446) = 0.32098 of it."""
    best = chance.best_by_luck(result().assessment)
    assert best == pytest.approx(1.66481 * 0.32098, rel=1e-4)
    line = chance.shuffles(result().assessment)["data"][-1]
    assert (line["name"], line["x"][0]) == ("best of 12 trials by luck", pytest.approx(best, rel=1e-3))
    assert chance.best_by_luck(put(result().assessment, "trials.kept", False)) is None


def test_an_axis_of_sharpe_ratios_has_a_least_span() -> None:
    found = result(NAMES[:1]).assessment
    for field in ("seeds", "worlds"):
        found = put(found, f"strategies.0.luck.{field}", None)
    same = put(found, "strategies.0.versus_benchmark.sharpe", 1e-9)
    low, high = chance.differences(same)["layout"]["xaxis"]["range"]
    assert high - low >= 0.2


def test_profits_are_counted_in_ranges_that_do_not_mix_gains_and_losses() -> None:
    run = result(NAMES[:1])
    row = run.trades.iloc[:1]
    pnl = [-30.0, -10.0, 5.0, 10.0, 25.0, 50.0]
    many = pd.concat([row.assign(pnl=value) for value in pnl])
    (bars,) = trades.spread(replace(run, trades=many))["data"]
    assert sum(bars["y"]) == len(pnl)
    below = sum(count for x, count in zip(bars["x"], bars["y"], strict=True) if x < 0.0)
    assert below == 2
    assert all(abs(x) >= 0.49 * bars["width"] for x in bars["x"])  # no bar lies across 0


def test_a_cheaper_model_without_a_ratio_is_no_empty_box() -> None:
    ladder = result().assessment.ladder
    assert ladder is not None
    rungs = tuple(replace(rung, sharpe=None) for rung in ladder.models)
    made = skill.ladder(replace(ladder, models=rungs, refits=()))
    assert made is not None
    assert made["why"].startswith("No Sharpe ratio is defined")
