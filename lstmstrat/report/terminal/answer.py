"""The answer of a run in eight lines: the last that stand on the screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from lstmstrat.errors import count
from lstmstrat.prices.acceptance import listed, open_faults
from lstmstrat.report import ranks
from lstmstrat.report.answer import checks, not_tested, sentence
from lstmstrat.report.cells import HOLDING, amount, difference, fine_percent, percent, ratio, verdict
from lstmstrat.report.terminal.console import console_on
from lstmstrat.results.assessment import Assessment

if TYPE_CHECKING:
    from rich.table import Table

    from lstmstrat.evaluation.metrics import Performance

WIDTH = 80
MOST = 3
"""Strategies that are named; the others are counted."""
STYLES = {"good": "green", "bad": "red", "open": "yellow", "none": ""}


def print_answer(assessment: Assessment, file: TextIO | None = None) -> None:
    """Print the verdict in a sentence, and what holding and the first strategies earned.

    A terminal of 80 columns has room for all of it. Of a universe two lines more say what holding it is, and what
    its scores are worth.
    """
    console = console_on(file or sys.stdout)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    if wrong := open_faults(assessment.data.faults):
        console.print(f"Look first: these prices cannot be right ({listed(wrong)[0]}).", style="red")
    console.print(sentence(assessment), style="bold")
    console.print(_table(assessment))
    for line in (*ranks.holding(assessment), *ranks.brief(assessment)):
        console.print(line)
    more = len(assessment.strategies) - MOST
    others = f"{more} more: --full. " if more > 0 else ""
    skipped = len(not_tested(assessment))
    unrun = f" {count(skipped, 'test')} not run: the page names them." if skipped else ""
    console.print(f"{others}{checks(assessment)}{unrun}")


def _table(assessment: Assessment) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", overflow="ellipsis", no_wrap=True)
    cash = amount(assessment.costs.cash)
    for heading in (f"{cash}\nbecame", "a\nyear", "worst\nfall", "\nSharpe", "\ndifference [95%]"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("\nverdict", no_wrap=True)
    table.add_row(f"{HOLDING} {assessment.data.symbol}", *_cells(assessment.benchmark), "", "")
    for strategy in assessment.strategies[:MOST]:
        words, kind = verdict(strategy.versus_benchmark.verdict)
        figures = *_cells(strategy.metrics), difference(strategy.versus_benchmark)
        table.add_row(strategy.name, *figures, Text(words, style=STYLES[kind]))
    return table


def _cells(metrics: Performance) -> tuple[str, ...]:
    fall = percent(metrics.max_drawdown)
    return amount(metrics.final_value), fine_percent(metrics.cagr), fall, ratio(metrics.sharpe)
