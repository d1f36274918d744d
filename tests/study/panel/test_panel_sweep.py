"""A sweep over a universe: every point is what `run` gives, and equal forecasts are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.command import lstmstrat as command

import lstmstrat
from lstmstrat import ConfigError, Ledger, Session, Store
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.report.page.sweep import sweep_page
from lstmstrat.report.sweep import every_point, sentences
from lstmstrat.results.sweep import Sweep
from lstmstrat.study.ledger import read_trials
from lstmstrat.study.panel import run as panel_run
from lstmstrat.study.panel.audits import audit_now, known_audit
from lstmstrat.study.panel.kind import Universe
from lstmstrat.study.prepare import config_of
from lstmstrat.study.proof import judged
from lstmstrat.study.stages import silent

UNTIL, SIZES = [0.25, 0.4, 0.5], [150, 200]
OVER = {"portfolio.hold_until": UNTIL, "forecast.train_size": SIZES}
VALUES: dict[str, Any] = {
    "name": "few",
    "data": {
        "universe": ["AMD", "CVX", "GE", "HD", "IBM", "KO", "MSFT", "WMT"],
        "start": "2008-03-03",
        "end": "2010-03-31",
    },
    "forecast": {"model": "ridge", "pool": "all", "relation": "rank", "train_size": 150, "least_assets": 4},
    "portfolio": {"rule": "quantile", "long": 0.25, "short": 0.25},
}


@pytest.fixture(scope="module")
def walks() -> Iterator[list[int]]:
    """The number of sessions of each walk over a panel that was begun."""
    begun, real = list[int](), PanelForward.advance

    def counting(self: PanelForward, times: Any, bars: Any, members: Any) -> Any:
        begun.append(len(times))
        return real(self, times, bars, members)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PanelForward, "advance", counting)
        yield begun


@pytest.fixture(scope="module")
def loads() -> Iterator[list[str]]:
    """What was loaded."""
    found, real = list[str](), panel_run.load_panel

    def counting(data: Any, **more: Any) -> Any:
        found.append(data.symbol)
        return real(data, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panel_run, "load_panel", counting)
        yield found


@pytest.fixture(scope="module")
def swept(
    tmp_path_factory: pytest.TempPathFactory, walks: list[int], loads: list[str]
) -> tuple[Sweep, Ledger, list[int], int]:
    """A sweep over the portfolio and the forecast; its ledger, its walks and how often it loaded a panel."""
    ledger = Ledger(tmp_path_factory.mktemp("sweep") / "ledger")
    walks.clear()
    loads.clear()
    with Session(Store(None), 1, ledger=ledger) as session:
        found = lstmstrat.sweep(VALUES, OVER, session=session)
    return found, ledger, list(walks), len(loads)


def test_a_point_is_what_run_gives_alone(swept: tuple[Sweep, Ledger, list[int], int], tmp_path: Path) -> None:
    found, *_ = swept
    assert len(found.outcomes) == 6
    for place in ((0, 0), (2, 1)):
        portfolio = {**VALUES["portfolio"], "hold_until": UNTIL[place[0]]}
        forecast = {**VALUES["forecast"], "train_size": SIZES[place[1]]}
        with Session(Store(None), 1, ledger=Ledger(tmp_path / f"ledger{place[0]}")) as session:
            alone = lstmstrat.run({**VALUES, "portfolio": portfolio, "forecast": forecast}, session=session)
        (one,) = (each for each in found.outcomes if each.place == place)
        (strategy,), panel = alone.assessment.strategies, alone.assessment.panel
        assert panel is not None
        assert (one.strategy, one.sharpe) == (strategy.name, strategy.metrics.sharpe)
        assert (one.final_value, one.cagr) == (strategy.metrics.final_value, strategy.metrics.cagr)
        assert (one.rank_ic, one.break_even_bp) == (panel.rank_ic, panel.break_even_bp)
        assert (one.holding, one.lead) == (alone.assessment.benchmark.sharpe, strategy.versus_benchmark.sharpe)
        assert one.verdict == strategy.versus_benchmark.verdict


def test_every_point_is_a_trial_and_deflates_each(swept: tuple[Sweep, Ledger, list[int], int]) -> None:
    found, ledger, *_ = swept
    assert {one.trials for one in found.outcomes} == {6}
    trials = read_trials(ledger)
    params = {(trial.params["hold_until"], trial.settings["train_size"]) for trial in trials}
    assert params == {(until, size) for until in UNTIL for size in SIZES}
    # the best of six trials is luckier than the only one
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        best = max(found.outcomes, key=lambda one: one.sharpe or 0.0)
        portfolio = {**VALUES["portfolio"], "hold_until": UNTIL[best.place[0]]}
        forecast = {**VALUES["forecast"], "train_size": SIZES[best.place[1]]}
        alone = lstmstrat.run({**VALUES, "portfolio": portfolio, "forecast": forecast}, session=session)
    (strategy,) = alone.assessment.strategies
    assert alone.assessment.trials.count == 1
    assert best.deflated_sharpe is not None
    assert best.deflated_sharpe < strategy.luck.probabilistic_sharpe


def test_equal_forecasts_are_made_and_checked_once_wherever_they_stand_on_the_grid(
    swept: tuple[Sweep, Ledger, list[int], int],
) -> None:
    """Each of the two has a walk over the panel, and one over its parts in the check `cut bars`."""
    found, _, walks, loads = swept
    sessions = max(walks)
    assert walks.count(sessions) == len(SIZES)
    assert len(walks) == len(SIZES) * 3
    assert loads == 1
    figures = {(one.place[1], one.rank_ic, one.break_even_bp) for one in found.outcomes}
    assert len(figures) == len(SIZES)  # they are those of the forecasts, whatever the portfolio does


def test_the_page_and_the_table_have_the_figures_of_the_scores(
    swept: tuple[Sweep, Ledger, list[int], int],
) -> None:
    found, *_ = swept
    heads, first, *_ = every_point(found)
    assert {"CAGR", "rank correlation", "break-even, bp"} < set(heads)
    assert len(first) == len(heads)
    assert first[heads.index("rank correlation")] == f"{found.outcomes[0].rank_ic:.3f}"
    table = found.table()
    assert table["rank_ic"].tolist() == [one.rank_ic for one in found.outcomes]
    assert found.strategies == ("quantile",)
    assert sentences(found)[-1].startswith("Entered as trials on universe: 6 points of 1 strategy")
    assert "rank correlation" in sweep_page(found)


def test_a_sweep_of_one_asset_has_no_figures_of_scores() -> None:
    values = {"data": {"start": "2011-01-03"}, "forecast": {"model": "ridge", "train_size": 250}}
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        found = lstmstrat.sweep(
            {**values, "strategies": [{"class": "strategies.long_flat:LongFlat"}]},
            {"broker.commission": [0.0, 0.001]},
            session=session,
        )
    assert not {"rank_ic", "break_even_bp"} & set(found.table().columns)
    assert "rank correlation" not in every_point(found)[0]


def test_a_run_is_judged_and_known_again_without_what_no_judgement_reads() -> None:
    universe = Universe()
    config, panel = universe.prepare(config_of(VALUES), True, False, None)
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        worked = universe.work(config, panel, session, silent)
        slim = universe.slim(worked.run)
        one, other = (
            judged(run, worked.checks, worked.extras, session, silent, universe.proof)
            for run in (worked.run, slim)
        )
        assert (one.strategies, one.trials, one.checks) == (other.strategies, other.trials, other.checks)
        assert audit_now(slim, session, lambda done, total: None).passed
        assert [record.passed for record in known_audit(worked.run, session).values()] == [True]
    assert np.isnan(slim.forecasts.forecast).all()
    assert slim.forecasts.forecast.strides == (0, 0)  # a single number
    assert slim.forecasts.drawn_rows is None


class Sometimes:
    """Equal weights, and an error for three assets."""

    def __init__(self, assets: int = 1):
        self.assets = assets

    def weights(self, scores: np.ndarray, held: np.ndarray, closes: np.ndarray) -> np.ndarray:
        if self.assets == 3:
            raise ZeroDivisionError("three are too many")
        return np.where(np.isfinite(scores) & (np.arange(len(scores)) < self.assets), 0.1, 0.0)


def test_a_point_that_fails_loses_no_other() -> None:
    own = {**VALUES, "portfolio": {"rule": f"{__name__}:Sometimes", "params": {"assets": 1}, "gross": 1.0}}
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        found = lstmstrat.sweep(own, {"portfolio.params.assets": [1, 2, 3]}, session=session)
    assert [one.place for one in found.outcomes] == [(0,), (1,)]
    (failure,) = found.failures
    assert failure.place == (2,)
    assert "three are too many" in failure.error
    assert "1 of 3 points failed" in " ".join(sentences(found))


def test_what_a_universe_cannot_take_is_said_with_the_point() -> None:
    with pytest.raises(ConfigError, match=r"sweep: forecast\.least_assets=50: .*no session has more than 8"):
        lstmstrat.sweep(VALUES, {"forecast.least_assets": [4, 50]})
    frame = lstmstrat.load_prices({"symbol": "IBM"}).frame
    with pytest.raises(ConfigError, match="prices= is for one asset"):
        lstmstrat.sweep(VALUES, {"portfolio.long": [0.2, 0.3]}, prices=frame)


def test_the_command_sweeps_a_universe(tmp_path: Path) -> None:
    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump(VALUES))
    told = command("sweep", path, "--over", "portfolio.long=0.2,0.3", "--out", tmp_path / "out", "--jobs", 1)
    assert told.code == 0, told.err
    rows = pd.read_csv(tmp_path / "out" / "sweep.csv")
    assert rows["portfolio.long"].tolist() == [0.2, 0.3]
    assert rows["rank_ic"].notna().all()
    assert "Sharpe ratio of quantile, by portfolio.long" in " ".join(told.out.split())
    assert (tmp_path / "out" / "sweep.html").exists()
