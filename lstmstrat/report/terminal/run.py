"""Prints a finished run: the honesty card, the tables and the notices."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from lstmstrat.report import ranks
from lstmstrat.report.card import calendar, card, findings, skill, trust
from lstmstrat.report.cells import HOLDING, difference, level, verdict
from lstmstrat.report.columns import (
    FOR_THE_VERDICT,
    LADDER,
    LEAD_ORIGIN,
    METRICS,
    NAME,
    Column,
    Entry,
    Row,
    cells_by_heading,
    metric_cells,
)
from lstmstrat.report.terminal.console import PIPE_WIDTH, console_on, needed_width
from lstmstrat.report.terminal.rows import print_rows
from lstmstrat.results.assessment import Assessment

if TYPE_CHECKING:
    from rich.table import Table

    from lstmstrat.prices.faults import Fault

CARD_WIDTH = 86
"""Characters per line of a sentence on the honesty card."""

EXPLANATION = (
    "Adjusted p: of the Sharpe difference, for the number of strategies. Deflated: the chance that the best of as "
    "many trials without skill has less. Timing p: the share of its holdings in random order that did as well. "
    "Holding only that part: holding as much as the net exposure. The report says more; n/a: undefined, or there "
    "is no lead."
)

LOOK_FIRST = "look first"
"""The label of findings about the prices, above all else."""

LEFT_OUT_FIRST = ("annual_volatility", "turnover", "exposure", "trades", "total_return", "max_drawdown", "cagr")
"""The metrics that are left out in a narrow terminal, in this order."""


def print_result(assessment: Assessment, file: TextIO | None = None) -> None:
    """Print the honesty card, the tables and the notices of a run to `file`, standard output by default.

    A terminal gets the columns that fit; a pipe gets all columns.
    """
    file = file or sys.stdout
    console = console_on(file)
    tables, no_room = _tables(assessment, console.width if file.isatty() else None)
    if not file.isatty():
        console.width = max(PIPE_WIDTH, *(needed_width(table) for table in tables))
    console.print(_card(assessment))
    for table in tables:
        console.print()
        console.print(table)
    for paragraph in (f"{calendar(assessment)} {EXPLANATION}", *_further(assessment, no_room)):
        console.print(f"\n{paragraph}")
    console.print()
    for part in ranks.parts(assessment):
        console.print(f"{part.heading}: {part.caption}")
        print_rows(console, part.rows)
    for notice in assessment.data.notices:
        console.print(f"Note: {notice}")


def _further(assessment: Assessment, no_room: Sequence[str]) -> list[str]:
    """The skill of the forecasts, if there are any, and the columns that have no room in a narrow terminal."""
    paragraphs = []
    if assessment.forecast_skill.observations:
        paragraphs.append(f"Forecasts. {skill(assessment)} {trust(assessment)}".rstrip())
    paragraphs += ranks.sentences(assessment)
    if no_room:
        paragraphs.append(f"No room for {', '.join(no_room)}: see the report or summary.json.")
    return paragraphs


def _card(assessment: Assessment) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(max_width=CARD_WIDTH)
    for label, sentence in (*_findings(assessment.data.faults), *card(assessment)):
        table.add_row(label, sentence)
    return table


def _findings(faults: Sequence[Fault]) -> list[tuple[str, str]]:
    """The rows at the head of the card: what cannot be true in the prices."""
    sentences = findings(faults)
    return [(LOOK_FIRST if k == 0 else "", sentence) for k, sentence in enumerate(sentences)]


def print_findings(faults: Sequence[Fault], file: TextIO | None = None) -> None:
    """Print what cannot be true in the prices, before anything is trained on them; nothing if there is nothing."""
    for label, sentence in _findings(faults):
        print(f"{label:11s}  {sentence}", file=file or sys.stdout)


def _tables(assessment: Assessment, width: int | None) -> tuple[list[Table], list[str]]:
    """The tables of a run, and the columns that have no room in `width`."""
    columns = METRICS if width is None else _columns_that_fit(assessment, width)
    strategies, ladder = assessment.strategies, assessment.ladder
    rungs = (ladder.models, ladder.refits) if ladder else ()
    parts = [
        (_metrics(assessment, columns), [column.field for column in METRICS if column not in columns]),
        _table_that_fits(strategies, (NAME, *FOR_THE_VERDICT), 2, width),
        _table_that_fits(strategies, (NAME, *LEAD_ORIGIN), 2, width),
        *(_table_that_fits(rows, LADDER, 1, width) for rows in rungs if rows),
    ]
    headings = [heading for _, no_room in parts for heading in no_room]
    return [table for table, _ in parts], list(dict.fromkeys(headings))


def _columns_that_fit(assessment: Assessment, width: int) -> tuple[Column, ...]:
    columns: tuple[Column, ...] = METRICS
    for field in LEFT_OUT_FIRST:
        if needed_width(_metrics(assessment, columns)) <= width:
            break
        columns = tuple(column for column in columns if column.field != field)
    return columns


def _table_that_fits(
    rows: Sequence[Row], columns: Sequence[Entry[Row]], least: int, width: int | None
) -> tuple[Table, list[str]]:
    """A table of the first `columns` that fit into `width`, at least `least`, and the headings of the others."""
    count = len(columns)
    while width is not None and count > least and needed_width(_entries(rows, columns[:count])) > width:
        count -= 1
    return _entries(rows, columns[:count]), [column.heading for column in columns[count:]]


def _metrics(assessment: Assessment, columns: Sequence[Column]) -> Table:
    """Strategies as rows below holding, `columns` of metrics, the Sharpe difference and the verdict."""
    table = _empty_table()
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(_break_lines(column.heading), justify="right", no_wrap=True, vertical="bottom")
    heading = f"Sharpe difference\n[{level(len(assessment.strategies))}]"
    table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(f"against\n{HOLDING}", no_wrap=True)
    table.add_row(HOLDING, *metric_cells(assessment.benchmark, columns), "", "")
    for strategy in assessment.strategies:
        versus, cells = strategy.versus_benchmark, metric_cells(strategy.metrics, columns)
        table.add_row(strategy.name, *cells, difference(versus), verdict(versus.verdict)[0])
    return table


def _entries(rows: Sequence[Row], columns: Sequence[Entry[Row]]) -> Table:
    """A table with one line for each of `rows` and the first column aligned left."""
    table = _empty_table()
    cells = cells_by_heading(rows, columns)
    for k, heading in enumerate(cells):
        side: Literal["left", "right"] = "right" if k else "left"
        table.add_column(_break_lines(heading), justify=side, no_wrap=True, vertical="bottom")
    for line in zip(*cells.values(), strict=True):
        table.add_row(*line)
    return table


def _empty_table() -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True)


def _break_lines(heading: str) -> str:
    """`heading` with a line break at each soft hyphen and at each space that is not a no-break space."""
    return heading.replace("\u00ad", "-\n").replace(" ", "\n")
