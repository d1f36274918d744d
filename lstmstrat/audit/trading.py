"""The probes of orders: decided before they are filled, at a price that was not known when they were decided."""

from __future__ import annotations

import math

import numpy as np

from lstmstrat.audit import perturb
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import compare
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.finding import Difference, Finding
from lstmstrat.audit.trace import ACCOUNT, Fill, Order, Subject, Trace
from lstmstrat.checks import FAILED as CHECK_FAILED
from lstmstrat.checks import check_benchmark
from lstmstrat.config import BrokerConfig
from lstmstrat.engine import simulate
from lstmstrat.prices import Prices
from lstmstrat.strategy import BuyAndHold

BARS = 5  # bars with fills that are changed
WALKS = 10  # of noise
ALLOWED = 3  # of them may be won at 5%, one-sided: the 99% quantile of Binomial(10, 0.05)
SIGNIFICANT = 1.645  # standard normal, one-sided 5%


def intrabar(case: Case) -> Finding:
    """Another high, low, close and volume of a bar: what was bought at its open must be the same."""
    name, total, used = "P4 intrabar", 0, list[int]()
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    for bar in _traded(case):
        for factor in (0.9, 1.1):
            changed = case.subject.run(perturb.intrabar(case.subject.frame, bar, factor))
            if changed.bars < bar:
                continue
            count, difference = compare(case.original, changed, bar - 1)
            difference = difference or _fills_differ(case.original, changed, bar)
            total += count + 1
            used.append(bar)
            if difference:
                earlier = difference.bar < bar
                detail = (
                    f"what is {'seen or done before' if earlier else 'bought at the open of'} a bar moves with "
                )
                detail += "the bar" if earlier else "the rest of it"
                return case.failed(name, total, detail, difference, bar, f"close {factor} times the open")
    if not used:
        return case.not_assessed(name, "no order was filled at an open")
    return case.passed(name, total, used, f"fills at {len(set(used))} opens do not move with the rest of the bar")


def _traded(case: Case) -> list[int]:
    """Bars of market fills; the one the user named, if it is one."""
    bars = sorted({fill.bar for fill in case.original.market_fills()})
    if case.pinned:
        return [bar for bar in bars if bar in case.cuts]
    return spread_over(bars, BARS)


def _at(trace: Trace, bar: int) -> list[tuple[float, float]]:
    return [(fill.size, fill.price) for fill in trace.market_fills() if fill.bar == bar]


def _fills_differ(original: Trace, changed: Trace, bar: int) -> Difference | None:
    before, after = _at(original, bar), _at(changed, bar)
    if before == after:
        return None
    return Difference(bar, original.day(bar), "fills at the open", _fills_said(before), _fills_said(after))


def _fills_said(fills: list[tuple[float, float]]) -> str:
    return ", ".join(f"{size:.10g} at {price:.10g}" for size, price in fills) or "none"


def fills(case: Case) -> Finding:
    """An order is filled after it is decided, and at the next open if that is another price."""
    name, original = "P5 fills", case.original
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    if not original.fills:
        return case.not_assessed(name, "no order was filled")
    for fill in original.fills:
        said = _too_early(fill, original) or _best_of_bar(fill, case)
        if said:
            seen = Difference(fill.bar, original.day(fill.bar), "fill", said, "not possible in time")
            return case.failed(name, len(original.fills), said, seen, fill.bar)
    count, used = len(original.fills), list[int]()
    for bar in _traded(case):
        for factor in (1.01, 0.99):
            changed = case.subject.run(perturb.moved_open(case.subject.frame, bar, factor))
            before, after = _at(original, bar), _at(changed, bar)
            if not after:  # another open may be reason enough not to trade
                continue
            count += 1
            used.append(bar)
            if after[0][1] == before[0][1]:
                moved = Difference(
                    bar, original.day(bar), "fills at the open", _fills_said(before), _fills_said(after)
                )
                detail = "the price of a fill does not move with the open it is said to be filled at"
                return case.failed(name, count, detail, moved, bar, f"open times {factor}")
    return case.passed(name, count, used, f"{len(original.fills)} fills come after their orders, at the open")


def _too_early(fill: Fill, trace: Trace) -> str:
    order = fill.order
    if fill.bar > order.bar or (fill.bar == order.bar and order.at_open):
        return ""
    return f"an order made at the close of {trace.day(order.bar)} is filled on that very bar, at {fill.price:.10g}"


def _best_of_bar(fill: Fill, case: Case) -> str:
    """On a bar that reached both a profit and a stop nobody knows which came first: the profit must not count."""
    if fill.order.kind != "Limit":
        return ""
    high, low = case.subject.frame.iloc[fill.bar][["high", "low"]]
    for stop in case.original.orders:
        if stop.kind == "Stop" and _stood(stop, fill) and stop.price is not None and low <= stop.price <= high:
            return (
                f"the bar reached the limit at {fill.price:.10g} and the stop at {stop.price:.10g}; "
                "which came first is not known, and the better one was filled"
            )
    return ""


def _stood(stop: Order, fill: Fill) -> bool:
    """The stop was an alternative to the limit order on the bar of its fill, and was not what happened."""
    alive = stop.bar < fill.bar and (stop.ended is None or stop.ended >= fill.bar)
    return alive and stop.side == fill.order.side and math.isclose(stop.size, fill.order.size)


def benchmark(subject: Subject, cls: type = BuyAndHold) -> str:
    """What is wrong with a benchmark that is run as buy-and-hold is; "" if it ends where arithmetic says."""
    start = len(subject.frame) // 2
    prices = Prices(subject.name, "csv", subject.frame, ())
    run = simulate(prices, cls, {}, subject.broker, start=start, name="buy_and_hold")
    if not run.equity.index.equals(subject.frame.index[start:]):
        return "it covers other bars than the strategies"
    found = check_benchmark(subject.broker, prices.bars, run)
    return found.detail if found.status == CHECK_FAILED else ""


def closed_form(case: Case) -> Finding:
    """Buy-and-hold through the same broker ends where arithmetic says."""
    name = "P9 benchmark"
    if case.subject.setup is not None:
        return case.not_assessed(name, "the broker is the user's own, so its costs are not known here")
    wrong = benchmark(case.subject)
    if wrong:
        return case.failed(name, 1, wrong)
    return case.passed(name, 1, (), "buy-and-hold ends where arithmetic says, costs included")


def noise(case: Case) -> Finding:
    """Fair games without costs: who wins too many of them knows what comes.

    The statistic is mean / standard error of the account's one-bar returns, whose expectation is 0 for anybody
    who trades a fair game; `SIGNIFICANT` is exceeded in 5% of the walks, more than `ALLOWED` of `WALKS` in 1%.
    """
    name, won, played = "P11 noise", 0, 0
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    free = case.subject.on(broker=BrokerConfig(cash=case.subject.broker.cash, commission=0.0, slippage=0.0))
    for k in range(WALKS):
        run = free.run(perturb.noise(case.subject.frame, case.seed + k))
        if run.fills and not run.error:
            played += 1
            won += _t_statistic(run) > SIGNIFICANT
    if not played:
        return case.not_assessed(name, "it does not trade on random walks")
    said = f"{won} of {played} random walks won at 5%, {ALLOWED} allowed"
    return case.failed(name, played, said) if won > ALLOWED else case.passed(name, played, (), said)


def _t_statistic(run: Trace) -> float:
    value = run.lines[ACCOUNT][run.fills[0].bar - 1 :]
    gains = value[1:] / value[:-1] - 1.0
    spread = float(np.std(gains, ddof=1)) if len(gains) > 1 else 0.0
    return float(np.mean(gains)) / spread * math.sqrt(len(gains)) if spread > 0.0 else 0.0
