"""Prints a sweep: the grid of each strategy, and what its best point is worth."""

from __future__ import annotations

import sys
from typing import TextIO

from lstmstrat.report.cells import ratio
from lstmstrat.report.sweep import caption, grid, headline, sentences
from lstmstrat.report.terminal.rows import console_of_rows, print_rows
from lstmstrat.results.sweep import Outcome, Sweep


def print_sweep(found: Sweep, file: TextIO | None = None) -> None:
    """Print the Sharpe ratios over the first two axes, and the answer last, to `file` (standard output)."""
    console = console_of_rows(file or sys.stdout)
    for name in found.strategies:
        console.print(caption(found, name))
        print_rows(console, _rows(found, name))
    for sentence in sentences(found):
        console.print(sentence)
    console.print(headline(found), style="bold")


def _rows(found: Sweep, strategy: str) -> list[list[str]]:
    first, *others = found.axes
    same = len(found.idle(strategy)) == len(found.axes)  # at every point: none of them is the best
    best = None if same else found.best(strategy)

    def cell(one: Outcome | None) -> str:
        return f"{ratio(one.sharpe if one else None)}{'*' if best and one == best.outcome else ' '}"

    heads = [first.key, *(others[0].values if others else ("Sharpe",))]
    pairs = zip(first.values, grid(found, strategy), strict=True)
    return [heads, *([value, *map(cell, row)] for value, row in pairs)]
