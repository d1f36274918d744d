"""`Universe`: which assets belong to it, and on which days.

A table with the columns symbol, start, end and group; the last three may be missing or empty:

    symbol,start,end,group
    AMD,1996-01-02,2013-09-23,technology
    AMD,2017-03-20,,technology

Letters: D sessions, N symbols.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from lstmstrat.arrays import Bools, Times
from lstmstrat.errors import DataError

HEADINGS = ("symbol", "start", "end", "group")
WEEK = re.compile(r"\d{4}-?W\d\d")  # of ISO, without a day
MOST_MISTAKES = 12  # that are told at once
OTHERWISE = {"data.universe": "a list of symbols: [AAPL, MSFT]", "data.index": "sp500"}  # what a file stands for


@dataclass(frozen=True, order=True)
class Span:
    """One stay of a symbol in a universe, both days included; without an end it is still there."""

    symbol: str
    start: dt.date = dt.date.min
    end: dt.date = dt.date.max

    def __str__(self) -> str:
        start = "" if self.start == dt.date.min else f" from {self.start}"
        return f"{self.symbol}{start}" + ("" if self.end == dt.date.max else f" to {self.end}")


@dataclass(frozen=True, eq=False)
class Universe:
    """Symbols with the days on which they belong to it.

    Raises
    ------
    DataError
        It is empty, a stay ends before it begins, or two stays of a symbol overlap; all of them are named.

    Examples
    --------
    >>> from datetime import date
    >>> spans = Span("AMD", end=date(2013, 9, 23)), Span("AMD", date(2017, 3, 20)), Span("KO")
    >>> universe = Universe("mine", spans)
    >>> universe.symbols
    ('AMD', 'KO')
    >>> universe.members(np.array(["2013-09-23", "2013-09-24", "2017-03-20"], dtype="datetime64[ns]"))
    array([[ True,  True],
           [False,  True],
           [ True,  True]])
    """

    name: str
    spans: tuple[Span, ...]
    groups: Mapping[str, str] = field(default_factory=dict)  # by symbol; only of those that have one

    def __post_init__(self) -> None:
        spans = sorted(self.spans)
        mistakes = [f"{span} ends before it begins" for span in spans if span.end < span.start]
        mistakes += [
            f"{one} and {other} overlap; write one line for both"
            for one, other in pairwise(spans)
            if one.symbol == other.symbol and other.start <= one.end
        ]
        if not spans:
            mistakes = ["there is no symbol in it"]
        _raise_all(self.name, mistakes)

    @property
    def symbols(self) -> tuple[str, ...]:
        """(N,) in alphabetical order."""
        return tuple(sorted({span.symbol for span in self.spans}))

    def members(self, times: Times) -> Bools:
        """Whether each symbol belongs to it on the day of each of `times` (D,); (D, N)."""
        days = times.astype("datetime64[D]")
        inside = np.zeros((len(days), len(self.symbols)), dtype=bool)
        column = {symbol: number for number, symbol in enumerate(self.symbols)}
        for span in self.spans:
            first, last = np.datetime64(span.start, "D"), np.datetime64(span.end, "D")
            inside[:, column[span.symbol]] |= (first <= days) & (days <= last)
        return inside

    def with_symbols(self, symbols: Iterable[str]) -> Universe:
        """The universe of these of its symbols alone."""
        kept = set(symbols)
        return Universe(self.name, tuple(span for span in self.spans if span.symbol in kept), self.groups)


def listed(symbols: Sequence[str], name: str = "universe") -> Universe:
    """The universe of a list of symbols, which belong to it on all days.

    Raises
    ------
    DataError
        A symbol stands there twice.
    """
    return Universe(name, tuple(Span(symbol) for symbol in symbols))


def read_universe(path: Path, key: str = "data.universe") -> Universe:
    """The universe of a CSV file, which is named at `key` of the config.

    Raises
    ------
    DataError
        The file cannot be read, has no column symbol, or has dates that are none; all of them are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return universe_of_rows(path.stem, list(csv.reader(file)), str(path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{key}: {path} cannot be read ({error}); expected a CSV file with the columns symbol, start, end and "
            f"group, or {OTHERWISE[key]}"
        ) from None


def universe_of_rows(name: str, rows: Sequence[Sequence[str]], title: str) -> Universe:
    """The universe of the rows of a table, the heading first."""
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    twice = [name for name in HEADINGS if heading.count(name) > 1]
    if "symbol" not in heading or twice or unknown_headings(heading):
        raise DataError(
            f"{title}: the heading is {', '.join(heading) or 'empty'}; expected symbol,start,end,group, of which "
            "the last three may be missing"
        )
    lines = [
        (number, dict(zip(heading, (cell.strip() for cell in row), strict=False)))
        for number, row in enumerate(rows[1:], 2)
        if any(cell.strip() for cell in row)
    ]
    mistakes = _beyond(rows, len(heading))
    mistakes += [sentence for number, line in lines for sentence in _line_mistakes(number, line)]
    mistakes += _group_mistakes([line for _, line in lines])
    _raise_all(title, mistakes)
    spans = tuple(
        Span(line["symbol"], _day(line, "start") or dt.date.min, _day(line, "end") or dt.date.max)
        for _, line in lines
    )
    return Universe(name, spans, {line["symbol"]: line["group"] for _, line in lines if line.get("group")})


def unknown_headings(heading: Sequence[str]) -> list[str]:
    """Headings that no column of a universe has."""
    return [name for name in heading if name and name not in HEADINGS]


def _beyond(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Cells that stand beyond the heading, and belong to no column: the first of each row."""
    cure = "take it out, or put a cell with a comma in it in quotes"
    return [
        f"line {number}: {beyond[0]!r} is beyond the heading, which has {width} columns; {cure}"
        for number, row in enumerate(rows[1:], 2)
        if (beyond := [cell for cell in row[width:] if cell.strip()])
    ]


def _line_mistakes(number: int, line: Mapping[str, str]) -> list[str]:
    wrong = [] if line.get("symbol") else [f"line {number}: there is no symbol"]
    for key in ("start", "end"):
        try:
            day = _day(line, key)
        except ValueError:
            wrong.append(f"line {number}: {key} {line[key]!r}, expected a date such as 2005-01-31, or nothing")
            continue
        if day and WEEK.fullmatch(line[key]):  # read as its Monday, which no stay that ends in it means
            last = min(day, dt.date.max - dt.timedelta(days=6)) + dt.timedelta(days=6)
            which, meant = ("first", day) if key == "start" else ("last", last)
            wrong.append(
                f"line {number}: {key} {line[key]!r} is a week; write the date of its {which} day, {meant}"
            )
    return wrong


def _group_mistakes(lines: Sequence[Mapping[str, str]]) -> list[str]:
    groups: dict[str, str] = {}
    wrong = dict[str, str]()
    for line in lines:
        symbol, group = line.get("symbol", ""), line.get("group", "")
        before = groups.setdefault(symbol, group)
        if before != group:
            wrong[symbol] = f"{symbol} is of group {before!r} and of {group!r}; give all its lines one group"
    return list(wrong.values())


def _day(line: Mapping[str, str], key: str) -> dt.date | None:
    return dt.date.fromisoformat(line[key]) if line.get(key) else None


def _raise_all(title: str, mistakes: Sequence[str]) -> None:
    if mistakes:
        more = len(mistakes) - MOST_MISTAKES
        lines = [*mistakes[:MOST_MISTAKES], *([f"... and {more} more"] if more > 0 else [])]
        raise DataError("\n  ".join([f"universe {title}:", *lines]))
