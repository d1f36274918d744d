"""A run whose sides are weighed by an optimiser: what it sees, its key, its audit, and what is said before it."""

from __future__ import annotations

import json
import sys
import textwrap
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.command import command
from test_panel_run import config

from lstmstrat import Config, Ledger, Session, Store
from lstmstrat.audit.finding import FAILED, PASSED
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.prices.bars import CLOSE, VOLUME
from lstmstrat.prices.panel import Panel
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study import fingerprint
from lstmstrat.study.panel.audit import audit_panel, decider
from lstmstrat.study.panel.run import prepare_panel
from lstmstrat.study.panel.simulate import portfolio_weights, simulate_panel
from lstmstrat.trading.portfolio.optimiser import Optimiser

CALM = """
class Calm:
    def fit(self, X):
        self.weights_ = X.var(axis=0) ** -POWER
"""


def module(power: float) -> None:
    """The user's module, with another power in place of 1."""
    made = ModuleType("calm_of_a_test")
    exec(compile(CALM.replace("POWER", str(power)), "calm_of_a_test", "exec"), made.__dict__)
    sys.modules["calm_of_a_test"] = made


@pytest.fixture(autouse=True)
def own() -> Any:
    module(1.0)
    yield
    del sys.modules["calm_of_a_test"]


def of(weights: str) -> Config:
    return config(portfolio={"rule": "top", "long": 3, "short": 3, "weights": weights})


@pytest.fixture(scope="module")
def run() -> PanelRun:
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        return simulate_panel(*prepare_panel(config()), session)


class Seen:
    """Keeps what it was asked with."""

    asked: list[Any] = []  # noqa: RUF012

    def fit(self, X: Any) -> None:  # noqa: N803
        self.asked.append(X)
        self.weights_ = np.ones(X.shape[1])


def test_it_sees_the_last_returns_of_the_panel_and_0_where_an_asset_rested(run: PanelRun) -> None:
    """Two of a session long, so that the last question of a session is on the two worst: short, with a minus."""
    bars, t = run.panel.bars.copy(), len(run.panel.times) - 1
    bars[t - 3] = np.nan  # nobody has a bar: a holiday of all exchanges
    bars[t - 3, 0] = run.panel.bars[t - 3, 0]
    panel = replace(run.panel, bars=bars)
    Seen.asked.clear()
    rule = PortfolioConfig(rule="top", long=2, short=2, weights="a:Seen")
    weights = portfolio_weights(rule, panel, run.forecasts, Optimiser("Seen", Seen))
    (short,) = np.flatnonzero(weights[t] < 0.0)[None]
    closes = bars[t - 63 : t + 1, short, CLOSE]
    closes = np.where(np.isnan(closes), np.roll(closes, 1, axis=0), closes)  # that of the session before
    expected = -(closes[1:] / closes[:-1] - 1.0)
    assert 0 not in short
    np.testing.assert_allclose(Seen.asked[-1], expected, rtol=1e-12)
    assert (Seen.asked[-1][59] == 0.0).all()


def test_the_close_of_a_panel_rests_for_ten_sessions_and_ends_in_quarantine(run: PanelRun) -> None:
    bars = run.panel.bars[:40].copy()
    bars[20:, 0] = np.nan
    bars[20, 1, :VOLUME] = np.nan
    panel = Panel(run.panel.universe, "", run.panel.times[:40], bars)
    closes = panel.closes
    assert np.isfinite(closes[:, 0]).nonzero()[0].max() == 29
    assert closes[29, 0] == bars[19, 0, CLOSE]
    assert np.isnan(closes[20, 1])
    assert np.isfinite(closes[21, 1])


def test_an_optimiser_of_ones_own_and_skfolio_trade_the_chosen_assets(run: PanelRun) -> None:
    """Three assets a side with other weights; the sides are as large, and the stages say that it was optimised."""
    opened, told = list[str](), list[tuple[int, int]]()

    def stages(stage: str, unit: str) -> Any:
        opened.append(f"{stage} {unit}")
        return nullcontext(lambda *now: told.append(now))

    names = ("calm_of_a_test:Calm", "skfolio:InverseVolatility")
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        runs = [simulate_panel(of(name), run.panel, session, stages) for name in names]
    assert opened.count("optimising sessions") == 2
    assert (len(run.panel.times),) * 2 in told
    for found in runs:
        assert found.strategies[0].params["weights"] in names
        assert found.gross[1:].mean() == pytest.approx(run.gross[1:].mean(), abs=0.02)
        assert not found.strategies[0].equity.equals(run.strategies[0].equity)


def test_its_source_is_part_of_the_key(run: PanelRun) -> None:
    own = replace(run, config=of("calm_of_a_test:Calm"))
    keys = [fingerprint.of_panel_replica(replace(run, config=of("skfolio")), "seed 1")]
    for power in (1.0, 0.5):
        module(power)
        keys.append(fingerprint.of_panel_replica(own, "seed 1"))
    module(1.0)
    assert fingerprint.of_panel_replica(own, "seed 1") == keys[1]
    keys.append(fingerprint.of_panel_replica(run, "seed 1"))
    assert len({*keys}) == 4
    assert None not in keys


def test_the_version_of_skfolio_is_part_of_the_key(run: PanelRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """And those of what solves for it: without one of them, the key is another one."""
    skfolio = replace(run, config=of("skfolio"))
    key = fingerprint.of_panel_replica(skfolio, "seed 1")
    monkeypatch.setattr(fingerprint, "SOLVERS", ("cvxpy",))
    assert fingerprint.of_panel_replica(skfolio, "seed 1") != key


def test_the_audit_finds_that_it_depends_on_no_later_bar(run: PanelRun) -> None:
    found = of("calm_of_a_test:Calm")
    findings = audit_panel(decider(found), run.panel, "top", "", lambda done, total: None)
    assert {finding.status for finding in findings} == {PASSED}


class Stored:
    """A feature stores what the panel has in the end; the optimiser reads it, and not the returns."""

    end = 0.0

    @classmethod
    def level(cls, bars: Any) -> Any:
        cls.end = float(bars[-1, CLOSE])
        return np.log(bars[:, CLOSE])

    def fit(self, X: Any) -> None:  # noqa: N803
        self.weights_ = np.arange(1.0, X.shape[1] + 1.0) ** (self.end % 1.0)


def test_the_audit_asks_an_optimiser_of_ones_own_anew_on_each_panel(run: PanelRun) -> None:
    """Up to the cut the returns are the same, so that what was solved before answered for it: a leak passed."""
    made = ModuleType("stored_of_a_test")
    made.__dict__.update({"Stored": Stored, "level": Stored.level})
    sys.modules["stored_of_a_test"] = made
    try:
        found = of("stored_of_a_test:Stored")
        features = {"features": ("return_1", "stored_of_a_test:level")}
        found = found.model_copy(update={"forecast": found.forecast.model_copy(update=features)})
        (finding,) = audit_panel(decider(found), run.panel, "top", "", lambda done, total: None, only="P2")
    finally:
        del sys.modules["stored_of_a_test"]
    assert finding.status == FAILED
    assert finding.difference is not None
    assert finding.difference.line.startswith("weight of ")


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (
            "skfolio",
            'portfolio.weights: skfolio needs the package skfolio; type: pip install "lstmstrat[portfolio]"',
        ),
        ("no_such_module:Calm", "portfolio.weights: there is no module no_such_module"),
    ],
)
def test_a_command_ends_with_2_before_any_work(
    weights: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skfolio", None)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(json.loads(of(weights).model_dump_json(exclude_unset=True))))
    told = command(str(path), "--out", str(tmp_path / "out"))
    assert told.code == 2
    assert sentence in told.err
    assert not (tmp_path / "out").exists()


def test_a_file_changed_after_its_import_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "calm_in_a_file.py"
    path.write_text(textwrap.dedent(CALM).replace("POWER", "1.0"))
    prepare_panel(of("calm_in_a_file:Calm"))
    path.write_text(textwrap.dedent(CALM).replace("POWER", "0.25"))
    with pytest.raises(Exception, match="was changed after it was imported"):
        prepare_panel(of("calm_in_a_file:Calm"))
