"""What the templates show of a run over a universe, in the place of what they show of one asset."""

from __future__ import annotations

from typing import Any

from lstmstrat.errors import count
from lstmstrat.report import ranks
from lstmstrat.report.cells import amount, fine_percent, percent, tenths, thousandths
from lstmstrat.report.page.glossary import ALL
from lstmstrat.report.page.tables import Cell, Line, Table, of_part
from lstmstrat.results.assessment import Assessment
from lstmstrat.results.panel.facts import PanelFacts, UniverseFacts

TERMS = {
    "rank correlation": "rank correlation",
    "t": "t",
    "lag": "lag",
    "sessions": "session",
    "tenth": "tenth",
    "fifth": "tenth",
    "half": "tenth",
    "bp a session": "bp",
    "hold until": "hold until",
    "gross bp": "bp",
    "net bp": "bp",
    "turnover": "turnover a session",
    "break-even bp": "break-even",
    "pool": "pool",
    "label": "relation",
    "right side": "right side of the middle",
    "this run minus it": "rank correlation",
    "t of that": "t",
    "Sharpe": "Sharpe",
}
"""The term of the glossary that explains a heading."""


def view(found: Assessment) -> dict[str, Any]:
    """The values of ranks.html and portfolio.html."""
    universe, panel = found.universe, found.panel
    assert universe is not None
    assert panel is not None
    years, lags, ladder, books, *rungs = ranks.parts(found)
    return {
        "glossary": ALL,
        "ranks": ranks.sentences(found),
        "rank_facts": _rank_facts(panel),
        "ranks_by_year": of_part(years, TERMS),
        "ranks_by_lag": of_part(lags, TERMS),
        "ranks_by_part": of_part(ladder, TERMS),
        "ranks_by_patience": of_part(books, TERMS),
        "rungs": [of_part(part, TERMS) for part in rungs],
        "no_ladder": next((check.detail for check in found.checks if check.name == "ladder"), ""),
        "portfolio": _portfolio(found, universe, panel),
        "quarantines": _quarantines(universe),
        "left_out": _left_out(universe),
    }


def _rank_facts(panel: PanelFacts) -> list[tuple[str, str]]:
    """Terms with their values."""
    skill = panel.skill
    return [
        ("rank correlation", thousandths(skill.ic.mean)),
        ("t", tenths(skill.ic.t)),
        ("ICIR", thousandths(skill.icir)),
        ("sessions above 0", fine_percent(skill.above_zero)),
        ("right side of the middle", fine_percent(skill.hit_rate)),
        ("pool", panel.pool),
        ("relation", panel.relation),
    ]


def _portfolio(found: Assessment, universe: UniverseFacts, panel: PanelFacts) -> list[tuple[str, str]]:
    """Terms with their values."""
    (portfolio,) = found.strategies
    low, high = universe.members
    return [
        ("gross exposure", percent(panel.gross)),
        ("net exposure", percent(panel.net)),
        ("turnover", f"{amount(portfolio.metrics.turnover)} a year"),
        ("round trip", count(portfolio.metrics.trades, "round trip")),
        ("members", f"{low:,} to {high:,} of {count(universe.assets, 'asset')}"),
        ("closed: asset ended", amount(universe.ended)),
        ("closed: quarantine", amount(universe.quarantined)),
        ("left out", count(len(universe.left_out), "asset")),
    ]


def _quarantines(universe: UniverseFacts) -> Table:
    lines = (
        Line(stay.symbol, (Cell(stay.first), Cell(amount(stay.bars), stay.bars), Cell(stay.text)))
        for stay in universe.quarantines
    )
    return Table("Assets in quarantine", ("from", "bars", "what was found"), tuple(lines), "asset", TERMS)


def _left_out(universe: UniverseFacts) -> Table:
    lines = (Line(symbol, (Cell(why),)) for symbol, why in universe.left_out.items())
    return Table("Assets left out", ("why",), tuple(lines), "asset", TERMS)
