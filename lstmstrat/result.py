"""What a run found: the values that the report is written from, and the summary that holds every number of it."""

from __future__ import annotations

import dataclasses
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat import __version__
from lstmstrat.checks import run_checks
from lstmstrat.config import Config
from lstmstrat.engine import Simulation
from lstmstrat.features import CLOSE, Floats, targets
from lstmstrat.folds import Fold
from lstmstrat.forecast import WARM_UP, FittedFold, WalkForward
from lstmstrat.inference import (
    RULE,
    UNDECIDED,
    Verdict,
    deflated_sharpe,
    forecast_skill,
    probabilistic_sharpe,
    skill_tests,
    verdicts,
)
from lstmstrat.ledger import Tried
from lstmstrat.metrics import Performance, performance, periods_per_year, returns
from lstmstrat.prices import Prices
from lstmstrat.trainer import Trainer

SCHEMA = 1
PACKAGES = ("lstmstrat", "backtrader", "numba", "torch", "numpy", "pandas")
COMPARED = ("total_return", "cagr", "sharpe", "max_drawdown")


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
    config: Config,
    prices: Prices,
    walk: WalkForward,
    trainer: Trainer,
    benchmark: Simulation,
    strategies: Sequence[Simulation],
    tried: Tried,
) -> Result:
    """The result of simulations over the same traded window; `walk` is the walk-forward they traded on."""
    runs = [benchmark, *strategies]
    realised = targets(prices.bars, walk.config)  # (n,)
    forecasts = forecast_frame(walk, prices)
    return Result(
        config=config,
        summary=_summary(config, prices, walk, trainer, benchmark, strategies, realised, tried),
        equity=pd.DataFrame({run.name: run.equity for run in runs}),
        exposure=pd.DataFrame({run.name: run.exposure for run in runs}),
        forecasts=forecasts.loc[benchmark.equity.index[0] :],
        folds=_fold_frame(walk, prices, realised),
        orders=_stacked(runs, "orders"),
        trades=_stacked(runs, "trades"),
        closes=prices.frame["close"].loc[benchmark.equity.index[0] :],
    )


def forecast_frame(walk: WalkForward, prices: Prices) -> pd.DataFrame:
    """Forecast, spread, distance, fold and cutoff of every bar; with ``target: close`` also the `price` forecast.

    The cutoff is the date of the newest bar whose label the fold was trained on; without a fold there is none.
    """
    index = prices.frame.index
    given = walk.forecasts
    cutoffs = {f.fold.number: index[f.fold.cutoff] for f in walk.folds}
    frame = pd.DataFrame(
        {
            "forecast": _padded(given.forecast, len(index)),
            "spread": _padded(given.spread, len(index)),
            "distance": _padded(given.distance, len(index)),
            "fold": np.pad(given.fold, (0, len(index) - len(given.fold))),
        },
        index=index,
    )
    frame["cutoff"] = pd.to_datetime(frame["fold"].map(cutoffs))
    if walk.config.target == "close":
        frame["price"] = prices.bars[:, CLOSE] * np.exp(frame["forecast"])
    return frame


def _padded(values: Floats, length: int) -> Floats:
    """`values` with NaN behind: a run whose strategies ask for no forecast hands no bars over."""
    return np.pad(values, (0, length - len(values)), constant_values=np.nan)


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


def _fold_frame(walk: WalkForward, prices: Prices, realised: Floats) -> pd.DataFrame:
    index = prices.frame.index
    frame = fold_rows([(f.fold, f.samples) for f in walk.folds], index)
    ends = [f.fold.fitted_at for f in walk.folds[1:]] + [len(index)]
    skills = [
        forecast_skill(walk.forecasts.forecast[f.fold.fitted_at : end], realised[f.fold.fitted_at : end])
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


def _summary(
    config: Config,
    prices: Prices,
    walk: WalkForward,
    trainer: Trainer,
    benchmark: Simulation,
    strategies: Sequence[Simulation],
    realised: Floats,
    tried: Tried,
) -> dict[str, Any]:
    periods = config.report.periods_per_year or periods_per_year(pd.DatetimeIndex(prices.frame.index))
    of = {run.name: _performance(run, periods) for run in [benchmark, *strategies]}
    judged = verdicts(
        pd.DataFrame({run.name: returns(run.equity) for run in strategies}), returns(benchmark.equity), periods
    )
    checks = run_checks(config, prices, walk, benchmark, strategies)
    window = benchmark.equity.index
    return {
        "schema": SCHEMA,
        "name": config.name,
        "data": _data(prices, [*prices.notices, *_notices(config, walk), *trainer.store.notices]),
        "walk_forward": _walk_forward(walk, trainer, prices),
        "period": {
            "first": _date(window[0]),
            "last": _date(window[-1]),
            "bars": len(window),
            "periods_per_year": periods,
        },
        "benchmark": dataclasses.asdict(of[benchmark.name]),
        "strategies": [
            _strategy(run, of[run.name], _versus(of[run.name], of[benchmark.name], judged[run.name]), tried)
            for run in strategies
        ],
        "forecast_skill": _skill(walk, realised),
        "verdict": {
            "rule": RULE,
            "text": _headline(judged),
            "by_strategy": {name: verdict.text for name, verdict in judged.items()},
        },
        "trials": dataclasses.asdict(tried),
        "checks": [dataclasses.asdict(check) for check in checks],
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def _version(package: str) -> str:
    return __version__ if package == "lstmstrat" else version(package)


def _performance(run: Simulation, periods: int) -> Performance:
    return performance(run.equity, run.exposure, run.orders, run.trades, run.traded_value, periods)


def _data(prices: Prices, notices: list[str]) -> dict[str, Any]:
    index = prices.frame.index
    return {
        "symbol": prices.symbol,
        "source": prices.source,
        "first": _date(index[0]),
        "last": _date(index[-1]),
        "bars": len(index),
        "sha256": prices.sha256,
        "notices": notices,
    }


def _notices(config: Config, walk: WalkForward) -> list[str]:
    """Whose forecasts these are, and why bars after the first fold have none; the warm-up is never traded."""
    own = ["forecasts, folds and skill are those of a strategy's own LSTMForecast, not of the forecast: section"]
    after = sorted((walk.missing - Counter({WARM_UP: walk.missing[WARM_UP]})).items())
    why = [f"no forecast on {count} bars: {reason}" for reason, count in after]
    warm = [
        "warm_start: a fold began with the weights of the one before, so all forecasts depend on the first fold"
    ]
    said = warm if walk.config.warm_start else []
    return said + (why if walk.config == config.forecast else own + why)


def _walk_forward(walk: WalkForward, trainer: Trainer, prices: Prices) -> dict[str, Any]:
    forecast = walk.config
    return {
        "folds": len(walk.folds),
        "members": forecast.members,
        "train_size": forecast.train_size,
        "refit_every": forecast.refit_every,
        "lookback": forecast.lookback,
        "horizon": forecast.horizon,
        "purge": forecast.purge,
        "first_forecast": _date(prices.frame.index[walk.folds[0].fold.fitted_at]) if walk.folds else None,
        "fitted": trainer.fitted,
        "cached": trainer.cached,
        "failed": trainer.failed,
        "fit_seconds": trainer.seconds,
    }


def _versus(strategy: Performance, benchmark: Performance, verdict: Verdict) -> dict[str, Any]:
    return {
        **{name: _minus(getattr(strategy, name), getattr(benchmark, name)) for name in COMPARED},
        "sharpe_low": verdict.low,
        "sharpe_high": verdict.high,
        "p_value": verdict.p_value,
        "p_adjusted": verdict.p_adjusted,
        "detectable": verdict.detectable,
        "verdict": verdict.text,
    }


def _strategy(run: Simulation, metrics: Performance, versus: dict[str, Any], tried: Tried) -> dict[str, Any]:
    return {
        "name": run.name,
        "class": run.class_path,
        "params": run.params,
        "metrics": dataclasses.asdict(metrics),
        "versus_benchmark": versus,
        "luck": _luck(run, tried),
    }


def _skill(walk: WalkForward, realised: Floats) -> dict[str, float | None]:
    given = walk.forecasts.forecast
    known = realised[: len(given)]
    tests = skill_tests(given, known, walk.config.horizon)
    return {**dataclasses.asdict(forecast_skill(given, known)), **dataclasses.asdict(tests)}


def _luck(run: Simulation, tried: Tried) -> dict[str, float | None]:
    """The chance that the Sharpe ratio is above 0, and above what the best of all trials would have by luck."""
    earned: Floats = np.asarray(returns(run.equity), dtype=np.float64)
    return {
        "probabilistic_sharpe": probabilistic_sharpe(earned),
        "deflated_sharpe": deflated_sharpe(earned, tried.count, tried.variance),
    }


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _headline(judged: dict[str, Verdict]) -> str:
    """One sentence over all strategies; the rule stands beside it."""
    by_text: dict[str, list[str]] = {}
    for name, verdict in judged.items():
        by_text.setdefault(verdict.text, []).append(name)
    if list(by_text) == [UNDECIDED]:
        none = f"None of the {len(judged)} strategies is {UNDECIDED.removeprefix('not ')}."
        return none if len(judged) > 1 else f"The strategy is {UNDECIDED}."
    return " ".join(f"{text[0].upper()}{text[1:]}: {', '.join(names)}." for text, names in by_text.items())


def _date(time: Any) -> str:
    stamp = pd.Timestamp(time)
    return str(stamp.date()) if stamp == stamp.normalize() else stamp.isoformat()
