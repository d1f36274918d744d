"""The books: an honest account adds up whatever it orders, and one that was helped does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import backtrader as bt
import numpy as np
import pytest
from helpers.market import alone, market

from lstmstrat.audit.books import check_books, first_fault
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.prices import Prices
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import FAILED, PASSED
from lstmstrat.results.orders import Execution, PlacedOrder
from lstmstrat.trading.simulation import simulate
from lstmstrat.trading.strategy import BuyAndHold, ExposureStrategy

COSTS = BrokerConfig(commission=0.001, slippage=0.0005)
KINDS = [bt.Order.ExecTypes.index(name) for name in ("Market", "Close", "Limit", "Stop", "StopLimit")]
TRAILS = [bt.Order.StopTrail, bt.Order.StopTrailLimit]


def traded(cls: type[Any], prices: Prices | None = None, broker: BrokerConfig = COSTS, **params: Any) -> Account:
    prices = prices or market()
    return simulate(prices, cls, params, broker, session=alone(), start=20, name=cls.__name__)


class AnyOrder(bt.Strategy):
    """Places orders of every kind, some of them at the open, in brackets, cancelled or with an end."""

    params = (("seed", 0), ("at_open", False))

    def __init__(self) -> None:
        self.rng = np.random.default_rng(self.p.seed)

    def next(self) -> None:
        if not self.p.at_open:
            self.act(self.data.close[0])

    def next_open(self) -> None:
        if self.p.at_open and len(self) > 20:
            self.act(self.data.open[0])

    def act(self, price: float) -> None:
        rng, opened = self.rng, self.broker.get_orders_open()
        if len(opened) > 4:
            self.cancel(opened[0])
        order = self.buy if rng.random() < 0.5 else self.sell
        if rng.random() < 0.1:
            self.buy_bracket(size=5, price=price * 0.99, stopprice=price * 0.96, limitprice=price * 1.03)
        elif rng.random() < 0.3:
            kind = TRAILS[int(rng.integers(2))]
            limit = {"plimit": price * 0.98} if kind == bt.Order.StopTrailLimit else {}
            order(size=int(rng.integers(1, 20)), exectype=kind, price=price, trailpercent=0.02, **limit)
        else:
            kind = KINDS[int(rng.integers(len(KINDS)))]
            near = price * (1.0 + rng.normal(0.0, 0.01))
            order(size=int(rng.integers(1, 20)), exectype=kind, price=near, plimit=near * 1.002)


class AnyOrderAtOpen(AnyOrder):
    params = (("at_open", True),)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cls", [AnyOrder, AnyOrderAtOpen])
def test_an_honest_account_adds_up_whatever_it_orders(cls: type[Any], seed: int) -> None:
    prices = market(seed=seed)
    account = traded(cls, prices, seed=seed)
    assert len(account.fills) > 50
    assert first_fault(COSTS, prices, account) == ""


@pytest.mark.parametrize("fractional", [True, False])
def test_buy_and_hold_adds_up(fractional: bool) -> None:
    broker = COSTS.model_copy(update={"fractional": fractional})
    (check,) = check_books(broker, market(), [traded(BuyAndHold, broker=broker)])
    assert (check.status, check.detail) == (PASSED, "1 fills at the price of their order; no other cash")


class Swing(ExposureStrategy):
    """In after a rising bar, out after a falling one."""

    def target_exposure(self) -> float:
        return 1.0 if self.data.close[0] > self.data.close[-1] else 0.0


class Plain(bt.Strategy):
    """Buys and sells ten shares in turn, by market orders of the close."""

    def next(self) -> None:
        if len(self) % 5 == 0:
            self.order_target_size(target=0 if self.position else 10)


class OnClose(Plain):
    def start(self) -> None:
        self.broker.set_coc(True)


class NoSlippage(Swing):
    def start(self) -> None:
        super().start()
        self.broker.set_slippage_perc(0.0)


class NoCommission(Swing):
    def start(self) -> None:
        super().start()
        self.broker.setcommission(commission=0.0)


class Deposit(Plain):
    def next(self) -> None:
        super().next()
        if len(self) == 100:
            self.broker.add_cash(1_000.0)


class MoreCash(Plain):
    def start(self) -> None:
        self.broker.set_cash(1e6)


class OwnCash(Plain):
    def next(self) -> None:
        super().next()
        self.broker.cash += 1.0


class Interest(Plain):
    """Is paid interest on what it holds."""

    def start(self) -> None:
        self.broker.setcommission(commission=0.001, interest=-0.5, interest_long=True)


class Leverage(Plain):
    """Pays half of what it buys."""

    def start(self) -> None:
        self.broker.setcommission(commission=0.001, leverage=2.0)

    def next(self) -> None:
        if len(self) == 30:
            self.buy(size=1.5 * self.broker.getvalue() / self.data.close[0])


class Futures(Plain):
    """Gets ten times the gain of each share."""

    def start(self) -> None:
        self.broker.setcommission(commission=0.001, margin=10.0, mult=10.0)


class NoCheck(Plain):
    """Hides its orders: Backtrader lists only those whose cash it checks."""

    def start(self) -> None:
        self.broker.set_checksubmit(False)


class MovedLimit(bt.Strategy):
    """Asks for a limit, and moves it to the best price of the bar when that is known."""

    def next(self) -> None:
        if len(self) == 40:
            self.order = self.buy(size=10, exectype=bt.Order.Limit, price=self.data.close[0] * 0.5)
        if len(self) == 50:
            self.order.created.price = self.data.close[0] * 2.0


class OtherOpen(Plain):
    """Writes the open of the next bar into the feed before it orders."""

    def next(self) -> None:
        if len(self) == 60:
            self.data.open[1] = self.data.open[1] * 0.5
            self.buy(size=10)


class OtherClose(Plain):
    """Writes closes into the feed, so that what it holds is worth more."""

    def next(self) -> None:
        super().next()
        if self.position:
            self.data.close[0] = self.data.close[0] * 1.1


HELPED = {
    OnClose: "on a bar that was over when it was placed",
    NoSlippage: "with the slippage of the config, 0.05%, it is",
    NoCommission: "the commission of the config (0.10%) make it",
    Deposit: "cash that was paid in",
    MoreCash: "cash that was paid in",
    OwnCash: "cash that was paid in",
    Interest: "interest",
    Leverage: "on credit: its cash is -",
    Futures: "make it",
    NoCheck: "make it",
    MovedLimit: "did not reach its price",
    OtherOpen: "with the slippage of the config",
    OtherClose: "make it",
}


@pytest.mark.parametrize("cls", HELPED, ids=lambda cls: cls.__name__)
def test_an_account_that_was_helped_fails_and_the_first_order_is_named(cls: type[Any]) -> None:
    prices = market()
    (check,) = check_books(COSTS, prices, [traded(BuyAndHold), traded(cls, market())])
    assert (check.status, check.strategy) == (FAILED, cls.__name__)
    assert check.detail.startswith(f"{cls.__name__}: ")
    assert HELPED[cls] in check.detail


def test_a_plain_account_adds_up() -> None:
    assert first_fault(COSTS, market(), traded(Plain)) == ""
    assert first_fault(COSTS, market(), traded(Swing)) == ""


@pytest.mark.parametrize(
    ("kind", "size", "asked", "price"),
    [  # by hand, on a bar with open 100, high 104, low 97 and slippage 1%
        ("Market", 1.0, None, 101.0),
        ("Market", -1.0, None, 99.0),
        ("Limit", 1.0, 100.5, 100.5),  # the open is below the limit, its slippage stops at the limit
        ("Limit", 1.0, 102.0, 101.0),
        ("Limit", 1.0, 98.0, 98.0),
        ("Limit", -1.0, 103.0, 103.0),
        ("Limit", -1.0, 98.0, 99.0),
        ("Stop", 1.0, 103.0, 104.03),
        ("Stop", 1.0, 99.0, 101.0),  # a gap over the trigger
        ("Stop", -1.0, 98.0, 97.02),
    ],
)
def test_the_price_of_a_fill_by_hand(kind: str, size: float, asked: float | None, price: float) -> None:
    prices = by_hand()
    assert fault(prices, kind, size, asked, price) == ""
    assert "with the slippage of the config" in fault(prices, kind, size, asked, price * 1.001)


@pytest.mark.parametrize(
    ("kind", "size", "asked"),
    [("Limit", 1.0, 96.0), ("Limit", -1.0, 105.0), ("Stop", 1.0, 105.0), ("Stop", -1.0, 96.0)],
)
def test_a_price_that_the_bar_did_not_reach(kind: str, size: float, asked: float) -> None:
    assert "did not reach" in fault(by_hand(), kind, size, asked, asked)


def test_a_kind_that_nobody_can_check_fails() -> None:
    assert "did not reach" in fault(by_hand(), "Historical", 1.0, 100.0, 100.0)


def by_hand() -> Prices:
    frame = market().frame.copy()
    frame.iloc[30] = [100.0, 104.0, 97.0, 103.0, 1_000.0]
    return dataclasses.replace(market(), frame=frame)


def fault(prices: Prices, kind: str, size: float, asked: float | None, price: float) -> str:
    order = PlacedOrder(29, "buy" if size > 0.0 else "sell", size, kind, asked, at_open=False)
    account = dataclasses.replace(traded(BuyAndHold), fills=(Execution(30, size, price, 0.0, 30, order),))
    found = first_fault(BrokerConfig(slippage=0.01), prices, account)
    return found if found.startswith("the ") else ""  # not what follows for the value of this made-up account
