"""What an earlier run in this process may have left behind for the next one, and how to take it away.

A class of a notebook cannot be had anew: an optimum over all bars that it kept from an earlier run is in place
before the audit begins, so all runs of the audit agree. What may be kept is found in the code: containers, and
what its bytecode binds. Each is given the first value that the source tells, and each container is emptied, in a
fork of this process, and the class is run there. What that run has filled again is kept between runs; all else,
such as a setting that a later cell has changed, is left alone. A first value that can only be guessed is set to
zero or None.
"""

from __future__ import annotations

import array
import copy
import functools
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from lstmstrat.audit import child
from lstmstrat.audit.literals import EMPTY, UNKNOWN, is_as_written, literal
from lstmstrat.audit.own_code import OwnCode
from lstmstrat.audit.reach import CONTAINERS, NUMBERS, Place, Reach
from lstmstrat.audit.stores import Stores, stores
from lstmstrat.audit.user_code import of_user

SPECIAL = {"__defaults__", "__kwdefaults__", "__code__", "__class__", "__bases__", "__doc__", "__annotations__"}
"""Attributes that every function or class has; what they were first is not known."""
MOST_RUNS = 40  # that find out what is filled again
MEMBERS = 12  # the newest of a container, which are taken out one by one


@dataclass(frozen=True, eq=False)
class Kept:
    """Something that code keeps between runs."""

    name: str  # "Mine.best"
    take_away: Callable[[], None] | None  # give it the value of a fresh definition; None: there is no way
    certain: bool  # that value is known, and not only likely


@dataclass(frozen=True, eq=False)
class _Candidate:
    """Something that may be kept, and how to see whether a run has filled it again."""

    name: str
    take_away: Callable[[], None]
    is_filled: Callable[[], bool]
    certain: bool
    parts: tuple[_Candidate, ...] = ()  # its members, where it cannot be without any
    second: bool = False  # another guess of the same, which is tried in a run of its own

    @property
    def kept(self) -> Kept:
        return Kept(self.name, self.take_away, self.certain)


def kept_by(own: OwnCode, code_is_fresh: bool = False) -> list[Kept]:
    """What the code keeps between runs, and may have been filled by an earlier one.

    If its modules were just imported, only what its parameters hold is looked at.
    """
    whole, fresh = Reach(), Reach()
    for reach in (whole, fresh):
        for name, value in own.values.items():
            reach.look(f"parameter {name}", value)
    for name, root in own.roots:
        whole.look(name, root)
    bound, reach = stores(whole.codes), fresh if code_is_fresh else whole
    functions = [code.function for code in whole.codes]
    if not code_is_fresh:
        reach.look_at_the_engine(bound.attributes)
    places = [p for p in reach.places if _may_be_bound(p, bound, functions)]
    changed = [each for place in places if (each := _of_place(place, functions))]
    candidates = [each for each in changed if isinstance(each, _Candidate)] + list(_of_contents(reach, functions))
    found = [Kept(name, cache.cache_clear, True) for name, cache in reach.caches if cache.cache_info().currsize]
    found += [Kept(p.name, functools.partial(vars(p.owner).pop, p.key, None), True) for p in reach.cached]
    found += [Kept(f"{key} of an object", None, False) for key in sorted(bound.attributes & SPECIAL)]
    found += [Kept(name, None, False) for name in _stuck(reach)]
    found += [each for each in changed if isinstance(each, Kept)]
    return found + _filled_by_a_run(own, candidates)


def _filled_by_a_run(own: OwnCode, candidates: list[_Candidate]) -> list[Kept]:
    """Those that a run fills again."""
    tries = [[each for each in candidates if each.second == second] for second in (False, True)]
    return [kept for those in tries if those for kept in _filled_together(own, those)]


def _filled_together(own: OwnCode, candidates: list[_Candidate]) -> list[Kept]:
    """Those that a run without any of them fills again; if there is no such run, they are tried one by one."""
    filled = _run_without(own, candidates) if child.CAN_FORK else None
    if filled is not None:
        return [each.kept for each, is_filled in zip(candidates, filled, strict=True) if is_filled]
    if not child.CAN_FORK or sum(1 + len(each.parts) for each in candidates) > MOST_RUNS:
        return [Kept(each.name, None, False) for each in candidates]
    found = list[Kept]()
    for each in candidates:
        alone = _run_without(own, [each])
        parts = each.parts if alone is None else (each,) if alone[0] else ()
        found += [part.kept for part in parts if part is each or (_run_without(own, [part]) or [False])[0]]
    return found


def _run_without(own: OwnCode, candidates: Sequence[_Candidate]) -> list[bool] | None:
    """Whether a run fills each of the candidates again; None if it cannot run without them."""

    def run() -> list[bool] | None:
        for each in candidates:
            each.take_away()
        return None if own.did(streamed=False).error else [each.is_filled() for each in candidates]

    try:
        filled: list[bool] | None = child.forked(run)
    except child.ChildError:
        return None
    return filled


def _of_place(place: Place, functions: list[FunctionType]) -> _Candidate | Kept | None:
    """A variable or an attribute that code binds; None if it is as its definition gives it.

    Where the first value is not known, no run can tell whether it would be filled again.
    """
    written = literal(place.owner, place.key, functions)
    if place.value is None or is_as_written(place.value, written) or _is_empty(place.value):
        return None
    if written is UNKNOWN:
        zero = isinstance(place.value, (bool, int, float, str))
        return Kept(place.name, lambda: place.bind(type(place.value)() if zero else None), False)
    first = _emptied(place.value) if written is EMPTY else written
    return _Candidate(
        place.name,
        lambda: place.bind(copy.deepcopy(first)),
        lambda: not is_as_written(place.now, written),
        True,
    )


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


def _stuck(reach: Reach) -> Iterator[str]:
    """The objects of libraries of which nobody can see what they keep."""
    for name, value in reach.opaque:
        if not isinstance(getattr(value, "__dict__", None), dict) and type(value) is not object:
            yield f"{name}, a {type(value).__qualname__}"


def _of_contents(reach: Reach, functions: list[FunctionType]) -> Iterator[_Candidate]:
    """The containers, and the objects of libraries that keep something."""
    for name, value in reach.containers:
        place = next((p for p in reach.places if p.value is value), None)
        written = literal(place.owner, place.key, functions) if place else UNKNOWN
        if isinstance(value, NUMBERS) or (written is UNKNOWN and len(value)):
            yield from _of_container(name, value)
        elif written is not UNKNOWN and not is_as_written(value, written):
            yield _Candidate(
                name,
                functools.partial(_refill, value, written),
                functools.partial(_is_other, value, written),
                True,
            )
    for name, value in reach.opaque:
        content = getattr(value, "__dict__", None)
        if isinstance(content, dict) and content:
            yield from _of_container(name, content)


def _refill(value: Any, written: Any) -> None:
    content = () if written is EMPTY else copy.deepcopy(written)
    value.clear()
    (value.update if isinstance(value, (MutableMapping, set)) else value.extend)(content)


def _is_other(value: Any, written: Any) -> bool:
    return not is_as_written(value, written)


def _of_container(name: str, value: Any) -> Iterator[_Candidate]:
    """A container whose first content is not known: it is emptied, or its members are taken out one by one."""
    if isinstance(value, NUMBERS):
        kind = np.asarray(value).dtype.kind
        for blank in (0.0, float("nan")) if kind in "fc" else (0,) if kind in "iub" else ():
            take_away = functools.partial(_fill, value, blank)
            is_filled = functools.partial(_is_not_filled, value, blank)
            yield _Candidate(name, take_away, is_filled, False, second=blank != 0.0)
        return
    parts = list[_Candidate]()
    if isinstance(value, MutableMapping):
        for key in list(value)[-MEMBERS:]:
            pop = functools.partial(value.pop, key, None)
            parts += [
                _Candidate(name, pop, functools.partial(_has, value, key), False),
                _without(name, value, key),
            ]
    elif hasattr(value, "index"):
        parts += [_without(name, value, k) for k in range(len(value))[-MEMBERS:]]
    yield _Candidate(name, value.clear, functools.partial(_has_members, value), False, tuple(parts))


def _has(value: Any, key: Any) -> bool:
    return key in value


def _has_members(value: Any) -> bool:
    return len(value) > 0


def _without(name: str, value: Any, key: Any) -> _Candidate:
    blank = functools.partial(value.__setitem__, key, None)
    return _Candidate(name, blank, lambda: _member(value, key) is not None, False)


def _member(value: Any, key: Any) -> Any:
    """The member at a key or a position; None if there is none."""
    try:
        return value[key]
    except (KeyError, IndexError):
        return None


def _fill(value: Any, blank: float) -> None:
    if isinstance(value, array.array):
        value[:] = array.array(value.typecode, [blank] * len(value))
    elif isinstance(value, np.ndarray):
        value[...] = blank
    else:
        value.iloc[:] = blank


def _is_not_filled(value: Any, blank: float) -> bool:
    numbers = np.asarray(value)
    return not bool((np.isnan(numbers) if blank != blank else numbers == blank).all())
