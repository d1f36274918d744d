"""The verdict on a strategy, by a rule that is declared beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.sharpe import SIGNIFICANCE
from lstmstrat.evaluation.timing import Placebo

SUPPORTED = "edge supported"
WORSE = "worse than buy-and-hold"
UNDECIDED = "not distinguishable from buy-and-hold"
UNPROVEN = "edge not proven"
DEFLATED = 0.95  # smallest deflated Sharpe ratio and deflated lead
SEEDS = 0.80  # smallest share of the seeds with a Sharpe ratio above that of buy-and-hold
AUDIT_PASSED = "a look-ahead audit that passed"
RULE = (
    f"{SUPPORTED!r} needs all of these: a Sharpe ratio above buy-and-hold's with a p-value below {SIGNIFICANCE} "
    "(Ledoit-Wolf test by the studentised block bootstrap, two-sided, Holm-adjusted for the strategies); a "
    f"deflated Sharpe ratio and a deflated lead above {DEFLATED}, by the trials in the ledger; better timing than "
    "95% of its own holdings in random order, or where that is undefined than 95% of null worlds; where seeds "
    f"were run, {SEEDS:.0%} of them above buy-and-hold; where null worlds were run, a p-value below "
    f"{SIGNIFICANCE} among them. And it needs proof: no failed check of look-ahead, of stale prices, of fills and "
    "cash, or of the benchmark; and a look-ahead audit of the very code that ran, which is made as soon as all "
    f"the rest holds, and passes. Where only the proof is missing, it is {UNPROVEN!r}. "
    f"{WORSE!r} needs the first with a Sharpe ratio below. All else, and what is undefined, is {UNDECIDED!r}."
)


@dataclass(frozen=True)
class Evidence:
    """The inputs of the rule. None means undefined; for seeds and worlds, it also means not run."""

    sharpe: Difference
    p_adjusted: float | None  # Holm, over the strategies of the run
    deflated_sharpe: float | None  # None where the number of trials is not known
    deflated_lead: float | None  # None in the same case
    placebo: Placebo  # the strategy against shuffles of its own holdings
    faults: tuple[str, ...]  # failed checks that void an edge, in words
    audit: str  # why no look-ahead audit of this code has passed; "" if one has
    seeds_above: float | None = None  # share of the seeds with a Sharpe ratio above buy-and-hold's
    worlds: float | None = None  # p-value among null worlds


@dataclass(frozen=True)
class Verdict:
    """The verdict on one strategy by `RULE`, and the conditions of an edge that it does not meet."""

    text: str
    missing: tuple[str, ...]  # conditions that are not met


def verdict(evidence: Evidence) -> Verdict:
    """The verdict that `RULE` gives for `evidence`."""
    missing, faults = _unmet_conditions(evidence), tuple(f"no failed check ({f})" for f in evidence.faults)
    if not missing:
        audit = (f"{AUDIT_PASSED} ({evidence.audit})",) if evidence.audit else ()
        return Verdict(UNPROVEN if faults or audit else SUPPORTED, (*faults, *audit))
    worse = _significant(evidence.p_adjusted) and (evidence.sharpe.difference or 0.0) < 0.0
    return Verdict(WORSE if worse else UNDECIDED, (*missing, *faults))


def _unmet_conditions(e: Evidence) -> tuple[str, ...]:
    """The conditions of an edge, apart from its proof, that the evidence does not meet, in the rule's order."""
    timing = e.worlds if e.placebo.p_value is None else e.placebo.p_value
    conditions = (
        ((e.sharpe.difference or 0.0) > 0.0, "a Sharpe ratio above buy-and-hold's"),
        (_significant(e.p_adjusted), f"an adjusted p-value below {SIGNIFICANCE} ({_text(e.p_adjusted)})"),
        (_enough(e.deflated_sharpe), f"a deflated Sharpe ratio above {DEFLATED} ({_text(e.deflated_sharpe)})"),
        (_enough(e.deflated_lead), f"a deflated lead above {DEFLATED} ({_text(e.deflated_lead)})"),
        (_significant(timing), f"timing better than by chance (p {_text(timing)})"),
        (e.seeds_above is None or e.seeds_above >= SEEDS, f"{SEEDS:.0%} of seeds above ({_text(e.seeds_above)})"),
        (e.worlds is None or _significant(e.worlds), f"more than null worlds have (p {_text(e.worlds)})"),
    )
    return tuple(condition for is_met, condition in conditions if not is_met)


def _significant(p_value: float | None) -> bool:
    return p_value is not None and p_value < SIGNIFICANCE


def _enough(value: float | None) -> bool:
    return value is not None and value > DEFLATED


def _text(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def headline(verdicts: Mapping[str, str]) -> str:
    """The verdicts of all strategies in one sentence; `verdicts` maps the name of a strategy to its text."""
    by_text: dict[str, list[str]] = {}
    for name, text in verdicts.items():
        by_text.setdefault(text, []).append(name)
    if list(by_text) == [UNDECIDED]:
        sentence = f"None of the {len(verdicts)} strategies is {UNDECIDED.removeprefix('not ')}."
        return sentence if len(verdicts) > 1 else f"The strategy is {UNDECIDED}."
    return " ".join(f"{text[0].upper()}{text[1:]}: {', '.join(names)}." for text, names in by_text.items())
