"""What may be said of a strategy, by a rule declared beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.inference.bootstrap import Difference
from lstmstrat.inference.sharpe import SIGNIFICANCE
from lstmstrat.inference.timing import Placebo

SUPPORTED = "edge supported"
WORSE = "worse than buy-and-hold"
UNDECIDED = "not distinguishable from buy-and-hold"
DEFLATED = 0.95  # least deflated Sharpe ratio and lead
SEEDS = 0.80  # least share of the seeds that are above buy-and-hold
RULE = (
    f"{SUPPORTED!r} needs all of these: a Sharpe ratio above buy-and-hold's with a p-value below {SIGNIFICANCE} "
    "(Ledoit-Wolf test by the studentised block bootstrap, two-sided, Holm-adjusted for the strategies); a "
    f"deflated Sharpe ratio and a deflated lead above {DEFLATED}, by the trials in the ledger; better timing than "
    "95% of its own holdings in random order, or where that is undefined than 95% of null worlds; where seeds "
    f"were run, {SEEDS:.0%} of them above buy-and-hold; where null worlds were run, a p-value below "
    f"{SIGNIFICANCE} among them; no failed check of look-ahead or of the benchmark. "
    f"{WORSE!r} needs the first with a Sharpe ratio below. All else, and what is undefined, is {UNDECIDED!r}."
)


@dataclass(frozen=True)
class Evidence:
    """What the rule looks at; None is undefined, and for seeds and worlds also not run."""

    sharpe: Difference
    p_adjusted: float | None  # Holm, over the strategies of the run
    deflated_sharpe: float | None  # both None where the trials are not known
    deflated_lead: float | None
    placebo: Placebo  # the strategy among shuffles of its own holdings
    sound: bool  # no check of look-ahead or of the benchmark failed
    seeds_above: float | None = None  # share of the seeds with a Sharpe ratio above buy-and-hold's
    worlds: float | None = None  # p-value among null worlds


@dataclass(frozen=True)
class Verdict:
    """What may be said of one strategy by `RULE`, and what an edge would still need."""

    text: str
    missing: tuple[str, ...]  # the conditions of an edge that are not met


def verdict(evidence: Evidence) -> Verdict:
    """The verdict by `RULE`."""
    missing = _missing(evidence)
    if not missing:
        return Verdict(SUPPORTED, ())
    worse = _significant(evidence) and (evidence.sharpe.difference or 0.0) < 0.0
    return Verdict(WORSE if worse else UNDECIDED, missing)


def _significant(evidence: Evidence) -> bool:
    return evidence.p_adjusted is not None and evidence.p_adjusted < SIGNIFICANCE


def _missing(e: Evidence) -> tuple[str, ...]:
    """What is known to be short of an edge, in the order of the rule."""
    timing = e.worlds if e.placebo.p_value is None else e.placebo.p_value
    conditions = (
        ((e.sharpe.difference or 0.0) > 0.0, "a Sharpe ratio above buy-and-hold's"),
        (_significant(e), f"an adjusted p-value below {SIGNIFICANCE} ({_of(e.p_adjusted)})"),
        (_above(e.deflated_sharpe), f"a deflated Sharpe ratio above {DEFLATED} ({_of(e.deflated_sharpe)})"),
        (_above(e.deflated_lead), f"a deflated lead above {DEFLATED} ({_of(e.deflated_lead)})"),
        (_below(timing), f"timing better than by chance (p {_of(timing)})"),
        (e.seeds_above is None or e.seeds_above >= SEEDS, f"{SEEDS:.0%} of seeds above ({_of(e.seeds_above)})"),
        (e.worlds is None or _below(e.worlds), f"more than null worlds have (p {_of(e.worlds)})"),
        (e.sound, "no failed check of look-ahead or of the benchmark"),
    )
    return tuple(words for met, words in conditions if not met)


def _below(p_value: float | None) -> bool:
    return p_value is not None and p_value < SIGNIFICANCE


def _above(value: float | None) -> bool:
    return value is not None and value > DEFLATED


def _of(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def headline(judged: Mapping[str, str]) -> str:
    """One sentence over the verdicts of all strategies, by name."""
    by_text: dict[str, list[str]] = {}
    for name, text in judged.items():
        by_text.setdefault(text, []).append(name)
    if list(by_text) == [UNDECIDED]:
        none = f"None of the {len(judged)} strategies is {UNDECIDED.removeprefix('not ')}."
        return none if len(judged) > 1 else f"The strategy is {UNDECIDED}."
    return " ".join(f"{text[0].upper()}{text[1:]}: {', '.join(names)}." for text, names in by_text.items())


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm (1979) step-down adjusted p-values, in the order given.

    Rejecting where the adjusted value is below 5 % keeps the chance of any false rejection among all of them
    below 5 %, however they depend on each other.

    Raises
    ------
    ValueError
        A value outside 0 to 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError(f"p-values must lie between 0 and 1; {list(p_values)} given")
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
