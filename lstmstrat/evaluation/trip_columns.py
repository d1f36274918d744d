"""`round_trips` by columns, for an asset with thousands of fills."""

from __future__ import annotations

import numpy as np

from lstmstrat.arrays import Bools, Floats, Ints
from lstmstrat.evaluation.round_trips import SIZE_ROUNDING


def trip_columns(
    bars: Ints, sizes: Floats, prices: Floats, commissions: Floats, last_bar: int, last_close: float
) -> dict[str, np.ndarray]:
    """The round trips that the fills of one asset make, as `round_trips` has them; a column for each field.

    Parameters
    ----------
    bars, sizes, prices, commissions
        (k,) of each fill, in the order of time.
    last_bar, last_close
        Number and close of the last bar of the data; an open position is valued at this close.

    Returns
    -------
    opened, closed (-1: open), side, size, entry_price, exit_price (NaN: open), pnl, commission and bars; (trips,).

    Examples
    --------
    Two shares are bought at 10 and at 12, and sold at 13:

    >>> bars, sizes, prices = np.array([1, 2, 5]), np.array([1.0, 1.0, -2.0]), np.array([10.0, 12.0, 13.0])
    >>> trips = trip_columns(bars, sizes, prices, np.full(3, 0.5), last_bar=9, last_close=13.0)
    >>> trips["entry_price"].tolist(), trips["pnl"].tolist(), trips["bars"].tolist()
    ([11.0], [2.5], [4])
    """
    after = _positions(sizes)
    before = np.concatenate([[0.0], after[:-1]])
    reversing = before * after < 0.0
    legs = np.repeat(np.arange(len(sizes)), 1 + reversing)  # a fill that reverses closes one trip, opens the next
    opening = np.zeros(len(legs), dtype=bool)
    opening[1:] = legs[1:] == legs[:-1]
    size = np.where(opening, after[legs], np.where(reversing[legs], -before[legs], sizes[legs]))
    paid = commissions[legs] * np.abs(size / sizes[legs])
    bar, price = bars[legs], prices[legs]
    if len(sizes) and after[-1] != 0.0:  # marked at the last close
        bar, price = np.append(bar, last_bar + 1), np.append(price, last_close)
        size, paid, opening = np.append(size, -after[-1]), np.append(paid, 0.0), np.append(opening, False)
    first = opening | (np.concatenate([[0.0], np.append(after[legs], 0.0)])[: len(size)] == 0.0)
    return _trips(bar, size, price, paid, first, bool(len(sizes) and after[-1] != 0.0))


def _positions(sizes: Floats) -> Floats:
    """The position after each fill; what rounding leaves of a closed one is 0."""
    after: Floats = np.cumsum(sizes)
    after[np.abs(after) <= SIZE_ROUNDING * np.abs(sizes)] = 0.0
    return after


def _trips(
    bar: Ints, size: Floats, price: Floats, paid: Floats, first: Bools, is_open: bool
) -> dict[str, np.ndarray]:
    """The trips of legs, each of which begins at a leg that is `first`."""
    begin = np.flatnonzero(first)
    if not len(begin):
        empty = np.empty(0)
        names = ("size", "entry_price", "exit_price", "pnl", "commission")
        whole = dict.fromkeys(("opened", "closed", "bars"), np.empty(0, dtype=np.int64))
        return whole | {"side": np.empty(0, dtype=object)} | dict.fromkeys(names, empty)
    trip = np.cumsum(first) - 1
    end = np.append(begin[1:], len(size)) - 1
    enlarging = np.sign(size) == np.sign(size[begin])[trip]
    held = np.cumsum(size) - (np.cumsum(size) - size)[begin][trip]  # of the trip alone

    def total(values: Floats) -> Floats:
        return np.add.reduceat(values, begin)

    entry = total(np.where(enlarging, size * price, 0.0)) / total(np.where(enlarging, size, 0.0))
    left = total(np.where(enlarging, 0.0, size * price)) / total(np.where(enlarging, 0.0, size))
    closed = bar[end].astype(np.int64)
    trips = {
        "opened": bar[begin].astype(np.int64),
        "closed": closed.copy(),
        "side": np.where(size[begin] > 0.0, "long", "short").astype(object),
        "size": np.maximum.reduceat(np.abs(held), begin),
        "entry_price": entry,
        "exit_price": left,
        "pnl": -total(size * price) - total(paid),
        "commission": total(paid),
        "bars": closed - bar[begin],
    }
    if is_open:
        trips["closed"][-1], trips["exit_price"][-1] = -1, np.nan
    return trips
