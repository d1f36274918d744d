"""Strategies of a config that are given in Python: classes as such, alone or with their parameters."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lstmstrat.config.section import as_tuple


def class_path(value: str | type[Any]) -> str:
    """``module:Class`` of a class; text is one already.

    >>> from fractions import Fraction
    >>> class_path(Fraction), class_path("strategies.long_flat:LongFlat")
    ('fractions:Fraction', 'strategies.long_flat:LongFlat')
    """
    return value if isinstance(value, str) else f"{value.__module__}:{value.__qualname__}"


def importable(path: str) -> bool:
    """Whether another program may find a class at this path: not one of a notebook, a script or a function."""
    return not path.startswith("__main__:") and "<locals>" not in path


def class_or_text(value: object) -> object:
    """A class, or the text that names one."""
    if isinstance(value, (str, type)):
        return value
    raise ValueError("expected module:Class, such as strategies.long_flat:LongFlat, or in Python a class")


def label_of(path: str) -> str:
    """The class of a path in snake case.

    >>> label_of("strategies.long_flat:LongFlat")
    'long_flat'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.split(r"[:.]", path)[-1]).lower()


def entries(value: object) -> object:
    """The list under ``strategies:`` as a tuple, with sections in place of classes.

    A class stands alone, or in a pair with its parameters. Where a class is in the list more than once, the
    parameters of a pair are part of its name, so that ``[Mine, (Mine, {"threshold": 0.01})]`` needs no names.
    """
    if isinstance(value, (str, type)):
        raise ValueError(f"expected a list, such as [{_written(value)}]")
    value = as_tuple(value)
    if not isinstance(value, tuple):
        raise ValueError("expected a list, such as [{class: strategies.long_flat:LongFlat}]")
    if texts := [one for one in value if isinstance(one, str)]:
        raise ValueError(f"{texts[0]!r} given, expected {_written(texts[0])}")
    times = Counter(one for one in map(_class, value) if one is not None)
    return tuple(_entry(one, times) for one in value)


def _written(value: str | type[Any]) -> str:
    """The entry of the list for one class: as YAML, or as Python."""
    return value.__name__ if isinstance(value, type) else f"{{class: {json.dumps(value)}}}"


def _class(entry: object) -> type[Any] | None:
    """The class of an entry that is a class, or a pair of a class and its parameters."""
    if isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], Mapping):
        entry = entry[0]
    return entry if isinstance(entry, type) else None


def _entry(entry: object, times: Mapping[type[Any], int]) -> object:
    cls = _class(entry)
    if cls is None:
        return entry
    params = dict(entry[1]) if isinstance(entry, tuple) else {}
    if not params or times[cls] == 1:
        return {"class": cls, "params": params}
    text = ", ".join(f"{name}={value}" for name, value in params.items())
    return {"class": cls, "params": params, "name": f"{label_of(class_path(cls))}({text})"}
