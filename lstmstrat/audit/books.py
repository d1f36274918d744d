"""The books of an account, worked again from the prices and the costs of the config alone.

A strategy can reach the broker, and so can a mistake in it: orders filled at the close of their decision, costs
set to zero, cash paid in. So what the account says is not believed: each fill is held against its order and its
bar, and the value of the account at each close against its fills.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import FAILED, PASSED, Check
from lstmstrat.results.orders import Execution, PlacedOrder

BOOKS = "fills and cash"
EQUAL = 1e-9  # relative: prices and account values closer than this are equal, up to float rounding
Span = tuple[float, float]  # lowest and highest price of a correct fill


def check_books(broker: BrokerConfig, prices: Prices, accounts: Sequence[Account]) -> list[Check]:
    """Every fill must have the price and the bar of its order, and an account must be made of its fills alone.

    A check for each account that fails, or one that passes.
    """
    faults = {account.name: first_fault(broker, prices, account) for account in accounts}
    failed = [Check(BOOKS, FAILED, f"{name}: {fault}", name) for name, fault in faults.items() if fault]
    fills = sum(len(account.fills) for account in accounts)
    return failed or [Check(BOOKS, PASSED, f"{fills:,} fills at the price of their order; no other cash")]


def first_fault(broker: BrokerConfig, prices: Prices, account: Account) -> str:
    """The first fill or value of the account that is not what it must be, as a sentence; "" if there is none."""
    for fill in account.fills:
        fault = _fault_of_fill(fill, prices, broker.slippage)
        if fault:
            return fault
    return _fault_of_value(broker, prices, account)


def _fault_of_fill(fill: Execution, prices: Prices, slippage: float) -> str:
    order = fill.order
    if fill.bar < order.bar or (fill.bar == order.bar and not order.at_open):
        return f"{_described(fill, prices)}, on a bar that was over when it was placed"
    span = correct_span(fill, prices.bars, slippage)
    if span is None:
        return f"{_described(fill, prices)}, but that bar did not reach its price"
    low, high = span
    if low * (1.0 - EQUAL) <= fill.price <= high * (1.0 + EQUAL):
        return ""
    right = f"{low:.10g}" if low == high else f"{low:.10g} to {high:.10g}"
    return f"{_described(fill, prices)}; with the slippage of the config, {slippage:.2%}, it is {right}"


def _described(fill: Execution, prices: Prices) -> str:
    order, size = fill.order, abs(fill.order.size)
    placed, filled = _day(prices, order.bar), _day(prices, fill.bar)
    what = f"the {order.kind} order of {placed} to {order.side} {size:.10g} was filled on {filled}"
    return f"{what} at {fill.price:.10g}"


def _day(prices: Prices, bar: int) -> str:
    return f"{prices.frame.index[bar]:%Y-%m-%d}"


def correct_span(fill: Execution, bars: Floats, slippage: float) -> Span | None:
    """The prices at which the order may be filled on the bar of `fill`; None if the bar does not reach them.

    Market, Limit and Stop have one correct price. A stop that trails, or turns into a limit, has a range: the bar
    does not tell which price came first.
    """
    order, bar = fill.order, bars[fill.bar]
    side = 1.0 if fill.size > 0.0 else -1.0
    if order.kind == "Market":
        return _one(_slipped(bar[OPEN], side, slippage))
    if order.kind == "Close":
        return _one(float(bar[CLOSE]))
    if order.price is None and order.kind in _TRAILS:
        low, high = float(bar[LOW]), float(bar[HIGH])
        return min(low, _slipped(low, side, slippage)), max(high, _slipped(high, side, slippage))
    if order.price is None or order.kind not in _SPANS:
        return None
    return _SPANS[order.kind](order, bars, fill.bar, side, slippage)


def _one(price: float) -> Span:
    return price, price


def _slipped(price: float, side: float, slippage: float) -> float:
    return float(price) * (1.0 + side * slippage)


def _limit(order: PlacedOrder, bars: Floats, bar: int, side: float, slippage: float) -> Span | None:
    """An open at or beyond the limit fills there, slippage up to the limit included; else the limit itself."""
    asked, (open_, high, low) = _price(order), bars[bar, [OPEN, HIGH, LOW]]
    if side * open_ <= side * asked:
        slipped = _slipped(open_, side, slippage)
        return _one(min(slipped, asked, high) if side > 0.0 else max(slipped, asked))
    return _one(asked) if low <= asked <= high else None


def _stop(order: PlacedOrder, bars: Floats, bar: int, side: float, slippage: float) -> Span | None:
    """An open at or beyond the trigger fills there, else the trigger; both with slippage."""
    asked, (open_, high, low) = _price(order), bars[bar, [OPEN, HIGH, LOW]]
    if side * open_ >= side * asked:
        return _one(_slipped(open_, side, slippage))
    return _one(_slipped(asked, side, slippage)) if low <= asked <= high else None


def _trailing_stop(order: PlacedOrder, bars: Floats, bar: int, side: float, slippage: float) -> Span | None:
    """The trigger lies between that of the order and the one that has followed every close since."""
    high, low = bars[bar, [HIGH, LOW]]
    closes = bars[order.bar + 1 : bar, CLOSE] if not order.at_open else bars[order.bar : bar, CLOSE]
    followed = closes + side * (order.trail or order.trail_percent * closes)
    if side > 0.0:  # the best fill of a purchase is the lowest
        return _slipped(max(min([_price(order), *followed]), low), side, slippage), _slipped(high, side, slippage)
    return _slipped(low, side, slippage), _slipped(min(max([_price(order), *followed]), high), side, slippage)


def _stop_limit(order: PlacedOrder, bars: Floats, bar: int, side: float, slippage: float) -> Span | None:
    """Once a bar has reached the trigger, any price of a bar up to the limit."""
    since = slice(order.bar if order.at_open else order.bar + 1, bar + 1)
    trigger, limit, (high, low) = _price(order), order.limit, bars[bar, [HIGH, LOW]]
    reached = bars[since, HIGH].max() >= trigger if side > 0.0 else bars[since, LOW].min() <= trigger
    if not reached:
        return None
    worst = _slipped(trigger, side, slippage)  # the broker lets the slippage of the trigger pass the limit
    span = (low, min(high, max(limit, worst))) if side > 0.0 else (max(low, min(limit, worst)), high)
    return span if span[0] <= span[1] else None


def _in_the_bar(order: PlacedOrder, bars: Floats, bar: int, side: float, slippage: float) -> Span | None:
    return float(bars[bar, LOW]), float(bars[bar, HIGH])


_TRAILS = ("StopTrail", "StopTrailLimit")
_SPANS = {
    "Limit": _limit,
    "Stop": _stop,
    "StopTrail": _trailing_stop,
    "StopLimit": _stop_limit,
    "StopTrailLimit": _in_the_bar,  # trigger and limit both move
}


def _price(order: PlacedOrder) -> float:
    return math.nan if order.price is None else order.price


def _fault_of_value(broker: BrokerConfig, prices: Prices, account: Account) -> str:
    """The first close at which cash, value or exposure are not those that the fills make; "" if there is none."""
    cash, shares = _holdings(broker, len(prices.bars), account.fills)  # (N,) each, at the closes
    value = cash + shares * prices.bars[:, CLOSE]
    window = slice(len(value) - len(account.equity), None)
    reported, exposure = account.equity.to_numpy(), account.exposure.to_numpy()  # (n,) each
    rounding = EQUAL * np.maximum(np.abs(value[window]), broker.cash)
    wrong = np.abs(reported - value[window]) > rounding
    wrong |= np.abs(exposure * reported - (value - cash)[window]) > rounding
    on_credit = (shares[window] > 0.0) & (cash[window] < -rounding)
    bars = np.flatnonzero(wrong | on_credit)
    if not bars.size:
        return ""
    k, bar = int(bars[0]), window.start + int(bars[0])
    if not wrong[k]:
        return f"on {_day(prices, bar)} it holds {shares[bar]:.10g} on credit: its cash is {cash[bar]:,.2f}"
    last = [_day(prices, fill.bar) for fill in account.fills if fill.booked <= bar][-1:]
    return (
        f"on {_day(prices, bar)} it is said to be {reported[k]:,.2f}, {exposure[k]:.1%} held, but its fills (last "
        f"on {last[0] if last else 'no day yet'}) and the commission of the config ({broker.commission:.2%}) make "
        f"it {value[bar]:,.2f}: the rest is other costs, interest, or cash that was paid in"
    )


def _holdings(broker: BrokerConfig, bars: int, fills: Sequence[Execution]) -> tuple[Floats, Floats]:
    """Cash and shares at each close, from the fills and the costs of the config; (N,) each."""
    at = [fill.booked for fill in fills]
    traded = np.array([fill.size * fill.price for fill in fills])
    paid, bought = np.zeros(bars), np.zeros(bars)
    np.add.at(paid, at, traded + broker.commission * np.abs(traded))
    np.add.at(bought, at, [fill.size for fill in fills])
    return broker.cash - np.cumsum(paid), np.cumsum(bought)


def check_benchmark(broker: BrokerConfig, bars: Floats, benchmark: Account) -> Check:
    """The final value of buy-and-hold with the broker must equal its closed form."""
    name = "buy-and-hold"
    entry = len(bars) - len(benchmark.equity) + 1  # the bar after the first decision
    price = float(bars[entry, OPEN]) * (1.0 + broker.slippage)
    size = broker.cash / (price * (1.0 + broker.commission))
    size = size if broker.fractional else math.floor(size)
    spent = size * price * (1.0 + broker.commission)
    expected = broker.cash - spent + size * float(bars[-1, CLOSE])
    gap = abs(float(benchmark.equity.iloc[-1]) / expected - 1.0)
    status = PASSED if gap < 1e-9 else FAILED
    return Check(name, status, f"differs from its closed form, costs included, by {gap:.1e} of its value")
