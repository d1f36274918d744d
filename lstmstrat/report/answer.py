"""What came out, for the first screen and the last lines: plain sentences, and four numbers for each strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lstmstrat.evaluation.metrics import Performance
from lstmstrat.evaluation.verdict import NO_VERDICT, SUPPORTED, UNDECIDED, UNPROVEN, WORSE
from lstmstrat.report.cells import UNDEFINED, amount, fine_percent, percent, ratio
from lstmstrat.results.assessment import FAILED, NOT_RUN, PASSED, Assessment, StrategyAssessment

CHIPS = {
    SUPPORTED: ("edge supported", "good"),
    UNPROVEN: ("not proven", "open"),
    UNDECIDED: ("may be luck", "none"),
    WORSE: ("worse", "bad"),
    NO_VERDICT: ("no verdict", "none"),
}
"""The verdict in two or three words, and its colour."""


@dataclass(frozen=True)
class Number:
    """One of the large numbers: of the strategy, and of holding."""

    label: str
    value: str
    holding: str
    term: str  # in the glossary


def sentence(assessment: Assessment) -> str:
    """The verdicts on all strategies as a colleague would say them."""
    symbol, groups = assessment.data.symbol, _by_verdict(assessment)
    if NO_VERDICT in groups:
        return (
            f"There is no verdict, because holding {symbol} could not buy a single share. Raise broker.cash or "
            "set broker.fractional: true."
        )
    said = [
        write(groups[text], symbol)
        for text, write in (
            (SUPPORTED, _supported),
            (UNPROVEN, _unproven),
            (WORSE, _worse),
            (UNDECIDED, _undecided(len(assessment.strategies))),
        )
        if text in groups
    ]
    return " ".join(said)


def _by_verdict(assessment: Assessment) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for strategy in assessment.strategies:
        groups.setdefault(strategy.versus_benchmark.verdict, []).append(strategy.name)
    return groups


def _supported(names: Sequence[str], symbol: str) -> str:
    return f"{listed(names)} did better than simply holding {symbol}, and luck is an unlikely explanation."


def _unproven(names: Sequence[str], symbol: str) -> str:
    return f"{listed(names)} did better than simply holding {symbol}, but it is not proven yet."


def _worse(names: Sequence[str], symbol: str) -> str:
    return f"{listed(names)} did worse than simply holding {symbol}, by more than bad luck explains."


def _undecided(strategies: int) -> Callable[[Sequence[str], str], str]:
    def write(names: Sequence[str], symbol: str) -> str:
        if len(names) < strategies:
            return f"For {listed(names)} the difference may be luck."
        if strategies == 1:
            return f"{names[0]} did not do reliably better than simply holding {symbol}."
        return f"None of the {strategies} strategies did reliably better than simply holding {symbol}."

    return write


def listed(names: Sequence[str], most: int = 4) -> str:
    """``a, b and c``; of many names the first, and how many more.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(list("abcdef"))
    ('a', 'a, b and c', 'a, b, c, d and 2 more')
    """
    if len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} more"]
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def money(assessment: Assessment, strategy: StrategyAssessment) -> str:
    """What the cash of the config became, with the strategy and with holding."""
    cash, years = assessment.costs.cash, assessment.period.years
    span = f"{years:.1f} years" if years >= 1.0 else f"{assessment.period.bars:,} bars"
    return (
        f"With {strategy.name}, {amount(cash)} became {amount(strategy.metrics.final_value)} in {span}; holding "
        f"{assessment.data.symbol}, it became {amount(assessment.benchmark.final_value)}."
    )


def numbers(assessment: Assessment, strategy: StrategyAssessment) -> tuple[Number, ...]:
    """The four large numbers."""
    own, hold, versus = strategy.metrics, assessment.benchmark, strategy.versus_benchmark
    growth = _growth(own), _growth(hold)
    label = "a year" if own.cagr is not None or hold.cagr is not None else "in all"
    return (
        Number(f"{amount(assessment.costs.cash)} became", amount(own.final_value), amount(hold.final_value), ""),
        Number(label, *growth, term="CAGR" if label == "a year" else ""),
        Number("worst fall", fine_percent(own.max_drawdown), fine_percent(hold.max_drawdown), "worst fall"),
        Number(
            "Sharpe difference", ratio(versus.sharpe), interval(versus.sharpe_low, versus.sharpe_high), "Sharpe"
        ),
    )


def _growth(metrics: Performance) -> str:
    return percent(metrics.total_return) if metrics.cagr is None else fine_percent(metrics.cagr)


def checks(assessment: Assessment) -> str:
    """How many of the checks that can fail have passed, and which did not."""
    asked = [check for check in assessment.checks if check.status in (PASSED, FAILED)]
    failed = [check.name for check in asked if check.status == FAILED]
    said = f"{len(asked) - len(failed)} of {len(asked)} checks passed"
    said += f"; failed: {', '.join(failed)}" if failed else ""
    skipped = [check.name for check in assessment.checks if check.status == NOT_RUN]
    return f"{said}{'. Not run: ' + ', '.join(skipped) if skipped else ''}."


def interval(low: float | None, high: float | None) -> str:
    """``[-0.84, -0.07]``; an end that is not zero keeps its sign."""
    if low is None or high is None:
        return UNDEFINED
    return f"[{_end(low)}, {_end(high)}]"


def _end(value: float) -> str:
    text = ratio(value)
    return f"{value:.1g}" if value and text == "0.00" else text
