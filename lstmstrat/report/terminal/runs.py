"""Prints a list of runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from lstmstrat.report.cells import verdict
from lstmstrat.report.terminal.console import console_on, needed_width
from lstmstrat.results.index import Listed


def print_runs(runs: Sequence[Listed], file: TextIO | None = None) -> None:
    """Print folder, asset, date and verdicts of each run to `file`, standard output by default."""
    from rich.table import Table

    file = file or sys.stdout
    console = console_on(file)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("run", "asset", "made", "verdicts"):
        table.add_column(heading, overflow="fold")
    for one in runs:
        table.add_row(str(one.folder), one.symbol, one.made[:16].replace("T", " "), said(one))
    if not file.isatty():
        console.width = max(80, needed_width(table))
    console.print(table)


def said(one: Listed) -> str:
    """The verdicts of a run, with the number of strategies of each: ``1 worse, 5 may be luck``."""
    counts: dict[str, int] = {}
    for text in one.verdicts.values():
        words, _ = verdict(text)
        counts[words] = counts.get(words, 0) + 1
    return ", ".join(f"{count} {words}" for words, count in counts.items())
