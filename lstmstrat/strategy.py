"""Strategies that say how much of the account to hold, and the way from ``module:Class`` to a class.

A subclass of `ExposureStrategy` says a target exposure at the close of each bar; the base trades it at the next
open. The order is sized at that open and from that open only (Backtrader's cheat-on-open), so that a gap can
neither reject it nor let it miss its target; the built-in size helpers read the close of the bar being traded.
"""

from __future__ import annotations

import contextlib
import math
import numbers
from collections.abc import Mapping
from typing import Any

import backtrader as bt

from lstmstrat.errors import StrategyError, did_you_mean
from lstmstrat.indicator import LSTMForecast
from lstmstrat.loading import load_module

FULL = 1.0 - 1e-12  # the most of an account that is invested: what is left pays for float rounding
RESIDUE = 1e-9  # exposures nearer to each other than this are the same
SET_BY_RUN = {"forecast": "the forecast: section", "fractional": "fractional: in the broker: section"}


def order_size(
    target: float, *, cash: float, position: float, price: float, buy_cost: float, sell_cost: float
) -> float:
    """Shares to buy (negative: to sell) so that the exposure is `target` after the costs of this very order.

    Costs are fractions of the traded value at `price`: who buys q shares has ``cash - q*price*(1 + buy_cost)``
    left, who sells q has ``cash + q*price*(1 - sell_cost)``. With the account E = cash + position*price, buying q
    asks for ``(position + q)*price = target*(E - q*price*buy_cost)``; the result solves that for q.
    """
    gap = target * (cash + position * price) / price - position
    return gap / (1.0 + target * buy_cost) if gap > 0.0 else gap / (1.0 - target * sell_cost)


class ExposureStrategy(bt.Strategy):  # type: ignore[misc]
    """Say a target exposure at each close; it is traded at the next open. Abstract: define `target_exposure`.

    Exposure is position value / account value: 1 all in, 0 flat, -1 short for the whole account. Needs
    ``bt.Cerebro(cheat_on_open=True)``. Costs are taken to be proportional to the size of the order.

    Do not override `next` and `next_open`; an own `start` calls ``super().start()``.
    """

    params: Any = (
        ("band", 0.05),  # exposure: a position this near to its target, or nearer, is left alone
        ("fractional", True),  # False: whole shares, the exposure rounded towards flat
    )

    _decided = 0  # bars of the traded feed at the last decision
    _target: float | None = None  # exposure to trade at the next open

    def target_exposure(self) -> float:
        """The exposure wanted, from -1 to 1; called once a bar, at its close.

        0 closes the position whatever the band. NaN (no forecast, so no opinion) is 0. There is no leverage, so
        anything outside [-1, 1] raises a StrategyError and is not clipped in silence.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Refuse to run where orders cannot be sized at the open."""
        if not (self.cerebro.p.cheat_on_open and self.cerebro.p.broker_coo):
            raise StrategyError(
                f"{type(self).__name__} sizes its orders at the open; write bt.Cerebro(cheat_on_open=True)"
            )

    def next(self) -> None:
        """Ask for the target, once for each bar: a second feed makes Backtrader call again for the same bar."""
        if len(self.data) > self._decided:
            self._decided = len(self.data)
            self._target = self._checked(self.target_exposure())

    def next_open(self) -> None:
        """Trade the target of the last close at the open of this bar."""
        if self._target is None or len(self.data) == self._decided:  # no new bar: its open is an old one
            return
        size, self._target = self._size(self._target), None
        position = self.position.size
        if position * (position + size) < 0.0:
            # Of one order that reverses, Backtrader may leave 1e-16 shares open and fill them a bar later.
            self._order(-position)
            size += position
        self._order(size)

    def _order(self, size: float) -> None:
        # The price of a market order is only its record; without it Backtrader records a close not yet known.
        if size > 0.0:
            self.buy(size=size, price=self.data.open[0])
        elif size < 0.0:
            self.sell(size=-size, price=self.data.open[0])

    def _checked(self, exposure: object) -> float:
        if not isinstance(exposure, numbers.Real) or abs(float(exposure)) > 1.0 + RESIDUE:
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
        if abs(target - position * price / account) <= max(self.p.band, RESIDUE):
            return 0.0
        costs = {"buy_cost": self._paid(1.0, 1) / price - 1.0, "sell_cost": 1.0 + self._paid(-1.0, -1) / price}
        holding = {"cash": cash, "position": position, "price": price}
        if self.p.fractional:
            return order_size(min(target, FULL), **holding, **costs)
        size = math.trunc(position + order_size(target, **holding, **costs)) - position
        return float(size if size <= 0.0 or cash >= self._paid(size, 1) else size - 1.0)

    def _paid(self, size: float, side: int) -> float:
        """Cash that an order of `size` shares takes at this open, with slippage and commission."""
        broker, price = self.broker.p, self.data.open[0]
        if broker.slip_open:
            price = price * (1 + side * broker.slip_perc) if broker.slip_perc else price + side * broker.slip_fixed
        return float(size * price + self.broker.getcommissioninfo(self.data).getcommission(size, price))


class ForecastStrategy(ExposureStrategy):
    """An `ExposureStrategy` with a walk-forward LSTM. Abstract: define `target_exposure`.

    In it `self.forecast[0]` is the log return forecast over the horizon, `self.spread[0]` the standard deviation
    over the members (0 for one member) and `self.distance[0]` how far the inputs lie outside what the model has
    seen, all NaN where there is no forecast. `self.model` is the `LSTMForecast`. An own ``__init__`` calls
    ``super().__init__()`` first.
    """

    params: Any = (("forecast", None),)  # dict: the parameters of LSTMForecast; None: its defaults

    def __init__(self) -> None:
        super().__init__()
        self.model = LSTMForecast(self.data, **(self.p.forecast or {}))
        self.forecast = self.model.forecast
        self.spread = self.model.spread
        self.distance = self.model.distance


class BuyAndHold(ExposureStrategy):
    """All in from the first bar to the last: the benchmark."""

    def target_exposure(self) -> float:
        """1."""
        return 1.0


def load_strategy(path: str) -> type[Any]:
    """The Backtrader strategy class that ``module:Class`` names; modules are found from the current directory.

    Raises
    ------
    StrategyError
        No such module or class, a module that fails when imported, or a class that cannot be run.
    """
    name, _, attribute = path.partition(":")
    if not name or not attribute:
        raise StrategyError(f"class: {path!r} is not module:Class; expected such as strategies.long_flat:LongFlat")
    try:
        module = load_module(name)
    except ImportError as error:
        raise StrategyError(f"class: {error}") from error.__cause__
    found = getattr(module, attribute, None)
    if found is None:
        known = [n for n, v in vars(module).items() if _is_strategy(v) and not _is_abstract(v)]
        raise StrategyError(f"class: {path!r}: {name} has no {attribute}{did_you_mean(attribute, known)}")
    if not _is_strategy(found):
        raise StrategyError(
            f"class: {path!r} is not a Backtrader strategy; expected class {attribute}(bt.Strategy)"
        )
    if _is_abstract(found):
        raise StrategyError(f"class: {path!r} does not say what to hold; define target_exposure(self) in it")
    return found  # type: ignore[no-any-return]


def check_params(cls: type[Any], params: Mapping[str, Any]) -> list[str]:
    """A sentence for every entry of `params` that `cls` does not know or that has not its default's type."""
    known = {name: value for name, value in cls.params._getitems() if name not in SET_BY_RUN}
    return [sentence for name, value in params.items() if (sentence := _mistake(name, value, known))]


def _mistake(name: str, value: object, known: Mapping[str, object]) -> str:
    if name in SET_BY_RUN:
        return f"{name}: set by {SET_BY_RUN[name]}; remove it here"
    if name not in known:
        return f"{name}: unknown parameter{did_you_mean(name, known) or '; there are none'}"
    default = known[name]
    if default is None or _fits(value, default):
        return ""
    kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}.get(type(default))
    return (
        f"{name}: {value!r} given, expected {kind or type(default).__name__}, such as {_example(value, default)!r}"
    )


def _example(value: object, default: object) -> object:
    """The number that was meant by text such as ``1e-3``, which YAML does not read as one; else the default."""
    if isinstance(value, str) and isinstance(default, float):
        with contextlib.suppress(ValueError):
            return float(value)
    return default


def _fits(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and math.isfinite(value)
    if isinstance(default, (tuple, list)):
        return isinstance(value, (tuple, list))
    return isinstance(value, type(default))


def _is_strategy(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, bt.Strategy)


def _is_abstract(cls: type[Any]) -> bool:
    return getattr(cls, "target_exposure", None) is ExposureStrategy.target_exposure
