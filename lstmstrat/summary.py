"""summary.json: every number of a run, by the names of the contract. Undefined is null."""

from __future__ import annotations

import dataclasses
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat import __version__
from lstmstrat.checks import NOT_RUN, RAN, Check
from lstmstrat.config import Config
from lstmstrat.engine import Simulation
from lstmstrat.evidence import Judged, Judgement
from lstmstrat.forecast import WARM_UP, WalkForward
from lstmstrat.inference.timing import BAND, SHUFFLES
from lstmstrat.inference.verdict import RULE, headline
from lstmstrat.ladder import Rung
from lstmstrat.ledger import Tried
from lstmstrat.metrics import Performance, performance
from lstmstrat.on_request import OnRequest
from lstmstrat.pipeline import Runs
from lstmstrat.prices import Prices
from lstmstrat.trainer import Trainer

SCHEMA = 2
PACKAGES = ("lstmstrat", "backtrader", "numba", "torch", "numpy", "pandas")


def summarise(
    runs: Runs,
    trainer: Trainer,
    tried: Tried,
    checks: Sequence[Check],
    judgement: Judgement,
    asked: OnRequest,
    folds: pd.DataFrame,
) -> dict[str, Any]:
    """The summary; `folds` has a row a fold with its correlation and observations."""
    config, prices, walk = runs.config, runs.prices, runs.walk
    of = {run.name: _performance(run, runs.periods) for run in [runs.benchmark, *runs.strategies]}
    benchmark = of[runs.benchmark.name]
    judged = judgement.by_strategy
    return {
        "schema": SCHEMA,
        "name": config.name,
        "data": _data(prices, [*prices.notices, *_notices(config, walk), *trainer.store.notices]),
        "costs": config.broker.model_dump(mode="json"),
        "walk_forward": _walk_forward(runs, trainer),
        "period": _period(runs),
        "benchmark": dataclasses.asdict(benchmark),
        "strategies": [_strategy(run, of[run.name], benchmark, judged[run.name]) for run in runs.strategies],
        "forecast_skill": _skill(judgement, folds),
        "ladder": _ladder(asked),
        "verdict": {
            "rule": RULE,
            "text": headline({name: one.verdict.text for name, one in judged.items()}),
            "by_strategy": {name: one.verdict.text for name, one in judged.items()},
            "superior_predictive_ability": judgement.best,
        },
        "trials": dataclasses.asdict(tried),
        "checks": [dataclasses.asdict(check) for check in (*checks, *_on_request(asked))],
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def _on_request(asked: OnRequest) -> list[Check]:
    """What was run because it was asked for, and how to ask for the rest."""
    seeds = {name: s.differences for name, s in asked.seeds.items()}
    worlds = {name: w.differences for name, w in asked.worlds.items()}
    ran = {
        "seeds": (_replicas(seeds, "seeds"), "--seeds 20"),
        "null worlds": (_replicas(worlds, "histories with nothing to forecast"), "--worlds 40"),
        "ladder": ("cheaper models and rarer refits" if asked.ladder else "", "--ladder"),
    }
    return [
        Check(name, RAN, detail)
        if detail
        else Check(name, NOT_RUN, asked.not_run.get(name, f"to run it: add {option}"))
        for name, (detail, option) in ran.items()
    ]


def _replicas(differences: dict[str, tuple[float | None, ...]], what: str) -> str:
    """How many there were, and in how many of them a strategy lost its account; "" without any."""
    lost = {name: found.count(None) for name, found in differences.items() if None in found}
    said = "".join(f"; {name} lost its account in {count}" for name, count in lost.items())
    return next((f"{len(found)} {what}{said}" for found in differences.values()), "")


def _version(package: str) -> str:
    return __version__ if package == "lstmstrat" else version(package)


def _performance(run: Simulation, periods: int) -> Performance:
    return performance(run.equity, run.exposure, run.orders, run.trades, float(run.traded.sum()), periods)


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


def _period(runs: Runs) -> dict[str, Any]:
    window = runs.benchmark.equity.index
    return {
        "first": _date(window[0]),
        "last": _date(window[-1]),
        "bars": len(window),
        "periods_per_year": runs.periods,
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


def _walk_forward(runs: Runs, trainer: Trainer) -> dict[str, Any]:
    walk, forecast = runs.walk, runs.walk.config
    return {
        "model": forecast.model,
        "folds": len(walk.folds),
        "members": forecast.members,
        "train_size": forecast.train_size,
        "refit_every": forecast.refit_every,
        "lookback": forecast.lookback,
        "horizon": forecast.horizon,
        "purge": forecast.purge,
        "seed": forecast.seed,
        "first_forecast": _date(runs.seen[walk.folds[0].fold.fitted_at]) if walk.folds else None,
        "fitted": trainer.fitted,
        "cached": trainer.cached,
        "failed": trainer.failed,
        "fit_seconds": trainer.seconds,
    }


def _strategy(run: Simulation, metrics: Performance, benchmark: Performance, judged: Judged) -> dict[str, Any]:
    return {
        "name": run.name,
        "class": run.class_path,
        "params": run.params,
        "metrics": dataclasses.asdict(metrics),
        "versus_benchmark": _versus(metrics, benchmark, judged),
        "luck": _luck(judged),
    }


def _versus(strategy: Performance, benchmark: Performance, judged: Judged) -> dict[str, Any]:
    """Differences as point estimates of the whole period, with their intervals where there are any."""
    found: dict[str, Any] = {
        "total_return": strategy.total_return - benchmark.total_return,
        "cagr": _minus(strategy.cagr, benchmark.cagr),
        "sharpe": _minus(strategy.sharpe, benchmark.sharpe),
        "max_drawdown": strategy.max_drawdown - benchmark.max_drawdown,
    }
    intervals = {"sharpe": judged.evidence.sharpe, "cagr": judged.cagr, "max_drawdown": judged.max_drawdown}
    for name, interval in intervals.items():
        found |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    return found | {
        "p_value": judged.evidence.sharpe.p_value,
        "p_adjusted": judged.evidence.p_adjusted,
        "detectable": judged.detectable,
        "best_fold_share": judged.best_fold_share,
        "best_days_share": judged.best_days_share,
        "break_even_cost": judged.break_even_cost,
        "delay_cost": judged.delay_cost,
        "verdict": judged.verdict.text,
        "missing": list(judged.verdict.missing),
    }


def _luck(judged: Judged) -> dict[str, Any]:
    seeds, worlds = judged.seeds, judged.worlds
    return {
        "probabilistic_sharpe": judged.probabilistic_sharpe,
        "deflated_sharpe": judged.evidence.deflated_sharpe,
        "deflated_lead": judged.evidence.deflated_lead,
        "exposure_matched": dataclasses.asdict(judged.exposure_matched),
        "placebo": {**dataclasses.asdict(judged.evidence.placebo), "shuffles": SHUFFLES, "band": BAND},
        "seeds": seeds and {"above": seeds.above, **_spread(seeds.differences)},
        "worlds": worlds and {"p_value": worlds.p_value, **_spread(worlds.differences)},
    }


def _spread(differences: Sequence[float | None]) -> dict[str, Any]:
    """Worst and median are null where the account was lost, which is the worst that can be."""
    ordered = sorted(differences, key=lambda d: -np.inf if d is None else d)
    middle = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    known = [d for d in middle if d is not None]
    return {
        "worst": ordered[0],
        "median": sum(known) / 2 if len(known) == 2 else None,
        "differences": list(differences),
    }


def _skill(judgement: Judgement, folds: pd.DataFrame) -> dict[str, Any]:
    """Of the forecasts at the closes of the traded window, and how it is spread over the folds."""
    known = folds["correlation"].dropna()
    return {
        **dataclasses.asdict(judgement.skill),
        **dataclasses.asdict(judgement.tests),
        "folds": {
            "known": len(known),
            "median_correlation": float(known.median()) if len(known) else None,
            "above_zero": float((known > 0.0).mean()) if len(known) else None,
        },
    }


def _ladder(asked: OnRequest) -> dict[str, Any] | None:
    found = asked.ladder
    if found is None:
        return None
    return {
        "strategy": found.strategy,
        "models": [_rung(rung) for rung in found.models],
        "refits": [_rung(rung) for rung in found.refits],
    }


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "model": rung.model,
        "refit_every": rung.refit_every,
        "folds": rung.folds,
        "seconds": rung.seconds,
        **dataclasses.asdict(rung.skill),
        **dataclasses.asdict(rung.tests),
        "sharpe": rung.sharpe,
        "own_minus": dataclasses.asdict(rung.own_minus),
    }


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _date(time: Any) -> str:
    stamp = pd.Timestamp(time)
    return str(stamp.date()) if stamp == stamp.normalize() else stamp.isoformat()
