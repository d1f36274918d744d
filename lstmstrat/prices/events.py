"""Columns of splits, dividends and factors beside prices without an adjusted close: are they in the prices?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.prices.check import ADJUSTED_CLOSE, day
from lstmstrat.prices.findings import Findings, Hints, listed, shown
from lstmstrat.prices.headings import FACTOR, SPLITS, plain
from lstmstrat.prices.numbers import EMPTY, read_numbers

NEAR = 0.2  # log: how far a change of the close may be from that of a split that is still in the prices
LEAST = 0.15  # log: the size of a split that can be told from a move: 6:5 and more
LEAST_PAID = 0.1  # log: of a special dividend, about a tenth of the price


def check_events(events: pd.DataFrame, close: pd.Series, hints: Hints, found: Findings) -> None:
    """Adds a fault for a split or a large dividend that is still in the prices, or a factor; a notice on the rest.

    `events` (n, k) are cells of the table by the heading of their column, `close` (n,) the closes of these times.
    """
    unused = []
    for name in map(str, events.columns):
        paid = not (SPLITS.search(plain(name)) or FACTOR.search(plain(name)))
        read = _amounts(events[name], hints) if paid else _ratios(events[name])
        values = read.reindex(close.index).to_numpy(np.float64)
        if not (~np.isnan(values) & (values != 0.0) & (paid | (values != 1.0))).any():
            continue
        unused.append(name)
        none = hints.write("columns", {ADJUSTED_CLOSE: None})
        if not paid and not SPLITS.search(plain(name)):
            found.faults.append(
                f"the column {shown(name)} may be a factor that the prices have to be multiplied by; give an "
                f"adjusted close, or, to take the prices as they are, {none}"
            )
            continue
        row = _still_there(paid, values, close.to_numpy(np.float64))
        if row is not None:
            what = "payment" if paid else "split"
            found.faults.append(
                f"{day(close.index[row])}: the column {shown(name)} has a {what} of {values[row]:g}, which is "
                f"still in the prices; give an adjusted close, or, to take the prices as they are, {none}"
            )
    if unused:
        found.notices.append(f"not used, because prices are taken as adjusted for them: {listed(unused)}")


def _amounts(cells: pd.Series, hints: Hints) -> pd.Series:
    """What is paid for a share; NaN where empty, or no number."""
    numbers, _ = read_numbers({"paid": cells}, hints.decimal)
    return pd.Series(numbers["paid"].values, cells.index)


def _ratios(cells: pd.Series) -> pd.Series:
    """Numbers, also of 4:1 and 3/2; NaN where empty, infinite where it is a text that is none."""
    text = cells.astype(str).where(cells.notna(), "").str.strip().str.lower()
    parts = text.str.extract(r"^([\d.]+)\s*(?:[:/]|for)\s*([\d.]+)$")
    new, old = (pd.to_numeric(parts[k], errors="coerce") for k in (0, 1))
    values = pd.to_numeric(cells, errors="coerce").astype("float64").fillna(new / old)
    return values.fillna(pd.Series(np.where(text.isin(EMPTY), np.nan, np.inf), index=cells.index))


def _still_there(paid: bool, values: Floats, close: Floats) -> int | None:
    """The first row of a payment, or of a split, by which the close moves as if nobody had adjusted it."""
    with np.errstate(all="ignore"):  # the check of the bars refuses what is no price
        before = np.concatenate([[np.nan], close[:-1]])  # (n,)
        moved = np.log(close / before)
        step = np.log(1.0 - values / before) if paid else np.log(values)
    missed = np.abs(moved - step) if paid else np.minimum(np.abs(moved - step), np.abs(moved + step))
    size = np.abs(step)
    rows = np.flatnonzero((size > (LEAST_PAID if paid else LEAST)) & (missed < np.minimum(NEAR, size / 3.0)))
    return int(rows[0]) if rows.size else None
