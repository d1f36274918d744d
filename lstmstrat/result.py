"""What a run found: the values that the report is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.checks import run_checks
from lstmstrat.config import Config
from lstmstrat.engine import Simulation
from lstmstrat.evidence import judge
from lstmstrat.features import CLOSE
from lstmstrat.folds import Fold
from lstmstrat.forecast import FittedFold
from lstmstrat.inference.skill import forecast_skill
from lstmstrat.ledger import Tried
from lstmstrat.on_request import OnRequest
from lstmstrat.pipeline import Runs
from lstmstrat.summary import summarise
from lstmstrat.trainer import Trainer


@dataclass(frozen=True)
class Result:
    """A finished run; every frame is in the units of the file it becomes.

    `equity` and `exposure` have one row a close of the traded window and one column a strategy, buy_and_hold
    first; `forecasts` has the same rows; `folds` has one row a fold, with its training loss and its correlation
    of forecast and realised return.
    """

    config: Config
    summary: dict[str, Any]
    equity: pd.DataFrame
    exposure: pd.DataFrame
    forecasts: pd.DataFrame
    folds: pd.DataFrame
    orders: pd.DataFrame
    trades: pd.DataFrame
    closes: pd.Series[float]


def collect(
    runs: Runs, trainer: Trainer, tried: Tried, asked: OnRequest, audited: Mapping[str, Any] | None
) -> Result:
    """The result of simulations; `audited` is the record of the config's look-ahead audit."""
    every, first = [runs.benchmark, *runs.strategies], runs.benchmark.equity.index[0]
    checks, folds = run_checks(runs, audited), _fold_frame(runs)
    judgement = judge(runs, trainer.store, tried, checks, asked)
    return Result(
        config=runs.config,
        summary=summarise(runs, trainer, tried, checks, judgement, asked, folds),
        equity=pd.DataFrame({run.name: run.equity for run in every}),
        exposure=pd.DataFrame({run.name: run.exposure for run in every}),
        forecasts=forecast_frame(runs).loc[first:],
        folds=folds,
        orders=_stacked(every, "orders"),
        trades=_stacked(every, "trades"),
        closes=runs.prices.frame["close"].loc[first:],
    )


def forecast_frame(runs: Runs) -> pd.DataFrame:
    """Forecast, spread, distance, fold and cutoff of every bar; with ``target: close`` also the `price` forecast.

    The cutoff is the date of the newest bar whose label the fold was trained on; without a fold there is none.
    """
    given, prices = runs.walk.forecasts, runs.prices
    cutoffs = {f.fold.number: runs.seen[f.fold.cutoff] for f in runs.walk.folds}
    lines = {"forecast": given.forecast, "spread": given.spread, "distance": given.distance}
    frame = pd.DataFrame(
        {name: runs.on_bars(line, np.nan) for name, line in lines.items()} | {"fold": runs.on_bars(given.fold, 0)},
        index=prices.frame.index,
    )
    frame["cutoff"] = pd.to_datetime(frame["fold"].map(cutoffs))
    if runs.walk.config.target == "close":
        frame["price"] = prices.bars[:, CLOSE] * np.exp(frame["forecast"])
    return frame


def fold_rows(folds: Sequence[tuple[Fold, int]], index: pd.Index) -> pd.DataFrame:
    """Number, first forecast, cutoff and samples of folds, as printed before the training."""
    return pd.DataFrame(
        {
            "number": [fold.number for fold, _ in folds],
            "first_forecast": [index[fold.fitted_at] for fold, _ in folds],
            "cutoff": [index[fold.cutoff] for fold, _ in folds],
            "samples": [samples for _, samples in folds],
        }
    )


def _fold_frame(runs: Runs) -> pd.DataFrame:
    walk, index = runs.walk, runs.seen
    frame = fold_rows([(f.fold, f.samples) for f in walk.folds], index)
    ends = [f.fold.fitted_at for f in walk.folds[1:]] + [len(index)]
    realised = runs.realised[runs.unseen :]
    skills = [
        forecast_skill(
            walk.forecasts.forecast[f.fold.fitted_at : end],
            realised[f.fold.fitted_at : end],
            np.full(end - f.fold.fitted_at, f.mean),
        )
        for f, end in zip(walk.folds, ends, strict=False)
    ]
    frame["last_forecast"] = [index[end - 1] for end in ends[: len(frame)]]
    frame["status"] = ["fitted" if f.members else "failed" for f in walk.folds]
    frame["first_loss"] = [_mean_loss(f, 0) for f in walk.folds]
    frame["train_loss"] = [_mean_loss(f, -1) for f in walk.folds]
    frame["correlation"] = [np.nan if s.correlation is None else s.correlation for s in skills]
    frame["observations"] = [s.observations for s in skills]
    return frame


def _mean_loss(fitted: FittedFold, epoch: int) -> float:
    losses = [member.train_loss[epoch] for member in fitted.members]
    return float(np.mean(losses)) if losses else float("nan")


def _stacked(runs: Sequence[Simulation], table: str) -> pd.DataFrame:
    frames: list[pd.DataFrame] = []
    for run in runs:
        frame = getattr(run, table).copy()
        frame.insert(0, "strategy", run.name)
        frames.append(frame)
    kept = [frame for frame in frames if len(frame)] or frames[:1]  # pandas warns of empty ones
    return pd.concat(kept, ignore_index=True)
