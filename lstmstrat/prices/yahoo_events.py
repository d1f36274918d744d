"""The dividends, splits and capital gains in an answer of Yahoo: those that cannot be are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lstmstrat.prices.findings import shown

_NUMBERS = {"dividends": ("amount",), "capitalGains": ("amount",), "splits": ("numerator", "denominator")}
LARGEST = 1e15  # of an amount, or of a time in seconds
_NAMES = {"dividends": "dividend", "capitalGains": "capital gain", "splits": "split"}


def sound_events(content: Any) -> tuple[Any, tuple[str, ...]]:
    """An answer of Yahoo without the events that cannot be, and their names, such as ``split of 2024-01-03``.

    An event has a time and amounts above 0; of `content` without such events nothing is changed.
    """
    try:
        events = content["chart"]["result"][0]["events"]
        kinds = [(kind, events[kind]) for kind in _NUMBERS if isinstance(events.get(kind), dict)]
    except (TypeError, LookupError, AttributeError):
        return content, ()
    left_out = []
    for kind, of_kind in kinds:
        for key in [key for key, event in of_kind.items() if not _is_sound(event, _NUMBERS[kind])]:
            left_out.append(f"{_NAMES[kind]} of {_day_of(of_kind.pop(key), key)}")
    return content, tuple(left_out)


def _is_sound(event: Any, amounts: tuple[str, ...]) -> bool:
    if not isinstance(event, Mapping) or not _is_number(event.get("date")):
        return False
    return all(_is_number(event.get(name)) and event[name] > 0.0 for name in amounts)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST


def _day_of(event: Any, key: str) -> str:
    """The day of an event by its time, or by its key, which is the time again."""
    seconds = event.get("date", key) if isinstance(event, Mapping) else key
    try:
        return f"{pd.Timestamp(float(seconds), unit='s'):%Y-%m-%d}"
    except (TypeError, ValueError, OverflowError):
        return f"an unknown day ({shown(key)})"
