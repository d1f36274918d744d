"""The folds that are going to be trained, as a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import pandas as pd

from lstmstrat.report.terminal.console import console_on

if TYPE_CHECKING:
    from rich.table import Table


def print_folds(folds: pd.DataFrame, file: TextIO | None = None, note: str = "") -> None:
    """Print number, first forecast and samples of each fold, and a note, to `file`, standard output by default.

    Of more than 8 folds, only the first 3 and the last 2 are printed. The last line has the number of folds and
    the sum of their samples.
    """
    console = console_on(file or sys.stdout)
    console.print(_table(folds))
    if note:
        console.print(note)


def _table(folds: pd.DataFrame) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column("fold", justify="right", footer="1 fold" if len(folds) == 1 else f"{len(folds)} folds")
    table.add_column("first forecast", footer="")
    table.add_column("samples", justify="right", footer=f"{folds['samples'].sum():,}")
    rows = folds if len(folds) <= 8 else pd.concat([folds.head(3), folds.tail(2)])
    for position, fold in enumerate(rows.itertuples()):
        if position == 3 and len(folds) > 8:
            table.add_row("...", "...", "...")
        table.add_row(str(fold.number), f"{fold.first_forecast:%Y-%m-%d}", f"{fold.samples:,}")
    return table
