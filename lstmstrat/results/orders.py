"""Orders as they were placed, and their fills."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lstmstrat.evaluation.round_trips import Fill


@dataclass(frozen=True)
class PlacedOrder:
    """One order of a run, as the strategy placed it."""

    bar: int  # the order was placed at the close of this bar, or at its open if `at_open`
    side: str  # "buy" or "sell"
    size: float  # signed
    kind: str  # Market, Limit, Stop ...
    price: float | None  # limit or trigger; None where it has no effect, or moved before it was seen
    at_open: bool  # placed in next_open, before the high, low and close of its bar
    limit: float = math.nan  # of a StopLimit or StopTrailLimit
    trail: float = 0.0  # distance of a trailing stop in money
    trail_percent: float = 0.0  # distance of a trailing stop as a fraction of the price
    ended: int | None = None  # bar at which it was filled, cancelled, expired or refused; None: still alive


@dataclass(frozen=True)
class Execution(Fill):
    """The fill of all or part of an order."""

    booked: int  # bar whose close is the first with it in the account; after `bar` for some Close orders
    order: PlacedOrder = field(repr=False)
