"""No proof, no edge: where nothing but the look-ahead audit is missing, it is made at once, and decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lstmstrat.evaluation.verdict import UNPROVEN
from lstmstrat.forecasting.session import Session
from lstmstrat.results.assessment import Check, StrategyAssessment, Trials
from lstmstrat.results.run import Run
from lstmstrat.study.audits import AuditRecord, audit_now, known_audits
from lstmstrat.study.checks import faults
from lstmstrat.study.extras import Extras, ProgressBar
from lstmstrat.study.judge import judge

Audits = Mapping[str, AuditRecord]  # by strategy


def judge_with_proof(
    run: Run, trials: Trials, checks: Sequence[Check], extras: Extras, session: Session, progress: ProgressBar
) -> tuple[tuple[StrategyAssessment, ...], Audits]:
    """The assessments of all strategies, and the audits that are known in the end."""
    audits = known_audits(run, session)
    strategies = judge(run, trials, checks, extras, audits)
    unproven = [s.name for s in strategies if s.versus_benchmark.verdict == UNPROVEN]
    waiting = [name for name in unproven if name not in audits and not faults(checks, name, run.benchmark.name)]
    for account in (account for account in run.strategies if account.name in waiting):
        with progress(f"look-ahead audit of {account.name}", "probes") as show:
            audits[account.name] = audit_now(run, account, session, show)
    return (judge(run, trials, checks, extras, audits) if waiting else strategies), audits
