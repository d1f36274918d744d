"""Tables whose heading says too little: none at all, or one name fewer than there are columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lstmstrat.errors import DataError
from lstmstrat.prices.bars import COLUMNS, PRICES
from lstmstrat.prices.check import ADJUSTED_CLOSE
from lstmstrat.prices.findings import Hints, listed
from lstmstrat.prices.headings import DATE, SYMBOL, TIME, role_of

CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m)?", re.IGNORECASE)
DAY = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{8}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}")
NEAR = 0.1  # by which the ratio of the adjusted close to the close may differ, in nine rows of ten
MOST_RATIO = 10.0  # of the adjusted close to the close; a volume is more
CENTS = re.compile(r"0\d{1,2}")  # no whole number is written so

# Files without a heading, by the form of their first cells and the number of columns, and what writes them.
WITHOUT_HEADING = (
    ("MetaTrader 4", 7, re.compile(r"\d{4}\.\d\d\.\d\d\|\d\d:\d\d\|.*"), (DATE, TIME, *COLUMNS)),
    ("HistData", 6, re.compile(r"\d{8} \d{6}\|.*"), (DATE, *COLUMNS)),
    ("Binance", 12, re.compile(r"(\d{13}|\d{16})\|.*"), (DATE, *COLUMNS, *("",) * 6)),
)


def without_heading(
    rows: Sequence[Sequence[str]], hints: Hints, title: str
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The names of the columns of a table that has none, by its first rows, and a notice.

    Raises
    ------
    DataError
        It has not the form of a vendor that writes no heading, and the user does not say what the columns are.
    """
    cells = rows[0]
    if hints.columns:
        return (("",),) * len(cells), ()
    for vendor, width, form, names in WITHOUT_HEADING:
        if len(cells) == width and form.fullmatch("|".join(cells)):
            known = ", ".join(name for name in names if name)
            notice = f"there is no heading; the columns are those of {vendor}: {known}"
            return tuple((name,) for name in names), (notice,)
    raise DataError(
        f"{title}: there is no heading; the first row is {listed(cells)}; "
        f"{hints.write('columns', likely_numbers(rows))}, with the number of each column"
    )


def likely_numbers(rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """The likely number of each column, from 1; an adjusted close is one that keeps its ratio to the close."""
    first = next((k for k, cell in enumerate(rows[0]) if DAY.match(cell)), 0)
    before = {SYMBOL: 1} if first == 1 else {}
    times = (DATE, TIME) if CLOCK.fullmatch("".join(rows[0][first + 1 : first + 2])) else (DATE,)
    known = {role: first + k + 1 for k, role in enumerate((*times, *PRICES))}
    last = known["close"]
    adjusted = next((k for k in range(last, len(rows[0])) if _keeps_ratio(rows, k, last - 1)), None)
    volume = next((k for k in range(last, len(rows[0])) if k != adjusted), None)
    found = {ADJUSTED_CLOSE: adjusted, "volume": volume}
    numbers = before | known | {role: k + 1 for role, k in found.items() if k is not None}
    return {role: number for role, number in numbers.items() if number <= len(rows[0])}


def _keeps_ratio(rows: Sequence[Sequence[str]], column: int, close: int) -> bool:
    """Whether a column is a multiple of the close, but for a few payments; what is no number does not count."""
    pairs = [(_float(row, column), _float(row, close)) for row in rows]
    ratios = sorted(one / other for one, other in pairs if one > 0.0 and other > 0.0)
    if not ratios or len({one for one, _ in pairs}) < 2 < len(pairs):  # one number in all rows
        return False
    middle = ratios[len(ratios) // 2]
    return 10 * sum(abs(ratio / middle - 1.0) < NEAR for ratio in ratios) > 9 * len(rows) and middle < MOST_RATIO


def _float(row: Sequence[str], column: int) -> float:
    try:
        return float(row[column])
    except (ValueError, IndexError):
        return 0.0


def check_decimal_commas(names: int | None, rows: Sequence[Sequence[str]], title: str) -> None:
    """Raises where commas part the columns and are decimal signs too: 2020-01-02,99,82,100,07 ...

    `names` is the number of columns of the heading, None if there is none; `rows` are those below it.

    Raises
    ------
    DataError
        Each price has two cells: nobody can tell where a number ends.
    """
    cells = [cell for row in rows for cell in row if cell and not DAY.match(cell) and not CLOCK.fullmatch(cell)]
    whole = all(cell.lstrip("-").isdecimal() or not any(map(str.isdigit, cell)) for cell in cells)
    least = (1 + len(PRICES) if names is None else names) + len(PRICES)
    if max(map(len, rows), default=0) >= least and whole and any(map(CENTS.fullmatch, cells)):
        raise DataError(
            f"{title}: the comma parts the columns and is the decimal sign too, so that nothing shows where a "
            "number ends; save the table again with semicolons or tabs between the columns, or with decimal points"
        )


def completed(names: tuple[tuple[str, ...], ...], rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """`names` with the one that is missing, where the rows show which: that of the time, or of the row numbers."""
    if not rows or len(rows[0]) != len(names) + 1 or not rows[0][-1]:
        return names
    first, second = rows[0][0], rows[0][1]
    if CLOCK.fullmatch(second) and DAY.fullmatch(first):
        return (names[0], (TIME,), *names[1:])
    dates = [name for name in names if (found := role_of(name[0])) and found[0] == DATE]
    if DAY.match(second if dates == [names[0]] else first):
        return (("",), *names)
    return names
