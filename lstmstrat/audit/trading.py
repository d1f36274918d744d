"""The probes of orders: an order must be placed before it is filled, at a price that was not known before."""

from __future__ import annotations

import math

import numpy as np

from lstmstrat.audit import perturb
from lstmstrat.audit.books import check_benchmark
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import compare
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.finding import Discrepancy, Finding
from lstmstrat.audit.trace import ACCOUNT, Subject, Trace
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.results.assessment import FAILED as CHECK_FAILED
from lstmstrat.results.orders import Execution, PlacedOrder
from lstmstrat.store import Store
from lstmstrat.trading.simulation import simulate
from lstmstrat.trading.strategy import BuyAndHold

TRADED_BARS = 5  # number of bars with fills that P4 and P5 change, at most
WALKS = 10  # number of random walks in P11
ALLOWED = 3  # number of walks that luck may win at 5%: the 99% quantile of Binomial(10, 0.05)
SIGNIFICANT = 1.645  # one-sided 5% quantile of the standard normal distribution

Fills = list[tuple[float, float]]  # size, price


def intrabar(case: Case) -> Finding:
    """Change high, low, close and volume of a bar: the fills at its open must stay equal."""
    name, total, bars = "P4 intrabar", 0, list[int]()
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    for bar in _traded_bars(case):
        for factor in (0.9, 1.1):
            changed = case.subject.run(perturb.change_inside(case.subject.frame, bar, factor))
            if changed.bars < bar:
                continue
            count, difference = compare(case.original, changed, bar - 1)
            difference = difference or _compare_fills(case.original, changed, bar)
            total += count + 1
            bars.append(bar)
            if difference:
                earlier = difference.bar < bar
                detail = (
                    f"what is {'seen or done before' if earlier else 'bought at the open of'} a bar moves with "
                )
                detail += "the bar" if earlier else "the rest of it"
                return case.failed(name, total, detail, difference, bar, f"close {factor} times the open")
    if not bars:
        return case.not_assessed(name, "no order was filled at an open")
    return case.passed(name, total, bars, f"fills at {len(set(bars))} opens do not move with the rest of the bar")


def _traded_bars(case: Case) -> list[int]:
    """The bars to change: some bars with market fills; with a cut of the user, only that bar if it has one."""
    bars = sorted({fill.bar for fill in case.original.market_fills()})
    if case.pinned:
        return [bar for bar in bars if bar in case.cuts]
    return spread_over(bars, TRADED_BARS)


def _fills_at_open(trace: Trace, bar: int) -> Fills:
    """Size and price of each market fill of a bar."""
    return [(fill.size, fill.price) for fill in trace.market_fills() if fill.bar == bar]


def _compare_fills(original: Trace, changed: Trace, bar: int) -> Discrepancy | None:
    before, after = _fills_at_open(original, bar), _fills_at_open(changed, bar)
    return None if before == after else _fills_discrepancy(original, bar, before, after)


def _fills_discrepancy(trace: Trace, bar: int, before: Fills, after: Fills) -> Discrepancy:
    return Discrepancy(bar, trace.day(bar), "fills at the open", _fills_text(before), _fills_text(after))


def _fills_text(fills: Fills) -> str:
    return ", ".join(f"{size:.10g} at {price:.10g}" for size, price in fills) or "none"


def fills(case: Case) -> Finding:
    """Every fill must come after its order; and if the open of its bar changes, its price must change too."""
    name, original = "P5 fills", case.original
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    if not original.fills:
        return case.not_assessed(name, "no order was filled")
    for fill in original.fills:
        fault = _too_early(fill, original) or _best_of_bar(fill, case)
        if fault:
            difference = Discrepancy(fill.bar, original.day(fill.bar), "fill", fault, "not possible in time")
            return case.failed(name, len(original.fills), fault, difference, fill.bar)
    count, bars = len(original.fills), list[int]()
    for bar in _traded_bars(case):
        for factor in (1.01, 0.99):
            changed = case.subject.run(perturb.move_open(case.subject.frame, bar, factor))
            before, after = _fills_at_open(original, bar), _fills_at_open(changed, bar)
            if not after:  # with another open the strategy may rightly not trade
                continue
            count += 1
            bars.append(bar)
            if after[0][1] == before[0][1]:
                difference = _fills_discrepancy(original, bar, before, after)
                detail = "the price of a fill does not move with the open it is said to be filled at"
                return case.failed(name, count, detail, difference, bar, f"open times {factor}")
    return case.passed(name, count, bars, f"{len(original.fills)} fills come after their orders, at the open")


def _too_early(fill: Execution, trace: Trace) -> str:
    """What is wrong with a fill that does not come after its order; "" for any other fill."""
    order = fill.order
    if fill.bar > order.bar or (fill.bar == order.bar and order.at_open):
        return ""
    return f"an order made at the close of {trace.day(order.bar)} is filled on that very bar, at {fill.price:.10g}"


def _best_of_bar(fill: Execution, case: Case) -> str:
    """What is wrong with a fill at a limit on a bar that reached a stop of the same position too; else "".

    The bar does not tell which of the two prices came first, so the better one must not be filled.
    """
    if fill.order.kind != "Limit":
        return ""
    high, low = case.subject.frame.iloc[fill.bar][["high", "low"]]
    for stop in case.original.orders:
        if stop.kind == "Stop" and _competes(stop, fill) and stop.price is not None and low <= stop.price <= high:
            return (
                f"the bar reached the limit at {fill.price:.10g} and the stop at {stop.price:.10g}; "
                "which came first is not known, and the better one was filled"
            )
    return ""


def _competes(stop: PlacedOrder, fill: Execution) -> bool:
    """Whether the stop order could have been filled on the bar of `fill` in place of the limit order."""
    alive = stop.bar < fill.bar and (stop.ended is None or stop.ended >= fill.bar)
    return alive and stop.side == fill.order.side and math.isclose(stop.size, fill.order.size)


def benchmark(subject: Subject, cls: type = BuyAndHold) -> str:
    """What is wrong with the benchmark `cls`; "" if its account ends at the value of the closed form."""
    start = len(subject.frame) // 2
    prices = Prices(subject.name, "csv", subject.frame, ())
    with Session(Store(None)) as session:
        run = simulate(prices, cls, {}, subject.broker, session=session, start=start, name="buy_and_hold")
    if not run.equity.index.equals(subject.frame.index[start:]):
        return "it covers other bars than the strategies"
    check = check_benchmark(subject.broker, prices.bars, run)
    return check.detail if check.status == CHECK_FAILED else ""


def closed_form(case: Case) -> Finding:
    """Buy-and-hold through the same broker must end at the account value of its closed form."""
    name = "P9 benchmark"
    if case.subject.setup is not None:
        return case.not_assessed(name, "the broker is the user's own, so its costs are not known here")
    fault = benchmark(case.subject)
    if fault:
        return case.failed(name, 1, fault)
    return case.passed(name, 1, (), "buy-and-hold ends where arithmetic says, costs included")


def noise(case: Case) -> Finding:
    """Trade random walks without costs: a strategy that wins too many of them knows later bars.

    The statistic of a walk is mean / standard error of the account's one-bar returns. Without look-ahead their
    expectation is 0, because a random walk is a fair game. The statistic then exceeds `SIGNIFICANT` in 5% of the
    walks, and in more than `ALLOWED` of `WALKS` walks with a probability below 1%.
    """
    name, wins, walks = "P11 noise", 0, 0
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    no_costs = case.subject.with_fields(
        broker=BrokerConfig(cash=case.subject.broker.cash, commission=0.0, slippage=0.0)
    )
    for k in range(WALKS):
        run = no_costs.run(perturb.noise(case.subject.frame, case.seed + k))
        if run.fills and not run.error:
            walks += 1
            wins += _t_statistic(run) > SIGNIFICANT
    if not walks:
        return case.not_assessed(name, "it does not trade on random walks")
    detail = f"{wins} of {walks} random walks won at 5%, {ALLOWED} allowed"
    return case.failed(name, walks, detail) if wins > ALLOWED else case.passed(name, walks, (), detail)


def _t_statistic(run: Trace) -> float:
    """Mean / standard error of the account's one-bar returns from the bar of the first fill on; 0 if constant."""
    value = run.lines[ACCOUNT][run.fills[0].bar - 1 :]
    returns = value[1:] / value[:-1] - 1.0
    spread = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    return float(np.mean(returns)) / spread * math.sqrt(len(returns)) if spread > 0.0 else 0.0
