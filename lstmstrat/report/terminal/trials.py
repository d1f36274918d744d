"""Prints the ledger of trials as a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from lstmstrat.report.cells import UNDEFINED
from lstmstrat.report.terminal.console import PIPE_WIDTH, console_on, needed_width
from lstmstrat.results.trial import Trial

if TYPE_CHECKING:
    from rich.table import Table


def print_trials(trials: Sequence[Trial], file: TextIO | None = None) -> None:
    """Print the ledger, one line per trial, to `file`, standard output by default."""
    file, table = file or sys.stdout, _table(trials)
    console = console_on(file)
    if not file.isatty():
        console.width = max(PIPE_WIDTH, needed_width(table))
    console.print(table)
    console.print(f"{len(trials)} trial{'' if len(trials) == 1 else 's'}")


def _table(trials: Sequence[Trial]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("entered (UTC)", "asset", "traded", "strategy", "class", "params"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Sharpe a bar", justify="right")
    for t in trials:
        params = ", ".join(f"{name}={value}" for name, value in t.params.items())
        ratio = UNDEFINED if t.sharpe is None else f"{t.sharpe:+.4f}"
        table.add_row(t.entered, t.symbol, f"{t.first} to {t.last}", t.strategy, t.class_path, params, ratio)
    return table
