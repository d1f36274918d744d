"""What the audit of a universe asks of code of the user's own alone.

It is watched while it decides as a stream, where nothing ran before (P12). The stream must decide what the whole
panel at once does (P0), and other bars after the first ones what they do where they are the first (P6). A split of
half of the assets may change no weight (P7).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from lstmstrat.audit import sources
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, WARNING, Discrepancy, Finding
from lstmstrat.audit.invariance import EXACT, HALF, TWICE_THE_VOLUME
from lstmstrat.audit.perturb import ROUNDING
from lstmstrat.config.schema import Config
from lstmstrat.forecasting.session import Progress
from lstmstrat.prices.panel import Panel
from lstmstrat.study.panel.changed import mirrored, split, with_other_later, without_later
from lstmstrat.study.panel.decisions import WEIGHT, Decisions, day, difference, differing
from lstmstrat.study.panel.own_code import PanelCode, did, of_config

STREAM, CACHE, SCALE, SOURCES = "P0 stream", "P6 cache", "P7 scale", "P12 sources"
CHANGES = {"no later bars": without_later, "later bars replaced": with_other_later}
AIMED = 6  # sessions at which a stream differs that get cuts, at most


@dataclass(frozen=True, eq=False)
class OwnCase:
    """Own code under audit: what it decides here, and what is found where nothing ran before."""

    code: PanelCode
    subject: str
    command: str

    @cached_property
    def other(self) -> PanelCode:
        """The same code with other bars."""
        return self.code.on(mirrored(self.code.panel))

    @cached_property
    def whole(self) -> Decisions:
        """What it decides on the whole panel at once."""
        return self.code.decided(in_steps=False)

    @cached_property
    def stream(self) -> Decisions | str:
        """What it decides as a stream, after it has seen the whole panel; the error that it ends with."""
        assert self.whole.lines
        return self.code.tried(in_steps=True)

    @cached_property
    def alone(self) -> tuple[sources.Sources, sources.Sources]:
        """What is found where nothing ran before: with its panel, and with other bars."""
        one, other = sources.of_own_code([self.code, self.other])
        return one, other

    def finding(
        self, probe: str, status: str, compared: int, detail: str, found: Discrepancy | None = None
    ) -> Finding:
        """A finding of one of the probes."""
        command, times = f"{self.command} --only {probe.split()[0]}", self.code.panel.times
        period = day(times[min(self.code.first, len(times) - 1)]), day(times[-1])
        return Finding(probe, self.subject, status, compared, (), detail, found, command, period)


def own_findings(
    config: Config, panel: Panel, subject: str, command: str, show: Progress, only: str = ""
) -> tuple[Finding, ...]:
    """The findings on the own code of a config; empty if it has none."""
    cases = [OwnCase(code, subject, command) for code in of_config(config, panel)]
    found = list[Finding]()
    for case in cases:
        found += audit_own(case, partial(_show_part, show, len(found), len(cases)), only)
    return tuple(found)


def _show_part(show: Progress, before: int, parts: int, done: int, total: int) -> None:
    """Progress of one of some parts of the same length."""
    show(before + done, parts * total)


def audit_own(case: OwnCase, show: Progress, only: str = "") -> tuple[Finding, ...]:
    """The findings of each probe of own code; `only` is one of them, such as P12."""
    chosen = {name: probe for name, probe in PROBES.items() if only in ("", name.split()[0])}
    findings = list[Finding]()
    show(0, len(chosen))
    for name, probe in chosen.items():
        findings.append(_asked(name, probe, case))
        show(len(findings), len(chosen))
    return tuple(findings)


def _asked(name: str, probe: OwnProbe, case: OwnCase) -> Finding:
    try:
        return probe(case)
    except Exception as error:  # the user's code
        return case.finding(name, NOT_ASSESSED, 0, f"it does not run: {type(error).__name__}: {error}")


def watched(case: OwnCase) -> Finding:
    """Watch what the code opens, look for tables in it, and for what an earlier run left behind."""
    judgement = sources.judged(case.alone[0], case.code, lambda: did(case.stream).decisions)
    return case.finding(SOURCES, judgement.status, judgement.compared, judgement.detail)


def unmoved_by_steps(case: OwnCase) -> Finding:
    """A stream, in which later sessions do not exist yet, must decide what the whole panel at once does.

    Where it does not, the code looks ahead if what it decides there moves with the sessions after it. Else it only
    needs all of them at once.
    """
    whole, stream, last = case.whole, case.stream, len(case.whole.times) - 1
    if isinstance(stream, str):
        return _of_unequal_stream(case, range(whole.first, last), f"it ends with {stream}", None)
    found, compared = difference(whole, stream, last, "as a stream", ROUNDING), whole.until(last)
    if found is None:
        detail = "as a stream it decides the same"
        return case.finding(STREAM, PASSED if compared else NOT_ASSESSED, compared, detail)
    return _of_unequal_stream(case, differing(whole, stream, ROUNDING), str(found), found)


def _of_unequal_stream(case: OwnCase, places: Sequence[int], why: str, found: Discrepancy | None) -> Finding:
    """A leak, if what is decided at one of the sessions moves with those after it, else a warning."""
    compared = case.whole.until(len(case.whole.times) - 1)
    if moved := _moved_by_later(case, spread_over(places, AIMED)):
        detail = "as a stream it decides something else, and that moves with the bars after it"
        return case.finding(STREAM, FAILED, compared, detail, moved)
    detail = f"it needs all sessions at once and cannot run live (as a stream: {why})"
    return case.finding(STREAM, WARNING, compared, detail, found)


def _moved_by_later(case: OwnCase, cuts: list[int]) -> Discrepancy | None:
    """The first decision that moves with the bars after a cut; an error says nothing, it may need more bars."""
    for cut in cuts:
        for how, changed in CHANGES.items():
            other = case.code.on(changed(case.code.panel, cut)).tried(in_steps=False)
            if isinstance(other, Decisions) and (moved := difference(case.whole, other, cut, how, ROUNDING)):
                return moved
    return None


def kept_apart(case: OwnCase) -> Finding:
    """Other bars after the original ones must be decided as they are where they are the first."""
    assert case.whole.lines
    alone, here = case.alone[1], case.other.did(streamed=True).decisions
    if alone.decisions is None or alone.error:
        return case.finding(CACHE, NOT_ASSESSED, 0, f"with other bars it ends with {alone.error}")
    if alone.decisions == here:
        detail = "other bars after the original ones are as if they were the first"
        return case.finding(CACHE, PASSED if here else NOT_ASSESSED, len(here), detail)
    pairs = itertools.zip_longest(alone.decisions, here, fillvalue="none")
    first = next(f"{one}, and {two} here" for one, two in pairs if one != two)
    return case.finding(CACHE, FAILED, len(here), f"it remembers other bars: where they are the first, {first}")


def unmoved_by_splits(case: OwnCase) -> Finding:
    """Half of the assets are split 2:1 in all history: no weight may depend on the level of a price.

    Among adjusted prices a level knows the splits and dividends that came later.
    """
    last, found = len(case.whole.times) - 1, None
    weights = case.whole.only(WEIGHT)
    for volume, rtol in ((1.0 / HALF, TWICE_THE_VOLUME), (1.0, EXACT)):
        changed = case.code.on(split(case.code.panel, volume)).decided(in_steps=False)
        found = difference(weights, changed.only(WEIGHT), last, f"prices times {HALF}", rtol)
        if found is None:
            detail = "a split of half of the assets changes no weight"
            return case.finding(SCALE, PASSED, weights.lines[WEIGHT].size, detail)
    detail = "its weights depend on the level of prices, and adjusted ones know later splits and dividends"
    return case.finding(SCALE, WARNING, weights.lines[WEIGHT].size, detail, found)


OwnProbe = Callable[[OwnCase], Finding]
PROBES: Mapping[str, OwnProbe] = {
    SOURCES: watched,  # first: what a run leaves behind would be there in a fork as well
    STREAM: unmoved_by_steps,
    CACHE: kept_apart,
    SCALE: unmoved_by_splits,
}
