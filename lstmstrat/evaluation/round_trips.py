"""Fills to round trips: size, prices and profit of each position, from flat to flat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lstmstrat.arrays import Floats

SIZE_ROUNDING = 1e-9  # fraction of a fill: a smaller position is float rounding and counts as flat


@dataclass(frozen=True)
class Fill:
    """One execution: `size` shares (negative: sold) at `price` in bar number `bar`."""

    bar: int
    size: float
    price: float
    commission: float

    def __post_init__(self) -> None:
        if self.size == 0.0:
            raise ValueError("a fill has a size")


@dataclass(frozen=True)
class RoundTrip:
    """A position from flat to flat, or to the end of the data (`closed` None, `exit_price` NaN)."""

    opened: int  # bar number
    closed: int | None
    side: str  # "long" | "short"
    size: float  # largest, in shares
    entry_price: float  # average over the fills that enlarged the position
    exit_price: float  # average over the fills that reduced it
    pnl: float  # net of commission; an open position is marked at the last close
    commission: float
    bars: int  # closes at which the position was held


def round_trips(fills: Sequence[Fill], last_bar: int, last_close: float) -> list[RoundTrip]:
    """The round trips that `fills` make, the one that is still open at `last_bar` included.

    A fill that reverses the position closes one trip and opens the next; its commission is split by size. Partial
    sales and additions belong to the same trip.

    Parameters
    ----------
    fills
        In the order of time.
    last_bar, last_close
        Number and close of the last bar of the data; an open position is valued at this close.
    """
    trips: list[RoundTrip] = []
    legs: list[Fill] = []
    position = 0.0
    for fill in fills:
        after = position + fill.size
        if abs(after) <= SIZE_ROUNDING * abs(fill.size):
            after = 0.0
        if position * after < 0.0:
            per_share = fill.commission / abs(fill.size)
            closing = replace(fill, size=-position, commission=abs(position) * per_share)
            trips.append(_round_trip([*legs, closing], fill.bar))
            legs = [replace(fill, size=after, commission=abs(after) * per_share)]
        else:
            legs.append(fill)
            if after == 0.0:
                trips.append(_round_trip(legs, fill.bar))
                legs = []
        position = after
    if legs:
        mark = Fill(last_bar + 1, -position, last_close, 0.0)
        trips.append(replace(_round_trip([*legs, mark], last_bar + 1), closed=None, exit_price=math.nan))
    return trips


def _round_trip(legs: Sequence[Fill], closed: int) -> RoundTrip:
    sizes = np.array([leg.size for leg in legs])
    prices = np.array([leg.price for leg in legs])
    commission = sum(leg.commission for leg in legs)
    enlarging = np.sign(sizes) == np.sign(sizes[0])
    return RoundTrip(
        opened=legs[0].bar,
        closed=closed,
        side="long" if sizes[0] > 0.0 else "short",
        size=float(np.abs(np.cumsum(sizes)).max()),
        entry_price=_mean(prices[enlarging], sizes[enlarging]),
        exit_price=_mean(prices[~enlarging], sizes[~enlarging]),
        pnl=float(-(sizes @ prices) - commission),
        commission=commission,
        bars=closed - legs[0].bar,
    )


def _mean(prices: Floats, sizes: Floats) -> float:
    """The mean price of fills, each by its size: `np.average`, bit for bit, in a third of the time."""
    return float((prices * sizes).sum() / sizes.sum())
