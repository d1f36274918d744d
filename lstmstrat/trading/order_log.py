"""The orders of a run as they were placed, and their fills.

Backtrader changes an order after it was placed: at every bar it moves the price of a trailing stop. So what a
strategy asked for is copied at the close of the bar at which it asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.results.orders import Execution, PlacedOrder


class OrderLog:
    """Copies each order of a broker while it is new.

    Call `note` at every close, after the strategy, and `heed` for every notification of an order.
    """

    def __init__(self) -> None:
        self.orders: list[Any] = []  # of Backtrader, with their status and executions
        self._placed: list[PlacedOrder] = []
        self._ended: dict[int, int] = {}  # bar of the end, by `ref` of the order
        self._booked: dict[int, list[int]] = {}  # bar of each fill's notification, by `ref` of the order

    def note(self, orders: Sequence[Any], bar: int) -> None:
        """Copy the orders that are new at the close of bar number `bar`; `orders` are all of the run so far."""
        for order in orders[len(self.orders) :]:
            self.orders.append(order)
            self._placed.append(_placed(order, bar))

    def heed(self, order: Any, bar: int) -> None:
        """Note what is new in an order at bar number `bar`: its fills and its end."""
        booked = self._booked.setdefault(order.ref, [])
        booked += [bar] * (len(order.executed.exbits) - len(booked))
        if not order.alive():
            self._ended.setdefault(order.ref, bar)

    def placed(self) -> tuple[PlacedOrder, ...]:
        """The orders as they were placed, in that order; each has the bar of its end."""
        pairs = zip(self.orders, self._placed, strict=True)
        return tuple(replace(placed, ended=self._ended.get(order.ref)) for order, placed in pairs)

    def executions(self, placed: Sequence[PlacedOrder], times: Floats) -> tuple[Execution, ...]:
        """All fills, in the order of their bars.

        `placed` is what `placed()` gives, and `times` (N,) are Backtrader's times of the bars of the feed.
        """
        fills = [
            Execution(bar_of(times, bit.dt), bit.size, bit.price, bit.comm, booked, asked)
            for order, asked in zip(self.orders, placed, strict=True)
            for bit, booked in zip(order.executed.exbits, self._booked.get(order.ref, ()), strict=False)
        ]
        return tuple(sorted(fills, key=lambda fill: fill.bar))


def _placed(order: Any, bar: int) -> PlacedOrder:
    kind, asked = order.ExecTypes[order.exectype], order.created
    # The broker has looked at an order of the open, but not yet at one of the close.
    early = order.status not in (order.Created, order.Submitted)
    # The price of these has no effect; that of a trail placed at the open has moved by now.
    unpriced = kind in ("Market", "Close") or (early and "Trail" in kind)
    return PlacedOrder(
        bar=bar,
        side="buy" if order.isbuy() else "sell",
        size=asked.size,
        kind=kind,
        price=None if unpriced else asked.price,
        at_open=early,
        limit=asked.pricelimit if kind in ("StopLimit", "StopTrailLimit") and not unpriced else math.nan,
        trail=asked.trailamount or 0.0,
        trail_percent=asked.trailpercent or 0.0,
    )


def bar_of(times: Floats, number: float) -> int:
    """The number of the bar that Backtrader's time `number` belongs to; `times` (N,) are those of all bars."""
    return int(np.searchsorted(times, number))
