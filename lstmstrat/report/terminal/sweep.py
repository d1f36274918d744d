"""Prints a sweep: the grid of each strategy, and what its best point is worth."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from lstmstrat.report.cells import ratio
from lstmstrat.report.sweep import grid, headline, sentences
from lstmstrat.report.terminal.console import console_on, needed_width
from lstmstrat.results.sweep import Sweep

if TYPE_CHECKING:
    from rich.table import Table


def print_sweep(found: Sweep, file: TextIO | None = None) -> None:
    """Print the Sharpe ratios over the first two axes, and the answer last, to `file` (standard output)."""
    file = file or sys.stdout
    console = console_on(file)
    tables = [_table(found, name) for name in found.strategies]
    if not file.isatty():
        console.width = max(80, *(needed_width(table) for table in tables))
    for table in tables:
        console.print(table)
        console.print()
    for sentence in sentences(found):
        console.print(sentence)
    console.print(headline(found), style="bold")


def _table(found: Sweep, strategy: str) -> Table:
    from rich.table import Table

    first, *others = found.axes
    second = others[0] if others else None
    title = f"Sharpe ratio of {strategy}" + (f", by {second.key}" if second else "")
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style=""
    )
    table.add_column(first.key)
    for heading in second.values if second else ("Sharpe",):
        table.add_column(heading, justify="right")
    best = found.best(strategy)
    for value, row in zip(first.values, grid(found, strategy), strict=True):
        table.add_row(
            value, *(f"{ratio(one.sharpe)}{'*' if best and one == best.outcome else ' '}" for one in row)
        )
    return table
