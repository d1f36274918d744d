"""`lstmstrat.judge`: a Cerebro of one's own and bare returns are trials too, and an edge needs the same proof."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

import lstmstrat
from lstmstrat import DataConfig, ForecastStrategy, LSTMForecast, Prices, load_prices
from lstmstrat.audit.finding import AuditResult, Finding
from lstmstrat.errors import DataError, StrategyError
from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.evaluation.verdict import AUDIT_PASSED, SUPPORTED, UNDECIDED, UNPROVEN
from lstmstrat.ledger import Ledger, ledger_path
from lstmstrat.results.assessment import FAILED, NOT_RUN, PASSED
from lstmstrat.study import outside
from lstmstrat.study.judge import NOT_AUDITED
from lstmstrat.study.ledger import read_trials

IBM = load_prices(DataConfig(symbol="IBM", start="2011-01-03"))


class Cross(bt.Strategy):
    params = (("period", 20),)

    def __init__(self) -> None:
        self.above = self.data.close > bt.indicators.SMA(self.data.close, period=self.p.period)

    def next(self) -> None:
        self.order_target_percent(target=0.9 if self.above[0] else 0.0)


class Tuesdays(bt.Strategy):
    """Holds from the open of Tuesday to that of Wednesday."""

    def next(self) -> None:
        self.order_target_percent(target=0.9 if self.data.datetime.date(0).weekday() == 0 else 0.0)


class Told(bt.Strategy):
    """Does what it is told, and else nothing."""

    hint = 0.0

    def next(self) -> None:
        self.order_target_percent(target=self.hint)


class Tells(bt.Analyzer):
    """Tells the strategy what to do."""

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        friday = self.strategy.data.datetime.date(0).weekday() == 4  # it comes after the strategy's own `next`
        self.strategy.hint = 0.9 if friday else 0.0


class ReadsALine(Told):
    """Reads it from a further line of its feed."""

    def next(self) -> None:
        self.hint = self.data.hint[0] if hasattr(self.data.lines, "hint") else 0.1
        super().next()


class Hinted(bt.feeds.PandasData):
    lines = ("hint",)
    params = (("hint", -1),)


class Patience(bt.Indicator):
    lines = ("nothing",)

    def __init__(self) -> None:
        self.addminperiod(5000)


class Late(bt.Strategy):
    """Needs more bars than there are."""

    def __init__(self) -> None:
        Patience(self.data)


class Deposits(Tuesdays):
    """Is paid a little every day."""

    def next(self) -> None:
        super().next()
        self.broker.add_cash(10.0)


class Forecasts(ForecastStrategy):
    def target_exposure(self) -> float:
        return 0.9 if self.data.datetime.date(0).weekday() == 0 else 0.0


def cerebro(cls: type[Any], prices: Prices = IBM, commission: float = 0.001, **options: Any) -> Any:
    made = bt.Cerebro(stdstats=False, **options)
    made.adddata(bt.feeds.PandasData(dataname=prices.frame), name=prices.symbol)
    if cls is not Cross:
        made.addstrategy(cls)
    made.broker.setcommission(commission)
    return made


def paid_on_tuesdays(bars: int = 700) -> Prices:
    """A random walk that rises by 1% more on each Tuesday: a true edge, whatever it may be called."""
    rng, days = np.random.default_rng(3), pd.bdate_range("2010-01-04", periods=bars)
    move = rng.normal(0.0, 0.006, bars) + np.where(days.day_of_week == 1, 0.008, -0.002)
    close = 100.0 * np.exp(np.cumsum(move))
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": np.full(bars, 1000.0)}
    return Prices("TUE", "csv", pd.DataFrame(columns, days), ())


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[dict[str, Any]]]:
    """Let every audit end with one finding of a status."""

    def answering(status: str) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []

        def audit(cls: type[Any], frame: pd.DataFrame, **options: Any) -> AuditResult:
            made.append({"cls": cls, "bars": len(frame), **options})
            return AuditResult((Finding("P2 suffix", cls.__name__, status, 12, (), "why"),), ())

        monkeypatch.setattr(outside, "audit", audit)
        return made

    return answering


def test_each_combination_of_an_optstrategy_is_a_trial_and_an_equal_one_is_none() -> None:
    several = cerebro(Cross)
    several.optstrategy(Cross, period=[10, 20, 50])
    found = lstmstrat.judge(several)
    assert list(found.by_strategy) == [f"Cross(period={k})" for k in (10, 20, 50)]
    assert found.trials.count == 3
    assert several.analyzers == []
    again = cerebro(Cross)
    again.addstrategy(Cross, period=50)
    assert lstmstrat.judge(again, name="another name").trials.count == 3
    kept = read_trials(Ledger(ledger_path()))
    assert [trial.symbol for trial in kept] == ["IBM"] * 3
    ratios = {judged.name: judged.sharpe for judged in found.strategies}
    assert {trial.strategy: trial.sharpe for trial in kept} == pytest.approx(ratios)


def test_the_ratio_is_that_of_backtraders_own_record() -> None:
    """The account value at each close, by an analyzer of Backtrader, from the first call of `next` on."""
    one = cerebro(Cross)
    one.addstrategy(Cross)
    found = lstmstrat.judge(one).strategies[0]
    plain = cerebro(Cross)
    plain.addstrategy(Cross)
    plain.addanalyzer(bt.analyzers.TimeReturn, timeframe=bt.TimeFrame.Days, _name="daily")
    daily = list(plain.run()[0].analyzers.daily.get_analysis().values())[20:]  # bar 20 decides, bar 21 may return
    assert found.sharpe == pytest.approx(sharpe(np.array(daily), 252), rel=1e-6)


def test_an_edge_of_a_cerebro_is_audited_and_the_audit_decides(answer: Callable[[str], list[Any]]) -> None:
    for status, verdict, outcome in (
        ("failed", UNPROVEN, FAILED),
        ("not assessed", UNPROVEN, NOT_RUN),
        ("passed", SUPPORTED, PASSED),
    ):
        made = answer(status)
        found = lstmstrat.judge(cerebro(Tuesdays, paid_on_tuesdays()))
        assert found.by_strategy == {"Tuesdays": verdict}
        assert {check.name: check.status for check in found.checks}["look-ahead audit"] == outcome
        (call,) = made
        assert (call["cls"], call["bars"]) == (Tuesdays, 700)
        other = bt.Cerebro()
        call["setup"](other)  # the audit trades at the same costs
        assert other.broker.comminfo[None].p.commission == 0.001
        assert other.broker.getcash() == 10_000.0


def test_a_price_that_cannot_be_true_voids_the_edge_until_it_is_accepted(answer: Callable[[str], Any]) -> None:
    """One high of 700 bars ten times too high changes no trade of a rule that knows the weekday alone."""
    answer("passed")
    frame = paid_on_tuesdays().frame.copy()
    frame.iloc[350, 1] *= 10.0
    wrong, day = Prices("TUE", "csv", frame, ()), str(frame.index[350].date())
    found = lstmstrat.judge(cerebro(Tuesdays, wrong))
    assert found.by_strategy == {"Tuesdays": UNPROVEN}
    said = f"a check that passed (prices: {day}: the high is 10 times the closes beside it)"
    assert found.strategies[0].missing == (said, f"{AUDIT_PASSED} ({NOT_AUDITED})")
    assert lstmstrat.judge(cerebro(Tuesdays, wrong), accepted=[day]).by_strategy == {"Tuesdays": SUPPORTED}
    with pytest.raises(lstmstrat.ConfigError, match="accepted"):
        lstmstrat.judge(cerebro(Tuesdays, wrong), accepted=["yesterday"])


def test_what_was_helped_is_not_proven_and_not_audited(answer: Callable[[str], list[Any]]) -> None:
    made = answer("passed")
    found = lstmstrat.judge(cerebro(Deposits, paid_on_tuesdays()))
    assert (found.by_strategy, made) == ({"Deposits": UNPROVEN}, [])
    assert "cash that was paid in" in found.strategies[0].missing[0]
    assert "failed: fills and cash" in str(found)


def test_costs_that_cannot_be_held_against_the_fills_leave_an_edge_unproven(answer: Callable[[str], Any]) -> None:
    answer("passed")
    per_order = cerebro(Tuesdays, paid_on_tuesdays())
    per_order.broker.setcommission(0.15, commtype=bt.CommInfoBase.COMM_FIXED, stocklike=True)
    found = lstmstrat.judge(per_order)
    assert found.by_strategy == {"Tuesdays": UNPROVEN}
    assert "its commission is no percentage" in found.strategies[0].missing[0]


def test_two_feeds_are_not_assessable(answer: Callable[[str], list[Any]]) -> None:
    made = answer("passed")
    two = cerebro(Tuesdays, paid_on_tuesdays())
    two.adddata(bt.feeds.PandasData(dataname=paid_on_tuesdays().frame), name="second")
    found = lstmstrat.judge(two)
    assert (found.by_strategy, made) == ({"Tuesdays": UNPROVEN}, [])
    assert "it has several feeds" in found.strategies[0].missing[0]


class BestOf(bt.Strategy):
    """Holds the feed with the higher score."""

    def __init__(self) -> None:
        settings = {"model": "ridge", "pool": "all", "relation": "rank", "least_assets": 2, "lookback": 5}
        self.models = {
            feed: LSTMForecast(feed, universe=self.datas, train_size=60, refit_every=60, **settings)
            for feed in self.datas
        }

    def next(self) -> None:
        scores = {feed: model.forecast[0] for feed, model in self.models.items()}
        best = max(
            (feed for feed, score in scores.items() if score == score), key=scores.__getitem__, default=None
        )
        for feed in self.datas:
            self.order_target_percent(feed, 0.9 if feed is best else 0.0)


def test_scores_of_a_universe_are_judged_by_what_was_traded_on_them() -> None:
    """It asked for data.universe, which a Cerebro has none of, and then ended in a traceback."""
    two = cerebro(BestOf, paid_on_tuesdays())
    two.adddata(bt.feeds.PandasData(dataname=paid_on_tuesdays().frame * 2.0), name="second")
    found = lstmstrat.judge(two)
    assert list(found.by_strategy) == ["BestOf"]
    assert found.strategies[0].sharpe is not None


def test_what_something_beside_the_class_decides_is_not_assessable(answer: Callable[[str], list[Any]]) -> None:
    made, prices = answer("passed"), paid_on_tuesdays()
    by_analyzer = cerebro(Told, prices)
    by_analyzer.addanalyzer(Tells)
    by_line = bt.Cerebro(stdstats=False)
    monday = pd.DatetimeIndex(prices.frame.index).day_of_week == 0
    by_line.adddata(Hinted(dataname=prices.frame.assign(hint=np.where(monday, 0.9, 0.0))), name="TUE")
    by_line.addstrategy(ReadsALine)
    by_line.broker.setcommission(0.001)
    for one in (by_analyzer, by_line):
        found = lstmstrat.judge(one)
        assert (list(found.by_strategy.values()), made) == ([UNPROVEN], [])
        assert "an analyzer, an observer or a line of the feed has a say" in found.strategies[0].missing[0]


def test_a_feed_without_volume_is_judged() -> None:
    frame = IBM.frame.drop(columns="volume")
    forex = bt.Cerebro(stdstats=False)
    forex.adddata(bt.feeds.PandasData(dataname=frame, volume=None), name="EURUSD")
    forex.addstrategy(Cross)
    found = lstmstrat.judge(forex)
    assert list(found.by_strategy) == ["Cross"]
    assert {check.name: check.status for check in found.checks}["stale prices"] == PASSED


@pytest.mark.parametrize("whole", [False, True])
def test_a_bar_without_a_price_is_named_and_not_the_account(whole: bool) -> None:
    frame = IBM.frame.copy()
    held = 100 + int(np.flatnonzero(frame.index[100:].day_of_week == 1)[0])  # a close at which it has a position
    frame.iloc[held, 0 if whole else 3 : 5 if whole else 4] = np.nan
    feed: Any = SimpleNamespace(frame=frame, symbol="IBM")
    day = str(frame.index[held].date())
    with pytest.raises(DataError, match=rf"the prices cannot be used\n  {day}: .*close") as caught:
        lstmstrat.judge(cerebro(Tuesdays, feed))
    assert "account" not in str(caught.value)


class Always(lstmstrat.ExposureStrategy):
    def target_exposure(self) -> float:
        return 0.9


@pytest.mark.parametrize("column", ["open", "close"])
def test_a_strategy_of_exposures_names_the_bar_too(column: str) -> None:
    """The value of its account is not a number at the open of this bar, or of the next."""
    frame = IBM.frame.copy()
    frame.loc[frame.index[100], column] = np.nan
    feed: Any = SimpleNamespace(frame=frame, symbol="IBM")
    said = f"Always: at the bar of {frame.index[100].date()}, IBM has nan as its {column}"
    with pytest.raises(StrategyError, match=said) as caught:
        lstmstrat.judge(cerebro(Always, feed, cheat_on_open=True))
    assert "expose less" not in str(caught.value)
    whole: Any = SimpleNamespace(frame=frame.dropna(), symbol="IBM")  # as it says
    assert lstmstrat.judge(cerebro(Always, whole, cheat_on_open=True)).by_strategy


@pytest.mark.parametrize("exactbars", [False, True, 1])
def test_a_volume_of_whole_numbers_is_one_whatever_backtrader_keeps(exactbars: bool) -> None:
    found = list[Any]()
    for kind in (float, int):
        feed: Any = SimpleNamespace(frame=IBM.frame.astype({"volume": kind}), symbol="IBM")
        judged = cerebro(Tuesdays, feed)
        judged.p.exactbars = exactbars
        found.append(lstmstrat.judge(judged).strategies[0].sharpe)
    assert found[0] == found[1]


def test_a_forecast_is_audited_with_a_small_network(answer: Callable[[str], list[Any]]) -> None:
    made = answer("passed")
    own = cerebro(Tuesdays, paid_on_tuesdays(), 0.0015, cheat_on_open=True)
    own.strats.clear()
    forecast = {"model": "ridge", "members": 1, "train_size": 90, "hidden_size": 64, "features": ["return_1"]}
    own.addstrategy(Forecasts, forecast=forecast)
    assert lstmstrat.judge(own).by_strategy == {"Forecasts": SUPPORTED}
    assert made[0]["params"]["forecast"]["hidden_size"] == 4
    assert made[0]["params"]["forecast"]["train_size"] == 90


def test_bare_returns_are_judged_and_never_an_edge() -> None:
    held = IBM.frame["close"].pct_change().dropna().rename("IBM")
    wonderful = (held + 0.005).rename("wonderful")
    found = lstmstrat.judge(wonderful, held)
    assert found.by_strategy == {"wonderful": UNPROVEN}
    assert "nobody saw the orders" in " ".join(found.strategies[0].missing)
    assert found.trials.count == 1
    assert lstmstrat.judge(held * 0.5, held, name="half").by_strategy == {"half": UNDECIDED}
    assert found.strategies[0].sharpe == pytest.approx(sharpe(wonderful.to_numpy(), 252))


def test_each_of_bare_returns_counts_and_those_of_a_run_have_the_ratio_of_the_run() -> None:
    """By numpy: mean / deviation * sqrt(252). A row of 0, the return of the bar before, is one return more."""
    held = IBM.frame["close"].pct_change().dropna().rename("IBM")
    own = (held * np.sin(np.arange(len(held)))).rename("own")
    own.iloc[0] = 0.5  # which the ratio shows
    for more in (0, 1):
        days = held.index.insert(0, pd.Timestamp("2011-01-03")) if more else held.index
        mine, asset = (series.reindex(days, fill_value=0.0) for series in (own, held))
        (found,) = lstmstrat.judge(mine, asset).strategies
        assert found.sharpe == pytest.approx(mine.mean() / mine.std() * 252**0.5, rel=1e-9)
        assert found.benchmark == pytest.approx(asset.mean() / asset.std() * 252**0.5, rel=1e-9)
    forecast = {"model": "ridge", "train_size": 250, "refit_every": 63}
    result = lstmstrat.run(
        {
            "data": {"symbol": "IBM"},
            "forecast": forecast,
            "strategies": [{"class": "strategies.long_flat:LongFlat"}],
        }
    )
    (found,) = lstmstrat.judge(*result.to_quantstats()).strategies
    ratios = result.metrics["sharpe"].to_list()  # of holding, then of the strategy
    assert [found.benchmark, found.sharpe] == pytest.approx(ratios, rel=1e-9)


@pytest.mark.parametrize(
    ("dates", "before"),
    [
        (pd.bdate_range("2024-01-08", periods=30), "2024-01-05"),  # a Monday: the Friday before
        (pd.bdate_range("2024-01-10", periods=30), "2024-01-09"),
        (pd.date_range("2024-01-06", periods=30), "2024-01-05"),  # all seven days
        (pd.date_range("2024-01-05", periods=9, freq="W-FRI"), "2023-12-29"),
        (pd.DatetimeIndex(["2024-01-08", "2024-01-09"]), "2024-01-07"),  # no other Monday: the usual distance
    ],
)
def test_bare_returns_begin_at_the_bar_before_the_first(dates: pd.DatetimeIndex, before: str) -> None:
    assert str(outside._bar_before(dates).date()) == before


def test_a_first_return_of_an_odd_size_is_not_a_fault_of_a_day_that_nobody_gave() -> None:
    held = IBM.frame["close"].pct_change().dropna().rename("IBM")
    held.iloc[0] = -0.9
    found = lstmstrat.judge(held * 0.5, held)
    assert {check.name: check.status for check in found.checks}["prices"] == PASSED


def test_what_cannot_be_judged_is_refused_with_the_cure() -> None:
    with pytest.raises(StrategyError, match=r"has no feed; call cerebro.adddata\(\)"):
        lstmstrat.judge(bt.Cerebro())
    two = cerebro(Tuesdays)
    two.addstrategy(Cross)
    with pytest.raises(StrategyError, match="2 strategies on one account, so none can be judged; give each"):
        lstmstrat.judge(two)
    used = cerebro(Cross)
    used.optstrategy(Cross, period=[10, 20])
    used.run(maxcpus=1)
    with pytest.raises(StrategyError, match="uses an optstrategy up; judge it before"):
        lstmstrat.judge(used)
    with pytest.raises(StrategyError, match=r"list given; expected a bt\.Cerebro, or a pandas Series"):
        lstmstrat.judge([0.1])
    with pytest.raises(StrategyError, match="need more bars than there are"):
        lstmstrat.judge(cerebro(Late))
    held = IBM.frame["close"].pct_change().dropna()
    with pytest.raises(DataError, match="on the same dates"):
        lstmstrat.judge(held)
    with pytest.raises(DataError, match="on the same dates"):
        lstmstrat.judge(held, held.iloc[1:])
    for bad in (np.nan, -1.5):
        with pytest.raises(DataError, match="a return that is missing, or -100% or less"):
            lstmstrat.judge(held.where(held.index != held.index[9], bad), held)


def test_limits_beyond_which_backtraders_broker_slips_leave_an_edge_unproven(answer: Callable[[str], Any]) -> None:
    answer("passed")
    slips = cerebro(Tuesdays, paid_on_tuesdays())
    slips.broker.set_slippage_perc(0.0001, slip_open=True, slip_out=True)
    found = lstmstrat.judge(slips)
    assert found.by_strategy == {"Tuesdays": UNPROVEN}
    assert "the slippage of Backtrader's own broker" in found.strategies[0].missing[-1]


def test_a_judgement_can_be_read_and_is_a_value() -> None:
    one = cerebro(Cross)
    one.addstrategy(Cross)
    found = lstmstrat.judge(one)
    assert str(found).splitlines()[0] == found.verdict
    assert "1 trial on these prices so far" in str(found)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.trials = None  # type: ignore[misc]
