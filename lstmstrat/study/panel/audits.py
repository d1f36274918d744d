"""The look-ahead audit of a universe: making it, and the record of the last one.

A record belongs to the settings, the panel, the versions and the user's code, and to what the portfolio did then,
to the last bit: a run that does anything else is not the one that was audited.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, fields

from lstmstrat.audit.finding import AuditResult
from lstmstrat.errors import sentence
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study import fingerprint
from lstmstrat.study.audits import AUDIT, AuditRecord
from lstmstrat.study.proof import Proof


def known_audit(run: PanelRun, session: Session) -> dict[str, AuditRecord]:
    """The record of the last audit of the portfolio of a run, by its name; empty if there is none."""
    (account,) = run.strategies
    key = fingerprint.of_panel_audit(run)
    rows = [row.content for row in session.ledger.rows(AUDIT) if row.content.get("key") == key]
    if key is None or not rows or rows[-1]["probe"] != fingerprint.of_account(account):
        return {}
    return {account.name: AuditRecord(**{field.name: rows[-1][field.name] for field in fields(AuditRecord)})}


def audit_now(run: PanelRun, session: Session, progress: Progress) -> AuditRecord:
    """Audit the portfolio of a run, and keep the record; an error is an audit that could not say anything."""
    from lstmstrat.study.panel.audit import audit_panel, decider  # few runs are audited, and these load Backtrader
    from lstmstrat.study.panel.leaks import controls
    from lstmstrat.study.panel.own_audit import own_findings

    name, today = run.strategies[0].name, f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    try:
        asked = run.panel, name, "lstmstrat audit CONFIG", progress
        findings = (*own_findings(run.config, *asked), *audit_panel(decider(run.config), *asked))
        result = AuditResult(findings, controls(progress, bool(run.config.own_code_of_universe)))
    except Exception as error:
        return AuditRecord(3, f"Not assessable: the audit ended with {sentence(error)}", today)
    return keep_audit(run, session, result)


def keep_audit(run: PanelRun, session: Session, result: AuditResult) -> AuditRecord:
    """Enter the record of an audit of a run into the ledger, where the newest counts."""
    record = AuditRecord(result.exit_code, result.sentence, f"{dt.datetime.now(dt.UTC):%Y-%m-%d}")
    key = fingerprint.of_panel_audit(run)
    if key is not None:
        did = fingerprint.of_account(run.strategies[0])
        session.ledger.enter(AUDIT, {**asdict(record), "key": key, "probe": did})
    return record


OF_UNIVERSE: Proof[PanelRun] = Proof(
    known_audit, lambda run, _, session, progress: audit_now(run, session, progress)
)
