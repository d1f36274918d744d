"""The probes of what must have no effect: earlier runs, the unit of the prices, and older history."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.audit import isolation, perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import ALL, compare
from lstmstrat.audit.feeds import OtherBars
from lstmstrat.audit.finding import Discrepancy, Finding
from lstmstrat.audit.memory import EXPANDING, FADING, UNRELATED, memory
from lstmstrat.audit.trace import ACCOUNT, EXPOSURE, Subject, Trace
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.session import Session
from lstmstrat.store import Store
from lstmstrat.trading.indicator import LSTMForecast

HALF = 0.5  # a power of two: multiplication by it is exact
EXACT = 1e-9  # relative, where only the prices change
# The same with twice the volume: log(1 + 2v) only nearly equals log(1 + v) + log(2), and training enlarges that.
TWICE_THE_VOLUME = 1e-2
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
    """Split all history 2:1, so that prices halve and volumes double: what is bought when must stay the same.

    The account may stay as it is, which suits an order of a fixed amount of money, or halve with the prices, which
    suits a fixed number of shares: the size of an order may depend on it, its bar and its side may not. A decision
    that moves depends on the level of prices, which is no look-ahead in itself; but with adjusted prices the next
    split or dividend changes all past levels.

    An indicator makes no decisions: each of its lines must stay the same, or be multiplied by a positive constant,
    or shifted by a constant.
    """
    name, total = "P7 scale", 0
    for volume, rtol in ((2.0, TWICE_THE_VOLUME), (1.0, EXACT)):
        count, difference, exact, error = _rescaled(case, volume, rtol)
        total += count
        if error:
            return case.not_assessed(name, f"prices times {HALF} end with {error}")
        if difference:
            detail = f"its decisions depend on the level of prices: prices times {HALF}, volumes times {volume:g}"
            return case.warned(name, total, detail, difference, None, f"prices times {HALF}")
        if exact:
            break
    if not total:
        return case.not_assessed(name, "it made no order and has no target exposure")
    return case.passed(name, total, (), "a split of all history 2:1 changes no decision")


def _rescaled(case: Case, volume: float, rtol: float) -> tuple[int, Discrepancy | None, bool, Exception | None]:
    """Halve the prices, with half the cash or with all of it, whichever fits the original decisions better.

    The number of values compared; the first difference beyond `rtol`; whether there is none beyond `EXACT`; the
    error that a run ended with.
    """
    comparison = _compare_lines if case.subject.is_indicator else _compare_decisions
    frame = perturb.scale(case.subject.frame, HALF, volume)
    total, difference = 0, None
    for subject in (case.subject.with_fields(setup=_setup_with_half_cash(case.subject)), case.subject):
        changed = subject.run(frame)
        if changed.error:
            return total, None, False, changed.error
        count, difference = comparison(case.original, changed, rtol)
        total += count
        if not difference:
            return total, None, not comparison(case.original, changed, EXACT)[1], None
    return total, difference, False, None


def _setup_with_half_cash(subject: Subject) -> Any:
    def setup(cerebro: Any) -> None:
        if subject.setup is not None:
            subject.setup(cerebro)
        cerebro.broker.setcash(cerebro.broker.startingcash * HALF)

    return setup


def _compare_decisions(original: Trace, changed: Trace, rtol: float) -> tuple[int, Discrepancy | None]:
    """Compare target exposures, and of each order bar, side, kind and price, in the unit of the split prices."""
    return compare(_decisions(original, HALF), _decisions(changed, 1.0), ALL, rtol)


def _decisions(trace: Trace, unit: float) -> Trace:
    """The trace with target exposure and orders only, without sizes and with the prices of orders times `unit`."""
    orders = tuple(
        dataclasses.replace(
            order,
            size=math.copysign(1.0, order.size),
            price=order.price and order.price * unit,
            limit=order.limit * unit,
            trail=order.trail * unit,
        )
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
    """Leave out the oldest bars: every indicator must come to the same values, see `memory.py`.

    A mean over all bars since the first one is no look-ahead, but another start gives other values: a warning.
    Values that have nothing to do with those of the longer history, such as a file joined by position, fail.

    A forecast that trains on all history, and weighs by all earlier forecasts, rightly depends on it. So where the
    config sets the forecast, both runs have one that trains on the newest bars alone and is not weighed.
    """
    name, subject = "P8 history", _without_memory(case.subject)
    original = case.original if subject is case.subject else subject.run()
    for walk in original.walks:
        if why := _reason_to_remember(walk.config):
            return case.not_assessed(name, why)
    if original.error:
        return case.not_assessed(name, f"with mode: rolling it ends with {original.error}")
    oldest = _bars_to_leave_out(case)
    others = OtherBars(first=case.time(oldest))
    changed = subject.run(perturb.without_oldest(subject.frame, oldest), others=others)
    if changed.error or changed.first >= changed.bars:
        why = f"ends with {changed.error}" if changed.error else "has no bar left"
        return case.not_assessed(name, f"without its oldest {oldest} bars it {why}")
    begin = oldest + changed.first
    begin = next((bar for bar in _refits(case) if bar > begin), begin)
    total, remarks, warning = 0, list[str](), None
    for line, x in original.lines.items():
        if line in (ACCOUNT, EXPOSURE, *original.learned) or line.startswith("self."):
            continue  # these rightly depend on earlier trades, and on the errors of earlier forecasts
        y = changed.lines[line][begin - oldest :]
        found = memory(x[begin:], y)
        total += len(x) - begin
        if found.kind == FADING:
            remarks.append(f"{line} by {found.left:.1e} at last")
        if found.kind not in (EXPANDING, UNRELATED):
            continue
        bar = begin + found.place
        difference = Discrepancy(bar, case.original.day(bar), line, f"{x[bar]:.17g}", f"{y[found.place]:.17g}")
        detail = f"{line} depends on how much older history is loaded ({oldest} bars left out)"
        arguments = (name, total, detail, difference, None, f"without the oldest {oldest} bars")
        if found.kind == UNRELATED:
            return case.failed(*arguments)
        warning = warning or case.warned(*arguments)
    detail = f"the oldest {oldest} bars do not matter"
    detail += f"; never quite forgotten, but fading: {', '.join(remarks)}" if remarks else ""
    return warning or case.passed(name, total, (), detail if total else "it has no indicator")


def _without_memory(subject: Subject) -> Subject:
    """The subject with a forecast that learns from its training set alone, if the config sets the forecast."""
    changes = {"mode": "rolling", "calibration": "none"}
    if subject.forecast is not None:
        return subject.with_fields(forecast=subject.forecast.model_copy(update=changes))
    return subject.with_fields(params={**subject.params, **changes}) if subject.cls is LSTMForecast else subject


def _reason_to_remember(config: ForecastConfig) -> str:
    """Why a forecast may depend on its oldest bars; "" if it may not."""
    if config.mode == "expanding":
        return "mode: expanding trains on all history, so it rightly depends on it"
    if config.calibration == "learned":
        return "calibration: learned weighs by all earlier forecasts, so it rightly depends on them"
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
