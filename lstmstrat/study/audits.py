"""The look-ahead audit of a strategy of a run, and the record of the last one.

A record belongs to the code that was audited, with its settings and prices, and to what this code did: the
strategy is run once more over all prices, with a small network (the probe), when a record is kept, and by the
first run that finds it. So it counts no more once a file that the code reads while it runs has changed, although
the code is the same. A run that does to the last bit what an earlier one did needs no probe.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lstmstrat.audit.small import MEMBERS, NO_LEAK, SMALL
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.identity import Identity
from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.errors import StrategyError, sentence
from lstmstrat.forecasting.models import model_class
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.prices import Prices
from lstmstrat.results.account import Account
from lstmstrat.results.run import Run
from lstmstrat.study import fingerprint
from lstmstrat.study.simulate import simulate_one

AUDIT = "audit"  # the kind of its rows in the ledger


def _alike(forecast: ForecastConfig) -> ForecastConfig:
    """A small forecast that is the same for all that differ only in `NO_LEAK`."""
    members = MEMBERS if model_class(forecast.model).ensemble else 1
    return forecast.model_copy(update={**SMALL, "seed": 0, "members": members, "epochs": 1, "patience": 1})


@dataclass(frozen=True)
class AuditRecord:
    """The outcome of the last audit of a strategy."""

    exit_code: int  # 0 for nothing found, 1 for a leak, 3 for not assessable
    sentence: str
    date: str  # UTC

    @property
    def passed(self) -> bool:
        """Whether nothing was found where something could have been."""
        return self.exit_code == 0

    @property
    def leak(self) -> bool:
        """Whether a leak was found."""
        return self.exit_code == 1

    @property
    def text(self) -> str:
        """The sentence, with the date."""
        return f"{self.sentence.removesuffix('.')} (of {self.date})"


def known_audits(run: Run, session: Session) -> dict[str, AuditRecord]:
    """The record of the last audit of each strategy of a run that has one, by its name."""
    kept = {row.content.get("key"): row.content for row in session.ledger.rows(AUDIT)}  # the newest of a key
    records = {account.name: _known(run, account, kept, session) for account in run.strategies}
    return {name: record for name, record in records.items() if record is not None}


def audit_now(run: Run, account: Account, session: Session, progress: Progress) -> AuditRecord:
    """Audit a strategy of a run, with the forecast that it trades, and keep the record.

    An audit that ends with an error is one that could not say anything.
    """
    from lstmstrat.audit import suite

    strategy, today = run.strategy_of(account), f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    alone = run.config.model_copy(update={"strategies": (strategy,)})
    try:
        result = suite.audit_config(alone, run.prices, progress)
    except Exception as error:
        return AuditRecord(3, f"Not assessable: the audit ended with {sentence(error)}", today)
    record = AuditRecord(result.exit_code, result.sentence, today)
    keep_audit(run.config, run.prices, strategy, run.code[account.name], session, record)
    return record


def _known(
    run: Run, account: Account, kept: Mapping[str | None, Mapping[str, Any]], session: Session
) -> AuditRecord | None:
    """The record of this code; None if there is none, or if the strategy does something else than it did then."""
    strategy = run.strategy_of(account)
    key = audit_key(run.config, run.prices, strategy, run.code[account.name])
    if key is None or key not in kept:
        return None
    probe = str(kept[key]["probe"])
    same = session.store.remembered(
        fingerprint.of_same(probe, account), lambda: probe == _probe(run.config, run.prices, strategy, session)
    )
    return AuditRecord(**{field.name: kept[key][field.name] for field in fields(AuditRecord)}) if same else None


def keep_audit(
    config: Config,
    prices: Prices,
    strategy: StrategyConfig,
    code: Identity,
    session: Session,
    record: AuditRecord,
) -> bool:
    """Enter the record of an audit into the ledger, where the newest counts; False if the code has no identity.

    `code` is `fingerprint.of_code`, taken before anything ran.
    """
    key = audit_key(config, prices, strategy, code)
    if key is not None:
        probe = _probe(config, prices, strategy, session)
        session.ledger.enter(AUDIT, {**asdict(record), "key": key, "probe": probe})
    return key is not None


def audit_key(config: Config, prices: Prices, strategy: StrategyConfig, code: Identity) -> str | None:
    """The key of the audit of a strategy: code, parameters, forecast without `NO_LEAK`, costs, prices, versions.

    None if the code has no identity.
    """
    defaults = ForecastConfig()
    forecast = config.forecast.model_copy(update={name: getattr(defaults, name) for name in NO_LEAK})
    return fingerprint.of_audit(config.model_copy(update={"forecast": forecast}), prices, strategy, code)


def _probe(config: Config, prices: Prices, strategy: StrategyConfig, session: Session) -> str:
    """What the strategy does over all prices with a small network; the counts of `session` stay."""
    small = config.model_copy(update={"forecast": _alike(config.forecast)})
    probe_session = Session(session.store, session.jobs, executor=session.executor)
    try:
        return fingerprint.of_account(simulate_one(small, prices, strategy, probe_session))
    except StrategyError as error:  # with another forecast it may lose its account
        return str(error)
