"""`simulate` runs one strategy with one account over the prices.

This file defines what all strategies and buy-and-hold share: the feed, the broker with its costs, and the bar of
the first decision. Equity and orders are read from the broker itself, not from Backtrader's own analyzers.
"""

from __future__ import annotations

import contextlib
import math
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.errors import (
    ERRORS_OF_CODE,
    PACKAGE,
    DataError,
    LSTMStratError,
    StrategyError,
    amount,
    describe,
    own_frames,
)
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import Bars
from lstmstrat.prices.check import day
from lstmstrat.results.account import Account
from lstmstrat.trading.clock import to_numbers
from lstmstrat.trading.lines import advance
from lstmstrat.trading.mistakes import one_feed
from lstmstrat.trading.recorder import Recorded, Recorder
from lstmstrat.trading.warm_up import FirstDecision, skip_warm_up


def simulate(
    prices: Prices,
    cls: type[Any],
    params: dict[str, Any],
    broker: BrokerConfig,
    *,
    session: Session,
    start: int,
    name: str,
    class_path: str = "",
    forecast: ForecastConfig | None = None,
    runonce: bool = True,
) -> Account:
    """Run one strategy class over `prices` with an account of its own.

    The strategy decides for the first time, in its first call of `next`, at the close of bar number `start`,
    counted from 0; its first fill is at the open of the next bar. `forecast` and `broker.fractional` are passed to
    a class that has parameters of those names. An `LSTMForecast` that the strategy creates uses `session`. With
    `runonce` False Backtrader goes bar by bar, as with a live feed; the numbers are the same.

    Raises
    ------
    DataError
        There is no bar after `start` to trade in.
    StrategyError
        The strategy needs more history than `start` bars, orders before `start`, or loses the whole account.
    """
    bars = len(prices.frame)
    if not 0 <= start < bars - 1:
        raise DataError(f"{name}: the first decision would be at bar {start + 1} of {bars}; give more history")
    cerebro = build_cerebro(prices, cls, broker, runonce=runonce)
    cerebro.addstrategy(cls, **params, **set_by_run(cls, broker, forecast))
    return record(cerebro, prices, session, start=start, name=name, class_path=class_path)


def build(
    prices: Prices,
    cls: type[Any],
    params: dict[str, Any],
    broker: BrokerConfig,
    *,
    session: Session,
    start: int,
    name: str,
    forecast: ForecastConfig,
) -> None:
    """Build one strategy as `simulate` does, and stop before its own `start` and its first bar.

    Raises
    ------
    StrategyError
        The strategy skips itself, or needs more history than `start` bars.
    Exception
        Whatever its ``__init__`` raises.
    """
    cerebro = build_cerebro(prices, cls, broker)
    cerebro.addstrategy(cls, **params, **set_by_run(cls, broker, forecast))
    with contextlib.suppress(_BuiltError):
        cerebro.addanalyzer(_Account, first=start, label=name)
        cerebro.addanalyzer(_Stop)
        cerebro.addindicator(FirstDecision, bar=start)
        with session.active(), one_feed(name, prices.symbol):
            cerebro.run()
        raise StrategyError(_skipped(name))


def record(cerebro: Any, prices: Prices, session: Session, *, start: int, name: str, class_path: str) -> Account:
    """Run the only strategy of `cerebro`, which decides first at bar `start`, and return its account."""
    cerebro.addindicator(FirstDecision, bar=start)
    cerebro.addanalyzer(_Account, first=start, label=name, _name="account")
    with session.active(), _sentence_for(name), one_feed(name, prices.symbol):
        strategies = cerebro.run()  # Backtrader creates the indicators here
    if not strategies:
        raise StrategyError(_skipped(name))
    recorded: Recorded = strategies[0].analyzers.account.recorded
    missing = len(prices.frame) - start - len(recorded.equity)
    if missing:
        raise StrategyError(f"{name}: it stopped {missing} bars too early; hold nothing in place of runstop()")
    beyond = np.flatnonzero(~np.isfinite(recorded.equity))
    if beyond.size:
        when = day(prices.frame.index[start + beyond[0]])
        raise DataError(
            f"{name}: the account is beyond any number at the close of {when}; "
            "the prices change too much from bar to bar: correct them, or end: before that bar"
        )
    return recorded.account(prices.frame, name, class_path)


@contextlib.contextmanager
def _sentence_for(name: str) -> Iterator[None]:
    """Makes what a strategy raises a `StrategyError`, be it in the user's code or in a library that it asked.

    What only our own code has raised stays what it is: a fault of ours.
    """
    try:
        yield
    except LSTMStratError:
        raise
    except ERRORS_OF_CODE as error:
        inside = traceback.extract_tb(error.__traceback__)[2:]  # without this function and the call of `run`
        ours = any(Path(frame.filename).is_relative_to(PACKAGE) for frame in inside)
        if ours and not (own_frames(error) or isinstance(error, SystemExit)):
            raise
        raise StrategyError(f"{name}: {describe(error)}") from error


def _skipped(name: str) -> str:
    return f"{name}: its __init__ raised StrategySkipError; leave it out of the config"


def build_cerebro(
    bars: Bars, cls: type[Any], broker: BrokerConfig, *, runonce: bool = True, preload: bool = True
) -> Any:
    """A Cerebro with the feed and the broker that a strategy of class `cls` needs, still without the strategy."""
    # Cheat-on-open changes the price at which the broker checks the cash for plain orders, so it is on only for a
    # class that defines `next_open`.
    at_open = cls.next_open is not bt.Strategy.next_open
    cerebro = bt.Cerebro(stdstats=False, runonce=runonce, preload=preload, cheat_on_open=at_open)
    cerebro.broker = _broker(broker)
    feed = _Feed(dataname=bars, name=bars.symbol)
    feed.outside = bars.outside.until(bars.frame.index.to_numpy()[-1])
    cerebro.adddata(feed)
    return cerebro


def set_by_run(cls: type[Any], broker: BrokerConfig, forecast: ForecastConfig | None) -> dict[str, Any]:
    """The values of those parameters of a class that the run sets, see `SET_BY_RUN`."""
    values: dict[str, Any] = {"fractional": broker.fractional}
    values |= {"forecast": forecast.model_dump()} if forecast else {}
    return {name: value for name, value in values.items() if name in cls.params._getkeys()}


class _Feed(bt.feed.DataBase):  # type: ignore[misc]
    """A feed of `Prices`. It loads whole columns, or row by row if Backtrader does not preload.

    Its bars are complete, so it has no ticks: Backtrader would copy every bar into them.
    """

    tick_open = tick_high = tick_low = tick_close = tick_last = None

    def _tick_nullify(self) -> None:
        pass

    def _tick_fill(self, force: bool = False) -> None:
        pass

    def start(self) -> None:
        super().start()
        frame = self.p.dataname.frame
        self._columns = {name: frame[name].to_numpy() for name in frame}  # each (n,)
        self._columns["openinterest"] = np.zeros(len(frame))
        self._columns["datetime"] = to_numbers(pd.DatetimeIndex(frame.index))

    def advance(self, size: int = 1, datamaster: Any = None, ticks: bool = True) -> None:
        if datamaster is None:  # which a feed by itself has not
            advance(self.lines.lines, size)
        else:
            super().advance(size, datamaster, ticks)

    def advance_peek(self) -> float:
        times = self.lines.lines[self.DateTime]
        if times._idx < 0:  # before the first bar of a run in once mode
            skip_warm_up(self._env, self)
        following = times._idx + 1
        return float(times.array[following]) if following < len(times.array) else math.inf

    def preload(self) -> None:
        for name, column in self._columns.items():
            getattr(self.lines, name).array.frombytes(column.tobytes())
        self.home()

    def _load(self) -> bool:
        row = len(self) - 1
        if row >= len(self._columns["datetime"]):
            return False
        for name, column in self._columns.items():
            getattr(self.lines, name)[0] = float(column[row])
        return True


class _Broker(bt.brokers.BackBroker):  # type: ignore[misc]
    """A broker with slippage at its full, constant rate on market orders, never beyond a limit order's limit."""

    _valued_cash: float | None = None  # in the newest value of the account

    def submit(self, order: Any, check: bool = True) -> Any:
        """Backtrader takes any size: of NaN it makes an order that is never filled, or an account of NaN."""
        asked = order.created
        for what, value in (("size", asked.size), ("price", asked.price), ("pricelimit", asked.pricelimit)):
            if value is not None and not abs(value) <= sys.float_info.max:
                raise ValueError(f"the {what} of an order is {_short(value)}, expected a finite number")
        return super().submit(order, check=check)

    def next(self) -> None:
        if not self.is_idle or self.cash != self._valued_cash:  # which a strategy may have changed
            super().next()
            self._valued_cash = self.cash

    @property
    def is_idle(self) -> bool:
        """Whether the bar changes nothing: no order and no position, nothing paid in, no history to act out."""
        if self.pending or self.submitted or self._toactivate or self._cash_addition:
            return False
        if self._userhist or self._fundhist:
            return False
        return not any(position.size for position in self.positions.values())

    def _slip_up(self, pmax: float, price: float, doslip: bool = True, lim: bool = False) -> Any:
        fill_price = super()._slip_up(pmax, price, doslip, lim)
        return min(fill_price, pmax) if lim else fill_price

    def _slip_down(self, pmin: float, price: float, doslip: bool = True, lim: bool = False) -> Any:
        fill_price = super()._slip_down(pmin, price, doslip, lim)
        return max(fill_price, pmin) if lim else fill_price


def _short(value: float) -> str:
    """A number of few digits: 10**400 is no float."""
    return f"{value:.10g}" if isinstance(value, float) else "beyond 1e308"


def _broker(config: BrokerConfig) -> Any:
    broker = _Broker()
    broker.setcash(config.cash)
    broker.setcommission(commission=config.commission)
    broker.set_slippage_perc(config.slippage, slip_out=True)  # else the slippage stops at the bar's high or low
    return broker


class _BuiltError(Exception):
    """Ends a run before its first bar; nothing is wrong."""


class _Stop(bt.Analyzer):  # type: ignore[misc]
    """Ends a run when its strategy is built, after the analyzers before this one have looked at it."""

    def start(self) -> None:
        raise _BuiltError


class _Account(Recorder):
    """Records the account, and ends the run where nothing can be compared with it."""

    params = (("first", 0), ("label", ""))

    def start(self) -> None:
        bars = self.strategy._minperiod  # bars up to the first `next`, including its own
        if bars != self.p.first + 1:
            raise StrategyError(
                f"{self.p.label}: its indicators need {bars} bars, but the first forecast, where all strategies "
                f"start, is at bar {self.p.first + 1}; shorten its longest period"
            )
        super().start()

    def prenext(self) -> None:
        super().prenext()
        if self.strategy.broker.orders:
            self._fail(
                "it orders before the first forecast, where all strategies start; do not order in prenext()"
            )

    def next(self) -> None:
        super().next()
        equity = self.equity[-1]
        if math.isnan(equity):
            self._fail("the account value is NaN; one of its orders has a size or price that is not a number")
        if equity <= 0.0:
            self._fail(f"the account is down to {amount(equity)}, more than it had; make its positions smaller")

    def _fail(self, why: str) -> None:
        raise StrategyError(f"{self.p.label}: at {self.strategy.data.datetime.date(0)} {why}")
