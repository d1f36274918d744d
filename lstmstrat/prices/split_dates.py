"""Dates in several columns, Year, Month and Day, or Year and Period, to one: `with_one_date`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from lstmstrat.prices.cells import Table
from lstmstrat.prices.day_forms import MONTHS, read_days
from lstmstrat.prices.findings import Hints, listed
from lstmstrat.prices.headings import DATE, plain, role_of
from lstmstrat.prices.roles import DATED, NAMELESS, position_of

# The parts of a date by the headings that vendors give them. A period is that of the Bureau of Labor Statistics.
PARTS = {
    "year": ("year", "yyyy", "yr", "jahr", "ano", "annee"),
    "month": ("month", "mm", "mon", "mo", "mth", "monat", "mes", "mois", "period", "quarter", "qtr"),
    "day": ("day", "dd", "dayofmonth", "mday", "tag", "dia", "jour"),
    "hour": ("hour", "hh", "hr"),
    "minute": ("minute", "minutes"),
}
PERIOD = re.compile(r"(?:([mq])\s*)?0?(\d{1,2})(?:\.0*)?", re.IGNORECASE)  # M01, Q1, 1 or 1.0
HOUR = re.compile(r"\d{1,2}(\.0)?")
ROW = re.compile(r"\d{1,9}(\.0)?")  # its number, or its date, which then is that of the parts
QUARTERS = ("quarter", "qtr")


def with_one_date(table: Table, hints: Hints) -> Table:
    """The table with one column of dates in place of those of year, month and day.

    They are left out where another column is the date, by what is in it or by what the user says. All is left as
    it is where the user gives columns by their number, or one of these by its name. What is no year, month or day
    stays as it is written, for the message on it.
    """
    names = {k: " ".join(part for part in name if part) for k, name in enumerate(table.names)}
    parts = _parts(names, table)
    given = hints.columns.values()
    asked = {position_of(column, names) for column in given if column is not None}
    if (
        not {"year", "month"} <= set(parts)
        or asked & set(parts.values())
        or any(isinstance(k, int) for k in given)
    ):
        return table
    of_day = [parts[part] for part in ("year", "month", "day") if part in parts]
    others = [k for k in names if k not in of_day]
    if DATE in hints.columns or any(_is_date(names[k], table.first(k)) for k in others):
        return _of_columns(table, others)
    return _made(table, parts, names)


def _is_date(name: str, cell: str) -> bool:
    """Whether a column is that of the dates: by its heading, or as an index without one, and by its first cell."""
    role = role_of(name)
    is_index = plain(name) in NAMELESS and not ROW.fullmatch(cell)
    if (role is None or role[0] != DATE) and not is_index:
        return False
    return bool(DATED.match(cell)) or bool(read_days(pd.Series([cell], dtype=str)).days.notna().all())


def _of_columns(table: Table, columns: Sequence[int]) -> Table:
    """The table with some of its columns alone."""

    def read(positions: Sequence[int]) -> pd.DataFrame:
        cells = table.read(sorted(columns[p] for p in positions))
        return pd.DataFrame({p: cells[columns[p]] for p in positions}, index=cells.index)

    sample = table.sample[list(columns)].set_axis(range(len(columns)), axis="columns")
    return replace(table, names=tuple(table.names[k] for k in columns), sample=sample, read=read)


def _made(table: Table, parts: Mapping[str, int], names: Mapping[int, str]) -> Table:
    """The table with a column of dates made of its parts, before the other columns."""
    rest = [k for k in names if k not in parts.values()]
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


def _parts(names: Mapping[int, str], table: Table) -> dict[str, int]:
    """The column of each part, by its heading; an hour that is a number only beside a day, else a time of day."""
    found: dict[str, int] = {}
    for k, name in names.items():
        part = next((part for part, known in PARTS.items() if plain(name) in known), None)
        if part is not None:
            found.setdefault(part, k)
    if "hour" in found and not ("day" in found and HOUR.fullmatch(table.first(found["hour"]))):
        del found["hour"]
    if "hour" not in found:
        found.pop("minute", None)
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
        parts.get(part, first).removesuffix(".0") for part, first in (("day", "1"), ("hour", ""), ("minute", "0"))
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
