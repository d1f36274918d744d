"""Rules traded in one world, and the verdict on them: the package's own rule, on its own evidence.

The rules that were considered beside it are here too, so that they can be measured again. n bars, k rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from simple_rules import Accounts, Costs, accounts

from lstmstrat.evaluation.bootstrap import Difference, block_length
from lstmstrat.evaluation.many_trials import (
    bonferroni,
    deflated,
    deflated_lead,
    deflated_sharpe,
    expected_best,
    probabilistic_sharpe,
    published_deflated_sharpe,
)
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.evaluation.timing import Placebo, Positions, placebo
from lstmstrat.evaluation.verdict import DEFLATED, SUPPORTED, Evidence, verdict

SCREEN = 1.5  # a lead of fewer standard errors never has a p-value below 5 %: the bootstrap need not be made
MARGIN = 1.25  # by which a lead may be short of what normal errors would ask for


@dataclass(frozen=True)
class Case:
    """What any of the rules needs to know of one strategy."""

    evidence: Evidence
    p_holm: float  # over the strategies of the run
    trials: int
    variance: float | None  # of their Sharpe ratios
    returns: np.ndarray  # (n - 1,)

    @property
    def lead(self) -> float:
        """The lead over buy-and-hold in standard errors."""
        return self.evidence.sharpe.difference / self.evidence.sharpe.error

    @property
    def is_timed(self) -> bool:
        """Timing better than by chance, for this strategy alone."""
        return (self.evidence.placebo.p_value or 0.0) < 0.05 and self.evidence.placebo.p_value is not None

    @property
    def published(self) -> bool:
        """The deflated Sharpe ratio of 2014 is above 0.95."""
        return (published_deflated_sharpe(self.returns, self.trials, self.variance) or 0.0) > DEFLATED

    @property
    def is_deflated(self) -> bool:
        """The lead is, by the expected best of the trials."""
        return NormalDist().cdf(self.lead - expected_best(self.trials, 1.0)) > DEFLATED


RULES: dict[str, Callable[[Case], bool]] = {
    "before: Holm, lead and Sharpe less the expected best": lambda c: (
        c.p_holm < 0.05 and c.is_deflated and c.published and c.is_timed
    ),
    "the same without Holm": lambda c: (
        c.evidence.sharpe.p_value < 0.05 and c.is_deflated and c.published and c.is_timed
    ),
    "Bonferroni over the ledger in place of the lead": lambda c: (
        c.evidence.sharpe.p_value * c.trials < 0.05 and c.published and c.is_timed
    ),
    "the same, Sharpe ratio above 0 undeflated": lambda c: (
        c.evidence.sharpe.p_value * c.trials < 0.05 and probabilistic_sharpe(c.returns) > DEFLATED and c.is_timed
    ),
    "now: Sharpe, lead and timing each above the best of the trials": lambda c: (
        verdict(c.evidence).text == SUPPORTED
    ),
}
BEFORE, *_, NOW = RULES


@dataclass(frozen=True)
class Sample:
    """Buy-and-hold, account 0, and k - 1 rules in one world."""

    accounts: Accounts
    closes: np.ndarray  # (n,)
    periods: int

    @cached_property
    def returns(self) -> np.ndarray:
        """(k, n - 1) simple returns."""
        return self.accounts.returns

    @cached_property
    def ratios(self) -> np.ndarray:
        """(k,) Sharpe ratios a bar; NaN for a rule that never trades."""
        deviation = self.returns.std(axis=1, ddof=1)
        return np.where(
            deviation > 0.0, self.returns.mean(axis=1) / np.where(deviation > 0.0, deviation, 1.0), np.nan
        )

    @cached_property
    def leads(self) -> np.ndarray:
        """(k,) leads over buy-and-hold's Sharpe ratio in standard errors, as `sharpe_difference` has them."""
        with np.errstate(all="ignore"):
            return lead_scores(self.returns)

    def passes_screen(self, rule: int, trials: int) -> bool:
        """Whether the bootstrap is worth its time: without this no rule of `RULES` gives an edge.

        Each wants a p-value below 5 %, a lead that is large for the number of trials, and an (undeflated) chance
        of 0.95 that the Sharpe ratio is above 0.
        """
        lead = float(self.leads[rule])
        if not (lead > SCREEN and deflated(MARGIN * lead, trials) > DEFLATED):
            return False
        return (probabilistic_sharpe(self.returns[rule]) or 0.0) > DEFLATED

    def difference(self, rule: int, comparisons: int = 1) -> Difference:
        """The Sharpe ratio of a rule minus that of buy-and-hold."""
        return sharpe_difference(self.returns[rule], self.returns[0], self.periods, comparisons)

    def placebo(self, rule: int) -> Placebo:
        """The timing of a rule."""
        held, filled = self.accounts.exposure[1:-1, rule], self.accounts.filled[1:-1, rule]
        return placebo(Positions(held, self.closes[1:-1] / self.closes[:-2] - 1.0, filled), self.periods)

    def case(self, rule: int, run: Sequence[int], trials: Sequence[int]) -> Case:
        """A rule that was judged in a `run` of rules, with these `trials` in the ledger, the run included."""
        count, lead, timing = len(trials), self.difference(rule, len(run)), self.placebo(rule)
        known = self.ratios[list(trials)]
        known = known[np.isfinite(known)]
        evidence = Evidence(
            sharpe=lead,
            p_adjusted=bonferroni(lead.p_value, len(run)),
            deflated_sharpe=deflated_sharpe(self.returns[rule], count),
            deflated_lead=deflated_lead(lead, count),
            deflated_timing=deflated(timing.score, count),
            placebo=timing,
            sound=True,
        )
        variance = float(known.var(ddof=1)) if len(known) > 1 else None
        return Case(evidence, self._holm(rule, run, lead), count, variance, self.returns[rule])

    def _holm(self, rule: int, run: Sequence[int], own: Difference) -> float:
        """The p-value of a rule, adjusted as Holm (1979) did; rules that differ by little have no small one."""
        from statsmodels.stats.multitest import multipletests

        others = [self.difference(r).p_value if abs(self.leads[r]) > SCREEN else 1.0 for r in run if r != rule]
        return float(multipletests([own.p_value, *(1.0 if p is None else p for p in others)], method="holm")[1][0])


def lead_scores(returns: np.ndarray) -> np.ndarray:
    """The lead of each row of returns (k, n) over row 0, in standard errors; (k,). NaN where there is none."""
    n, lag = returns.shape[1], block_length(returns.shape[1]) - 1
    mean, deviation = returns.mean(axis=1, keepdims=True), returns.std(axis=1, keepdims=True)
    unit, ratio = (returns - mean) / deviation, mean / deviation
    influence = unit - ratio / 2.0 * (unit**2 - 1.0)
    x = influence - influence[0]  # (k, n)
    variance = (x * x).sum(axis=1)
    for k in range(1, lag + 1):
        variance += 2.0 * (1.0 - k / (lag + 1)) * (x[:, k:] * x[:, :-k]).sum(axis=1)
    return (ratio - ratio[0])[:, 0] / np.sqrt(variance) * n


def sample(targets: np.ndarray, closes: np.ndarray, periods: int, costs: Costs) -> Sample:
    """Trade targets (n, k - 1) and, before them, buy-and-hold."""
    held = np.column_stack([np.ones(len(closes)), targets])
    return Sample(accounts(held, closes, costs), closes, periods)
