"""No proof, no edge: where nothing but the look-ahead audit is missing, it is made at once, and decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lstmstrat.evaluation.verdict import AUDIT_PASSED, UNPROVEN
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import AUDIT, Check, StrategyAssessment, Trials
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.run import Run
from lstmstrat.store import Store
from lstmstrat.study.audits import AuditRecord, audit_now, known_audits
from lstmstrat.study.checks import check_audits, voiding
from lstmstrat.study.extras import Extras
from lstmstrat.study.judge import assess
from lstmstrat.study.ledger import enter_trials
from lstmstrat.study.stages import Stages

Audits = Mapping[str, AuditRecord]  # by strategy
Make = Callable[[Account], AuditRecord]
R = TypeVar("R", bound=BaseRun)


@dataclass(frozen=True)
class Proof(Generic[R]):
    """The look-ahead audits of a kind of run: those that are known of its strategies, and how one is made."""

    known: Callable[[R, Session], Audits]
    make: Callable[[R, Account, Session, Progress], AuditRecord]


OF_ONE: Proof[Run] = Proof(known_audits, audit_now)


@dataclass(frozen=True, eq=False)
class RunJudgement:
    """The strategies of a run, judged."""

    strategies: tuple[StrategyAssessment, ...]
    trials: Trials
    checks: tuple[Check, ...]  # those of the run, then the look-ahead audits


def judged(
    run: R, checks: Sequence[Check], extras: Extras, session: Session, stages: Stages, proof: Proof[R]
) -> RunJudgement:
    """Enter the strategies of a run as trials and judge them; where an edge waits for its audit, audit it."""
    known = proof.known(run, session)
    trials = entered(run, checks, extras, session, proof)

    def make(account: Account) -> AuditRecord:
        with stages(f"look-ahead audit of {account.name}", "probes") as show:
            return proof.make(run, account, session, show)

    strategies, audits = judge_with_proof(run, trials, checks, extras, known, make, session.store)
    if audits != known:  # later runs must know of a leak
        enter_trials(session.ledger, run, extras.rungs, failures(run, checks, audits))
    names = [strategy.name for strategy in strategies]
    return RunJudgement(strategies, trials, (*checks, *check_audits(audits, names)))


def entered(run: R, checks: Sequence[Check], extras: Extras, session: Session, proof: Proof[R]) -> Trials:
    """Enter the strategies of a run as trials, and count those on its asset."""
    return enter_trials(session.ledger, run, extras.rungs, failures(run, checks, proof.known(run, session)))


def failures(run: BaseRun, checks: Sequence[Check], audits: Audits) -> Callable[[str], list[str]]:
    """The names of the checks of a strategy that failed and void an edge, by its name."""

    def names(strategy: str) -> list[str]:
        leak = [AUDIT] if strategy in audits and audits[strategy].leak else []
        return [check.name for check in voiding(checks, strategy, run.benchmark.name)] + leak

    return names


def judge_with_proof(
    run: BaseRun, trials: Trials, checks: Sequence[Check], extras: Extras, audits: Audits, make: Make, store: Store
) -> tuple[tuple[StrategyAssessment, ...], Audits]:
    """The assessments of all strategies, and the audits that are known in the end; `make` makes one."""
    strategies = assess(run, trials, checks, extras, audits, store)
    waiting = [s.name for s in strategies if s.name not in audits and _waits(s)]
    made = {account.name: make(account) for account in run.strategies if account.name in waiting}
    audits = {**audits, **made}
    return (assess(run, trials, checks, extras, audits, store) if made else strategies), audits


def _waits(strategy: StrategyAssessment) -> bool:
    """Whether an audit that passed is all that the edge lacks."""
    versus = strategy.versus_benchmark
    only = len(versus.missing) == 1 and versus.missing[0].startswith(AUDIT_PASSED)
    return versus.verdict == UNPROVEN and only
