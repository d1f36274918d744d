"""What goes wrong silently in Backtrader, found in the class of a strategy or at its start, with the cure."""

from __future__ import annotations

import dis
import math
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from lstmstrat.errors import StrategyError
from lstmstrat.forecasting.learned import LINES
from lstmstrat.trading.broker import is_simulated

SECOND_FEED = re.compile(r"data([1-9]\d*)(_\w+)?")
FORECAST = {"model", *LINES}  # what ForecastStrategy.__init__ makes
OTHER_FEEDS = "run it in a bt.Cerebro of your own with cerebro.adddata() for each feed, as examples/two_assets.py"
NEEDS = {
    "next": "target_exposure() is never asked",
    "next_open": "its exposure is never traded",
    "__init__": "it has no forecast",
}


def never_called(name: str) -> str:
    """The sentence for a method that replaces that of the base class and does not call it."""
    cure = "call it first" if name == "__init__" else "call it, or decide in target_exposure() alone"
    own = "" if name == "__init__" else "; a strategy that orders by itself is a plain bt.Strategy"
    return f"its {name}() does not call super().{name}(), so {NEEDS[name]}; {cure}{own}"


def bar_without_price(datas: Sequence[Any]) -> str:
    """The sentence on the price that a feed lacks: a close of the bar before, or the open of this one; else ''."""
    for data in datas:
        for bars_ago, line in ((-1, data.close), (0, data.open)):
            if len(data) > -bars_ago and not math.isfinite(line[bars_ago]):
                name, date = getattr(data, "_name", "") or "the feed", data.datetime.date(bars_ago)
                what = "open" if line is data.open else "close"
                return (
                    f"at the bar of {date}, {name} has {line[bars_ago]} as its {what}, so nobody knows what the "
                    "account is worth; give the feed bars that have all prices, or leave this one out"
                )
    return ""


def class_mistake(cls: type[Any], methods: tuple[str, ...] = ("next", "next_open")) -> str:
    """A sentence if a class replaces one of `methods` and cannot be calling that of its base class; else ''."""
    return next((never_called(name) for name in methods if _replaces(cls, name)), "")


def forgets_the_forecast(cls: type[Any]) -> bool:
    """Whether a forecast strategy reads its forecast, and its ``__init__`` cannot have made one."""
    read, made = _attributes(cls)
    makes = made & FORECAST or any("LSTMForecast" in _names(part) for part in _above(cls))
    return bool(read & FORECAST) and not makes and _replaces(cls, "__init__")


def second_feed(cls: type[Any]) -> str:
    """The second feed that a class reads without asking whether there is one, such as ``data1``; '' if none."""
    if any(_names(part) & {"datas", "hasattr", "getattr", "AttributeError"} for part in _above(cls)):
        return ""  # it can find out by itself
    read, made = _attributes(cls)
    return min((name for name in read - made if SECOND_FEED.fullmatch(name)), default="")


@contextmanager
def one_feed(name: str, symbol: str) -> Iterator[None]:
    """Turn the error of a strategy that asks for a second feed, in a run with one, into a StrategyError."""
    try:
        yield
    except (AttributeError, KeyError, IndexError) as error:
        if asked := _asked_for(error):
            text = f"{name}: it asks for {asked}, but a config has one feed, {symbol}; {OTHER_FEEDS}"
            raise StrategyError(text) from error
        raise


def _asked_for(error: AttributeError | KeyError | IndexError) -> str:
    """The feed that was asked for in vain, in the words of the code; '' where the error is another."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, AttributeError):
        return f"self.{error.name}" if SECOND_FEED.fullmatch(error.name or "") else ""
    if isinstance(error, IndexError):
        return "self.datas[...]" if "datas[" in (where.line or "") else ""
    by_name = "backtrader" in where.filename and where.name in ("getdatabyname", "__getattr__")
    return f"the feed {error}" if by_name else ""


def account_mistake(strategy: Any) -> str:
    """A sentence if orders sized at the open cannot come out right in this Cerebro; else ''."""
    cerebro, broker = strategy.cerebro, strategy.broker
    if not (cerebro.p.cheat_on_open and cerebro.p.broker_coo):
        return "it sizes its orders at the open; write bt.Cerebro(cheat_on_open=True)"
    if any(data.islive() for data in strategy.datas):
        return (
            "a live feed delivers a bar when it has closed, and only then is next_open() called, so every order "
            "would be sent a whole bar late; live, order in the next() of a plain bt.Strategy with an "
            "LSTMForecast, in a bt.Cerebro() without cheat_on_open"
        )
    if len(cerebro.runningstrats) > 1:
        return (
            f"there are {len(cerebro.runningstrats)} strategies on one account, and each would trade against the "
            "positions of the other; give each a Cerebro of its own, and make what only watches an analyzer"
        )
    if not is_simulated(broker):
        return ""
    if broker.p.coc or not broker.p.coo:
        return (
            "its orders are sized at the open and would be filled at another price; leave out set_coc(True) and "
            "set_coo(False)"
        )
    schemes = (broker.getcommissioninfo(data) for data in strategy.datas)
    return next((_scheme_mistake(scheme) for scheme in schemes if not _counts_gains_once(scheme)), "")


def _counts_gains_once(scheme: Any) -> bool:
    """Whether the value that BackBroker gives an account moves by the gain of a position bought at 100, at 110."""
    gain, leverage = scheme.profitandloss(1.0, 100.0, 110.0), scheme.get_leverage()
    cash = scheme.cashadjust(1.0, 100.0, 110.0) - scheme.getvaluesize(1.0, 100.0) / leverage
    value = scheme.getvaluesize(1.0, 110.0)
    value = (value - gain) / leverage + gain if value > 0.0 else value
    return math.isclose(cash + value, gain, rel_tol=1e-9)


def _scheme_mistake(scheme: Any) -> str:
    """A sentence on a commission scheme under which an open position is not worth what closing it brings."""
    p, wrong = scheme.p, "under its commission scheme Backtrader miscounts the gains of an open position; "
    if scheme.stocklike and p.mult != 1.0:
        return wrong + f"mult={p.mult:g} needs margin=, the money kept for each contract, and no stocklike=True"
    if not scheme.stocklike and p.leverage != 1.0:
        return wrong + f"write leverage=1.0 and a margin divided by {p.leverage:g}"
    if not scheme.stocklike and p.automargin:
        return wrong + f"write margin= and an amount in place of automargin={p.automargin:g}"
    return wrong + "getvaluesize(), cashadjust() and profitandloss() of the scheme do not agree"


def _above(cls: type[Any]) -> Iterator[type[Any]]:
    """The user's part of a class's bases, the most derived first: those before the first that comes from here."""
    for part in cls.__mro__:
        if part.__module__.partition(".")[0] in ("lstmstrat", "backtrader", "builtins"):
            return
        yield part


def _replaces(cls: type[Any], name: str) -> bool:
    for part in _above(cls):
        method = vars(part).get(name)
        if method is None:
            continue
        # What a decorator has made of it cannot be read; it is found out while it runs.
        readable = isinstance(method, FunctionType) and set(method.__code__.co_freevars) <= {"__class__"}
        if readable and name not in _names(part):
            return True
    return False


def _names(part: type[Any]) -> set[str]:
    """The names of attributes and globals in the code of the methods of one class."""
    return {name for function in _functions(part) for code in _nested(function.__code__) for name in code.co_names}


def _attributes(cls: type[Any]) -> tuple[set[str], set[str]]:
    """The names of the attributes that the methods of a class read, and of those that they set."""
    codes = [code for part in _above(cls) for function in _functions(part) for code in _nested(function.__code__)]
    steps = {step for code in codes for step in _of_attributes(code)}
    read = {name for operation, name in steps if operation != "STORE_ATTR"}
    return read, {name for operation, name in steps if operation == "STORE_ATTR"}


@lru_cache(maxsize=4096)  # the base classes are asked about for each strategy
def _of_attributes(code: CodeType) -> frozenset[tuple[str, str]]:
    """The operations of a function on attributes, each with its name."""
    steps = ((step.opname, str(step.argval)) for step in dis.get_instructions(code))
    return frozenset(step for step in steps if step[0] in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR"))


def _functions(part: type[Any]) -> Iterator[FunctionType]:
    yield from (value for value in vars(part).values() if isinstance(value, FunctionType))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
