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
NO_VERDICT = "no verdict, as buy-and-hold never bought"
DEFLATED = 0.95  # smallest deflated Sharpe ratio, lead and timing
SEEDS = 0.80  # smallest share of the seeds with a Sharpe ratio above that of buy-and-hold
AUDIT_PASSED = "a look-ahead audit that passed"
RULE = (
    f"{SUPPORTED!r} needs all of these: a Sharpe ratio above buy-and-hold's with a p-value below {SIGNIFICANCE} "
    "(Ledoit-Wolf test by the studentised block bootstrap, two-sided, times the number of strategies of the run); "
    f"above {DEFLATED} the chance that the best of as many trials without skill as are in the ledger has a lower "
    "Sharpe ratio, a smaller lead over buy-and-hold and worse timing, each for itself; better timing than "
    "95% of its own holdings in random order, or where that is undefined than 95% of null worlds; where seeds "
    f"were run, {SEEDS:.0%} of them above buy-and-hold; where null worlds were run, a p-value below "
    f"{SIGNIFICANCE} among them. And it needs proof: no failed check of prices, of look-ahead, of stale prices, "
    "of fills and cash, or of the benchmark; and a look-ahead audit of the very code that ran, which is made as "
    f"soon as all the rest holds, and passes. Where only the proof is missing, it is {UNPROVEN!r}. "
    f"{WORSE!r} needs the first with a Sharpe ratio below. All else, and what is undefined, is {UNDECIDED!r}. "
    "Where buy-and-hold could not buy a share there is no verdict."
)


@dataclass(frozen=True)
class Evidence:
    """The inputs of the rule. None means undefined; for seeds and worlds, it also means not run."""

    sharpe: Difference
    p_adjusted: float | None  # for the number of strategies of the run
    deflated_sharpe: float | None  # None where the number of trials is not known
    deflated_lead: float | None  # None in the same case
    deflated_timing: float | None  # None in the same case, and where the placebo is undefined
    placebo: Placebo  # the strategy against shuffles of its own holdings
    faults: tuple[str, ...]  # failed checks that void an edge, in words
    audit: str  # why no look-ahead audit of this code has passed; "" if one has
    seeds_above: float | None = None  # share of the seeds with a Sharpe ratio above buy-and-hold's
    worlds: float | None = None  # p-value among null worlds
    held: bool = True  # buy-and-hold bought something


@dataclass(frozen=True)
class Verdict:
    """The verdict on one strategy by `RULE`, and the conditions of an edge that it does not meet."""

    text: str
    missing: tuple[str, ...]  # conditions that are not met


def verdict(evidence: Evidence) -> Verdict:
    """The verdict that `RULE` gives for `evidence`."""
    missing, lacking = _unmet_conditions(evidence), _lacking_proof(evidence)
    if not evidence.held:
        return Verdict(NO_VERDICT, missing)
    if not missing:
        return Verdict(UNPROVEN if lacking else SUPPORTED, lacking)
    worse = _significant(evidence.p_adjusted) and (evidence.sharpe.difference or 0.0) < 0.0
    return Verdict(WORSE if worse else UNDECIDED, (*missing, *_failed_checks(evidence)))


def _lacking_proof(e: Evidence) -> tuple[str, ...]:
    """What an edge lacks that the statistics do not show; a strategy whose timing nobody knows is not proven."""
    known = e.placebo.p_value is not None or e.worlds is not None
    timing = () if known else ("a timing that is known (its holdings are not; add --worlds 40)",)
    audit = (f"{AUDIT_PASSED} ({e.audit})",) if e.audit else ()
    return (*_failed_checks(e), *timing, *audit)


def _failed_checks(e: Evidence) -> tuple[str, ...]:
    return tuple(f"a check that passed ({fault})" for fault in e.faults)


def _unmet_conditions(e: Evidence) -> tuple[str, ...]:
    """The conditions of an edge, apart from its proof, that the evidence does not meet, in the rule's order."""
    known = e.placebo.p_value is not None  # else null worlds stand in
    timing = e.placebo.p_value if known else e.worlds
    conditions = (
        (e.held, "a buy-and-hold that bought something"),
        ((e.sharpe.difference or 0.0) > 0.0, "a Sharpe ratio above buy-and-hold's"),
        (_significant(e.p_adjusted), f"an adjusted p-value below {SIGNIFICANCE} ({_text(e.p_adjusted)})"),
        (_enough(e.deflated_sharpe), f"a deflated Sharpe ratio above {DEFLATED} ({_text(e.deflated_sharpe)})"),
        (_enough(e.deflated_lead), f"a deflated lead above {DEFLATED} ({_text(e.deflated_lead)})"),
        (
            not known or _enough(e.deflated_timing),
            f"a deflated timing above {DEFLATED} ({_text(e.deflated_timing)})",
        ),
        (timing is None or _significant(timing), f"timing better than by chance (p {_text(timing)})"),
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
    if NO_VERDICT in by_text:
        return (
            "There is no verdict, as buy-and-hold never bought: a share costs more than the account; raise "
            "broker.cash or set broker.fractional: true."
        )
    if list(by_text) == [UNDECIDED]:
        sentence = f"None of the {len(verdicts)} strategies is {UNDECIDED.removeprefix('not ')}."
        return sentence if len(verdicts) > 1 else f"The strategy is {UNDECIDED}."
    return " ".join(f"{text[0].upper()}{text[1:]}: {', '.join(names)}." for text, names in by_text.items())
