"""An adjusted close under a heading that does not say so: it goes with the close but for splits and dividends."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.prices.cells import Table
from lstmstrat.prices.findings import Findings, Hints
from lstmstrat.prices.numbers import read_numbers
from lstmstrat.prices.roles import Roles, looks_adjusted

ENOUGH = 30  # bars
MOST = 50  # columns that are looked at
USUALLY, FULL = 0.95, 0.9  # of the bars: without a payment; with a value
LEAST, EXACT = 0.01, 1e-5  # log: the least that makes a difference; what is no rounding to digits


def check_shadow(
    table: Table, roles: Roles, rows: pd.Index, close: pd.Series, hints: Hints, found: Findings
) -> None:
    """Adds a fault for each column without a role that `follows` the close; `close` (n,) is that of the `rows`."""
    used = {*roles.positions.values(), *roles.events.values()}
    free = [k for k, name in enumerate(table.names) if k not in used and any(name)][:MOST]
    free = [k for k in free if any(map(str.isdigit, table.first(k)))]
    if not free or len(close) < ENOUGH:
        return
    order = np.argsort(close.index, kind="stable")
    read = table.read(free).loc[rows]
    for k in free:
        numbers, _ = read_numbers({"close": read[k]}, hints.decimal)
        if follows(numbers["close"].values[order], close.to_numpy(np.float64)[order]):
            found.faults.append(looks_adjusted(" ".join(filter(None, table.names[k])), hints))


def follows(values: Floats, close: Floats) -> bool:
    """Whether `values` (n,) are the `close` with payments put back: in proportion to it but on a few bars.

    They have to be equal to it on the first bar or on the last, and to gain on it in between. The price before
    adjustment beside an adjusted close loses, and a number of shares times the price is equal nowhere.
    """
    with np.errstate(all="ignore"):
        ratio = np.log(values / close)  # (n,)
        rounding = EXACT + _last_digit(values) / values + _last_digit(close) / close  # (n,)
    both = np.isfinite(ratio)
    if both.sum() < max(ENOUGH, FULL * len(ratio)):
        return False
    ratio, rounding = ratio[both], rounding[both]
    still = np.abs(np.diff(ratio)) <= rounding[1:]
    equal = min(np.abs(ratio[[0, -1]]) - rounding[[0, -1]]) <= 0.0
    gain = ratio[-1] - ratio[0]
    return bool(equal and gain > LEAST + 3.0 * np.median(rounding) and still.mean() >= USUALLY)


def _last_digit(values: Floats) -> float:
    """What the last digit counts that the numbers have, such as 0.01; 0 if they have more than six."""
    some = values[np.isfinite(values)]
    return next((10.0**-k for k in range(7) if np.allclose(some, np.round(some, k), rtol=0.0, atol=1e-9)), 0.0)
