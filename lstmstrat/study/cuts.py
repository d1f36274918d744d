"""Every strategy once more on prices that end early: up to the end it must decide and order the same.

The look-ahead audit tries far more. This takes a few runs a strategy, so every run does it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.audit import ends as rule
from lstmstrat.audit.perturb import ROUNDING, change_inside
from lstmstrat.config.schema import StrategyConfig
from lstmstrat.errors import sentence
from lstmstrat.forecasting.session import Session
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import FAILED, NOT_RUN, PASSED, Check
from lstmstrat.results.orders import PlacedOrder
from lstmstrat.results.run import Run
from lstmstrat.study.simulate import simulate_one

CUT_BARS = "cut bars"
PLACES = (0.02, 0.06, 0.2)
"""The cuts, as shares of the bars at which a strategy decides to order.

A late cut is nearly one more whole run. The audit, without which there is no edge, covers the rest.
"""


NEVER = -1  # the bar of a run that could not be made
RUINOUS = ("crash", "leap")  # futures in which an account may be lost
SEED = 0


@dataclass(frozen=True)
class Fault:
    """A difference between two runs."""

    bar: int  # the first at which they differ
    text: str


@dataclass(frozen=True, eq=False)
class Shorter:
    """Prices that end early, and how much of an account must not depend on what is missing."""

    frame: pd.DataFrame
    what: str  # "the bars after 2005-03-01 cut off"
    last_close: int  # the last bar that is whole: what is done at its close must be the same
    last_open: int  # the last bar whose open is the same

    def same_orders(self, account: Account) -> list[PlacedOrder]:
        """The orders of an account that must be the same."""
        return [o for o in account.placed if o.bar <= (self.last_open if o.at_open else self.last_close)]

    def same_targets(self, account: Account) -> pd.Series:
        """The target exposures of an account that must be the same."""
        return account.targets.loc[: self.frame.index[self.last_close]]


def check_cuts(run: Run, session: Session) -> list[Check]:
    """Cut the prices off after some orders: what was decided and ordered up to there must stay the same.

    A check for each strategy that fails, or one that passes.
    """
    failed, dates, untold, of_the_end = list[Check](), list[str](), list[str](), list[str]()
    for strategy, account in zip(run.config.strategies, run.strategies, strict=True):
        cuts, again = _cuts(run, account), Again(run, strategy, session)
        untold += [] if cuts else [account.name]
        for cut in cuts:
            dates.append(_day(run, cut))
            detail = _fault_of_the_bars(again, account, _cut_off(run, cut))
            is_rule = bool(detail) and _is_rule_of_the_end(again, account, cut)
            of_the_end += [account.name] if is_rule else []
            if not detail or is_rule:
                changed = _changed_bar(run, account, cut, rule.SPARE if is_rule else 0)
                detail = _fault_of_the_bars(again, account, changed) if changed else ""
            if detail:
                if again.fault(account, _whole(run)):
                    detail = "two runs on the same prices differ; seed its random numbers"
                failed.append(Check(CUT_BARS, FAILED, f"{account.name}: {detail}", account.name))
                break
    if not dates:
        return [Check(CUT_BARS, NOT_RUN, "no strategy ordered anything")]
    ends = f"that end between {min(dates)} and {max(dates)}"
    ends += f"; not compared, for want of an order inside the window: {', '.join(untold)}" if untold else ""
    ends += "".join(f"; {name}: {rule.SAID}" for name in dict.fromkeys(of_the_end))
    return failed or [Check(CUT_BARS, PASSED, f"the same orders on {len(dates)} shorter histories, {ends}")]


def _cuts(run: Run, account: Account) -> list[int]:
    """Some bars at which orders were decided, spread over the window; there are bars before and after each.

    A target exposure is decided at the close before the open at which it is ordered. Without a forecast, one cut
    stands a bar later: orders that depend on the number of all bars may seem right where they are cut.
    """
    early = int(_has_targets(account))
    entries = _entries(account)
    orders = entries if len(entries) >= len(PLACES) else account.placed
    decided = {order.bar - (early if order.at_open else 0) for order in orders}
    inside = decided & set(range(run.window.start + 1, len(run.prices.frame) - 1))
    cheap = inside & _last_bars_of_folds(run, account)
    if len(cheap) >= len(PLACES):
        return _spread(sorted(cheap))
    last = len(run.prices.frame) - 2
    return [min(bar + (k == 1), last) for k, bar in enumerate(_spread(sorted(inside)))]


def _spread(bars: Sequence[int]) -> list[int]:
    """Those at `PLACES`, or all if they are few."""
    return [bars[int(place * len(bars))] for place in PLACES] if len(bars) > len(PLACES) else list(bars)


def _entries(account: Account) -> list[PlacedOrder]:
    """The orders that open or enlarge a position: a rule that misses its later bars seldom makes those."""
    bars, sizes = [fill.bar for fill in account.fills], np.array([fill.size for fill in account.fills])
    held = np.concatenate([[0.0], np.cumsum(sizes)])  # before each fill, and after the last
    held[np.abs(held) < ROUNDING * np.abs(sizes).max(initial=0.0)] = 0.0
    before = np.searchsorted(bars, [order.bar for order in account.placed])
    sides = zip(account.placed, np.sign(held)[before].tolist(), strict=True)
    return [order for order, side in sides if side * order.size >= 0.0]


def _last_bars_of_folds(run: Run, account: Account) -> set[int]:
    """The last bar of each fold: prices that end there ask for no forecast that the run has not made."""
    if account.forecasts is None:
        return set()
    if account.forecasts.config.own_code:
        return set()  # of code of the user's own, a known forecast proves nothing
    before = run.before(account.forecasts)
    return {before + record.fold.fitted_at - 1 for record in account.forecasts.folds[1:]}


def _cut_off(run: Run, cut: int) -> Shorter:
    """The prices up to the cut."""
    return Shorter(run.prices.frame.iloc[: cut + 1], f"the bars after {_day(run, cut)} cut off", cut, cut)


def _changed_bar(run: Run, account: Account, cut: int, further: int) -> Shorter | None:
    """Prices with another high, low and close at the cut, and `further` bars; None if no order is of its open.

    A rule of the end would leave out the last bar of the prices, so the end must be further away.
    """
    if not (_acts_at_opens(run, account) and any(order.at_open and order.bar == cut for order in account.placed)):
        return None
    opened, closed = run.prices.bars[cut, [OPEN, CLOSE]]
    frame = run.prices.frame.iloc[: cut + 1 + further]
    other = change_inside(frame, cut, 0.95 if closed > opened else 1.05)
    return Shorter(other, f"another high, low, close and volume on {_day(run, cut)}", cut - 1, cut)


def _acts_at_opens(run: Run, account: Account) -> bool:
    """Whether code of the user's runs at an open, before the rest of the bar is known."""
    from lstmstrat.trading.parameters import load_strategy
    from lstmstrat.trading.strategy import ExposureStrategy

    cls = load_strategy(run.strategy_of(account).class_)
    return not _has_targets(account) or cls.next_open is not ExposureStrategy.next_open


def _has_targets(account: Account) -> bool:
    return bool(account.targets.notna().any())


def _whole(run: Run) -> Shorter:
    last = len(run.prices.frame) - 1
    return Shorter(run.prices.frame, "the same prices", last, last)


@dataclass(frozen=True, eq=False)
class Again:
    """Runs a strategy once more, on other bars."""

    run: Run
    strategy: StrategyConfig
    session: Session

    def on(self, frame: pd.DataFrame) -> Account:
        """Its account on other bars."""
        prices = dataclasses.replace(self.run.prices, frame=frame)
        return simulate_one(self.run.config, prices, self.strategy, self.session)

    def fault(self, expected: Account, shorter: Shorter) -> Fault | None:
        """The first difference from an expected account that the bars make; None if there is none."""
        try:
            other = self.on(shorter.frame)
        except Exception as error:  # also one of the user's code: with all bars there was none
            return Fault(NEVER, f"it ends with {sentence(error)}")
        before, after = shorter.same_orders(expected), shorter.same_orders(other)
        fault = first_difference(before, after, self.run)
        return fault or self._fault_of_targets(shorter.same_targets(expected), shorter.same_targets(other))

    def _fault_of_targets(self, before: pd.Series, after: pd.Series) -> Fault | None:
        after = after.reindex(before.index)
        differing = np.flatnonzero(~np.isclose(before, after, rtol=ROUNDING, atol=ROUNDING, equal_nan=True))
        if not differing.size:
            return None
        k = int(differing[0])
        bar = int(self.run.prices.frame.index.get_indexer(before.index[[k]])[0])
        text = f"target exposure {before.iloc[k]:.10g}, then {after.iloc[k]:.10g}"
        return Fault(bar, f"the first difference is at {_day(self.run, bar)}: {text}")


def _fault_of_the_bars(again: Again, expected: Account, shorter: Shorter) -> str:
    fault = again.fault(expected, shorter)
    return f"with {shorter.what}, {fault.text}" if fault else ""


def _is_rule_of_the_end(again: Again, account: Account, cut: int) -> bool:
    """Whether what the strategy does otherwise on the bars up to a cut is a rule of the end, see `ends.py`."""
    frame, shorter = again.run.prices.frame, _cut_off(again.run, cut)
    fault = again.fault(account, shorter)
    if fault is None or not rule.is_near(fault.bar, cut) or not rule.has_room(frame, cut):
        return False
    until_the_cut = again.on(shorter.frame)
    kinds = [kind for kind in rule.FUTURES if kind != "missing"]  # an account at such prices has no value
    for trial in rule.trials(frame, cut, fault.bar, SEED, kinds):
        same = Shorter(trial.frame, "", trial.unchanged, trial.unchanged)
        moved = again.fault(until_the_cut if trial.is_cut else account, same)
        if moved and not (moved.bar == NEVER and trial.kind in RUINOUS):
            return False
    return True


def first_difference(before: Sequence[PlacedOrder], after: Sequence[PlacedOrder], run: Run) -> Fault | None:
    """The first place at which two lists of orders on the prices of a run differ; None if there is none."""
    for one, two in itertools.zip_longest(before, after):
        if one is None or two is None or not _alike(one, two):
            first = min(order.bar for order in (one, two) if order is not None)
            text = f"the first difference is at {_day(run, first)}: {_text(one)}, then {_text(two)}"
            return Fault(first, text)
    return None


def _alike(one: PlacedOrder, two: PlacedOrder) -> bool:
    if (one.bar, one.side, one.kind, one.at_open) != (two.bar, two.side, two.kind, two.at_open):
        return False
    pairs = [(one.size, two.size), (one.price, two.price), (one.limit, two.limit)]
    pairs += [(one.trail, two.trail), (one.trail_percent, two.trail_percent)]
    return all(a == b or np.isclose(a or 0.0, b or 0.0, ROUNDING, 0.0, equal_nan=True) for a, b in pairs)


def _text(order: PlacedOrder | None) -> str:
    if order is None:
        return "no order"
    price = "" if order.price is None else f" at {order.price:.10g}"
    return f"{order.side} {order.kind} {abs(order.size):.10g}{price}"


def _day(run: Run, bar: int) -> str:
    return f"{run.prices.frame.index[bar]:%Y-%m-%d}"
