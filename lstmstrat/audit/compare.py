"""The first difference between two runs that should agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.audit.finding import Discrepancy
from lstmstrat.audit.perturb import ROUNDING
from lstmstrat.audit.trace import Trace
from lstmstrat.results.orders import PlacedOrder

ALL = 10**9  # as `last` of `compare`: up to the last bar of the shorter run


def compare(
    original: Trace, changed: Trace, last: int, rtol: float = 0.0, begin: int = 0
) -> tuple[int, Discrepancy | None]:
    """The number of values compared from bar `begin` to bar `last`, and the first one that differs.

    With `rtol` 0 the values must be equal bit for bit; NaN equals NaN.
    """
    last = min(last, original.bars - 1, changed.bars - 1)
    lines = _differing_lines(original, changed, slice(begin, last + 1), rtol)
    events, count = [], len(original.lines) * max(0, last + 1 - begin)
    for name, rows in (("order", _order_rows), ("fill", _fill_rows)):
        a, b = ([row for row in rows(t) if begin <= row[0] <= last] for t in (original, changed))
        count += max(len(a), len(b))
        events += _differing_rows(name, a, b, rtol)
    mismatches = sorted([*lines, *events], key=lambda item: item[0])
    if not mismatches:
        return count, None
    bar, name, before, after = mismatches[0]
    return count, Discrepancy(bar, original.day(bar), name, before, after)


def differing_bars(original: Trace, stream: Trace) -> list[int]:
    """The bars at which `stream` does something else, or has ended; those of orders alone, if there are any.

    A bar is left out if there is none after it.
    """
    bars = range(original.first, original.bars - 1)
    orders = [set(_order_rows(trace)) for trace in (original, stream)]
    found = {row[0] for row in orders[0] ^ orders[1]}
    if not found:
        common = slice(0, min(original.bars, stream.bars))
        lines = [
            (x[common], stream.lines[name][common]) for name, x in original.lines.items() if name in stream.lines
        ]
        found = {int(bar) for x, y in lines for bar in np.flatnonzero(~same(x, y, ROUNDING))}
        found |= set(range(stream.bars, original.bars))
    return [bar for bar in bars if bar in found]


_Mismatch = tuple[int, str, str, str]  # bar, name of the line, original value, changed value


def _differing_lines(a: Trace, b: Trace, bars: slice, rtol: float) -> list[_Mismatch]:
    """For each line that differs, the first bar; a line that only one run has counts as NaN in the other."""
    mismatches = []
    for name in [*a.lines, *(name for name in b.lines if name not in a.lines)]:
        x, y = (t.lines[name][bars] if name in t.lines else np.full(t.bars, np.nan)[bars] for t in (a, b))
        differing = np.flatnonzero(~same(x, y, rtol))
        if differing.size:
            k = int(differing[0])
            mismatches.append((bars.start + k, name, _text(x[k]), _text(y[k])))
    return mismatches


def same(x: Floats, y: Floats, rtol: float) -> np.ndarray:
    """Whether two arrays (n,) agree at each place; (n,)."""
    with np.errstate(invalid="ignore"):
        near = np.abs(x - y) <= rtol * np.maximum(np.abs(x), np.abs(y))
    agreement: np.ndarray = (x == y) | near | (np.isnan(x) & np.isnan(y))
    return agreement


def _order_rows(trace: Trace) -> list[tuple[Any, ...]]:
    """Bar, side, kind and size of each order, and all prices that it has."""
    return [(o.bar, o.side, o.kind, o.size, *_prices(o)) for o in trace.orders]


def _prices(order: PlacedOrder) -> tuple[float | None, ...]:
    limit = None if math.isnan(order.limit) else order.limit
    return order.price, limit, order.trail or None, order.trail_percent or None


def _fill_rows(trace: Trace) -> list[tuple[Any, ...]]:
    return [(f.booked, f.size, f.price) for f in trace.fills]


def _differing_rows(name: str, a: list[tuple[Any, ...]], b: list[tuple[Any, ...]], rtol: float) -> list[_Mismatch]:
    """The first row at which the two lists differ, as a list of one mismatch or none."""
    for k in range(max(len(a), len(b))):
        x, y = (rows[k] if k < len(rows) else None for rows in (a, b))
        if x is None or y is None or not _alike(x, y, rtol):
            bar = min(row[0] for row in (x, y) if row is not None)
            at_bar = [row if row is not None and row[0] == bar else None for row in (x, y)]
            return [(bar, name, *(_text(row and row[1:]) for row in at_bar))]
    return []


def _alike(x: tuple[Any, ...], y: tuple[Any, ...], rtol: float) -> bool:
    return all(
        bool(same(np.array(float(p)), np.array(float(q)), rtol)) if isinstance(p, float) else p == q
        for p, q in zip(x, y, strict=True)
    )


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return " ".join(_text(part) for part in value if part is not None)
    return value if isinstance(value, str) else f"{float(value):.17g}"
