"""Parameters of a user's own class or function: frozen values as YAML and JSON have them, and their types."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameters(Mapping[str, Any]):
    """Names and values that nobody can change: equal, and hashed, by their JSON.

    Examples
    --------
    >>> parameters = Parameters.of({"depth": 3, "sizes": (8, 4)})
    >>> parameters["depth"], dict(parameters)
    (3, {'depth': 3, 'sizes': [8, 4]})
    >>> parameters == Parameters.of({"sizes": [8, 4], "depth": 3}), parameters == Parameters.of({"depth": 3.0})
    (True, False)
    """

    text: str = "{}"  # JSON, with its keys in order

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Parameters:
        """The parameters with these values.

        Raises
        ------
        ValueError
            A value is nothing that YAML and JSON have, or a name is no text.
        """
        _check_json(dict(values), "")
        return cls(json.dumps(dict(values), sort_keys=True, allow_nan=False))

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        return repr(self._values())

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.text)  # a new copy each time, so that nobody can change ours
        return values


def _check_json(value: object, where: str) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise ValueError(f"the name {name!r} is no text; expected such as {{n_estimators: 50}}")
            _check_json(inner, f"{where}.{name}" if where else name)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_json(inner, where)
    elif not _is_plain(value):
        raise ValueError(
            f"{where} has a value of type {type(value).__name__}, {value!r:.40}; expected numbers, text, true, "
            "false, null, and lists and mappings of these"
        )


def _is_plain(value: object) -> bool:
    return type(value) in (bool, int, str, type(None)) or (type(value) is float and math.isfinite(value))


def type_mistake(name: str, value: object, default: object) -> str:
    """A sentence if the type of `value` is not that of the default of the parameter; else ""."""
    if default is None or _fits(value, default):
        return ""
    kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}.get(type(default))
    return (
        f"{name}: {value!r} given, expected {kind or type(default).__name__}, such as {_example(value, default)!r}"
    )


def _example(value: object, default: object) -> object:
    """The number in text such as ``1e-3``, which YAML reads as text and not as a number; else the default."""
    if isinstance(value, str) and isinstance(default, float):
        with contextlib.suppress(ValueError):
            return float(value) if math.isfinite(float(value)) else default
    return default


def _fits(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
    if isinstance(default, (tuple, list)):
        return isinstance(value, (tuple, list))
    return isinstance(value, type(default))
