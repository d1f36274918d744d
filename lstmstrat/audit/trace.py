"""What can be seen of one run of a strategy.

A run has a Cerebro, a broker and a `Trainer` of its own, and an analyzer that writes down at each bar what the
strategy could see there and what it did. Only what is written down here is judged by the audit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.audit.finding import dates
from lstmstrat.config import BrokerConfig, ForecastConfig
from lstmstrat.engine import bar_of, set_by_run, wired
from lstmstrat.features import Floats
from lstmstrat.forecast import WalkForward
from lstmstrat.store import Store
from lstmstrat.strategy import ExposureStrategy
from lstmstrat.trainer import Trainer

MODES: dict[str, dict[str, bool]] = {
    "runonce": {"runonce": True, "preload": True},  # Backtrader's default
    "bar by bar": {"runonce": False, "preload": True},
    "streamed": {"runonce": False, "preload": False},  # a bar is not in memory before its time
}
EXPOSURE = "target exposure"
ACCOUNT = "account value"


@dataclass(frozen=True)
class Subject:
    """A strategy or an indicator to audit, the bars to audit it on, and how to run it."""

    name: str
    cls: type[Any]  # a bt.Strategy, or a bt.Indicator, which is then watched by a strategy that does nothing
    params: Mapping[str, Any]
    frame: pd.DataFrame  # (n, 5), that of `Prices`
    broker: BrokerConfig = field(default_factory=BrokerConfig)
    forecast: ForecastConfig | None = None
    refits: tuple[int, ...] = ()  # bars at which a model of the user's own is refitted
    setup: Callable[[Any], None] | None = None  # called with each new Cerebro

    @property
    def is_indicator(self) -> bool:
        """It has no account."""
        return issubclass(self.cls, bt.Indicator)

    def run(
        self, frame: pd.DataFrame | None = None, mode: str = "runonce", trainer: Trainer | None = None
    ) -> Trace:
        """What happens on `frame`, by default its own; networks are kept from run to run only by a `trainer`."""
        bars = _Bars(self.name, self.frame if frame is None else frame)
        cls, params = self.cls, {**self.params, **set_by_run(self.cls, self.broker, self.forecast)}
        if self.is_indicator:
            cls, params = _Watch, {"indicator": self.cls, "values": self.params}
        cerebro = wired(bars, cls, self.broker, **MODES[mode])
        if self.setup is not None:
            self.setup(cerebro)
        record = _Record()
        cerebro.addstrategy(cls, **params)
        cerebro.addanalyzer(_Recorder, record=record)
        with (trainer or Trainer(Store(None))).active():
            try:
                cerebro.run()
            except Exception as error:  # the user's code, on bars it may never have seen the like of
                record.error = error
        return record.trace(bars.frame)

    def on(self, **changes: Any) -> Subject:
        """The same with other fields."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class _Bars:
    symbol: str
    frame: pd.DataFrame


class _Watch(bt.Strategy):  # type: ignore[misc]
    """Holds an indicator and does nothing."""

    params = (("indicator", None), ("values", None))

    def __init__(self) -> None:
        self.watched = self.p.indicator(self.data, **self.p.values)


@dataclass(frozen=True)
class Order:
    """An order as it was made."""

    bar: int  # at whose close it was made, or at whose open if `at_open`
    side: str
    size: float
    kind: str  # Market, Limit, Stop ...
    price: float | None  # limit or trigger; None for a market order, whose price is only its record
    at_open: bool  # made in next_open, before the rest of its bar was known
    ended: int | None  # bar at which it was filled, cancelled, expired or refused; None: still alive


@dataclass(frozen=True)
class Fill:
    """A part of an order that was filled."""

    bar: int
    size: float  # signed
    price: float
    order: Order = field(repr=False)


@dataclass(frozen=True)
class Trace:
    """A run, bar by bar; shorter than the bars it ran on if it ended with an `error`."""

    frame: pd.DataFrame = field(repr=False)
    bars: int  # n, bars that were recorded
    first: int  # bar of the strategy's first `next`
    lines: Mapping[str, Floats]  # (n,) each: indicators, numbers the strategy keeps, account value
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    walks: tuple[WalkForward, ...]
    error: Exception | None

    @property
    def refits(self) -> tuple[int, ...]:
        """Bars at which an LSTMForecast of it fitted a fold."""
        return tuple(sorted({f.fold.fitted_at for walk in self.walks for f in walk.folds}))

    def day(self, bar: int) -> str:
        """The date of a bar."""
        return dates(self.frame.index, [bar])[0]

    def decided(self) -> Trace:
        """Without what the market made of it: no fills and no account value."""
        lines = {name: line for name, line in self.lines.items() if name != ACCOUNT}
        return dataclasses.replace(self, lines=lines, fills=())

    def market_fills(self) -> list[Fill]:
        """Those at an open."""
        return [fill for fill in self.fills if fill.order.kind == "Market"]


class _Record:
    """What is being written down; becomes a `Trace`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.orders: list[tuple[Any, int, bool]] = []  # order, bar, at its open
        self.ended: dict[int, int] = {}  # by ref
        self.walks: tuple[WalkForward, ...] = ()
        self.first: int | None = None
        self.data: Any = None
        self.error: Exception | None = None

    def trace(self, frame: pd.DataFrame) -> Trace:
        names = dict.fromkeys(name for row in self.rows[-1:] + self.rows[:1] for name in row)
        lines = {name: np.array([row.get(name, np.nan) for row in self.rows]) for name in names}  # (n,)
        made = [(order, self._order(order, bar, at_open)) for order, bar, at_open in self.orders]
        fills = [
            Fill(bar_of(self.data, bit.dt), bit.size, bit.price, mine)
            for order, mine in made
            for bit in order.executed.exbits
        ]
        first = len(self.rows) if self.first is None else self.first
        orders = tuple(mine for _, mine in made)
        by_bar = tuple(sorted(fills, key=lambda fill: fill.bar))
        return Trace(frame, len(self.rows), first, lines, orders, by_bar, self.walks, self.error)

    def _order(self, order: Any, bar: int, at_open: bool) -> Order:
        kind = order.ExecTypes[order.exectype]
        price = None if kind == "Market" else order.created.price
        side = "buy" if order.isbuy() else "sell"
        return Order(bar, side, order.created.size, kind, price, at_open, self.ended.get(order.ref))


class _Recorder(bt.Analyzer):  # type: ignore[misc]
    params = (("record", None),)

    def start(self) -> None:
        self.record: _Record = self.p.record
        self.record.data = self.strategy.data
        self.columns = dict(_columns(self.strategy))
        self.numeric: dict[type, bool] = {}
        found = (getattr(i, "walk_forward", None) for i in self.strategy.getindicators())
        self.record.walks = tuple(walk for walk in found if isinstance(walk, WalkForward))

    def prenext(self) -> None:
        self.write()

    def nextstart(self) -> None:
        self.record.first = len(self.record.rows)
        self.write()

    def next(self) -> None:
        self.write()

    def write(self) -> None:
        """One bar; Backtrader calls once more for the same bar where a slower second feed ticks."""
        strategy, record = self.strategy, self.record
        row = {name: line[0] for name, line in self.columns.items()}
        row |= {f"self.{name}": float(value) for name, value in _numbers(strategy, self.numeric)}
        if isinstance(strategy, ExposureStrategy):
            row[EXPOSURE] = np.nan if strategy._target is None else strategy._target
        row[ACCOUNT] = strategy.broker.getvalue()
        bar = len(strategy.data) - 1
        del record.rows[bar:]
        record.rows.append(row)
        for order in strategy.broker.orders[len(record.orders) :]:
            record.orders.append((order, bar, order.status not in (order.Created, order.Submitted)))

    def notify_order(self, order: Any) -> None:
        if not order.alive():
            self.record.ended.setdefault(order.ref, len(self.strategy.data) - 1)


def _columns(strategy: Any) -> Any:
    """Every line of every indicator of the strategy, under a name; those inside an indicator show in its own."""
    seen: dict[str, int] = {}
    for indicator in strategy.getindicators():
        kind = type(indicator).__name__
        seen[kind] = seen.get(kind, 0) + 1
        name = kind if seen[kind] == 1 else f"{kind}#{seen[kind]}"
        lines = indicator.lines
        alias = getattr(lines, "_getlinealias", None)
        for k in range(len(lines) if alias is None else lines.size()):
            yield (name if alias is None else f"{name}.{alias(k)}"), lines[k]


def _numbers(strategy: Any, known: dict[type, bool]) -> list[tuple[str, float]]:
    """Numbers that the strategy keeps as attributes, unless their names begin with an underscore.

    `known` is kept by the caller: which types are numbers is asked forty times a bar.
    """
    found = []
    for name, value in vars(strategy).items():
        kind = type(value)
        if kind not in known:
            known[kind] = issubclass(kind, (float, int, np.floating, np.integer))
        if known[kind] and name[0] != "_":
            found.append((name, float(value)))
    return found
