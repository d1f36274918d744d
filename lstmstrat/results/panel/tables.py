"""The tables of a run over a universe, as they are written to its files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.evaluation.ranks import rank_ic
from lstmstrat.prices.bars import CLOSE
from lstmstrat.results import tables
from lstmstrat.results.account import ORDERS, TIME, TRADES
from lstmstrat.results.panel.run import PanelRun

FORECASTS: dict[str, Any] = {
    "date": TIME,
    "asset": object,
    "forecast": float,  # a log return over the horizon, or under a relation a score
    "spread": float,
    "distance": float,
    "realised": float,  # log return over the horizon; NaN where it is not known yet
    "fold": int,
}
FOLDS: dict[str, Any] = {
    "number": int,
    "pool": object,  # the group or the asset that it learned from; empty for all
    "first_forecast": TIME,
    "last_forecast": TIME,
    "cutoff": TIME,
    "samples": int,
    "status": object,
    "first_loss": float,
    "train_loss": float,
    "rank_ic": float,  # mean over the sessions of the fold, of all assets
}
ASSET_ORDERS: dict[str, Any] = {"asset": object, **ORDERS, "reason": object}
ASSET_TRADES: dict[str, Any] = {"asset": object, **TRADES}


def forecasts(run: PanelRun) -> pd.DataFrame:
    """A row for each session and member of the traded window that has a forecast."""
    window, found = run.window, run.forecasts
    session, asset = np.nonzero(np.isfinite(found.forecast[window]))
    columns = {
        "date": run.panel.times[window][session],
        "asset": np.array(run.panel.symbols, dtype=object)[asset],
        "forecast": found.forecast[window][session, asset],
        "spread": found.spread[window][session, asset],
        "distance": found.distance[window][session, asset],
        "realised": run.realised[window][session, asset],
        "fold": found.fold[window][session],
    }
    return pd.DataFrame(columns).astype(FORECASTS)


def folds(run: PanelRun) -> pd.DataFrame:
    """A row for each fold of each pool: its dates, its training, and the rank IC of the fold."""
    found, times = run.forecasts, run.panel.times
    ends = [*(fold.fitted_at for fold in found.folds[1:]), len(times)]
    ic = rank_ic(np.where(run.panel.members, found.forecast, np.nan), run.realised)
    rows = [
        {
            "number": fold.number,
            "pool": pool,
            "first_forecast": times[fold.fitted_at],
            "last_forecast": times[end - 1],
            "cutoff": times[fold.cutoff],
            "samples": record.samples,
            "status": record.status,
            "first_loss": record.first_loss,
            "train_loss": record.train_loss,
            "rank_ic": _mean(ic[fold.fitted_at : end]),
        }
        for pool, records in found.records.items()
        for fold, end, record in zip(found.folds, ends, records, strict=True)
        if record is not None
    ]
    return (
        pd.DataFrame(rows, columns=list(FOLDS))
        .astype(FOLDS)
        .sort_values("number", ignore_index=True, kind="stable")
    )


def orders(run: PanelRun) -> pd.DataFrame:
    """Every order of the portfolio; those of the hold, which trades each member each session, would be 40 MB."""
    return tables.stacked({account.name: account.orders for account in run.strategies})


def trades(run: PanelRun) -> pd.DataFrame:
    """Every round trip of the portfolio."""
    return tables.stacked({account.name: account.trades for account in run.strategies})


def prices(run: PanelRun) -> pd.DataFrame:
    """The close of each asset at each session of the traded window; NaN where it has none."""
    index = run.dates.as_unit("ns").rename("date")
    return pd.DataFrame(run.panel.bars[run.window, :, CLOSE], index=index, columns=list(run.panel.symbols))


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
