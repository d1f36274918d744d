"""Several runs side by side: on the dates that they share, and with the luck of the best of many allowed for."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.made_up import put, result

from lstmstrat.config.schema import Config
from lstmstrat.errors import ConfigError
from lstmstrat.evaluation.many_trials import superior_predictive_ability
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.report import terminal
from lstmstrat.report.comparison import contenders, differences, markdown, notes, parts, sentences
from lstmstrat.report.page.compare import comparison_page
from lstmstrat.results.comparison import Comparison
from lstmstrat.results.result import HOLDING, Result
from lstmstrat.study.compare import compare

WORDS = [{"class": "a.b:C", "name": "one"}, {"class": "a.b:C", "name": "two"}]


def made(
    seed: int = 0, symbol: str = "AAPL", drift: float = 0.0, names: tuple[str, ...] = ("one", "two"), **config: Any
) -> Result:
    """A result whose accounts are random walks; `drift` is added to each return of the strategies."""
    base = result(names)
    rng, index = np.random.default_rng(seed), base.equity.index
    moves = pd.DataFrame(rng.normal(3e-4, 0.01, (len(index), len(names) + 1)), index, ["buy_and_hold", *names])
    moves[list(names)] += drift
    strategies = [{"class": "a.b:C", "name": name} for name in names]
    return replace(
        base,
        equity=100_000.0 * (1.0 + moves).cumprod(),
        config=Config.model_validate({"strategies": strategies, **config}),
        assessment=put(base.assessment, "data.symbol", symbol),
    )


def from_to(one: Result, first: int, last: int) -> Result:
    return replace(one, equity=one.equity.iloc[first:last])


def by_hand(equity: pd.Series) -> float:
    """Mean over deviation of simple returns, times the root of 252."""
    moves = equity.to_numpy()[1:] / equity.to_numpy()[:-1] - 1.0
    return float(math.sqrt(252.0) * moves.mean() / moves.std(ddof=1))


def test_the_sharpe_ratios_are_those_of_the_common_dates() -> None:
    long, short = made(1), from_to(made(2, forecast={"seed": 1}), 400, 2000)
    found = compare({"a": long, "b": short})
    common = short.equity.index
    assert (found.bars, found.first, found.last) == (1600, str(common[0].date()), str(common[-1].date()))
    expected = [by_hand(run.equity[name].loc[common]) for run in (long, short) for name in ("one", "two")]
    assert [c.figures.sharpe for c in found.contenders] == pytest.approx(expected, rel=1e-12)
    holding = [by_hand(run.equity["buy_and_hold"].loc[common]) for run in (long, short)]
    assert [c.holding for c in found.contenders] == pytest.approx(np.repeat(holding, 2).tolist(), rel=1e-12)
    leads = [c.lead.difference for c in found.contenders]
    assert leads == pytest.approx((np.array(expected) - np.repeat(holding, 2)).tolist(), rel=1e-9)
    assert found.equity.iloc[0].tolist() == [1.0] * 6  # two holdings, whose prices are not the same


def growth_by_hand(equity: pd.Series) -> float:
    days = (equity.index[-1] - equity.index[0]).days
    return float((equity.iloc[-1] / equity.iloc[0]) ** (365.25 / days) - 1.0)


def fall_by_hand(equity: pd.Series) -> float:
    top, worst = -math.inf, 0.0
    for value in equity:
        top = max(top, value)
        worst = min(worst, value / top - 1.0)
    return worst


def test_every_figure_but_those_of_the_own_run_is_of_the_common_dates() -> None:
    long, short = made(1), from_to(made(2, symbol="IBM", forecast={"seed": 1}), 400, 2000)
    found = compare({"a": long, "b": short})
    common = short.equity.index
    for contender, (run, name) in zip(
        (*found.holdings, *found.contenders),
        [(long, HOLDING), (short, HOLDING), *((run, name) for run in (long, short) for name in ("one", "two"))],
        strict=True,
    ):
        equity, figures = run.equity[name].loc[common], contender.figures
        assert figures.total_return == pytest.approx(equity.iloc[-1] / equity.iloc[0] - 1.0, rel=1e-12)
        assert figures.cagr == pytest.approx(growth_by_hand(equity), rel=1e-12)
        assert figures.max_drawdown == pytest.approx(fall_by_hand(equity), rel=1e-12)
        assert figures.sharpe == pytest.approx(by_hand(equity), rel=1e-12)
        assert figures.exposure == pytest.approx(run.exposure[name].loc[common].abs().sum() / 1600, rel=1e-12)
    assert [one.name for one in found.holdings] == ["holding AAPL", "holding IBM"]
    own = found.contenders[0].own_run
    assert (own.first, own.trades) == (long.assessment.period.first, long.assessment.strategies[0].metrics.trades)


def other_period(one: Result, first: str) -> Result:
    return replace(one, assessment=put(one.assessment, "period.first", first))


def test_figures_of_other_dates_are_only_in_the_table_that_says_so() -> None:
    """What a shorter run did alone, and what the whole of a longer one did, are nowhere else."""
    long, short = made(1), other_period(from_to(made(2, forecast={"seed": 1}), 400, 2000), "2005-07-18")
    found = compare({"a": long, "b": short})
    assert "The runs were traded over different periods" in sentences(found)[-1]
    assert f"{found.first} to {found.last}" in sentences(found)[-1]
    whole = f"{long.assessment.strategies[0].metrics.final_value:,.0f}"
    named = {part.heading: str(part.rows) for part in parts(found)}
    assert [heading for heading, text in named.items() if whole in text] == ["Each run by itself"]
    assert [heading for heading, text in named.items() if "may be luck" in text] == ["Each run by itself"]
    assert "verdict is that of each run by itself" in notes(found)[0]
    assert len(sentences(compare({"a": long, "b": made(2, forecast={"seed": 1})}))) == 2


def test_holdings_that_earned_the_same_are_one_row_and_others_say_in_which_run() -> None:
    first, same = made(1), made(1, forecast={"seed": 1})
    one = compare({"a": first, "b": same})
    assert [held.name for held in one.holdings] == ["holding AAPL"]
    assert list(one.equity.columns)[:2] == ["holding AAPL", "seed=0: one"]
    two = compare({"a": first, "b": same, "c": made(3, forecast={"seed": 2})})
    assert [held.name for held in two.holdings] == ["holding AAPL in seed=0", "holding AAPL in seed=2"]
    assert [row[0] for row in contenders(two)[1:3]] == [held.name for held in two.holdings]


def moves(one: Result, name: str) -> np.ndarray:
    values = one.equity[name].to_numpy()
    return np.asarray(values[1:] / values[:-1] - 1.0)


def test_the_intervals_are_those_of_as_many_contenders_and_pairs() -> None:
    """The paired test itself has its second origins in test_inference."""
    first, second = made(1), made(2, forecast={"seed": 1})
    found = compare({"a": first, "b": second})
    for contender, run, name in zip(
        found.contenders, (first, first, second, second), ("one", "two", "one", "two"), strict=True
    ):
        assert contender.lead == sharpe_difference(moves(run, name), moves(run, "buy_and_hold"), 252.0, 4)
        assert contender.lead_p == pytest.approx(min(1.0, 4 * contender.lead.p_value))  # type: ignore[operator]
    assert [c.reference for c in found.contenders[:2]] == [None, None]
    for contender, name in zip(found.contenders[2:], ("one", "two"), strict=True):
        assert contender.reference == sharpe_difference(moves(second, name), moves(first, name), 252.0, 2)
        assert contender.reference_p == pytest.approx(min(1.0, 2 * contender.reference.p_value))  # type: ignore


def test_hansens_test_holds_each_against_its_own_asset() -> None:
    first, second = made(1), made(2, symbol="IBM", data={"symbol": "IBM"})
    leads = np.stack(
        [moves(run, name) - moves(run, "buy_and_hold") for run in (first, second) for name in ("one", "two")]
    )
    assert compare({"a": first, "b": second}).best == superior_predictive_ability(leads, np.zeros(leads.shape[1]))
    good = made(3, symbol="IBM", drift=3e-3, data={"symbol": "IBM"})
    assert compare({"a": first, "b": good}).best == pytest.approx(0.0, abs=0.002)


def test_runs_without_common_dates_have_no_numbers_and_still_a_page() -> None:
    found = compare({"a": from_to(made(1), 0, 1000), "b": from_to(made(2, forecast={"seed": 1}), 1000, 2000)})
    assert (found.bars, found.first, found.last, found.best) == (0, None, None, None)
    assert all(
        c.figures.sharpe is None and c.lead.difference is None and c.lead_p is None for c in found.contenders
    )
    assert sentences(found) == [
        "These runs have no traded dates in common, so nothing that they earned can be compared."
    ]
    assert sentences(found)[0] in comparison_page(found)
    assert found.table()["sharpe"].isna().all()


def test_one_common_date_is_none() -> None:
    found = compare({"a": from_to(made(1), 0, 1000), "b": from_to(made(2, forecast={"seed": 1}), 999, 2000)})
    assert found.bars == 0


def test_a_strategy_that_is_its_reference_does_not_differ_from_it() -> None:
    one = made(1)
    found = compare({"a": one, "b": replace(one, config=one.config.model_copy(update={"name": "other"}))})
    for contender in found.contenders[2:]:
        assert contender.reference is not None
        assert contender.reference.difference in (None, 0.0)
        assert contender.reference_p is None
    assert found.differing == ()
    assert [run.label for run in found.runs] == ["backtest", "other"]
    assert "No strategy differs from its counterpart in backtest by more than luck explains." in sentences(found)
    assert "Nothing in the configs but the name." in comparison_page(found)


def test_the_only_strategy_of_the_first_run_is_what_others_are_held_against() -> None:
    first, second = made(1, names=("one",)), made(2, names=("two", "three"), forecast={"seed": 1})
    references = [c.reference for c in compare({"a": first, "b": second}).contenders]
    assert references[0] is None
    assert references[1] == sharpe_difference(moves(second, "two"), moves(first, "one"), 252.0, 2)
    both = compare({"b": second, "a": first}).contenders  # two strategies, none of that name
    assert both[-1].reference is None


def test_a_strategy_that_is_much_better_is_said_by_name() -> None:
    found = compare({"a": made(1), "b": made(2, drift=3e-3, forecast={"seed": 1})})
    ahead, beside = sentences(found)
    assert ahead.startswith("Of 4 contenders on 2,448 common dates, seed=1: one and seed=1: two earned more than ")
    assert beside == "seed=1: one and seed=1: two did better than the counterpart in seed=0."
    worse = compare({"a": made(1), "b": made(2, drift=-3e-3, forecast={"seed": 1})})
    assert "seed=1: one and seed=1: two earned less, by more than bad luck explains." in sentences(worse)[0]
    assert sentences(worse)[1] == "seed=1: one and seed=1: two did worse than the counterpart in seed=0."


def test_what_differs_is_a_row_for_each_key_and_nothing_else() -> None:
    found = compare(
        {
            "x": made(1, name="first", report={"html": False}),
            "y": made(2, name="second", forecast={"seed": 3, "features": ["return_1", "gap"]}),
        }
    )
    assert set(found.differing) == {"forecast.seed", "forecast.features"}
    rows = {row[0]: row[1:] for row in differences(found)[1:]}
    assert rows["forecast.seed"] == ["0", "3"]
    assert rows["forecast.features"][1] == "return_1, gap"
    more = compare({"x": made(1), "y": replace(made(2), config=Config.model_validate({"strategies": WORDS[:1]}))})
    assert {row[0]: row[1:] for row in differences(more)[1:]}["strategies.1.name"] == ["two", "not set"]


LABELS: list[tuple[list[str], list[dict[str, Any]], list[str]]] = [
    (["a", "b"], [{}, {"forecast": {"seed": 1}}], ["seed=0", "seed=1"]),
    # names that tell the runs apart say enough
    (["a", "b"], [{"name": "x"}, {"name": "y", "forecast": {"seed": 1}}], ["x", "y"]),
    (
        ["a", "b", "c"],
        [{"name": "x"}, {"name": "x", "forecast": {"seed": 1}}, {"name": "y"}],
        ["x seed=0", "x seed=1", "y seed=0"],
    ),
    # where names and settings are equal, the places
    (["runs/x/1", "runs/y/1"], [{}, {}], ["backtest (x/1)", "backtest (y/1)"]),
    (["runs/x/1", "runs/x/2/"], [{}, {}], ["backtest (1)", "backtest (2)"]),
    (["mine", "mine #2"], [{"name": "mine"}] * 2, ["mine", "mine #2"]),
    (
        ["a", "b", "c"],
        [{}, {"forecast": {"seed": 1}}, {"forecast": {"seed": 1}}],
        ["seed=0", "seed=1 (b)", "seed=1 (c)"],
    ),
    # of many keys the fewest that tell the runs apart
    (
        ["runs/2026-01-01_100000", "runs/2026-01-01_110000"],
        [{}, {"forecast": {"epochs": 3, "lookback": 7, "members": 2}}],
        ["lookback=20", "lookback=7"],
    ),
    (
        ["a", "b", "c"],
        [
            {"forecast": {"epochs": 3, "lookback": 7, "members": 2}},
            {"forecast": {"epochs": 4, "lookback": 7, "members": 2}},
            {"forecast": {"epochs": 4, "lookback": 7, "members": 3}},
        ],
        ["epochs=3 members=2", "epochs=4 members=2", "epochs=4 members=3"],
    ),
    # a long value is cut
    (
        ["a", "b"],
        [{}, {"forecast": {"features": [f"return_{k}" for k in range(1, 20)]}}],
        ["features=return_1, return_5, ret…", "features=return_1, return_2, ret…"],
    ),
]


@pytest.mark.parametrize(("places", "configs", "labels"), LABELS)
def test_labels_are_short_and_unique(places: list[str], configs: list[dict[str, Any]], labels: list[str]) -> None:
    runs = {place: made(k, **config) for k, (place, config) in enumerate(zip(places, configs, strict=True))}
    assert [run.label for run in compare(runs).runs] == labels


def test_runs_of_other_strategies_are_called_by_them() -> None:
    one, other = made(1, names=("one",)), made(2, names=("two",))
    assert [run.label for run in compare({"runs/1": one, "runs/2": other}).runs] == ["name=one", "name=two"]


def test_the_same_run_twice_is_refused_however_it_is_given() -> None:
    run = made(1)
    for again in (run, replace(run), replace(run, equity=run.equity.copy())):
        with pytest.raises(ConfigError, match="a run is given twice: a and b; give each once"):
            compare({"a": run, "b": again})


def test_bars_a_year_are_counted_where_the_runs_do_not_agree() -> None:
    """An asset that is traded on 365 days beside one of 252: the common dates are those of the second."""
    week, all_days = made(1), made(2, symbol="BTC", data={"symbol": "BTC"})
    daily = replace(all_days, assessment=put(all_days.assessment, "period.periods_per_year", 365.0))
    found = compare({"b": daily, "a": week})
    # Five days a week are 260.9 a year, for which the convention of 252 stands, as within 5%; never 365.
    assert found.contenders[2].figures.sharpe == pytest.approx(by_hand(week.equity["one"]), rel=1e-12)


def test_an_account_that_was_lost_has_no_sharpe_ratio() -> None:
    lost = made(2, forecast={"seed": 1})
    lost.equity.loc[lost.equity.index[100] :, "two"] = 0.0
    late = from_to(made(1), 500, 2000)
    found = compare({"a": late, "b": lost})
    assert [c.figures.sharpe is None for c in found.contenders] == [False, False, False, True]
    assert found.contenders[3].lead.difference is None
    assert contenders(found)[-1] == ["seed=1: two", *["n/a"] * 5]
    comparison_page(found)


def test_a_single_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 run given; expected at least two"):
        compare({"a": made(1)})


@pytest.fixture(scope="module")
def pair() -> Comparison:
    return compare({"a": made(1), "b": made(2, symbol="IBM", data={"symbol": "IBM"})})


def test_the_table_has_the_numbers_of_the_comparison(pair: Comparison) -> None:
    table = pair.table()
    assert list(table["run"]) == ["", ""] + ["symbol=AAPL"] * 2 + ["symbol=IBM"] * 2
    assert list(table["strategy"])[:2] == ["holding AAPL", "holding IBM"]
    assert list(table["lead"])[2:] == [c.lead.difference for c in pair.contenders]
    assert table["reference"].isna().tolist() == [True] * 4 + [False] * 2
    assert table["run_trades"].isna().tolist() == [True] * 2 + [False] * 4


def test_markdown_has_every_cell(pair: Comparison) -> None:
    text = markdown(pair)
    for part in parts(pair):
        for row in part.rows:
            assert f"| {' | '.join(row)} |" in text
    assert all(sentence in text for sentence in (*sentences(pair), *notes(pair)))


def test_names_are_escaped_on_the_page() -> None:
    evil = "<script>alert(1)</script>"
    page = comparison_page(
        compare({"a": made(1, names=(evil,)), "b": made(2, names=(evil,), forecast={"seed": 1})})
    )
    assert evil not in page


# --- in a terminal and in a pipe


def many(count: int, length: int) -> Comparison:
    """Runs with long names."""
    return compare(
        {
            f"runs/{k}": made(k, names=("s" * length, "correlation"), name=f"run-{k}-{'x' * length}")
            for k in range(count)
        }
    )


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("shape", [(2, 1), (2, 30), (12, 10)])
def test_no_cell_is_left_out_and_no_line_is_too_long(
    width: int, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    found, screen = many(*shape), Screen()
    terminal.print_comparison(found, screen)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()
    assert max(map(len, lines)) <= width
    bare = re.sub(r"\s", "", "".join(lines))
    for part in parts(found):
        for row in part.rows[1:]:
            for cell in row[1:]:
                assert re.sub(r"\s", "", cell) in bare, (part.heading, cell)


def test_a_pipe_has_80_columns_and_no_word_is_broken(pair: Comparison) -> None:
    pipe = io.StringIO()
    terminal.print_comparison(pair, pipe)
    assert max(map(len, pipe.getvalue().splitlines())) <= 80
    for word in ("correlation", "holding's", "Clark-West", "contender", "turnover", "verdict", "symbol=AAPL:"):
        assert word in pipe.getvalue().split(), word
    assert [line for line in pipe.getvalue().splitlines() if line.startswith("holding AAPL ")]
