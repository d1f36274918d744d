"""One broker for all: closed forms, mode equality, and the laws over random prices and exposures."""

from __future__ import annotations

import functools
import math
from typing import Any, ClassVar

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat.config import BrokerConfig
from lstmstrat.engine import Simulation, simulate
from lstmstrat.errors import DataError, StrategyError
from lstmstrat.prices import Prices
from lstmstrat.strategy import BuyAndHold, ExposureStrategy

FREE = BrokerConfig(cash=1000.0, commission=0.0, slippage=0.0)
COSTLY = BrokerConfig(cash=100_000.0, commission=0.002, slippage=0.001)


def make(opens: Any, closes: Any = None) -> Prices:
    opens = np.asarray(opens, dtype=float)
    closes = opens if closes is None else np.asarray(closes, dtype=float)
    bars = {"open": opens, "high": np.maximum(opens, closes), "low": np.minimum(opens, closes), "close": closes}
    index = pd.date_range("2020-01-01", periods=len(opens))
    return Prices("X", "csv", pd.DataFrame({**bars, "volume": np.ones(len(opens))}, index=index), ())


def walk(bars: int, seed: int = 0, gap: float = 0.02) -> Prices:
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars)))
    return make(np.roll(closes, 1) * np.exp(rng.normal(0, gap, bars)), closes)


class Scripted(ExposureStrategy):
    """Exposure by the number of the decision."""

    params = (("path", (0.0,)),)

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def target_exposure(self) -> float:
        self.made += 1
        return self.p.path[(self.made - 1) % len(self.p.path)]


class Cross(ExposureStrategy):
    params = (("slow", 30),)

    def __init__(self) -> None:
        super().__init__()
        self.fast, self.slow = bt.ind.SMA(period=5), bt.ind.SMA(period=self.p.slow)

    def target_exposure(self) -> float:
        return 1.0 if self.fast[0] > self.slow[0] else -0.5


class AllInAtTheClose(bt.Strategy):
    """The usual beginner's strategy: its size comes from the close, so gaps reject it."""

    def next(self) -> None:
        if len(self) % 2:
            self.buy(size=int(self.broker.getcash() / self.data.close[0]))
        else:
            self.close()


# --- law 5: one broker --------------------------------------------------------------------------------------


def test_law_5_buy_and_hold_is_its_closed_form() -> None:
    prices = walk(300)
    run = simulate(prices, BuyAndHold, {}, COSTLY, start=40, name="b")
    opens, closes = prices.frame["open"].to_numpy(), prices.frame["close"].to_numpy()
    shares = 100_000 / (opens[41] * 1.001 * 1.002)
    assert run.equity.to_numpy()[1:] == pytest.approx(shares * closes[41:], rel=1e-9)
    assert run.equity.iloc[0] == 100_000
    assert list(run.equity.index) == list(prices.frame.index[40:])
    assert run.traded.to_numpy()[1] == pytest.approx(100_000 / 1.002, rel=1e-9)
    assert run.traded.to_numpy()[[0, *range(2, 260)]].sum() == 0.0
    assert list(run.orders["status"]) == ["Completed"]


def test_law_5_buy_and_hold_of_whole_shares_is_its_closed_form() -> None:
    prices = walk(300)
    whole = BrokerConfig(cash=10_000.0, commission=0.002, slippage=0.001, fractional=False)
    run = simulate(prices, BuyAndHold, {}, whole, start=40, name="b")
    paid = prices.frame["open"].iloc[41] * 1.001 * 1.002
    shares = math.floor(10_000 / paid)
    last = 10_000 - shares * paid + shares * prices.frame["close"].iloc[-1]
    assert run.equity.iloc[-1] == pytest.approx(last, rel=1e-9)


def test_law_5_always_long_is_buy_and_hold() -> None:
    prices = walk(300)
    long = simulate(prices, Scripted, {"path": (1.0,), "band": 0.0}, COSTLY, start=40, name="a")
    hold = simulate(prices, BuyAndHold, {}, COSTLY, start=40, name="b")
    assert long.equity.to_numpy() == pytest.approx(hold.equity.to_numpy(), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    gap=st.floats(0, 0.1),
    commission=st.floats(0, 0.02),
    slippage=st.floats(0, 0.02),
    path=st.lists(st.floats(-1, 1), min_size=1, max_size=12),
)
def test_law_5_every_target_is_reached_at_the_open_and_no_order_rejected(
    seed: int, gap: float, commission: float, slippage: float, path: list[float]
) -> None:
    prices = walk(30, seed, gap)
    broker = BrokerConfig(cash=1000.0, commission=commission, slippage=slippage)
    run = simulate(prices, Scripted, {"path": tuple(path), "band": 0.0}, broker, start=3, name="a")
    assert set(run.orders["status"]) <= {"Completed"}
    # The account kept by hand from the orders alone: cash and shares after each open and at each close.
    cash, shares, filled = 1000.0, 0.0, run.orders.set_index("executed")
    for number, (day, bar) in enumerate(prices.frame.iloc[4:].iterrows()):
        for _, order in filled[filled.index == day].iterrows():
            size = order["size"] * (1 if order["side"] == "buy" else -1)
            assert order["price"] == pytest.approx(bar["open"] * (1 + math.copysign(slippage, size)), rel=1e-9)
            assert order["commission"] == pytest.approx(order["size"] * order["price"] * commission, rel=1e-9)
            cash, shares = cash - size * order["price"] - order["commission"], shares + size
        held = shares * bar["open"]
        assert held / (cash + held) == pytest.approx(path[number % len(path)], abs=1e-8)
        assert run.equity[day] == pytest.approx(cash + shares * bar["close"], rel=1e-9)
        assert run.exposure[day] == pytest.approx(shares * bar["close"] / run.equity[day], abs=1e-9)
    assert (run.orders["created"] == run.orders["executed"]).all()
    assert run.trades["pnl"].sum() == pytest.approx(run.equity.iloc[-1] - 1000.0, abs=1e-6)
    assert run.trades["commission"].sum() == pytest.approx(run.orders["commission"].sum(), abs=1e-9)


@pytest.mark.parametrize("cls", [Cross, AllInAtTheClose])
@pytest.mark.parametrize("mode", [{"preload": False}, {"exactbars": 1}, {"exactbars": -1}, {"runonce": False}])
def test_every_mode_of_backtrader_gives_the_same_numbers(
    cls: type[Any], mode: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = walk(200)
    usual = simulate(prices, cls, {}, COSTLY, start=40, name="a")
    monkeypatch.setattr(bt.Cerebro, "run", functools.partialmethod(bt.Cerebro.run, **mode))
    other = simulate(prices, cls, {}, COSTLY, start=40, name="a")
    pd.testing.assert_series_equal(usual.equity, other.equity, check_exact=True)
    pd.testing.assert_frame_equal(usual.orders, other.orders, check_exact=True)
    pd.testing.assert_frame_equal(usual.trades, other.trades, check_exact=True)
    assert len(usual.orders) > 3


# --- plain strategies ---------------------------------------------------------------------------------------


def test_a_plain_strategy_runs_as_in_backtrader_without_us() -> None:
    prices = walk(120)
    run = simulate(prices, AllInAtTheClose, {}, FREE, start=0, name="a")
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    cerebro.addstrategy(AllInAtTheClose)
    cerebro.broker.setcash(1000.0)
    [plain] = cerebro.run()
    assert list(run.orders["status"]) == [order.getstatusname() for order in plain.broker.orders]
    assert {"Margin", "Completed"} <= set(run.orders["status"])  # a gap up rejects it there, and so here
    assert run.equity.iloc[-1] == plain.broker.getvalue()


def test_its_order_of_the_last_bar_stays_open() -> None:
    run = simulate(make([100.0] * 5), AllInAtTheClose, {}, FREE, start=0, name="a")
    last = run.orders.iloc[-1]
    assert (last["status"], last["created"]) == ("Submitted", pd.Timestamp("2020-01-05"))
    assert math.isnan(last["price"])
    assert pd.isna(last["executed"])


def test_a_limit_order_never_pays_more_than_its_limit() -> None:
    class Limited(bt.Strategy):
        def next(self) -> None:
            if not self.position:
                self.buy(size=1, price=100.05, exectype=bt.Order.Limit)

    broker = BrokerConfig(cash=1000.0, commission=0.0, slippage=0.01)
    run = simulate(make([100.0] * 4, [101.0] * 4), Limited, {}, broker, start=0, name="a")
    assert run.orders["price"].iloc[0] == 100.05  # the open of 100 and 1 % would be 101


@pytest.mark.parametrize("cls", [BuyAndHold, AllInAtTheClose])
@pytest.mark.parametrize("start", [0, 1, 57, 98])
@pytest.mark.parametrize("runonce", [True, False])
def test_the_first_decision_is_at_the_start_bar(cls: type[Any], start: int, runonce: bool) -> None:
    class Watched(cls):  # type: ignore[misc]
        bars: ClassVar[list[int]] = []

        def next(self) -> None:
            self.bars.append(len(self.data) - 1)
            super().next()

    run = simulate(walk(100), Watched, {}, FREE, start=start, name="a", runonce=runonce)
    assert Watched.bars == list(range(start, 100))
    assert len(run.equity) == 100 - start


@pytest.mark.parametrize("start", [-1, 99, 500])
def test_a_start_without_a_bar_to_trade_is_an_error(start: int) -> None:
    with pytest.raises(DataError, match=rf"at bar {start + 1} of 100; give more history"):
        simulate(walk(100), BuyAndHold, {}, FREE, start=start, name="a")


@pytest.mark.parametrize("slow", [60, 5000])
def test_a_strategy_that_needs_more_history_than_there_is_says_so(slow: int) -> None:
    with pytest.raises(StrategyError, match=f"a: its indicators need {slow} bars, .* is at bar 41; shorten"):
        simulate(walk(100), Cross, {"slow": slow}, FREE, start=40, name="a")


def test_an_order_before_the_start_is_an_error() -> None:
    class Early(bt.Strategy):
        def prenext(self) -> None:
            self.buy(size=1)

    with pytest.raises(StrategyError, match="a: at 2020-01-01 it orders before the first forecast"):
        simulate(walk(100), Early, {}, FREE, start=40, name="a")


def test_an_account_that_lost_more_than_all_is_an_error() -> None:
    class Wild(bt.Strategy):
        def next(self) -> None:
            if len(self) == 1:
                self.sell(size=100)

    # 100 shares sold at 10 for 1000; at 30 they cost 3000, and there are 2000.
    with pytest.raises(StrategyError, match=r"a: at 2020-01-03 the account is down to -1000\.00"):
        simulate(make([10.0, 10.0, 30.0, 30.0]), Wild, {}, FREE, start=0, name="a")


def test_an_account_that_is_no_number_is_an_error() -> None:
    class Wild(bt.Strategy):
        def next(self) -> None:
            self.broker.add_cash(math.nan)

    with pytest.raises(StrategyError, match="a: at 2020-01-02 the account value is NaN"):
        simulate(make([10.0] * 4), Wild, {}, FREE, start=0, name="a")


def test_params_are_those_used_and_ready_for_json() -> None:
    run = simulate(walk(20), Scripted, {"path": (0.5, 1.0)}, FREE, start=3, name="a", class_path="m:Scripted")
    assert (run.params, run.class_path) == ({"band": 0.05, "path": [0.5, 1.0]}, "m:Scripted")


def test_a_run_without_orders_has_empty_tables_of_the_right_types() -> None:
    run = simulate(walk(20), Scripted, {}, FREE, start=3, name="a")
    full = simulate(walk(20), BuyAndHold, {}, FREE, start=3, name="a")
    assert (len(run.orders), len(run.trades), run.traded.sum()) == (0, 0, 0.0)
    assert list(run.orders.dtypes) == list(full.orders.dtypes)
    assert list(run.trades.dtypes) == list(full.trades.dtypes)


def test_a_simulation_covers_one_set_of_bars() -> None:
    run = simulate(walk(20), BuyAndHold, {}, FREE, start=3, name="a")
    with pytest.raises(ValueError, match="different bars"):
        Simulation(**{**vars(run), "exposure": run.exposure.iloc[1:]})
