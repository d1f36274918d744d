"""A run in the tables of other programs: pyfolio and TradingView."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.errors import ConfigError

MINUTES = "%Y-%m-%d %H:%M"


def positions(equity: pd.Series, exposure: pd.Series, symbol: str) -> pd.DataFrame:
    """The value of the position (column `symbol`) and of the ``cash`` at each close; their sum is equity."""
    value = equity * exposure
    return pd.DataFrame({asset(symbol): value, "cash": equity - value}).rename_axis("date")


def positions_of_many(equity: pd.Series, held: pd.DataFrame) -> pd.DataFrame:
    """The value of each asset (a column each) and of the ``cash`` at each close; their sum is equity."""
    values = held.rename(columns=asset)
    return values.assign(cash=equity - held.sum(axis=1)).rename_axis(index="date", columns=None)


def asset(symbol: str) -> str:
    """What the asset is called in these tables, where ``cash`` is what is not invested."""
    return "asset cash" if symbol == "cash" else symbol


def transactions(orders: pd.DataFrame, symbol: str) -> pd.DataFrame:
    """One row for each executed order, by the time of its fill: ``amount`` (signed shares), price and symbol.

    `symbol` is the asset of orders that do not name theirs.
    """
    done = orders[orders["executed"].notna()]
    sign = np.where(done["side"] == "buy", 1.0, -1.0)
    index = pd.DatetimeIndex(done["executed"], name="date")
    amount = sign * done["size"].abs().to_numpy()
    named = done["asset"].map(asset).to_numpy() if "asset" in done else asset(symbol)
    return pd.DataFrame({"amount": amount, "price": done["price"].to_numpy(), "symbol": named}, index)


def tradingview(trades: pd.DataFrame, prices: pd.DataFrame, cash: float, currency: str | None) -> pd.DataFrame:
    """The list of trades as TradingView exports it: two rows a trade, its exit before its entry, the newest first.

    Both rows have the profit of the trade, net of commission, the farthest that the trade was ahead and behind,
    and the profit of all trades up to it. A trade that is open has the last close in place of an exit, with the
    signal "Open". Where a trade was enlarged or reduced on its way, size is its largest and prices are averages,
    so that only its profit is exact.

    Parameters
    ----------
    trades
        Columns of `TRADES`, the oldest first.
    prices
        Bars of the traded window.
    cash
        At the begin, which cumulative percent are of.
    currency
        Part of the headings; None where it is not known.
    """
    unit = f" {currency}" if currency else ""
    total = trades["pnl"].cumsum().to_numpy()
    rows = [
        row
        for number, (trade, so_far) in enumerate(zip(trades.itertuples(), total, strict=True), 1)
        for row in _pair(number, trade, prices, float(so_far), cash)
    ]
    heads = [
        *("Trade #", "Type", "Date and time", "Signal", f"Price{unit}"),
        *("Position size (qty)", "Position size (value)"),
        *(f"Net P&L{unit}", "Net P&L %"),
        *(f"Favorable excursion{unit}", "Favorable excursion %"),
        *(f"Adverse excursion{unit}", "Adverse excursion %"),
        *(f"Cumulative P&L{unit}", "Cumulative P&L %"),
    ]
    return pd.DataFrame(rows, columns=heads).sort_values(
        "Trade #", ascending=False, kind="stable", ignore_index=True
    )


def _pair(number: int, trade: Any, prices: pd.DataFrame, so_far: float, cash: float) -> list[list[Any]]:
    """The row of the exit, then that of the entry."""
    open_ = pd.isna(trade.closed)
    last = prices.index[-1] if open_ else trade.closed
    at_end = float(prices["close"].iloc[-1]) if open_ else trade.exit_price
    value = trade.size * trade.entry_price
    ahead, behind = _excursions(trade, prices, last, at_end, open_)
    shared = [trade.size, value]
    for amount in (trade.pnl, ahead, behind):
        shared += [amount, 100.0 * amount / value]
    shared += [so_far, 100.0 * so_far / cash]
    return [
        [number, f"Exit {trade.side}", last.strftime(MINUTES), "Open" if open_ else "Exit", at_end, *shared],
        [number, f"Entry {trade.side}", trade.opened.strftime(MINUTES), "Entry", trade.entry_price, *shared],
    ]


def _excursions(
    trade: Any, prices: pd.DataFrame, last: pd.Timestamp, at_end: float, open_: bool
) -> tuple[float, float]:
    """The largest profit and the largest loss on the way, in money before costs, as 0 or more and 0 or less.

    The high and low of the bar of the exit are left out, because nobody knows which of them came before it.
    """
    held = prices[(prices.index >= trade.opened) & ((prices.index < last) | open_)]
    seen: Floats = np.concatenate([held["high"], held["low"], [trade.entry_price, at_end]])
    gains = (seen - trade.entry_price) * trade.size * (1.0 if trade.side == "long" else -1.0)
    return float(gains.max()), float(gains.min())


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its index.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    try:
        table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}; give another file") from None
