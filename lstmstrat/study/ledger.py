"""The ledger of trials: every strategy that was ever run on an asset. The best of many trials is often luck.

A trial is one strategy with one set of parameters, settings of the forecast, costs and dates
(`fingerprint.of_trial`). Each run enters its trials into the store, and counts the trials of all runs whose traded
window overlaps its own.
"""

from __future__ import annotations

import json
from statistics import variance
from typing import Any

from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import Trials
from lstmstrat.results.run import Run
from lstmstrat.results.trial import Trial
from lstmstrat.store import Store
from lstmstrat.study import fingerprint


def enter_trials(store: Store, run: Run) -> Trials:
    """Enter the strategies of a run, and count the trials on its asset whose windows overlap its own."""
    records = {
        fingerprint.of_trial(run.config, account.class_path, account.params): json.dumps(
            _record(account), sort_keys=True
        )
        for account in run.strategies
    }
    symbol, window = run.config.data.symbol, _record(run.strategies[0])
    store.enter(_symbol(symbol), records)
    trials = [t for t in read_trials(store, symbol) if t.overlaps(window["first"], window["last"])]
    ratios = [t.sharpe for t in trials if t.sharpe is not None]
    spread = variance(ratios) if len(ratios) > 1 else None  # exact, so the order of the trials does not matter
    return Trials(len(trials), spread, store.path is not None)


def read_trials(store: Store, symbol: str | None = None) -> list[Trial]:
    """The trials on an asset, or on all, the oldest first."""
    rows = store.entered(None if symbol is None else _symbol(symbol))
    return [Trial(symbol=asset, entered=time, **json.loads(record)) for asset, time, record in rows]


def _symbol(symbol: str) -> str:
    return symbol.upper()


def _record(account: Account) -> dict[str, Any]:
    """The fields of a `Trial` except symbol and time, which the store keeps in columns of their own."""
    return {
        "strategy": account.name,
        "class_path": account.class_path,
        "params": account.params,
        "first": str(account.equity.index[0].date()),
        "last": str(account.equity.index[-1].date()),
        "bars": len(account.equity),
        "sharpe": sharpe(account.returns, 1),
    }
