"""A Cerebro of the user's own: its runs, recorded; its costs; and the same broker once more."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.config.schema import BrokerConfig
from lstmstrat.errors import StrategyError
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.results.account import Account
from lstmstrat.trading.broker import is_simulated
from lstmstrat.trading.clock import to_times
from lstmstrat.trading.recorder import Recorded, Recorder
from lstmstrat.trading.simulation import build_cerebro, record
from lstmstrat.trading.strategy import BuyAndHold

_NAME = "lstmstrat_account"


@dataclass(frozen=True, eq=False)
class Watched:
    """One run of one strategy."""

    cls: type[Any]
    params: dict[str, Any]
    recorded: Recorded
    frame: pd.DataFrame  # (N, 5), the bars of the first feed


class _Watcher(Recorder):
    """Records the bars of the first feed too: after `optstrategy` nothing else is left of them."""

    frame: pd.DataFrame

    def start(self) -> None:
        super().start()
        self.bars: list[tuple[float, ...]] = []

    def note(self) -> None:
        super().note()
        data = self.strategy.data
        del self.bars[len(data) - 1 :]
        self.bars.append(tuple(getattr(data, name)[0] for name in COLUMNS))

    def stop(self) -> None:
        index = pd.DatetimeIndex(to_times(np.array(self.times)))
        frame = pd.DataFrame(self.bars, index=index, columns=list(COLUMNS), dtype=np.float64)
        self.frame = frame.fillna({"volume": 0.0}) if frame["volume"].isna().all() else frame  # as in forex
        super().stop()


def watch(cerebro: Any) -> list[Watched]:
    """Run a Cerebro, and record every strategy that it runs; its analyzers are left as they were.

    Raises
    ------
    StrategyError
        It has no feed, or not one strategy, or the user's strategy raises it.
    """
    _check(cerebro)
    analyzers = list(cerebro.analyzers)
    cerebro.addanalyzer(_Watcher, _name=_NAME)
    try:
        results = cerebro.run()
    finally:
        cerebro.analyzers[:] = analyzers
    return [_watched(run) for result in results for run in (result if isinstance(result, list) else [result])]


def _check(cerebro: Any) -> None:
    if not cerebro.datas:
        raise StrategyError("the Cerebro has no feed; call cerebro.adddata() before lstmstrat.judge(cerebro)")
    if len(cerebro.strats) != 1:
        raise StrategyError(
            f"the Cerebro has {len(cerebro.strats)} strategies on one account, so none can be judged; give each a "
            "Cerebro of its own, or let optstrategy vary the parameters of one"
        )


def _watched(run: Any) -> Watched:
    """A strategy, or the OptReturn that `optstrategy` leaves of one."""
    watcher = getattr(run.analyzers, _NAME)
    cls = run.strategycls if isinstance(run, bt.OptReturn) else type(run)
    return Watched(cls, dict(run.p._getkwargs()), watcher.recorded, watcher.frame)


def costs_of(cerebro: Any) -> BrokerConfig | str:
    """The costs of the first feed as those of a config, or why they are none."""
    broker, data = cerebro.broker, cerebro.datas[0]
    if not is_simulated(broker):
        return "the broker is not Backtrader's own"
    scheme, slip = broker.getcommissioninfo(data), broker.p
    if not scheme.stocklike or scheme.get_leverage() != 1.0 or scheme.p.interest:
        return "the feed is traded with margin, leverage or interest"
    rate = scheme.getcommission(1.0, 1.0)
    if not math.isclose(scheme.getcommission(1000.0, 70.0), 70_000.0 * rate, rel_tol=1e-9, abs_tol=1e-12):
        return "its commission is no percentage"
    if slip.slip_fixed or slip.slip_perc:
        return "the slippage of Backtrader's own broker ends at the bar or passes a limit, and no config's does"
    return BrokerConfig(cash=float(broker.startingcash), commission=float(rate), slippage=0.0)


@dataclass(frozen=True, eq=False)
class SameBroker:
    """Makes brokers like another one; it can be sent to another process."""

    cls: type[Any]
    params: dict[str, Any]
    schemes: dict[Any, Any]  # commission schemes
    cash: float

    def __call__(self) -> Any:
        """A new broker."""
        broker = self.cls(**self.params)
        broker.comminfo = copy.copy(self.schemes)
        broker.setcash(self.cash)
        return broker


def same_broker(cerebro: Any) -> SameBroker:
    """Makes brokers with the class, parameters, commission schemes and cash of the one in `cerebro`."""
    broker = cerebro.broker
    return SameBroker(type(broker), dict(broker.p._getkwargs()), copy.copy(broker.comminfo), broker.startingcash)


def hold(prices: Prices, broker: Any, start: int, name: str, session: Session) -> Account:
    """Buy-and-hold of `prices` from bar `start` on, with an account at this broker."""
    broker.set_coc(False)  # it is filled at the open after its decision, whatever the strategy asked for
    cerebro = build_cerebro(prices, BuyAndHold, BrokerConfig())
    cerebro.broker = broker
    cerebro.addstrategy(BuyAndHold)
    class_path = f"{BuyAndHold.__module__}:{BuyAndHold.__name__}"
    return record(cerebro, prices, session, start=start, name=name, class_path=class_path)
