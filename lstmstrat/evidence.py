"""What speaks for and against each strategy: all statistics of a run, brought together for the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from lstmstrat import identity
from lstmstrat.checks import FAILED, VOIDING, Check
from lstmstrat.engine import Simulation
from lstmstrat.features import OPEN, Floats
from lstmstrat.inference.best import superior_predictive_ability
from lstmstrat.inference.bootstrap import Difference
from lstmstrat.inference.deflated import deflated_difference, deflated_sharpe, probabilistic_sharpe
from lstmstrat.inference.growth import break_even_cost, cagr_difference, drawdown_differences, lead_shares
from lstmstrat.inference.sharpe import minimum_detectable_difference, sharpe_difference
from lstmstrat.inference.skill import Skill, SkillTests, forecast_skill, skill_tests
from lstmstrat.inference.timing import UNKNOWN, Positions, delay_cost, placebo
from lstmstrat.inference.verdict import Evidence, Verdict, holm, verdict
from lstmstrat.ledger import Tried
from lstmstrat.metrics import cagr, max_drawdown, total_return
from lstmstrat.on_request import OnRequest
from lstmstrat.pipeline import Runs, earned
from lstmstrat.replicas import Seeds, Worlds
from lstmstrat.store import Store


@dataclass(frozen=True)
class Matched:
    """A constant part of the account in the asset: the strategy's own mean exposure, short negative.

    Rebalanced at each close without costs. What the strategy has beyond it, it owes to timing. Its Sharpe ratio is
    that of buy-and-hold.
    """

    exposure: float  # net
    total_return: float
    cagr: float | None
    max_drawdown: float


@dataclass(frozen=True)
class Judged:
    """One strategy beside buy-and-hold; every number is None where it is undefined."""

    evidence: Evidence
    cagr: Difference
    max_drawdown: Difference
    detectable: float | None
    best_fold_share: float | None
    best_days_share: float | None
    break_even_cost: float | None
    delay_cost: float | None
    probabilistic_sharpe: float | None
    exposure_matched: Matched
    seeds: Seeds | None
    worlds: Worlds | None

    @property
    def verdict(self) -> Verdict:
        """What may be said of it."""
        return verdict(self.evidence)


@dataclass(frozen=True)
class Judgement:
    """All strategies of a run, the best of them, and the forecast they traded on."""

    by_strategy: dict[str, Judged]
    best: float | None  # Hansen's p-value that none has a higher mean return than buy-and-hold
    skill: Skill  # of the forecasts at the closes of the traded window
    tests: SkillTests


def judge(runs: Runs, store: Store, tried: Tried, checks: Sequence[Check], asked: OnRequest) -> Judgement:
    """Every strategy of a run against its buy-and-hold.

    What takes a heavy library is kept in the `store`: a second run does not load it.
    """
    base, returns = earned(runs.benchmark), {run.name: earned(run) for run in runs.strategies}
    every = np.stack(list(returns.values()))  # (S, n)
    tests = {name: sharpe_difference(own, base, runs.periods) for name, own in returns.items()}
    adjusted = _adjusted(tests)
    sound = not any(check.status == FAILED and check.name in VOIDING for check in checks)
    found = {}
    for run, fall in zip(runs.strategies, drawdown_differences(every, base), strict=True):
        seeds, worlds, positions = asked.seeds.get(run.name), asked.worlds.get(run.name), _positions(runs, run)
        evidence = Evidence(
            sharpe=tests[run.name],
            p_adjusted=adjusted.get(run.name),
            deflated_sharpe=_deflated(returns[run.name], tried),
            deflated_lead=deflated_difference(tests[run.name], tried.count) if tried.kept else None,
            placebo=placebo(positions, runs.periods) if positions else UNKNOWN,
            sound=sound,
            seeds_above=seeds.above if seeds else None,
            worlds=worlds.p_value if worlds else None,
        )
        found[run.name] = _judged(runs, run, evidence, fall, asked)
    return Judgement(
        found,
        store.remembered(
            identity.of_statistic("SPA", every, base), lambda: superior_predictive_ability(every, base)
        ),
        forecast_skill(*runs.traded_forecasts),
        _tests(runs, store),
    )


def _tests(runs: Runs, store: Store) -> SkillTests:
    given, horizon = runs.traded_forecasts, runs.walk.config.horizon
    key = identity.of_statistic(f"skill {horizon}", *given)
    return SkillTests(**store.remembered(key, lambda: asdict(skill_tests(*given, horizon))))


def _deflated(returns: Floats, tried: Tried) -> float | None:
    """None without a ledger: what was tried before is not known."""
    return deflated_sharpe(returns, tried.count, tried.variance) if tried.kept else None


def _adjusted(tests: dict[str, Difference]) -> dict[str, float]:
    p_values = {name: test.p_value for name, test in tests.items() if test.p_value is not None}
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _judged(runs: Runs, run: Simulation, evidence: Evidence, fall: Difference, asked: OnRequest) -> Judged:
    own, base = earned(run), earned(runs.benchmark)
    best_fold, best_days = lead_shares(own, base, _folds(runs, run))
    return Judged(
        evidence=evidence,
        cagr=cagr_difference(own, base, runs.periods),
        max_drawdown=fall,
        detectable=minimum_detectable_difference(own, base, runs.periods),
        best_fold_share=best_fold,
        best_days_share=best_days,
        break_even_cost=_break_even(runs, run),
        delay_cost=delay_cost(positions, runs.periods) if (positions := _positions(runs, run)) else None,
        probabilistic_sharpe=probabilistic_sharpe(own),
        exposure_matched=_matched(runs, run),
        seeds=asked.seeds.get(run.name),
        worlds=asked.worlds.get(run.name),
    )


def _cost(runs: Runs) -> float:
    return runs.config.broker.commission + runs.config.broker.slippage


def _positions(runs: Runs, run: Simulation) -> Positions | None:
    """From the open after the first decision on: nothing is held before it.

    None where an order was filled inside a bar: what was held then is not what is held at its close.
    """
    filled = run.orders.dropna(subset="executed")
    at = runs.prices.frame["open"].loc[filled["executed"]].to_numpy()
    slipped = np.abs(np.abs(filled["price"].to_numpy() / at - 1.0) - runs.config.broker.slippage)
    if (slipped > 1e-9).any():
        return None
    opens = runs.prices.bars[-len(run.equity) :, OPEN]  # (n,)
    return Positions(
        held=run.exposure.to_numpy()[1:-1],
        asset=opens[2:] / opens[1:-1] - 1.0,
        filled=run.traded.to_numpy()[1:-1] > 0.0,
    )


def _folds(runs: Runs, run: Simulation) -> np.ndarray:
    """(n - 1,) the number of the fold whose forecast was known before each return; all 0 without a forecast."""
    bars = len(run.equity) - 1
    if run.walk_forward is None:
        return np.zeros(bars, dtype=int)
    found: np.ndarray = run.walk_forward.forecasts.fold[-bars - 1 : -1]
    return found


def _break_even(runs: Runs, run: Simulation) -> float | None:
    lead = math.log(run.equity.iloc[-1] / runs.benchmark.equity.iloc[-1])
    return break_even_cost(lead, _turned_over(run), _turned_over(runs.benchmark), _cost(runs))


def _turned_over(run: Simulation) -> float:
    """Value traded over the account value at the close before, summed."""
    return float((run.traded.to_numpy()[1:] / run.equity.to_numpy()[:-1]).sum())


def _matched(runs: Runs, run: Simulation) -> Matched:
    exposure = float(run.exposure.mean())
    returns: Floats = exposure * earned(runs.benchmark)
    equity = pd.Series(np.concatenate([[1.0], np.cumprod(1.0 + returns)]))
    return Matched(
        exposure=exposure,
        total_return=total_return(equity),
        cagr=cagr(equity, runs.periods),
        max_drawdown=max_drawdown(equity),
    )
