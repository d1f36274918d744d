"""The ladder of a universe: its rungs, what they share, and the control."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_panel_run import config

import lstmstrat
from lstmstrat import Ledger, Result, Session, Store
from lstmstrat.config.schema import Config
from lstmstrat.evaluation.ranks import rank_ic
from lstmstrat.results.panel.facts import RankRung
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study.ledger import read_trials
from lstmstrat.study.panel import ladder as module
from lstmstrat.study.panel.ladder import panel_ladder
from lstmstrat.study.panel.run import prepare_panel
from lstmstrat.study.panel.simulate import simulate_panel


def climbed(**changes: object) -> Config:
    return config(report={"ladder": True}, **changes)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("ladder") / "cache.sqlite")


@pytest.fixture(scope="module")
def session(store: Store) -> Session:
    return Session(store, 1, ledger=Ledger(None))


@pytest.fixture(scope="module")
def result(session: Session) -> Result:
    return lstmstrat.run(climbed(), session=session)


def rungs(result: Result) -> tuple[RankRung, ...]:
    assert result.assessment.panel is not None
    return result.assessment.panel.ladder


def test_one_thing_changes_from_rung_to_rung_and_the_control_comes_last(result: Result) -> None:
    found = [(rung.model, rung.pool, rung.relation, rung.shuffled) for rung in rungs(result)]
    assert found == [
        ("ridge", "all", "rank", False),
        ("ridge", "all", "none", False),
        ("ridge", "none", "rank", False),
        ("ridge", "none", "none", False),
        ("boosting", "all", "rank", False),
        ("lstm", "all", "rank", False),
        ("ridge", "all", "rank", True),
    ]
    (check,) = (check for check in result.assessment.checks if check.name == "ladder")
    assert check.status == "ran"
    assert check.detail == "label, pool and model, and a control with shuffled labels"


def test_the_own_rung_is_the_run_and_is_compared_with_itself(result: Result) -> None:
    panel, own = result.assessment.panel, rungs(result)[0]
    assert panel is not None
    assert own.ic == panel.skill.ic
    assert own.break_even_bp == panel.break_even_bp
    assert own.own_minus.mean == 0.0
    assert own.own_minus.t is None
    assert own.sharpe == pytest.approx(result.assessment.strategies[0].metrics.sharpe)


def test_a_model_for_each_asset_is_trained_as_one_of_its_size(result: Result) -> None:
    alone, lstm = rungs(result)[2], rungs(result)[5]
    assert (alone.epochs, alone.batch_size) == (6, 64)  # the defaults
    assert (lstm.epochs, lstm.batch_size) == (6, 64)  # those of the config
    assert alone.models > 5 * rungs(result)[0].models


def test_the_difference_is_that_of_the_daily_rank_correlations(session: Session, result: Result) -> None:
    """Worked again from the two runs: the mean of the differences of the sessions that have both."""
    own = simulate_panel(*prepare_panel(config()), session)
    plain = own.config.model_copy(update={"forecast": own.config.forecast.model_copy(update={"relation": "none"})})
    other = simulate_panel(plain, own.panel, session)
    one, two = (
        rank_ic(np.where(r.panel.members, r.forecasts.forecast, np.nan)[r.window], r.realised[r.window])
        for r in (own, other)
    )
    assert rungs(result)[1].own_minus.mean == pytest.approx(np.nanmean(one - two), abs=1e-12)


def test_every_rung_but_the_control_is_a_trial(tmp_path: Path, store: Store) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with Session(store, 1, ledger=ledger) as session:
        result = lstmstrat.run(climbed(), session=session)
    assert result.assessment.trials.count == len(rungs(result)) - 1
    tried = {(t.model, t.settings["pool"], t.settings["relation"]) for t in read_trials(ledger)}
    assert tried == {(rung.model, rung.pool, rung.relation) for rung in rungs(result)}


def test_a_second_ladder_takes_its_networks_from_the_store(result: Result, session: Session) -> None:
    again = lstmstrat.run(climbed(), session=session)
    assert [rung.ic for rung in rungs(again)] == [rung.ic for rung in rungs(result)]
    assert rungs(result)[5].seconds is not None
    assert rungs(again)[5].seconds is None  # nobody knows how long its networks took
    assert rungs(again)[5].models == rungs(result)[5].models


def test_a_rung_that_fails_is_counted_and_the_others_are_shown(
    monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    def some_fail(config: Config, *rest: object, **more: object) -> PanelRun:
        if config.forecast.model == "boosting":
            raise ValueError("no trees today")
        return simulate_panel(config, *rest, **more)

    run = simulate_panel(*prepare_panel(config()), session)
    monkeypatch.setattr(module, "simulate_panel", some_fail)
    climb = panel_ladder(run, session, lambda done, total: None)
    assert len(climb.rungs) == 6
    (error,) = climb.errors
    assert error.startswith("boosting, pool all, relation rank: ")
    assert "no trees today" in error
