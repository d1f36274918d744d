"""Dates in several columns, Year, Month and Day, or Year and Period, to one: `with_one_date`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from lstmstrat.prices.cells import Table
from lstmstrat.prices.day_forms import MONTHS
from lstmstrat.prices.findings import Hints, listed
from lstmstrat.prices.headings import DATE, plain, role_of
from lstmstrat.prices.roles import DATED

# The parts of a date by the headings that vendors give them. A period is that of the Bureau of Labor Statistics.
PARTS = {
    "year": ("year", "yyyy", "yr", "jahr", "ano", "annee"),
    "month": ("month", "mm", "mon", "mo", "mth", "monat", "mes", "mois", "period", "quarter", "qtr"),
    "day": ("day", "dd", "dayofmonth", "mday", "tag", "dia", "jour"),
    "hour": ("hour", "hh", "hr"),
    "minute": ("minute", "minutes"),
}
PERIOD = re.compile(r"(?:([mq])\s*)?0?(\d{1,2})(?:\.0*)?", re.IGNORECASE)  # M01, Q1, 1 or 1.0
QUARTERS = ("quarter", "qtr")


def with_one_date(table: Table, hints: Hints) -> Table:
    """The table with one column of dates in place of those of year, month and day, if it has no other.

    Left as it is if there is a date, or if the user says which column it is or gives columns by their number. What
    is no year, month or day stays as it is written, for the message on it.
    """
    names = {k: " ".join(part for part in name if part) for k, name in enumerate(table.names)}
    parts = _parts(names)
    if "year" not in parts or "month" not in parts or DATE in hints.columns:
        return table
    rest = [k for k in names if k not in parts.values()]
    is_dated = any((role := role_of(names[k])) and role[0] == DATE and DATED.match(table.first(k)) for k in rest)
    if is_dated or any(isinstance(column, int) for column in hints.columns.values()):
        return table
    is_quarter = plain(names[parts["month"]]) in QUARTERS

    def read(positions: Sequence[int]) -> pd.DataFrame:
        needed = {k for p in positions for k in (parts.values() if p == 0 else (rest[p - 1],))}
        cells = table.read(sorted(needed))
        columns = {p: _joined(cells, parts, is_quarter) if p == 0 else cells[rest[p - 1]] for p in positions}
        return pd.DataFrame(columns, index=cells.index)

    dates = _joined(table.sample, parts, is_quarter)
    sample = pd.concat([dates, table.sample[rest]], axis="columns").set_axis(range(len(rest) + 1), axis="columns")
    notice = f"the dates are made of the columns {listed(names[k] for k in parts.values())}"
    rows = ((DATE,), *(table.names[k] for k in rest))
    return replace(table, names=rows, sample=sample, read=read, notices=(*table.notices, notice))


def _parts(names: Mapping[int, str]) -> dict[str, int]:
    """The column of each part, by its heading; an hour only beside its minutes, for alone it is a time of day."""
    found: dict[str, int] = {}
    for k, name in names.items():
        part = next((part for part, known in PARTS.items() if plain(name) in known), None)
        if part is not None:
            found.setdefault(part, k)
    if not {"day", "hour", "minute"} <= set(found):
        found = {part: k for part, k in found.items() if part in ("year", "month", "day")}
    return {part: found[part] for part in PARTS if part in found}


def _joined(cells: pd.DataFrame, parts: Mapping[str, int], is_quarter: bool) -> pd.Series:
    """The dates of rows (n,) as text, 2024-01-31 or 2024-01-31 09:30; the first day where there is none."""
    text = {part: cells[k].astype(str).where(cells[k].notna(), "").str.strip() for part, k in parts.items()}
    rows = zip(*text.values(), strict=True)
    return pd.Series(
        [_date(dict(zip(text, row, strict=True)), is_quarter) for row in rows], cells.index, dtype=str
    )


def _date(parts: Mapping[str, str], is_quarter: bool) -> str:
    year, month = parts["year"].removesuffix(".0"), _month(parts["month"], is_quarter)
    others = [
        parts.get(part, first).removesuffix(".0") for part, first in (("day", "1"), ("hour", ""), ("minute", ""))
    ]
    if not (year.isdigit() and month and others[0].isdigit()):
        return " ".join(part for part in parts.values() if part)
    time = f" {int(others[1]):02}:{int(others[2]):02}" if others[1].isdigit() and others[2].isdigit() else ""
    return f"{year}-{month:02}-{int(others[0]):02}{time}"


def _month(text: str, is_quarter: bool) -> int | None:
    """The month of a number, a name or a period; the first one of a quarter; None of a whole year, M13."""
    if text[:3].lower() in MONTHS:
        return MONTHS.index(text[:3].lower()) + 1
    found = PERIOD.fullmatch(text)
    if not found:
        return None
    number, of_quarter = int(found[2]), is_quarter or (found[1] or "").lower() == "q"
    if not 1 <= number <= (4 if of_quarter else 12):
        return None
    return 3 * number - 2 if of_quarter else number
