"""What to order at one open, so that every weight is the target after the costs of these orders.

Letters: N assets. E is the account after the costs. An asset of target weight w is then worth w*E, so its order is
w*E - held, and the costs of all orders are a function of E: convex, and linear between the values of E at which
an order turns from a sale into a purchase. Newton's method from the right ends at the root, exactly and after few
steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Bools, Floats
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.errors import StrategyError, amount
from lstmstrat.trading.sizing import MAX_EXPOSURE, STEPS, TOLERANCE

WHOLE = 1.0 + 1e-13  # a position that rounding left just below a whole number of shares is that number


def order_sizes(
    cash: float,
    shares: Floats,
    prices: Floats,
    weights: Floats,
    can_trade: Bools,
    broker: BrokerConfig,
    band: float = 0.0,
) -> Floats:
    """Shares to buy of each asset at an open (negative: to sell); (N,).

    All orders of the open count as one: what is sold pays for what is bought, as with a broker who fills sales
    first. Where the cash does not suffice, since assets that are not traded tie it up, every asset that is traded
    and held long gets the same share less. Whole shares are rounded towards 0.

    Parameters
    ----------
    shares
        (N,) held, negative for short.
    prices
        (N,) the opens; for an asset without a bar its last close.
    weights
        (N,) targets, as shares of the account.
    can_trade
        (N,) whether there is an open to trade at.
    band
        A holding on the side of its target is left alone while it would take an order of at most this share of the
        account to reach it. A target of 0 is always traded, and so is an asset that is not held.

    Raises
    ------
    StrategyError
        The account is worth nothing, before the orders or after their costs.

    Examples
    --------
    60 shares at 10 and 400 in cash, and half of the account is wanted in each of two assets. At 1% of each trade
    the account is worth 994 after 6 of costs, so 10.3 shares are sold of one and 497 bought of the other:

    >>> order_sizes(
    ...     400.0, np.array([60.0, 0.0]), np.array([10.0, 1.0]), np.array([0.5, 0.5]), np.array([True, True]),
    ...     BrokerConfig(commission=0.01, slippage=0.0),
    ... ).round(6).tolist()
    [-10.3, 497.0]
    """
    values = shares * prices
    book = _Book(_worth(cash + values.sum()), values, weights, broker)
    trades: Bools = can_trade & ((weights != 0.0) | (shares != 0.0))
    wanted = book.after(trades)
    small = np.abs(wanted - values) <= max(band, TOLERANCE) * book.account
    if (left := trades & small & (shares * weights > 0.0)).any():
        trades &= ~left
        wanted = book.after(trades)
    positions = wanted[trades] / prices[trades]
    sizes = np.zeros(len(shares))
    sizes[trades] = (positions if broker.fractional else np.trunc(positions * WHOLE)) - shares[trades]
    return sizes


def fill_prices(sizes: Floats, prices: Floats, slippage: float) -> Floats:
    """The price at which each order is filled; slippage is not limited by the bar, as in `simulation.py`."""
    return prices * (1.0 + slippage * np.sign(sizes))


@dataclass(frozen=True, slots=True)
class _Book:
    """The account at an open, what is held of each asset, and what is wanted of it."""

    account: float
    values: Floats
    weights: Floats
    broker: BrokerConfig

    def after(self, trades: Bools) -> Floats:
        """The value of each asset after the orders, if those in `trades` are ordered; (N,)."""
        after = self.values.copy()
        after[trades] = self._targets(self.values[trades], self.weights[trades], float(self.values[~trades].sum()))
        return after

    def _targets(self, held: Floats, weights: Floats, beside: float) -> Floats:
        """The same of the assets that are traded; the others are worth `beside`."""
        account = self._solve(held, 0.0, weights, 0.0, 1.0)
        # For float rounding; whole shares leave more than that, or cost exactly what there is.
        spare = (1.0 - MAX_EXPOSURE) * self.account if self.broker.fractional else 0.0
        if account * (1.0 - weights.sum()) - beside >= spare or not (weights > 0.0).any():
            return weights * _worth(account)
        # The cash is spent: long values are w*x, and with the cash at `spare` the account is base + rise*x.
        short = weights < 0.0
        sold = 1.0 - weights[short].sum()
        base, rise = (spare + beside) / sold, weights[~short].sum() / sold
        start, slope = np.where(short, weights * base, 0.0), np.where(short, weights * rise, weights)
        x = self._solve(held, start, slope, base, rise)
        return start + slope * x if x > 0.0 else self._targets(held, np.where(short, weights, 0.0), beside)

    def _solve(self, held: Floats, start: Floats | float, slope: Floats, base: float, rise: float) -> float:
        """The x at which values of start + slope*x leave an account of base + rise*x."""
        cost, slip = self.broker.commission, self.broker.slippage
        bought, sold = (1.0 + slip) * (1.0 + cost) - 1.0, (1.0 - slip) * (1.0 - cost) - 1.0
        x = self.account
        for _ in range(STEPS):
            traded = start + slope * x - held
            rates = np.where(traded > 0.0, bought, sold)
            step = float((base + rise * x + rates @ traded - self.account) / (rise + rates @ slope))
            x -= step
            if abs(step) <= 1e-14 * self.account:
                break
        return x


def _worth(account: float) -> float:
    if not account > 0.0:
        raise StrategyError(
            f"the account is worth {amount(account)}, so nothing can be held; give a smaller gross"
        )
    return float(account)
