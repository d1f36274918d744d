"""What the broker says at an open: the terms of an order, the position, the cash, and the orders still open.

Backtrader's own broker is asked through the parts of it that decide about an order. Any other broker, such as a
live one, has commission schemes, positions and cash, and is asked for no more than these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import backtrader as bt

from lstmstrat.trading.sizing import Book, Holding, Terms


def is_simulated(broker: Any) -> bool:
    """Whether it is Backtrader's own broker, whose rules for cash, slippage and interest are known."""
    return isinstance(broker, bt.brokers.BackBroker)


def terms_of(broker: Any, data: Any) -> Terms:
    """The terms of an order for `data` at its present open."""
    scheme, price = broker.getcommissioninfo(data), data.open[0]
    if not is_simulated(broker):
        return Terms(scheme, price, price, price)
    slips = broker.p.slip_open
    return Terms(
        scheme,
        price,
        # The high and low of the bar, at which slippage may end, are not known at its open.
        buy_price=broker._slip_up(math.inf, price, doslip=slips),
        sell_price=broker._slip_down(-math.inf, price, doslip=slips),
        shortcash=broker.p.shortcash,
    )


def holding_of(broker: Any, data: Any) -> Holding:
    """The position in `data`, filled orders only."""
    position = broker.getposition(data)
    settled = data.open[0] if position.adjbase is None else position.adjbase
    return Holding(position.size, position.price, settled)


def open_orders(broker: Any, own: Sequence[Any] = ()) -> list[Any]:
    """The orders that a simulated broker has not filled completely, in the order it fills them, without `own`."""
    if not is_simulated(broker) or not (broker.pending or broker.submitted):
        return []
    return [order for order in (*broker.pending, *broker.submitted) if order not in own]


def fills_now(order: Any) -> bool:
    """Whether an open order is filled at this open; the others wait for a price that may not come."""
    return bool(order.exectype == bt.Order.Market and order.active())


def describe(order: Any) -> str:
    """An order in words, such as ``a sell StopTrail order for 10 made at 2008-03-03``."""
    side, kind = ("buy" if order.isbuy() else "sell"), order.getordername()
    made = order.data.num2date(order.created.dt).date()
    return f"a {side} {kind} order for {abs(order.executed.remsize):.6g} made at {made}"


def book_of(broker: Any, data: Any, account: float, others: Sequence[Any] = ()) -> Book:
    """The book of `data` at its open, when the `others` have taken their cash and an order of today is filled.

    `account` is the value of the whole account at the opens of this bar, before the interest of the bar.
    """
    interest = _interest_due(broker)
    cash, checked = broker.getcash() - interest, broker.getcash()
    account -= interest
    holdings: dict[Any, Holding] = {}
    for order in others:
        terms, size = terms_of(broker, order.data), order.executed.remsize
        holding = holdings.get(order.data) or holding_of(broker, order.data)
        if order in broker.submitted:
            checked += _cash_at_check(terms, holding, order)
        if fills_now(order):
            price = terms.fill(size)
            cash += _sure(terms.cash(holding, size, price), broker)
            account -= terms.cost(holding, size)
            holdings[order.data] = holding.after(size, price)
    held = holdings.get(data) or holding_of(broker, data)
    return Book(terms_of(broker, data), held, account, cash, checked)


def _sure(cash: float, broker: Any) -> float:
    """The part of the cash of an order that is certain: with a volume filler a sale may not be filled."""
    return min(cash, 0.0) if broker.p.filler else cash


def _cash_at_check(terms: Terms, holding: Holding, order: Any) -> float:
    """What a new order adds to the cash that the broker's check sees, which takes every price for the order's."""
    price = terms.price if order.exectype == bt.Order.Market else order.created.price
    return terms.cash(Holding(holding.size, price, price), order.executed.remsize, price)


def _interest_due(broker: Any) -> float:
    """Interest that the simulated broker takes at this bar, before it fills an order."""
    if not is_simulated(broker):
        return 0.0
    dues = (
        broker.getcommissioninfo(data).get_credit_interest(data, position, data.datetime.datetime())
        for data, position in broker.positions.items()
        if position
    )
    return float(sum(dues))
