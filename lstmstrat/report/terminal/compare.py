"""Prints a comparison of runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, TextIO

from lstmstrat.report.comparison import Rows, contenders, differences, notes, sentences, skill
from lstmstrat.report.terminal.console import console_on, needed_width
from lstmstrat.results.comparison import Comparison

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 36  # of a column of text; longer values are folded
ESSENTIAL = ("contender", "end value", "a year", "worst fall", "Sharpe minus holding's", "minus the first run's")


def print_comparison(found: Comparison, file: TextIO | None = None) -> None:
    """Print what differs, the contenders side by side, and the sentences last, to `file` (standard output).

    A narrow terminal gets the essential columns.
    """
    file = file or sys.stdout
    console = console_on(file)
    rows = contenders(found)
    tables = [_table(differences(found)), _table(rows), _table(skill(found))]
    if file.isatty() and needed_width(tables[1]) > console.width:
        kept = [k for k, head in enumerate(rows[0]) if head in ESSENTIAL]
        tables[1] = _table([[row[k] for k in kept] for row in rows])
    if not file.isatty():
        console.width = max(80, *(needed_width(table) for table in tables))
    for table in tables if found.differing else tables[1:]:
        console.print(table)
        console.print()
    for note in notes(found) if found.bars else ():
        console.print(note)
    console.print()
    for sentence in sentences(found):
        console.print(sentence, style="bold")


def _table(rows: Rows) -> Table:
    from rich.table import Table

    table, numbers = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0)), rows[0][0] == "contender"
    for k, head in enumerate(rows[0]):
        right = bool(k) and numbers
        side: Literal["left", "right"] = "right" if right else "left"
        table.add_column(head, justify=side, overflow="fold", max_width=None if right else WIDEST)
    for row in rows[1:]:
        table.add_row(*row)
    return table
