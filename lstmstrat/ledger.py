"""The ledger of trials: every strategy that was ever tried on an asset, for the best of many is often luck.

A trial is one strategy with one set of parameters, settings of the forecast, costs and dates, as a hash of all of
them and of the sources that are the user's own (identity.py). Each run enters its own in the store, and counts
those of all runs whose traded window overlaps its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstmstrat import identity
from lstmstrat.config import Config
from lstmstrat.metrics import returns, sharpe
from lstmstrat.store import Store

if TYPE_CHECKING:
    from lstmstrat.engine import Simulation


@dataclass(frozen=True)
class Trial:
    """A strategy as it was tried, and how it did over its traded window."""

    symbol: str  # upper case
    entered: str  # UTC
    strategy: str  # name in the run
    class_path: str
    params: dict[str, Any]
    first: str  # dates of the traded window, ISO
    last: str
    bars: int
    sharpe: float | None  # a bar, not a year

    def overlaps(self, first: str, last: str) -> bool:
        """Whether the traded window shares a day with that from `first` to `last`."""
        return self.first <= last and first <= self.last


@dataclass(frozen=True)
class Tried:
    """The trials on the data of a run, its own among them."""

    count: int
    variance: float | None  # of their Sharpe ratios a bar (divisor n - 1); None with fewer than two
    kept: bool  # False: the ledger is that of this run alone, for its store is


def enter(store: Store, config: Config, runs: Sequence[Simulation]) -> Tried:
    """Enters the strategies of a run, and counts the trials on its asset whose windows overlap its own."""
    records = {
        identity.of_trial(config, run.class_path, run.params): json.dumps(_record(run), sort_keys=True)
        for run in runs
    }
    store.enter(_symbol(config.data.symbol), records)
    window = _record(runs[0])
    found = [t for t in listed(store, config.data.symbol) if t.overlaps(window["first"], window["last"])]
    ratios = [t.sharpe for t in found if t.sharpe is not None]
    variance = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else None
    return Tried(len(found), variance, store.path is not None)


def listed(store: Store, symbol: str | None = None) -> list[Trial]:
    """The trials on an asset, or on all, the oldest first."""
    rows = store.entered(None if symbol is None else _symbol(symbol))
    return [Trial(symbol=of, entered=entered, **json.loads(record)) for of, entered, record in rows]


def _symbol(symbol: str) -> str:
    return symbol.upper()


def _record(run: Simulation) -> dict[str, Any]:
    """The fields of a `Trial` that the store does not keep beside it."""
    return {
        "strategy": run.name,
        "class_path": run.class_path,
        "params": run.params,
        "first": str(run.equity.index[0].date()),
        "last": str(run.equity.index[-1].date()),
        "bars": len(run.equity),
        "sharpe": sharpe(returns(run.equity), 1),
    }
