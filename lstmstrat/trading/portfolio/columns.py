"""`simulate`: the account of a portfolio, session by session over all assets at once.

It is what Backtrader does with these orders, and the tests hold it to that; Backtrader itself takes half a minute
for a hundred assets, and goes by the clock of the first.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools, Floats, Indexes, Times
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.errors import StrategyError, amount
from lstmstrat.prices.bars import CLOSE, OPEN, VOLUME
from lstmstrat.prices.panel import RESTS, days_of_sessions
from lstmstrat.trading.portfolio.orders import fill_prices, order_sizes
from lstmstrat.trading.sizing import TOLERANCE

TARGET, ENDED, QUARANTINED = "target", "ended", "quarantined"  # why an order was made
ORDERS: dict[str, Any] = {
    "session": int,  # number of the session whose open, or for a closed series last close, is traded
    "asset": int,  # its column
    "size": float,  # negative: a sale
    "price": float,
    "commission": float,
    "reason": object,
}


class Fills(NamedTuple):
    """The orders of one session for one reason, all filled."""

    session: int
    reason: str
    assets: Indexes  # (k,) their columns
    sizes: Floats  # (k,)
    prices: Floats  # (k,)


@dataclass(frozen=True, eq=False)
class PortfolioAccount:
    """An account with many assets, at the close of each session."""

    times: Times  # (D,)
    equity: Floats  # (D,)
    cash: Floats  # (D,) with the proceeds of short sales
    shares: Floats  # (D, N)
    long: Floats  # (D,) value of what is held long, as a share of the equity
    short: Floats  # (D,) of what is held short; 0 or above
    traded: Floats  # (D,) sum of |size * fill price|
    orders: pd.DataFrame  # columns of ORDERS; all were filled
    ended: int  # positions closed at the last close of a series that has no bar any more
    quarantined: int  # positions closed at the last close before a bar that must not be used

    @property
    def gross(self) -> Floats:
        """Exposure, long and short added up; (D,)."""
        return self.long + self.short

    @property
    def net(self) -> Floats:
        """Long exposure less short exposure; (D,)."""
        return self.long - self.short


def simulate(
    times: Times, bars: Floats, targets: Floats, broker: BrokerConfig, *, band: float = 0.0
) -> PortfolioAccount:
    """The account that trades the targets of each close at the next open.

    Costs are those of `simulation.py`: slippage at its full rate, commission on the traded value, no interest, and
    the proceeds of a short sale are cash. `order_sizes` says how much is ordered. An asset without a bar at a
    session is not traded there, and keeps its position at its last close.

    A position in an asset whose next bar must not be used, or that has no bar any more, is closed at its last
    close, with costs, in the session after it, before anything else is traded. That a series has ended and does
    not only pause is known from the bars to come: a real account would have waited. One whose last bar is at most
    `RESTS` days of sessions before the end may only pause, and is kept.

    Parameters
    ----------
    times
        (D,) the sessions.
    bars
        (D, N, 5) open, high, low, close, volume. Five times NaN: the asset has no bar. NaN in a price, with
        anything else in the row: it has a bar that must not be used.
    targets
        (D, N) weights decided at each close, as shares of the account, negative for short. A row of NaN: nothing
        is traded at the next open.
    band
        How close to its target the weight of a holding is left alone, see `order_sizes`.

    Raises
    ------
    StrategyError
        A row of targets is NaN in part, or its long side is above the account; a price is not above 0; the account
        is worth nothing at an open or a close.

    Examples
    --------
    1,000 are put into an asset at 10, and half of it is sold at 20:

    >>> bars = np.array([[[10.0, 10.0, 10.0, 10.0, 1.0]], [[10.0, 20.0, 10.0, 20.0, 1.0]], [[20.0] * 4 + [1.0]]])
    >>> times = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[ns]")
    >>> broker = BrokerConfig(cash=1000.0, commission=0.0, slippage=0.0)
    >>> account = simulate(times, bars, np.array([[1.0], [0.5], [0.5]]), broker)
    >>> account.equity.round(6).tolist(), account.shares[:, 0].round(6).tolist()
    ([1000.0, 2000.0, 2000.0], [0.0, 100.0, 50.0])
    """
    market = _Market.of(times, bars)
    decided = _decided(targets, times)
    books = _Books(market, broker, band)
    for t in range(len(times)):
        if t:
            books.close_finished(t)
        if t and decided[t - 1]:
            books.trade(t, targets[t - 1])
        books.note(t)
    return books.account()


@dataclass(frozen=True, eq=False)
class _Market:
    """The bars, as an account sees them."""

    times: Times
    opens: Floats  # (D, N) the open; for an asset without a usable bar its last close, 0 before its first
    closes: Floats  # (D, N) the close, or the last close
    usable: Bools  # (D, N)
    bad: Bools  # (D, N) there is a bar, and it must not be used
    over: Bools  # (D, N) there is no bar any more

    @classmethod
    def of(cls, times: Times, bars: Floats) -> _Market:
        finite: Bools = np.isfinite(bars)
        there: Bools = np.logical_or.reduce(finite, axis=2)
        usable: Bools = np.logical_and.reduce(finite[:, :, :VOLUME], axis=2)
        _check_prices(times, bars, usable)
        closes = _carried(bars[:, :, CLOSE], usable)
        over: Bools = ~np.logical_or.accumulate(there[::-1])[::-1] & _have_ended(times, there)
        return cls(times, np.where(usable, bars[:, :, OPEN], closes), closes, usable, there & ~usable, over)

    def day(self, t: int) -> str:
        return str(self.times[t].astype("datetime64[D]"))


class _Books:
    """Cash and shares as they change, and what is noted of them."""

    def __init__(self, market: _Market, broker: BrokerConfig, band: float):
        self.market, self.broker, self.band = market, broker, band
        sessions, assets = market.closes.shape
        self.cash, self.shares = broker.cash, np.zeros(assets)
        self.all_cash, self.all_shares = np.zeros(sessions), np.zeros((sessions, assets))
        self.fills = [Fills(0, TARGET, np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0))]

    def close_finished(self, t: int) -> None:
        """Close what has no bar any more, or one that must not be used, at its last close."""
        held = self.shares != 0.0
        for reason, finished in ((QUARANTINED, self.market.bad[t]), (ENDED, self.market.over[t])):
            if (closed := held & finished).any():
                self._fill(t, reason, np.where(closed, -self.shares, 0.0))

    def trade(self, t: int, weights: Floats) -> None:
        market = self.market
        try:
            sizes = order_sizes(
                self.cash, self.shares, market.opens[t], weights, market.usable[t], self.broker, self.band
            )
        except StrategyError as error:
            raise StrategyError(f"portfolio: at the open of {market.day(t)} {error}") from None
        self._fill(t, TARGET, sizes)

    def _fill(self, t: int, reason: str, sizes: Floats) -> None:
        assets = np.flatnonzero(sizes)
        size = sizes[assets]
        prices = fill_prices(size, self.market.opens[t, assets], self.broker.slippage)
        values = size * prices
        self.cash -= float(values.sum() + self.broker.commission * np.abs(values).sum())
        self.shares = self.shares + sizes
        self.fills.append(Fills(t, reason, assets, size, prices))

    def note(self, t: int) -> None:
        """Write down the account at the close."""
        self.all_cash[t], self.all_shares[t] = self.cash, self.shares
        equity = self.cash + float(self.shares @ self.market.closes[t])
        if not equity > 0.0:
            raise StrategyError(
                f"portfolio: at {self.market.day(t)} the account is down to {amount(equity)}, more than it had; "
                "give a smaller gross"
            )

    def account(self) -> PortfolioAccount:
        values = self.all_shares * self.market.closes
        equity = self.all_cash + values.sum(axis=1)
        orders = self._orders()
        value = np.abs(orders["size"].to_numpy() * orders["price"].to_numpy())
        return PortfolioAccount(
            times=self.market.times,
            equity=equity,
            cash=self.all_cash,
            shares=self.all_shares,
            long=np.maximum(values, 0.0).sum(axis=1) / equity,
            short=np.maximum(-values, 0.0).sum(axis=1) / equity,
            traded=np.bincount(orders["session"], value, minlength=len(equity)).astype(np.float64),
            orders=orders,
            ended=int((orders["reason"] == ENDED).sum()),
            quarantined=int((orders["reason"] == QUARANTINED).sum()),
        )

    def _orders(self) -> pd.DataFrame:
        """The table of all orders, columns of ORDERS."""
        sessions, reasons, assets, sizes, prices = zip(*self.fills, strict=True)
        counts = [len(columns) for columns in assets]
        size, price = np.concatenate(sizes), np.concatenate(prices)
        columns = {
            "session": np.repeat(sessions, counts),
            "asset": np.concatenate(assets),
            "size": size,
            "price": price,
            "commission": self.broker.commission * np.abs(size * price),
            "reason": np.repeat(np.array(reasons, dtype=object), counts),
        }
        return pd.DataFrame(columns).astype(ORDERS)


def _have_ended(times: Times, there: Bools) -> Bools:
    """Whether each asset has had no bar for so long that it does not only rest; (N,)."""
    day, last = days_of_sessions(times), len(times) - 1 - there[::-1].argmax(axis=0)
    ended: Bools = day[-1] - day[last] > RESTS
    return ended


def _carried(closes: Floats, usable: Bools) -> Floats:
    """Each close that can be used, carried on to the sessions without one; 0 before the first; (D, N)."""
    newest = np.maximum.accumulate(np.where(usable, np.arange(len(closes))[:, None], -1), axis=0)
    carried = np.take_along_axis(closes, np.maximum(newest, 0), axis=0)
    return np.where(newest < 0, 0.0, carried)


def _check_prices(times: Times, bars: Floats, usable: Bools) -> None:
    wrong = np.argwhere(usable & (bars[:, :, (OPEN, CLOSE)] <= 0.0).any(axis=2))
    if len(wrong):
        t, n = wrong[0]
        raise StrategyError(
            f"portfolio: asset {n} opens at {bars[t, n, OPEN]:g} and closes at {bars[t, n, CLOSE]:g} on "
            f"{times[t].astype('datetime64[D]')}; weights need prices above 0"
        )


def _decided(targets: Floats, times: Times) -> Bools:
    """Whether each row is a target; (D,)."""
    missing = np.isnan(targets)
    decided: Bools = ~np.logical_and.reduce(missing, axis=1)
    long = np.where(targets > 0.0, targets, 0.0).sum(axis=1)
    wrong = np.flatnonzero(decided & (missing.any(axis=1) | ~(long <= 1.0 + TOLERANCE)))
    if not len(wrong):
        return decided
    t, day = wrong[0], str(times[wrong[0]].astype("datetime64[D]"))
    if missing[t].any():
        raise StrategyError(
            f"portfolio: the targets of {day} are numbers for some assets and NaN for {missing[t].sum()}; give 0 "
            "for an asset that is not wanted, or NaN for all to trade nothing"
        )
    raise StrategyError(
        f"portfolio: the long side of {day} is {long[t]:.6g} of the account, expected at most 1, since there is "
        "no leverage; divide the weights, or set a gross of at most 1 a side"
    )
