"""What outlives a run and can be reached from a user's code: variables, attributes, cells, containers, caches.

A strategy makes new objects in each run. What is kept for the next one must be somewhere that the next one can
find: in a variable of a module, an attribute of a class, a function or an object that is found there, a variable
of a function around it, a default value, a parameter.
"""

from __future__ import annotations

import _thread
import array
import dataclasses
import datetime as dt
import functools
import itertools
import sys
from collections import deque
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import Enum
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.audit.user_code import of_user
from lstmstrat.config.identity.bytecode import Names, names
from lstmstrat.config.identity.own_modules import ENGINE
from lstmstrat.config.identity.walk import derived

DEPTH = 4  # how deep objects inside of objects are looked at
MEMBERS = 200  # members of a container or an object that are looked at, at most
SET_BY_BACKTRADER = {"lines", "params", "plotinfo", "plotlines", "alias", "linealias", "packages", "frompackages"}
FIXED_PACKAGES = {"dataclasses", "decimal", "fractions", "logging", "numba", "pathlib", "re", "typing"}
"""Packages whose objects keep no values."""
NUMBERS = (array.array, np.ndarray, pd.DataFrame, pd.Series)
CONTAINERS = (MutableMapping, list, set, deque, bytearray, *NUMBERS)
_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)
_FIXED = (dt.date, dt.time, dt.timedelta, dt.tzinfo, np.dtype, np.ufunc, pd.Index, range, slice)
_ATOMS = (*_PLAIN, *_FIXED, _thread.LockType, _thread.RLock)
_DICE = ("random", "numpy.random")  # two equal runs would differ, which P0 finds


@dataclass(frozen=True, eq=False)
class Place:
    """Something that code can bind to another value."""

    name: str  # "Mine.best"
    owner: Any  # a module, class, function, instance or cell
    key: str  # "" for a cell
    value: Any

    @property
    def now(self) -> Any:
        """Its value now; None if it is not there any more."""
        if isinstance(self.owner, CellType):
            return self.owner.cell_contents
        return vars(self.owner).get(self.key) if hasattr(self.owner, "__dict__") else getattr(self.owner, self.key)

    def bind(self, value: Any) -> None:
        """Give it another value."""
        if isinstance(self.owner, CellType):
            self.owner.cell_contents = value
        elif isinstance(self.owner, type):
            type.__setattr__(self.owner, self.key, value)
        elif self.key in getattr(self.owner, "__dict__", {}):
            vars(self.owner)[self.key] = value
        else:
            object.__setattr__(self.owner, self.key, value)


@dataclass(frozen=True, eq=False)
class Code:
    """A function, and the class of whose objects it is a method, if it is one."""

    function: FunctionType
    method_of: type[Any] | None = None


@dataclass(eq=False)
class Reach:
    """What can be reached from the values that were looked at."""

    places: list[Place] = field(default_factory=list)
    containers: list[tuple[str, Any]] = field(default_factory=list)
    caches: list[tuple[str, Any]] = field(default_factory=list)  # of functools
    cached: list[Place] = field(default_factory=list)  # what a cached_property keeps
    opaque: list[tuple[str, Any]] = field(default_factory=list)  # objects of libraries: who knows what they keep?
    codes: list[Code] = field(default_factory=list)
    _seen: dict[int, Any] = field(default_factory=dict)  # by id; the object is kept, so that no id is used twice

    def look(self, name: str, value: Any, depth: int = 0, method_of: type[Any] | None = None) -> None:
        """Look at a value, and at what can be reached from it; `name` is what it is called."""
        if isinstance(value, _ATOMS) or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, (Enum, functools.partial)):
            self._attributes(name, value)
        if hasattr(value, "cache_clear") and hasattr(value, "cache_info"):
            self.caches.append((name, value))
        if isinstance(value, type):
            self._class(value)
        elif isinstance(value, FunctionType):
            self._function(value, method_of)
        elif isinstance(value, ModuleType):
            return  # its variables are looked at where code names them
        elif parts := _wrapped(value):
            for part in parts:
                self.look(name, part, depth, method_of if isinstance(value, property) else None)
        elif type(value).__module__.startswith("lstmstrat.") and not of_user(type(value)):
            for part in vars(value).values() if dataclasses.is_dataclass(value) else ():
                self.look(name, part, depth)
        elif _is_fixed(value):
            self._attributes(name, value)
        elif depth < DEPTH:
            self._object(name, value, depth)

    def look_at_the_engine(self, keys: set[str]) -> None:
        """Look for attributes of these names in the classes of Backtrader and of this package.

        A run has objects of them, such as a feed, so code can put something into them that it does not name.
        """
        modules = [m for name, m in list(sys.modules.items()) if name.partition(".")[0] in ENGINE]
        classes = {id(v): v for m in modules for v in list(vars(m).values()) if isinstance(v, type)}
        for cls in classes.values():
            if cls.__module__.partition(".")[0] in ENGINE and not of_user(cls) and not derived(cls):
                for key in sorted(key for key in keys & vars(cls).keys() if not _belongs_there(vars(cls)[key])):
                    self._place(f"{cls.__qualname__}.{key}", cls, key, vars(cls)[key])

    def _class(self, cls: type[Any]) -> None:
        for base in cls.__mro__:
            if not of_user(base):
                continue
            for key, value in list(vars(base).items()):
                if key in SET_BY_BACKTRADER or (key.startswith("__") and not _is_code(value)):
                    continue
                if not _is_inherited(base, key, value):
                    self._place(f"{base.__qualname__}.{key}", base, key, value)
                per_run = not issubclass(base, type) and key not in ("__new__", "__init_subclass__")
                self.look(f"{base.__qualname__}.{key}", value, 0, base if per_run else None)
        for made in ("params", "plotinfo", "lines") if of_user(cls) else ():
            info: Any = getattr(cls, made, None)
            for key, value in list(vars(info).items()) if derived(info) else ():
                if not key.startswith("__") and not _belongs_there(value):
                    self._place(f"{cls.__qualname__}.{made}.{key}", info, key, value)
            for key, value in info._getitems() if hasattr(info, "_getitems") else ():
                self.look(f"the default of parameter {key}", value)

    def _function(self, function: FunctionType, method_of: type[Any] | None) -> None:
        if not of_user(function):
            self._closure(function)
            self.look(function.__qualname__, getattr(function, "__wrapped__", None), 0, method_of)
            return
        self.codes.append(Code(function, method_of))
        self._closure(function)
        where = function.__qualname__
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for value in defaults:
            self.look(f"a default value of {where}", value)
        for key, value in list(vars(function).items()):
            self._place(f"{where}.{key}", function, key, value)
            self.look(f"{where}.{key}", value, 0, method_of)
        self._variables(function.__globals__, names(function.__code__))

    def _closure(self, function: FunctionType) -> None:
        for cell, key in zip(function.__closure__ or (), function.__code__.co_freevars, strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not set yet
                continue
            name = f"{key}, a variable around {function.__qualname__}"
            if key != "__class__" and id(cell) not in self._seen:
                self._seen[id(cell)] = cell
                self.places.append(Place(name, cell, "", value))
            self.look(name, value)

    def _variables(self, variables: dict[str, Any], used: Names) -> None:
        module = sys.modules.get(variables.get("__name__", ""))
        texts = {text for text in used.texts if text in variables}  # as in globals()["BEST"]
        for key in sorted((used.variables | texts) & variables.keys()):
            if key.startswith("__"):
                continue
            if module is not None and vars(module) is variables:
                self._place(_in_module(module, key), module, key, variables[key])
            self._variable(key, variables[key], used)
        for imported in sorted(used.imports & sys.modules.keys()):
            self._variable(imported, sys.modules[imported], used)

    def _variable(self, name: str, value: Any, used: Names) -> None:
        if isinstance(value, (ModuleType, type)) and not of_user(value):
            for key in sorted((used.attributes | used.texts) & vars(value).keys()):  # what was put into a library
                if not key.startswith("__") and not _belongs_there(vars(value)[key]):
                    self._place(f"{name}.{key}", value, key, vars(value)[key])
                    if isinstance(vars(value)[key], CONTAINERS) and not isinstance(value, type):
                        self.look(f"{name}.{key}", vars(value)[key])
        elif isinstance(value, ModuleType):
            for key in sorted((used.attributes | used.texts) & vars(value).keys()):
                if not key.startswith("__") and id(value) not in self._seen:
                    self._place(_in_module(value, key), value, key, vars(value)[key])
                    self._variable(_in_module(value, key), vars(value)[key], used)
        else:
            self.look(name, value)

    def _object(self, name: str, value: Any, depth: int) -> None:
        own = of_user(type(value))
        if isinstance(value, CONTAINERS):
            self.containers.append((name, value))
            if isinstance(value, NUMBERS):
                return
        elif not own and not isinstance(value, (tuple, frozenset)):
            self.opaque.append((name, value))
        for part in _members(value):
            self.look(name, part, depth + 1)
        for key, part in self._attributes(name, value):
            self.look(f"{name}.{key}", part, depth + 1)
        if own:
            self.look(name, type(value))

    def _attributes(self, name: str, value: Any) -> list[tuple[str, Any]]:
        """The attributes of an object, which are places too."""
        attributes = getattr(value, "__dict__", None)
        items = list(attributes.items())[:MEMBERS] if isinstance(attributes, dict) else []
        items += [(slot, getattr(value, slot)) for slot in _slots(value) if hasattr(value, slot)]
        for key, part in items:
            if isinstance(getattr(type(value), key, None), functools.cached_property):
                self.cached.append(Place(f"{name}.{key}", value, key, part))
            self._place(f"{name}.{key}", value, key, part)
        return items

    def _place(self, name: str, owner: Any, key: str, value: Any) -> None:
        if not any(place.owner is owner and place.key == key for place in self.places):
            self.places.append(Place(name, owner, key, value))


def _in_module(module: ModuleType, key: str) -> str:
    return key if module.__name__ == "__main__" else f"{module.__name__}.{key}"


def _is_inherited(cls: type[Any], key: str, value: Any) -> bool:
    """Whether Backtrader gave a class the value that its own class has."""
    values = [vars(base)[key] for base in cls.__mro__[1:] if key in vars(base) and not of_user(base)]
    return isinstance(value, _PLAIN) and value in values[:1]


def _is_code(value: Any) -> bool:
    return callable(value) or isinstance(value, (property, classmethod, staticmethod, ModuleType))


def _belongs_there(value: Any) -> bool:
    """Whether a value in a library is code of the library, and not something that a user put there."""
    inner = getattr(value, "__func__", value)
    is_code = _is_code(value) or hasattr(type(value), "__get__")
    return is_code and not (isinstance(inner, FunctionType) and of_user(inner))


def _wrapped(value: Any) -> list[Any]:
    """The parts of what only wraps something."""
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, (classmethod, staticmethod, MethodType)):
        return [value.__func__, getattr(value, "__self__", None)]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    inner = getattr(value, "__wrapped__", None) or getattr(value, "py_func", None)
    return [] if inner is None else [inner]


def _is_fixed(value: Any) -> bool:
    """Whether an object keeps no values: one of this package or of Python's, or random numbers."""
    if isinstance(value, Enum) or (isinstance(value, bt.CommInfoBase) and not of_user(type(value))):
        return True
    if isinstance(value, CONTAINERS) or of_user(type(value)) or isinstance(value, (tuple, frozenset)):
        return False
    module = type(value).__module__
    if module.partition(".")[0] in FIXED_PACKAGES or module.startswith(_DICE):
        return True
    is_descriptor = hasattr(type(value), "__get__") and not hasattr(value, "__dict__")
    return is_descriptor or (callable(value) and module == "builtins")


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from itertools.islice([*value.keys(), *value.values()], MEMBERS)
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from itertools.islice(list(value), MEMBERS)


def _slots(value: Any) -> list[str]:
    """The names of the slots of an object of a user's class."""
    found = [vars(base).get("__slots__", ()) for base in type(value).__mro__ if of_user(base)]
    return [slot for slots in found for slot in ((slots,) if isinstance(slots, str) else slots)]
