"""Why two runs on the same bars differ: chance, memory, a later bar, or only a need for all bars at once."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np

from lstmstrat.audit import child, ends, isolation, perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import ALL, compare, differing_bars
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.finding import Discrepancy, Finding
from lstmstrat.audit.perturb import ROUNDING
from lstmstrat.audit.trace import Subject, Trace

TRUNCATED = "truncated"
AIMED = 24  # bars at which a stream differs that get cuts, at most


def of_unequal_runs(case: Case, probe: str, compared: int, difference: Discrepancy) -> Finding:
    """The finding for two runs in a row that differ: random numbers, or something kept from the first run."""
    if _is_repeatable(case.subject):
        detail = (
            "a second run differs from the first, though each is repeatable: it keeps something of an earlier "
            "run, in its class or in a module"
        )
        return case.failed(probe, compared, detail, difference)
    return case.not_assessed(
        probe,
        f"two equal runs differ, so nothing can be compared: {difference}; if it draws random numbers, give them "
        "a seed, such as self.dice = random.Random(0) in __init__",
    )


def _is_repeatable(subject: Subject) -> bool:
    """Whether two runs that begin in the same state are equal, but for the state of the global random numbers.

    The state is that of this process, by forks of it; else, that of a module that was just imported.
    """
    try:
        if child.CAN_FORK:
            return bool(child.forked(lambda: _seeded(subject, 1)) == child.forked(lambda: _seeded(subject, 2)))
        with isolation.fresh(subject) as one, isolation.fresh(subject) as two:
            return _digest(one) == _digest(two)
    except (child.ChildError, isolation.NoModuleError):
        return False


def _seeded(subject: Subject, seed: int) -> str:
    """The digest after other seeds of the global generators; only in a child process."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (the user's code may draw from it)
    return _digest(subject)


def _digest(subject: Subject) -> str:
    trace = subject.with_fields(session=None).run()
    digest = hashlib.sha256(repr((trace.orders, trace.fills, str(trace.error))).encode())
    for name, line in trace.lines.items():
        digest.update(name.encode() + line.tobytes())
    return digest.hexdigest()


def of_unequal_stream(
    case: Case, probe: str, compared: int, stream: Trace, difference: Discrepancy | None
) -> Finding:
    """The finding for a run that differs when its bars come one by one.

    If it differs bar by bar with all bars loaded too, or moves with the bars after one of the bars at which the
    stream differs, it looks ahead. Else it only cannot run live.
    """
    count, other = compare(case.original, case.subject.with_fields(session=None).run(), ALL)
    if other is not None:
        return of_unequal_runs(case, probe, compared + count, other)
    by_bar = case.subject.run(mode="bar by bar")
    count, other = compare(case.original, by_bar, ALL, ROUNDING, begin=case.original.first)
    if other is not None:
        return case.failed(probe, compared + count, "bar by bar it sees something else than all at once", other)
    places = differing_bars(case.original, stream)
    cuts = [bar for bar in case.cuts if case.pinned] or spread_over(places, AIMED)
    of_the_end = False
    for k, cut in enumerate(cuts):
        for kind, changed in _futures(case, cut):
            count, moved = compare(case.original, changed, cut, ROUNDING)
            compared += count
            if moved := moved or case.ends_early(changed, cut):
                is_rule = case.is_rule_of_the_end(cut, changed, moved, k) if kind == TRUNCATED else False
                if is_rule or (is_rule is None and of_the_end):
                    of_the_end = True
                    continue
                detail = "streamed it does something else, and what it does then moves with the bars after it"
                return case.failed(probe, compared, detail, moved, cut, kind)
    why = f"it ends with {type(stream.error).__name__}: {stream.error}" if stream.error else str(difference)
    detail = (
        f"it needs all bars loaded and cannot run live (as a stream: {why}); {len(cuts)} of the {len(places)} "
        "bars at which that makes a difference do not move with later bars"
    )
    detail = f"{ends.SAID} (as a stream: {why})" if of_the_end else detail
    return case.warned(probe, compared, detail, difference)


def _futures(case: Case, cut: int) -> Any:
    """The subject without the bars after a cut, and with two other futures, each with the name of the change."""
    frame, run = case.subject.frame, case.subject.run
    yield TRUNCATED, run(perturb.truncate(frame, cut), others=case.others_until(cut))
    for kind in ("walk", "mirrored"):
        future = perturb.replace_future(frame, cut, kind, case.seed)
        yield f"suffix {kind}", run(future, others=case.others_after(cut, kind))
