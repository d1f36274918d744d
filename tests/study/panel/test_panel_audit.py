"""The look-ahead audit of a universe: what it finds, what it passes, and what its record is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from test_panel_run import config

import lstmstrat
from lstmstrat import ConfigError, Ledger, Session, Store
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, AuditResult
from lstmstrat.commands.main import main
from lstmstrat.prices.bars import VOLUME
from lstmstrat.prices.panel import Panel
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study import fingerprint
from lstmstrat.study.panel import leaks
from lstmstrat.study.panel.audit import audit_panel, check_options, decider
from lstmstrat.study.panel.audits import audit_now, keep_audit, known_audit
from lstmstrat.study.panel.checks import check_staleness, check_too_good
from lstmstrat.study.panel.decisions import Decisions
from lstmstrat.study.panel.run import prepare_panel
from lstmstrat.study.panel.simulate import simulate_panel


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture(scope="module")
def run() -> PanelRun:
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        return simulate_panel(*prepare_panel(config()), session)


def test_every_planted_leak_is_found_and_the_clean_one_passes() -> None:
    found = leaks.controls(quiet, with_own=True)
    assert len(found) == 2 * len(leaks.LEAKS) + len(leaks.OWN_LEAKS) + 2
    assert [control.name for control in found if not control.caught] == []
    without = leaks.controls(quiet, with_own=False)
    assert [control.name for control in without] == [control.name for control in found[: len(without)]]
    assert len(without) == 2 * len(leaks.LEAKS) + 1


def test_a_portfolio_without_a_leak_passes_every_probe(run: PanelRun) -> None:
    findings = audit_panel(decider(run.config), run.panel, "top", "lstmstrat audit c.yaml", quiet)
    assert [finding.probe for finding in findings] == ["P0 repeat", "P1 prefix", "P2 suffix"]
    assert {finding.status for finding in findings} == {PASSED}
    assert len(findings[1].cuts) >= 6
    fits = [run.panel.times[fold.fitted_at - 1] for fold in run.forecasts.folds]
    assert any(str(fit)[:10] in findings[1].cuts for fit in fits)  # the last session before a fit
    assert AuditResult(findings, ()).exit_code == 0


def test_a_feature_that_reads_the_next_bar_is_found_with_its_date(run: PanelRun) -> None:
    forecast = run.config.forecast.model_copy(
        update={"features": ("return_1", f"{leaks.__name__}:return_of_tomorrow")}
    )
    leaking = decider(run.config.model_copy(update={"forecast": forecast}))
    (finding,) = audit_panel(leaking, run.panel, "top", "lstmstrat audit c.yaml", quiet, only="P2")
    assert finding.status == FAILED
    assert finding.difference is not None
    assert finding.difference.line.startswith("forecast of ")
    assert finding.command == "lstmstrat audit c.yaml --only P2"
    (again,) = audit_panel(leaking, run.panel, "top", "", quiet, only="P2", cut=finding.difference.cut)
    assert again.difference is not None
    assert again.difference.cut == finding.difference.cut


def test_without_a_forecast_nothing_was_compared_and_nothing_has_passed(run: PanelRun) -> None:
    decide = decider(run.config)

    def silent(panel: Panel) -> Decisions:
        found = decide(panel)
        return replace(found, lines={**found.lines, "forecast": np.full_like(found.lines["forecast"], np.nan)})

    findings = audit_panel(silent, run.panel, "top", "", quiet)
    assert {finding.status for finding in findings} == {NOT_ASSESSED}
    assert AuditResult(findings, ()).exit_code == 3


def test_where_other_bars_move_nothing_the_audit_is_blind(run: PanelRun) -> None:
    whole = decider(run.config)(run.panel)

    def fixed(panel: Panel) -> Decisions:
        lines = {name: line[: len(panel.times)] for name, line in whole.lines.items()}
        return replace(whole, times=panel.times, lines=lines)

    (finding,) = audit_panel(fixed, run.panel, "top", "", quiet, only="P2")
    assert finding.status == NOT_ASSESSED
    assert "other bars move no score" in finding.detail


def test_a_record_belongs_to_what_was_audited(run: PanelRun) -> None:
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        assert known_audit(run, session) == {}
        record = audit_now(run, session, lambda done, total: None)
        assert record.passed
        assert known_audit(run, session) == {"top": record}
        (account,) = run.strategies
        other = replace(run, strategies=(replace(account, equity=account.equity * 1.0000001),))
        assert known_audit(other, session) == {}
        fewer = replace(run, panel=replace(run.panel, bars=run.panel.bars * 1.5))
        assert known_audit(fewer, session) == {}
        keep_audit(run, session, AuditResult((), ()))  # a newer one that could not say anything
        assert not known_audit(run, session)["top"].passed


def test_a_record_of_another_audit_is_none(run: PanelRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one whose probes did not find yet what they find now."""
    replica, key = fingerprint.of_panel_replica(run, "seed 1"), fingerprint.of_panel_audit(run)
    version = fingerprint.code_version
    monkeypatch.setattr(fingerprint, "code_version", lambda parts: version(parts) + "audit" * ("audit" in parts))
    fingerprint._versions.cache_clear()
    try:
        assert fingerprint.of_panel_replica(run, "seed 1") == replica
        assert fingerprint.of_panel_audit(run) != key
    finally:
        fingerprint._versions.cache_clear()


def test_a_run_shows_the_audit_that_is_known_and_a_leak_voids_its_trial(tmp_path: Path) -> None:
    with Session(Store(None), 1, ledger=Ledger(tmp_path / "ledger.sqlite")) as session:
        before = lstmstrat.run(config(), session=session)
        run = simulate_panel(*prepare_panel(config()), session)
        audit_now(run, session, lambda done, total: None)
        after = lstmstrat.run(config(), session=session)
    status = [
        next(check for check in result.assessment.checks if check.name == "look-ahead audit")
        for result in (before, after)
    ]
    assert (status[0].status, status[1].status) == ("not run", "passed")
    assert "comparisons at" in status[1].detail


def test_the_command_audits_a_universe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(config().model_dump(mode="json", exclude_defaults=True)))
    assert main(["audit", str(path), "--only", "P1", "--quiet", "--json", str(tmp_path / "found.json")]) == 0
    assert "No difference in" in capsys.readouterr().out
    (finding,) = json.loads((tmp_path / "found.json").read_text())["findings"]
    assert finding["command"].endswith("--strategy top --seed 0 --only P1")
    for option, sentence in (
        (["--strategy", "x"], "known: top"),
        (["--only", "P9"], "a universe has the probes P0, P1, P2"),
        (["--cut", "soon"], "expected a date, such as 2012-06-29"),
    ):
        assert main(["audit", str(path), *option]) == 2
        assert sentence in capsys.readouterr().err
    with pytest.raises(ConfigError, match="known: top"):
        check_options(config(), "x", "", "")


def test_stale_prices_and_results_too_good_to_be_true_fail(run: PanelRun) -> None:
    assert check_staleness(run).status == PASSED
    assert check_too_good(run).status == PASSED
    bars = run.panel.bars.copy()
    bars[1::3, :3, VOLUME] = 0.0  # three assets of thirteen that nobody traded on a third of the days
    check = check_staleness(replace(run, panel=replace(run.panel, bars=bars)))
    assert check.status == FAILED
    assert check.detail.startswith("3 of 13 assets")
    knowing = replace(run.forecasts, forecast=run.realised)
    check = check_too_good(replace(run, forecasts=knowing))
    assert check.status == FAILED
    assert "a rank correlation of 1.000" in check.detail
    (account,) = run.strategies
    days = np.arange(len(account.equity))
    rising = account.equity * 0.0 + 1e5 * np.exp(0.001 * days + 0.0005 * np.sin(days))  # Sharpe ratio about 40
    check = check_too_good(replace(run, strategies=(replace(account, equity=rising),)))
    assert "a Sharpe ratio of" in check.detail
