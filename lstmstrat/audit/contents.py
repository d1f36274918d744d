"""What makes a value a table: dates, or many numbers that follow no rule."""

from __future__ import annotations

import array
import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

DATES = 5  # from this number of dates on, values are a table with dates
NUMBERS = 50  # from this number on, numbers are a long row; a small grid of parameters is not
BYTES = 100  # the same for bytes
BITS = 128  # the same for the bits of one whole number; a seed has fewer
COLUMNS = 1000  # columns of a frame that are looked at, at most

_ISO = re.compile(r"(?<!\d)(?:19|20)\d\d[-/.]?(?:0[1-9]|1[0-2])[-/.]?(?:0[1-9]|[12]\d|3[01])(?!\d)")
_WORD = re.compile(rf"\S{{{NUMBERS},}}")
_BETWEEN = re.compile(r"[\s/\\.:,;|?&=_-]+")  # words of a text, of a path or of an address
FEW_WORDS = 10  # a text of so few different words, again and again, is a table too
FEW_LETTERS = 6  # a long word of so few different characters is a row of signals, such as "+-+-"
LONG_BITS, LONG_DIGITS = 16, 7  # from these on a whole number, and a fraction, is a long one
MOST_LONG_BITS = 512  # of all long numbers of one code together


def described(value: Any) -> str:
    """What makes a value a table, in words; "" if it is none.

    Examples
    --------
    >>> described(list(range(5, 200, 5))), described([0.3] * 10)
    ('', '')
    >>> described(np.random.default_rng(0).normal(size=60))
    'has 60 numbers'
    """
    if isinstance(value, pd.DataFrame):
        with_dates = [value[name] for name in value.columns[:COLUMNS] if _has_dates(value[name])]
        said = [dates_said(list(dates)) for dates in (value.index, *with_dates)]
        return next(filter(None, said), "") or _size_said(value.size)
    if isinstance(value, pd.Series):
        return dates_said(list(value.index)) or described(value.to_numpy())
    if isinstance(value, pd.Index):
        return described(value.to_numpy())
    if isinstance(value, np.ndarray):
        flat = value.ravel()
        return dates_said(
            flat.tolist() if flat.dtype == object else list(flat) if flat.dtype.kind == "M" else []
        ) or (numbers_said(flat) if flat.dtype.kind in "biufc" else _size_said(flat.size))
    if isinstance(value, array.array):
        return numbers_said(list(value))
    if isinstance(value, Mapping):
        return dates_said(list(value)) or _size_said(len(value), "entries") or described(list(value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return _row_said(list(value))
    return _scalar_said(value)


def _row_said(row: list[Any]) -> str:
    """What makes a list a table: dates, or numbers, in it or in the rows that it consists of."""
    flat = [
        part for item in row for part in (item if isinstance(item, (list, tuple)) and not _date(item) else [item])
    ]
    if flat and all(isinstance(part, str) for part in flat):
        return dates_said(flat) or _text_said(" ".join(flat))
    numbers = [x for x in flat if is_number(x)]
    return (
        dates_said(flat)
        or numbers_said(numbers)
        or (_size_said(len(row), "entries") if len(numbers) < len(row) else "")
    )


def _scalar_said(value: Any) -> str:
    if isinstance(value, str):
        return dates_said(_ISO.findall(value)) or _text_said(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"has {len(value)} bytes" if len(value) >= BYTES else ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"has a number of {value.bit_length()} bits" if value.bit_length() > BITS else ""
    numel = getattr(value, "numel", None)  # of a tensor
    return _size_said(int(numel()), "numbers") if callable(numel) and type(value).__module__ == "torch" else ""


def _text_said(text: str) -> str:
    """A text with many numbers, with a word that nobody says, or with few words again and again is a table."""
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text)
    words = _BETWEEN.split(text)
    row = any(len(set(word)) <= FEW_LETTERS and _varies(word) for word in _WORD.findall(text))
    row |= any(len(word) >= NUMBERS and _varies(word) for word in words)
    row |= len(words) >= NUMBERS and 1 < len(set(words)) <= FEW_WORDS
    return numbers_said([float(x) for x in numbers]) or ("has a row of signals" if row else "")


def _varies(word: str) -> bool:
    """Whether a word is no ornament such as "+-----+" or "=-=-=-": it has many different groups of four."""
    return len({word[k : k + 4] for k in range(len(word) - 3)}) > FEW_LETTERS


def _has_dates(column: pd.Series) -> bool:
    return column.dtype.kind == "M" or (
        column.dtype == object and len(column) > 0 and _date(column.iloc[0]) is not None
    )


def dates_said(items: list[Any]) -> str:
    """How many dates there are among the items, and from when to when; "" if there are fewer than `DATES`."""
    dates = sorted({day for item in items if (day := _date(item))})
    return f"has {len(dates):,} dates, {dates[0]} to {dates[-1]}" if len(dates) >= DATES else ""


def numbers_said(numbers: Any) -> str:
    """How many numbers there are; "" if there are few, or if they go in equal steps as a grid of parameters."""
    if len(numbers) < NUMBERS:
        return ""
    values = np.asarray(numbers, dtype=complex).real if len(numbers) else np.zeros(0)
    steps = np.diff(values)
    return "" if np.ptp(steps) <= 1e-9 * max(1.0, float(np.abs(steps).max())) else f"has {len(numbers):,} numbers"


def _size_said(size: int, noun: str = "values") -> str:
    return f"has {size:,} {noun}" if size >= NUMBERS else ""


def is_number(value: Any) -> bool:
    """Whether a value is a number, and not True or False."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def long_bits(value: Any) -> float:
    """The bits that a number holds if it is a long one, as no person types it for a setting; else 0.

    Examples
    --------
    >>> long_bits(252), long_bits(0.00015), long_bits(0x9E3779B9), round(long_bits(0.31830989))
    (0, 0, 32, 27)
    """
    if not is_number(value):
        return 0
    if isinstance(value, (int, np.integer)):
        bits = int(value).bit_length()
        return bits if bits >= LONG_BITS and str(value).rstrip("0")[1:] else 0  # a million is short
    digits = len(re.sub(r"\D", "", repr(float(value)).partition("e")[0]).strip("0"))
    return digits * math.log2(10.0) if digits >= LONG_DIGITS else 0


def _date(item: Any) -> str | None:
    """The date in an item, as ISO text; None if it is none."""
    if isinstance(item, (dt.date, np.datetime64, pd.Period)):  # a datetime and a Timestamp are dates too
        return str(item)[:10]
    if isinstance(item, tuple) and len(item) == 3 and all(isinstance(x, int) for x in item):
        return _date_of(*item)
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool) and 19000101 <= item <= 21001231:
        return _date_of(int(item) // 10000, int(item) // 100 % 100, int(item) % 100)
    if isinstance(item, str) and (match := _ISO.match(item)) and len(item) <= 32:
        return re.sub(r"\D", "-", match[0]) if not match[0].isdigit() else f"{item[:4]}-{item[4:6]}-{item[6:8]}"
    return None


def _date_of(year: int, month: int, day: int) -> str | None:
    try:
        return dt.date(year, month, day).isoformat() if 1900 <= year <= 2100 else None
    except ValueError:
        return None
