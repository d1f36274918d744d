"""Tables whose heading says too little: none at all, or one name fewer than there are columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lstmstrat.errors import DataError
from lstmstrat.prices.findings import Hints, listed
from lstmstrat.prices.headings import DATE, TIME, role_of

CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m)?", re.IGNORECASE)
DAY = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{8}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}")
BARS = ("open", "high", "low", "close", "volume")

# Files without a heading, by the form of their first cells and the number of columns, and what writes them.
WITHOUT_HEADING = (
    ("MetaTrader 4", 7, re.compile(r"\d{4}\.\d\d\.\d\d\|\d\d:\d\d\|.*"), (DATE, TIME, *BARS)),
    ("HistData", 6, re.compile(r"\d{8} \d{6}\|.*"), (DATE, *BARS)),
    ("Binance", 12, re.compile(r"(\d{13}|\d{16})\|.*"), (DATE, *BARS, *("",) * 6)),
)


def without_heading(
    cells: Sequence[str], hints: Hints, title: str
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The names of the columns of a table that has none, and a notice.

    Raises
    ------
    DataError
        It has not the form of a vendor that writes no heading, and the user does not say what the columns are.
    """
    if hints.columns:
        return (("",),) * len(cells), ()
    for vendor, width, form, names in WITHOUT_HEADING:
        if len(cells) == width and form.fullmatch("|".join(cells)):
            known = ", ".join(name for name in names if name)
            notice = f"there is no heading; the columns are those of {vendor}: {known}"
            return tuple((name,) for name in names), (notice,)
    numbers = {role: k + 1 for k, role in enumerate((DATE, *BARS)) if k < len(cells)}
    raise DataError(
        f"{title}: there is no heading; the first row is {listed(cells)}; {hints.write('columns', numbers)}, "
        "with the number of each column"
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
