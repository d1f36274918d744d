"""A sweep as one page: a heat map for each strategy, and every point in a table."""

from __future__ import annotations

from lstmstrat.report import sweep as texts
from lstmstrat.report.cells import counted, ratio
from lstmstrat.report.page.render import as_json, render
from lstmstrat.report.page.tables import Cell, Line, Table, leading_number
from lstmstrat.results.sweep import Outcome, Sweep


def sweep_page(found: Sweep) -> str:
    """The text of the page. All names are escaped."""
    heads, *body = texts.every_point(found)
    lines = tuple(Line(row[0], tuple(Cell(text, leading_number(text)) for text in row[1:])) for row in body)
    return render(
        "sweep.html",
        title=f"{found.name} on {found.symbol}: {counted(len(found.points()), 'point')}",
        headline=texts.headline(found),
        sentences=texts.sentences(found),
        heats=[_heat(found, name) for name in found.strategies],
        points=Table("Every point", tuple(heads[1:]), lines, heads[0]),
        payload=as_json({"dates": {"seconds": 1, "steps": []}, "series": [], "figures": {}, "trades": []}),
    )


def _heat(found: Sweep, strategy: str) -> Table:
    """Sharpe ratios over the first two axes, coloured by their distance from that of holding."""
    rows = texts.grid(found, strategy)
    reach = max((abs(_lead(cell)) for row in rows for cell in row), default=0.0) or 1.0
    first, *others = found.axes
    lines = tuple(
        Line(value, tuple(_cell(cell, reach) for cell in row))
        for value, row in zip(first.values, rows, strict=True)
    )
    heads = others[0].values if others else ("Sharpe",)
    by = f"{first.key} down, {others[0].key} across" if others else first.key
    return Table(f"{strategy}: Sharpe ratio ({by}); green is above holding", tuple(heads), lines, first.key)


def _lead(one: Outcome) -> float:
    return 0.0 if one.sharpe is None else one.sharpe - (one.holding or 0.0)


def _cell(one: Outcome, reach: float) -> Cell:
    if one.sharpe is None:
        return Cell(ratio(one.sharpe))
    return Cell(ratio(one.sharpe), one.sharpe, shade=_lead(one) / reach)
