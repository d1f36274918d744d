"""Rows of text as a table that fits: nothing is cut and no column is left out, however narrow the screen is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from lstmstrat.report.terminal.console import console_on, needed_width

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE = 80
"""Columns in a pipe or a file: what every screen has."""
LEAST_NAME = 16  # columns for the first cell of a row; with fewer the rows are stacked
GAP = 2  # blanks between columns
NUMBER = re.compile(r"|n/a ?|[-<]?\d.*")


def console_of_rows(file: TextIO) -> Console:
    """A console as wide as the screen, and `PIPE` wide where there is none."""
    console = console_on(file)
    if not file.isatty():
        console.width = PIPE
    return console


def print_rows(console: Console, rows: Sequence[Sequence[str]]) -> None:
    """Print a table of which the first row are the heads, then an empty line.

    Where there is no room, the heads are broken, then the first column is folded; where that is not enough, each
    row is a block of lines.
    """
    low = [[head.replace(" ", "\n") for head in rows[0]], *rows[1:]]
    room = console.width - GAP - needed_width(_table([row[1:] for row in low]))
    tables = [_table(rows), _table(low), *([_table(low, room)] if room >= LEAST_NAME else [])]
    table = next((table for table in tables if needed_width(table) <= console.width), None)
    if table is None:
        _print_blocks(console, rows)
    else:
        console.print(table)
        console.print()


def _table(rows: Sequence[Sequence[str]], room: int | None = None) -> Table:
    """The rows as a table; `room` is the width of the first column, if it has to be folded."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), collapse_padding=True)
    for k, head in enumerate(rows[0]):
        right = k > 0 and all(NUMBER.fullmatch(row[k]) for row in rows[1:])
        side: Literal["left", "right"] = "right" if right else "left"
        folded = k == 0 and room is not None
        table.add_column(
            head,
            justify=side,
            vertical="bottom",
            no_wrap=not folded,
            overflow="fold",
            max_width=room if folded else None,
        )
    for row in rows[1:]:
        table.add_row(*row)
    return table


def _print_blocks(console: Console, rows: Sequence[Sequence[str]]) -> None:
    heads, *body = rows
    for row in body:
        console.print(f"{heads[0]} {row[0]}".strip(), style="bold")
        for head, cell in zip(heads[1:], row[1:], strict=True):
            console.print(f"  {head}: {cell}" if cell else f"  {head}: -")
        console.print()
