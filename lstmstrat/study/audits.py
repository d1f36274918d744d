"""The record of the last look-ahead audit of a config."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lstmstrat.audit.small import NO_LEAK
from lstmstrat.config.schema import Config, ForecastConfig
from lstmstrat.prices import Prices
from lstmstrat.store import Store, default_path
from lstmstrat.study import fingerprint


@dataclass(frozen=True)
class AuditRecord:
    """The outcome of the last audit of a config."""

    exit_code: int  # 0 for nothing found, 1 for a leak, 3 for not assessable
    sentence: str
    date: str  # UTC


def audit_record(config: Config, prices: Prices, store: Store) -> AuditRecord | None:
    """The record of the last audit of this config, from `store` or the user's store; None if there is none."""
    key, user_path = _key(config, prices), default_path()
    record = store.recorded(key)
    if record is None and user_path.exists() and store.path != user_path:
        user_store = Store(user_path)
        record = user_store.recorded(key)
        user_store.close()
    return AuditRecord(**record) if record else None


def keep_audit(config: Config, prices: Prices, store: Store, record: AuditRecord) -> None:
    """Store the record of an audit, for the reports of runs with the same strategies, settings and prices."""
    store.record(_key(config, prices), asdict(record))


def _key(config: Config, prices: Prices) -> str:
    """The key of an audit: the same for configs that differ only in settings of `NO_LEAK`."""
    defaults = ForecastConfig()
    forecast = config.forecast.model_copy(update={name: getattr(defaults, name) for name in NO_LEAK})
    return fingerprint.of_audit(config.model_copy(update={"forecast": forecast}), prices)
