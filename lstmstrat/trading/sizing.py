"""How large an order must be: the account at an open, and the order that brings it to an exposure.

Nothing here assumes how the broker charges or what it holds. Costs, margins and multipliers are those of the
broker's commission scheme for the order in question, and the cash of an order is counted by the same steps as in
Backtrader's `BackBroker._execute`, so that no order is made which the broker would reject.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lstmstrat.errors import StrategyError, amount

MAX_EXPOSURE = 1.0 - 1e-12  # the largest exposure that is held: the rest covers float rounding
TOLERANCE = 1e-9  # exposures closer to each other than this are equal
STEPS = 100  # at most, of each search; bisection alone would need 60


@dataclass(frozen=True, slots=True)
class Holding:
    """A position in one instrument: `size` shares or contracts (negative: short)."""

    size: float = 0.0
    entry: float = 0.0  # average price at which it was opened
    settled: float = 0.0  # price up to which the gain of a future is already in the cash

    def split(self, size: float) -> tuple[float, float]:
        """The parts of an order of `size` shares that close this position and that open a new one."""
        if self.size * size >= 0.0:
            return 0.0, size
        closed = math.copysign(min(abs(size), abs(self.size)), size)
        return closed, size - closed

    def after(self, size: float, price: float) -> Holding:
        """The position after `size` more shares at `price`."""
        closed, opened = self.split(size)
        kept, total = self.size + closed, self.size + size
        if not opened:
            return Holding(total, self.entry, self.settled)
        return Holding(total, (kept * self.entry + opened * price) / total, price)


@dataclass(frozen=True, slots=True)
class Terms:
    """What trading one instrument costs at one open, by the broker's commission scheme and slippage."""

    scheme: Any  # the CommInfoBase of the instrument
    price: float  # the open
    buy_price: float  # what a purchase at the open pays, with slippage
    sell_price: float
    shortcash: bool = True  # whether the proceeds of a short sale are added to the cash

    @property
    def unit(self) -> float:
        """The exposure of one share or contract in money: what it loses when the price falls to 0."""
        return float(self.scheme.profitandloss(1.0, 0.0, self.price))

    def fill(self, size: float) -> float:
        """The price at which an order of `size` shares (negative: a sale) is filled."""
        return self.buy_price if size > 0.0 else self.sell_price

    def cost(self, holding: Holding, size: float) -> float:
        """What an order takes from the account at this open: slippage and commission."""
        price = self.fill(size)
        closed, opened = holding.split(size)
        cost = self.scheme.profitandloss(size, self.price, price)
        if closed:
            cost += self.scheme.getcommission(closed, price)
        if opened:
            cost += self.scheme.getcommission(opened, price)
        return float(cost)

    def cash(self, holding: Holding, size: float, price: float) -> float:
        """What an order filled at `price` adds to the cash; negative if it takes some."""
        scheme = self.scheme
        closed, opened = holding.split(size)
        cash = 0.0
        if closed:
            cash += self._tied_up(-closed, holding.entry) - scheme.getcommission(closed, price)
            cash += scheme.profitandloss(-closed, holding.entry, price) * scheme.stocklike
            cash += scheme.cashadjust(-closed, holding.settled, price)
        if opened:
            cash -= self._tied_up(opened, price) + scheme.getcommission(opened, price)
        return float(cash)

    def _tied_up(self, size: float, price: float) -> float:
        """The cash that a position opened at `price` keeps from other uses; negative for proceeds of a short."""
        value_of = self.scheme.getvaluesize if self.shortcash else self.scheme.getoperationcost
        value = float(value_of(size, price))
        return value / float(self.scheme.get_leverage()) if value > 0.0 else value


@dataclass(frozen=True, slots=True)
class Book:
    """An account at an open and its position in one instrument, as they are when the next order is filled."""

    terms: Terms
    holding: Holding
    account: float  # value of the whole account at this open
    cash: float  # when the order is filled
    checked: float  # cash that the broker sees when it checks the order, before anything is filled

    def __post_init__(self) -> None:
        if not self.account > 0.0:
            raise StrategyError(
                f"the account is worth {amount(self.account)}, so no exposure can be held; "
                "expose less, such as -0.5 for -1"
            )
        if not self.terms.unit > 0.0:
            raise StrategyError(f"the open is {self.terms.price}; an exposure needs prices above 0")

    def order_size(self, target: float, *, whole: bool = False, least: float = TOLERANCE) -> float:
        """Shares to buy (negative: to sell) so that the exposure is `target` after the costs of this order.

        With the account E after those costs, the position p satisfies ``p*unit = target*E``. `whole` rounds p
        towards 0. Where the cash does not suffice, it is the order closest to this that can be paid, or 0 if that
        changes the exposure by less than `least`. It is 0, too, where an order would cost more than it moves.
        """
        held = self.holding.size
        if target == 0.0:
            return -held if self.can_pay(-held) else 0.0
        if not whole:
            target = max(-MAX_EXPOSURE, min(MAX_EXPOSURE, target))
        size = wanted = self._position(target, whole) - held
        if not self.can_pay(wanted):
            size = self._paid_part(wanted)
            size = math.trunc(held + size) - held if whole else size
        moved = abs(size) * self.terms.unit
        too_small = size != wanted and moved < least * self.account
        return 0.0 if too_small or self.terms.cost(self.holding, size) >= moved else size

    def can_pay(self, size: float, spare: float = 0.0) -> bool:
        """Whether the cash suffices for an order of `size` shares, and `spare` is left of it.

        It must when the broker checks the order, and again when it fills it.
        """
        terms, held = self.terms, self.holding
        at_check = Holding(held.size, terms.price, terms.price)  # the check takes every price for the open
        return (
            self.cash + terms.cash(held, size, terms.fill(size)) >= spare
            and self.checked + terms.cash(at_check, size, terms.price) >= spare
        )

    def _position(self, target: float, whole: bool) -> float:
        """The position whose exposure is `target` after the costs of the order that leads to it."""
        held, unit = self.holding.size, self.terms.unit

        def excess(position: float) -> float:  # money above the target
            return position * unit - target * (self.account - self.terms.cost(self.holding, position - held))

        free = target * self.account / unit  # the position if trading were free
        near = held if held * free > 0.0 and abs(held) < abs(free) else 0.0
        far, at_far = free, excess(free)
        if at_far * target < 0.0:  # costs lead towards 0, but rebates away from it
            far, at_far = 2.0 * free, excess(2.0 * free)
        position = _root(excess, near, far, at_far, 1e-14 * self.account)
        return _whole(position) if whole else position

    def _paid_part(self, size: float) -> float:
        """The largest order on the way from none to `size` that can be paid, where `size` cannot.

        Where even the present position asks for more cash than there is, as a future may after a loss, the way
        begins at a closed position.
        """
        paid = 0.0 if self.can_pay(0.0) else -self.holding.size
        if not self.can_pay(paid):
            return 0.0
        spare = (1.0 - MAX_EXPOSURE) * self.account  # for float rounding
        for _ in range(STEPS):
            middle = (paid + size) / 2.0
            if self.can_pay(middle, spare):
                paid = middle
            else:
                size = middle
        return paid


def _whole(position: float) -> float:
    """The whole number of shares towards 0; a position that rounding left just below a whole number is that."""
    return float(math.trunc(position * (1.0 + 1e-12)))


def _root(function: Callable[[float], float], a: float, b: float, at_b: float, tolerance: float) -> float:
    """Where a function that changes its sign between `a` and `b` is 0, or where it jumps over 0; else `a`.

    `at_b` is its value at `b`.

    Regula falsi with the Illinois modification (Dowell and Jarratt 1971, BIT 11): exact after one step where costs
    are proportional, and never outside the bracket where a fee makes them jump.
    """
    if abs(at_b) <= tolerance:
        return b
    at_a = function(a)
    if at_a * at_b > 0.0:
        return a
    for _ in range(STEPS):
        middle = b - at_b * (b - a) / (at_b - at_a)
        at_middle = function(middle)
        if abs(at_middle) <= tolerance:
            return middle
        if at_middle * at_b < 0.0:
            a, at_a = b, at_b
        else:
            at_a /= 2.0
        b, at_b = middle, at_middle
    return a if abs(at_a) < abs(at_b) else b
