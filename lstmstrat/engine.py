"""One strategy, one account, one pass over the prices: `simulate`.

Everything that the strategies share with buy-and-hold is here: the feed, the broker with its costs, and the bar
of the first decision. Equity and orders are read from the broker itself; Backtrader's analyzers are not used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.config import BrokerConfig, ForecastConfig
from lstmstrat.errors import DataError, StrategyError
from lstmstrat.forecast import WalkForward
from lstmstrat.indicator import LSTMForecast
from lstmstrat.prices import Prices
from lstmstrat.strategy import SET_BY_RUN
from lstmstrat.trades import Fill, RoundTrip, round_trips

TIME = "datetime64[ns]"
ORDERS: dict[str, Any] = {  # `created` is the bar of the open for an order made at the open
    "status": object,
    "created": TIME,
    "executed": TIME,
    "side": object,
    "size": float,
    "price": float,
    "commission": float,
}
TRADES: dict[str, Any] = {
    "opened": TIME,
    "closed": TIME,
    "side": object,
    "size": float,
    "entry_price": float,
    "exit_price": float,
    "pnl": float,
    "commission": float,
    "bars": int,
}


@dataclass(frozen=True)
class Simulation:
    """What a strategy did with the account over the traded window, the bars from the first decision on."""

    name: str  # column name in equity.csv
    class_path: str  # "strategies.long_flat:LongFlat"
    params: dict[str, Any]  # the strategy's own, as used; JSON-ready
    equity: pd.Series  # account value at each close of the window
    exposure: pd.Series  # position value / account value at each close, same index
    orders: pd.DataFrame  # one row an order, columns as in ORDERS; price and executed NaN/NaT where not executed
    trades: pd.DataFrame  # one row a round trip, columns as in TRADES; see `round_trips`
    traded: pd.Series  # sum of |size * fill price| over the fills of each bar, same index
    walk_forward: WalkForward | None  # what its first LSTMForecast did; None for a strategy without one

    def __post_init__(self) -> None:
        if not (self.equity.index.equals(self.exposure.index) and self.equity.index.equals(self.traded.index)):
            raise ValueError("equity, exposure and traded value cover different bars")


def simulate(
    prices: Prices,
    cls: type[Any],
    params: dict[str, Any],
    broker: BrokerConfig,
    *,
    start: int,
    name: str,
    class_path: str = "",
    forecast: ForecastConfig | None = None,
    runonce: bool = True,
) -> Simulation:
    """Run one strategy class over `prices` with an account of its own.

    Its first decision, the first call of `next`, is at the close of bar number `start` (from 0), and so its first
    fill at the open of the bar after. `forecast` and `broker.fractional` are handed to a class that has parameters
    of those names. With `runonce` False Backtrader goes bar by bar as with a live feed; the numbers are the same.

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
    cerebro = wired(prices, cls, broker, runonce=runonce)
    cerebro.addstrategy(cls, **params, **set_by_run(cls, broker, forecast))
    cerebro.addindicator(_FirstDecision, bar=start)
    cerebro.addanalyzer(_Ledger, start=start, label=name, _name="ledger")
    strategy = cerebro.run()[0]
    ledger = strategy.analyzers.ledger
    index = prices.frame.index[start:]
    equity = pd.Series(ledger.equity, index=index, name=name)
    orders = list(strategy.broker.orders)
    fills = _fills(orders, strategy.data)
    trips = round_trips(fills, bars - 1, float(prices.frame["close"].iloc[-1]))
    return Simulation(
        name=name,
        class_path=class_path,
        params=_own_params(strategy),
        equity=equity,
        exposure=pd.Series(ledger.held, index=index, name=name) / equity,
        orders=_orders_frame(orders, strategy.data, prices.frame.index),
        trades=_trades_frame(trips, prices.frame.index),
        traded=_traded(fills, prices.frame.index, start).rename(name),
        walk_forward=next((i.walk_forward for i in strategy.getindicators() if isinstance(i, LSTMForecast)), None),
    )


class Bars(Protocol):
    """What a feed is made of: `Prices`, or other bars with a frame like theirs that may hold NaN."""

    @property
    def symbol(self) -> str: ...  # noqa: D102

    @property
    def frame(self) -> pd.DataFrame: ...  # noqa: D102


def wired(bars: Bars, cls: type[Any], broker: BrokerConfig, *, runonce: bool = True, preload: bool = True) -> Any:
    """A Cerebro with the feed and the broker that a strategy of class `cls` needs, and nothing else in it yet."""
    # Under cheat-on-open the broker checks the cash of plain orders at another price, so only who asks gets it.
    at_open = cls.next_open is not bt.Strategy.next_open
    cerebro = bt.Cerebro(stdstats=False, runonce=runonce, preload=preload, cheat_on_open=at_open)
    cerebro.broker = _broker(broker)
    cerebro.adddata(_Feed(dataname=bars, name=bars.symbol))
    return cerebro


def set_by_run(cls: type[Any], broker: BrokerConfig, forecast: ForecastConfig | None) -> dict[str, Any]:
    """The parameters that a class has and a run sets: see `SET_BY_RUN`."""
    values = {"forecast": forecast.model_dump() if forecast else None, "fractional": broker.fractional}
    return {name: value for name, value in values.items() if name in cls.params._getkeys()}


class _Feed(bt.feed.DataBase):  # type: ignore[misc]
    """`Prices`, loaded by whole columns; row by row where Backtrader does not preload."""

    def start(self) -> None:
        super().start()
        frame = self.p.dataname.frame
        self._columns = {name: frame[name].to_numpy() for name in frame}  # each (n,)
        self._columns["openinterest"] = np.zeros(len(frame))
        self._columns["datetime"] = np.array([bt.date2num(time) for time in frame.index.to_pydatetime()])

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
    """Slippage at its full, constant rate on every market order, but never past the limit of a limit order."""

    def _slip_up(self, pmax: float, price: float, doslip: bool = True, lim: bool = False) -> Any:
        slipped = super()._slip_up(pmax, price, doslip, lim)
        return min(slipped, pmax) if lim else slipped

    def _slip_down(self, pmin: float, price: float, doslip: bool = True, lim: bool = False) -> Any:
        slipped = super()._slip_down(pmin, price, doslip, lim)
        return max(slipped, pmin) if lim else slipped


def _broker(config: BrokerConfig) -> Any:
    broker = _Broker()
    broker.setcash(config.cash)
    broker.setcommission(commission=config.commission)
    broker.set_slippage_perc(config.slippage, slip_out=True)  # else the slippage ends at the bar's high or low
    return broker


class _FirstDecision(bt.Indicator):  # type: ignore[misc]
    """Nothing but a minimum period: it holds back the strategy's `next` until bar number `bar`."""

    lines = ("nothing",)
    params = (("bar", 0),)

    def __init__(self) -> None:
        self.addminperiod(self.p.bar + 1)


class _Ledger(bt.Analyzer):  # type: ignore[misc]
    """The account at each close from bar number `start` on."""

    params = (("start", 0), ("label", ""))

    def start(self) -> None:
        needed = self.strategy._minperiod  # bars before the first `next`, that one included
        if needed != self.p.start + 1:
            raise StrategyError(
                f"{self.p.label}: its indicators need {needed} bars, but the first forecast, where all strategies "
                f"start, is at bar {self.p.start + 1}; shorten its longest period"
            )
        self.equity: list[float] = []
        self.held: list[float] = []

    def prenext(self) -> None:
        if self.strategy.broker.orders:
            self._fail(
                "it orders before the first forecast, where all strategies start; do not order in prenext()"
            )

    def next(self) -> None:
        broker, data = self.strategy.broker, self.strategy.data
        equity = broker.getvalue()
        if math.isnan(equity):
            self._fail("the account value is NaN; one of its orders has a size or price that is not a number")
        if equity <= 0.0:
            self._fail(f"the account is down to {equity:.2f}, more than it had; make its positions smaller")
        self.equity.append(equity)
        self.held.append(broker.getposition(data).size * data.close[0])

    def _fail(self, why: str) -> None:
        raise StrategyError(f"{self.p.label}: at {self.strategy.data.datetime.date(0)} {why}")


def _own_params(strategy: Any) -> dict[str, Any]:
    own = {name: value for name, value in strategy.p._getkwargs().items() if name not in SET_BY_RUN}
    return json.loads(json.dumps(own, default=str))  # type: ignore[no-any-return]


def bar_of(data: Any, number: float) -> int:
    """The bar that Backtrader's time `number` belongs to."""
    return int(np.searchsorted(data._columns["datetime"], number))


def _fills(orders: Sequence[Any], data: Any) -> list[Fill]:
    bits = [bit for order in orders for bit in order.executed.exbits]
    return sorted((Fill(bar_of(data, bit.dt), bit.size, bit.price, bit.comm) for bit in bits), key=lambda f: f.bar)


def _traded(fills: Sequence[Fill], index: pd.Index, start: int) -> pd.Series:
    values = np.zeros(len(index))  # (n,)
    np.add.at(values, [fill.bar for fill in fills], [abs(fill.size * fill.price) for fill in fills])
    return pd.Series(values[start:], index=index[start:])


def _orders_frame(orders: Sequence[Any], data: Any, index: pd.Index) -> pd.DataFrame:
    rows = []
    for order in orders:
        filled = bool(order.executed.exbits)
        rows.append(
            {
                "status": order.getstatusname(),
                "created": index[bar_of(data, order.created.dt)],
                "executed": index[bar_of(data, order.executed.dt)] if filled else pd.NaT,
                "side": "buy" if order.isbuy() else "sell",
                "size": abs(order.created.size),
                "price": order.executed.price if filled else math.nan,
                "commission": order.executed.comm,
            }
        )
    return pd.DataFrame(rows, columns=list(ORDERS)).astype(ORDERS)


def _trades_frame(trips: Sequence[RoundTrip], index: pd.Index) -> pd.DataFrame:
    frame = pd.DataFrame([vars(trip) for trip in trips], columns=list(TRADES))
    frame["opened"] = [index[trip.opened] for trip in trips]
    frame["closed"] = [pd.NaT if trip.closed is None else index[trip.closed] for trip in trips]
    return frame.astype(TRADES)
