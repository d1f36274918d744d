"""The contract of an indicator that learns, C20 to C30: at home in whatever people do with an indicator."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.market import SMALL, alone, market
from helpers.processor import processor_seconds
from helpers.recorder import FIRST, FRAME, Lines, recorded

from lstmstrat import (
    BrokerConfig,
    BuyAndHold,
    ConfigError,
    ForecastConfig,
    ForecastStrategy,
    LSTMForecast,
    StrategyError,
    plot,
)
from lstmstrat.evaluation.metrics import cagr, performance
from lstmstrat.forecasting.session import current
from lstmstrat.results.account import Account
from lstmstrat.study import checks
from lstmstrat.trading.simulation import simulate

modes = pytest.mark.parametrize("runonce", [True, False])
PRICES = market(160)


def engine(**options: Any) -> Any:
    cerebro = bt.Cerebro(**{"stdstats": False, **options})
    cerebro.adddata(bt.feeds.PandasData(dataname=FRAME))
    return cerebro


def test_c20_a_number_in_place_of_the_data_is_refused_at_once() -> None:
    """Backtrader turns a number into an endless line of itself, on which `once` would never end."""

    def refused() -> None:
        with pytest.raises(TypeError, match="needs data first, then parameters by name"):
            recorded(lambda _: {"f": LSTMForecast(60)})

    assert processor_seconds(refused) < 1.0


def test_c21_an_unknown_or_wrong_parameter_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match="no parameter 'lookbak'; did you mean 'lookback'"):
        recorded(lambda s: {"f": LSTMForecast(s.data, lookbak=60)})
    with pytest.raises(ConfigError, match="lookback: 0 given, expected greater than or equal to 1"):
        recorded(lambda s: {"f": LSTMForecast(s.data, **{**SMALL, "lookback": 0})})
    with pytest.raises(ConfigError, match=r"refit_every: 'monthly' given, expected .*; did you mean 'month'"):
        recorded(lambda s: {"f": LSTMForecast(s.data, **{**SMALL, "refit_every": "monthly"})})


def test_c22_no_parameter_is_taken_away_by_backtrader_and_no_default_can_be_changed() -> None:
    """Backtrader takes what plotinfo knows, and some words of its own, before parameters are looked at."""
    taken = {*bt.Indicator.plotinfo._getkeys(), *LSTMForecast.plotinfo._getkeys(), "cls", "_obj", "_ownerskip"}
    assert not taken & set(LSTMForecast.params._getkeys())
    for _, value in LSTMForecast.params._getitems():
        hash(value)  # a list or dict would be shared by all instances


@modes
def test_c23_it_can_be_computed_with_and_bound_to_a_line(runonce: bool) -> None:
    """EMA(3) by its definition: the mean of three values first, then e += (x - e) / 2."""

    class Bound(bt.Indicator):
        lines = ("x", "twice")

        def __init__(self) -> None:
            self.lines.x = LSTMForecast(self.data, **SMALL)
            self.lines.twice = 2.0 * LSTMForecast(self.data, **SMALL)

    def build(strategy: Any) -> Lines:
        f = LSTMForecast(strategy.data, **SMALL)
        ema = bt.ind.EMA(f.forecast, period=3)
        return {"f": f, "twice": f * 2.0, "positive": f > 0.0, "ema": ema, "bound": Bound(strategy.data)}

    run = recorded(build, runonce=runonce)
    f = run.lines()[FIRST:, 0]
    ema = [f[:3].mean()]
    for value in f[3:]:
        ema.append(ema[-1] + (value - ema[-1]) / 2.0)
    assert run.strategy.begun == FIRST + 2
    assert np.array_equal(run.lines("twice")[FIRST:, 0], 2.0 * f)
    assert np.array_equal(run.lines("positive")[FIRST:, 0], f > 0.0)
    assert np.array_equal(run.lines("bound")[FIRST:], np.column_stack([f, 2.0 * f]))
    np.testing.assert_allclose(run.lines("ema")[FIRST + 2 :, 0], ema, rtol=1e-12)


@modes
def test_c23_it_works_through_addindicator_and_as_a_signal_that_is_traded(runonce: bool) -> None:
    cerebro = engine(runonce=runonce)
    cerebro.addindicator(LSTMForecast, **SMALL)
    cerebro.add_signal(bt.SIGNAL_LONGSHORT, LSTMForecast, **SMALL)
    with alone().active() as session:
        strategy = cerebro.run()[0]
    added, signal = (i.forecast.array for i in strategy.getindicators() if isinstance(i, LSTMForecast))
    assert added.tobytes() == signal.tobytes()
    assert session.fitted == 8  # refits at 64, 77, ... 155: the second indicator finds what the first has fitted
    assert strategy.broker.orders


@pytest.mark.parametrize("mode", [{}, {"runonce": False}, {"exactbars": 1}], ids=str)
def test_c24_every_value_is_a_python_float(mode: dict[str, Any]) -> None:
    run = recorded(**mode)
    assert {type(value) for shown in run.strategy.seen["f"].values() for value in shown} == {float}


def test_c25_a_plot_needs_no_screen_and_has_dates_and_a_short_legend(tmp_path: Path) -> None:
    import matplotlib.pyplot

    cerebro = engine()
    cerebro.addindicator(LSTMForecast, **SMALL)
    with pytest.raises(ValueError, match=r"call cerebro\.run\(\) first"):
        plot(cerebro)
    cerebro.run()
    before = matplotlib.get_backend()
    (figure,) = plot(cerebro, width=8.0, height=6.0, style="candle", volume=False)
    assert matplotlib.get_backend() == before
    assert bt.plot.Plot().p.scheme.style == "line"  # what Backtrader's own plots begin with
    assert not matplotlib.pyplot.get_fignums()
    figure.savefig(tmp_path / "run.png", dpi=50)
    assert (tmp_path / "run.png").read_bytes()[:4] == b"\x89PNG"
    legends = [text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().texts]
    (label,) = [text for text in legends if "LSTMForecast" in text]
    assert label.split("\n")[0] == "LSTMForecast (5, 60, 13)"
    shown = [tick.get_text() for tick in figure.axes[-1].get_xticklabels() if tick.get_visible()]
    assert any(text.startswith("2020-") for text in shown)


def test_c25_it_is_said_what_a_plot_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r'pip install "lstmstrat\[plot\]"'):
        plot(engine())


def test_an_indicator_and_its_walk_say_what_they_are() -> None:
    run = recorded()
    model = next(i for i in run.strategy.getindicators() if isinstance(i, LSTMForecast))
    bars, folds = len(run.strategy.data.close.array), len(model.walk_forward.folds)
    walk = f"<WalkForward of lstm, refit every 13: {bars} bars, {folds} folds>"
    assert repr(model.walk_forward) == walk
    assert repr(model) == f"<LSTMForecast of lstm: {walk}>"


def test_c25_a_run_that_kept_no_bars_has_nothing_to_plot() -> None:
    cerebro = engine(exactbars=1)
    cerebro.addstrategy(bt.Strategy)
    cerebro.run()
    with pytest.raises(ValueError, match="without exactbars=1"):
        plot(cerebro)


def test_c25_after_optstrategy_it_is_said_how_to_plot() -> None:
    """It was the AttributeError of Backtrader, whose results have no bars."""
    with pytest.raises(ValueError, match="after optstrategy") as caught:
        plot(after_optstrategy())
    (cure,) = re.findall(r"bt\.Cerebro\((\w+)=False\)", str(caught.value))
    assert len(plot(after_optstrategy(**{cure: False}))) == 2  # one for each of the two strategies


def after_optstrategy(**options: bool) -> bt.Cerebro:
    cerebro = engine(maxcpus=1, **options)
    cerebro.optstrategy(Threshold, threshold=[0.0, 0.1])
    cerebro.run()
    return cerebro


class Threshold(bt.Strategy):
    """At the top of a module, as only such classes can be sent to another process."""

    params = (("threshold", 0.0), ("members", 2))

    def __init__(self) -> None:
        self.model = LSTMForecast(self.data, **{**SMALL, "members": self.p.members})

    def next(self) -> None:
        wanted = 0.9 if self.model.forecast[0] > self.p.threshold else 0.0
        if wanted != (0.9 if self.position else 0.0):
            self.order_target_percent(target=wanted)


class Told(bt.Analyzer):
    """Account at the end, process, and networks trained by it so far."""

    def stop(self) -> None:
        value = self.strategy.broker.getvalue()
        self.rets = {"value": value, "process": os.getpid(), "trained": current().fitted}


def test_c26_what_travels_to_another_process_holds_no_network() -> None:
    cerebro = engine()
    cerebro.addstrategy(Threshold, members=10)
    strategy = cerebro.run()[0]
    assert len(strategy.model.walk_forward.folds) == 8
    sent = pickle.dumps(strategy)
    assert len(sent) < 1_000_000
    arrived = pickle.loads(sent).model
    assert not hasattr(arrived, "walk_forward")
    assert arrived.forecast.array.tobytes() == strategy.model.forecast.array.tobytes()
    assert arrived.quantile(0.05).array.tobytes() == strategy.model.quantile(0.05).array.tobytes()


def optimised(count: int, members: int = 2, **options: Any) -> list[Any]:
    """Analyzers of a run for each of `count` thresholds; `members` networks in each of 8 folds."""
    cerebro = engine(**options)
    cerebro.addanalyzer(Told, _name="told")
    cerebro.addanalyzer(bt.analyzers.SharpeRatio, timeframe=bt.TimeFrame.Days, _name="sharpe")
    cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="trades")
    cerebro.optstrategy(Threshold, threshold=[k / 1e4 for k in range(count)], members=members)
    return [run.analyzers for (run,) in cerebro.run()]


@pytest.fixture(scope="module")
def one_process() -> list[float]:
    with alone().active():
        return [found.told.get_analysis()["value"] for found in optimised(4, maxcpus=1)]


@pytest.mark.parametrize("optreturn", [True, False])
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_c26_optstrategy_works_with_any_way_to_start_processes(
    method: str, optreturn: bool, one_process: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bt.cerebro.multiprocessing, "Pool", multiprocessing.get_context(method).Pool)
    found = optimised(4, maxcpus=2, optreturn=optreturn)
    assert [analyzers.told.get_analysis()["value"] for analyzers in found] == one_process
    assert all("sharperatio" in analyzers.sharpe.get_analysis() for analyzers in found)


FORKED = """
import multiprocessing, sys, torch
sys.path[:0] = {path!r}
from test_contract_citizen import Threshold, engine, optimised
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    cerebro = engine()
    cerebro.addstrategy(Threshold)
    cerebro.run()
    wide = torch.rand(500, 500)
    (wide @ wide).sum().item()
    print(len(optimised(4, maxcpus=2)))
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_c27_a_fork_after_a_run_and_after_threads_of_torch_does_not_hang(tmp_path: Path) -> None:
    script = tmp_path / "forked.py"
    script.write_text(FORKED.format(path=sys.path))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60.0)
    assert (done.returncode, done.stdout) == (0, "4\n"), done.stderr


@pytest.mark.parametrize("maxcpus", [1, 2])
def test_c28_optimising_what_the_strategy_alone_uses_trains_each_network_once(
    maxcpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 members of 8 folds. Two processes that begin together are now and then at work on the same fold: each has
    up to four in hand, in an order of its own. So how many of 64 networks are made twice is up to chance, but the
    two share the work. (That their orders differ is a test of the trainer.)
    """
    monkeypatch.setattr(bt.cerebro.multiprocessing, "Pool", multiprocessing.get_context("spawn").Pool)
    told = [found.told.get_analysis() for found in optimised(10, members=8, maxcpus=maxcpus)]
    by_process = {t["process"]: max(u["trained"] for u in told if u["process"] == t["process"]) for t in told}
    trained = sum(by_process.values())
    assert trained == 64 if maxcpus == 1 else 64 <= trained < 128
    again = engine()
    again.addstrategy(Threshold, threshold=0.5, members=8)
    again.run()
    assert current().fitted == (64 if maxcpus == 1 else 0)


class AlwaysLong(ForecastStrategy):
    def target_exposure(self) -> float:
        return 1.0


COSTS = BrokerConfig(cash=50_000.0, commission=0.002, slippage=0.001)


def simulated(cls: type[Any], **options: Any) -> Account:
    forecast = ForecastConfig(**SMALL)
    named = {"start": FIRST, "name": cls.__name__}
    return simulate(PRICES, cls, {}, COSTS, session=alone(), forecast=forecast, **named, **options)


def test_c29_buy_and_hold_is_its_closed_form_and_so_is_who_is_always_long() -> None:
    """All cash buys size = cash / (open (1 + slippage) (1 + commission)) shares at the open after FIRST."""
    hold, long = simulated(BuyAndHold), simulated(AlwaysLong)
    assert hold.orders["status"].tolist() == ["Completed"]
    assert hold.orders["executed"].tolist() == [FRAME.index[FIRST + 1]]
    size = 50_000.0 / (FRAME["open"].iloc[FIRST + 1] * 1.001 * 1.002)
    np.testing.assert_allclose(hold.equity.iloc[1:], size * FRAME["close"].iloc[FIRST + 1 :], rtol=1e-9)
    np.testing.assert_allclose(hold.exposure.iloc[1:], 1.0, atol=1e-6)  # no cash is left
    np.testing.assert_allclose(long.equity, hold.equity, rtol=1e-9)


class TooMuch(bt.Strategy):
    def next(self) -> None:
        self.buy(size=1e9)


class Idle(bt.Strategy):
    pass


class NotANumber(bt.Strategy):
    def next(self) -> None:
        self.broker.add_cash(math.nan)


def test_c30_orders_rejected_or_never_given_are_flagged_and_nan_is_an_error() -> None:
    found = checks.check_orders([simulated(BuyAndHold), simulated(TooMuch), simulated(Idle)])
    assert found.status == checks.FAILED
    assert (
        found.detail == "the broker refused 95 of TooMuch; Idle never ordered anything"
    )  # from FIRST to the last but one bar
    with pytest.raises(StrategyError, match=r"NotANumber: at 2020-.* the account value is NaN"):
        simulated(NotANumber)


class BySign(ForecastStrategy):
    def target_exposure(self) -> float:
        return float(np.sign(self.forecast[0]))


def test_c30_the_metrics_are_those_of_the_equity_in_every_mode() -> None:
    """Sharpe, cagr and drawdown made again from equity.csv's column by their definitions."""
    runs = [simulated(BySign, runonce=runonce) for runonce in (True, False)]
    pd.testing.assert_series_equal(runs[0].equity, runs[1].equity, check_exact=True)
    run = runs[0]
    found = run.performance(252)
    assert found == performance(run.equity, run.exposure, run.orders, run.trades, float(run.traded.sum()), 252)
    value = run.equity.to_numpy()
    r = value[1:] / value[:-1] - 1.0
    assert found.sharpe == pytest.approx(r.mean() / r.std(ddof=1) * math.sqrt(252), rel=1e-12)
    assert found.total_return == pytest.approx(value[-1] / value[0] - 1.0, rel=1e-12)
    assert (run.equity.index[-1] - run.equity.index[0]).days < 365
    assert found.cagr is None  # which the same window on bars of four days has
    dates = pd.date_range("2020-01-01", periods=len(value), freq="4D")
    growth = cagr(run.equity.set_axis(dates))
    span = 4 * (len(value) - 1) / 365.25
    assert growth == pytest.approx((value[-1] / value[0]) ** (1 / span) - 1.0, rel=1e-12)
    assert found.max_drawdown == pytest.approx((value / np.maximum.accumulate(value) - 1.0).min(), rel=1e-12)
    assert found.trades == len(run.trades) == 3
    assert run.forecasts is not None


def test_the_quantiles_have_names_in_the_tables_of_backtrader(tmp_path: Path) -> None:
    """Without one, the columns of the broker would stand under other headings."""

    class Written(bt.Strategy):
        def __init__(self) -> None:
            self.model = LSTMForecast(self.data, **{**SMALL, "quantiles": (0.1, 0.9)})
            self.model.csv = True

    cerebro = engine()
    cerebro.addstrategy(Written)
    cerebro.addwriter(bt.WriterFile, out=str(tmp_path / "out.csv"), csv=True)
    [strategy] = cerebro.run()
    head, *rows = [line for line in (tmp_path / "out.csv").read_text().splitlines() if "," in line]
    assert "up,quantile_0.1,quantile_0.9" in head
    columns = head.split(",")
    last = dict(
        zip(columns, [row for row in rows if row.count(",") == len(columns) - 1][-1].split(","), strict=True)
    )
    assert float(last["quantile_0.9"]) == strategy.model.quantile(0.9)[0]
    assert "quantile_0.1" not in bt.ind.SMA.lines.getlinealiases()


def test_a_level_that_is_no_quantile_is_a_sentence() -> None:
    class Asks(bt.Strategy):
        def __init__(self) -> None:
            LSTMForecast(self.data, **SMALL).quantile(0.25)

    cerebro = engine()
    cerebro.addstrategy(Asks)
    with pytest.raises(
        ConfigError, match=r"quantile\(0\.25\) given, expected one of \(0\.05, 0\.5, 0\.95\); add it"
    ):
        cerebro.run()
