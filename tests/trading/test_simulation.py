"""One broker for all: closed forms, mode equality, and the laws over random prices and exposures.

And a simulation among others: it uses the session it is given, what comes out can travel, and two at once do not
see each other.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import pickle
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.command import tiny
from helpers.market import SMALL, alone, market, small
from helpers.recorder import FIRST, REFITS
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import (
    BrokerConfig,
    BuyAndHold,
    Config,
    DataError,
    ExposureStrategy,
    ForecastConfig,
    ForecastStrategy,
    LSTMForecast,
    Prices,
    Session,
    StrategyError,
)
from lstmstrat.config.validation import validated
from lstmstrat.forecasting.session import current
from lstmstrat.results.account import Account
from lstmstrat.store import default_path
from lstmstrat.study.prepare import prepare
from lstmstrat.study.simulate import simulate_all
from lstmstrat.trading import simulation
from lstmstrat.trading.simulation import simulate

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


def simulated(*arguments: Any, **options: Any) -> Account:
    """A simulation in a session that knows nothing."""
    return simulate(*arguments, session=alone(), **options)


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
    run = simulated(prices, BuyAndHold, {}, COSTLY, start=40, name="b")
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
    run = simulated(prices, BuyAndHold, {}, whole, start=40, name="b")
    paid = prices.frame["open"].iloc[41] * 1.001 * 1.002
    shares = math.floor(10_000 / paid)
    last = 10_000 - shares * paid + shares * prices.frame["close"].iloc[-1]
    assert run.equity.iloc[-1] == pytest.approx(last, rel=1e-9)


def test_law_5_always_long_is_buy_and_hold() -> None:
    prices = walk(300)
    long = simulated(prices, Scripted, {"path": (1.0,), "band": 0.0}, COSTLY, start=40, name="a")
    hold = simulated(prices, BuyAndHold, {}, COSTLY, start=40, name="b")
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
    run = simulated(prices, Scripted, {"path": tuple(path), "band": 0.0}, broker, start=3, name="a")
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
    usual = simulated(prices, cls, {}, COSTLY, start=40, name="a")
    monkeypatch.setattr(bt.Cerebro, "run", functools.partialmethod(bt.Cerebro.run, **mode))
    other = simulated(prices, cls, {}, COSTLY, start=40, name="a")
    pd.testing.assert_series_equal(usual.equity, other.equity, check_exact=True)
    pd.testing.assert_frame_equal(usual.orders, other.orders, check_exact=True)
    pd.testing.assert_frame_equal(usual.trades, other.trades, check_exact=True)
    assert len(usual.orders) > 3


# --- plain strategies ---------------------------------------------------------------------------------------


def test_a_plain_strategy_runs_as_in_backtrader_without_us() -> None:
    prices = walk(120)
    run = simulated(prices, AllInAtTheClose, {}, FREE, start=0, name="a")
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    cerebro.addstrategy(AllInAtTheClose)
    cerebro.broker.setcash(1000.0)
    [plain] = cerebro.run()
    assert list(run.orders["status"]) == [order.getstatusname() for order in plain.broker.orders]
    assert {"Margin", "Completed"} <= set(run.orders["status"])  # a gap up rejects it there, and so here
    assert run.equity.iloc[-1] == plain.broker.getvalue()


def test_its_order_of_the_last_bar_stays_open() -> None:
    run = simulated(make([100.0] * 5), AllInAtTheClose, {}, FREE, start=0, name="a")
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
    run = simulated(make([100.0] * 4, [101.0] * 4), Limited, {}, broker, start=0, name="a")
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

    run = simulated(walk(100), Watched, {}, FREE, start=start, name="a", runonce=runonce)
    assert Watched.bars == list(range(start, 100))
    assert len(run.equity) == 100 - start


@pytest.mark.parametrize("start", [-1, 99, 500])
def test_a_start_without_a_bar_to_trade_is_an_error(start: int) -> None:
    with pytest.raises(DataError, match=rf"at bar {start + 1} of 100; give more history"):
        simulated(walk(100), BuyAndHold, {}, FREE, start=start, name="a")


@pytest.mark.parametrize("slow", [60, 5000])
def test_a_strategy_that_needs_more_history_than_there_is_says_so(slow: int) -> None:
    with pytest.raises(StrategyError, match=f"a: its indicators need {slow} bars, .* is at bar 41; shorten"):
        simulated(walk(100), Cross, {"slow": slow}, FREE, start=40, name="a")


def test_an_order_before_the_start_is_an_error() -> None:
    class Early(bt.Strategy):
        def prenext(self) -> None:
            self.buy(size=1)

    with pytest.raises(StrategyError, match="a: at 2020-01-01 it orders before the first forecast"):
        simulated(walk(100), Early, {}, FREE, start=40, name="a")


def test_an_account_that_lost_more_than_all_is_an_error() -> None:
    class Wild(bt.Strategy):
        def next(self) -> None:
            if len(self) == 1:
                self.sell(size=100)

    # 100 shares sold at 10 for 1000; at 30 they cost 3000, and there are 2000.
    with pytest.raises(StrategyError, match=r"a: at 2020-01-03 the account is down to -1000\.00"):
        simulated(make([10.0, 10.0, 30.0, 30.0]), Wild, {}, FREE, start=0, name="a")


def test_an_account_that_is_no_number_is_an_error() -> None:
    class Wild(bt.Strategy):
        def next(self) -> None:
            self.broker.add_cash(math.nan)

    with pytest.raises(StrategyError, match="a: at 2020-01-02 the account value is NaN"):
        simulated(make([10.0] * 4), Wild, {}, FREE, start=0, name="a")


def test_params_are_those_used_and_ready_for_json() -> None:
    run = simulated(walk(20), Scripted, {"path": (0.5, 1.0)}, FREE, start=3, name="a", class_path="m:Scripted")
    assert (run.params, run.class_path) == ({"band": 0.05, "path": [0.5, 1.0]}, "m:Scripted")


def test_a_run_without_orders_has_empty_tables_of_the_right_types() -> None:
    run = simulated(walk(20), Scripted, {}, FREE, start=3, name="a")
    full = simulated(walk(20), BuyAndHold, {}, FREE, start=3, name="a")
    assert (len(run.orders), len(run.trades), run.traded.sum()) == (0, 0, 0.0)
    assert list(run.orders.dtypes) == list(full.orders.dtypes)
    assert list(run.trades.dtypes) == list(full.trades.dtypes)


def test_a_simulation_covers_one_set_of_bars() -> None:
    run = simulated(walk(20), BuyAndHold, {}, FREE, start=3, name="a")
    with pytest.raises(ValueError, match="different bars"):
        Account(**{**vars(run), "exposure": run.exposure.iloc[1:]})


# --- the session --------------------------------------------------------------------------------------------


class BySign(ForecastStrategy):
    def target_exposure(self) -> float:
        return float(np.sign(self.forecast[0]))


class OnForecast(bt.Strategy):
    """Orders of its own on two forecasts and a comparison of lines, with a stop below each purchase."""

    def __init__(self) -> None:
        self.model = LSTMForecast(self.data, **SMALL)
        self.longer = LSTMForecast(self.data, **{**SMALL, "horizon": 2, "train_size": 59})  # the same first bar
        self.agreed = bt.And(self.model.forecast > 0.0, self.longer.forecast > 0.0)

    def next(self) -> None:
        if self.agreed[0] and not self.position and not self.broker.get_orders_open():
            stop = self.data.close[0] * 0.98
            self.buy_bracket(size=10, exectype=bt.Order.Market, stopprice=stop, limitexec=None)


class Early(bt.Strategy):
    def prenext(self) -> None:
        self.buy(size=1)


MARKET = market(160)


def kept(session: Session) -> int:
    """Results in its store: networks, and what each fold forecast for more than one bar."""
    [(count,)] = session.store._open().execute("SELECT COUNT(*) FROM results").fetchall()
    return int(count)


@pytest.mark.parametrize(("runonce", "results"), [(True, 16), (False, 8)])
def test_it_uses_the_session_it_is_given_without_any_block_around_it(runonce: bool, results: int) -> None:
    """8 folds, each with its network and, all bars at once, its forecasts."""
    mine = alone()
    run = simulate(
        MARKET, BySign, {}, FREE, session=mine, start=FIRST, name="a", forecast=small(), runonce=runonce
    )
    assert run.forecasts is not None
    assert [record.fold.fitted_at for record in run.forecasts.folds] == REFITS
    assert (mine.fitted, mine.cached, mine.failed, kept(mine)) == (8, 0, 0, results)
    assert not default_path().exists()
    assert (current().fitted, current().cached, kept(current())) == (0, 0, 0)


@pytest.mark.parametrize(("cls", "networks"), [(BySign, 8), (OnForecast, 16)])
def test_it_uses_the_session_it_is_given_and_not_the_active_one(cls: type[Any], networks: int) -> None:
    mine, active = alone(), alone()
    with active.active():
        simulate(MARKET, cls, {}, FREE, session=mine, start=FIRST, name="a", forecast=small())
        assert current() is active
        with pytest.raises(StrategyError, match="a: at 2020-01-01 it orders before the first forecast"):
            simulate(MARKET, Early, {}, FREE, session=mine, start=FIRST, name="a")
        assert current() is active
    assert mine.fitted == networks
    assert (active.fitted, kept(active)) == (0, 0)
    assert not default_path().exists()


def test_a_second_simulation_in_a_session_finds_what_the_first_has_fitted() -> None:
    mine = alone()
    runs = [
        simulate(MARKET, BySign, {}, FREE, session=mine, start=FIRST, name="a", forecast=small(), runonce=runonce)
        for runonce in (True, True, False)
    ]
    assert mine.fitted == 8
    assert exact(runs[0]) == exact(runs[1]) == exact(runs[2])


# --- what travels -------------------------------------------------------------------------------------------


def exact(value: Any) -> Any:
    """`value` as plain parts, which are equal only if every bit is; NaN equals NaN."""
    if isinstance(value, pd.DataFrame):
        return "frame", exact(value.index), [(name, exact(value[name].to_numpy())) for name in value]
    if isinstance(value, pd.Series):
        return "series", value.name, exact(value.index), exact(value.to_numpy())
    if isinstance(value, pd.Index):
        return type(value).__name__, value.name, str(getattr(value, "freq", "")), exact(value.to_numpy())
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tolist() if value.dtype == object else value.tobytes()
    if isinstance(value, float):
        return value.hex()
    if dataclasses.is_dataclass(value):
        parts = {field.name: exact(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return type(value).__name__, parts
    if isinstance(value, Mapping):
        return {name: exact(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [exact(part) for part in value]
    return value


@pytest.fixture(scope="module")
def travelling() -> dict[str, Any]:
    """What may be sent to another process, and has been used before it is sent."""
    asked, prices = prepare(validated(Config, tiny(data={"end": "2005-12-30"}), ""))
    run = simulate_all(asked, prices, alone())
    assert run.strategies[0].forecasts is run.forecasts
    for name in DERIVED["run"]:
        getattr(run, name)
    accounts = {"account": run.strategies[0], "without a forecast": run.benchmark}
    return {**accounts, "forecasts": run.forecasts, "run": run}


DERIVED: dict[str, tuple[str, ...]] = {
    "account": ("returns", "turned_over"),
    "without a forecast": ("returns", "turned_over"),
    "forecasts": (),
    "run": (
        *("accounts", "dates", "window", "periods", "returns", "opens"),
        *("aligned", "traded", "on_the_forecast"),
    ),
}


@pytest.mark.parametrize("what", DERIVED)
def test_an_account_forecasts_and_a_run_travel_without_a_model(what: str, travelling: dict[str, Any]) -> None:
    value = travelling[what]
    sent = pickle.dumps(value)
    arrived = pickle.loads(sent)
    assert exact(arrived) == exact(value)
    for name in DERIVED[what]:
        assert exact(getattr(arrived, name)) == exact(getattr(value, name)), name
    assert pickle.loads(pickle.dumps(arrived)) is not arrived
    assert not [word for word in (b"FittedLSTM", b"WalkForward", b"Session", b"backtrader") if word in sent]


def test_what_arrived_is_told_from_what_is_not_the_same(travelling: dict[str, Any]) -> None:
    """`exact` sees the last bit of one number."""
    account = travelling["account"]
    moved = dataclasses.replace(account, equity=account.equity.copy())
    assert exact(moved) == exact(account)
    moved.equity.iloc[-1] = np.nextafter(moved.equity.iloc[-1], np.inf)
    assert exact(moved) != exact(account)
    forecasts = travelling["forecasts"]
    folds = (*forecasts.folds[:-1], dataclasses.replace(forecasts.folds[-1], mean=math.nan))
    assert exact(dataclasses.replace(forecasts, folds=folds)) != exact(forecasts)


# --- side by side -------------------------------------------------------------------------------------------


class Brackets(bt.Strategy):
    """No forecast: lines computed with and compared, indicators on indicators, and orders of every kind."""

    params = (("period", 7),)

    def __init__(self) -> None:
        self.mean = bt.ind.EMA(self.data.close - self.data.open, period=self.p.period)
        self.up = bt.Or(self.mean > 0.0, bt.ind.SMA(self.data.close, period=self.p.period) > self.data.close)
        self.width = bt.Max(bt.ind.ATR(self.data, period=5), 0.5)

    def next(self) -> None:
        if self.position or self.broker.get_orders_open():
            return
        close, width = self.data.close[0], self.width[0]
        exits = {"stopprice": close - width, "limitprice": close + width}
        if self.up[0]:
            self.buy_bracket(size=3, exectype=bt.Order.Market, **exits)
        else:
            self.sell(size=2, exectype=bt.Order.Limit, price=close + width / 4, valid=self.data.datetime.date(0))


class Pays(bt.Strategy):
    """Changes the cash of an idle account by itself, in two ways."""

    def next(self) -> None:
        bar = len(self) - FIRST
        if bar % 7 == 3:
            self.broker.cash -= 10.0
        if bar % 7 == 5:
            self.broker.set_cash(self.broker.get_cash() + 25.0)
        if bar in (15, 20):
            self.buy(size=1.0) if bar == 15 else self.close()


def test_an_idle_account_has_the_value_that_backtrader_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Backtrader works at every bar, ours only where something may have changed."""
    given_: dict[str, Any] = {"session": alone(), "start": FIRST, "name": "pays"}
    ours = simulate(shared(3), Pays, {}, COSTLY, **given_)
    monkeypatch.setattr(simulation._Broker, "is_idle", False)
    theirs = simulate(shared(3), Pays, {}, COSTLY, **given_)
    assert ours.equity.nunique() > 5
    assert exact(ours) == exact(theirs)


@dataclass(frozen=True)
class Job:
    """A simulation, and what tells it from others."""

    cls: type[Any]
    seed: int  # of its prices
    forecast: ForecastConfig | None = None
    runonce: bool = True
    broker: BrokerConfig = COSTLY

    def done(self) -> tuple[Any, int, int, bool]:
        """What came of it in a session of its own, to the last bit, or the sentence of its error."""
        mine, before = alone(), current()
        given_ = {"start": FIRST, "name": self.cls.__name__, "forecast": self.forecast, "runonce": self.runonce}
        try:
            account = simulate(shared(self.seed), self.cls, {}, self.broker, session=mine, **given_)
        except StrategyError as error:
            return str(error), mine.fitted, mine.failed, current() is before
        assert len(account.orders) > 5
        return exact(account), mine.fitted, mine.failed, current() is before


@functools.cache
def shared(seed: int) -> Prices:
    """The same object for every thread: five folds, at bars 64 to 116."""
    return market(120, seed)


JOBS = (
    Job(BySign, 1, small(), broker=FREE),
    Job(Brackets, 2),
    Job(BySign, 1, small(members=2, seed=5), runonce=False),
    Job(Cross, 3, runonce=False),
    Job(OnForecast, 4),
    Job(Early, 5),
    Job(AllInAtTheClose, 6),
    Job(BySign, 7, small(model="ridge")),
)
THREADS = 4


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns a thousand times as often as they would."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_simulations_in_threads_give_the_bits_that_they_give_one_after_the_other() -> None:
    """In each round four begin together: each beside itself first, then with and without a forecast beside it.

    Backtrader keeps caches and counters in its classes, and finds the owner of an indicator by looking through the
    frames of its callers.
    """
    expected = [job.done() for job in JOBS]
    assert [fitted for _, fitted, *_ in expected] == [5, 0, 10, 0, 10, 0, 0, 5]
    assert [number for number, (came, *_) in enumerate(expected) if isinstance(came, str)] == [5]
    assert all(same_session for *_, same_session in expected)
    begin = threading.Barrier(THREADS)

    def work(number: int) -> tuple[Any, int, int, bool]:
        begin.wait(timeout=60.0)
        return JOBS[number].done()

    with ThreadPoolExecutor(THREADS) as threads:
        for shift in range(len(JOBS)):
            for first in (0, 1, 4):
                numbers = [(first + shift * k) % len(JOBS) for k in range(THREADS)]
                for number, found in zip(numbers, threads.map(work, numbers), strict=True):
                    assert found == expected[number], (shift, numbers, number)
    assert [job.done() for job in JOBS] == expected
    assert not default_path().exists()


class Stops(bt.Strategy):
    """Ends the run by Backtrader's own means."""

    def next(self) -> None:
        if len(self) == 50:
            self.env.runstop()


class Skips(bt.Strategy):
    """Leaves itself out by Backtrader's own means."""

    def __init__(self) -> None:
        raise bt.errors.StrategySkipError


@pytest.mark.parametrize(
    ("cls", "said"),
    [(Stops, r"x: it stopped \d+ bars too early"), (Skips, "x: its __init__ raised StrategySkipError")],
)
def test_a_strategy_that_ends_or_leaves_its_run_is_refused(cls: type[Any], said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        simulate(market(), cls, {}, BrokerConfig(), session=alone(), start=20, name="x")


def test_an_account_beyond_any_number_is_said() -> None:
    """All in at each open of 1, and out at the next, of a million: 1e308 comes after 51 of these trades."""
    opens = np.where(np.arange(120) % 2 == 0, 1.0, 1e6)
    with pytest.raises(DataError, match=r"scripted: the account is beyond any number at the close of 2020-04-1\d"):
        simulated(make(opens), Scripted, {"path": (1.0, 0.0)}, FREE, start=1, name="scripted")
