"""One run of a strategy, recorded bar by bar.

Each run has its own Cerebro, broker and `Session`, and an analyzer that records at each bar what the strategy saw
and did. The probes compare these records and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.audit.feeds import MaskedOpens, OtherBars, change_others, change_outside, streamed
from lstmstrat.audit.finding import dates
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.forecasting.learned import LINES
from lstmstrat.forecasting.session import Session
from lstmstrat.forecasting.walk_forward import WalkForward
from lstmstrat.prices.outside import NOTHING, Outside
from lstmstrat.results.orders import Execution, PlacedOrder
from lstmstrat.store import Store
from lstmstrat.trading.clock import to_numbers
from lstmstrat.trading.order_log import OrderLog
from lstmstrat.trading.simulation import build_cerebro, set_by_run
from lstmstrat.trading.strategy import ExposureStrategy

if TYPE_CHECKING:
    from lstmstrat.audit.sources import Sources

STREAMED = "streamed"  # a bar exists only from the moment on at which its turn comes
MODES: dict[str, dict[str, bool]] = {
    "runonce": {"runonce": True, "preload": True},  # Backtrader's default
    "bar by bar": {"runonce": False, "preload": True},
    STREAMED: {"runonce": False, "preload": False},
}
EXPOSURE = "target exposure"
ACCOUNT = "account value"
ATTRIBUTE = "self."  # begins the name of a numeric attribute of the strategy


@dataclass(frozen=True)
class Subject:
    """A strategy or an indicator to audit, the bars to audit it on, and how to run it."""

    name: str
    cls: type[Any]  # a bt.Strategy, or a bt.Indicator, which then runs inside a strategy that does not trade
    params: Mapping[str, Any]
    frame: pd.DataFrame  # (n, 5), as in `Prices`
    broker: BrokerConfig = field(default_factory=BrokerConfig)
    forecast: ForecastConfig | None = None
    refits: tuple[int, ...] = ()  # bars at which the user's own model is refitted
    setup: Callable[[Any], None] | None = None  # called with each new Cerebro
    path: str = ""  # module:Class, if another process can import it
    sources: Sources | None = None  # what its code opens; None: P12 finds out
    session: Session | None = None  # with fitted models that the runs share; None: each run fits its own
    probes: tuple[str, ...] = ()  # ids of the probes that look at it; none given: all
    reruns: tuple[str, ...] = ("runonce", STREAMED)  # modes of P0
    cuts: int = 0  # cuts of P2 and P3, at most; 0: as many as there are places for them
    outside: Outside = NOTHING  # columns and peers of a config
    ignored: frozenset[str] = frozenset()  # attributes of the strategy that are no part of what is compared

    @property
    def is_indicator(self) -> bool:
        """Whether it is an indicator, which has no orders and no account."""
        return issubclass(self.cls, bt.Indicator)

    def run(
        self,
        frame: pd.DataFrame | None = None,
        mode: str = "runonce",
        session: Session | None = None,
        others: OtherBars | None = None,
        mask: float | None = None,
    ) -> Trace:
        """Run on `frame`, by default the subject's own frame, and record the run.

        `others` says what becomes of the bars of feeds that `setup` adds and of what is `outside`, `mask` is the
        factor of a `MaskedOpens`. Without a `session` the run uses that of the subject.
        """
        outside = self.outside if others is None else change_outside(self.outside, others)
        bars = _Bars(self.name, self.frame if frame is None else frame, outside)
        record = _Record(mask, self.ignored)
        cerebro = self._cerebro(bars, mode, record)
        if others is not None:
            change_others(cerebro, others)
        session = session or self.session
        with nullcontext(session) if session else Session(Store(None)) as ours, ours.active():
            try:
                cerebro.run()
            except Exception as error:  # the user's code may not be able to run on changed bars
                record.error = error
        return record.trace(bars.frame)

    def _cerebro(self, bars: _Bars, mode: str, record: _Record) -> Any:
        cls, params = self.cls, {**self.params, **set_by_run(self.cls, self.broker, self.forecast)}
        if self.is_indicator:
            cls, params = _IndicatorHolder, {"indicator": self.cls, "values": self.params}
        cerebro = build_cerebro(bars, cls, self.broker, **MODES[mode])
        if mode == STREAMED:
            cerebro.datas.clear()
            cerebro.adddata(streamed(bars), name=bars.symbol)
        if self.setup is not None:
            self.setup(cerebro)
        cerebro.addstrategy(cls, **params)
        cerebro.addanalyzer(_Recorder, record=record)
        return cerebro

    def with_fields(self, **changes: Any) -> Subject:
        """The same subject with other values of some fields."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class _Bars:
    symbol: str
    frame: pd.DataFrame
    outside: Outside


class _IndicatorHolder(bt.Strategy):  # type: ignore[misc]
    """A strategy that holds an indicator and does not trade."""

    params = (("indicator", None), ("values", None))

    def __init__(self) -> None:
        self.indicator = self.p.indicator(self.data, **self.p.values)


@dataclass(frozen=True)
class Trace:
    """The record of one run; it has fewer bars than `frame` if the run ended with an `error`."""

    frame: pd.DataFrame = field(repr=False)
    bars: int  # n, the number of recorded bars
    first: int  # bar of the strategy's first `next`
    lines: Mapping[str, Floats]  # (n,) each: lines of indicators, numeric attributes of the strategy, account
    orders: tuple[PlacedOrder, ...]
    fills: tuple[Execution, ...]
    walks: tuple[WalkForward, ...]
    error: Exception | None
    learned: frozenset[str] = frozenset()  # lines that learn from all forecasts before, see predictive.py

    @property
    def refits(self) -> tuple[int, ...]:
        """The bars at which an LSTMForecast of the strategy fitted a fold."""
        return tuple(sorted({f.fold.fitted_at for walk in self.walks for f in walk.folds}))

    def day(self, bar: int) -> str:
        """The date of a bar."""
        return dates(self.frame.index, [bar])[0]

    def without_account(self) -> Trace:
        """The trace without fills and account value, which change with the bars though the strategy does not."""
        lines = {name: line for name, line in self.lines.items() if name != ACCOUNT}
        return dataclasses.replace(self, lines=lines, fills=())

    def without_attributes(self, names: Collection[str]) -> Trace:
        """The trace without these numeric attributes of the strategy."""
        left_out = {ATTRIBUTE + name for name in names}
        return dataclasses.replace(self, lines={n: line for n, line in self.lines.items() if n not in left_out})

    def trading(self) -> Trace:
        """The trace of orders and fills alone."""
        return dataclasses.replace(self, lines={})

    def market_fills(self) -> list[Execution]:
        """The fills of market orders, which Backtrader fills at an open unless cheat-on-close is set."""
        return [fill for fill in self.fills if fill.order.kind == "Market"]


class _Record:
    """The record of a run while it runs; `trace` makes a `Trace` of it."""

    def __init__(self, mask: float | None, ignored: frozenset[str]) -> None:
        self.mask = mask
        self.ignored = ignored
        self.rows: list[dict[str, float]] = []
        self.orders = OrderLog()
        self.walks: tuple[WalkForward, ...] = ()
        self.learned: frozenset[str] = frozenset()
        self.first: int | None = None
        self.error: Exception | None = None

    def trace(self, frame: pd.DataFrame) -> Trace:
        names = dict.fromkeys(name for row in self.rows[-1:] + self.rows[:1] for name in row)
        lines = {name: np.array([row.get(name, np.nan) for row in self.rows]) for name in names}  # (n,)
        first = len(self.rows) if self.first is None else self.first
        times = to_numbers(pd.DatetimeIndex(frame.index))  # a streamed feed does not keep them
        placed = self.orders.placed()
        fills = self.orders.executions(placed, times)
        return Trace(frame, len(self.rows), first, lines, placed, fills, self.walks, self.error, self.learned)


class _Recorder(bt.Analyzer):  # type: ignore[misc]
    params = (("record", None),)

    def start(self) -> None:
        self.record: _Record = self.p.record
        mask = self.record.mask
        self.mask = None if mask is None else MaskedOpens(self.strategy, mask)
        self.columns = {name: line for _, _, name, line in _columns(self.strategy)}
        self.record.learned = frozenset(_learned(self.strategy))
        self.numeric_types: dict[type, bool] = {}
        candidates = (getattr(i, "walk_forward", None) for i in self.strategy.getindicators())
        self.record.walks = tuple(walk for walk in candidates if isinstance(walk, WalkForward))

    def prenext(self) -> None:
        self.write()

    def nextstart(self) -> None:
        self.record.first = len(self.record.rows)
        self.write()

    def next(self) -> None:
        self.write()

    def write(self) -> None:
        """Record one bar, in place of an earlier record of it.

        Backtrader calls `next` a second time for the same bar when a slower second feed gets a new bar.
        """
        strategy, record = self.strategy, self.record
        row = {name: line[0] for name, line in self.columns.items()}
        numbers = _numbers(strategy, self.numeric_types)
        row |= {ATTRIBUTE + name: value for name, value in numbers if name not in record.ignored}
        if isinstance(strategy, ExposureStrategy):
            row[EXPOSURE] = np.nan if strategy._target is None else strategy._target
        row[ACCOUNT] = strategy.broker.getvalue()
        bar = len(strategy.data) - 1
        del record.rows[bar:]
        record.rows.append(row)
        record.orders.note(strategy.broker.orders, bar)
        if self.mask is not None:
            self.mask.close()

    def notify_order(self, order: Any) -> None:
        self.record.orders.heed(order, len(self.strategy.data) - 1)


def _learned(strategy: Any) -> Iterator[str]:
    """The lines of an LSTMForecast that say how sure it is: after forecast, spread and distance."""
    for indicator, place, name, _ in _columns(strategy):
        if isinstance(getattr(indicator, "walk_forward", None), WalkForward) and place >= LINES.index("sigma"):
            yield name


def _columns(strategy: Any) -> Iterator[tuple[Any, int, str, Any]]:
    """Each line of each indicator of the strategy: the indicator, the place and name of the line, and the line.

    Indicators inside an indicator are left out: they show in its own lines.
    """
    counts: dict[str, int] = {}
    for indicator in strategy.getindicators():
        kind = type(indicator).__name__
        counts[kind] = counts.get(kind, 0) + 1
        name = kind if counts[kind] == 1 else f"{kind}#{counts[kind]}"
        lines = indicator.lines
        alias = getattr(lines, "_getlinealias", None)
        for k in range(len(lines) if alias is None else lines.size()):
            yield indicator, k, name if alias is None else f"{name}.{alias(k)}", lines[k]


def _numbers(strategy: Any, numeric_types: dict[type, bool]) -> list[tuple[str, float]]:
    """The numeric attributes of the strategy whose names do not begin with an underscore.

    `numeric_types` caches which types are numbers; the caller keeps it, because every bar asks about forty times.
    """
    numbers = []
    for name, value in vars(strategy).items():
        kind = type(value)
        if kind not in numeric_types:
            numeric_types[kind] = issubclass(kind, (float, int, np.floating, np.integer))
        if numeric_types[kind] and name[0] != "_":
            numbers.append((name, float(value)))
    return numbers
