"""The probes of what must not matter: what was computed before, the unit of the prices, older history."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import backtrader as bt
import numpy as np

from lstmstrat.audit import perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import ALL, ROUNDING, compare
from lstmstrat.audit.finding import Difference, Finding
from lstmstrat.audit.trace import ACCOUNT, EXPOSURE, Subject, Trace
from lstmstrat.config import ForecastConfig
from lstmstrat.features import Floats
from lstmstrat.store import Store
from lstmstrat.trainer import Trainer

HALF = 0.5  # a power of two: products round nothing
EXACT = 1e-9
TWICE_THE_VOLUME = 1e-2  # log(1 + 2v) is not quite log(1 + v) + log(2), and training makes more of it
FADES = 0.1  # of the difference may be left in the last quarter, for it to be the tail of an endless memory
LEFT = 0.01  # and of the largest value of the line
OLDER = 0.15  # share of the bars that is left out


def cache(case: Case) -> Finding:
    """After a run on the original bars, a run on others must be as if it were the first."""
    name, subject = "P6 cache", case.subject
    frame = perturb.replaced(subject.frame, slice(1, len(subject.frame)), "mirrored", case.seed)
    trainer = Trainer(Store(None))
    with trainer.active():
        subject.run(trainer=trainer)
        warm = subject.run(frame, trainer=trainer)
    total, difference = compare(subject.run(frame), warm, ALL)
    if difference:
        return case.failed(name, total, "the store gives networks of other bars", difference)
    try:
        with _fresh(subject) as fresh:
            count, difference = compare(fresh.run(frame), warm, ALL)
    except _NoModuleError as why:
        return case.passed(name, total, (), f"the store keeps bars apart; its own module was not reloaded: {why}")
    if difference:
        detail = (
            "it remembers other bars: a fresh import of its module gives the first value, a used one the other"
        )
        return case.failed(name, total + count, detail, difference)
    return case.passed(name, total + count, (), "other bars after the original ones are as if they were the first")


class _NoModuleError(Exception):
    """The class cannot be imported anew."""


_NUMBER = itertools.count()


@contextmanager
def _fresh(subject: Subject) -> Iterator[Subject]:
    """The subject with its class from a module executed anew, under another name: nothing is remembered there."""
    module = sys.modules.get(subject.cls.__module__)
    path = getattr(module, "__file__", None)
    if module is None or path is None or module.__name__ == "__main__" or "<locals>" in subject.cls.__qualname__:
        raise _NoModuleError("it is not defined at the top of a module that can be imported")
    name = f"{module.__name__}__audited_{next(_NUMBER)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _NoModuleError(f"{path} cannot be loaded")
    anew = importlib.util.module_from_spec(spec)
    sys.modules[name] = anew  # Backtrader looks the modules of its classes up there
    names = _names_in_backtrader()
    try:
        try:
            spec.loader.exec_module(anew)
        except Exception as error:
            raise _NoModuleError(f"{type(error).__name__}: {error}") from error
        yield subject.on(cls=_found(anew, subject.cls.__qualname__), params=_again(subject, module, anew))
    finally:
        del sys.modules[name]
        for space, before in names:
            for added in [key for key in space if key not in before]:
                del space[added]
            space.update(before)


def _names_in_backtrader() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Where Backtrader keeps classes by name, and what is there: a second class of a name would replace the first.

    The classes of an indicator's lines and parameters are kept in modules of Backtrader; pickle finds them there.
    """
    spaces = [vars(module) for name, module in list(sys.modules.items()) if name.split(".")[0] == "backtrader"]
    spaces += [type(bt.Indicator)._indcol, type(bt.Strategy)._indcol]
    return [(space, dict(space)) for space in spaces]


def _found(module: ModuleType, qualname: str) -> Any:
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise _NoModuleError(f"a second import of {module.__file__} has no {qualname}")
    return found


def _again(subject: Subject, module: ModuleType, anew: ModuleType) -> dict[str, Any]:
    """Parameters that are classes of the same module, such as an indicator to use, are those of the new one."""
    return {
        name: _found(anew, value.__qualname__)
        if isinstance(value, type) and value.__module__ == module.__name__
        else value
        for name, value in subject.params.items()
    }


def scale(case: Case) -> Finding:
    """Prices and cash in another unit, then a split 2:1 of all history: the same decisions.

    An indicator has no decisions: each of its lines must be the same, a constant multiple, or moved by a constant.
    """
    name, total = "P7 scale", 0
    halved = case.subject.on(setup=_half_the_cash(case.subject))
    for volume, rtol in ((1.0, EXACT), (2.0, TWICE_THE_VOLUME)):
        changed = halved.run(perturb.scaled(case.subject.frame, HALF, volume))
        if changed.error:
            return case.not_assessed(name, f"prices times {HALF} end with {changed.error}")
        judged = _lines_scaled if case.subject.is_indicator else _decisions
        count, difference = judged(case.original, changed, rtol)
        total += count
        if difference:
            detail = f"prices times {HALF}" + (", volume times 2" if volume != 1.0 else "") + " change decisions"
            return case.failed(name, total, detail, difference, None, f"scaled by {HALF}")
    if not total:
        return case.not_assessed(name, "it made no order and has no target exposure")
    return case.passed(name, total, (), f"prices and cash times {HALF}, and volume times 2, change no decision")


def _half_the_cash(subject: Subject) -> Any:
    def setup(cerebro: Any) -> None:
        if subject.setup is not None:
            subject.setup(cerebro)
        cerebro.broker.setcash(cerebro.broker.startingcash * HALF)

    return setup


def _decisions(original: Trace, changed: Trace, rtol: float) -> tuple[int, Difference | None]:
    """Orders and target exposures; the original ones in the new unit."""
    return compare(_decided(original, HALF), _decided(changed, 1.0), ALL, rtol)


def _decided(trace: Trace, unit: float) -> Trace:
    orders = tuple(
        order if order.price is None else dataclasses.replace(order, price=order.price * unit)
        for order in trace.orders
    )
    lines = {n: line for n, line in trace.lines.items() if n == EXPOSURE}
    return dataclasses.replace(trace, orders=orders, fills=(), lines=lines)


def _lines_scaled(original: Trace, changed: Trace, rtol: float) -> tuple[int, Difference | None]:
    count = 0
    for name, x in original.lines.items():
        y = changed.lines[name]
        known = np.isfinite(x) & np.isfinite(y)
        count += int(known.sum())
        wrong = _neither_scaled_nor_moved(x[known], y[known], rtol)
        if wrong is not None:
            k = int(np.flatnonzero(known)[wrong])
            return count, Difference(k, original.day(k), name, f"{x[k]:.17g}", f"{y[k]:.17g}")
    return count, None


def _neither_scaled_nor_moved(x: Floats, y: Floats, rtol: float) -> int | None:
    """The first place where y is not k*x for a k above 0, unless y - x is a constant."""
    nonzero = np.flatnonzero(x)
    factor = y[nonzero[0]] / x[nonzero[0]] if nonzero.size else 1.0
    size = float(np.abs(y).max(initial=0.0))
    moved = y - x
    if moved.size and np.ptp(moved) <= rtol * max(size, float(np.abs(x).max())):
        return None
    wrong = np.flatnonzero(np.abs(y - factor * x) > rtol * size) if factor > 0.0 else nonzero
    return int(wrong[0]) if wrong.size else None


def history(case: Case) -> Finding:
    """Without the oldest bars an indicator must come to the same values.

    Averages that never forget (EMA) may differ while the difference fades: in the last quarter at most `FADES` of
    it and `LEFT` of the line may be left. Sums from the first bar on (OBV) may differ by a constant.
    """
    name, subject = "P8 history", case.subject
    for walk in case.original.walks:
        if why := _rightly_remembers(walk.config):
            return case.not_assessed(name, why)
    dropped = _dropped(case)
    changed = subject.run(perturb.shorn(subject.frame, dropped))
    if changed.error or changed.first >= changed.bars:
        why = f"ends with {changed.error}" if changed.error else "has no bar left"
        return case.not_assessed(name, f"without its oldest {dropped} bars it {why}")
    begin = dropped + changed.first
    begin = next((bar for bar in _refits(case) if bar > begin), begin)
    total, faded = 0, list[str]()
    for line, x in case.original.lines.items():
        if line in (ACCOUNT, EXPOSURE) or line.startswith("self."):
            continue  # they depend on what happened before, as they should
        found, y = _remembered(x[begin:], changed.lines[line][begin - dropped :])
        total += len(x) - begin
        if isinstance(found, int):
            bar = begin + found
            seen = Difference(bar, case.original.day(bar), line, f"{x[bar]:.17g}", f"{y[found]:.17g}")
            detail = f"{line} depends on how much older history is loaded ({dropped} bars left out)"
            return case.failed(name, total, detail, seen, None, f"without the oldest {dropped} bars")
        faded += [f"{line} by {found:.1e} at last"] if found else []
    detail = f"the oldest {dropped} bars do not matter"
    detail += f"; never quite forgotten, but fading: {', '.join(faded)}" if faded else ""
    return case.passed(name, total, (), detail if total else "it has no indicator")


def _rightly_remembers(config: ForecastConfig) -> str:
    if config.mode == "expanding":
        return "mode: expanding trains on all history, so it rightly depends on it"
    if config.warm_start:
        return "warm_start: every fold rightly depends on the first one"
    if config.refit_every == "never":
        return "refit_every: never fits one fold, at a place that depends on the first bar"
    return "refit_when: folds are counted from the last one asked for" if config.refit_when else ""


def _refits(case: Case) -> list[int]:
    return sorted({*case.original.refits, *case.subject.refits})


def _dropped(case: Case) -> int:
    """How many bars to leave out: whole refit periods if these are even, so that refits fall on the same bars."""
    gaps = set(np.diff(_refits(case)).tolist())
    wanted = max(1, int(len(case.subject.frame) * OLDER))
    spare = case.original.bars - case.original.first
    if len(gaps) != 1:
        return max(1, min(wanted, spare // 2))
    period = gaps.pop()
    return int(max(1, min(wanted, spare // 2) // period) * period)


def _remembered(x: Floats, y: Floats) -> tuple[int | float, Floats]:
    """The first bar at which the difference does not go away, or what is left of it (0.0: nothing); and `y`."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not known.size:
        return 0.0, y
    first = int(known[0])
    if (lost := np.flatnonzero(np.isfinite(x[first:]) != np.isfinite(y[first:]))).size:
        return first + int(lost[0]), y
    a, b = x[known], y[known]
    gap, size = np.abs(a - b), float(np.abs(a).max()) or 1.0
    quarter = max(1, len(gap) // 4)
    begin, end = float(gap[:quarter].max()), float(gap[-quarter:].max())
    if gap.max() <= ROUNDING * size or np.ptp(a - b) <= ROUNDING * size:
        return 0.0, y
    if end <= max(min(FADES * begin, LEFT * size), ROUNDING * size):
        return end / size, y
    return int(known[np.flatnonzero(gap > ROUNDING * size)[0]]), y
