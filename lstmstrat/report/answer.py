"""What came out, for the first screen and the last lines: plain sentences, and four numbers for each strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lstmstrat.evaluation.metrics import Performance
from lstmstrat.evaluation.verdict import NEVER_TRADED, NO_VERDICT, SUPPORTED, UNDECIDED, UNPROVEN, WORSE
from lstmstrat.report.cells import HOLDING, amount, fine_percent, lasted, percent, ratio, signed
from lstmstrat.results.assessment import (
    AUDIT,
    FAILED,
    NOT_ASKED,
    NOT_RUN,
    PASSED,
    Assessment,
    Check,
    StrategyAssessment,
)

NOT_TESTED = {
    AUDIT: ("whether a decision has seen the future", "made"),
    "seeds": ("other random numbers", "luck"),
    "null worlds": ("histories with nothing to forecast", "luck"),
    "ladder": ("cheaper models", "forecast"),
    "cut bars": ("the same orders on shorter histories", "made"),
    "features": ("whether an input knows the future", "made"),
    "forecasts": ("the forecasts", "made"),
    "training labels": ("whether it learned from the past alone", "made"),
}
"""What a check that was not run leaves open, and the section of the page that says how to run it."""


@dataclass(frozen=True)
class Number:
    """One of the large numbers of a strategy, and what it is to be read beside."""

    label: str
    value: str
    beside: str  # "holding 12.3%", "95% interval [-0.38, 0.63]", or why it is undefined
    term: str  # in the glossary


def sentence(assessment: Assessment) -> str:
    """The verdicts on all strategies as a colleague would say them."""
    symbol, groups = assessment.data.symbol, _by_verdict(assessment)
    doubted = _doubted(assessment, groups.get(UNPROVEN, []))
    if NO_VERDICT in groups:
        return (
            f"There is no verdict, because holding {symbol} could not buy a single share. Raise broker.cash or "
            "set broker.fractional: true."
        )
    said = [
        write(groups[text], symbol)
        for text, write in (
            (SUPPORTED, _supported),
            (UNPROVEN, _unproven(doubted)),
            (WORSE, _worse),
            (NEVER_TRADED, _never),
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


def _doubted(assessment: Assessment, names: Sequence[str]) -> set[str]:
    """Those of `names` of which a check failed that decides, such as the look-ahead audit."""
    failed = [check.strategy for check in assessment.checks if check.status == FAILED and check.decides]
    return {name for name in names if "" in failed or name in failed}


def _unproven(doubted: set[str]) -> Callable[[Sequence[str], str], str]:
    def write(names: Sequence[str], symbol: str) -> str:
        waits, fails = ([name for name in names if (name in doubted) == which] for which in (False, True))
        said = []
        if waits:
            said.append(f"{listed(waits)} did better than simply holding {symbol}, but it is not proven yet.")
        if fails:
            look = "looks" if len(fails) == 1 else "look"
            said.append(
                f"{listed(fails)} {look} better than simply holding {symbol}, but checks failed: do not trust it."
            )
        return " ".join(said)

    return write


def _worse(names: Sequence[str], symbol: str) -> str:
    return f"{listed(names)} did worse than simply holding {symbol}, by more than bad luck explains."


def _never(names: Sequence[str], symbol: str) -> str:
    return f"{listed(names)} never traded."


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
    cash, span = amount(assessment.costs.cash), lasted(assessment.period.years)
    own = f"With {strategy.name}, {cash} became {amount(strategy.metrics.final_value)} in {span}"
    if strategy.versus_benchmark.verdict == NEVER_TRADED:
        own = f"{strategy.name} never traded, so {cash} stayed {cash} for {span}"
    return f"{own}; holding {assessment.data.symbol}, it became {amount(assessment.benchmark.final_value)}."


def numbers(assessment: Assessment, strategy: StrategyAssessment) -> tuple[Number, ...]:
    """The four large numbers."""
    own, hold, versus = strategy.metrics, assessment.benchmark, strategy.versus_benchmark
    yearly = own.cagr is not None or hold.cagr is not None
    label, term = ("a year", "CAGR") if yearly else ("in all", "")
    return (
        _beside(f"{amount(assessment.costs.cash)} became", amount(own.final_value), amount(hold.final_value)),
        _beside(label, _growth(own), _growth(hold), term),
        _beside("worst fall", fine_percent(own.max_drawdown), fine_percent(hold.max_drawdown), "worst fall"),
        Number("Sharpe difference", ratio(versus.sharpe), _sure(assessment, strategy), "Sharpe difference"),
    )


def _beside(label: str, value: str, holding: str, term: str = "") -> Number:
    return Number(label, value, f"{HOLDING} {holding}", term)


def _growth(metrics: Performance) -> str:
    return percent(metrics.total_return) if metrics.cagr is None else fine_percent(metrics.cagr)


def _sure(assessment: Assessment, strategy: StrategyAssessment) -> str:
    """The interval of the Sharpe difference, whose level its term explains, or why there is none."""
    versus = strategy.versus_benchmark
    if versus.sharpe_low is not None and versus.sharpe_high is not None:
        return f"likely {signed(versus.sharpe_low)} to {signed(versus.sharpe_high)}"
    if versus.verdict == NEVER_TRADED:
        return "undefined, for it never traded"
    if versus.sharpe is None:
        return "undefined, for an account never moved"
    return "no interval: too few returns differ from holding"


def checks(assessment: Assessment) -> str:
    """How many of the checks that can fail have passed, what failed, and whether that decides anything."""
    asked = [check for check in assessment.checks if check.status in (PASSED, FAILED)]
    failed = [check for check in asked if check.status == FAILED]
    said = [f"{len(asked) - len(failed)} of {len(asked)} checks passed."]
    if deciding := [check.name for check in failed if check.decides]:
        said.append(f"No edge is supported while this fails: {', '.join(dict.fromkeys(deciding))}.")
    said += [
        f"A warning that decides nothing ({check.name}): {_sentence(check)}"
        for check in failed
        if not check.decides
    ]
    return " ".join(said)


def _sentence(check: Check) -> str:
    return f"{check.detail.rstrip('.')}."


def not_tested(assessment: Assessment) -> list[tuple[str, str]]:
    """What the checks that were not run leave open, in plain words, each with its section of the page."""
    said = []
    for check in assessment.checks:
        if check.status == NOT_RUN:
            words, section = NOT_TESTED.get(check.name, (check.name, "made"))
            said.append((f"{words}, as {NOT_ASKED}" if check.detail == NOT_ASKED else words, section))
    return said
