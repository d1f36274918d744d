"""Loads a strategy class by its path and checks the parameters for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import backtrader as bt

from lstmstrat.config.classes import class_path
from lstmstrat.config.names import STRATEGY
from lstmstrat.config.parameters import type_mistake
from lstmstrat.config.plugins import load_attribute
from lstmstrat.errors import StrategyError, did_you_mean
from lstmstrat.trading.mistakes import OTHER_FEEDS, class_mistake, forgets_the_forecast, never_called, second_feed
from lstmstrat.trading.strategy import ExposureStrategy, ForecastStrategy

SET_BY_RUN = {"forecast": "the forecast: section", "fractional": "fractional: in the broker: section"}


def load_strategy(what: str | type[Any]) -> type[Any]:
    """The Backtrader strategy class that ``module:Class`` names, or that `what` is.

    Modules are found from the current directory.

    Raises
    ------
    StrategyError
        No such module or class, a module that fails when imported, or a class that cannot be run.
    """
    path = class_path(what)
    try:
        cls = load_attribute(path, *STRATEGY, _can_run) if isinstance(what, str) else what
    except ImportError as error:
        raise StrategyError(f"class: {error}") from error.__cause__
    if not _is_strategy(cls):
        raise StrategyError(
            f"class: {path!r} is not a Backtrader strategy; expected class {path.partition(':')[2]}(bt.Strategy)"
        )
    if _is_abstract(cls):
        raise StrategyError(f"class: {path!r} does not say what to hold; define target_exposure(self) in it")
    if mistake := _mistake_of(cls):
        raise StrategyError(f"class: {path!r}: {mistake}")
    return cls


def check_params(cls: type[Any], params: Mapping[str, Any]) -> list[str]:
    """One sentence for each of `params` that `cls` does not know, has another type for, or a bound for."""
    defaults = {name: value for name, value in cls.params._getitems() if name not in SET_BY_RUN}
    bounds = {bound[0]: bound for base in reversed(cls.__mro__) for bound in vars(base).get("bounds", ())}
    return [
        sentence
        for name, value in params.items()
        if (sentence := _mistake(name, value, defaults) or _outside(value, bounds.get(name)))
    ]


def _mistake(name: str, value: object, defaults: Mapping[str, object]) -> str:
    if name in SET_BY_RUN:
        return f"{name}: set by {SET_BY_RUN[name]}; remove it here"
    if name not in defaults:
        return f"{name}: unknown parameter{did_you_mean(name, defaults) or '; there are none'}"
    return type_mistake(name, value, defaults[name])


def _outside(value: Any, bound: tuple[str, float, float] | None) -> str:
    if bound is None or bound[1] <= value <= bound[2]:
        return ""
    name, low, high = bound
    return f"{name}: {value} given, expected from {low:,} to {high:,}"


def _mistake_of(cls: type[Any]) -> str:
    """A sentence on what will go wrong with a class when it runs, as far as its code tells; else ''."""
    if issubclass(cls, ExposureStrategy) and (mistake := class_mistake(cls)):
        return mistake
    if issubclass(cls, ForecastStrategy) and forgets_the_forecast(cls):
        return never_called("__init__")
    feed = second_feed(cls)
    return f"it reads self.{feed}, but a config has one feed, self.data; {OTHER_FEEDS}" if feed else ""


def _is_strategy(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, bt.Strategy)


def _can_run(value: object) -> bool:
    return isinstance(value, type) and _is_strategy(value) and not _is_abstract(value)


def _is_abstract(cls: type[Any]) -> bool:
    return getattr(cls, "target_exposure", None) is ExposureStrategy.target_exposure
