"""One subject under audit: what every probe needs, and the findings that a probe can return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lstmstrat.audit.cuts import aimed_cuts
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Discrepancy, Finding
from lstmstrat.audit.trace import Subject, Trace

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

    def passed(self, probe: str, comparisons: int, bars: Sequence[int], detail: str) -> Finding:
        """The finding that there is no difference; "not assessed" if nothing was compared."""
        status = PASSED if comparisons else NOT_ASSESSED
        return Finding(probe, self.subject.name, status, comparisons, self._days(bars), detail)

    def not_assessed(self, probe: str, why: str) -> Finding:
        """The finding that nothing could be compared, with the reason."""
        return Finding(probe, self.subject.name, NOT_ASSESSED, 0, (), why)

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
        bars = () if cut is None else (cut,)
        command = self.command(probe.split()[0], day)
        name = self.subject.name
        return Finding(probe, name, FAILED, comparisons, self._days(bars), detail, difference, command)

    def _days(self, bars: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.original.day(bar) for bar in sorted(set(bars)))


def open_case(subject: Subject, seed: int, command: Command, cut: str = "") -> Case:
    """Run the subject on its original bars and choose the cuts.

    `cut` is the date of the only cut; with "" the cuts are those of `aimed_cuts`. The run may have ended with an
    error; see `Trace.error`.
    """
    original = subject.run()
    if cut:
        cuts = [bar for bar in range(original.bars) if original.day(bar) == cut]
    else:
        refits = sorted({*original.refits, *subject.refits})
        horizon = max([walk.config.horizon + 1 for walk in original.walks], default=3)
        first = min(original.first, original.bars - 1)
        orders = [order.bar for order in original.orders]
        cuts = aimed_cuts(subject.frame, first, refits, orders, seed, horizon)
    return Case(subject, original, tuple(cuts), seed, bool(cut), command)
