"""The probes of what a strategy may know: it must do the same whatever comes later.

Each probe is a function of a `Case` that gives a `Finding`. It says "passed" only of values that it compared.
"""

from __future__ import annotations

import numpy as np

from lstmstrat.audit import perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import ALL, ROUNDING, compare, same
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.finding import Finding
from lstmstrat.audit.trace import ACCOUNT, Trace
from lstmstrat.checks import FAILED as CHECK_FAILED
from lstmstrat.checks import check_labels
from lstmstrat.forecast import FittedFold, WalkForward

TRUNCATIONS = 12


def rerun(case: Case) -> Finding:
    """The same bars again, at once and bar by bar: without this no other difference means anything."""
    name, original = "P0 rerun", case.original
    total, difference = compare(original, case.subject.run(), ALL)
    if difference:
        return case.not_assessed(name, f"two equal runs differ, so nothing can be compared: {difference}")
    detail = "equal runs are equal"
    for mode in ("bar by bar", "streamed"):
        other = case.subject.run(mode=mode)
        if other.error:
            detail += f"; {mode} it ends with {_said(other.error)}"
            continue
        count, difference = compare(original, other, ALL, ROUNDING, begin=original.first)
        total += count
        if difference:
            return case.failed(name, total, f"{mode} it sees something else than with all bars loaded", difference)
        detail += f", and {mode}"
    return case.passed(name, total, (), detail)


def liveness(case: Case) -> Finding:
    """Changed past bars must show: an audit that sees nothing finds nothing."""
    name, original = "P1 liveness", case.original
    if not original.orders and not (original.lines.keys() - {ACCOUNT}):
        return case.not_assessed(name, "it has no indicator and made no order, so there is nothing to compare")
    middle = max(2, (min(original.first, original.bars - 2) + original.bars) // 2)
    changed = case.subject.run(perturb.replaced(case.subject.frame, slice(1, middle), "walk", case.seed))
    count, difference = compare(original.decided(), changed.decided(), ALL)
    if difference is None:
        return case.not_assessed(name, f"{middle - 1} other bars in the past moved no line and no order")
    moved = [n for n, line in original.lines.items() if n != ACCOUNT and not _same_line(line, changed, n)]
    lines = len(original.lines) - 1
    detail = f"other bars in the past move {len(moved)} of {lines} lines"
    for walk in original.walks:
        heard, said = _hears_training(case, walk)
        if not heard:
            return case.not_assessed(name, said)
        detail += said
    return case.passed(name, count, (middle,), detail)


def _same_line(line: np.ndarray, trace: Trace, name: str) -> bool:
    other = trace.lines.get(name, line[:0])
    bars = min(len(line), len(other))
    return bool(same(line[:bars], other[:bars], 0.0).all())


def _hears_training(case: Case, walk: WalkForward) -> tuple[bool, str]:
    """Whether a fold's forecast moves with bars that are in its training slice and in no window of its inputs."""
    fold = next((f for f in walk.folds if f.members), None)
    if fold is None:
        return False, "no fold of its LSTMForecast could be fitted"
    begin, end = _training_only(fold, walk)
    if end - begin < walk.config.lookback:
        return True, ""
    changed = case.subject.run(perturb.replaced(case.subject.frame, slice(begin, end), "walk", case.seed))
    day = fold.fold.fitted_at
    if day >= changed.bars or changed.lines == {}:
        return True, ""
    _, difference = compare(case.original, changed, day, begin=day)
    return difference is not None, (
        "; training bars alone move the forecast"
        if difference
        else "its forecast does not move with the bars it was trained on"
    )


def _training_only(fold: FittedFold, walk: WalkForward) -> tuple[int, int]:
    newest = fold.fold.fitted_at - walk.config.lookback - walk.features.warmup
    return fold.fold.first + walk.features.warmup, newest


def suffix(case: Case) -> Finding:
    """Another future after a cut: everything up to the cut must keep its bits."""
    name, total, used, refused, unfelt = "P2 suffix", 0, list[int](), 0, 0
    others = [kind for kind in perturb.KINDS if kind != "walk"]
    for k, cut in enumerate(case.cuts):
        for kind in perturb.KINDS if case.pinned else ("walk", others[k % len(others)]):
            changed = case.subject.run(perturb.later(case.subject.frame, cut, kind, case.seed))
            if changed.bars <= cut:
                refused += 1
                continue
            count, difference = compare(case.original, changed, cut)
            if difference:
                detail = "what was seen or done before the cut moves with bars after it"
                return case.failed(name, total + count, detail, difference, cut, f"suffix {kind}")
            if not changed.error and compare(case.original, changed, ALL)[1] is None:
                unfelt += 1
                continue
            total += count
            used.append(cut)
    detail = f"{len(used)} other futures move nothing before them"
    detail += f"; {refused} could not be run" if refused else ""
    detail += f"; {unfelt} were not felt afterwards either and are not counted" if unfelt else ""
    return case.passed(name, total, used, detail if case.cuts else "too few bars to cut at")


def truncation(case: Case) -> Finding:
    """No future at all after a cut."""
    name, total, used, refused = "P3 truncation", 0, list[int](), 0
    for cut in spread_over(case.cuts, TRUNCATIONS):
        changed = case.subject.run(perturb.truncated(case.subject.frame, cut))
        if changed.bars <= cut:
            refused += 1
            continue
        count, difference = compare(case.original, changed, cut, ROUNDING)
        total += count
        used.append(cut)
        if difference:
            detail = "what was seen or done before the cut is another when there are no bars after it"
            return case.failed(name, total, detail, difference, cut, "truncated")
    detail = f"{len(used)} shorter histories begin the same" + (f"; {refused} could not be run" if refused else "")
    return case.passed(name, total, used, detail)


def folds(case: Case) -> Finding:
    """Every label of every fold was complete before the bar of its fitting."""
    name = "P10 folds"
    if not any(walk.folds for walk in case.original.walks):
        return case.not_assessed(name, "it has no LSTMForecast whose folds could be looked at")
    bars, count = case.subject.frame.to_numpy(), 0
    for walk in case.original.walks:
        found = check_labels(walk, bars)
        count += len(walk.folds)
        if found.status == CHECK_FAILED:
            return case.failed(name, count, found.detail)
    return case.passed(name, count, (), f"labels complete before the fitting bar in {count} folds")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
