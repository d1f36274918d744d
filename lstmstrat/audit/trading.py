"""The probes of orders: an order must be placed before it is filled, at a price that was not known before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lstmstrat.audit import perturb
from lstmstrat.audit.books import check_benchmark
from lstmstrat.audit.case import Case
from lstmstrat.audit.compare import ALL, compare
from lstmstrat.audit.cuts import spread_over
from lstmstrat.audit.feeds import OtherBars
from lstmstrat.audit.finding import Discrepancy, Finding
from lstmstrat.audit.trace import ACCOUNT, Subject, Trace
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.evaluation.round_trips import round_trips
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.results.assessment import FAILED as CHECK_FAILED
from lstmstrat.results.orders import Execution, PlacedOrder
from lstmstrat.store import Store
from lstmstrat.trading.simulation import simulate
from lstmstrat.trading.strategy import BuyAndHold, ExposureStrategy

MASKS = (0.9, 1.1)  # of P4: the close as a multiple of the open; at least one moves whatever reads it
EXACT = 1e-9  # relative
TRADED_BARS = 5  # number of bars with odd fills whose open P5 moves, at most
WALKS = 10  # number of random walks in P11
ALLOWED = 3  # number of walks that luck may win at 5%: the 99% quantile of Binomial(10, 0.05)
BEST = 3  # number of trades that a failure of P11 names
SIGNIFICANT = 1.645  # one-sided 5% quantile of the standard normal distribution

Fills = list[tuple[float, float]]  # size, price


def intrabar(case: Case) -> Finding:
    """Hide high, low, close and volume of each bar while the strategy acts at its open: it must order the same."""
    name, original = "P4 intrabar", case.original
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    total = 0
    for factor in MASKS[-1:] if case.subject.cuts else MASKS:
        masked = case.subject.run(mask=factor)
        count, difference = compare(original.trading(), masked.trading(), ALL)
        total += count
        if difference := difference or case.ends_early(masked, original.bars):
            detail = "an order made at the open of a bar moves with the rest of the bar"
            detail += _cure_of_a_trail(original, masked, difference.bar)
            return case.failed(name, total, detail, difference, None, f"close {factor} times the open")
    for bar in _bars_of_orders_at_opens(case):
        opened, closed = case.subject.frame[["open", "close"]].iloc[bar]
        factor = 0.9 if closed > opened else 1.1
        changed = case.subject.run(perturb.change_inside(case.subject.frame, bar, factor))
        before, after = (_orders_at_open(trace, bar) for trace in (original, changed))
        total += len(before)
        if before != after:
            texts = ("; ".join(map(str, orders)) or "none" for orders in (before, after))
            difference = Discrepancy(bar, original.day(bar), "orders at the open", *texts)
            detail = "an order made at the open of a bar moves with the rest of the bar, as an indicator has it"
            return case.failed(name, total, detail, difference, bar, f"close {factor} times the open")
    at_open = sum(order.at_open for order in original.orders)
    detail = f"{at_open} orders made at an open do not move with the rest of the bar"
    return case.passed(name, total, (), detail if total else "it made no order")


def _cure_of_a_trail(original: Trace, changed: Trace, bar: int) -> str:
    """What to do about a trailing stop that starts from the close of a bar that only opens; "" without one."""
    fills = [fill for trace in (original, changed) for fill in trace.fills if fill.booked == bar]
    if not any(fill.order.at_open and fill.order.kind.startswith("StopTrail") for fill in fills):
        return ""
    return (
        ": a trailing stop that is ordered in next_open without price= starts from data.close[0], the close of "
        "the bar that is only opening; give it price=self.data.open[0], or order it in next"
    )


def _bars_of_orders_at_opens(case: Case) -> list[int]:
    """Some bars at whose open the user's own code ordered.

    Indicators are worked out before, so the mask does not hide a bar in them: the bar itself is changed.
    """
    if case.subject.cls.next_open is ExposureStrategy.next_open:
        return []
    return spread_over(sorted({order.bar for order in case.original.orders if order.at_open}), TRADED_BARS)


def _orders_at_open(trace: Trace, bar: int) -> list[tuple[str, str, float, float | None]]:
    return [(o.side, o.kind, o.size, o.price) for o in trace.orders if o.at_open and o.bar == bar]


def _traded_bars(case: Case) -> list[int]:
    """Some bars whose market fills are not at the open with the slippage of the broker: why, is to be found out.

    With a cut of the user it is only that bar.
    """
    opens, slip = case.subject.frame["open"].to_numpy(), case.subject.broker.slippage
    bars = sorted(
        {
            fill.bar
            for fill in case.original.market_fills()
            if not math.isclose(
                fill.price, opens[fill.bar] * (1.0 + math.copysign(slip, fill.size)), rel_tol=EXACT
            )
        }
    )
    if case.pinned:
        return [bar for bar in bars if bar in case.cuts]
    return spread_over(bars, TRADED_BARS)


def _fills_at_open(trace: Trace, bar: int) -> Fills:
    """Size and price of each market fill of a bar."""
    return [(fill.size, fill.price) for fill in trace.market_fills() if fill.bar == bar]


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
    name, won, walks = "P11 noise", list[Trace](), 0
    if case.subject.is_indicator:
        return case.not_assessed(name, "an indicator does not trade")
    no_costs = case.subject.with_fields(
        broker=BrokerConfig(cash=case.subject.broker.cash, commission=0.0, slippage=0.0)
    )
    others = OtherBars(changed_after=-math.inf, seed=case.seed)
    for k in range(WALKS):
        run = no_costs.run(perturb.noise(case.subject.frame, case.seed + k), others=others)
        if run.fills and not run.error:
            walks += 1
            won += [run] if _t_statistic(run) > SIGNIFICANT else []
    if not walks:
        return case.not_assessed(name, "it does not trade on random walks")
    detail = f"{len(won)} of {walks} random walks won at 5%, {ALLOWED} allowed"
    if len(won) > ALLOWED:
        return case.failed(name, walks, f"{detail}; {winners(won)}")
    return case.passed(name, walks, (), detail)


def winners(runs: Sequence[Trace]) -> str:
    """The trades that gained most in the runs, and the share of the gain that orders of the open explain."""
    trades = [trade for run in runs for trade in _trades(run)]
    best = sorted(trades, key=lambda trade: -trade[0])[:BEST]
    said = "the best trades: " + "; ".join(text for _, text, _ in best)
    gains = sum(gain for gain, _, _ in trades if gain > 0.0)
    from_open = sum(gain for gain, _, at_open in trades if gain > 0.0 and at_open)
    if gains and from_open > 0.5 * gains:
        said += f"; {from_open / gains:.0%} of all gains come from limit and stop orders made at an open"
    return said


def _trades(run: Trace) -> list[tuple[float, str, bool]]:
    """The gain of each round trip, in words, and whether limit or stop orders of the open made it."""
    orders = {fill.bar: fill.order for fill in run.fills}  # by bar: the order of the last fill there
    trades = []
    for trip in round_trips(run.fills, run.bars - 1, float(run.frame["close"].iloc[run.bars - 1])):
        opened, ended = orders[trip.opened], orders.get(-1 if trip.closed is None else trip.closed)
        text = f"{run.day(trip.opened)} {opened.kind} {opened.side} {trip.size:.6g} at {trip.entry_price:.6g}"
        if trip.closed is not None and ended is not None:
            text += f", {run.day(trip.closed)} {ended.kind} {ended.side} at {trip.exit_price:.6g}"
        made_at_open = any(o is not None and o.at_open and o.kind != "Market" for o in (opened, ended))
        trades.append((trip.pnl, f"{text}, gained {trip.pnl:.4g}", made_at_open))
    return trades


def _t_statistic(run: Trace) -> float:
    """Mean / standard error of the account's one-bar returns from the bar of the first fill on; 0 if constant."""
    value = run.lines[ACCOUNT][run.fills[0].bar - 1 :]
    returns = value[1:] / value[:-1] - 1.0
    spread = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    return float(np.mean(returns)) / spread * math.sqrt(len(returns)) if spread > 0.0 else 0.0
