"""The bars before the first decision are gone through at once, and nobody can tell."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import backtrader as bt
import numpy as np
import pytest
from helpers.market import market

from lstmstrat import ForecastConfig, Ledger, LSTMForecast, Session, Store, StrategyError
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.results.account import Account
from lstmstrat.trading import simulation
from lstmstrat.trading.parameters import load_strategy
from lstmstrat.trading.simulation import simulate
from lstmstrat.trading.warm_up import skip_warm_up

PRICES = market(400)
FORECAST = ForecastConfig(
    model="ridge", calibration="none", train_size=60, features=("return_1", "volatility_21"), refit_every=30
)
START = schedule(FORECAST).first_fit
BUNDLED = (
    "long_flat:LongFlat",
    "long_short:LongShort",
    "volatility_target:VolatilityTarget",
    "sma_cross:SmaCross",
)


class Nested(bt.Strategy):  # type: ignore[misc]
    """Indicators of indicators, of single lines, delayed ones and operations; orders by what they say."""

    seen: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        average = bt.indicators.EMA(bt.indicators.RSI(self.data.close, period=9), period=7)
        self.signal = average - average(-3)
        self.cross = bt.indicators.CrossOver(self.data.close, bt.indicators.SMA(self.data, period=11))
        self.highest = bt.Max(self.data.high, self.data.open(-1))
        self.macd = bt.indicators.MACD()

    def next(self) -> None:
        row = self.signal[0], self.cross[0], self.highest[0], self.highest[-40], self.macd.signal[0]
        self.seen.append((len(self), len(self.data), self.datetime[0], self.datetime[-60], *row))
        if row[0] > 0.0 and not self.position:
            self.buy(size=10)
        elif row[0] < 0.0 and self.position:
            self.close()


def calls(*names: str) -> type[bt.Strategy]:
    """A strategy that notes the bar of each call of some of its methods."""

    def noted(name: str) -> Any:
        return lambda self, *arguments: self.seen.append((name, len(self.data)))

    methods: dict[str, Any] = {name: noted(name) for name in names}
    return type("Noting", (bt.Strategy,), {"seen": [], **methods})


class Timed(calls("notify_timer")):  # type: ignore[misc]
    def __init__(self) -> None:
        self.add_timer(when=dt.time(0, 0))


class Early(bt.Strategy):  # type: ignore[misc]
    """Orders before its first bar."""

    def start(self) -> None:
        self.buy(size=1)


class Lagging(bt.Strategy):  # type: ignore[misc]
    """An indicator that does not follow the feed itself."""

    seen: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        self.delayed = bt.indicators.SMA(self.data, period=3)
        self.delayed._clock = self

    def next(self) -> None:
        self.seen.append((len(self.delayed), self.delayed[0]))


OWN: dict[str, tuple[type[Any], bool]] = {  # and whether the bars are gone through at once
    "nested": (Nested, True),
    "prenext": (calls("prenext"), False),
    "prenext_open": (calls("prenext_open", "next_open"), False),
    "cash": (calls("notify_cashvalue"), False),
    "fund": (calls("notify_fund"), False),
    "next alone": (calls("next", "nextstart", "notify_order", "stop"), True),
    "timer": (Timed, False),
    "lagging": (Lagging, False),
}


def run(cls: type[Any], **settings: Any) -> tuple[Account, list[Any]]:
    if hasattr(cls, "seen"):
        cls.seen.clear()
    with Session(Store(None), jobs=1, ledger=Ledger(None)) as session:
        account = simulate(
            PRICES,
            cls,
            {},
            BrokerConfig(),
            session=session,
            start=START,
            name="own",
            forecast=FORECAST,
            **settings,
        )
    return account, list(getattr(cls, "seen", []))


@pytest.fixture
def skipped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bars at which each run began to go one by one."""
    begun: list[int] = []

    def watched(cerebro: Any, feed: Any) -> None:
        skip_warm_up(cerebro, feed)
        begun.append(len(feed))

    monkeypatch.setattr(simulation, "skip_warm_up", watched)
    return begun


def same(one: Account, two: Account) -> bool:
    values = [
        (str(a.placed), str(a.fills), a.equity.tolist(), a.exposure.tolist(), str(a.targets.tolist()))
        for a in (one, two)
    ]
    return values[0] == values[1] and one.equity.index.equals(two.equity.index)


@pytest.mark.parametrize("kind", OWN)
def test_a_strategy_sees_what_it_sees_bar_by_bar(
    kind: str, skipped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cls, at_once = OWN[kind]
    account, seen = run(cls)
    assert skipped == [START - 1 if at_once else 0]
    monkeypatch.setattr(simulation, "skip_warm_up", lambda cerebro, feed: None)
    slow_account, slow_seen = run(cls)
    assert str(seen) == str(slow_seen)  # NaN too
    assert seen
    assert same(account, slow_account)


@pytest.mark.parametrize("path", BUNDLED)
def test_the_account_is_that_of_next_mode(path: str, skipped: list[int]) -> None:
    cls = load_strategy(f"strategies.{path}")
    with Session(Store(None), jobs=1, ledger=Ledger(None)) as session:
        accounts = [
            simulate(
                PRICES,
                cls,
                {"slow": 50} if path.startswith("sma") else {},
                BrokerConfig(),
                session=session,
                start=START,
                name="own",
                forecast=FORECAST,
                runonce=runonce,
            )
            for runonce in (True, False)
        ]
    assert skipped == [START - 1]  # next mode does not look ahead at the feed
    assert len(accounts[0].orders) > 3
    assert same(*accounts)


def test_an_order_before_the_first_bar_is_still_refused(skipped: list[int]) -> None:
    with pytest.raises(StrategyError, match="it orders before the first forecast"):
        run(Early)
    assert skipped == [0]


def test_a_method_of_the_instance_counts_too(skipped: list[int]) -> None:
    class Late(bt.Strategy):  # type: ignore[misc]
        seen: ClassVar[list[int]] = []

        def __init__(self) -> None:
            self.prenext = lambda: self.seen.append(len(self.data))

    _, seen = run(Late)
    assert (skipped, seen) == ([0], list(range(1, START + 1)))


def test_the_lines_of_the_forecast_are_complete(skipped: list[int]) -> None:
    class Reads(bt.Strategy):  # type: ignore[misc]
        params = (("forecast", None),)
        seen: ClassVar[list[Any]] = []

        def __init__(self) -> None:
            self.model = LSTMForecast(self.data, **self.p.forecast)

        def next(self) -> None:
            self.seen.append((len(self.model), self.model.forecast[0], self.model.quantile(0.5)[0]))

    account, seen = run(Reads)
    assert skipped == [START - 1]
    assert account.forecasts is not None
    assert [row[0] for row in seen] == list(range(START + 1, len(PRICES.frame) + 1))
    expected = account.forecasts.forecast[START:]
    assert np.array_equal([row[1] for row in seen], expected, equal_nan=True)
