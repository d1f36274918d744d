"""Strategies that decide how much of the account to hold: base classes for a user's own, and buy-and-hold.

A subclass of `ExposureStrategy` returns a target exposure at the close of each bar, and the base class trades it
at the next open. It calculates the size of the order from that open alone (Backtrader's cheat-on-open), so a price
gap can neither get the order rejected nor make it miss the target. Backtrader's own size helpers would read the
close of the bar that is being traded.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import backtrader as bt

from lstmstrat.errors import StrategyError
from lstmstrat.trading.indicator import LSTMForecast

MAX_EXPOSURE = 1.0 - 1e-12  # the largest exposure that is bought: the rest covers float rounding
TOLERANCE = 1e-9  # exposures closer to each other than this are equal


def order_size(
    target: float, *, cash: float, position: float, price: float, buy_cost: float, sell_cost: float
) -> float:
    """Shares to buy (negative: to sell) so that the exposure is `target` after the costs of this order.

    Costs are fractions of the traded value at `price`: buying q shares leaves ``cash - q*price*(1 + buy_cost)``,
    selling q shares leaves ``cash + q*price*(1 - sell_cost)``. With the account E = cash + position*price, a
    purchase of q shares must satisfy ``(position + q)*price = target*(E - q*price*buy_cost)``; the result solves
    this for q.
    """
    gap = target * (cash + position * price) / price - position
    return gap / (1.0 + target * buy_cost) if gap > 0.0 else gap / (1.0 - target * sell_cost)


class ExposureStrategy(bt.Strategy):  # type: ignore[misc]
    """Trades a target exposure, set at each close, at the next open. Abstract: define `target_exposure`.

    Exposure is position value / account value: 1 all in, 0 flat, -1 short for the whole account. Needs
    ``bt.Cerebro(cheat_on_open=True)``. Costs are assumed to be proportional to the size of the order.

    Do not override `next` or `next_open`. A `start` of your own must call ``super().start()``.

    Raises
    ------
    StrategyError
        In `start`: Cerebro was created without cheat_on_open. During the run: a target is outside [-1, 1], or the
        account is worth nothing.

    Examples
    --------
    >>> import lstmstrat
    >>> import backtrader as bt
    >>> class AboveItsMean(lstmstrat.ExposureStrategy):
    ...     params = (("period", 50),)
    ...
    ...     def __init__(self):
    ...         self.mean = bt.indicators.SMA(self.data.close, period=self.p.period)
    ...
    ...     def target_exposure(self):
    ...         return 1.0 if self.data.close[0] > self.mean[0] else 0.0
    >>> cerebro = bt.Cerebro(cheat_on_open=True)
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> _ = cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    >>> _ = cerebro.addstrategy(AboveItsMean)
    >>> strategy = cerebro.run()[0]
    >>> 9_000.0 < strategy.broker.getvalue() < 15_000.0
    True
    """

    params: Any = (
        ("band", 0.05),  # a position is not traded while its exposure is this close to the target
        ("fractional", True),  # False: whole shares, which rounds the exposure towards 0
    )

    _decision_bar = 0  # length of the traded feed at the last decision
    _target: float | None = None  # exposure to trade at the next open

    def target_exposure(self) -> float:
        """The target exposure, from -1 to 1; called once per bar, at its close.

        0 closes the position, whatever the band. NaN (no forecast) counts as 0. There is no leverage, so a value
        outside [-1, 1] raises a StrategyError and is not clipped silently.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Raise if Cerebro does not let orders be sized at the open."""
        if not (self.cerebro.p.cheat_on_open and self.cerebro.p.broker_coo):
            raise StrategyError(
                f"{type(self).__name__} sizes its orders at the open; write bt.Cerebro(cheat_on_open=True)"
            )

    def next(self) -> None:
        """Set the target once per bar; with a second feed Backtrader calls `next` again for the same bar."""
        if len(self.data) > self._decision_bar:
            self._decision_bar = len(self.data)
            self._target = self._check_target(self.target_exposure())

    def next_open(self) -> None:
        """Trade the target of the last close at the open of this bar."""
        if self._target is None or len(self.data) == self._decision_bar:  # no new bar, so its open has passed
            return
        size, self._target = self._size(self._target), None
        position = self.position.size
        if position * (position + size) < 0.0:
            # Close first: of a single order, Backtrader may leave 1e-16 shares open and fill them a bar later.
            self._order(-position)
            size += position
        self._order(size)

    def _order(self, size: float) -> None:
        # Backtrader only records the price of a market order; without one it records the close, not yet known.
        if size > 0.0:
            self.buy(size=size, price=self.data.open[0])
        elif size < 0.0:
            self.sell(size=-size, price=self.data.open[0])

    def _check_target(self, exposure: object) -> float:
        if not isinstance(exposure, numbers.Real) or abs(float(exposure)) > 1.0 + TOLERANCE:
            raise StrategyError(
                f"{type(self).__name__}: target_exposure() gave {exposure!r} at {self.data.datetime.date(0)}; "
                "expected a number from -1 (short) to 1 (all in), such as max(-1.0, min(1.0, x))"
            )
        return 0.0 if math.isnan(exposure) else max(-1.0, min(1.0, float(exposure)))

    def _size(self, target: float) -> float:
        """Shares to buy (negative: to sell) at this open; 0 within the band."""
        price, cash, position = self.data.open[0], self.broker.getcash(), self.position.size
        account = cash + position * price
        if not account > 0.0:
            raise StrategyError(
                f"{type(self).__name__}: the account is worth {account:.2f} at the open of "
                f"{self.data.datetime.date(0)}, so no exposure can be held; expose less, such as -0.5 for -1"
            )
        if target == 0.0:
            return float(-position)
        if abs(target - position * price / account) <= max(self.p.band, TOLERANCE):
            return 0.0
        costs = {
            "buy_cost": self._cash_needed(1.0, 1) / price - 1.0,
            "sell_cost": 1.0 + self._cash_needed(-1.0, -1) / price,
        }
        holding = {"cash": cash, "position": position, "price": price}
        if self.p.fractional:
            return order_size(min(target, MAX_EXPOSURE), **holding, **costs)
        size = math.trunc(position + order_size(target, **holding, **costs)) - position
        return float(size if size <= 0.0 or cash >= self._cash_needed(size, 1) else size - 1.0)

    def _cash_needed(self, size: float, side: int) -> float:
        """Cash that an order of `size` shares takes at this open, with slippage and commission."""
        broker, price = self.broker.p, self.data.open[0]
        if broker.slip_open:
            price = price * (1 + side * broker.slip_perc) if broker.slip_perc else price + side * broker.slip_fixed
        return float(size * price + self.broker.getcommissioninfo(self.data).getcommission(size, price))


class ForecastStrategy(ExposureStrategy):
    """An `ExposureStrategy` with a walk-forward LSTM. Abstract: define `target_exposure`.

    `self.forecast[0]` is the forecast log return over the horizon, `self.spread[0]` the standard deviation over
    the members (0 for one member) and `self.distance[0]` how far the inputs lie outside the training set of the
    model; all three are NaN where there is no forecast. `self.model` is the `LSTMForecast`. An ``__init__`` of
    your own must call ``super().__init__()`` first.

    Raises
    ------
    StrategyError
        As in `ExposureStrategy`.
    ConfigError
        A parameter of the forecast has a wrong value.

    Examples
    --------
    >>> import lstmstrat
    >>> class Careful(lstmstrat.ForecastStrategy):
    ...     params = (("threshold", 0.001),)
    ...
    ...     def target_exposure(self):
    ...         return 0.5 if self.forecast[0] > self.p.threshold else 0.0

    A config names the class by its module: ``class: my_strategies:Careful``. A script passes the settings of the
    forecast as a parameter: ``cerebro.addstrategy(Careful, forecast={"train_size": 500})``.
    """

    params: Any = (("forecast", None),)  # dict: the parameters of LSTMForecast; None: its defaults

    def __init__(self) -> None:
        super().__init__()
        self.model = LSTMForecast(self.data, **(self.p.forecast or {}))
        self.forecast = self.model.forecast
        self.spread = self.model.spread
        self.distance = self.model.distance


class BuyAndHold(ExposureStrategy):
    """Invests the whole account from the first bar to the last: the benchmark.

    Examples
    --------
    >>> import lstmstrat
    >>> import backtrader as bt
    >>> cerebro = bt.Cerebro(cheat_on_open=True)
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> _ = cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    >>> _ = cerebro.addstrategy(lstmstrat.BuyAndHold)
    >>> strategy = cerebro.run()[0]  # Backtrader's account has 10,000 in cash at first
    >>> growth = prices.frame["close"].iloc[-1] / prices.frame["open"].iloc[1]
    >>> bool(abs(strategy.broker.getvalue() / (10_000.0 * growth) - 1.0) < 1e-9)
    True
    """

    def target_exposure(self) -> float:
        """Always 1."""
        return 1.0
