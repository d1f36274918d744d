"""An analyzer that records the account of a strategy, in any Cerebro, and what it recorded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.round_trips import Fill, RoundTrip, round_trips
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.results.account import ORDERS, TIME, TRADES, Account
from lstmstrat.results.orders import Execution, PlacedOrder
from lstmstrat.trading.indicator import LSTMForecast
from lstmstrat.trading.order_log import OrderLog, bar_of
from lstmstrat.trading.parameters import SET_BY_RUN
from lstmstrat.trading.strategy import ExposureStrategy


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a strategy did, without Backtrader's objects; bars count from the first of its feed."""

    params: dict[str, Any]  # JSON-ready
    start: int  # bar of the first call of `next`
    equity: list[float]  # at each close from `start` on
    position_values: list[float]  # of all positions, at the same closes
    targets: list[float]  # target exposures, at the same closes; NaN where there is none
    orders: list[dict[str, Any]]  # columns of ORDERS; `created` and `executed` are bars
    placed: tuple[PlacedOrder, ...]
    fills: tuple[Execution, ...]
    forecasts: Forecasts | None  # of the first LSTMForecast; None for one of a universe, which are scores of many

    def account(self, frame: pd.DataFrame, name: str, class_path: str) -> Account:
        """The account; `frame` (N, 5) has the bars of the feed and their dates."""
        index, window = frame.index, frame.index[self.start :]
        trips = round_trips(self.fills, len(index) - 1, float(frame["close"].iloc[-1]))
        equity = pd.Series(self.equity, index=window, name=name)
        return Account(
            name=name,
            class_path=class_path,
            params=self.params,
            equity=equity,
            exposure=pd.Series(self.position_values, index=window, name=name) / equity,
            targets=pd.Series(self.targets, index=window, name=name),
            orders=_orders_frame(self.orders, index),
            placed=self.placed,
            fills=self.fills,
            trades=_trades_frame(trips, index),
            traded=_traded_value(self.fills, index, self.start).rename(name),
            forecasts=self.forecasts,
        )


class Recorder(bt.Analyzer):  # type: ignore[misc]
    """Records the account at each close from the first call of `next` on.

    After the run `recorded` holds it. Then nothing of Backtrader is left in the analyzer, so it can be pickled, as
    `optstrategy` does in its processes.
    """

    recorded: Recorded

    def start(self) -> None:
        """Begin with an empty record."""
        self.log = OrderLog()
        self.times: list[float] = []  # of all bars of the feed
        self.equity: list[float] = []
        self.position_values: list[float] = []
        self.targets: list[float] = []

    def prenext(self) -> None:
        """Record a bar before the first call of the strategy's `next`."""
        self.note()

    def next(self) -> None:
        """Record the account; a slower second feed makes Backtrader call this again for the same bar."""
        if not self.equity:
            self.first = len(self.strategy.data) - 1
        self.note()
        strategy, broker, held = self.strategy, self.strategy.broker, 0.0
        for data in strategy.datas:
            if size := broker.getposition(data).size:
                held += size * data.close[0]
        target = strategy._target if isinstance(strategy, ExposureStrategy) else None
        if (bar := len(self.times) - 1 - self.first) < len(self.equity):
            for line in (self.equity, self.position_values, self.targets):
                del line[bar:]
        self.equity.append(broker.getvalue())
        self.position_values.append(held)
        self.targets.append(math.nan if target is None else target)

    def skip(self, bars: int) -> None:
        """Record the first `bars` bars, at which nothing was ordered."""
        self.times.extend(self.strategy.data.datetime.array[:bars])

    def note(self) -> None:
        """Note the time of a bar, and the orders that were placed at it."""
        data = self.strategy.data
        if (bar := len(data) - 1) < len(self.times):
            del self.times[bar:]
        self.times.append(data.datetime[0])
        self.log.note(self.strategy.broker.orders, bar)

    def notify_order(self, order: Any) -> None:
        """Record what is new in an order."""
        self.log.heed(order, len(self.strategy.data) - 1)

    def stop(self) -> None:
        """Make the record, and forget Backtrader's objects."""
        log, times, strategy = self.log, np.array(self.times), self.strategy
        log.note(strategy.broker.orders, len(times))  # those that the strategy places in `stop`
        placed = log.placed()
        own = [i for i in strategy.getindicators() if isinstance(i, LSTMForecast) and not i.p.universe]
        self.recorded = Recorded(
            params=_params(strategy),
            start=len(times) - len(self.equity),
            equity=self.equity,
            position_values=self.position_values,
            targets=self.targets,
            orders=[_row(order, asked, times) for order, asked in zip(log.orders, placed, strict=True)],
            placed=placed,
            fills=log.executions(placed, times),
            forecasts=own[0].walk_forward.forecasts if own else None,
        )
        del self.log


def _params(strategy: Any) -> dict[str, Any]:
    params = {name: value for name, value in strategy.p._getkwargs().items() if name not in SET_BY_RUN}
    return json.loads(json.dumps(params, default=str))  # type: ignore[no-any-return]


def _traded_value(fills: Sequence[Fill], index: pd.Index, start: int) -> pd.Series:
    values = np.zeros(len(index))  # (n,)
    np.add.at(values, [fill.bar for fill in fills], [abs(fill.size * fill.price) for fill in fills])
    return pd.Series(values[start:], index=index[start:])


def _row(order: Any, placed: PlacedOrder, times: Floats) -> dict[str, Any]:
    """An order of Backtrader, as it was placed and as it ended."""
    executed, filled = order.executed, bool(order.executed.exbits)
    return {
        "status": order.getstatusname(),
        "created": bar_of(times, order.created.dt),
        "executed": bar_of(times, executed.dt) if filled else None,
        "side": placed.side,
        "size": abs(placed.size),
        "price": executed.price if filled else math.nan,
        "commission": executed.comm,
    }


def _orders_frame(rows: Sequence[Mapping[str, Any]], index: pd.Index) -> pd.DataFrame:
    return _frame({name: [row[name] for row in rows] for name in ORDERS}, ORDERS, index)


def _trades_frame(trips: Sequence[RoundTrip], index: pd.Index) -> pd.DataFrame:
    return _frame({name: [getattr(trip, name) for trip in trips] for name in TRADES}, TRADES, index)


def _frame(columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, Any], index: pd.Index) -> pd.DataFrame:
    """Columns of `kinds`; those of times are bars of `index`. Made as what they are: runs have many frames."""
    made: dict[str, Any] = {
        name: _times(values, index).as_unit("ns")
        if kinds[name] == TIME
        else pd.Index(values, dtype=object)
        if kinds[name] is object
        else np.array(values, dtype=kinds[name])
        for name, values in columns.items()
    }
    return pd.DataFrame(made)


def _times(bars: Sequence[int | None], index: pd.Index) -> pd.DatetimeIndex:
    """The times of `bars`; NaT for None."""
    places = [-1 if bar is None else bar for bar in bars]
    return pd.DatetimeIndex(index).take(places, fill_value=pd.NaT)  # type: ignore[arg-type]  # the stubs forget it
