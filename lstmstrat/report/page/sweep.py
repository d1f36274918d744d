"""A sweep as one page: a heat map for each strategy, and every point in a table."""

from __future__ import annotations

from lstmstrat.errors import count
from lstmstrat.report import sweep as texts
from lstmstrat.report.cells import UNDEFINED, ratio
from lstmstrat.report.page.render import as_json, render
from lstmstrat.report.page.tables import Cell, Line, Table, leading_number
from lstmstrat.results.sweep import Outcome, Sweep

LEAST_REACH = 0.25
"""The smallest difference of Sharpe ratios that has the full colour."""


def sweep_page(found: Sweep) -> str:
    """The text of the page. All names are escaped."""
    heads, *body = texts.every_point(found)
    lines = tuple(Line(row[0], tuple(Cell(text, leading_number(text)) for text in row[1:])) for row in body)
    return render(
        "sweep.html",
        title=f"{found.name} on {found.symbol}: {count(len(found.points()), 'point')}",
        headline=texts.headline(found),
        sentences=texts.sentences(found),
        heats=[_heat(found, name) for name in found.strategies],
        points=Table("Every point", tuple(heads[1:]), lines, heads[0]),
        payload=as_json({"dates": {"seconds": 1, "steps": []}, "series": [], "figures": {}, "trades": []}),
    )


def _heat(found: Sweep, strategy: str) -> Table:
    """Sharpe ratios over the first two axes, coloured by their distance from that of holding."""
    rows = texts.grid(found, strategy)
    reach = max(LEAST_REACH, *(abs(one.lead or 0.0) for one in found.outcomes))  # one scale for all strategies
    first, *others = found.axes
    lines = tuple(
        Line(value, tuple(_cell(cell, reach) for cell in row))
        for value, row in zip(first.values, rows, strict=True)
    )
    heads = others[0].values if others else ("Sharpe",)
    return Table(f"{texts.caption(found, strategy)}; green is above holding", tuple(heads), lines, first.key)


def _cell(one: Outcome | None, reach: float) -> Cell:
    if one is None:
        return Cell(UNDEFINED)
    return Cell(ratio(one.sharpe), one.sharpe, shade=None if one.lead is None else one.lead / reach)
