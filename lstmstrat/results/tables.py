"""The tables of a run, as they are written to its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.evaluation.skill import forecast_skill
from lstmstrat.forecasting.learned import LINES
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.prices.bars import CLOSE
from lstmstrat.results.account import TIME
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.run import Run

FOLDS: dict[str, Any] = {
    "number": int,
    "first_forecast": TIME,
    "last_forecast": TIME,
    "cutoff": TIME,
    "samples": int,
    "status": object,
    "first_loss": float,
    "train_loss": float,
    "network_weight": float,  # NaN without calibration, see calibration.py
    "linear_weight": float,
    "correlation": float,
    "observations": int,
}


def forecast_types(levels: Sequence[float]) -> dict[str, Any]:
    """The columns of `forecasts` and their types, with quantiles at these levels."""
    return {
        **dict.fromkeys(LINES, float),
        **dict.fromkeys((f"quantile_{level}" for level in levels), float),
        "linear": float,  # NaN without calibration
        "realised": float,  # the return that was forecast; NaN where it is not known yet
        "fold": int,
        "cutoff": TIME,
        "price": float,  # with ``target: close`` only
    }


def equity(run: BaseRun) -> pd.DataFrame:
    """Account value at each close of the traded window, one column per account."""
    return _by_date(run, {account.name: account.equity for account in run.accounts})


def exposure(run: BaseRun) -> pd.DataFrame:
    """Position value / account value at each close of the traded window, one column per account."""
    return _by_date(run, {account.name: account.exposure for account in run.accounts})


def prices(run: Run) -> pd.DataFrame:
    """The bars of the traded window: open, high, low, close, volume."""
    return _by_date(run, run.prices.frame[run.window].to_dict("series"))


def forecasts(run: Run) -> pd.DataFrame:
    """The lines of `LSTMForecast` at each traded bar, its quantiles, what came, and the fold that they come from.

    `linear` is what the calibrated linear part alone would have forecast. The cutoff is the date of the newest bar
    whose label is in the training set of the fold; without a fold there is none. With ``target: close``, `price`
    is the forecast of the close.
    """
    traded, offset = run.traded, run.before(run.forecasts)
    cutoffs = {f.fold.number: run.prices.frame.index[offset + f.fold.cutoff] for f in run.forecasts.folds}
    lines = traded._asdict()
    levels = run.forecasts.config.quantiles
    lines |= {f"quantile_{q}": line for q, line in zip(levels, traded.quantiles.T, strict=True)}
    columns = [name for name in forecast_types(levels) if name in lines]
    frame = _by_date(run, {name: lines[name] for name in columns})
    frame["cutoff"] = pd.to_datetime(frame["fold"].map(cutoffs))
    if run.forecasts.config.target == "close":
        frame["price"] = run.prices.bars[run.window, CLOSE] * np.exp(frame["forecast"])
    return frame.astype({"cutoff": TIME})


def fold_dates(folds: Sequence[tuple[Fold, int]], index: pd.Index) -> pd.DataFrame:
    """Number, date of the first forecast, cutoff and samples of folds, as printed before the training."""
    return pd.DataFrame(
        {
            "number": [fold.number for fold, _ in folds],
            "first_forecast": [index[fold.fitted_at] for fold, _ in folds],
            "cutoff": [index[fold.cutoff] for fold, _ in folds],
            "samples": [samples for _, samples in folds],
        }
    )


def folds(run: Run) -> pd.DataFrame:
    """One row per fold: its dates, its training, and the correlation of forecasts and realised returns."""
    records, offset = run.forecasts.folds, run.before(run.forecasts)
    index = run.prices.frame.index[offset:]
    frame = fold_dates([(record.fold, record.samples) for record in records], index)
    ends = [record.fold.fitted_at for record in records[1:]] + [len(index)]
    ends = ends[: len(records)]
    parts = [
        run.aligned.cut(slice(offset + record.fold.fitted_at, offset + end))
        for record, end in zip(records, ends, strict=True)
    ]
    skills = [forecast_skill(part.forecast, part.realised, part.past_mean) for part in parts]
    frame["last_forecast"] = [index[end - 1] for end in ends]
    frame["status"] = [record.status for record in records]
    frame["first_loss"] = [record.first_loss for record in records]
    frame["train_loss"] = [record.train_loss for record in records]
    weights = [record.weights or (np.nan, np.nan) for record in records]
    frame["network_weight"], frame["linear_weight"] = np.array(weights).reshape(-1, 2).T
    frame["correlation"] = [np.nan if s.correlation is None else s.correlation for s in skills]
    frame["observations"] = [s.observations for s in skills]
    return frame.astype(FOLDS)


def orders(run: BaseRun) -> pd.DataFrame:
    """Every order, with the name of its strategy."""
    return stacked({account.name: account.orders for account in run.accounts})


def trades(run: BaseRun) -> pd.DataFrame:
    """Every round trip, with the name of its strategy."""
    return stacked({account.name: account.trades for account in run.accounts})


def _by_date(run: BaseRun, columns: Mapping[Any, Any]) -> pd.DataFrame:
    """One row per close of the traded window."""
    values = {name: np.asarray(column) for name, column in columns.items()}
    return pd.DataFrame(values, index=run.dates.as_unit("ns").rename("date"))


def stacked(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of several accounts, with the name of each in the first column."""
    parts = []
    for name, frame in frames.items():
        copy = frame.copy()
        copy.insert(0, "strategy", name)
        parts.append(copy)
    non_empty = [part for part in parts if len(part)] or parts[:1]  # pandas warns about empty frames
    return pd.concat(non_empty, ignore_index=True).astype({"strategy": object})
