"""No proof, no edge: where nothing but the look-ahead audit is missing, it is made at once, and decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lstmstrat.evaluation.verdict import AUDIT_PASSED, UNPROVEN
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import Check, StrategyAssessment, Trials
from lstmstrat.results.run import Run
from lstmstrat.study.audits import AuditRecord
from lstmstrat.study.extras import Extras
from lstmstrat.study.judge import assess

Audits = Mapping[str, AuditRecord]  # by strategy
Make = Callable[[Account], AuditRecord]


def judge_with_proof(
    run: Run, trials: Trials, checks: Sequence[Check], extras: Extras, audits: Audits, make: Make
) -> tuple[tuple[StrategyAssessment, ...], Audits]:
    """The assessments of all strategies, and the audits that are known in the end; `make` makes one."""
    strategies = assess(run, trials, checks, extras, audits)
    waiting = [s.name for s in strategies if s.name not in audits and _waits(s)]
    made = {account.name: make(account) for account in run.strategies if account.name in waiting}
    audits = {**audits, **made}
    return (assess(run, trials, checks, extras, audits) if made else strategies), audits


def _waits(strategy: StrategyAssessment) -> bool:
    """Whether an audit that passed is all that the edge lacks."""
    versus = strategy.versus_benchmark
    only = len(versus.missing) == 1 and versus.missing[0].startswith(AUDIT_PASSED)
    return versus.verdict == UNPROVEN and only
