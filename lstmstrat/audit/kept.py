"""What an earlier run in this process may have left behind for the next one, and how to take it away.

A class of a notebook cannot be had anew: an optimum over all bars that it kept from an earlier run is in place
before the audit begins, so all runs of the audit agree. What its code binds is read from its bytecode, what the
source says about the first value from the source, and whether a container is filled by a run, by emptying it in a
fork of this process and looking again after the run.
"""

from __future__ import annotations

import array
import copy
import functools
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.audit import child
from lstmstrat.audit.literals import EMPTY, UNKNOWN, is_as_written, literal
from lstmstrat.audit.reach import CONTAINERS, Place, Reach
from lstmstrat.audit.stores import Stores, stores
from lstmstrat.audit.trace import Subject
from lstmstrat.audit.user_code import of_user
from lstmstrat.trading.simulation import set_by_run

SPECIAL = {"__defaults__", "__kwdefaults__", "__code__", "__class__", "__bases__", "__doc__", "__annotations__"}
"""Attributes that every function or class has; what they were first is not known."""
MOST_TRIALS = 40  # runs that find out what is filled again
MEMBERS = 12  # the newest of a container, which are taken out one by one


@dataclass(frozen=True, eq=False)
class Kept:
    """Something that code keeps between runs."""

    name: str  # "Mine.best"
    take_away: Callable[[], None] | None  # give it the value of a fresh definition; None: there is no way
    certain: bool  # that value is known, and not only likely


def kept_by(subject: Subject, code_is_fresh: bool = False) -> list[Kept]:
    """What the subject's code keeps between runs, and may have been filled by an earlier one.

    If its modules were just imported, only what its parameters hold is looked at.
    """
    whole, own = Reach(), Reach()
    for reach in (whole, own):
        for name, value in subject.params.items():
            if name not in set_by_run(subject.cls, subject.broker, subject.forecast):
                reach.look(f"parameter {name}", value)
    whole.look("setup", subject.setup)
    whole.look(subject.cls.__qualname__, subject.cls)
    bound, reach = stores(whole.codes), own if code_is_fresh else whole
    functions = [code.function for code in whole.codes]
    if not code_is_fresh:
        reach.look_at_the_engine(bound.attributes)
    found = [_of_place(p, functions) for p in reach.places if _may_be_bound(p, bound, functions)]
    found += [_of_cache(name, cache) for name, cache in reach.caches if cache.cache_info().currsize]
    found += [Kept(p.name, functools.partial(vars(p.owner).pop, p.key, None), True) for p in reach.cached]
    found += [Kept(f"{key} of an object", None, False) for key in sorted(bound.attributes & SPECIAL)]
    return [each for each in found if each] + _of_contents(
        subject, reach, bound.in_place or reach.decorated, functions
    )


def _of_place(place: Place, functions: list[FunctionType]) -> Kept | None:
    """A variable or an attribute that code binds; None if it is as its definition gives it."""
    written = literal(place.owner, place.key, functions)
    if place.value is None or is_as_written(place.value, written) or _is_empty(place.value):
        return None
    if written is UNKNOWN:
        zero = isinstance(place.value, (bool, int, float, str))
        return Kept(place.name, lambda: place.bind(type(place.value)() if zero else None), False)
    empty = written is EMPTY
    return Kept(place.name, lambda: place.bind(_emptied(place.value) if empty else copy.deepcopy(written)), True)


def _of_cache(name: str, cache: Any) -> Kept:
    return Kept(name, cache.cache_clear, True)


def _is_empty(value: Any) -> bool:
    return isinstance(value, CONTAINERS) and len(value) == 0


def _emptied(value: Any) -> Any:
    value = copy.copy(value)
    value.clear()
    return value


def _may_be_bound(place: Place, bound: Stores, functions: list[FunctionType]) -> bool:
    """Whether code may bind the place to something else; not where a function or a class was defined."""
    owner, key = place.owner, place.key
    if _is_at_home(place):
        return False
    if isinstance(owner, ModuleType):
        bound_here = (owner.__name__, key) in bound.variables or key in bound.attributes
        return bound_here or (bound.anything and of_user(owner))
    if isinstance(owner, (type, FunctionType)):
        return key in bound.attributes or (bound.anything and of_user(owner))
    if key:
        return key in bound.attributes | bound.of_itself or (bound.anything and of_user(type(owner)))
    names = [(f, dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))) for f in functions]
    return any(cells[name] is owner for f, cells in names for name in cells if (id(f), name) in bound.cells)


def _is_at_home(place: Place) -> bool:
    value: Any = place.value
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", value)
    name, above = getattr(value, "__qualname__", None), getattr(place.owner, "__qualname__", "")
    return isinstance(value, ModuleType) or name == (f"{above}.{place.key}" if above else place.key)


def _of_contents(subject: Subject, reach: Reach, in_place: bool, functions: list[FunctionType]) -> list[Kept]:
    """The containers and the objects of libraries that a run fills."""
    found, unknown = list[Kept](), list[tuple[str, Any]]()
    for name, value in reach.containers if in_place or reach.opaque else ():
        place = next((p for p in reach.places if p.value is value), None)
        written = literal(place.owner, place.key, functions) if place else UNKNOWN
        if written is not UNKNOWN and not isinstance(value, (np.ndarray, pd.DataFrame, pd.Series)):
            found += [] if is_as_written(value, written) else [Kept(name, _refill(value, written), True)]
        elif len(value):
            unknown.append((name, value))
    for name, value in reach.opaque:
        content = getattr(value, "__dict__", None)
        if content and isinstance(content, dict):
            unknown.append((name, content))
        elif type(value) is not object:
            found.append(Kept(f"{name}, a {type(value).__qualname__}", None, False))
    trials = [(name, trial) for name, value in unknown for trial in _trials(value)]
    if not child.CAN_FORK or len(trials) > MOST_TRIALS:
        return found + [Kept(name, None, False) for name, _ in unknown]
    for name, value in unknown:
        back = [trial for trial in _trials(value) if _comes_back(subject, trial)]
        found += [Kept(name, back[0].take_out, False)] if back and back[0].whole else []
        found += [Kept(name, trial.take_out, False) for trial in back if not back[0].whole]
    return found


def _refill(value: Any, written: Any) -> Callable[[], None]:
    def refill() -> None:
        content = () if written is EMPTY else copy.deepcopy(written)
        value.clear()
        (value.update if isinstance(value, (MutableMapping, set)) else value.extend)(content)

    return refill


@dataclass(frozen=True, eq=False)
class _Trial:
    """Something that is taken out of a container, and how to see whether it is there again."""

    take_out: Callable[[], None]
    is_back: Callable[[], bool]
    whole: bool = False


def _trials(value: Any) -> Iterator[_Trial]:
    """Ways to take something out of a container; first all of it, then its members one by one."""
    if isinstance(value, (np.ndarray, pd.DataFrame, pd.Series, array.array)):
        yield from _trials_of_numbers(value)
        return
    yield _Trial(value.clear, lambda: len(value) > 0, whole=True)
    if isinstance(value, MutableMapping):
        for key in list(value)[-MEMBERS:]:
            yield _Trial(lambda key=key: value.pop(key, None), lambda key=key: key in value)  # type: ignore[misc]
            yield _without(value, key)
    elif hasattr(value, "index"):
        yield from (_without(value, k) for k in range(len(value))[-MEMBERS:])


def _without(value: Any, key: Any) -> _Trial:
    return _Trial(lambda: value.__setitem__(key, None), lambda: _member(value, key) is not None)


def _member(value: Any, key: Any) -> Any:
    """The member at a key or a position; None if there is none."""
    try:
        return value[key]
    except (KeyError, IndexError):
        return None


def _trials_of_numbers(value: Any) -> Iterator[_Trial]:
    kind = np.asarray(value).dtype.kind
    for blank in (0.0, float("nan")) if kind in "fc" else (0,) if kind in "iub" else ():
        yield _Trial(
            lambda blank=blank: _fill(value, blank),  # type: ignore[misc]
            lambda blank=blank: not _is_filled(value, blank),  # type: ignore[misc]
            whole=True,
        )


def _fill(value: Any, blank: float) -> None:
    if isinstance(value, array.array):
        value[:] = array.array(value.typecode, [blank] * len(value))
    elif isinstance(value, np.ndarray):
        value[...] = blank
    else:
        value.iloc[:] = blank


def _is_filled(value: Any, blank: float) -> bool:
    numbers = np.asarray(value)
    return bool((np.isnan(numbers) if blank != blank else numbers == blank).all())


def _comes_back(subject: Subject, trial: _Trial) -> bool:
    def run() -> bool:
        trial.take_out()
        subject.with_fields(session=None).run()
        return bool(trial.is_back())

    try:
        return bool(child.forked(run))
    except child.ChildError:
        return False
