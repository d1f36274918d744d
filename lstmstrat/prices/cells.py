"""A table as it came: `Table`, the names of its columns and their cells, of a CSV text or of a frame."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.errors import DataError
from lstmstrat.prices import layouts
from lstmstrat.prices.findings import Hints, shown
from lstmstrat.prices.headings import DATE, is_price, plain, role_of

SEPARATORS = ",;\t|"
TOP = 60  # rows that are looked at to find heading and separator
MOST_TOP = 4_000_000  # letters in them
SAMPLE = 20  # rows by which a column is known
DATE_CELL = re.compile(r"\d+[-/.:]\d+")
NUMBER = re.compile(r"[-+]?\d[\d.,' ]*(e[-+]?\d+)?", re.IGNORECASE)

NOTHING = ("", "nan", "nat", "none", "null", "<na>")

Names = tuple[str, ...]  # of one column: one name, or one for each level of a heading of several rows


@dataclass(frozen=True)
class Table:
    """The columns of a table: their names, their first cells, and a way to read them."""

    title: str
    names: tuple[Names, ...]
    sample: pd.DataFrame  # the first rows, all columns by position
    read: Callable[[Sequence[int]], pd.DataFrame]  # the columns at some positions, named by position
    notices: tuple[str, ...] = ()

    def first(self, position: int) -> str:
        """The first cell of a column that is not empty, as text; '' if the sample has none."""
        cells = (str(cell).strip() for cell in self.sample[position].tolist())
        return next((cell for cell in cells if cell.lower() not in NOTHING), "")


def of_frame(frame: pd.DataFrame, title: str) -> Table:
    """The table of a frame; its index becomes columns, unless it only counts the rows.

    A heading of several levels may be written as the text of a tuple, as Parquet files of other programs have it.
    """
    index = frame.index
    whole = frame.reset_index(drop=True)
    columns = [index.get_level_values(k) for k in range(index.nlevels)]
    if isinstance(index, pd.RangeIndex) and index.name is None:
        columns = []
    names = [("" if level.name is None else str(level.name),) for level in columns] + [
        _names(name) for name in frame.columns
    ]
    parts = [pd.Series(level.array, index=whole.index) for level in columns]

    def read(positions: Sequence[int]) -> pd.DataFrame:
        chosen = [parts[k] if k < len(parts) else whole.iloc[:, k - len(parts)] for k in positions]
        return pd.DataFrame(dict(zip(positions, chosen, strict=True)), index=whole.index)

    few = whole.head(SAMPLE)
    sample = pd.concat([*(part.head(SAMPLE) for part in parts), few], axis="columns")
    return Table(title, tuple(names), sample.set_axis(range(len(names)), axis="columns"), read)


def _names(name: object) -> Names:
    if isinstance(name, str) and re.match(r"\(\s*['\"]", name) and name.endswith(")"):
        try:
            name = ast.literal_eval(name)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return (str(name),)
    levels = tuple(map(str, name)) if isinstance(name, tuple) else (str(name),)
    while len(levels) > 1 and not levels[-1]:
        levels = levels[:-1]
    return levels


@dataclass(frozen=True)
class _Row:
    cells: tuple[str, ...]
    end: int  # where the next row begins in the text

    @property
    def filled(self) -> tuple[str, ...]:
        """The cells up to the last that is not empty."""
        width = max((k + 1 for k, cell in enumerate(self.cells) if cell), default=0)
        return self.cells[:width]


def of_text(text: str, title: str, hints: Hints) -> Table:
    """The table of a CSV text: its separator is found, and its heading, if it has one.

    Raises
    ------
    DataError
        It is no table, or a row has more cells than the heading.
    """
    tops = {separator: _top(text, separator) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda one: _score(tops[one], hints))
    rows = tops[separator]
    _check_quotes(text, separator, title)
    if not rows or max(len(row.filled) for row in rows) < 2:
        raise DataError(f"{title}: not a table of columns with commas, semicolons or tabs between them")
    if separator == ",":
        _check_decimal_commas(rows, title, hints)
    head, names, notices = _heading(rows, title, hints)
    body = rows[head:]
    names = layouts.completed(names, [row.cells for row in body])
    width = max([len(names), *(len(row.filled) for row in body)])
    if width > len(names) and not hints.columns:
        cure = hints.write("columns", layouts.likely_numbers([row.cells for row in body]))
        raise DataError(
            f"{title}: the heading has {len(names)} columns and a row has {width}; {cure}, with the number of "
            "each column, or mend the heading"
        )
    names = (*names, *((("",),) * (width - len(names))))
    start = rows[head - 1].end if head else 0

    def read(positions: Sequence[int]) -> pd.DataFrame:
        return _columns(text[start:], separator, width, positions, title)

    few = [row for row in body if _is_data(row.cells)][:SAMPLE] or body[:SAMPLE]  # no remark or second heading
    cells = [[*row.cells, *([""] * width)][:width] for row in few]
    sample = pd.DataFrame(cells, columns=range(width), dtype=object)  # one block, however many columns
    return Table(title, names, sample, read, notices)


def _check_decimal_commas(rows: Sequence[_Row], title: str, hints: Hints) -> None:
    names = next((len(row.filled) for row in rows if _known(row.cells, hints)), None)
    if names is not None or not hints.columns:
        layouts.check_decimal_commas(names, [row.filled for row in rows if _is_data(row.cells)], title)


def _top(text: str, separator: str) -> list[_Row]:
    """The first rows that are not blank; none if they cannot be told apart."""
    stream, rows = io.StringIO(text[:MOST_TOP]), []
    reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(_Row(tuple(cell.strip() for cell in cells), stream.tell()))
            if len(rows) == TOP:
                break
    except csv.Error:  # a cell of more than 131,072 letters: see `_check_quotes`
        return rows
    return rows


def _check_quotes(text: str, separator: str, title: str) -> None:
    """Raises where a cell goes on over the end of its line: a quote that is not closed takes rows with it.

    A name of two lines in a heading does so too, but has no separator in it, as rows have that are taken.
    """
    if '"' not in text:
        return
    reader = csv.reader(io.StringIO(f"{text}\n\n"), delimiter=separator, skipinitialspace=True)
    before, below = 0, False  # lines that are read, and whether they reach below the heading
    try:
        for cells in reader:
            below = below or _is_data(cells)
            if reader.line_num - before > 1:
                for cell in cells:
                    if "\n" in cell and (below or separator in cell):
                        raise _stray_quote(title, before, shown(cell.partition("\n")[0]), reader.line_num)
            before = reader.line_num
    except csv.Error:
        raise _stray_quote(title, before, "of more than 131,072 letters", reader.line_num) from None


def _stray_quote(title: str, before: int, cell: str, last: int) -> DataError:
    return DataError(
        f"{title}: line {before + 1}: a quote opens the cell {cell}, which goes on to line {last}, so that these "
        "lines would be one row; remove the quote, or, if it is a text of several lines, write it on one line"
    )


def _score(rows: list[_Row], hints: Hints) -> tuple[int, int, int]:
    """How far rows are a table: the roles in the best heading, the usual width, and how many rows have it."""
    if not rows:
        return (0, 0, 0)
    width = _usual_width(rows)
    known = max(_known(row.cells, hints) for row in rows)
    return known, width, sum(len(row.cells) == width for row in rows)


def _usual_width(rows: Iterable[_Row]) -> int:
    return Counter(len(row.cells) for row in rows).most_common(1)[0][0]


def _known(cells: Sequence[str], hints: Hints) -> int:
    """The number of cells that name a price or what the user named; 0 for a single one."""
    named = set(map(str, hints.columns.values()))
    known = len({plain(cell) for cell in cells if cell in named or (not cell[-1:].isdigit() and is_price(cell))})
    return known if known > 1 else 0


def _heading(rows: list[_Row], title: str, hints: Hints) -> tuple[int, tuple[Names, ...], tuple[str, ...]]:
    """Where the rows below the heading begin, the names of the columns, and notices."""
    known = [_known(row.cells, hints) for row in rows]
    best = known.index(max(known))
    if not known[best]:
        usual = _usual_width(rows)
        best = next(k for k, row in enumerate(rows) if len(row.cells) == usual)
        if _is_data(rows[best].cells):
            names, notice = layouts.without_heading([row.cells for row in rows[best:]], hints, title)
            return best, names, (*_skipped(rows[:best]), *notice)
    first, last = _levels(rows, best)
    return last + 1, _level_names([row.cells for row in rows[first : last + 1]]), _skipped(rows[:first])


def _skipped(rows: Sequence[_Row]) -> tuple[str, ...]:
    lines = [" ".join(row.filled) for row in rows]
    told = [line for line in lines if not re.fullmatch("sep=.", line.strip())]
    count = f"{len(told)} lines" if len(told) > 1 else "a line"
    return (f"{count} above the heading left out: {shown(told[0])}",) if told else ()


def _is_data(cells: Sequence[str]) -> bool:
    """Whether most cells are numbers or dates, so that the row is no heading."""
    filled = [cell for cell in cells if cell]
    return 2 * sum(bool(NUMBER.fullmatch(cell) or DATE_CELL.match(cell)) for cell in filled) > len(filled)


def _levels(rows: list[_Row], best: int) -> tuple[int, int]:
    """The first and the last row of a heading of one or several levels; the row `best` names the prices."""
    width, first, last = len(rows[best].cells), best, best
    while last + 1 < len(rows) and len(rows[last + 1].cells) == width and _goes_on(rows[best], rows[last + 1]):
        last += 1
    names = [cell for cell in rows[best].cells[1:] if cell]
    if last > best or len(names) > len(set(names)):
        while first and len(rows[first - 1].cells) == width and _is_level(rows[first - 1].cells):
            first -= 1
    return first, last


def _goes_on(heading: _Row, below: _Row) -> bool:
    """Whether the row below a heading belongs to it, and is neither the heading again nor a remark."""
    of_dates = role_of(heading.cells[0])
    few = 2 * sum(map(bool, below.cells)) <= len(below.cells)
    is_remark = few and of_dates is not None and of_dates[0] == DATE
    return _is_level(below.cells) and below.cells != heading.cells and not is_remark


def _is_level(cells: Sequence[str]) -> bool:
    """Whether a row belongs to the heading: it has names, and neither a number nor a date."""
    return (
        any(cells)
        and not any(map(str.isdigit, cells[0]))
        and not any(NUMBER.fullmatch(cell) or DATE_CELL.match(cell) for cell in cells[1:])
    )


def _level_names(levels: list[tuple[str, ...]]) -> tuple[Names, ...]:
    """The names of each column; a last row with a single name is that of the dates, as pandas writes it."""
    dates = levels[-1][0] if len(levels) > 1 and not any(levels[-1][1:]) else None
    if len(levels) == 1:
        return tuple((cell,) for cell in levels[0])
    levels = levels if dates is None else levels[:-1]
    first = dates if dates is not None else next((row[0] for row in levels if role_of(row[0])), "")
    return ((first,), *(tuple(cells) for cells in zip(*(row[1:] for row in levels), strict=True)))


def _columns(body: str, separator: str, width: int, positions: Sequence[int], title: str) -> pd.DataFrame:
    """The cells of some columns as text; one more column is read, in which no row may have a cell."""
    numbers = separator.join(map(str, range(width + 1)))
    try:
        cells: pd.DataFrame = pd.read_csv(
            io.BytesIO(f"{numbers}\n{body}".encode()),  # text would take four times the memory
            sep=separator,
            usecols=[*map(str, positions), str(width)],
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except (ValueError, OSError) as error:
        raise DataError(f"{title}: not a table: {error}") from None
    cells.columns = cells.columns.astype(int)
    beyond = cells[width].fillna("").str.strip()
    if (beyond != "").any():
        row = int(np.flatnonzero(beyond != "")[0]) + 1
        raise DataError(f"{title}: row {row} has more cells than the heading, which has {width}; mend this row")
    return cells
