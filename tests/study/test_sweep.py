"""A config at many settings: every point is what `run` gives, and all of them deflate each."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.command import TINY, lstmstrat, tiny, written

from lstmstrat.errors import ConfigError
from lstmstrat.evaluation.verdict import SUPPORTED, UNDECIDED
from lstmstrat.forecasting.session import Session
from lstmstrat.ledger import Ledger
from lstmstrat.report.page.sweep import sweep_page
from lstmstrat.report.sweep import grid, headline, sentences
from lstmstrat.results.sweep import Axis, Outcome, Sweep
from lstmstrat.store import Store
from lstmstrat.study.ledger import read_trials
from lstmstrat.study.prepare import load_config
from lstmstrat.study.run import run
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


def grid_of(axes: tuple[Axis, ...], sharpes: list[float | None]) -> Sweep:
    places = itertools.product(*(range(len(axis.values)) for axis in axes))
    outcomes = [
        Outcome(place, "s", 1.0, sharpe, 0.2, None, 9, 0.5, 0.4, UNDECIDED)
        for place, sharpe in zip(places, sharpes, strict=True)
    ]
    return Sweep("x", "AAPL", axes, tuple(outcomes), True)


NUMBERS = Axis("t", ("1", "2", "3", "4", "5"))


@pytest.mark.parametrize(
    ("sharpes", "kept"),
    [
        ([0.0, 0.0, 1.0, 0.0, 0.0], 0.0),
        ([0.0, 0.8, 1.0, 0.8, 0.0], 0.8),  # 0 far away
        ([0.0, 0.0, 0.6, 1.0, 0.4], 0.5),  # (0.6 + 0.4) / 2
        ([0.2, 0.2, 0.8, 1.0, 0.0], 0.25),  # ((0.8 + 0) / 2 - 0.2) / (1 - 0.2)
        ([0.0, 0.2, 0.3, 1.0, 0.3], 0.2 / 0.9),  # the middle of 0 and 0.2 is 0.1
        ([0.5] * 5, 1.0),
        ([1.0, 1.0, 1.0, 0.0, 0.0], 1.0),
        ([0.4, 0.4, 0.1, 1.0, 0.3], -1 / 3),  # (0.2 - 0.4) / 0.6
    ],
)
def test_a_plateau_is_what_the_neighbours_keep_of_the_lead_over_points_far_away(
    sharpes: list[float | None], kept: float
) -> None:
    best = grid_of((NUMBERS,), sharpes).best("s")
    assert best is not None
    assert best.kept == pytest.approx(kept)
    assert best.plateau is (kept >= 0.5)
    said = sentences(grid_of((NUMBERS,), sharpes))[0]
    assert ("It stands on a plateau" in said) is (kept >= 0.5)
    assert ("Take it for luck." in said) is (kept < 0.5)


def test_neighbours_are_those_by_size_and_any_other_word() -> None:
    shuffled = Axis("t", ("3", "1", "2", "10"))
    assert [shuffled.steps(0, k) for k in range(4)] == [0, 2, 1, 1]  # 3 lies between 2 and 10
    words, seeds = Axis("forecast.model", ("lstm", "ridge", "boosting")), Axis("forecast.seed", ("0", "1", "2"))
    assert [words.steps(0, k) for k in range(3)] == [seeds.steps(0, k) for k in range(3)] == [0, 1, 1]
    best = grid_of((shuffled,), [1.0, 0.0, 0.5, 0.5]).best("s")
    assert best is not None
    assert sorted(one.place for one in best.neighbours) == [(2,), (3,)]


def test_in_two_axes_a_neighbour_is_one_step_on_one_of_them() -> None:
    square = (Axis("a", ("1", "2", "3")), Axis("b", ("1", "2", "3")))
    best = grid_of(square, [0.0, 0.5, 0.0, 0.5, 1.0, 0.5, 0.0, 0.5, 0.0]).best("s")
    assert best is not None
    assert [one.place for one in best.neighbours] == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert best.kept == pytest.approx(0.5)  # the corners are 0


def test_a_grid_too_small_has_no_shape_and_undefined_points_are_left_out() -> None:
    two = grid_of((Axis("t", ("1", "2")),), [1.0, 0.0])
    best = two.best("s")
    assert best is not None
    assert (best.kept, best.plateau) == (None, None)
    assert "nobody can tell a plateau from a peak" in sentences(two)[0]
    holes = grid_of((NUMBERS,), [0.2, None, 0.2, 1.0, 0.2])
    best = holes.best("s")
    assert best is not None
    assert best.kept == pytest.approx(0.0)
    assert grid_of((NUMBERS,), [None] * 5).best("s") is None
    assert sentences(grid_of((NUMBERS,), [None] * 5))[0] == "s: no Sharpe ratio is defined at any point."
    sweep_page(grid_of((NUMBERS,), [None] * 5))


def test_the_best_is_never_said_without_what_the_trials_leave_of_it() -> None:
    said = sentences(grid_of((NUMBERS,), [0.0, 0.1, 0.9, 1.0, 0.8]))[0]
    assert said.startswith(
        "s is best at t=4: Sharpe 1.00, holding 0.20; deflated by 9 trials 0.50, its lead 0.40 "
    )
    assert "It is a peak" in said or "plateau" in said


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
    assert [[one.sharpe for one in row] for row in grid(found, "s")] == [[1.0, 3.0], [9.0, 7.0]]


def test_the_command_writes_both_files_and_the_last_line_is_the_page(tmp_path: Path) -> None:
    path = written(tmp_path, tiny(forecast={"model": "ridge", "members": 1}))
    told = lstmstrat("sweep", path, "--over", OVER[0], "--out", tmp_path / "out", "--jobs", 1)
    assert told.code == 0, told.err
    assert told.out.splitlines()[-1] == str(tmp_path / "out" / "sweep.html")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"sweep.csv", "sweep.html"}
    rows = (tmp_path / "out" / "sweep.csv").read_text().splitlines()
    assert len(rows) == 1 + 4 * 2
    assert rows[0].startswith("strategies.0.params.threshold,strategy,")
    assert "deflated by" in told.out
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
