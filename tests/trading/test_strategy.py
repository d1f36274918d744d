"""The decisions of ExposureStrategy, and the way from a YAML line to a class."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat import BuyAndHold, ExposureStrategy, ForecastStrategy, StrategyError
from lstmstrat.forecasting.learned import LINES
from lstmstrat.trading.parameters import check_params, load_strategy

# --- ExposureStrategy in a user's own Cerebro ---------------------------------------------------------------


class Scripted(ExposureStrategy):
    """Exposure by bar number; counts how often it is asked."""

    params = (("path", ()),)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.seen: list[Any] = []

    def target_exposure(self) -> float:
        bars = len(self.data)
        self.asked.append(bars)
        return self.p.path[bars - 1] if bars <= len(self.p.path) else 0.0

    def notify_order(self, order: Any) -> None:
        if not order.alive():
            self.seen.append(order)


def feed(opens: list[float], closes: list[float]) -> Any:
    frame = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": 1.0,
        },
        index=pd.date_range("2020-01-01", periods=len(opens)),
    )
    return bt.feeds.PandasData(dataname=frame)


def run(
    opens: list[float], path: list[Any], closes: list[float] | None = None, cash: float = 1000.0, **params: Any
) -> Any:
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(feed(opens, closes or opens))
    cerebro.addstrategy(Scripted, path=tuple(path), **params)
    cerebro.broker.setcash(cash)
    return cerebro.run()[0]


def executed(strategy: Any) -> list[tuple[float, float]]:
    """(size, price) of every order; all must have been filled."""
    assert {order.getstatusname() for order in strategy.seen} <= {"Completed"}
    return [(order.executed.size, order.executed.price) for order in strategy.seen]


def test_an_exposure_is_traded_at_the_next_open_and_sized_from_it() -> None:
    # Decided at a close of 100, filled at the open of 200; the closes of the fill bar (50) play no part.
    strategy = run([100, 200, 200], [1, 1, 1], closes=[100, 50, 50])
    assert executed(strategy) == [(pytest.approx(5, rel=1e-11), 200)]  # 1000 / 200


@pytest.mark.parametrize("close", [1.0, 1e6])
def test_a_close_far_from_the_open_rejects_nothing(close: float) -> None:
    strategy = run([100, 100, 100], [1, 1], closes=[100, close, close])
    assert executed(strategy) == [(pytest.approx(10, rel=1e-11), 100)]
    assert strategy.seen[0].created.price == 100  # the open, and not the close that is not known yet


def test_costs_set_in_a_plain_broker_are_seen() -> None:
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(feed([100, 100, 100], [100, 100, 100]))
    cerebro.addstrategy(Scripted, path=(1, 1))
    cerebro.broker.setcash(1001.0)
    cerebro.broker.setcommission(commission=0.1, commtype=bt.CommInfoBase.COMM_FIXED, stocklike=True)
    [strategy] = cerebro.run()
    assert executed(strategy) == [(pytest.approx(10, rel=1e-11), 100)]  # 10 * (100 + 0.1) = 1001


@pytest.mark.parametrize(
    ("slippage", "price"),
    # The feed's high is the open, so Backtrader's default ends the slippage there; with slip_out it is paid.
    [({"perc": 0.01, "slip_out": True}, 101), ({"fixed": 1.0, "slip_out": True}, 101), ({"perc": 0.0}, 100)],
)
def test_slippage_set_in_a_plain_broker_is_seen(slippage: dict[str, Any], price: float) -> None:
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(feed([100, 100, 100], [100, 100, 100]))
    cerebro.addstrategy(Scripted, path=(1, 1))
    cerebro.broker.setcash(1010.0)
    setter = "set_slippage_fixed" if "fixed" in slippage else "set_slippage_perc"
    getattr(cerebro.broker, setter)(**slippage)
    [strategy] = cerebro.run()
    assert executed(strategy) == [(pytest.approx(1010 / price, rel=1e-11), price)]


def test_within_the_band_a_position_is_left_alone() -> None:
    # Half of 1000 at 100: 5 shares, 500 cash. At 110 they are 550 of 1050 = 0.524, within 0.05 of 0.5;
    # at 150: 750 of 1250 = 0.6, which is not: 0.5 * 1250 / 150 = 4.1667 shares are wanted, 0.8333 are sold.
    strategy = run([100, 100, 110, 150, 150], [0.5] * 5)
    assert executed(strategy) == [(5, 100), (pytest.approx(-5 / 6), 150)]


def test_a_target_of_zero_closes_whatever_the_band() -> None:
    strategy = run([100, 100, 100, 100], [0.3, 0, 0], band=0.5)
    assert executed(strategy) == []  # 0.3 is within 0.5 of nothing
    strategy = run([100, 100, 100, 100], [0.6, 0, 0], band=0.5)
    assert executed(strategy) == [(6, 100), (-6, 100)]
    assert strategy.position.size == 0.0  # and not 1e-17


def test_all_in_without_a_band_trades_once() -> None:
    opens = list(100 * np.exp(np.random.default_rng(1).normal(0, 0.05, 200)))
    assert len(executed(run(opens, [1.0] * 200, band=0.0))) == 1


def test_nan_is_flat() -> None:
    strategy = run([100] * 4, [1, float("nan"), 1])
    assert [size for size, _ in executed(strategy)] == [pytest.approx(s) for s in (10, -10, 10)]


@pytest.mark.parametrize(
    ("opens", "path", "shares"),
    [
        ([100, 100, 100], [1, 1], [10]),  # exactly 10 are affordable: rounding must not make them 9
        ([100, 300, 300], [1, 1], [3]),  # 3.33
        ([100, 300, 300], [-1, -1], [-3]),  # towards flat
        ([100, 100, 150, 150], [0.55, 0.3, 0.3], [5, -3]),  # 1250 * 0.3 / 150 = 2.5: 2 stay
        ([100, 300, 300, 300], [-1, 1, 1], [-3, 3, 3]),  # bought back, then 1000 pays for 3
    ],
)
def test_whole_shares(opens: list[float], path: list[float], shares: list[float]) -> None:
    assert [size for size, _ in executed(run(opens, path, fractional=False))] == shares


@given(cash=st.integers(100, 10_000), price=st.integers(1, 100), cents=st.integers(0, 100))
def test_whole_shares_are_the_most_that_can_be_paid(cash: int, price: int, cents: int) -> None:
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(feed([price] * 3, [price] * 3))
    cerebro.addstrategy(Scripted, path=(1, 1), fractional=False)
    cerebro.broker.setcash(cash)
    cerebro.broker.setcommission(commission=cents / 10_000)
    [strategy] = cerebro.run()
    assert {order.getstatusname() for order in strategy.seen} <= {"Completed"}
    # Whole-number arithmetic: n shares cost n * price * (10000 + cents) / 10000. An exact tie may lose a share.
    affordable = cash * 10_000 // (price * (10_000 + cents))
    tie = cents > 0 and cash * 10_000 % (price * (10_000 + cents)) == 0
    assert affordable - tie <= strategy.position.size <= affordable


@pytest.mark.parametrize("wrong", [1.5, -1.01, float("inf"), None, "all"])
def test_an_impossible_exposure_names_strategy_bar_and_value(wrong: object) -> None:
    with pytest.raises(StrategyError, match=r"Scripted: .* gave .* at 2020-01-02; expected a number from -1"):
        run([100] * 4, [0, wrong, 0])


def test_rounding_above_one_is_one() -> None:
    assert executed(run([100] * 3, [1 + 1e-12, 1])) == [(pytest.approx(10), 100)]


def test_an_account_lost_over_night_is_an_error() -> None:
    # Short 10 shares with 2000 cash; at 250 they cost 2500 to buy back.
    with pytest.raises(StrategyError, match=r"worth -500\.00 at the open of 2020-01-03"):
        run([100, 100, 250], [-1, -1, -1])


def test_without_cheat_on_open_it_says_what_to_write() -> None:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(feed([100] * 3, [100] * 3))
    cerebro.addstrategy(BuyAndHold)
    with pytest.raises(StrategyError, match=r"write bt\.Cerebro\(cheat_on_open=True\)"):
        cerebro.run()


def test_a_faster_second_feed_neither_repeats_decisions_nor_trades_an_old_open() -> None:
    # 2020-01-01 is a Wednesday; weeks end on Sundays, from the 5th, and their open is that of their Monday.
    opens = [100.0 + day for day in range(33)]
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.resampledata(feed(opens, opens), timeframe=bt.TimeFrame.Weeks)  # the first feed, the traded one
    cerebro.adddata(feed(opens, opens))
    cerebro.addstrategy(Scripted, path=(0.5, 1, 0))
    [strategy] = cerebro.run()
    assert strategy.asked == [1, 2, 3, 4, 5]
    mondays = [105, 112, 119]  # opens of the 6th, 13th and 20th
    assert [price for _, price in executed(strategy)] == pytest.approx(mondays)


# --- ForecastStrategy ---------------------------------------------------------------------------------------


class Echo(bt.Indicator):
    """Stands in for LSTMForecast: its forecast is the close of the bar."""

    lines = LINES
    params = (("lookback", 60),)

    def __init__(self) -> None:
        self.lines.forecast = self.data.close * 1.0
        self.lines.spread = self.data.close * 0.0


def test_forecast_strategy_hands_the_forecast_section_to_the_indicator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstmstrat.trading.strategy.LSTMForecast", Echo)
    seen: list[tuple[float, float]] = []

    class Probe(ForecastStrategy):
        def target_exposure(self) -> float:
            seen.append((self.forecast[0], self.spread[0]))
            return 0.0

    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(feed([1, 2, 3], [1, 2, 3]))
    cerebro.addstrategy(Probe, forecast={"lookback": 7})
    [strategy] = cerebro.run()
    assert strategy.model.p.lookback == 7
    assert seen == [(1, 0), (2, 0), (3, 0)]


# --- load_strategy ------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a package `mine_x` in it, and not on sys.path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_x").mkdir()
    (tmp_path / "mine_x" / "__init__.py").write_text("")
    (tmp_path / "mine_x" / "good.py").write_text(
        "import backtrader as bt\n"
        "from lstmstrat import ForecastStrategy\n"
        "class Plain(bt.Strategy): pass\n"
        "class Silent(ForecastStrategy): pass\n"
        "number = 3\n"
    )
    (tmp_path / "mine_x" / "broken.py").write_text("import backtrader\n\nimport no_such_library\n")
    (tmp_path / "mine_x" / "typo.py").write_text("class A(:\n")
    yield tmp_path
    for name in [n for n in sys.modules if n.split(".")[0] == "mine_x"]:
        del sys.modules[name]


def test_it_loads_from_the_current_directory_and_leaves_sys_path(folder: Path) -> None:
    before = list(sys.path)
    assert load_strategy("mine_x.good:Plain").__name__ == "Plain"
    assert sys.path == before
    assert str(folder) not in sys.path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("mine_x.good", r"'mine_x\.good' is not module:Class; expected such as strategies\.long_flat:LongFlat"),
        (":Plain", "is not module:Class"),
        ("mine_x.goood:Plain", r"no module mine_x\.goood; did you mean 'mine_x\.good'\?"),
        ("mine_y.good:Plain", r"no module mine_y; did you mean 'mine_x'\?"),
        ("mine_x.good.deep:Plain", r"no module mine_x\.good\.deep$"),
        ("mine_x.broken:A", r"mine_x\.broken cannot be imported: .*No module named 'no_such_library'.*line 3"),
        ("mine_x.typo:A", r"(?s)mine_x\.typo cannot be imported: .*line 1.*SyntaxError"),
        ("mine_x.good:Plan", r"mine_x\.good has no Plan; did you mean 'Plain'\?"),
        ("mine_x.good:number", "is not a Backtrader strategy"),
        ("mine_x.good:Silent", r"define target_exposure\(self\)"),
        ("lstmstrat.trading.strategy:ForecastStrategy", r"define target_exposure\(self\)"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_loaded_says_why(path: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        load_strategy(path)


# --- check_params -------------------------------------------------------------------------------------------


class Many(ExposureStrategy):
    params = (("ratio", 0.5), ("period", 20), ("short", False), ("kind", "sma"), ("when", None), ("sizes", (1, 2)))


class Bounded(ExposureStrategy):
    params = (("period", 10), ("share", 0.5))
    bounds = (("period", 1, 5_000), ("share", 0.0, 1.0))


class Narrower(Bounded):
    bounds = (("period", 5, 20),)


@pytest.mark.parametrize(
    ("cls", "params", "mistakes"),
    [
        (Bounded, {"period": 1, "share": 1.0}, []),
        (Bounded, {"period": 0}, ["period: 0 given, expected from 1 to 5,000"]),
        (Bounded, {"share": -0.1, "period": 2}, ["share: -0.1 given, expected from 0.0 to 1.0"]),
        (Bounded, {"band": 2.0}, ["band: 2.0 given, expected from 0.0 to 1.0"]),
        (Narrower, {"period": 4, "share": 0.5}, ["period: 4 given, expected from 5 to 20"]),
    ],
)
def test_a_class_says_what_its_parameters_may_be(cls: type, params: dict[str, Any], mistakes: list[str]) -> None:
    assert check_params(cls, params) == mistakes


def test_right_params_have_no_mistakes() -> None:
    given_ = {"ratio": 1, "period": 3, "short": True, "kind": "ema", "when": dt.date(2020, 1, 1), "sizes": [3]}
    assert check_params(Many, given_ | {"band": 0.1}) == []


def test_every_wrong_param_is_named_at_once() -> None:
    wrong = {
        "ratio": "1e-3",
        "period": 2.5,
        "short": 1,
        "kind": 3,
        "sizes": 3,
        "band": True,
        "perod": 3,
        "fractional": True,
    }
    assert check_params(Many, wrong) == [
        "ratio: '1e-3' given, expected a number, such as 0.001",
        "period: 2.5 given, expected a whole number, such as 20",
        "short: 1 given, expected true or false, such as False",
        "kind: 3 given, expected text, such as 'sma'",
        "sizes: 3 given, expected tuple, such as (1, 2)",
        "band: True given, expected a number, such as 0.05",
        "perod: unknown parameter; did you mean 'period'?",
        "fractional: set by fractional: in the broker: section; remove it here",
    ]


def test_a_plain_strategy_without_params_says_so() -> None:
    assert check_params(bt.Strategy, {"x": 1}) == ["x: unknown parameter; there are none"]
