"""One subject under audit: what every probe needs, and the findings that a probe can return."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from lstmstrat.audit import ends, perturb
from lstmstrat.audit.compare import ALL, compare, same
from lstmstrat.audit.cuts import aimed_cuts, spread_over
from lstmstrat.audit.feeds import OtherBars
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, WARNING, Discrepancy, Finding
from lstmstrat.audit.perturb import ROUNDING
from lstmstrat.audit.trace import ATTRIBUTE, STREAMED, Subject, Trace
from lstmstrat.trading.clock import to_numbers

Command = Callable[[str, str], str]  # (id of the probe, date of a cut or "") -> command that reproduces a failure


@dataclass(frozen=True)
class Case:
    """A subject, its run on the original bars, and the bars after which the probes change the rest."""

    subject: Subject
    original: Trace
    cuts: tuple[int, ...]
    seed: int
    pinned: bool  # the user gave the only cut; P2 tries every kind of perturbation there
    command: Command

    @cached_property
    def stream(self) -> Trace:
        """The run of the subject as a stream, in which a later bar does not exist yet."""
        return self.subject.run(mode=STREAMED)

    def passed(self, probe: str, comparisons: int, bars: Sequence[int], detail: str) -> Finding:
        """The finding that there is no difference; "not assessed" if nothing was compared."""
        status = PASSED if comparisons else NOT_ASSESSED
        return self._finding(probe, status, comparisons, bars, detail)

    def not_assessed(self, probe: str, why: str) -> Finding:
        """The finding that nothing could be compared, with the reason."""
        return self._finding(probe, NOT_ASSESSED, 0, (), why)

    def failed(
        self,
        probe: str,
        comparisons: int,
        detail: str,
        difference: Discrepancy | None = None,
        cut: int | None = None,
        perturbation: str = "",
    ) -> Finding:
        """The finding of a difference, with the command that reproduces it."""
        day = "" if cut is None else self.original.day(cut)
        if difference is not None:
            difference = replace(difference, cut=day, perturbation=perturbation)
        finding = self._finding(probe, FAILED, comparisons, () if cut is None else (cut,), detail)
        return replace(finding, difference=difference, command=self.command(finding.id, day))

    def warned(self, *arguments: Any, **values: Any) -> Finding:
        """The finding of a difference that is no look-ahead; it takes what `failed` takes."""
        return replace(self.failed(*arguments, **values), status=WARNING)

    def time(self, bar: int) -> float:
        """The time of a bar, as Backtrader counts it."""
        return float(to_numbers(pd.DatetimeIndex(self.subject.frame.index[[bar]]))[0])

    def others_until(self, bar: int) -> OtherBars:
        """The bars of other feeds without those after a bar."""
        return OtherBars(last=self.time(bar))

    def others_after(self, bar: int, kind: str) -> OtherBars:
        """The bars of other feeds, changed after a bar like those of the first feed."""
        return OtherBars(changed_after=self.time(bar), mirrored=kind == "mirrored", seed=self.seed)

    def changed_past(self, middle: int) -> Trace:
        """The run with other bars from the second one up to `middle`, in every feed."""
        others = OtherBars(changed_after=-math.inf, changed_until=self.time(middle - 1), seed=self.seed)
        return self.subject.run(
            perturb.replace_bars(self.subject.frame, slice(1, middle), "walk", self.seed), others=others
        )

    @cached_property
    def depends_on_no_bar(self) -> bool:
        """Whether its orders and lines are the same whatever bars there are, as those of a calendar rule."""
        if not self.original.orders or not len(self.subject.frame) > 2:
            return False
        whole = slice(1, len(self.subject.frame))
        others = OtherBars(changed_after=-math.inf, seed=self.seed)
        original = self.original.without_account()
        for kind in ("walk", "mirrored"):
            changed = self.subject.run(
                perturb.replace_bars(self.subject.frame, whole, kind, self.seed), others=others
            )
            if changed.error or compare(original, changed.without_account(), ALL)[1] is not None:
                return False
        return True

    def ends_early(self, changed: Trace, cut: int) -> Discrepancy | None:
        """The difference of a run that ends with an error at a bar up to `cut`, which the original run survived.

        An error before the first bar says nothing: the strategy may need more bars to begin.
        """
        if changed.error is None or not 0 < changed.bars <= cut:
            return None
        what = f"{type(changed.error).__name__}: {changed.error}"
        return Discrepancy(changed.bars, self.original.day(changed.bars), "run", "goes on", what)

    def is_rule_of_the_end(self, cut: int, shorter: Trace, difference: Discrepancy, k: int = 0) -> bool | None:
        """Whether what differs on the bars up to a cut is a rule of the end; None if too few bars follow to tell.

        `k` picks the kinds of futures that are tried, of which one cut sees a part.
        """
        if difference.line == "run" or not ends.is_near(difference.bar, cut):
            return False
        if not ends.has_room(self.subject.frame, cut):
            return None
        kinds = [ends.FUTURES[(k + j) % len(ends.FUTURES)] for j in (0, 3)]
        for trial in ends.trials(self.subject.frame, cut, difference.bar, self.seed + k, kinds):
            others = replace(self.others_after(trial.unchanged, trial.kind), last=self.time(len(trial.frame) - 1))
            changed = self.subject.run(trial.frame, others=others)
            before = shorter if trial.is_cut else self.original
            if changed.bars <= trial.unchanged or compare(before, changed, trial.unchanged, ROUNDING)[1]:
                return False
        return True

    def _finding(self, probe: str, status: str, comparisons: int, bars: Sequence[int], detail: str) -> Finding:
        first = min(self.original.first, max(0, self.original.bars - 1))
        period = (
            (self.original.day(first), self.original.day(self.original.bars - 1))
            if self.original.bars
            else ("", "")
        )
        name, cuts = self.subject.name, self._days(bars)
        return Finding(probe, name, status, comparisons, cuts, detail, period=period)

    def _days(self, bars: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.original.day(bar) for bar in sorted(set(bars)))


def open_case(subject: Subject, seed: int, command: Command, cut: str = "") -> Case:
    """Run the subject on its original bars and choose the cuts.

    `cut` is the date of the only cut; with "" the cuts are those of `aimed_cuts`. The run may have ended with an
    error; see `Trace.error`.
    """
    original = subject.run()
    if noise := _noise(subject, original):
        subject, original = subject.with_fields(ignored=noise), original.without_attributes(noise)
    if cut:
        cuts = [bar for bar in range(original.bars) if original.day(bar) == cut]
    else:
        refits = sorted({*original.refits, *subject.refits})
        horizon = max([walk.config.horizon + 1 for walk in original.walks], default=3)
        first = min(original.first, original.bars - 1)
        orders = [order.bar for order in original.orders]
        cuts = aimed_cuts(subject.frame, first, refits, orders, seed, horizon)
        cuts = spread_over(cuts, subject.cuts) if subject.cuts else cuts
    return Case(subject, original, tuple(cuts), seed, bool(cut), command)


def _noise(subject: Subject, original: Trace) -> frozenset[str]:
    """The attributes of a strategy that differ between equal runs: an order's number, a clock, an address.

    What the strategy does with them shows in its orders, so they are no part of what is compared.
    """
    names = [name for name in original.lines if name.startswith(ATTRIBUTE)]
    if not names or original.error:
        return frozenset()
    again = subject.run()
    unequal = [name for name in names if name not in again.lines or not _equal(original, again, name)]
    return frozenset(name.removeprefix(ATTRIBUTE) for name in unequal)


def _equal(one: Trace, two: Trace, name: str) -> bool:
    x, y = one.lines[name], two.lines[name]
    return len(x) == len(y) and bool(same(x, y, 0.0).all())
