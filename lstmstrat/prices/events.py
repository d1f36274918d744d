"""Columns of splits, dividends and factors beside prices without an adjusted close: are they in the prices?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.prices.check import ADJUSTED_CLOSE, day
from lstmstrat.prices.findings import Findings, Hints, listed, shown
from lstmstrat.prices.headings import FACTOR, SPLITS, plain
from lstmstrat.prices.numbers import EMPTY

NEAR = 0.2  # log: how far a change of the close may be from that of a split that is still in the prices
LEAST = 0.15  # log: the size of a split that can be told from a move: 6:5 and more


def check_events(events: pd.DataFrame, close: pd.Series, hints: Hints, found: Findings) -> None:
    """Adds a fault for a split that is still in the prices or a factor that was not applied; a notice on the rest.

    `events` (n, k) are cells of the table by the heading of their column, `close` (n,) the closes of these times.
    """
    unused = []
    for name in map(str, events.columns):
        values = _ratios(events[name]).reindex(close.index).to_numpy(np.float64)
        active = ~np.isnan(values) & (values != 0.0) & (values != 1.0)
        if not active.any():
            continue
        unused.append(name)
        none = hints.write("columns", {ADJUSTED_CLOSE: None})
        if SPLITS.search(plain(name)):
            row = _still_there(values, active, close.to_numpy(np.float64))
            if row is not None:
                found.faults.append(
                    f"{day(close.index[row])}: the column {shown(name)} has a split of {values[row]:g}, which is "
                    f"still in the prices; give an adjusted close, or, to take the prices as they are, {none}"
                )
        elif FACTOR.search(plain(name)):
            found.faults.append(
                f"the column {shown(name)} may be a factor that the prices have to be multiplied by; give an "
                f"adjusted close, or, to take the prices as they are, {none}"
            )
    if unused:
        found.notices.append(f"not used, because prices are taken as adjusted for them: {listed(unused)}")


def _ratios(cells: pd.Series) -> pd.Series:
    """Numbers, also of 4:1 and 3/2; NaN where empty, infinite where it is a text that is none."""
    text = cells.astype(str).where(cells.notna(), "").str.strip().str.lower()
    parts = text.str.extract(r"^([\d.]+)\s*(?:[:/]|for)\s*([\d.]+)$")
    new, old = (pd.to_numeric(parts[k], errors="coerce") for k in (0, 1))
    values = pd.to_numeric(cells, errors="coerce").astype("float64").fillna(new / old)
    return values.fillna(pd.Series(np.where(text.isin(EMPTY), np.nan, np.inf), index=cells.index))


def _still_there(ratio: Floats, active: np.ndarray, close: Floats) -> int | None:
    """The first row of a split by which the close falls or rises as if nobody had adjusted it."""
    for row in np.flatnonzero(active & (ratio > 0.0) & np.isfinite(ratio)):
        size = np.log(ratio[row])
        moved = np.log(close[row] / close[row - 1]) if row and close[row] > 0.0 < close[row - 1] else 0.0
        near = min(NEAR, abs(size) / 3.0)
        if abs(size) > LEAST and min(abs(moved + size), abs(moved - size)) < near:
            return int(row)
    return None
