"""All statistics of a run, and the verdict on each strategy.

Letters: S strategies, n bars of the traded window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.growth import break_even_cost, lead_shares
from lstmstrat.evaluation.many_trials import (
    bonferroni,
    deflated,
    deflated_lead,
    deflated_sharpe,
    probabilistic_sharpe,
    published_deflated_sharpe,
)
from lstmstrat.evaluation.metrics import Performance, cagr, max_drawdown, total_return
from lstmstrat.evaluation.reliability import reliability
from lstmstrat.evaluation.sharpe import minimum_detectable_difference
from lstmstrat.evaluation.skill import SkillTests, forecast_skill, network_gain, skill_tests
from lstmstrat.evaluation.timing import BAND, SHUFFLES, UNKNOWN, Placebo, Positions, delay_cost
from lstmstrat.evaluation.verdict import RULE, Evidence, Verdict, headline, verdict
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import (
    Check,
    ExposureMatched,
    FoldSkill,
    ForecastSkill,
    Luck,
    PlaceboFacts,
    StrategyAssessment,
    Trials,
    Verdicts,
    VersusBenchmark,
)
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.run import Run
from lstmstrat.store import Store
from lstmstrat.study.audits import AuditRecord
from lstmstrat.study.checks import voiding
from lstmstrat.study.extras import Extras
from lstmstrat.study.resampled import Resampled, known

NOT_AUDITED = "not made yet"


def assess(
    run: BaseRun,
    trials: Trials,
    checks: Sequence[Check],
    extras: Extras,
    audits: Mapping[str, AuditRecord],
    store: Store,
) -> tuple[StrategyAssessment, ...]:
    """The assessment of every strategy of a run against buy-and-hold.

    `audits` has the known ones by strategy; `store` keeps what is resampled.
    """
    benchmark, drawn = run.benchmark.performance(run.periods), Resampled(store, run)
    count, sharpes = len(run.strategies), [drawn.sharpe(account.returns) for account in run.strategies]
    return tuple(
        _StrategyJudge(
            run=run,
            drawn=drawn,
            benchmark=benchmark,
            trials=trials,
            extras=extras,
            faults=tuple(
                f"{check.name}: {check.detail}" for check in voiding(checks, account.name, run.benchmark.name)
            ),
            audit=audits.get(account.name),
            account=account,
            sharpe=sharpe,
            p_adjusted=bonferroni(sharpe.p_value, count),
            drawdown=drawdown,
        ).assessment
        for account, sharpe, drawdown in zip(run.strategies, sharpes, drawn.drawdowns, strict=True)
    )


@dataclass(frozen=True, eq=False)
class _StrategyJudge:
    """Assesses one strategy against buy-and-hold; a cached property is computed when it is first read."""

    run: BaseRun
    drawn: Resampled
    benchmark: Performance
    trials: Trials
    extras: Extras
    faults: tuple[str, ...]  # failed checks that void an edge
    audit: AuditRecord | None  # the look-ahead audit of this strategy; None: not made
    account: Account
    sharpe: Difference  # from the Sharpe ratio of buy-and-hold
    p_adjusted: float | None  # of that difference, adjusted for the number of strategies
    drawdown: Difference  # from the maximum drawdown of buy-and-hold

    @property
    def assessment(self) -> StrategyAssessment:
        """Everything that the run reports about the strategy."""
        account = self.account
        identity = account.name, account.class_path, account.params
        return StrategyAssessment(*identity, self.metrics, self._versus, self._luck)

    @cached_property
    def metrics(self) -> Performance:
        """The metrics of its account."""
        return self.account.performance(self.run.periods)

    @cached_property
    def _positions(self) -> Positions | None:
        return self.run.positions(self.account)

    @cached_property
    def _placebo(self) -> Placebo:
        return self.drawn.placebo(self._positions) if self._positions else UNKNOWN

    @cached_property
    def _luck(self) -> Luck:
        returns = self.account.returns
        return Luck(
            probabilistic_sharpe=probabilistic_sharpe(returns),
            **self._deflated,
            exposure_matched=_exposure_matched(self.run, self.account),
            placebo=PlaceboFacts(**asdict(self._placebo), shuffles=SHUFFLES, band=BAND),
            seeds=self.extras.seeds.get(self.account.name),
            worlds=self.extras.worlds.get(self.account.name),
        )

    @property
    def _why_not_audited(self) -> str:
        """Why no look-ahead audit of the strategy has passed; "" if one has."""
        if self.audit is None:
            return NOT_AUDITED
        return "" if self.audit.passed else self.audit.text

    @property
    def _deflated(self) -> dict[str, float | None]:
        """What the trials in the ledger deflate; without a ledger their number is not known.

        The ledger has annual ratios, and the returns are per bar.
        """
        trials, returns = self.trials, self.account.returns
        per_bar = None if trials.variance is None else trials.variance / self.run.calendar_periods
        values = {
            "published_deflated_sharpe": published_deflated_sharpe(returns, trials.count, per_bar),
            "deflated_sharpe": deflated_sharpe(returns, trials.count),
            "deflated_lead": deflated_lead(self.sharpe, trials.count),
            "deflated_timing": deflated(self._placebo.score, trials.count),
        }
        return values if trials.kept else dict.fromkeys(values)

    @property
    def _verdict(self) -> Verdict:
        luck = self._luck
        return verdict(
            Evidence(
                sharpe=self.sharpe,
                p_adjusted=self.p_adjusted,
                deflated_sharpe=luck.deflated_sharpe,
                deflated_lead=luck.deflated_lead,
                deflated_timing=luck.deflated_timing,
                placebo=self._placebo,
                faults=self.faults,
                audit=self._why_not_audited,
                seeds_above=luck.seeds.above if luck.seeds else None,
                worlds=luck.worlds.p_value if luck.worlds else None,
                held=bool(self.run.returns[0].any()),
                traded=bool(len(self.account.trades)) or bool(self.account.returns.any()),
            )
        )

    @property
    def _versus(self) -> VersusBenchmark:
        run, (returns, base) = self.run, (self.account.returns, self.run.returns[0])
        best_fold, best_days = lead_shares(returns, base, run.fold_numbers(self.account))
        growth, conclusion = self.drawn.growth(returns), self._verdict
        return VersusBenchmark(
            **_point_estimates(self.metrics, self.benchmark),
            **_intervals(sharpe=self.sharpe, cagr=growth, max_drawdown=self.drawdown),
            p_value=self.sharpe.p_value,
            p_adjusted=self.p_adjusted,
            detectable=minimum_detectable_difference(returns, base, run.periods),
            best_fold_share=best_fold,
            best_days_share=best_days,
            break_even_cost=_break_even(run, self.account),
            delay_cost=delay_cost(self._positions, run.periods) if self._positions else None,
            verdict=conclusion.text,
            missing=conclusion.missing,
            conditions=conclusion.conditions,
        )


def verdicts(run: BaseRun, strategies: Sequence[StrategyAssessment], store: Store) -> Verdicts:
    """The verdicts on all strategies; `store` keeps the p-value of Hansen's test."""
    by_strategy = {strategy.name: strategy.versus_benchmark.verdict for strategy in strategies}
    return Verdicts(RULE, headline(by_strategy), by_strategy, Resampled(store, run).best)


def skill(run: Run, folds: pd.DataFrame, store: Store) -> ForecastSkill:
    """The skill of the forecasts at the closes of the traded window; `folds` is the table of that name."""
    series = run.traded.forecast, run.traded.realised, run.traded.past_mean
    horizon = run.forecasts.config.horizon
    tests = known(store, SkillTests, f"skill {horizon}", series, lambda: skill_tests(*series, horizon))
    by_fold = _fold_skill(folds["correlation"].dropna())
    traded, config = run.traded, run.forecasts.config
    stated = reliability(traded.up, traded.quantiles, traded.realised, config.quantiles, config.up_threshold)
    gain = None
    if np.isfinite(traded.linear).any() and config.model != "ridge":  # which is that linear part
        gain = network_gain(traded.forecast, traded.linear, traded.realised, traded.past_mean, horizon)
    return ForecastSkill(
        **asdict(forecast_skill(*series)), **asdict(tests), folds=by_fold, reliability=stated, network=gain
    )


def _fold_skill(correlations: pd.Series) -> FoldSkill:
    if not len(correlations):
        return FoldSkill(0, None, None)
    return FoldSkill(len(correlations), float(correlations.median()), float((correlations > 0.0).mean()))


def _point_estimates(strategy: Performance, benchmark: Performance) -> dict[str, Any]:
    return {
        "total_return": strategy.total_return - benchmark.total_return,
        "cagr": _difference(strategy.cagr, benchmark.cagr),
        "sharpe": _difference(strategy.sharpe, benchmark.sharpe),
        "max_drawdown": strategy.max_drawdown - benchmark.max_drawdown,
    }


def _intervals(**differences: Difference) -> dict[str, Any]:
    lows = {f"{name}_low": difference.low for name, difference in differences.items()}
    return lows | {f"{name}_high": difference.high for name, difference in differences.items()}


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _break_even(run: BaseRun, account: Account) -> float | None:
    lead = math.log(account.equity.iloc[-1] / run.benchmark.equity.iloc[-1])
    cost = run.config.broker.commission + run.config.broker.slippage
    return break_even_cost(lead, account.turned_over, run.benchmark.turned_over, cost)


def _exposure_matched(run: BaseRun, account: Account) -> ExposureMatched:
    exposure = float(account.exposure.mean())
    returns: Floats = exposure * run.returns[0]
    with np.errstate(over="ignore", invalid="ignore"):  # of prices that change a millionfold
        equity = pd.Series(np.concatenate([[1.0], np.cumprod(1.0 + returns)]), index=run.dates)
    if not np.isfinite(equity).all():
        return ExposureMatched(exposure, None, None, None)
    return ExposureMatched(exposure, total_return(equity), cagr(equity), max_drawdown(equity))
