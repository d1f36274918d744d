"""The exposure that a real Cerebro ends with, under many commission schemes, fillers and accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from lstmstrat import ExposureStrategy

FIXED = bt.CommInfoBase.COMM_FIXED
REFUSED = {"Margin", "Rejected"}


class PerOrder(bt.CommInfoBase):
    params = (("fee", 5.0), ("stocklike", True), ("commtype", FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return self.p.fee


class PerShare(bt.CommInfoBase):
    """A fee a share, at least `least`, at most a percentage of the value."""

    params = (("fee", 0.005), ("least", 1.0), ("most", 0.01), ("stocklike", True), ("commtype", FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return min(max(abs(size) * self.p.fee, self.p.least), self.p.most * abs(size) * price)


class Tiered(bt.CommInfoBase):
    """0.2% of the first 3,000 of an order, 0.05% of the rest, and 1 an order."""

    params = (("stocklike", True), ("commtype", FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        value = abs(size) * price
        return 1.0 + 0.002 * min(value, 3000.0) + 0.0005 * max(value - 3000.0, 0.0)


class Row(NamedTuple):
    """What the broker says at one close."""

    position: float
    exposure: float
    account: float
    cash: float
    orders: int  # so far


class Held(ExposureStrategy):
    """Follows targets given by bar, and records the account at each close."""

    params = (("path", ()), ("unit", 1.0))

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def target_exposure(self) -> float:
        return float(self.p.path[min(len(self.data), len(self.p.path)) - 1])

    def next(self) -> None:
        super().next()
        broker, size = self.broker, self.position.size
        account = broker.getvalue()
        exposure = size * self.p.unit * self.data.close[0] / account
        self.rows.append(Row(size, exposure, account, broker.getcash(), len(broker.orders)))


@dataclass(frozen=True)
class Scheme:
    """A commission scheme; `unit` is the worth of a contract in units of its price, worked by hand."""

    info: Callable[[], Any]
    unit: float = 1.0
    cash: float = 10_000.0
    low: float = 0.5  # lowest price
    setup: Callable[[Any], Any] = field(default=lambda broker: None)


def scheme(**values: Any) -> Callable[[], Any]:
    return lambda: bt.CommInfoBase(**{"percabs": True, "stocklike": True, **values})


SCHEMES = {
    "percent": Scheme(scheme(commission=0.001)),
    "percent, high": Scheme(scheme(commission=0.2)),
    "per order": Scheme(PerOrder),
    "per order, dear": Scheme(lambda: PerOrder(fee=50.0)),
    "per share": Scheme(scheme(commission=0.05, commtype=FIXED)),
    "per share, least, most": Scheme(PerShare),
    "tiered": Scheme(Tiered),
    "rebate": Scheme(scheme(commission=-0.0002)),
    "leverage 2": Scheme(scheme(commission=0.001, leverage=2.0)),
    "leverage 20, per order": Scheme(lambda: PerOrder(leverage=20.0)),
    "future": Scheme(scheme(commission=2.0, margin=500.0, mult=50.0, stocklike=False), 50.0, 1_000_000.0, 20.0),
    "future, multiplier 1": Scheme(scheme(commission=0.1, margin=20.0, stocklike=False), low=20.0),
    "future, percent": Scheme(
        scheme(commission=0.0001, margin=50.0, mult=10.0, commtype=bt.CommInfoBase.COMM_PERC, stocklike=False),
        10.0,
        low=20.0,
    ),
    "slippage": Scheme(scheme(commission=0.001), setup=lambda b: b.set_slippage_perc(0.002, slip_out=True)),
    "slippage, fixed": Scheme(PerOrder, setup=lambda b: b.set_slippage_fixed(0.1, slip_out=True)),
    "borrowing fee": Scheme(scheme(commission=0.001, interest=0.2)),
    "interest on both sides": Scheme(scheme(commission=0.001, interest=0.2, interest_long=True)),
    "no check": Scheme(PerOrder, setup=lambda b: b.set_checksubmit(False)),
}


def feed(opens: Any, closes: Any = None, volume: float = 1e9) -> Any:
    opens = np.asarray(opens, float)
    closes = opens if closes is None else np.asarray(closes, float)
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    columns = {"open": opens, "high": high, "low": low, "close": closes, "volume": volume}
    return bt.feeds.PandasData(dataname=pd.DataFrame(columns, index=pd.date_range("2020", periods=len(opens))))


def run(case: Scheme, *feeds: Any, cls: Any = Held, **params: Any) -> Any:
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    for data in feeds:
        cerebro.adddata(data)
    cerebro.broker.setcash(case.cash)
    cerebro.broker.addcommissioninfo(case.info())
    case.setup(cerebro.broker)
    cerebro.addstrategy(cls, unit=case.unit, **params)
    [strategy] = cerebro.run()
    return strategy


def statuses(strategy: Any) -> list[str]:
    return [order.getstatusname() for order in strategy.broker.orders]


# --- any scheme, any target ---------------------------------------------------------------------------------


def market(seed: int, low: float) -> tuple[Any, Any, Any]:
    """Opens, closes and targets, (n,) each. New targets are filled at bars 1, 5 ..., which close at their open."""
    rng = np.random.default_rng(seed)
    opens = np.maximum(rng.uniform(low, 100) * np.exp(np.cumsum(rng.normal(0, 0.02, 40))), low)
    closes = np.where(np.arange(40) % 4 == 1, opens, opens * np.exp(rng.normal(0, 0.02, 40)))
    return opens, closes, rng.choice([-1.0, -0.6, -0.3, 0.0, 0.25, 0.5, 0.8, 1.0], 10).repeat(4)


@pytest.mark.parametrize("fractional", [True, False])
@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("seed", range(6))
def test_every_scheme_reaches_every_target(name: str, fractional: bool, seed: int) -> None:
    """Where a bar closes at its open, what the broker says at its close is the answer."""
    case = SCHEMES[name]
    opens, closes, path = market(seed, case.low)
    if name == "percent, high":
        path = np.maximum(path, 0.0)  # ten reversals at 40% each would leave nothing
    strategy = run(case, feed(opens, closes), path=tuple(path), fractional=fractional)
    assert not REFUSED & set(statuses(strategy))
    for bar in range(1, len(opens)):
        before, row, target = strategy.rows[bar - 1], strategy.rows[bar], path[bar - 1]
        sent, off = row.orders - before.orders, abs(row.exposure - target)
        if sent or "interest" not in name:  # interest is taken from an account without cash, too
            assert row.cash >= -1e-9 * row.account
        if bar % 4 != 1:
            continue
        lot = 0.0 if fractional else case.unit * opens[bar] / row.account
        lot *= 1.25 if name == "percent, high" else 1.001  # a share less saves its costs as well
        if sent:
            assert off <= lot + 1e-9
            assert sent == 1 + (before.position * row.position < 0)  # a reversal closes first
        elif target:
            assert off <= max(0.05, lot) + 1e-3  # interest of a bar is not in the band
        else:
            assert row.position == 0


LIMITED = {
    "short sales take cash": Scheme(scheme(commission=0.001), setup=lambda b: b.set_shortcash(False)),
    "short sales take cash, leverage": Scheme(
        scheme(commission=0.001, leverage=3.0), setup=lambda b: b.set_shortcash(False)
    ),
    "a margin above the worth": Scheme(scheme(commission=0.1, margin=60.0, stocklike=False), low=20.0),
}


@pytest.mark.parametrize("fractional", [True, False])
@pytest.mark.parametrize("name", LIMITED)
@pytest.mark.parametrize("seed", range(10))
def test_where_the_cash_does_not_suffice_no_order_is_rejected(name: str, fractional: bool, seed: int) -> None:
    """And the order of the first bar takes all the cash that there is, up to a share."""
    case = LIMITED[name]
    opens, closes, path = market(seed, case.low)
    path[:4] = 1.0
    strategy = run(case, feed(opens, closes), path=tuple(path), fractional=fractional)
    assert not REFUSED & set(statuses(strategy))
    scheme_, row, price = case.info(), strategy.rows[1], opens[1]
    needed = scheme_.getoperationcost(1, price) / scheme_.get_leverage() + scheme_.getcommission(1, price)
    most = min(10_000 / needed, 10_000 / (price + scheme_.getcommission(1, price)))  # by cash, by exposure
    assert most * (1 - 1e-9) - (not fractional) <= row.position <= most * (1 + 1e-9)


FILLERS = {
    "percent of the volume": bt.broker.fillers.FixedBarPerc(perc=20),
    "shares": bt.broker.fillers.FixedSize(size=30),
    "by the range": bt.broker.fillers.BarPointPerc(minmov=0.01, perc=90),
}


@pytest.mark.parametrize("info", [PerOrder, PerShare, scheme(commission=0.001)])
@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("seed", range(6))
def test_orders_that_fill_in_parts_end_at_the_target(info: Any, filler: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    opens = 80 * np.exp(np.cumsum(rng.normal(0, 0.02, 120)))
    path = rng.choice([-0.6, 0.0, 0.5, 1.0], 6).repeat(20)  # 20 bars are enough for 125 shares by 20
    case = Scheme(info, setup=lambda broker: broker.set_filler(FILLERS[filler]))
    strategy = run(case, feed(opens, opens, volume=100.0), path=tuple(path))
    assert not REFUSED & set(statuses(strategy))
    assert all(row.cash >= -1e-6 for row in strategy.rows)
    for bar in range(19, 120, 20):
        assert abs(strategy.rows[bar].exposure - path[bar - 1]) <= 0.05 + 1e-9


# --- by hand, at a price of 80 and an account of 10,000 ------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "target", "shares"),
    [
        (Scheme(PerOrder), 1.0, 9_995 / 80),
        (Scheme(PerOrder), -1.0, -9_995 / 80),
        (Scheme(PerShare), 1.0, 9_999 / 80),  # 125 * 0.005 is less than 1
        (Scheme(lambda: PerShare(fee=0.02)), 1.0, 10_000 / 80.02),
        (Scheme(lambda: PerShare(fee=2.0)), 1.0, 10_000 / 80.8),  # at most 1%
        (Scheme(Tiered), 1.0, (10_000 - 1 - 6 + 1.5) / 80.04),  # 1 + 0.2% of 3000 + 0.05% of the rest
        (Scheme(scheme(commission=0.001, leverage=2.0)), 1.0, 10_000 / 80.08),
        (Scheme(scheme(commission=0.001, leverage=2.0)), -0.5, -5_000 / (80 + 0.5 * 0.08)),
        (Scheme(scheme(), setup=lambda b: b.set_shortcash(False)), -1.0, -125.0),
        (Scheme(scheme(margin=500.0, mult=50.0, stocklike=False), 50.0), 0.5, 1.25),
        (Scheme(scheme(margin=500.0, mult=50.0, stocklike=False), 50.0), 1.0, 2.5),
        # A margin above the worth of a contract: 10,000 pay for 2 of them.
        (Scheme(scheme(margin=5000.0, mult=50.0, stocklike=False), 50.0), 1.0, 2.0),
    ],
)
def test_the_first_fill_by_hand(case: Scheme, target: float, shares: float) -> None:
    strategy = run(case, feed([80.0] * 6), path=(target,))
    assert strategy.rows[1].position == pytest.approx(shares, rel=1e-11)
    assert statuses(strategy) == ["Completed"]


def test_a_gap_counts_before_the_order_is_sized() -> None:
    # 0.5 of 100,000 in contracts of 4,000 are 12.5. At 88 they have gained 12.5 * 8 * 50 = 5,000, and 105,000 are
    # 23.8636 contracts of 4,400.
    info = scheme(margin=500.0, mult=50.0, stocklike=False)
    strategy = run(Scheme(info, 50.0, 100_000.0), feed([80, 80, 88, 88], [80, 80, 88, 88]), path=(0.5, 1.0))
    assert [row.position for row in strategy.rows] == pytest.approx([0, 12.5, 105 / 4.4, 105 / 4.4])


def test_a_volume_filler_fills_one_order() -> None:
    # 62.5 shares are half of 10,000 at 80, and a fifth of 100 is filled at each bar.
    fifth = Scheme(scheme(), setup=lambda b: b.set_filler(bt.broker.fillers.FixedBarPerc(perc=20)))
    strategy = run(fifth, feed([80.0] * 7, volume=100.0), path=(0.5,))
    assert [row.position for row in strategy.rows] == [0, 20, 40, 60, 62.5, 62.5, 62.5]
    assert statuses(strategy) == ["Completed"]


def test_an_open_order_is_replaced_when_the_target_turns_away_from_it() -> None:
    fifth = Scheme(scheme(), setup=lambda b: b.set_filler(bt.broker.fillers.FixedBarPerc(perc=20)))
    strategy = run(fifth, feed([80.0] * 7, volume=100.0), path=(0.5, 0.5, 0.0))
    assert [row.position for row in strategy.rows] == [0, 20, 40, 20, 0, 0, 0]
    assert statuses(strategy) == ["Canceled", "Completed"]


def test_an_open_order_is_replaced_when_the_price_has_left_it_too_dear() -> None:
    # 125 shares are ordered at 80 and 20 filled. At 81 there are 8,400 for 103.7 more shares, and not for 105.
    fifth = Scheme(scheme(), setup=lambda b: b.set_filler(bt.broker.fillers.FixedBarPerc(perc=20)))
    strategy = run(fifth, feed([80.0, 80.0] + [81.0] * 6, volume=100.0), path=(1.0,))
    assert strategy.rows[-1].position == pytest.approx(20 + 8_400 / 81)
    assert statuses(strategy) == ["Canceled", "Completed"]


class Hedged(Held):
    """Buys the second feed for half of the account, at the same open as the first."""

    def next(self) -> None:
        super().next()
        if len(self.data) == 1:
            self.buy(self.data1, size=100)


def test_the_part_of_the_account_in_a_second_feed_counts() -> None:
    # 100 shares at 50 are 5,000 of 10,000; half of the account is 62.5 shares at 80, and the cash is used up.
    # The second feed then rises to 70: of 12,000, a half is 75 shares, but there is no cash for more than 62.5.
    strategy = run(
        Scheme(scheme()), feed([80.0] * 5), feed([50, 50, 70, 70, 70]), cls=Hedged, path=(0.5,), band=0.0
    )
    assert [row.position for row in strategy.rows] == pytest.approx([0, 62.5, 62.5, 62.5, 62.5])
    # It falls to 30: of 8,000, a half is 50 shares.
    strategy = run(
        Scheme(scheme()), feed([80.0] * 5), feed([50, 50, 30, 30, 30]), cls=Hedged, path=(0.5,), band=0.0
    )
    assert [row.position for row in strategy.rows] == pytest.approx([0, 62.5, 50, 50, 50])
    assert not REFUSED & set(statuses(strategy))


def test_what_a_second_feed_costs_at_the_same_open_is_not_spent_twice() -> None:
    # It opens at 60 and takes 6,000, so that 4,000 are left, which are 50 shares.
    strategy = run(Scheme(scheme()), feed([80.0] * 4), feed([50, 60, 60, 60]), cls=Hedged, path=(0.5,))
    assert strategy.rows[1].position == pytest.approx(50)
    assert statuses(strategy) == ["Completed", "Completed"]


def test_an_own_order_of_the_same_open_counts() -> None:
    class Impatient(Held):
        def next(self) -> None:
            super().next()
            if len(self.data) == 1:
                self.buy(size=30)

    strategy = run(Scheme(scheme()), feed([80.0] * 4), cls=Impatient, path=(0.5,))
    assert strategy.rows[1].position == 62.5
    assert sorted(order.executed.size for order in strategy.broker.orders) == [30, 32.5]


def test_a_fee_that_is_more_than_the_order_moves_is_not_paid() -> None:
    # The account of 60 wants a tenth of it, 6, for which the fee is 5; with a fee of 6 there is nothing to gain.
    assert run(Scheme(PerOrder, cash=60.0), feed([1.0] * 3), path=(0.1,)).rows[1].position == pytest.approx(5.5)
    assert statuses(run(Scheme(lambda: PerOrder(fee=6.0), cash=60.0), feed([1.0] * 3), path=(0.1,))) == []


class Paper(bt.broker.BrokerBase):
    """What a live broker is to Backtrader: cash, value and positions, and no parameters of a simulation."""

    def __init__(self) -> None:
        super().__init__()
        self.startingcash = 10_000.0
        self.orders: list[float] = []

    def getcash(self) -> float:
        return 10_000.0

    def getvalue(self, datas: Any = None) -> float:
        return 10_000.0

    def getposition(self, data: Any, clone: bool = True) -> Any:
        return bt.Position(0, 0.0)

    def buy(self, owner: Any, data: Any, size: float, **_: Any) -> None:
        self.orders.append(size)

    def get_notification(self) -> None:
        return None


def test_a_broker_without_slippage_parameters_is_asked_for_what_it_has() -> None:
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.broker = Paper()
    cerebro.broker.addcommissioninfo(PerOrder())
    cerebro.adddata(feed([80.0] * 3))
    cerebro.addstrategy(Held, path=(1.0, 0.0))
    cerebro.run()
    assert cerebro.broker.orders == [pytest.approx(9_995 / 80)]
