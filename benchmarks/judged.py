"""Rules traded in one world, and the verdict on them: the package's own rule, on its own evidence.

The rules that were considered beside it are here too, so that they can be measured again. n bars, k rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist

import numpy as np
from simple_rules import Accounts, Costs, accounts

from lstmstrat.evaluation.bootstrap import Difference, block_length, long_run_variance
from lstmstrat.evaluation.many_trials import (
    bonferroni,
    deflated,
    deflated_lead,
    deflated_sharpe,
    expected_best,
    published_deflated_sharpe,
)
from lstmstrat.evaluation.sharpe import SIGNIFICANCE, sharpe_difference
from lstmstrat.evaluation.timing import Placebo, Positions, placebo
from lstmstrat.evaluation.verdict import DEFLATED, SUPPORTED, Evidence, verdict

SCREEN = 1.5  # a lead of fewer standard errors never has a p-value below 5 %: the bootstrap need not be made


@dataclass(frozen=True)
class Case:
    """What any of the rules needs to know of one strategy."""

    evidence: Evidence
    p_holm: float | None  # over the strategies of the run
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
        return _below(self.evidence.placebo.p_value)

    @property
    def published(self) -> bool:
        """The deflated Sharpe ratio of 2014 is above 0.95."""
        return (published_deflated_sharpe(self.returns, self.trials, self.variance) or 0.0) > DEFLATED

    @property
    def is_deflated(self) -> bool:
        """The lead is, by the expected best of the trials."""
        return NormalDist().cdf(self.lead - expected_best(self.trials, 1.0)) > DEFLATED


def _below(p_value: float | None) -> bool:
    return p_value is not None and p_value < SIGNIFICANCE


RULES: dict[str, Callable[[Case], bool]] = {
    "before: Holm, lead and Sharpe less the expected best": lambda c: (
        _below(c.p_holm) and c.is_deflated and c.published and c.is_timed
    ),
    "the same without Holm": lambda c: (
        _below(c.evidence.sharpe.p_value) and c.is_deflated and c.published and c.is_timed
    ),
    "Bonferroni over the ledger in place of the lead": lambda c: (
        _below(bonferroni(c.evidence.sharpe.p_value, c.trials)) and c.published and c.is_timed
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
    differences: dict[int, Difference] = field(default_factory=dict)  # those that were made
    placebos: dict[int, Placebo] = field(default_factory=dict)

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

    def passes_screen(self, rule: int, trials: Sequence[int]) -> bool:
        """Whether the bootstrap is worth its time: without this no rule of `RULES` gives an edge.

        Each wants a p-value below 5 %, a deflated lead and Sharpe ratio, and timing. Bonferroni in place of the
        lead asks for a larger one, unless a p-value is less than half of that of normal errors.
        """
        ratio, returns = self.ratios[rule], self.returns[rule]
        if not ratio > max(
            self.ratios[0], 1.0 / math.sqrt(len(returns))
        ):  # NaN too; the chance is 0.95 from 1.6 on
            return False
        lead, count = lead_score(returns, self.returns[0]), len(trials)
        if not (lead > SCREEN and deflated(lead, count) > DEFLATED):
            return False
        published = published_deflated_sharpe(returns, count, self.variance(trials))
        if not max(deflated_sharpe(returns, count) or 0.0, published or 0.0) > DEFLATED:
            return False
        return _below(self.placebo(rule).p_value)

    def variance(self, trials: Sequence[int]) -> float | None:
        """The variance of the Sharpe ratios of these trials; None with fewer than two."""
        known = self.ratios[list(trials)]
        known = known[np.isfinite(known)]
        return float(known.var(ddof=1)) if len(known) > 1 else None

    def difference(self, rule: int) -> Difference:
        """The Sharpe ratio of a rule minus that of buy-and-hold; kept, as several rules ask for it."""
        if rule not in self.differences:
            self.differences[rule] = sharpe_difference(self.returns[rule], self.returns[0], self.periods)
        return self.differences[rule]

    def placebo(self, rule: int) -> Placebo:
        """The timing of a rule; kept."""
        if rule not in self.placebos:
            held, filled = self.accounts.exposure[1:-1, rule], self.accounts.filled[1:-1, rule]
            positions = Positions(held, self.closes[1:-1] / self.closes[:-2] - 1.0, filled)
            self.placebos[rule] = placebo(positions, self.periods)
        return self.placebos[rule]

    def case(self, rule: int, run: Sequence[int], trials: Sequence[int]) -> Case:
        """A rule that was judged in a `run` of rules, with these `trials` in the ledger, the run included."""
        count, lead, timing = len(trials), self.difference(rule), self.placebo(rule)
        evidence = Evidence(
            sharpe=lead,
            p_adjusted=bonferroni(lead.p_value, len(run)),
            deflated_sharpe=deflated_sharpe(self.returns[rule], count),
            deflated_lead=deflated_lead(lead, count),
            deflated_timing=deflated(timing.score, count),
            placebo=timing,
            faults=(),
            audit="",
        )
        return Case(evidence, self._holm(rule, run), count, self.variance(trials), self.returns[rule])

    def _holm(self, rule: int, run: Sequence[int]) -> float | None:
        """The p-value of a rule, adjusted as by Holm (1979); by Bonferroni where that decides already."""
        own = self.difference(rule).p_value
        if own is None or own >= SIGNIFICANCE or own * len(run) < SIGNIFICANCE:
            return bonferroni(own, len(run))
        others = [self.difference(other).p_value for other in run if other != rule]
        smaller = sorted([own, *(p for p in others if p is not None and p < own)])
        return min(1.0, max((len(run) - k) * p for k, p in enumerate(smaller)))


def lead_score(returns: np.ndarray, base: np.ndarray) -> float:
    """The lead in Sharpe ratio over `base`, both returns (n,), in the standard errors of `sharpe_difference`."""
    unit, ratio = zip(*((_unit(side), side.mean() / side.std()) for side in (returns, base)), strict=True)
    influence = unit[0] - ratio[0] / 2.0 * (unit[0] ** 2 - 1.0) - (unit[1] - ratio[1] / 2.0 * (unit[1] ** 2 - 1.0))
    variance = long_run_variance(influence, block_length(len(returns)) - 1)
    return float((ratio[0] - ratio[1]) * math.sqrt(len(returns) / variance)) if variance > 0.0 else math.nan


def _unit(returns: np.ndarray) -> np.ndarray:
    return (returns - returns.mean()) / returns.std()


def sample(targets: np.ndarray, closes: np.ndarray, periods: int, costs: Costs) -> Sample:
    """Trade targets (n, k - 1) and, before them, buy-and-hold."""
    held = np.column_stack([np.ones(len(closes)), targets])
    return Sample(accounts(held, closes, costs), closes, periods)
