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
NEVER_TRADED = "never traded"
WORDS = {
    SUPPORTED: "edge supported",
    UNPROVEN: "not proven",
    UNDECIDED: "may be luck",
    WORSE: "worse",
    NEVER_TRADED: "never traded",
    NO_VERDICT: "no verdict",
}
"""How each verdict is said to a reader, in every sentence and table; the keys are what files hold."""
DEFLATED = 0.95  # smallest deflated Sharpe ratio, lead and timing
SEEDS = 0.80  # smallest share of the seeds with a Sharpe ratio above that of buy-and-hold
AUDIT_PASSED = "a look-ahead audit that passed"
RULE = (
    f"{WORDS[SUPPORTED]!r} needs all of these: a Sharpe ratio above that of holding with a p-value below "
    f"{SIGNIFICANCE} (Ledoit-Wolf test by the studentised block bootstrap, two-sided, times the number of "
    f"strategies of the run); above {DEFLATED} the chance that the best of as many trials without skill as are in "
    "the ledger has a lower Sharpe ratio, a smaller lead over holding and worse timing, each for itself; better "
    "timing than 95% of its own holdings in random order, or where that is undefined than 95% of null worlds; "
    f"where seeds were run, {SEEDS:.0%} of them above holding; where null worlds were run, a p-value below "
    f"{SIGNIFICANCE} among them. And it needs proof: no failed check of prices, of look-ahead, of stale prices, "
    "of fills and cash, or of holding; and a look-ahead audit of the very code that ran, which is made as "
    f"soon as all the rest holds, and passes. Where only the proof is missing, it is {WORDS[UNPROVEN]!r}. "
    f"{WORDS[WORSE]!r} needs the first with a Sharpe ratio below. Without a single trade it is "
    f"{WORDS[NEVER_TRADED]!r}. All else, and what is undefined, is {WORDS[UNDECIDED]!r}. Where holding could not "
    "buy a share there is no verdict."
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
    traded: bool = True  # the strategy did


@dataclass(frozen=True)
class Condition:
    """One condition of an edge, and whether a strategy meets it."""

    name: str  # short, for the head of a column
    met: bool | None  # None where it was not run, or does not apply
    found: str  # "0.280", "undefined", "passed"
    sentence: str  # what an edge would need, with what was found


@dataclass(frozen=True)
class Verdict:
    """The verdict on one strategy by `RULE`, and the conditions of an edge."""

    text: str
    missing: tuple[str, ...]  # conditions that are not met; the audit is one only where nothing else is missing
    conditions: tuple[Condition, ...]  # all of them, in the order of the rule


def verdict(evidence: Evidence) -> Verdict:
    """The verdict that `RULE` gives for `evidence`."""
    statistics, checks, proof = _statistics(evidence), _checks(evidence), _proof(evidence)
    conditions = (*statistics, *checks, *proof)
    missing, failed = _unmet(statistics), _unmet(checks)
    if not evidence.held:
        return Verdict(NO_VERDICT, missing, conditions)
    if not evidence.traded:
        return Verdict(NEVER_TRADED, missing, conditions)
    if not missing:
        lacking = (*failed, *_unmet(proof))
        return Verdict(UNPROVEN if lacking else SUPPORTED, lacking, conditions)
    worse = _significant(evidence.p_adjusted) and (evidence.sharpe.difference or 0.0) < 0.0
    return Verdict(WORSE if worse else UNDECIDED, (*missing, *failed), conditions)


def _unmet(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(condition.sentence for condition in conditions if condition.met is False)


def _checks(e: Evidence) -> tuple[Condition, ...]:
    """That the checks which can void an edge have passed; one condition for each that failed."""
    if not e.faults:
        return (Condition("checks", True, "passed", "a check that passed"),)
    return tuple(Condition("checks", False, "failed", f"a check that passed ({fault})") for fault in e.faults)


def _proof(e: Evidence) -> tuple[Condition, ...]:
    """What the statistics do not show; a strategy whose timing nobody knows is not proven."""
    known = e.placebo.p_value is not None or e.worlds is not None
    timing = "a timing that is known (its holdings are not; add --worlds 40)"
    return (
        Condition("timing known", known, "known" if known else "not known", timing),
        Condition("audit", not e.audit, e.audit or "passed", f"{AUDIT_PASSED} ({e.audit})"),
    )


def _statistics(e: Evidence) -> tuple[Condition, ...]:
    """The conditions of an edge apart from its proof."""
    known = e.placebo.p_value is not None  # else null worlds stand in
    timing = e.placebo.p_value if known else e.worlds
    bought = Condition("bought", e.held, "yes" if e.held else "no", "a holding that bought something")
    higher, ahead = (e.sharpe.difference or 0.0) > 0.0, "a Sharpe ratio above that of holding"
    return (
        bought,
        Condition("Sharpe above", higher, _signed(e.sharpe.difference), ahead),
        _below("adjusted p", e.p_adjusted, f"an adjusted p-value below {SIGNIFICANCE}"),
        _above("deflated Sharpe", e.deflated_sharpe, "a deflated Sharpe ratio"),
        _above("deflated lead", e.deflated_lead, "a deflated lead"),
        _above("deflated timing", e.deflated_timing, "a deflated timing", asked=known),
        _below("timing p", timing, "timing better than by chance", asked=timing is not None, short="p "),
        Condition(
            "seeds above",
            None if e.seeds_above is None else e.seeds_above >= SEEDS,
            "not run" if e.seeds_above is None else f"{e.seeds_above:.0%}",
            f"{SEEDS:.0%} of seeds above ({_text(e.seeds_above)})",
        ),
        _below("worlds p", e.worlds, "more than null worlds have", asked=e.worlds is not None, short="p "),
    )


def _below(name: str, p_value: float | None, needs: str, asked: bool = True, short: str = "") -> Condition:
    met = _significant(p_value) if asked else None
    found = _text(p_value) if asked else "not run"
    return Condition(name, met, found, f"{needs} ({short}{_text(p_value)})")


def _above(name: str, value: float | None, needs: str, asked: bool = True) -> Condition:
    met = _enough(value) if asked else None
    found = _text(value) if asked else "not known"
    return Condition(name, met, found, f"{needs} above {DEFLATED} ({_text(value)})")


def _significant(p_value: float | None) -> bool:
    return p_value is not None and p_value < SIGNIFICANCE


def _enough(value: float | None) -> bool:
    return value is not None and value > DEFLATED


def _text(value: float | None) -> str:
    return "undefined" if value is None else f"{round(value, 3) + 0.0:.3f}"  # + 0.0: never -0.000


def _signed(value: float | None) -> str:
    return "undefined" if value is None else f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"


def headline(verdicts: Mapping[str, str]) -> str:
    """The verdicts of all strategies in one sentence; `verdicts` maps the name of a strategy to its text."""
    by_text: dict[str, list[str]] = {}
    for name, text in verdicts.items():
        by_text.setdefault(text, []).append(name)
    if NO_VERDICT in by_text:
        return (
            "There is no verdict, as holding never bought: a share costs more than the account; raise "
            "broker.cash or set broker.fractional: true."
        )
    if list(by_text) == [UNDECIDED]:
        who = f"None of the {len(verdicts)} strategies did" if len(verdicts) > 1 else "The strategy did not do"
        return f"{who} reliably better than holding."
    return " ".join(f"{_capital(WORDS.get(text, text))}: {', '.join(names)}." for text, names in by_text.items())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
