"""Values as JSON, for another process: plain values, containers, dates, and what can be imported by its name."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import functools
import importlib
import sys
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.prices.outside import Outside, Stream

_SEQUENCES = {kind.__name__: kind for kind in (tuple, set, frozenset)}
_DATES = {kind.__name__: kind for kind in (dt.datetime, dt.date, dt.time)}
_MARK = "!"  # begins the only key of what is no plain value


class NotSentError(Exception):
    """A value that another process cannot make from JSON."""


def to_json(value: Any) -> Any:
    """A value as JSON.

    Raises
    ------
    NotSentError
        It is an object that is more than its parameters, or is defined in a notebook or in a function.

    Examples
    --------
    >>> to_json({"lags": (3, 5)}), from_json(to_json({"lags": (3, 5)}))
    ({'!dict': [['lags', {'!tuple': [3, 5]}]]}, {'lags': (3, 5)})
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is list:
        return [to_json(item) for item in value]
    if type(value) is dict:
        return {"!dict": [[to_json(key), to_json(item)] for key, item in value.items()]}
    name = type(value).__name__
    if _SEQUENCES.get(name) is type(value):
        return {_MARK + name: [to_json(item) for item in value]}
    if _DATES.get(name) is type(value) and getattr(value, "tzinfo", None) is None:
        return {_MARK + name: value.isoformat()}
    if isinstance(value, type) or hasattr(value, "__code__"):
        return {"!name": _name(value)}
    if isinstance(value, bt.CommInfoBase):
        return {"!made": [_name(type(value)), to_json(dict(value.p._getkwargs()))]}
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {"!made": [_name(type(value)), to_json(fields)]}
    raise NotSentError(f"a {type(value).__qualname__}")


def from_json(value: Any) -> Any:
    """The value of `to_json`."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    kind = kind.removeprefix(_MARK)
    if kind == "dict":
        return {from_json(key): from_json(item) for key, item in content}
    if kind == "name":
        return _named(content)
    if kind == "made":
        return _named(content[0])(**from_json(content[1]))
    if kind in _DATES:
        return _DATES[kind].fromisoformat(content)
    return _SEQUENCES[kind](from_json(item) for item in content)


def _name(value: Any) -> str:
    module, name = str(value.__module__), str(value.__qualname__)
    try:
        is_there = _at(sys.modules[module], name) is value and getattr(sys.modules[module], "__file__", None)
    except (KeyError, AttributeError):
        is_there = False
    if not is_there or module == "__main__":
        raise NotSentError(f"{module}.{name}")
    return f"{module}:{name}"


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return _at(importlib.import_module(module), name)


def _at(module: Any, path: str) -> Any:
    return functools.reduce(getattr, path.split("."), module)


def frame_to_json(frame: pd.DataFrame) -> dict[str, Any]:
    """Bars as JSON, to the last bit."""
    index = pd.DatetimeIndex(frame.index)
    return {
        "columns": list(frame.columns),
        "values": base64.b64encode(np.ascontiguousarray(frame.to_numpy(dtype=np.float64)).tobytes()).decode(),
        "times": base64.b64encode(index.tz_localize(None).to_numpy(dtype="datetime64[ns]").tobytes()).decode(),
    }


def frame_from_json(values: dict[str, Any]) -> pd.DataFrame:
    """The bars of `frame_to_json`."""
    times = np.frombuffer(base64.b64decode(values["times"]), dtype="datetime64[ns]")
    numbers = np.frombuffer(base64.b64decode(values["values"])).reshape(len(times), -1)
    return pd.DataFrame(numbers.copy(), index=pd.DatetimeIndex(times), columns=values["columns"])


def outside_to_json(outside: Outside) -> dict[str, Any]:
    """Columns and peers as JSON, to the last bit."""
    return {
        "extra": [_stream_to_json(stream) for stream in outside.extra],
        "peers": [_stream_to_json(stream) for stream in outside.peers],
    }


def outside_from_json(values: dict[str, Any]) -> Outside:
    """The columns and peers of `outside_to_json`."""
    return Outside(*(tuple(_stream_from_json(one) for one in values[kind]) for kind in ("extra", "peers")))


def _stream_to_json(stream: Stream) -> dict[str, Any]:
    rows = pd.DataFrame(stream.values, pd.DatetimeIndex(stream.known))
    return {"name": stream.name, "rows": frame_to_json(rows)}


def _stream_from_json(values: dict[str, Any]) -> Stream:
    rows = frame_from_json(values["rows"])
    return Stream(values["name"], rows.index.to_numpy().astype("datetime64[ns]"), rows.to_numpy())
