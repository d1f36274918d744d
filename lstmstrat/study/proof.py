"""No proof, no edge: where nothing but the look-ahead audit is missing, it is made at once, and decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lstmstrat.evaluation.verdict import UNPROVEN
from lstmstrat.results.assessment import Check, StrategyAssessment, Trials
from lstmstrat.results.run import Run
from lstmstrat.store import Store
from lstmstrat.study.audits import AuditRecord, audit_now, known_audits, of_strategy
from lstmstrat.study.checks import faults
from lstmstrat.study.extras import Extras, ProgressBar
from lstmstrat.study.judge import judge

Audits = Mapping[str, AuditRecord]  # by strategy


def judge_with_proof(
    run: Run, trials: Trials, checks: Sequence[Check], extras: Extras, store: Store, progress: ProgressBar
) -> tuple[tuple[StrategyAssessment, ...], Audits]:
    """The assessments of all strategies, and the audits that are known in the end."""
    audits = known_audits(run.config, run.prices, store)
    strategies = judge(run, trials, checks, extras, audits)
    waiting = [s.name for s in strategies if s.versus_benchmark.verdict == UNPROVEN]
    made = {
        name: _audit(run, name, store, progress)
        for name in waiting
        if name not in audits and not faults(checks, name, run.benchmark.name)
    }
    audits |= made
    return (judge(run, trials, checks, extras, audits) if made else strategies), audits


def _audit(run: Run, name: str, store: Store, progress: ProgressBar) -> AuditRecord:
    (strategy,) = [strategy for strategy in run.config.strategies if strategy.label == name]
    with progress(f"look-ahead audit of {name}", "probes") as show:
        return audit_now(of_strategy(run.config, strategy), run.prices, store, show)
