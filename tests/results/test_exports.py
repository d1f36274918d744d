"""A result in the tables of other programs, each held to figures from another place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.command import tiny

import lstmstrat
from lstmstrat import ConfigError, Ledger, Prices, Result, Session, Store, StrategyError
from lstmstrat.evaluation.metrics import Performance


class InAndOut(bt.Strategy):
    """Buys 100 at the second traded bar, sells 40 after three bars more, goes short, and is long at the end."""

    def __init__(self) -> None:
        self.bars = 0

    def next(self) -> None:
        self.bars += 1
        size = {1: 100, 4: -40, 8: -60, 12: -50, 16: 50, 20: 30}.get(self.bars, 0)
        if size > 0:
            self.buy(size=size)
        elif size:
            self.sell(size=-size)


class Never(bt.Strategy):
    def next(self) -> None:
        pass


BROKER = {"cash": 10_000.0, "commission": 0.001, "slippage": 0.0}


@pytest.fixture(scope="module")
def result() -> Iterator[Result]:
    with Session(Store(None), ledger=Ledger(None)) as session:
        strategies = [InAndOut, Never, *tiny()["strategies"]]
        yield lstmstrat.run(tiny(broker=BROKER), strategies=strategies, session=session)


def test_metrics_are_those_of_the_summary(result: Result) -> None:
    metrics, found = result.metrics, result.assessment
    assert list(metrics.index) == list(result.equity.columns)
    assert list(metrics.columns) == list(Performance.__dataclass_fields__)
    for name, own in [("buy_and_hold", found.benchmark), *((s.name, s.metrics) for s in found.strategies)]:
        for field, value in vars(own).items():
            cell = metrics.loc[name, field]
            assert np.isnan(cell) if value is None else cell == value
    assert metrics.dtypes["trades"].kind == "i"
    assert metrics.dtypes["sharpe"] == np.float64


def test_returns_are_simple_and_compound_to_the_equity(result: Result) -> None:
    assert list(result.returns.columns) == list(result.equity.columns)
    assert result.returns.index.equals(result.equity.index[1:])
    whole = (1.0 + result.returns).prod()
    pd.testing.assert_series_equal(whole, result.equity.iloc[-1] / result.equity.iloc[0], check_names=False)


def test_the_first_strategy_is_meant_where_none_is_named(result: Result) -> None:
    pd.testing.assert_frame_equal(result.transactions(), result.transactions("in_and_out"))
    with pytest.raises(StrategyError, match=r"'in_and_uot' given, .*; did you mean 'in_and_out'\?"):
        result.positions("in_and_uot")
    with pytest.raises(StrategyError, match="known: buy_and_hold, cross, in_and_out, long_flat, never"):
        result.to_quantstats("zzz")


def test_positions_are_shares_at_the_close_and_the_rest_in_cash(result: Result) -> None:
    """By hand: the shares of the orders so far, times the close; cash less what was paid, with 0.1 % of it."""
    positions, fills = result.positions(), result.transactions()
    assert list(positions.columns) == ["AAPL", "cash"]
    shares = fills["amount"].reindex(result.prices.index, fill_value=0.0).cumsum()
    paid = (fills["amount"] * fills["price"] + 0.001 * (fills["amount"] * fills["price"]).abs()).reindex(
        result.prices.index, fill_value=0.0
    )
    np.testing.assert_allclose(positions["AAPL"], shares * result.prices["close"], rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(positions["cash"], 10_000.0 - paid.cumsum(), rtol=1e-9)
    np.testing.assert_allclose(positions.sum(axis=1), result.equity["in_and_out"], rtol=1e-12)


def test_transactions_are_the_orders_at_the_next_open(result: Result) -> None:
    fills = result.transactions()
    assert fills["amount"].tolist() == [100.0, -40.0, -60.0, -50.0, 50.0, 30.0]
    assert set(fills["symbol"]) == {"AAPL"}
    np.testing.assert_array_equal(fills["price"], result.prices["open"].loc[fills.index])
    # next is called at the close of the first traded bar, so the first order is filled one bar later.
    assert [result.prices.index.get_loc(day) for day in fills.index] == [1, 4, 8, 12, 16, 20]


def test_tradingview_has_two_rows_a_trade_the_newest_first(result: Result, tmp_path: Path) -> None:
    table = result.to_tradingview(path=tmp_path / "trades.csv")
    assert list(table.columns) == [
        *("Trade #", "Type", "Date and time", "Signal", "Price", "Position size (qty)", "Position size (value)"),
        *("Net P&L", "Net P&L %", "Favorable excursion", "Favorable excursion %"),
        *("Adverse excursion", "Adverse excursion %", "Cumulative P&L", "Cumulative P&L %"),
    ]
    assert table["Trade #"].tolist() == [3, 3, 2, 2, 1, 1]
    assert table["Type"].tolist() == [
        *("Exit long", "Entry long"),
        *("Exit short", "Entry short"),
        *("Exit long", "Entry long"),
    ]
    assert table["Signal"].tolist() == ["Open", "Entry", "Exit", "Entry", "Exit", "Entry"]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "trades.csv"), table, check_exact=True)


def test_the_figures_of_tradingview_are_worked_by_hand(result: Result) -> None:
    table, bars = result.to_tradingview(), result.prices
    short, first = table[table["Trade #"] == 2].iloc[0], table[table["Trade #"] == 1].iloc[0]
    sold, bought = bars["open"].iloc[12], bars["open"].iloc[16]
    assert short["Price"] == bought
    profit = 50 * (sold - bought) - 0.001 * 50 * (sold + bought)
    assert short["Net P&L"] == pytest.approx(profit)
    assert short["Net P&L %"] == pytest.approx(100 * profit / (50 * sold))
    assert short["Favorable excursion"] == pytest.approx(50 * max(0.0, sold - min(bars["low"].iloc[12:16])))
    highest = max(bars["high"].iloc[12:16].max(), bought)
    assert short["Adverse excursion"] == pytest.approx(-50 * max(0.0, highest - sold))
    assert short["Cumulative P&L"] == pytest.approx(first["Net P&L"] + profit)
    assert short["Cumulative P&L %"] == pytest.approx((first["Net P&L"] + profit) / 100.0)
    assert short["Date and time"] == f"{bars.index[16]:%Y-%m-%d %H:%M}"
    last = table.iloc[0]
    assert (last["Price"], last["Date and time"]) == (bars["close"].iloc[-1], f"{bars.index[-1]:%Y-%m-%d %H:%M}")
    # All trades, the open one at its last close, are all that the account has gained.
    assert last["Cumulative P&L"] == pytest.approx(result.equity["in_and_out"].iloc[-1] - 10_000.0)


def test_a_known_currency_stands_in_the_headings(result: Result) -> None:
    data = replace(result.assessment.data, currency="USD")
    named = replace(result, assessment=replace(result.assessment, data=data)).to_tradingview()
    assert {"Price USD", "Net P&L USD", "Cumulative P&L USD"} <= set(named.columns)


def test_a_strategy_that_never_trades_has_empty_tables(result: Result, tmp_path: Path) -> None:
    assert result.transactions("never").empty
    assert (result.positions("never")["cash"] == 10_000.0).all()
    assert result.to_tradingview("never", tmp_path / "none.csv").empty
    assert (tmp_path / "none.csv").read_text().startswith("Trade #,Type,Date and time,Signal,Price,")
    assert (result.to_quantstats("never")[0] == 0.0).all()


def test_a_file_that_cannot_be_written_is_a_sentence(result: Result, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*none/trades\.csv: .*; give another file"):
        result.to_tradingview(path=tmp_path / "none" / "trades.csv")


@pytest.mark.parametrize("strategy", ["in_and_out", "long_flat", "cross", "buy_and_hold"])
def test_quantstats_takes_them_and_finds_the_same(result: Result, strategy: str) -> None:
    """Where it defines a figure as we do: not the yearly growth, which it counts by bars and we by dates."""
    import quantstats as qs

    returns, benchmark = result.to_quantstats(strategy)
    assert (returns.name, benchmark.name) == (strategy, "AAPL")
    own, periods = result.metrics.loc[strategy], result.assessment.period.periods_per_year
    assert periods == 252.0  # what it takes by itself
    figures: dict[str, Any] = {
        "total_return": qs.stats.comp(returns),
        "sharpe": qs.stats.sharpe(returns),
        "sortino": qs.stats.sortino(returns),
        "annual_volatility": qs.stats.volatility(returns),
        "max_drawdown": qs.stats.max_drawdown(returns),
    }
    for name, figure in figures.items():
        assert float(figure) == pytest.approx(own[name], rel=1e-9), name
    assert qs.stats.r_squared(benchmark, benchmark) == pytest.approx(1.0)


@pytest.mark.filterwarnings("ignore")  # of its own use of pandas and seaborn
def test_quantstats_writes_its_page_of_them(result: Result, tmp_path: Path) -> None:
    import quantstats as qs

    page = tmp_path / "tearsheet.html"
    qs.reports.html(*result.to_quantstats("long_flat"), output=str(page))
    assert "Sharpe" in page.read_text()


def test_quantstats_is_not_imported_for_it() -> None:
    script = "import lstmstrat.results.result, sys; print('quantstats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_asset_that_is_called_cash_is_not_the_cash(result: Result) -> None:
    data = replace(result.assessment.data, symbol="cash")
    named = replace(result, assessment=replace(result.assessment, data=data))
    assert list(named.positions().columns) == ["asset cash", "cash"]
    np.testing.assert_array_equal(named.positions().to_numpy(), result.positions().to_numpy())
    assert set(named.transactions()["symbol"]) == {"asset cash"}


def test_a_lost_account_has_no_returns_after_it(result: Result) -> None:
    equity = result.equity.copy()
    equity.iloc[10:, 1] = -5.0
    lost = replace(result, equity=equity)
    assert lost.returns.iloc[9, 1] < -1.0
    assert lost.returns.iloc[10:, 1].isna().all()


def test_bars_of_an_hour_keep_their_time() -> None:
    rng = np.random.default_rng(1)
    index = pd.date_range("2020-01-01", periods=400, freq="h")
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 400)))
    frame = pd.DataFrame({"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}, index)
    with Session(Store(None), ledger=Ledger(None)) as session:
        found = lstmstrat.run(
            {"forecast": tiny()["forecast"], "strategies": [InAndOut]},
            prices=Prices.from_frame(frame, "COIN"),
            session=session,
        )
    times = found.to_tradingview()["Date and time"]
    assert all(pd.Timestamp(time) in found.prices.index for time in times)
    assert len(set(found.transactions().index.hour)) > 1
