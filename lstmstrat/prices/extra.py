"""A column of numbers with dates, from a file of the user: `read_column`. It is read by the rules for prices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lstmstrat.config.data import ExtraConfig
from lstmstrat.prices.cells import Table
from lstmstrat.prices.check import day
from lstmstrat.prices.clock import Clock, are_days, exact
from lstmstrat.prices.day_forms import read_days
from lstmstrat.prices.extra_hours import check_hours
from lstmstrat.prices.files import read_csv_file, read_parquet_file
from lstmstrat.prices.findings import Findings, Hints, listed, shown, such, yaml_text
from lstmstrat.prices.headings import DATE, SYMBOL, TIME, plain, role_of
from lstmstrat.prices.numbers import EMPTY, read_numbers, two_readings
from lstmstrat.prices.order import by_time
from lstmstrat.prices.roles import WORD, Free, dates, position_of
from lstmstrat.prices.split_dates import with_one_date
from lstmstrat.prices.time_cells import read_clock
from lstmstrat.prices.time_faults import OF_HALF, check_readable, goes_back, is_of_half
from lstmstrat.prices.utc_offset import Offset

VALUE = "value"
PARQUET = (".parquet", ".pq")
WRITTEN = re.compile(
    r"\d{4}([-./])\d{1,2}\1\d{1,2}\b|\d{4}-\d\d$|\d{1,2}([-./])\d{1,2}\2\d{2,4}\b"
)  # a date, and no number

MONTH = (
    r"(?i)(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[\s.,'/-]*\d{2,4}$|\d{4}[\s-]?q[1-4]$|q[1-4]"
)
RELEASED = re.compile(
    "releas|publi|vintage|announc|availab|known|realtime|real.time|issued|filed|filing|updated|date"
)
COUNTED = r"[1-6]\d{4}(\.0)?|\d{10}(\.0)?|\d{13}(\.0)?|\d{16}|\d{19}"  # days of Excel, or since 1970


@dataclass(frozen=True, eq=False)
class Column:
    """A column of numbers as its file has it.

    Attributes
    ----------
    values
        (m,) by time, ascending, each time once.
    has_times
        Whether its rows have a time of day; else they are dates, which no clock moves.
    offset
        How far the clock of its times is ahead of UTC, or its abbreviation; None where nothing says it.
    in_utc
        Whether the file itself says what its times are in UTC; then a time zone of the user is that of the prices.
    notices
        Sentences for the report.
    """

    values: pd.Series
    has_times: bool
    offset: Offset
    in_utc: bool
    notices: tuple[str, ...]


class _Hints(Hints):
    """What the user says about a file of ``data.extra``, which has two columns and no bars."""

    def setting(self, key: str, value: object) -> str:
        """The setting alone; the two columns have keys of their own."""
        if key != "columns" or not isinstance(value, Mapping):
            return super().setting(key, value)
        others = [name for role, name in value.items() if role != DATE]
        named = ({"date": value[DATE]} if DATE in value else {}) | ({"column": others[0]} if others else {})
        return " and ".join(f"{name}: {yaml_text(column)}" for name, column in named.items())


def read_column(extra: ExtraConfig) -> Column:
    """The values of a column by the times of its file, the oldest first, and notices.

    Rows without a value are left out, equal rows are kept once.

    Raises
    ------
    DataError
        The file is no table; its dates or its values are not found, or can be read in two ways; a time has two
        values. The message lists all that is wrong, each with what the user has to type.
    """
    columns = {DATE: extra.date, VALUE: extra.column}
    given = {role: column for role, column in columns.items() if column is not None}
    hints = _Hints(extra.name, given, extra.date_format, extra.time_zone, extra.decimal, extra.entry)
    path = Path(extra.path).expanduser()
    is_parquet = path.suffix.lower() in PARQUET
    table = with_one_date(read_parquet_file(path) if is_parquet else read_csv_file(path, hints), hints)
    found = Findings(table.title, notices=list(table.notices))
    positions = _positions(table, extra, hints, found)
    found.check()
    read = table.read(sorted(set(positions.values())))
    cells = pd.DataFrame({role: read[k] for role, k in positions.items()}, index=read.index)
    headings = " ".join(" ".join(table.names[positions[role]]) for role in (DATE, TIME) if role in positions)
    clock = read_clock(cells[DATE], cells.get(TIME), hints, found, headings)
    values = _values(cells, clock, hints, found)
    found.check()
    kept = np.flatnonzero(~np.isnan(values))
    if left_out := len(values) - len(kept):
        found.notices.append(f"rows without a value left out: {left_out}")
    has_offsets, clock = clock.utc is not None, clock.of_rows(kept)
    times = cells[[role for role in (DATE, TIME) if role in cells]].iloc[kept]
    check_hours(clock, has_offsets, times, extra.lag, hints, found)
    found.check()
    one = exact(clock, hints, found)
    series = _each_once(pd.Series(values[kept], one.local), cells.index[kept], found)
    found.check()
    return Column(series, not are_days(one.local), one.offset, clock.says_utc, tuple(found.notices))


def _positions(table: Table, extra: ExtraConfig, hints: Hints, found: Findings) -> dict[str, int]:
    """The columns of the dates, of the times of day if there are any, and of the values."""
    names = {k: " ".join(part for part in name if part) for k, name in enumerate(table.names)}
    asked: dict[str, int | None] = {}
    for role, column in hints.columns.items():
        position = position_of(column, names) if column is not None else None
        if position is None:
            found.faults.append(
                f"{hints.setting('columns', {role: column})}: there is no such column; there are "
                f"{listed(names.values())}"
            )
        asked[role] = position
    positions = {role: k for role, k in asked.items() if k is not None}
    free = Free(dict(names), {k: known if (known := role_of(name)) and known[0] in (DATE, TIME) else None
                              for k, name in names.items()})  # fmt: skip
    free.take(positions)
    positions |= dates(table, free, asked, hints, found)
    if DATE in positions and DATE not in asked:
        _only_dates(names, positions, table, hints, found)
    if DATE not in positions and DATE not in asked:
        cure = hints.write("columns", {DATE: "HEADING"})
        found.faults.append(f"no column of dates; there are {listed(names.values())}; {cure}")
    _only_symbol(table, names, positions, found)
    if VALUE not in asked:
        positions |= _value_column(_of_numbers(free.names, table), extra, hints, found)
    return positions


def _only_dates(
    names: Mapping[int, str], positions: Mapping[str, int], table: Table, hints: Hints, found: Findings
) -> None:
    """Adds a fault if another column has dates: a figure is not known on the day that it is about."""
    others = [k for k in names if k not in positions.values() and _has_dates(table, k, names[k])]
    if others:
        both = [names[k] or k + 1 for k in (positions[DATE], *others)]
        found.faults.append(
            f"it has several columns of dates: {listed(both)}; {hints.write('columns', {DATE: both[1]})}, or that "
            "which says when a value was known"
        )


def _has_dates(table: Table, k: int, name: str) -> bool:
    """Whether the cells of a column are dates: in figures, in words, or numbers under a heading that says so."""
    cells = pd.Series([str(cell).strip() for cell in table.sample[k].tolist() if not pd.isna(cell)], dtype=str)
    cells = cells[cells != ""]
    if not len(cells):
        return False
    if WORD.search(cells.iloc[0]):
        return bool((read_days(cells).days.notna() | cells.str.match(MONTH)).all())
    compact = pd.to_datetime(cells.str.removesuffix(".0"), format="%Y%m%d", errors="coerce")
    said = RELEASED.search(name.lower()) is not None and bool(cells.str.fullmatch(COUNTED).all())
    return bool(WRITTEN.match(cells.iloc[0])) or bool(compact.dt.year.between(1900, 2100).all()) or said


def _only_symbol(table: Table, names: Mapping[int, str], positions: Mapping[str, int], found: Findings) -> None:
    """Adds a fault if the rows are of several symbols: one value of each time is that of one of them."""
    roles = {k: role_of(name) for k, name in names.items() if k not in positions.values()}
    for k in [k for k, role in roles.items() if role is not None and role[0] == SYMBOL]:
        cells = table.read([k])[k]
        symbols = cells.astype(str).where(cells.notna(), "").str.strip()
        known = [symbol for symbol in symbols.unique() if symbol]
        if 1 < len(known) <= len(cells) / 2:  # else they are remarks, or numbers of rows
            found.faults.append(
                f"its rows are of {len(known)} symbols by the column {shown(names[k])}: {listed(known)}; make "
                f"a file of those of {shown(known[0])}, or of another, alone"
            )
            return


def _of_numbers(names: Mapping[int, str], table: Table) -> Mapping[int, str]:
    """The columns that begin with no word, as one of tickers does, and with no date; all if there is none."""
    dated = {k for k in names if _has_dates(table, k, names[k])}
    return {k: names[k] for k in names if not WORD.search(table.first(k)) and k not in dated} or names


def _value_column(names: Mapping[int, str], extra: ExtraConfig, hints: Hints, found: Findings) -> dict[str, int]:
    """The column that is called like the extra, or else the only one that is left."""
    called = [k for k, name in names.items() if plain(name) == plain(extra.name)]
    left = called or list(names)
    if len(left) == 1:
        return {VALUE: left[0]}
    which = [names[k] or k + 1 for k in left]
    if not which:
        found.faults.append("no column of values beside the dates")
        return {}
    found.faults.append(
        f"it has {len(left)} columns of values: {listed(which)}; {hints.write('columns', {VALUE: which[0]})}, "
        "or another"
    )
    return {}


def _values(cells: pd.DataFrame, clock: Clock, hints: Hints, found: Findings) -> np.ndarray:
    """The values of the rows (m,), NaN where empty; what is no number, or has no date, is a fault."""
    numbers, doubt = read_numbers({VALUE: _of_truths(cells[VALUE])}, hints.decimal)
    values = numbers[VALUE].values
    if doubt is not None:
        found.faults.append(f"row {cells.index[doubt.row] + 1}: {two_readings('the value', doubt, hints)}")
    wrong = np.flatnonzero((numbers[VALUE].wrong & (doubt is None)) | np.isinf(values))
    if wrong.size:
        signs = str(cells[VALUE].iloc[wrong[0]]).count("%")
        percent = "; write the numbers without %, all in percent or all as fractions" if signs else ""
        found.faults.append(
            f"row {cells.index[wrong[0]] + 1}: the value is {shown(cells[VALUE].iloc[wrong[0]])}, expected a "
            f"number such as -0.25{such(wrong.size)}{percent}"
        )
    if not found.faults:
        check_readable(clock, cells[DATE], cells.get(TIME), ~np.isnan(values), hints, found)
    if np.isnan(values).all() and not found.faults:
        found.faults.append("no row has a value")
    return values


def _of_truths(cells: pd.Series) -> pd.Series:
    """True and False as 1 and 0, where a column has no other values."""
    text = cells.astype(str).where(cells.notna(), "").str.strip().str.lower()
    if not text.isin(("true", "false", *EMPTY)).all() or not text.isin(("true", "false")).any():
        return cells
    return text.map({"true": 1.0, "false": 0.0})


def _each_once(series: pd.Series, rows: pd.Index, found: Findings) -> pd.Series:
    """The values by time, equal rows once; two values of one time are a fault: nobody knows which came last."""
    if back := goes_back(pd.DatetimeIndex(series.index)):
        found.faults.append(back)
        return series
    frame = series.to_frame(VALUE)
    again = frame.reset_index().duplicated().to_numpy()
    if again.any():
        found.notices.append(f"rows given twice left out: {again.sum()} (first: {day(frame.index[again][0])})")
    frame, rows = frame[~again], rows[~again]
    twice = np.flatnonzero(frame.index.duplicated())
    if twice.size:
        second = int(twice[0])
        first = int(np.flatnonzero(frame.index == frame.index[second])[0])
        keep = (
            f"keep one of the rows {rows[first] + 1} and {rows[second] + 1} below the heading, or write their mean"
        )
        cure = OF_HALF if is_of_half(pd.DatetimeIndex(frame.index)) else keep
        found.faults.append(
            f"{day(frame.index[second])}: given twice, with different values{such(twice.size)}; {cure}"
        )
        return frame[VALUE]
    return by_time(frame, found)[VALUE]
