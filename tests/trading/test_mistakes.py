"""What is refused, with the words that it is refused with, and what becomes of it when its cure is followed."""

from __future__ import annotations

import functools
import logging
import sys
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from lstmstrat import BuyAndHold, DataConfig, ExposureStrategy, ForecastStrategy, StrategyError, load_prices
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.forecasting.session import Session
from lstmstrat.store import Store
from lstmstrat.trading.indicator import LSTMForecast
from lstmstrat.trading.parameters import load_strategy
from lstmstrat.trading.simulation import simulate

FIXED, PERCENT = bt.CommInfoBase.COMM_FIXED, bt.CommInfoBase.COMM_PERC
OPENS = [80.0, 80.0, 84.0, 88.0, 88.0, 88.0]


class Live(bt.feeds.PandasData):
    """A feed that delivers a bar when it has closed."""

    delivered = 0

    def islive(self) -> bool:
        return True

    def _load(self) -> bool:
        loaded = super()._load()
        self.delivered += loaded
        return bool(loaded)


def feed(opens: Any = OPENS, kind: Any = bt.feeds.PandasData, closes: Any = None) -> Any:
    opens = np.asarray(opens, float)
    closes = opens if closes is None else np.asarray(closes, float)
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    columns = {"open": opens, "high": high, "low": low, "close": closes, "volume": 1.0}
    return kind(dataname=pd.DataFrame(columns, index=pd.date_range("2020", periods=len(opens))))


def cerebro(*classes: Any, data: Any = None, setup: Any = None) -> Any:
    made = bt.Cerebro(stdstats=False, cheat_on_open=True)
    made.adddata(feed() if data is None else data)
    for cls in classes:
        made.addstrategy(cls)
    if setup:
        setup(made.broker)
    return made


class All(ExposureStrategy):
    def target_exposure(self) -> float:
        return 1.0


# --- the account --------------------------------------------------------------------------------------------


def test_a_second_strategy_on_the_account_is_refused() -> None:
    with pytest.raises(StrategyError, match=r"All: there are 2 strategies on one account.*a Cerebro of its own"):
        cerebro(All, bt.Strategy).run()
    # The cure: a Cerebro for each. 10,000 are 125 shares at 80.
    for cls in (All, BuyAndHold):
        assert cerebro(cls).run()[0].position.size == pytest.approx(125)


def test_optimising_is_one_strategy_at_a_time() -> None:
    made = bt.Cerebro(stdstats=False, cheat_on_open=True, maxcpus=1)
    made.adddata(feed())
    made.optstrategy(All, band=[0.0, 0.05])
    assert len(made.run()) == 2


def test_a_live_feed_is_refused() -> None:
    with pytest.raises(
        StrategyError, match=r"a whole bar late; live, order in the next\(\) of a plain bt\.Strategy"
    ):
        cerebro(All, data=feed(kind=Live)).run()


def test_the_cure_for_a_live_feed_orders_when_the_bar_has_closed() -> None:
    left: list[int] = []

    class Broker(bt.brokers.BackBroker):
        def submit(self, order: Any, check: bool = True) -> Any:
            left.append(order.data.delivered)
            return super().submit(order, check)

    class Plain(bt.Strategy):
        def __init__(self) -> None:
            self.model = LSTMForecast(
                self.data, model="ridge", lookback=2, train_size=40, refit_every=5, features=["return_1"]
            )

        def next(self) -> None:
            if not left:
                self.decided = len(self)
                self.buy(size=1)

    made = bt.Cerebro(stdstats=False)
    made.broker = Broker()
    made.adddata(feed(80 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 80))), Live))
    made.addstrategy(Plain)
    [strategy] = made.run()
    assert left == [strategy.decided]  # an ExposureStrategy would send it when one more bar has closed


@pytest.mark.parametrize(
    "setup",
    [lambda broker: broker.set_coc(True), lambda broker: (broker.set_slippage_perc(0.0), broker.set_coo(False))],
)
def test_filling_at_another_price_is_refused(setup: Any) -> None:
    class Sets(All):
        def start(self) -> None:
            setup(self.broker)

    with pytest.raises(StrategyError, match=r"leave out set_coc\(True\) and set_coo\(False\)"):
        cerebro(Sets).run()


FUTURE = {"margin": 100.0, "mult": 10.0}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mult": 10.0, "stocklike": True}, r"mult=10 needs margin="),
        ({"margin": 400.0, "mult": 10.0, "leverage": 4.0}, "a margin divided by 4"),
        ({"mult": 10.0, "automargin": 0.5, "margin": 1.0}, "an amount in place of automargin=0\\.5"),
    ],
)
def test_a_scheme_whose_positions_are_valued_wrongly_is_refused(wrong: dict[str, Any], words: str) -> None:
    def commission(values: dict[str, Any]) -> Any:
        return lambda broker: broker.setcommission(0.0, commtype=PERCENT, **values)

    with pytest.raises(StrategyError, match=words):
        cerebro(All, setup=commission(wrong)).run()
    # Why: with an open position the broker's value moves by something else than what closing it brings.
    assert _gain(commission(wrong), close_it=False) != pytest.approx(_gain(commission(wrong), close_it=True))
    # The cure: 12.5 contracts of 800 are 10,000, and gain 12.5 * 10 * 8.
    [strategy] = cerebro(All, setup=commission(FUTURE)).run()
    assert strategy.position.size == pytest.approx(12.5)
    assert strategy.broker.getvalue() == pytest.approx(11_000)


class Forex(bt.CommInfoBase):
    """A scheme with leverage that is right: nothing is kept, and gains go into the cash."""

    params = (("leverage", 50.0), ("margin", 1.0), ("mult", 10.0), ("stocklike", False), ("commtype", FIXED))

    def getvaluesize(self, size: float, price: float) -> float:
        return 0.0


def test_a_scheme_with_leverage_that_counts_right_is_not_refused() -> None:
    [strategy] = cerebro(All, setup=lambda broker: broker.addcommissioninfo(Forex())).run()
    assert strategy.position.size == pytest.approx(12.5)
    assert strategy.broker.getvalue() == pytest.approx(11_000)


@pytest.mark.parametrize("price", [0.0, -37.6, float("nan")])
def test_an_open_that_no_exposure_can_be_held_at_is_named(price: float) -> None:
    with pytest.raises(
        StrategyError, match=rf"All: at the open of 2020-01-02 the open is {price}; an exposure needs"
    ):
        cerebro(All, data=feed([80.0, price, 80.0], closes=[80.0, 80.0, 80.0])).run()


def _gain(setup: Any, close_it: bool) -> float:
    """What two contracts, bought at 80, are worth to a plain Backtrader account at 88."""

    class Two(bt.Strategy):
        def next(self) -> None:
            if len(self) == 1:
                self.buy(size=2)
            if len(self) == 4 and close_it:
                self.close()

    made = bt.Cerebro(stdstats=False)
    made.adddata(feed())
    made.addstrategy(Two)
    setup(made.broker)
    made.run()
    return float(made.broker.getvalue()) - 10_000.0


# --- methods that are replaced ------------------------------------------------------------------------------


class Forgets(All):
    def next(self) -> None:
        self.seen = self.data.close[0]


class ForgetsOpen(All):
    def next_open(self) -> None:
        self.seen = self.data.open[0]


class Beneath(Forgets):
    """The class above it is the one that forgets."""

    def next(self) -> None:
        super().next()


class Mixin:
    def next(self) -> None:
        self.seen = 1


class Mixed(Mixin, All):
    pass


@pytest.mark.parametrize("cls", [Forgets, Beneath, Mixed])
def test_an_own_next_is_refused(cls: Any) -> None:
    with pytest.raises(
        StrategyError, match=r"its next\(\) does not call super\(\)\.next\(\), so target_exposure\(\) is "
    ):
        cerebro(cls).run()


def test_an_own_next_open_is_refused() -> None:
    with pytest.raises(StrategyError, match=r"its next_open\(\) does not call .* its exposure is never traded"):
        cerebro(ForgetsOpen).run()


class Calls(All):
    """The cure."""

    def next(self) -> None:
        super().next()
        self.seen = self.data.close[0]

    def next_open(self) -> None:
        super().next_open()


class CallsThroughAHelper(All):
    def next(self) -> None:
        self.note()

    def note(self) -> None:
        super().next()


class CallsByName(All):
    def next(self) -> None:
        All.next(self)


def noted(method: Any) -> Any:
    @functools.wraps(method)
    def inner(self: Any) -> None:
        method(self)

    return inner


class CallsDecorated(All):
    @noted
    def next(self) -> None:
        super().next()


@pytest.mark.parametrize("cls", [Calls, CallsThroughAHelper, CallsByName, CallsDecorated])
def test_an_own_next_that_calls_the_base_class_is_not(cls: Any) -> None:
    assert cerebro(cls).run()[0].position.size == pytest.approx(125)


class ForgetsHidden(All):
    @noted
    def next(self) -> None:
        self.seen = 1


class ForgetsOpenHidden(All):
    @noted
    def next_open(self) -> None:
        self.seen = 1


class SomethingElseIsNext(All):
    def next(self) -> None:
        self.seen = next(iter([1]))


@pytest.mark.parametrize("cls", [ForgetsHidden, SomethingElseIsNext, ForgetsOpenHidden])
def test_what_the_code_does_not_tell_is_found_at_the_second_bar(cls: Any) -> None:
    with pytest.raises(StrategyError, match=r"does not call super\(\)\.next(_open)?\(\)"):
        cerebro(cls).run()


def test_a_start_of_ones_own_drops_no_check() -> None:
    class Starts(All):
        def start(self) -> None:
            self.broker.setcommission(commission=0.01)

    assert cerebro(Starts).run()[0].position.size == pytest.approx(10_000 / 80.8)
    made = bt.Cerebro(stdstats=False)
    made.adddata(feed())
    made.addstrategy(Starts)
    with pytest.raises(StrategyError, match="cheat_on_open=True"):
        made.run()


class NoSuper(ForecastStrategy):
    def __init__(self) -> None:
        self.mean = bt.indicators.SMA(self.data.close, period=2)

    def target_exposure(self) -> float:
        return 1.0 if self.forecast[0] > 0 else 0.0


class TooEarly(ForecastStrategy):
    def __init__(self) -> None:
        self.smooth = bt.indicators.EMA(self.forecast, period=2)
        super().__init__()

    def target_exposure(self) -> float:
        return 1.0


@pytest.mark.parametrize("cls", [NoSuper, TooEarly])
def test_a_forecast_that_was_not_made_says_what_to_call(cls: Any) -> None:
    with pytest.raises(
        StrategyError, match=r"its __init__\(\) does not call super\(\)\.__init__\(\).*call it first$"
    ):
        cerebro(cls).run()


def test_another_missing_attribute_is_still_one() -> None:
    class Typo(ForecastStrategy):
        def __init__(self) -> None:
            self.model = None

        def target_exposure(self) -> float:
            return float(self.forcast[0])

    with pytest.raises(AttributeError, match="forcast"):
        cerebro(Typo).run()


# --- in a config --------------------------------------------------------------------------------------------

CODE = '''
import backtrader as bt
from lstmstrat import ExposureStrategy, ForecastStrategy, LSTMForecast

class OwnNext(ForecastStrategy):
    def target_exposure(self): return 1.0
    def next(self): self.last = self.forecast[0]

class OwnNextOpen(ExposureStrategy):
    def target_exposure(self): return 1.0
    def next_open(self): pass

class NoSuper(ForecastStrategy):
    def __init__(self): self.mean = bt.ind.SMA(self.data.close, period=10)
    def target_exposure(self): return 1.0 if self.forecast[0] > 0 else 0.0

class OwnModel(ForecastStrategy):
    def __init__(self):
        self.model = LSTMForecast(self.data, horizon=5)
        self.forecast = self.model.forecast
    def target_exposure(self): return 1.0 if self.forecast[0] > 0 else 0.0

class Second(bt.Strategy):
    def __init__(self): self.spread = self.data.close - self.data1.close

class SecondLine(bt.Strategy):
    def next(self): return self.data2_close[0]

class IfThere(bt.Strategy):
    def __init__(self):
        if len(self.datas) > 1:
            self.spread = self.data.close - self.data1.close

class Own1(bt.Strategy):
    def __init__(self): self.data1 = self.data.close(-1)
    def next(self): return self.data1[0]

class Named(bt.Strategy):
    def __init__(self): self.spy = self.getdatabyname("SPY")

class Dotted(bt.Strategy):
    def __init__(self): self.spy = self.dnames.SPY

class Indexed(bt.Strategy):
    def __init__(self): self.spy = self.datas[1]

class Tuple(bt.Strategy):
    def __init__(self): self.x = (1, 2)[len(self.datas) + 1]
'''  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mistaken.py").write_text(CODE)
    yield tmp_path
    sys.modules.pop("mistaken", None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OwnNext", r"class: 'mistaken:OwnNext': its next\(\) does not call super\(\)\.next\(\)"),
        ("OwnNextOpen", r"its next_open\(\) does not call"),
        (
            "NoSuper",
            r"its __init__\(\) does not call super\(\)\.__init__\(\), so it has no forecast; call it first",
        ),
        (
            "Second",
            r"it reads self\.data1, but a config has one feed, self\.data; run it in a bt\.Cerebro of your own",
        ),
        ("SecondLine", r"it reads self\.data2_close"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_config_says_so_before_anything_is_trained(name: str, words: str) -> None:
    with pytest.raises(StrategyError, match=words):
        load_strategy(f"mistaken:{name}")


@pytest.mark.parametrize("name", ["OwnModel", "IfThere", "Own1"])
@pytest.mark.usefixtures("folder")
def test_a_config_takes_what_can_be_right(name: str) -> None:
    assert load_strategy(f"mistaken:{name}").__name__ == name


@pytest.mark.parametrize(
    ("name", "asked"), [("Named", "'SPY'"), ("Dotted", "'SPY'"), ("Indexed", r"self\.datas\[")]
)
@pytest.mark.usefixtures("folder")
def test_a_second_feed_by_other_means_is_named_when_it_is_asked_for(name: str, asked: str) -> None:
    with pytest.raises(StrategyError, match=rf"{name}: it asks for .*{asked}.* has one feed, IBM; run it in"):
        run_alone(load_strategy(f"mistaken:{name}"))


@pytest.mark.usefixtures("folder")
def test_another_error_of_the_users_code_is_said_as_it_is() -> None:
    with pytest.raises(StrategyError, match=r"Tuple: IndexError: tuple index out of range \(.*mistaken.py, line "):
        run_alone(load_strategy("mistaken:Tuple"))


def run_alone(cls: Any) -> Any:
    prices = load_prices(DataConfig(symbol="IBM", start="2013-01-02"))
    return simulate(prices, cls, {}, BrokerConfig(), session=Session(Store(None)), start=5, name=cls.__name__)


# --- orders beside the base class ---------------------------------------------------------------------------


class WithStops(ExposureStrategy):
    """Long on the first two bars; each purchase gets a stop, which is cancelled if `tidy`."""

    params = (("tidy", False),)
    stop_order: Any = None

    def target_exposure(self) -> float:
        return 1.0 if len(self.data) < 3 else 0.0

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed and order.isbuy():
            self.stop_order = self.sell(size=order.executed.size, exectype=bt.Order.Stop, price=60.0)
        elif order.status == order.Completed and self.p.tidy:
            self.cancel(self.stop_order)


def stopped(opens: list[float], closes: Any = None, **params: Any) -> Any:
    made = bt.Cerebro(stdstats=False, cheat_on_open=True)
    made.adddata(feed(opens, closes=closes))
    made.addstrategy(WithStops, **params)
    return made.run()[0]


def test_a_stop_that_is_left_open_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        stopped([80.0] * 6)
    [record] = caplog.records
    assert record.getMessage() == (
        "WithStops: at 2020-01-04 a sell Stop order for 125 made at 2020-01-02, which is not of the base class, "
        "is open beside a position of 0 and would leave one that target_exposure() does not ask for; cancel it in "
        "notify_order() when the base class trades, or let target_exposure() return 0 in its place"
    )


def test_a_stop_that_is_cancelled_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert stopped([80.0] * 6, tidy=True).position.size == 0
    assert not caplog.records


@pytest.mark.parametrize(
    ("closes", "words"),
    [
        ([80.0, 80.0, 80.0, 80.0, 50.0, 150.0], r"is worth -2500\.00 at the open of 2020-01-06"),
        ([80.0, 80.0, 80.0, 80.0, 150.0, 150.0], r"is down to -2500\.00"),
    ],
)
def test_it_is_named_again_when_the_account_is_lost(closes: list[float], words: str) -> None:
    # The stop sells 125 at 50, when nothing is held; at 150 the account of 10,000 is down by 12,500.
    with pytest.raises(StrategyError, match=rf"{words}.*; a sell Stop order for 125 made at 2020-01-02"):
        stopped([80.0, 80.0, 80.0, 80.0, 50.0, 150.0], closes)
