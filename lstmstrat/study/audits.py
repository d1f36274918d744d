"""The record of the last look-ahead audit of a config."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass

from lstmstrat.audit import suite
from lstmstrat.audit.small import NO_LEAK
from lstmstrat.config.schema import Config, ForecastConfig, StrategyConfig
from lstmstrat.errors import sentence
from lstmstrat.forecasting.session import Progress
from lstmstrat.prices import Prices
from lstmstrat.store import Store, default_path
from lstmstrat.study import fingerprint


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


def known_audits(config: Config, prices: Prices, store: Store) -> dict[str, AuditRecord]:
    """The record of the last audit of each strategy, from `store` or the user's store, where there is one."""
    records = {s.label: _recorded(of_strategy(config, s), prices, store) for s in config.strategies}
    return {name: record for name, record in records.items() if record is not None}


def keep_audit(config: Config, prices: Prices, store: Store, record: AuditRecord) -> None:
    """Store the record of an audit of the only strategy of `config`, for later runs of the same."""
    store.record(_key(config, prices), asdict(record))


def audit_now(config: Config, prices: Prices, store: Store, progress: Progress) -> AuditRecord:
    """Audit the only strategy of `config`, with the forecast that it trades, and keep the record.

    An audit that ends with an error is one that could not say anything.
    """
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    try:
        result = suite.audit_config(config, prices, progress)
    except Exception as error:
        return AuditRecord(3, f"Not assessable. The audit ended with {sentence(error)}", today)
    record = AuditRecord(result.exit_code, result.sentence, today)
    keep_audit(config, prices, store, record)
    return record


def of_strategy(config: Config, strategy: StrategyConfig) -> Config:
    """The config with this strategy alone."""
    return config.model_copy(update={"strategies": (strategy,)})


def _recorded(config: Config, prices: Prices, store: Store) -> AuditRecord | None:
    key, user_path = _key(config, prices), default_path()
    record = store.recorded(key)
    if record is None and user_path.exists() and store.path != user_path:
        user_store = Store(user_path)
        record = user_store.recorded(key)
        user_store.close()
    return AuditRecord(**record) if record else None


def _key(config: Config, prices: Prices) -> str:
    """The key of an audit: the same for configs that differ only in settings of `NO_LEAK`."""
    defaults = ForecastConfig()
    forecast = config.forecast.model_copy(update={name: getattr(defaults, name) for name in NO_LEAK})
    return fingerprint.of_audit(config.model_copy(update={"forecast": forecast}), prices)
