"""The probes of the future: a strategy must do the same whatever bars come later.

Each probe is a function that takes a `Case` and returns a `Finding`. A finding is "passed" only if values were
compared.
"""

from __future__ import annotations

import numpy as np

from lstmstrat.audit import alone, ends, perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import ALL, compare, same
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.finding import Discrepancy, Finding
from lstmstrat.audit.labels import check_labels
from lstmstrat.audit.perturb import ROUNDING
from lstmstrat.audit.trace import ACCOUNT, STREAMED, Trace
from lstmstrat.forecasting.fitted_fold import FittedFold
from lstmstrat.forecasting.walk_forward import WalkForward
from lstmstrat.results.assessment import FAILED as CHECK_FAILED

TRUNCATIONS = 12  # number of cuts for P3, at most


def rerun(case: Case) -> Finding:
    """Run on the same bars again, all at once and as a stream: the runs must be equal at every bar.

    If two runs on the same bars differ, a difference on changed bars proves nothing. In the stream a later bar
    does not exist yet, so an equal stream shows for each bar that no later bar was read. If only the stream
    differs, `alone.py` finds out why.
    """
    name, original, total = "P0 rerun", case.original, 0
    if "runonce" in case.subject.reruns:
        total, difference = compare(original, case.subject.with_fields(session=None).run(), ALL)
        if difference:
            return alone.of_unequal_runs(case, name, total, difference)
    if STREAMED not in case.subject.reruns:
        return case.passed(name, total, (), "equal runs are equal")
    stream = case.stream
    count, difference = compare(original, stream, ALL, ROUNDING, begin=original.first)
    total += count
    if difference is None and stream.error is None:
        return case.passed(name, total, (), "equal runs are equal, and streamed")
    return alone.of_unequal_stream(case, name, total, stream, difference)


def liveness(case: Case) -> Finding:
    """Changed past bars must change a line or an order: otherwise no probe could ever find a difference."""
    name, original = "P1 liveness", case.original
    if not original.orders and not (original.lines.keys() - {ACCOUNT}):
        return case.not_assessed(name, "it has no indicator and made no order, so there is nothing to compare")
    if case.depends_on_no_bar:
        detail = f"it depends on no bar: {len(original.orders)} orders are the same whatever bars there are"
        return case.passed(name, len(original.orders), (), detail)
    middle = max(2, (min(original.first, original.bars - 2) + original.bars) // 2)
    changed = case.changed_past(middle)
    count, difference = compare(original.without_account(), changed.without_account(), ALL)
    if difference is None:
        return case.not_assessed(name, f"{middle - 1} other bars in the past moved no line and no order")
    moved = [n for n, line in original.lines.items() if n != ACCOUNT and not _same_line(line, changed, n)]
    lines = len(original.lines) - 1
    detail = f"other bars in the past move {len(moved)} of {lines} lines"
    for walk in original.walks:
        moves, remark = _moves_with_training(case, walk)
        if not moves:
            return case.not_assessed(name, remark)
        detail += remark
    return case.passed(name, count, (middle,), detail)


def _same_line(line: np.ndarray, trace: Trace, name: str) -> bool:
    other = trace.lines.get(name, line[:0])
    bars = min(len(line), len(other))
    return bool(same(line[:bars], other[:bars], 0.0).all())


def _moves_with_training(case: Case, walk: WalkForward) -> tuple[bool, str]:
    """Whether the first forecast of a fold changes with bars of its training set that are not in its own window.

    The second value is a remark for the detail of the finding. If there are too few such bars, or if the changed
    run ends before that forecast, the answer is True without a remark.
    """
    fold = next((f for f in walk.folds if f.members), None)
    if fold is None:
        return False, "no fold of its LSTMForecast could be fitted"
    begin, end = _bars_only_in_training(fold, walk)
    if end - begin < walk.config.lookback:
        return True, ""
    changed = case.subject.run(perturb.replace_bars(case.subject.frame, slice(begin, end), "walk", case.seed))
    fitted_at = fold.fold.fitted_at
    if fitted_at >= changed.bars or changed.lines == {}:
        return True, ""
    _, difference = compare(case.original, changed, fitted_at, begin=fitted_at)
    return difference is not None, (
        "; training bars alone move the forecast"
        if difference
        else "its forecast does not move with the bars it was trained on"
    )


def _bars_only_in_training(fold: FittedFold, walk: WalkForward) -> tuple[int, int]:
    """The begin and end of the bars that the fold is trained on, but that its first forecast does not see."""
    end = fold.fold.fitted_at - walk.config.lookback - walk.features.warmup
    return fold.fold.first + walk.features.warmup, end


def suffix(case: Case) -> Finding:
    """Replace the bars after a cut: everything up to the cut must stay equal, bit for bit."""
    name, total, failed_runs, no_effect = "P2 suffix", 0, 0, 0
    cuts: list[int] = []  # one for each future that was compared
    others = [kind for kind in perturb.KINDS if kind != "walk"]
    for k, cut in enumerate(case.cuts):
        pair = ("walk", others[k % len(others)])
        for kind in perturb.KINDS if case.pinned else pair[k % 2 : k % 2 + 1] if case.subject.cuts else pair:
            future = perturb.replace_future(case.subject.frame, cut, kind, case.seed)
            changed = case.subject.run(future, others=case.others_after(cut, kind))
            count, difference = compare(case.original, changed, cut)
            difference = difference or case.ends_early(changed, cut)
            if changed.bars <= cut and not difference:
                failed_runs += 1
                continue
            if difference:
                detail = "what was seen or done before the cut moves with bars after it"
                return case.failed(name, total + count, detail, difference, cut, f"suffix {kind}")
            if (
                not changed.error
                and compare(case.original, changed, ALL)[1] is None
                and not case.depends_on_no_bar
            ):
                no_effect += 1
                continue
            total += count
            cuts.append(cut)
    detail = f"{len(cuts)} other futures move nothing before them"
    detail += f"; {failed_runs} could not be run" if failed_runs else ""
    detail += f"; {no_effect} were not felt afterwards either and are not counted" if no_effect else ""
    return case.passed(name, total, cuts, detail if case.cuts else "too few bars to cut at")


def truncation(case: Case) -> Finding:
    """Leave out all bars after a cut: everything up to the cut must stay equal, up to `ROUNDING`.

    A rule of the end, see `ends.py`, is a warning.
    """
    name, total, cuts, failed_runs = "P3 truncation", 0, list[int](), 0
    of_the_end: Discrepancy | None = None
    for k, cut in enumerate(spread_over(case.cuts, TRUNCATIONS)):
        changed = case.subject.run(perturb.truncate(case.subject.frame, cut), others=case.others_until(cut))
        count, difference = compare(case.original, changed, cut, ROUNDING)
        difference = difference or case.ends_early(changed, cut)
        if changed.bars <= cut and not difference:
            failed_runs += 1
            continue
        total += count
        cuts.append(cut)
        if difference:
            is_rule = case.is_rule_of_the_end(cut, changed, difference, k)
            if is_rule or (is_rule is None and of_the_end):
                of_the_end = of_the_end or difference
                continue
            detail = "what was seen or done before the cut is another when there are no bars after it"
            return case.failed(name, total, detail, difference, cut, "truncated")
    if of_the_end:
        return case.warned(name, total, ends.SAID, of_the_end, cuts[0], "truncated")
    detail = f"{len(cuts)} shorter histories begin the same"
    detail += f"; {failed_runs} could not be run" if failed_runs else ""
    return case.passed(name, total, cuts, detail)


def folds(case: Case) -> Finding:
    """Every label in the training set of a fold must be complete before the bar at which the fold is fitted."""
    name = "P10 folds"
    if not any(walk.folds for walk in case.original.walks):
        return case.not_assessed(name, "it has no LSTMForecast whose folds could be looked at")
    bars, count = case.subject.frame.to_numpy(), 0
    for walk in case.original.walks:
        check = check_labels(walk.forecasts, bars)
        count += len(walk.folds)
        if check.status == CHECK_FAILED:
            return case.failed(name, count, check.detail)
    return case.passed(name, count, (), f"labels complete before the fitting bar in {count} folds")
