"""Strategies that decide how much of the account to hold: base classes for a user's own, and buy-and-hold.

A subclass of `ExposureStrategy` returns a target exposure at the close of each bar, and the base class trades it
at the next open. It calculates the size of the order from that open alone (Backtrader's cheat-on-open), so a price
gap can neither get the order rejected nor make it miss the target. Backtrader's own size helpers would read the
close of the bar that is being traded.
"""

from __future__ import annotations

import logging
import math
import numbers
from collections.abc import Sequence
from typing import Any, ClassVar

import backtrader as bt

from lstmstrat.errors import StrategyError, amount
from lstmstrat.trading.broker import book_of, describe, fills_now, open_orders
from lstmstrat.trading.indicator import LSTMForecast
from lstmstrat.trading.mistakes import FORECAST, account_mistake, bar_without_price, class_mistake, never_called
from lstmstrat.trading.sizing import TOLERANCE

_log = logging.getLogger(__name__)


class ExposureStrategy(bt.Strategy):  # type: ignore[misc]
    """Trades a target exposure, set at each close, at the next open. Abstract: define `target_exposure`.

    Exposure is position value / account value: 1 all in, 0 flat, -1 short for the whole account. The value of a
    future is that of what it stands for, price times multiplier, and not its margin. Needs
    ``bt.Cerebro(cheat_on_open=True)``.

    The account, its positions and the costs are those of the broker: a fee for each order or share, a least fee, a
    percentage, slippage, leverage, margin and multiplier, and the part of the account in other feeds all count in
    the size of an order. The exposure is the target after these costs, within a share if `fractional` is False. An
    order that is filled in parts (a volume filler) stays open, and is replaced when it leads to the target no more
    or can be paid no more. Where the cash does not suffice, as much is bought as it pays for.

    A `next` or `next_open` of your own must call that of the base class.

    Raises
    ------
    StrategyError
        At the start: Cerebro was created without cheat_on_open, a feed is live, there is another strategy on the
        account, Backtrader values positions wrongly under the commission scheme, or a `next` of your own does not
        call that of the base class. During the run: a target is outside [-1, 1], or the account is worth nothing.

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
    bounds: ClassVar[tuple[tuple[str, float, float], ...]] = (("band", 0.0, 1.0),)
    """Parameters with their smallest and largest value, which a config is held to; a subclass adds its own."""

    _decision_bar = 0  # length of the traded feed at the last decision
    _target: float | None = None  # exposure to trade at the next open
    _value = 0.0  # of the account, at the last close
    _held: Sequence[tuple[Any, float, int, float]] = ()  # feed, size, bars and close of each position in `_value`
    _own: list[Any]  # the orders of this class that may still be open
    _traded = False  # this class has sent an order since the last close
    _beside = ""  # a sentence on an order of the subclass that was left open when this class had traded

    def target_exposure(self) -> float:
        """The target exposure, from -1 to 1; called once per bar, at its close.

        0 closes the position, whatever the band. NaN (no forecast) counts as 0. There is no leverage, so a value
        outside [-1, 1] raises a StrategyError and is not clipped silently.
        """
        raise NotImplementedError

    def _start(self) -> None:
        # Backtrader's hook around `start`: a subclass may define `start`, and may set up the broker there.
        self._own = []
        super()._start()
        if mistake := class_mistake(type(self)) or account_mistake(self):
            raise StrategyError(f"{type(self).__name__}: {mistake}")

    def next(self) -> None:
        """Set the target once per bar; with a second feed Backtrader calls `next` again for the same bar."""
        self._value = self.broker.getvalue()
        self._held = [
            (data, position.size, len(data), data.close[0])
            for data in self.datas
            if (position := self.broker.getposition(data)).size
        ]
        if self._traded or self._beside:
            self._look_beside()
        if (bars := len(self.data)) > self._decision_bar:
            if self._target is not None and self._minperstatus < 0:
                raise StrategyError(f"{type(self).__name__}: {never_called('next_open')}")
            self._decision_bar = bars
            self._target = self._check_target(self.target_exposure())

    def next_open(self) -> None:
        """Trade the target of the last close at the open of this bar."""
        if not self._decision_bar and self._minperstatus < 0:
            raise StrategyError(f"{type(self).__name__}: {never_called('next')}")
        if self._target is None or len(self.data) == self._decision_bar:  # no new bar, so its open has passed
            return
        target, self._target = self._target, None
        account = self._account()
        if math.isnan(account) and (mistake := bar_without_price(self.datas)):
            raise StrategyError(f"{type(self).__name__}: {mistake}")
        if not account > 0.0:
            raise StrategyError(
                f"{type(self).__name__}: the account is worth {amount(account)} at the open of "
                f"{self.data.datetime.date(0)}, so no exposure can be held; "
                f"{self._beside or 'expose less, such as -0.5 for -1'}"
            )
        self._trade(target, account)

    def _trade(self, target: float, account: float) -> None:
        position, rest = self.broker.getposition(self.data).size, 0.0
        others = open_orders(self.broker, self._own)
        if self._own or others:
            self._own = [order for order in self._own if order.alive()]
            rest = sum(order.executed.remsize for order in self._own)
            position += rest + sum(o.executed.remsize for o in others if o.data is self.data and fills_now(o))
        arrived = self._arrived(target, position, account)
        if arrived and not self._own:
            return
        try:
            book = book_of(self.broker, self.data, account, others)
        except StrategyError as error:
            at = f"at the open of {self.data.datetime.date(0)}"
            raise StrategyError(f"{type(self).__name__}: {at} {error}") from None
        if arrived and book.can_pay(rest):
            return
        for order in self._own:
            self.cancel(order)
        band = max(self.p.band, TOLERANCE)
        self._send(book.order_size(target, whole=not self.p.fractional, least=band), book.holding.size)

    def _account(self) -> float:
        """The account at this open: its value at the last close, and what the positions have gained since."""
        value = self._value
        for data, size, bars, close in self._held:
            if data is self.data or len(data) > bars:  # the feed that is traded has a new bar
                value += self.broker.getcommissioninfo(data).profitandloss(size, close, data.open[0])
        return float(value)

    def _arrived(self, target: float, position: float, account: float) -> bool:
        """Whether this position is within the band of the target; at a target of 0, only none at all is."""
        if target == 0.0:
            return position == 0.0
        value = self.broker.getcommissioninfo(self.data).profitandloss(position, 0.0, self.data.open[0])
        return bool(abs(target - value / account) <= max(self.p.band, TOLERANCE))

    def _send(self, size: float, position: float) -> None:
        self._own, self._traded = [], True
        if position * (position + size) < 0.0:
            # Close first: of a single order, Backtrader may leave 1e-16 shares open and fill them a bar later.
            self._order(-position)
            size += position
        self._order(size)

    def _order(self, size: float) -> None:
        # Backtrader only records the price of a market order; without one it records the close, not yet known.
        order = None
        if size > 0.0:
            order = self.buy(size=size, price=self.data.open[0])
        elif size < 0.0:
            order = self.sell(size=-size, price=self.data.open[0])
        if order is not None:  # some live brokers return none
            self._own.append(order)

    def _look_beside(self) -> None:
        """Name orders of the subclass that this class does not know of and that are more than an exit."""
        if self._beside:
            if self._value <= 0.0:
                raise StrategyError(
                    f"{type(self).__name__}: the account is down to {amount(self._value)}; {self._beside}"
                )
            return
        self._traded = False
        held = self.position.size
        for order in open_orders(self.broker, self._own):
            rest = order.executed.remsize
            if order.data is self.data and not (held * rest < 0.0 and abs(rest) <= abs(held) * (1.0 + TOLERANCE)):
                self._beside = (
                    f"{describe(order)}, which is not of the base class, is open beside a position of {held:.6g} "
                    "and would leave one that target_exposure() does not ask for; cancel it in notify_order() "
                    "when the base class trades, or let target_exposure() return 0 in its place"
                )
                _log.warning("%s: at %s %s", type(self).__name__, self.data.datetime.date(0), self._beside)
                return

    def _check_target(self, exposure: object) -> float:
        if not isinstance(exposure, numbers.Real) or abs(float(exposure)) > 1.0 + TOLERANCE:
            raise StrategyError(
                f"{type(self).__name__}: target_exposure() gave {exposure!r} at {self.data.datetime.date(0)}; "
                "expected a number from -1 (short) to 1 (all in), such as max(-1.0, min(1.0, x))"
            )
        return 0.0 if math.isnan(exposure) else max(-1.0, min(1.0, float(exposure)))


class ForecastStrategy(ExposureStrategy):
    """An `ExposureStrategy` with a walk-forward LSTM. Abstract: define `target_exposure`.

    `self.forecast[0]` is the forecast log return over the horizon, `self.spread[0]` the standard deviation over
    the members (0 for one member) and `self.distance[0]` how far the inputs lie outside the training set of the
    model. `self.sigma[0]` is the standard deviation of the return to come, `self.up[0]` the probability that it is
    above 0 and ``self.quantile(0.05)[0]`` its quantile. All are NaN where there is no forecast. `self.model` is
    the `LSTMForecast`. An ``__init__`` of your own must call ``super().__init__()`` first.

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
        self.sigma = self.model.sigma
        self.up = self.model.up

    def quantile(self, level: float) -> Any:
        """The line of a quantile of the return to come, see `LSTMForecast.quantile`; ``quantile(0.05)[0]``."""
        return self.model.quantile(level)

    def __getattr__(self, name: str) -> Any:
        # Backtrader's own words for it would be that a class nobody has heard of has no such attribute.
        if name in FORECAST:
            raise StrategyError(f"{type(self).__name__}: {never_called('__init__')}")
        return super().__getattr__(name)


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
