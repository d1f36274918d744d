"""The probes of what must have no effect: earlier runs, the unit of the prices, and older history."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.audit import isolation, perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import ALL, ROUNDING, compare
from lstmstrat.audit.finding import Discrepancy, Finding
from lstmstrat.audit.trace import ACCOUNT, EXPOSURE, Subject, Trace
from lstmstrat.config.schema import ForecastConfig
from lstmstrat.forecasting.session import Session
from lstmstrat.store import Store

HALF = 0.5  # a power of two: multiplication by it is exact
EXACT = 1e-9  # relative tolerance where only the prices change
# The same with twice the volume: log(1 + 2v) only nearly equals log(1 + v) + log(2), and training enlarges that.
TWICE_THE_VOLUME = 1e-2
# A difference fades if in the last quarter of a line it is at most the first share of the difference in the first
# quarter, and at most the second share of the largest value of the line.
FADED_TO, FADED_TO_OF_LINE = 0.1, 0.01
LEFT_OUT = 0.15  # share of the bars that P8 leaves out


def cache(case: Case) -> Finding:
    """A run on other bars must be the same after a run on the original bars as without one."""
    name, subject = "P6 cache", case.subject
    frame = perturb.replace_bars(subject.frame, slice(1, len(subject.frame)), "mirrored", case.seed)
    with Session(Store(None)) as session:
        subject.run(session=session)
        warm = subject.run(frame, session=session)
    total, difference = compare(subject.run(frame), warm, ALL)
    if difference:
        return case.failed(name, total, "the store gives networks of other bars", difference)
    try:
        with isolation.fresh(subject) as fresh:
            count, difference = compare(fresh.run(frame), warm, ALL)
    except isolation.NoModuleError as error:
        detail = f"the store keeps bars apart; its own module was not reloaded: {error}"
        return case.passed(name, total, (), detail)
    if difference:
        detail = (
            "it remembers other bars: a fresh import of its module gives the first value, a used one the other"
        )
        return case.failed(name, total + count, detail, difference)
    return case.passed(name, total + count, (), "other bars after the original ones are as if they were the first")


def scale(case: Case) -> Finding:
    """Halve prices and cash, then also double the volume as a 2:1 split does: the decisions must stay the same.

    An indicator makes no decisions: each of its lines must stay the same, or be multiplied by a positive constant,
    or shifted by a constant.
    """
    name, total = "P7 scale", 0
    halved = case.subject.with_fields(setup=_setup_with_half_cash(case.subject))
    for volume, rtol in ((1.0, EXACT), (2.0, TWICE_THE_VOLUME)):
        changed = halved.run(perturb.scale(case.subject.frame, HALF, volume))
        if changed.error:
            return case.not_assessed(name, f"prices times {HALF} end with {changed.error}")
        comparison = _compare_lines if case.subject.is_indicator else _compare_decisions
        count, difference = comparison(case.original, changed, rtol)
        total += count
        if difference:
            detail = f"prices times {HALF}" + (", volume times 2" if volume != 1.0 else "") + " change decisions"
            return case.failed(name, total, detail, difference, None, f"scaled by {HALF}")
    if not total:
        return case.not_assessed(name, "it made no order and has no target exposure")
    return case.passed(name, total, (), f"prices and cash times {HALF}, and volume times 2, change no decision")


def _setup_with_half_cash(subject: Subject) -> Any:
    def setup(cerebro: Any) -> None:
        if subject.setup is not None:
            subject.setup(cerebro)
        cerebro.broker.setcash(cerebro.broker.startingcash * HALF)

    return setup


def _compare_decisions(original: Trace, changed: Trace, rtol: float) -> tuple[int, Discrepancy | None]:
    """Compare orders and target exposures, with the prices of the original orders in the new unit."""
    return compare(_decisions(original, HALF), _decisions(changed, 1.0), ALL, rtol)


def _decisions(trace: Trace, unit: float) -> Trace:
    """The trace with orders and target exposure only, and with the prices of orders times `unit`."""
    orders = tuple(
        order if order.price is None else dataclasses.replace(order, price=order.price * unit)
        for order in trace.orders
    )
    lines = {n: line for n, line in trace.lines.items() if n == EXPOSURE}
    return dataclasses.replace(trace, orders=orders, fills=(), lines=lines)


def _compare_lines(original: Trace, changed: Trace, rtol: float) -> tuple[int, Discrepancy | None]:
    """Compare each line with its scaled or shifted version, at the bars where both runs have a value."""
    count = 0
    for name, x in original.lines.items():
        y = changed.lines[name]
        finite = np.isfinite(x) & np.isfinite(y)
        count += int(finite.sum())
        place = _first_not_scaled_nor_shifted(x[finite], y[finite], rtol)
        if place is not None:
            k = int(np.flatnonzero(finite)[place])
            return count, Discrepancy(k, original.day(k), name, f"{x[k]:.17g}", f"{y[k]:.17g}")
    return count, None


def _first_not_scaled_nor_shifted(x: Floats, y: Floats, rtol: float) -> int | None:
    """The first place where y differs from k*x, with one k > 0 for all; None if y - x is constant."""
    nonzero = np.flatnonzero(x)
    factor = y[nonzero[0]] / x[nonzero[0]] if nonzero.size else 1.0
    size = float(np.abs(y).max(initial=0.0))
    shift = y - x
    if shift.size and np.ptp(shift) <= rtol * max(size, float(np.abs(x).max())):
        return None
    wrong = np.flatnonzero(np.abs(y - factor * x) > rtol * size) if factor > 0.0 else nonzero
    return int(wrong[0]) if wrong.size else None


def history(case: Case) -> Finding:
    """Leave out the oldest bars: every indicator must come to the same values.

    Averages that never forget (EMA) may differ as long as the difference fades: in the last quarter it may be at
    most `FADED_TO` of the difference in the first quarter and `FADED_TO_OF_LINE` of the largest value of the line.
    Sums over all bars since the first one (OBV) may differ by a constant.
    """
    name, subject = "P8 history", case.subject
    for walk in case.original.walks:
        if why := _reason_to_remember(walk.config):
            return case.not_assessed(name, why)
    oldest = _bars_to_leave_out(case)
    changed = subject.run(perturb.without_oldest(subject.frame, oldest))
    if changed.error or changed.first >= changed.bars:
        why = f"ends with {changed.error}" if changed.error else "has no bar left"
        return case.not_assessed(name, f"without its oldest {oldest} bars it {why}")
    begin = oldest + changed.first
    begin = next((bar for bar in _refits(case) if bar > begin), begin)
    total, remarks = 0, list[str]()
    for line, x in case.original.lines.items():
        if line in (ACCOUNT, EXPOSURE) or line.startswith("self."):
            continue  # these rightly depend on earlier trades
        y = changed.lines[line][begin - oldest :]
        outcome = _memory(x[begin:], y)
        total += len(x) - begin
        if isinstance(outcome, int):
            bar = begin + outcome
            difference = Discrepancy(bar, case.original.day(bar), line, f"{x[bar]:.17g}", f"{y[outcome]:.17g}")
            detail = f"{line} depends on how much older history is loaded ({oldest} bars left out)"
            return case.failed(name, total, detail, difference, None, f"without the oldest {oldest} bars")
        remarks += [f"{line} by {outcome:.1e} at last"] if outcome else []
    detail = f"the oldest {oldest} bars do not matter"
    detail += f"; never quite forgotten, but fading: {', '.join(remarks)}" if remarks else ""
    return case.passed(name, total, (), detail if total else "it has no indicator")


def _reason_to_remember(config: ForecastConfig) -> str:
    """Why a forecast may depend on its oldest bars; "" if it may not."""
    if config.mode == "expanding":
        return "mode: expanding trains on all history, so it rightly depends on it"
    if config.warm_start:
        return "warm_start: every fold rightly depends on the first one"
    if config.refit_every == "never":
        return "refit_every: never fits one fold, at a place that depends on the first bar"
    return "refit_when: folds are counted from the last one asked for" if config.refit_when else ""


def _refits(case: Case) -> list[int]:
    return sorted({*case.original.refits, *case.subject.refits})


def _bars_to_leave_out(case: Case) -> int:
    """How many bars to leave out: whole refit periods if all are equal, so that refits stay on the same bars."""
    gaps = set(np.diff(_refits(case)).tolist())
    number = max(1, int(len(case.subject.frame) * LEFT_OUT))
    spare = case.original.bars - case.original.first
    if len(gaps) != 1:
        return max(1, min(number, spare // 2))
    period = gaps.pop()
    return int(max(1, min(number, spare // 2) // period) * period)


def _memory(x: Floats, y: Floats) -> int | float:
    """How far a line `y` without the oldest bars remembers them; `x` is the line with them.

    An int is the first place of a difference that does not fade. A float is the share of the largest value of the
    line that is left of a fading difference; it is 0.0 if there is no difference.
    """
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not finite.size:
        return 0.0
    first = int(finite[0])
    if (unequal := np.flatnonzero(np.isfinite(x[first:]) != np.isfinite(y[first:]))).size:
        return first + int(unequal[0])
    a, b = x[finite], y[finite]
    gap, size = np.abs(a - b), float(np.abs(a).max()) or 1.0
    quarter = max(1, len(gap) // 4)
    begin, end = float(gap[:quarter].max()), float(gap[-quarter:].max())
    if gap.max() <= ROUNDING * size or np.ptp(a - b) <= ROUNDING * size:
        return 0.0
    if end <= max(min(FADED_TO * begin, FADED_TO_OF_LINE * size), ROUNDING * size):
        return end / size
    return int(finite[np.flatnonzero(gap > ROUNDING * size)[0]])
