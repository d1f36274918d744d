"""How containers, arrays, tables and other instances are written into a hash: by what they hold."""

from __future__ import annotations

import _thread
import copyreg
import sys
import weakref
from collections import deque
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmstrat.config.identity.own_modules import installed
from lstmstrat.config.identity.walk import UnidentifiedError, Walk, Writer


def _tuple(walk: Walk, value: tuple[Any, ...], where: str) -> None:
    walk.write("tuple")
    walk.each(value, where)


def _sequence(walk: Walk, value: Any, where: str) -> None:
    walk.write(type(value).__name__)
    walk.each(value, where)


def _set(walk: Walk, value: Any, where: str) -> None:
    walk.write("set")
    walk.unordered(value, where)


def _mapping(walk: Walk, value: Any, where: str) -> None:
    """In its own order, which a loop over it follows."""
    walk.write("mapping", len(value))
    for key, item in value.items():
        walk.add(key, where)
        walk.add(item, f"{where}[{key!r}]" if isinstance(key, str) else where)


def _array(walk: Walk, value: Any, where: str) -> None:
    walk.write("array", repr(value.dtype), value.shape)
    if value.dtype.hasobject:
        walk.each(value.ravel().tolist(), where)
    else:
        walk.write(value.tobytes())


def _scalar(walk: Walk, value: Any, where: str) -> None:
    walk.write("scalar", repr(value.dtype), value.tobytes())


def _dtype(walk: Walk, value: Any, where: str) -> None:
    walk.write("dtype", repr(value))


def _table(walk: Walk, value: Any, where: str) -> None:
    """Columns and labels, not the blocks in which pandas keeps them."""
    walk.write("table")
    walk.each((value.index, value.columns), where)
    for position in range(len(value.columns)):
        _column(walk, value.iloc[:, position], where)


def _series(walk: Walk, value: Any, where: str) -> None:
    walk.write("series")
    walk.each((value.name, value.index), where)
    _column(walk, value, where)


def _index(walk: Walk, value: Any, where: str) -> None:
    walk.write("index")
    walk.each(value.names, where)
    _column(walk, value, where)


def _column(walk: Walk, value: Any, where: str) -> None:
    walk.write("column", value.dtype)
    plain = isinstance(value.dtype, np.dtype)
    _array(walk, value.to_numpy() if plain else value.astype(object).to_numpy(), where)


def _tensor(walk: Walk, value: Any, where: str) -> None:
    data = value.detach().cpu().contiguous().flatten().view(sys.modules["torch"].uint8)
    walk.write("tensor", value.dtype, tuple(value.shape), bytes(data.numpy()))


def _compiled(walk: Walk, value: Any, where: str) -> None:
    """A function that numba compiles."""
    walk.write("compiled")
    walk.each((value.py_func, value.targetoptions), where)


def _lock(walk: Walk, value: object, where: str) -> None:
    walk.write("lock")


def _reference(walk: Walk, value: Any, where: str) -> None:
    walk.write("reference")
    walk.add(value(), where)


def instance(walk: Walk, value: Any, where: str) -> None:
    """Any other object: its class, and the parts of which a copy of it would be made.

    Raises
    ------
    UnidentifiedError
        It cannot be copied.
    """
    parts = _parts(value)
    if parts is None:
        kind = type(value).__qualname__
        raise UnidentifiedError(where if where == f"a {kind}" else f"{where}, a {kind}")
    walk.write("instance")
    walk.add(type(value), where)
    if isinstance(parts, str):
        walk.write(parts)
    else:
        make, arguments, state, items, pairs = (*parts, None, None, None)[:5]
        walk.each((make, arguments), where)
        walk.add(state, where)
        walk.each(items or (), where)
        walk.each(pairs or (), where)
    if installed(type(value).__module__) is None:  # a __getstate__ of the user's may leave something out
        walk.namespace(getattr(value, "__dict__", {}), where)


def _parts(value: Any) -> Any:
    """The parts of a copy, or the name of what is never copied; None if there is neither."""
    try:
        special = copyreg.dispatch_table.get(type(value))
        parts = special(value) if special else value.__reduce_ex__(4)
    except Exception:  # whatever it raises, the object does not say what it holds
        return None
    owner = str(getattr(value, "__module__", None) or type(value).__module__)
    return None if isinstance(parts, str) and installed(owner) is None else parts


def _loaded(module: str, *writers: tuple[str, Writer]) -> list[tuple[type[Any], Writer]]:
    """Writers of the classes of a package; none if it was never imported."""
    return [(getattr(sys.modules[module], name), writer) for name, writer in writers if module in sys.modules]


TREES: dict[type, Writer] = {tuple: _tuple, frozenset: _set}


def writers() -> list[tuple[type[Any], Writer]]:
    """Writers by type; the first that fits is taken."""
    return [
        (list, _sequence),
        (deque, _sequence),
        (tuple, _sequence),
        (set, _set),
        (frozenset, _set),
        (dict, _mapping),
        (MappingProxyType, _mapping),
        (np.ndarray, _array),
        (np.generic, _scalar),
        (np.dtype, _dtype),
        (_thread.LockType, _lock),
        (_thread.RLock, _lock),
        (weakref.ReferenceType, _reference),
        *_loaded("pandas", ("DataFrame", _table), ("Series", _series), ("Index", _index)),
        *_loaded("torch", ("Tensor", _tensor)),
        *_loaded("numba.core.registry", ("CPUDispatcher", _compiled)),
    ]
