"""P13: what a fold has learned from earlier forecasts, held against other bars from its fit on."""

from __future__ import annotations

import numpy as np

from lstmstrat.audit import perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.finding import Discrepancy, Finding
from lstmstrat.audit.trace import Trace
from lstmstrat.forecasting.learned import Learned
from lstmstrat.forecasting.schedule import Fold

FOLDS = 2  # at most, whose later bars are replaced


def learned(case: Case) -> Finding:
    """A fold weighs the parts of its forecast, and expects errors, by forecasts whose labels it knew.

    So with other bars from its fitting bar on it must have learned the same, bit for bit; and with other bars
    before it, something else.
    """
    name, original, total = "P13 learned", case.original, 0
    fitted = sorted({f.fold.fitted_at for walk in original.walks for f in walk.folds if f.learned})
    if len(fitted) < 2:
        return case.not_assessed(name, "it has no LSTMForecast with earlier forecasts to learn from")
    begin, chosen = fitted[0], spread_over(fitted[1:], FOLDS)
    for bar in chosen:
        changed = case.subject.run(
            perturb.replace_future(case.subject.frame, bar - 1, "walk", case.seed),
            others=case.others_after(bar - 1, "walk"),
        )
        count, unequal = _compare(original, changed, bar)
        total += count
        if unequal is not None:
            difference = Discrepancy(bar, original.day(bar), "weights", *unequal)
            detail = "what a fold has learned from earlier forecasts moves with bars from its fit on"
            return case.failed(name, total, detail, difference, bar, "suffix walk")
    bar = chosen[-1]
    changed = case.subject.run(
        perturb.replace_bars(case.subject.frame, slice(begin, bar), "walk", case.seed),
    )
    if _compare(original, changed, bar)[1] is None and _folds(original, bar) == _folds(changed, bar):
        return case.not_assessed(name, "what its folds have learned does not move with the bars before them")
    return case.passed(name, total, chosen, f"{total} folds had learned the same before other bars came")


def _compare(original: Trace, changed: Trace, bar: int) -> tuple[int, tuple[str, str] | None]:
    """The number of folds fitted up to `bar` in both runs, and the first that have learned something else."""
    count = 0
    for one, other in zip(original.walks, changed.walks, strict=False):  # none where a run could not begin
        for first, second in zip(one.folds, other.folds, strict=False):
            if first.fold != second.fold or first.fold.fitted_at > bar:
                break  # a condition of the user's may ask for another refit once its bars are others
            if first.learned is None or second.learned is None:
                continue
            count += 1
            if not _same(first.learned, second.learned):
                return count, (_said(first.learned), _said(second.learned))
    return count, None


def _folds(trace: Trace, bar: int) -> list[Fold]:
    """The folds fitted up to a bar."""
    return [fitted.fold for walk in trace.walks for fitted in walk.folds if fitted.fold.fitted_at <= bar]


def _same(one: Learned, other: Learned) -> bool:
    return one.weights == other.weights and np.array_equal(one.predictive.errors, other.predictive.errors)


def _said(learned: Learned) -> str:
    weights = ", ".join(f"{weight:.17g}" for weight in learned.weights)
    return f"{weights or 'no weights'}; sigma {learned.predictive.sigma(np.ones(1))[0]:.17g}"
