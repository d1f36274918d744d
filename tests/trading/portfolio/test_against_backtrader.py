"""`simulate` and Backtrader with the same orders: the same account at every close.

Backtrader goes by the clock of its first feed, so all feeds have all sessions; a session without a bar is one flat
bar at the last close, at which nothing is ordered.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.weights import target_weights

from lstmstrat import BrokerConfig
from lstmstrat.arrays import Bools, Floats
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.trading.portfolio.columns import PortfolioAccount, simulate
from lstmstrat.trading.portfolio.orders import order_sizes
from lstmstrat.trading.portfolio.weights import equal_weight
from lstmstrat.trading.simulation import _broker

SESSIONS, ASSETS = 300, 10
INDEX = pd.date_range("2015-01-01", periods=SESSIONS)
LONG = PortfolioConfig(rule="top", long=4, short=0, hold_until=6, gross=1.0)
LONG_SHORT = PortfolioConfig(rule="top", long=3, short=3, hold_until=5, gross=1.6)
COSTS = BrokerConfig(commission=0.001, slippage=0.0005)


class Follower(bt.Strategy):
    """Sends at each open the orders of `order_sizes` for the broker's own cash and positions."""

    params = (("targets", None), ("can_trade", None), ("config", None), ("band", 0.0))

    def __init__(self) -> None:
        self.equity: list[float] = []
        self.unfilled: list[Any] = []

    def next(self) -> None:
        self.equity.append(self.broker.getvalue())

    def notify_order(self, order: Any) -> None:
        if order.status in (order.Margin, order.Rejected, order.Canceled):
            self.unfilled.append(order)

    def next_open(self) -> None:
        t = len(self.equity)
        if not t or np.isnan(self.p.targets[t - 1]).any():
            return
        sizes = order_sizes(
            self.broker.getcash(),
            np.array([self.getposition(data).size for data in self.datas]),
            np.array([data.open[0] for data in self.datas]),
            self.p.targets[t - 1],
            self.p.can_trade[t],
            self.p.config,
            self.p.band,
        )
        for n in np.argsort(sizes):  # the broker fills in this order, and the sales pay for the purchases
            send = self.buy if sizes[n] > 0.0 else self.sell
            if sizes[n]:
                send(self.datas[n], size=abs(sizes[n]), price=self.datas[n].open[0])


def in_backtrader(bars: Floats, can_trade: Bools, targets: Floats, config: BrokerConfig, band: float) -> Floats:
    """The account value at each close."""
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.broker = _broker(config)
    for n in range(ASSETS):
        frame = pd.DataFrame(bars[:, n], index=INDEX, columns=["open", "high", "low", "close", "volume"])
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(Follower, targets=targets, can_trade=can_trade, config=config, band=band)
    (strategy,) = cerebro.run()
    assert not strategy.unfilled
    return np.array(strategy.equity)


def market(holes: float) -> tuple[Floats, Floats, Bools]:
    """Bars with NaN where there is none; the same with a flat bar there; where there is one."""
    rng = np.random.default_rng(11)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (SESSIONS, ASSETS)), axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.03, close.shape))
    there = rng.random(close.shape) >= holes
    there[[0, -1]] = True  # nothing begins late or ends
    bars = np.stack([opened, np.maximum(opened, close), np.minimum(opened, close), close, close], axis=2)
    known = pd.DataFrame(np.where(there, close, np.nan)).ffill().to_numpy()
    flat = np.where(there[:, :, None], bars, known[:, :, None])
    return np.where(there[:, :, None], bars, np.nan), flat, there


def scores() -> Floats:
    """Scores that keep some of their order from session to session."""
    steps = np.random.default_rng(12).normal(size=(SESSIONS, ASSETS))
    return pd.DataFrame(steps).ewm(halflife=3.0).mean().to_numpy()


def both(
    targets: Floats, config: BrokerConfig = COSTS, *, holes: float = 0.0, band: float = 0.0
) -> tuple[PortfolioAccount, Floats]:
    bars, flat, there = market(holes)
    account = simulate(INDEX.to_numpy(), bars, targets, config, band=band)
    return account, in_backtrader(flat, there, targets, config, band)


@pytest.mark.parametrize(
    ("rule", "fractional", "holes", "band"),
    [
        (LONG, True, 0.0, 0.0),
        (LONG, True, 0.1, 0.02),
        (LONG_SHORT, True, 0.0, 0.0),
        (LONG_SHORT, False, 0.1, 0.0),
    ],
    ids=["long", "long, holes, band", "long and short", "long and short, holes, whole shares"],
)
def test_the_account_is_that_of_backtrader(
    rule: PortfolioConfig, fractional: bool, holes: float, band: float
) -> None:
    values = scores()
    targets = target_weights(values, np.isfinite(values), rule)
    config = COSTS.model_copy(update={"fractional": fractional})
    account, expected = both(targets, config, holes=holes, band=band)
    assert len(account.orders) > SESSIONS
    np.testing.assert_allclose(account.equity, expected, rtol=1e-9)


@pytest.mark.parametrize("every", [SESSIONS, 21], ids=["bought once", "rebalanced"])
def test_equal_weights_are_those_of_backtrader(every: int) -> None:
    """Bought once it has a closed form, too: equal parts of the cash less costs, each at its own price."""
    decided = np.arange(SESSIONS) % every == 0
    account, expected = both(equal_weight(np.ones((SESSIONS, ASSETS), dtype=bool), decided))
    np.testing.assert_allclose(account.equity, expected, rtol=1e-9)
    if every == SESSIONS:
        bars, _, _ = market(0.0)
        growth = (bars[-1, :, 3] / bars[1, :, 0]).mean()
        closed_form = COSTS.cash * growth / (1.0 + COSTS.slippage) / (1.0 + COSTS.commission)
        assert account.equity[-1] == pytest.approx(closed_form, rel=1e-9)
