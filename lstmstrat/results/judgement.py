"""`Judgement`: the verdicts on strategies that no config ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstmstrat.errors import count
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.verdict import WORDS, headline
from lstmstrat.results.assessment import FAILED, Check, Trials


@dataclass(frozen=True)
class Judged:
    """One strategy, compared with holding its first feed over the same bars with the same broker."""

    name: str
    params: dict[str, Any]
    verdict: str
    missing: tuple[str, ...]  # conditions of an edge that are not met
    sharpe: float | None  # annual
    benchmark: float | None  # annual Sharpe ratio of holding
    difference: Difference  # of the two, with its 95% interval
    deflated_sharpe: float | None
    deflated_lead: float | None

    def __str__(self) -> str:
        parts = [
            f"{self.name}: {WORDS.get(self.verdict, self.verdict)}",
            f"Sharpe {_text(self.sharpe)}, holding {_text(self.benchmark)}",
        ]
        low, high = self.difference.low, self.difference.high
        parts.append(f"difference {_text(self.difference.difference)} [{_text(low)}, {_text(high)}]")
        needs = f"\n    an edge would need {'; '.join(self.missing)}" if self.missing else ""
        return "; ".join(parts) + needs


@dataclass(frozen=True)
class Judgement:
    """The verdicts that `lstmstrat.judge` gives; ``print`` it to read them."""

    strategies: tuple[Judged, ...]
    trials: Trials  # on the same prices, these included
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> str:
        """All verdicts in one sentence."""
        return headline(self.by_strategy)

    @property
    def by_strategy(self) -> dict[str, str]:
        """The verdict on each strategy, by its name."""
        return {judged.name: judged.verdict for judged in self.strategies}

    def __str__(self) -> str:
        tried = f"{count(self.trials.count, 'trial')} on these prices so far"
        known = tried if self.trials.kept else f"{tried}; without a ledger, others are not known"
        failed = [f"failed: {check.name} ({check.detail})" for check in self.checks if check.status == FAILED]
        return "\n".join([self.verdict, *map(str, self.strategies), known, *failed])


def _text(value: float | None) -> str:
    return "undefined" if value is None else f"{round(value, 2) + 0.0:.2f}"
