"""A config at many settings: every point is what `run` gives, and all of them deflate each."""

from __future__ import annotations

import gc
import io
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.command import TINY, lstmstrat, tiny, written
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import ExposureStrategy
from lstmstrat.errors import ConfigError
from lstmstrat.evaluation.verdict import SUPPORTED, UNDECIDED
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.session import Session
from lstmstrat.ledger import Ledger
from lstmstrat.prices import sources
from lstmstrat.report import terminal
from lstmstrat.report.page.sweep import sweep_page
from lstmstrat.report.sweep import every_point, grid, headline, sentences
from lstmstrat.results.orders import PlacedOrder
from lstmstrat.results.sweep import Axis, Best, Failure, Outcome, Sweep
from lstmstrat.store import Store
from lstmstrat.study import calls
from lstmstrat.study.kinds import OneAsset
from lstmstrat.study.ledger import read_trials
from lstmstrat.study.prepare import load_config, prepare
from lstmstrat.study.run import run
from lstmstrat.study.simulate import simulate_all
from lstmstrat.study.sweep import axes_of, sweep

THRESHOLDS = ("0", "0.001", "0.002", "0.02")
OVER = [f"strategies.0.params.threshold={','.join(THRESHOLDS)}"]


def config_of(folder: Path, **sections: Any) -> Any:
    """Makes the config of a point."""
    path = written(folder, tiny(forecast={"model": "ridge", "members": 1}, **sections))
    return lambda settings: load_config(path, settings)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, int, Any]:
    """A sweep over four thresholds, the number of models that were fitted in it, and its config."""
    folder = tmp_path_factory.mktemp("sweep")
    made = config_of(folder)
    fits = [0]
    with Session(Store(None), 1, ledger=Ledger(folder / "ledger")) as session:
        real = session.start_counting

        def counting() -> None:
            fits[0] += session.fitted
            real()

        session.start_counting = counting  # type: ignore[method-assign]
        found = sweep(made, axes_of(OVER), session)
        counting()
    return found, fits[0], made


def test_a_point_is_what_run_gives_alone(swept: tuple[Sweep, int, Any], tmp_path: Path) -> None:
    found, _, made = swept
    for place, value in enumerate(THRESHOLDS[:2]):
        with Session(Store(None), 1, ledger=Ledger(tmp_path / "ledger")) as session:
            alone = run(made([f"strategies.0.params.threshold={value}"]), session=session).assessment
        outcomes = {one.strategy: one for one in found.outcomes if one.place == (place,)}
        for strategy in alone.strategies:
            one = outcomes[strategy.name]
            assert one.sharpe == strategy.metrics.sharpe
            assert one.final_value == strategy.metrics.final_value
            assert one.holding == alone.benchmark.sharpe
            assert (one.lead, one.verdict) == (strategy.versus_benchmark.sharpe, strategy.versus_benchmark.verdict)


def test_every_point_is_entered_and_deflates_the_first_one(swept: tuple[Sweep, int, Any], tmp_path: Path) -> None:
    """Runs one after the other on one ledger; the first, judged again when all are in it, is as in the sweep."""
    found, _, made = swept
    ledger = Ledger(tmp_path / "ledger")
    with Session(Store(None), 1, ledger=ledger) as session:
        for value in THRESHOLDS:
            last = run(made([f"strategies.0.params.threshold={value}"]), session=session).assessment
        first = run(made([f"strategies.0.params.threshold={THRESHOLDS[0]}"]), session=session).assessment
    outcomes = [one for one in found.outcomes if one.place == (0,)]
    assert {one.trials for one in found.outcomes} == {last.trials.count} == {first.trials.count}
    for one, strategy in zip(outcomes, first.strategies, strict=True):
        assert one.deflated_sharpe == strategy.luck.deflated_sharpe
        assert one.deflated_lead == strategy.luck.deflated_lead
    assert found.kept
    thresholds = {trial.params.get("threshold") for trial in read_trials(ledger)} - {None}
    assert thresholds == {float(value) for value in THRESHOLDS}


def test_what_points_have_in_common_is_held_once(tmp_path: Path) -> None:
    """The threshold of the first strategy changes its account, and neither the other one nor holding."""
    made, slim = config_of(tmp_path), OneAsset().slim
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        one, other, again = (
            slim(simulate_all(*prepare(made([f"strategies.0.params.threshold={value}"])), session))
            for value in (0.0, 0.003, 0.0)
        )
    assert one.benchmark is other.benchmark
    assert one.strategies[1] is other.strategies[1]
    assert one.forecasts is other.forecasts
    assert [point.strategies[0].params["threshold"] for point in (one, other)] == [0.0, 0.003]
    assert one.strategies[0] is again.strategies[0] is not other.strategies[0]


def test_thresholds_are_swept_with_one_training(swept: tuple[Sweep, int, Any], tmp_path: Path) -> None:
    _, fitted, made = swept
    with Session(Store(None), 1, ledger=Ledger(tmp_path / "ledger")) as session:
        alone = run(made([]), session=session).assessment
    assert fitted == alone.walk_forward.fitted > 0


def test_a_mistake_at_any_point_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    for text in (
        "strategies.1.params.fast=3,0",  # what the class refuses
        "forecast.epochs=1,none",
        "forecast.train_size=60,5000",  # more than there are bars
        "strategies.0.class=strategies.long_flat:LongFlat,strategies.none:None",
    ):
        with Session(Store(None), 1) as session:
            with pytest.raises(Exception) as error:  # noqa: PT011
                sweep(config_of(tmp_path), axes_of([text]), session)
            assert type(error.value).__name__ in ("ConfigError", "DataError", "StrategyError"), text
            assert session.fitted == 0
            assert read_trials(session.ledger) == []


def test_a_sweep_over_assets_holds_each_against_its_own(tmp_path: Path) -> None:
    with Session(Store(None), 1, ledger=Ledger(tmp_path / "ledger")) as session:
        found = sweep(config_of(tmp_path), axes_of(["data.symbol=AAPL,IBM"]), session)
    assert found.symbol == "AAPL, IBM"
    assert {one.trials for one in found.outcomes} == {2}  # two strategies on each
    first, second = ({one.holding for one in found.outcomes if one.place == (k,)} for k in (0, 1))
    assert len(first) == len(second) == 1
    assert first != second
    assert "trials on AAPL, IBM" in sentences(found)[-1]


AXES: dict[str, tuple[Axis, ...]] = {
    "a=0..4": (Axis("a", ("0", "1", "2", "3", "4")),),
    "a=-1..1": (Axis("a", ("-1", "0", "1")),),
    "a=1,3..4": (Axis("a", ("1", "3", "4")),),
    "a=0.1..0.5": (Axis("a", ("0.1..0.5",)),),
    "a=[x,y],[z]": (Axis("a", ("[x,y]", "[z]")),),
    "a={b: 1, c: 2},{b: 2}": (Axis("a", ("{b: 1, c: 2}", "{b: 2}")),),
    "a='x,y',z": (Axis("a", ("'x,y'", "z")),),
    "a=b=c,d": (Axis("a", ("b=c", "d")),),
}


@pytest.mark.parametrize("text", AXES)
def test_axes_are_read_as_they_are_written(text: str) -> None:
    assert axes_of([text]) == AXES[text]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["a"], "--over a: expected KEY=V,V,V"),
        (["=1"], "--over =1: expected KEY=V,V,V"),
        (["a="], "--over a=: expected KEY=V,V,V"),
        (["a=1,1"], "--over a: expected values that differ, found 1, 1"),
        (["a=4..0"], "--over a: expected values that differ, found none"),
        (["a=1", "a=2"], "a key is given twice"),
        (["a=0..99", "b=0..99"], "10,000 points, expected at most 1,000"),
        (["a=0..99999999999"], "points, expected at most 1,000"),
    ],
)
def test_a_wrong_axis_is_a_sentence(texts: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        axes_of(texts)
    assert said in str(error.value)


def test_all_wrong_axes_are_said_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        axes_of(["a", "b=1,1"])
    assert len(str(error.value).splitlines()) == 2


HOLDING = 0.2


def grid_of(axes: tuple[Axis, ...], sharpes: list[float | None], final: list[float] | None = None) -> Sweep:
    """A sweep of one strategy over a hand-made surface; holding has a Sharpe ratio of 0.2 everywhere."""
    places = list(itertools.product(*(range(len(axis.values)) for axis in axes)))
    outcomes = [
        Outcome(
            place,
            "s",
            value,
            sharpe,
            HOLDING,
            None if sharpe is None else sharpe - HOLDING,
            9,
            0.5,
            0.4,
            UNDECIDED,
        )
        for place, sharpe, value in zip(places, sharpes, final or range(len(places)), strict=True)
    ]
    return Sweep("x", "AAPL", axes, tuple(outcomes), True)


def best_of(found: Sweep) -> Best:
    best = found.best(found.strategies[0])
    assert best is not None
    return best


NUMBERS = Axis("t", ("1", "2", "3", "4", "5"))

SURFACES: list[tuple[list[float | None], str, float | None]] = [
    # shares by hand: (neighbour - 0.2) / (best - 0.2), the smaller of the two
    ([0.0, 0.0, 1.0, 0.0, 0.0], "peak", -0.25),
    ([0.0, 0.8, 1.0, 0.9, 0.0], "plateau", 0.75),
    ([0.0, 0.8, 1.0, 0.5, 0.0], "peak", 0.375),  # one neighbour that loses most of it
    ([0.0, 0.61, 1.0, 0.7, 0.0], "plateau", 0.5125),
    ([0.0, 0.59, 1.0, 0.6, 0.0], "peak", 0.4875),
    ([-9.0, 0.8, 1.0, 0.8, -9.0], "plateau", 0.75),  # a disaster far away makes no neighbour better
    ([-9.0, 0.5, 1.0, 0.5, -9.0], "peak", 0.375),  # nor does it hide a peak
    ([1.0, 0.53, -1.09, -1.09, -1.09], "peak", 0.4125),  # at the border, and falls off
    ([1.0, 0.9, 0.0, 0.0, 0.0], "border", 0.875),
    ([0.0, 0.0, 0.0, 0.9, 1.0], "border", 0.875),
    ([1.0, 1.0, 1.0, 0.0, 0.0], "plateau", 1.0),  # of equal ones that which lies inside
    ([0.0, 0.9, 1.0, None, 0.0], "not known", 0.875),
    ([0.0, 0.3, 1.0, None, 0.0], "peak", 0.125),  # the one that is known is enough
    ([0.0, None, 1.0, None, 0.0], "not known", None),
    ([0.1, 0.15, 0.2, 0.15, 0.1], "no lead", None),  # best at 0.2, as holding
    ([-1.0, -0.5, 0.1, -0.2, -1.0], "no lead", None),
]


@pytest.mark.parametrize(("sharpes", "shape", "kept"), SURFACES)
def test_the_shape_is_what_the_neighbours_keep_of_the_lead_over_holding(
    sharpes: list[float | None], shape: str, kept: float | None
) -> None:
    found = grid_of((NUMBERS,), sharpes)
    best = best_of(found)
    assert (best.shape, best.kept) == (shape, kept if kept is None else pytest.approx(kept))
    said = sentences(found)[0]
    assert ("It stands on a plateau" in said) is (shape == "plateau")
    assert ("Take it for luck." in said) is (shape == "peak")
    assert ("does not show whether it goes on" in said) is (shape == "border")


@given(st.lists(st.floats(-3.0, 3.0), min_size=5, max_size=5), st.floats(-100.0, 3.0), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_lies_far_away_decides_nothing(sharpes: list[float], other: float, first: bool) -> None:
    """The values two steps or more from the best one may be any that are smaller."""
    best = best_of(grid_of((NUMBERS,), list(sharpes)))
    top = best.outcome.place[0]
    far = [k for k in range(5) if abs(k - top) > 1]
    changed = list(sharpes)
    changed[far[0] if first else far[-1]] = min(other, sharpes[top] - 0.01)
    again = best_of(grid_of((NUMBERS,), list(changed)))
    assert (again.outcome.place, again.shape, again.kept) == (best.outcome.place, best.shape, best.kept)


@given(st.permutations(range(5)), st.lists(st.floats(-3.0, 3.0), min_size=5, max_size=5, unique=True))
@settings(max_examples=30, deadline=None)
def test_the_order_in_which_numbers_are_typed_changes_nothing(order: list[int], sharpes: list[float]) -> None:
    plain = grid_of((NUMBERS,), list(sharpes))
    typed = Axis("t", tuple(NUMBERS.values[k] for k in order))
    mixed = grid_of((typed,), [sharpes[k] for k in order])
    one, other = best_of(plain), best_of(mixed)
    assert (one.shape, one.kept, one.borders) == (other.shape, other.kept, other.borders)
    assert plain.settings(one.outcome.place) == mixed.settings(other.outcome.place)


def test_a_peak_names_the_neighbour_and_a_border_its_key() -> None:
    square = (Axis("a", ("1", "2", "3")), Axis("b", ("1", "2", "3")))
    peak = sentences(grid_of(square, [0.0, 0.9, 0.0, 0.9, 1.0, 0.3, 0.0, 0.9, 0.0]))[0]
    assert "It is a peak: at b=3 only 12% of its lead over holding is left." in peak  # 0.1 / 0.8
    nothing = sentences(grid_of(square, [0.0, 0.9, 0.0, 0.1, 1.0, 0.9, 0.0, 0.9, 0.0]))[0]
    assert "at b=1 nothing of its lead over holding is left." in nothing
    border = sentences(grid_of(square, [0.0, 0.9, 0.0, 0.0, 0.9, 0.0, 0.8, 1.0, 0.8]))[0]
    assert "at the border of the grid in a, and the grid does not show whether it goes on" in border


def test_neighbours_are_those_by_size_and_any_other_word() -> None:
    shuffled = Axis("t", ("3", "1", "2", "10"))
    assert [shuffled.beside(k) for k in range(4)] == [(2, 3), (2,), (0, 1), (0,)]  # 3 lies between 2 and 10
    assert [shuffled.ends_at(k) for k in range(4)] == [False, True, False, True]
    words, seeds = Axis("forecast.model", ("lstm", "ridge", "boosting")), Axis("forecast.seed", ("0", "1", "2"))
    for axis in (words, seeds):
        assert [axis.beside(k) for k in range(3)] == [(1, 2), (0, 2), (0, 1)]
        assert not any(axis.ends_at(k) for k in range(3))
    best = best_of(grid_of((shuffled,), [1.0, 0.0, 0.5, 0.5]))
    assert sorted(one.place for one in best.neighbours) == [(2,), (3,)]
    assert best_of(grid_of((words,), [1.0, 0.7, 0.65])).shape == "plateau"
    assert best_of(grid_of((seeds,), [1.0, 0.9, 0.3])).shape == "peak"


def test_in_two_axes_a_neighbour_is_one_step_on_one_of_them() -> None:
    square = (Axis("a", ("1", "2", "3")), Axis("b", ("1", "2", "3")))
    best = best_of(
        grid_of(square, [-9.0, 0.65, -9.0, 0.7, 1.0, 0.8, -9.0, 0.9, -9.0])
    )  # corners are no neighbours
    assert sorted(one.place for one in best.neighbours) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert (best.shape, best.kept) == ("plateau", pytest.approx(0.5625))


def test_a_key_that_changes_nothing_is_said_and_makes_no_plateau() -> None:
    axes = (Axis("idle", ("1", "2", "3")), Axis("t", ("1", "2", "3")))
    column = [0.9, 1.0, 0.9]
    still = grid_of((axes[0],), [0.38] * 3, [5.0] * 3)
    assert still.idle("s") == ("idle",)
    assert (best_of(still).shape, best_of(still).neighbours) == ("alone", ())
    said = sentences(still)[0]
    assert said.startswith("s is the same everywhere: Sharpe 0.38, holding 0.20.")
    assert said.endswith("idle changes nothing for s.")
    assert "plateau" not in said
    both = grid_of(axes, column * 3, [1.0, 2.0, 3.0] * 3)
    assert both.idle("s") == ("idle",)
    assert best_of(both).shape == "plateau"  # by t alone: idle has no border either
    assert "idle changes nothing for s. It stands on a plateau" in sentences(both)[0]
    money = grid_of((axes[0],), [0.38] * 3, [5.0, 6.0, 5.0])  # the same ratio, and not the same account
    assert money.idle("s") == ()


def starred(found: Sweep) -> list[str]:
    """The rows of the terminal's table with a star."""
    file = io.StringIO()
    terminal.print_sweep(found, file)
    return [line.split()[0] for line in file.getvalue().splitlines() if line.rstrip().endswith("*")]


def test_only_a_best_point_has_a_star() -> None:
    """Neither one of many that are the same, nor one that held cash throughout, which has no Sharpe ratio."""
    axis = (Axis("t", ("1", "2", "3")),)
    assert starred(grid_of(axis, [0.1, 0.3, 0.2])) == ["2"]
    assert starred(grid_of(axis, [0.38] * 3, [5.0] * 3)) == []
    assert starred(grid_of(axis, [-0.5, -0.1, None], [80.0, 90.0, 100.0])) == ["2"]
    assert starred(grid_of(axis, [None] * 3, [100.0] * 3)) == []


def test_a_grid_too_small_has_no_shape_and_undefined_points_are_left_out() -> None:
    one = grid_of((Axis("t", ("1",)),), [1.0])
    assert best_of(one).shape == "alone"
    assert sentences(one)[0].endswith("an edge needs 95% of both.")
    two = best_of(grid_of((Axis("t", ("1", "2")),), [1.0, 0.9]))
    assert (two.shape, two.borders) == ("border", ("t",))
    assert grid_of((NUMBERS,), [None] * 5).best("s") is None
    assert sentences(grid_of((NUMBERS,), [None] * 5))[0] == "s: no Sharpe ratio is defined at any point."
    sweep_page(grid_of((NUMBERS,), [None] * 5))


def test_the_best_is_never_said_without_what_the_trials_leave_of_it() -> None:
    said = sentences(grid_of((NUMBERS,), [0.0, 0.1, 0.9, 1.0, 0.8]))[0]
    assert said.startswith(
        "s is best at t=4: Sharpe 1.00, holding 0.20. Of 9 trials by luck alone the best stays below that with a "
        "chance of 50%, and below its lead with 40%; an edge needs 95% of both. "
    )
    assert "It stands on a plateau" in said


# --- strategies whose names change, and points that fail


def named(rows: dict[tuple[int, ...], list[str]], axes: tuple[Axis, ...]) -> Sweep:
    """A sweep whose strategies are called so at each point; the Sharpe ratio is the place in the list."""
    outcomes = [
        Outcome(place, name, float(k), float(k), 0.0, float(k), 9, 0.5, 0.4, UNDECIDED)
        for place, names in rows.items()
        for k, name in enumerate(names)
    ]
    failures = tuple(
        Failure(place, "broke")
        for place in itertools.product(*(range(len(a.values)) for a in axes))
        if place not in rows
    )
    return Sweep("x", "AAPL", axes, tuple(outcomes), True, failures)


TWO, THREE = (Axis("a", ("1", "2")),), (Axis("a", ("1", "2", "3")),)
MATCHED: list[tuple[tuple[Axis, ...], list[list[str]], list[list[str | None]]]] = [
    (TWO, [["x", "z"], ["y", "z"]], [["x", "y"], ["z", "z"]]),
    (TWO, [["x", "y"], ["y", "x"]], [["x", "x"], ["y", "y"]]),  # by their names, wherever they stand
    (TWO, [["x", "y"], ["y", "w"]], [["x", "w"], ["y", "y"]]),  # y by its name, the others by what is left
    (TWO, [["x"], ["x", "y"]], [["x", "x"], [None, "y"]]),
    (THREE, [["x"], ["y"], ["z"]], [["x", "y", "z"]]),
]


@pytest.mark.parametrize(("axes", "names", "expected"), MATCHED)
def test_a_strategy_is_known_by_its_name_or_by_its_place(
    axes: tuple[Axis, ...], names: list[list[str]], expected: list[list[str | None]]
) -> None:
    found = named({(k,): row for k, row in enumerate(names)}, axes)
    cells = [[one and one.strategy for (one,) in grid(found, name)] for name in found.strategies]
    assert sorted(cells, key=str) == sorted(expected, key=str)
    terminal.print_sweep(found, io.StringIO())
    sweep_page(found)


def test_a_strategy_of_many_names_is_called_by_some_of_them_and_all_are_told_apart() -> None:
    axis = (Axis("a", tuple("12345")),)
    found = named({(k,): [f"n{k}", f"m{k}"] for k in range(5)}, axis)
    assert found.strategies == ("n0 / n1 / n2 / 2 more", "m0 / m1 / m2 / 2 more")
    turned = named({(0,): ["x", "y"], (1,): ["y", "z"], (2,): ["x", "y"], (3,): ["x"], (4,): ["y"]}, axis)
    assert len(set(turned.strategies)) == len(turned.strategies) == 2


@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_every_outcome_is_in_one_row_and_no_row_has_two_at_a_point(names: list[list[str]]) -> None:
    found = named({(k,): row for k, row in enumerate(names)}, (Axis("a", tuple(map(str, range(len(names))))),))
    cells = [found.at(name, place) for name in found.strategies for place in found.points()]
    assert sorted(map(id, filter(None, cells))) == sorted(map(id, found.outcomes))
    for name in set.intersection(*map(set, names)):
        assert name in found.strategies


def test_points_without_an_outcome_are_empty_cells_and_rows_with_the_error() -> None:
    axes = (Axis("a", ("1", "2")), Axis("b", ("1", "2")))
    found = named({(0, 0): ["x"], (1, 1): ["x"]}, axes)
    assert [[one and one.place for one in row] for row in grid(found, "x")] == [[(0, 0), None], [None, (1, 1)]]
    assert "2 of 4 points failed: a=1, b=2 and a=2, b=1." in sentences(found)
    rows = every_point(found)[1:]
    assert rows[1][:3] == ["1", "2", "n/a"]
    assert rows[1][-1] == "failed: broke"
    assert found.table()["error"].dropna().tolist() == ["broke", "broke"]
    assert sweep_page(found).count("failed: broke") == 2
    with pytest.raises(ValueError, match="no point of the grid"):
        replace(found, failures=(Failure((0, 2), "x"),))


def fails(folder: Path) -> Path:
    return written(
        folder, tiny(forecast={"model": "ridge", "members": 1}, strategies=[{"class": "sweep_kinds:Fails"}])
    )


def test_a_point_that_fails_loses_no_other(tmp_path: Path) -> None:
    """What raises, and what ends the program, in the user's own code while it trades."""
    out = tmp_path / "out"
    told = lstmstrat("sweep", fails(tmp_path), "--over", "strategies.0.params.k=0..4", "--out", out, "--jobs", 1)
    assert told.code == 2
    assert "error: at strategies.0.params.k=2: fails: ZeroDivisionError: k must not be 2" in told.err
    assert "error: at strategies.0.params.k=3: fails: it ends the program by sys.exit(7)" in told.err
    assert "2 of 5 points failed" in told.out
    rows = pd.read_csv(out / "sweep.csv")
    assert rows["sharpe"].isna().tolist() == [False, False, True, True, False]
    assert rows["trials"].dropna().unique().tolist() == [3.0]  # those that were judged, and no others
    assert "k must not be 2" in (out / "sweep.html").read_text()


def test_a_sweep_of_which_every_point_fails_is_an_error(tmp_path: Path) -> None:
    told = lstmstrat("sweep", fails(tmp_path), "--over", "strategies.0.params.k=2,3", "--out", tmp_path / "out")
    assert told.code == 2
    assert told.err.splitlines()[-1].startswith(
        "error: every point failed; at strategies.0.params.k=2: fails: ZeroDivisionError"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "over",
    [
        "strategies.0.name=a,b",
        "strategies.0.class=strategies.long_flat:LongFlat,strategies.long_short:LongShort",
        "strategies=[{class: strategies.long_flat:LongFlat}],[{class: strategies.long_short:LongShort}]",
    ],
)
def test_a_sweep_may_change_which_strategy_is_run(over: str, tmp_path: Path) -> None:
    path = written(tmp_path, tiny(forecast={"model": "ridge", "members": 1}))
    told = lstmstrat(
        "sweep", path, "--over", "broker.commission=0,0.001", "--over", over, "--out", tmp_path / "out"
    )
    assert (told.code, "error" in told.err) == (0, False), told.err
    first = over.split("=")[0]
    one, other = ("a", "b") if first.endswith("name") else ("long_flat", "long_short")
    assert f"Sharpe ratio of {one} / {other}, by broker.commission (down) and {first} (across)" in " ".join(
        told.out.split()
    )
    assert "n/a" not in told.out
    assert set(pd.read_csv(tmp_path / "out" / "sweep.csv")["strategy"]) >= {one, other}


def test_an_error_before_the_training_names_the_option_and_the_point(tmp_path: Path) -> None:
    path = written(tmp_path, TINY)
    for over, said in {
        "strategies.5.params.threshold=0,1": "--over strategies.5.params.threshold=0: '5' is no position",
        "strategies.1.params.fast=3,0": "--over strategies.1.params.fast=0: ",
        "forecast.train_size=60,5000": "--over forecast.train_size=5000: ",
    }.items():
        told = lstmstrat("sweep", path, "--over", over, "--out", tmp_path / "out")
        assert (told.code, told.out) == (2, "")
        assert said in told.err
        assert "--set" not in told.err


def test_the_headline_names_what_is_supported_and_nothing_else() -> None:
    plain = grid_of((NUMBERS,), [0.0, 0.1, 0.9, 1.0, 0.8])
    assert headline(plain) == "Nowhere on the grid did a strategy do reliably better than holding AAPL."
    outcomes = tuple(replace(one, verdict=SUPPORTED) if one.place == (3,) else one for one in plain.outcomes)
    assert headline(replace(plain, outcomes=outcomes)).startswith(
        "s at t=4 did better than holding AAPL, by more "
    )
    for found in (plain, replace(plain, outcomes=outcomes)):
        page = sweep_page(found)
        assert headline(found) in page
        assert "deflated lead" in page
    axis = Axis("<script>alert(1)</script>", ("<b>", "2"))
    assert "<script>alert" not in sweep_page(grid_of((axis,), [1.0, 0.0]))


def test_more_axes_than_two_are_shown_as_at_the_best_point() -> None:
    cube = (Axis("a", ("1", "2")), Axis("b", ("1", "2")), Axis("c", ("1", "2")))
    found = grid_of(cube, [0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 6.0, 7.0])  # best at (1, 0, 1)
    assert [[one and one.sharpe for one in row] for row in grid(found, "s")] == [[1.0, 3.0], [9.0, 7.0]]


def test_the_command_writes_both_files_and_the_last_line_is_the_page(tmp_path: Path) -> None:
    path = written(tmp_path, tiny(forecast={"model": "ridge", "members": 1}))
    told = lstmstrat("sweep", path, "--over", OVER[0], "--out", tmp_path / "out", "--jobs", 1)
    assert told.code == 0, told.err
    assert told.out.splitlines()[-1] == str(tmp_path / "out" / "sweep.html")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"sweep.csv", "sweep.html"}
    rows = (tmp_path / "out" / "sweep.csv").read_text().splitlines()
    assert len(rows) == 1 + 4 * 2
    assert rows[0].startswith("strategies.0.params.threshold,strategy,")
    assert "by luck alone" in " ".join(told.out.split())
    again = lstmstrat("sweep", path, "--over", OVER[0], "--out", tmp_path / "out")
    assert again.code == 2
    assert "is not empty" in again.err
    quiet = lstmstrat("sweep", path, "--over", OVER[0], "--out", tmp_path / "quiet", "--quiet")
    assert quiet.out == f"{tmp_path / 'quiet' / 'sweep.html'}\n"
    assert quiet.err == ""


def test_the_command_tells_a_wrong_key_at_once(tmp_path: Path) -> None:
    told = lstmstrat("sweep", written(tmp_path, TINY), "--over", "forecast.epoch=1,2", "--out", tmp_path / "out")
    assert told.code == 2
    assert "did you mean 'epochs'" in told.err
    assert not (tmp_path / "out").exists()


def body_of(page: str) -> str:
    return page[page.index("<body") :]


def test_equal_leads_have_the_same_shade_for_every_strategy() -> None:
    outcomes = tuple(
        Outcome((k,), name, 1.0, lead + 0.2, 0.2, lead, 9, 0.5, 0.4, UNDECIDED)
        for name, values in {"large": (-0.2, -1.0), "small": (-0.2, -0.1)}.items()
        for k, lead in enumerate(values)
    )
    page = sweep_page(Sweep("x", "AAPL", TWO, outcomes, True))
    assert re.findall(r"down[0-9]", body_of(page)) == ["down2", "down9", "down2", "down1"]  # ninths of the largest
    tiny_leads = sweep_page(Sweep("x", "AAPL", TWO, outcomes[2:], True))
    assert re.findall(r"down[0-9]", body_of(tiny_leads)) == ["down7", "down4"]  # ninths of 0.25, not of 0.2


# --- what a sweep keeps


def test_a_sweep_keeps_what_a_judgement_reads_and_loads_equal_prices_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, orders, forecasts = [], [], []
    real = sources.load
    monkeypatch.setattr(sources, "load", lambda data, **more: loads.append(data.symbol) or real(data, **more))

    def alive(kind: type) -> int:
        gc.collect()
        return sum(type(one) is kind for one in gc.get_objects())  # isinstance asks each, and torch warns

    @contextmanager
    def stages(stage: str, unit: str) -> Iterator[Any]:
        if stage == "judging by all trials":
            orders.append(alive(PlacedOrder) - orders_before)
            forecasts.append(alive(Forecasts) - forecasts_before)
        yield lambda done, total: None

    over = axes_of(["data.symbol=AAPL,IBM", "strategies.0.params.threshold=0,0.001,0.002"])
    orders_before, forecasts_before = alive(PlacedOrder), alive(Forecasts)
    with Session(Store(None), 1, ledger=Ledger(tmp_path / "ledger")) as session:
        found = sweep(config_of(tmp_path), over, session, stages)
    assert len(found.outcomes) == 12
    assert loads == ["AAPL", "IBM"]
    assert orders == [0]
    assert forecasts == [2]  # one on each asset


def test_a_class_of_a_function_can_be_swept(tmp_path: Path) -> None:
    class Mine(ExposureStrategy):
        params = (("part", 0.5),)

        def target_exposure(self) -> float:
            return self.p.part if len(self) % 40 < 20 else 0.0

    with Session(Store(None), 1, ledger=Ledger(tmp_path / "ledger")) as session:
        values = tiny(forecast={"model": "ridge", "members": 1}, strategies=[Mine])
        found = calls.sweep(values, {"strategies.0.params.part": [0.25, 0.75]}, session=session)
    assert [one.strategy for one in found.outcomes] == ["mine", "mine"]
    assert found.failures == ()
