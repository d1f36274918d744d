"""The tables of the page as rows of cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from lstmstrat.evaluation.periods import monthly_returns, worst_falls, yearly_returns
from lstmstrat.evaluation.tearsheet import tear_sheet
from lstmstrat.report.cells import UNDEFINED, Format, amount, fine_percent, percent, ratio
from lstmstrat.report.columns import Column, Entry, Row
from lstmstrat.results.assessment import Assessment, StrategyAssessment
from lstmstrat.results.result import Result

TERMS = {
    "CAGR": "CAGR",
    "Sharpe": "Sharpe",
    "max. DD": "worst fall",
    "expo\u00adsure": "exposure",
    "turn\u00adover": "turnover",
    "net exposure": "net exposure",
    "lead\u00a0from best\u00a0fold": "lead",
    "break-even cost": "break-even cost",
    "detectable": "detectable",
    "adjusted p": "adjusted p",
    "deflated Sharpe": "deflated Sharpe",
    "deflated lead": "deflated lead",
    "deflated timing": "deflated timing",
    "timing p": "timing p",
    "worlds p": "null worlds",
    "seeds above": "seeds",
    "audit": "look-ahead audit",
    "R2 to zero": "R2",
    "Clark-West p\u00a0to\u00a0mean": "Clark-West",
    "folds": "fold",
    "beta": "beta",
    "alpha a\u00a0year": "alpha",
    "information ratio": "information ratio",
    "time under\u00a0water": "time under water",
}
"""The term of the glossary that explains a heading."""


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the value by which its column is sorted, and the class of its colour."""

    text: str
    sort: float | None = None
    css: str = ""
    shade: float | None = None  # -1 to 1: how strongly a gain or a loss is coloured
    hint: str = ""  # what a reader sees who points at it


@dataclass(frozen=True)
class Line:
    """A row: its name, its cells, and the class of its colour."""

    name: str
    cells: tuple[Cell, ...]
    css: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption, which a screen reader says first."""

    caption: str
    heads: tuple[str, ...]  # of the cells, without the first column
    lines: tuple[Line, ...]
    first: str = ""  # the head of the first column
    terms: dict[str, str] = field(default_factory=lambda: TERMS)


def metrics(assessment: Assessment, columns: Sequence[Column], caption: str) -> Table:
    """Holding and every strategy, a column for each metric."""
    accounts = [("holding", assessment.benchmark), *((s.name, s.metrics) for s in assessment.strategies)]
    lines = tuple(
        Line(
            name,
            tuple(Cell(c.write(getattr(values, c.field)), getattr(values, c.field)) for c in columns),
            "" if place else "benchmark",
        )
        for place, (name, values) in enumerate(accounts)
    )
    return Table(caption, tuple(column.heading for column in columns), lines, "strategy")


TEAR_SHEET: tuple[tuple[str, str, Format], ...] = (
    ("beta", "beta", ratio),
    ("alpha", "alpha a\u00a0year", fine_percent),
    ("information_ratio", "information ratio", ratio),
    ("correlation", "correlation with\u00a0holding", ratio),
    ("value_at_risk", "worst 5% of\u00a0bars below", fine_percent),
    ("expected_shortfall", "their mean", fine_percent),
    ("best_bar", "best bar", fine_percent),
    ("worst_bar", "worst bar", fine_percent),
    ("best_month", "best month", fine_percent),
    ("worst_month", "worst month", fine_percent),
    ("under_water", "time under\u00a0water", percent),
    ("average_trade", "average trade", amount),
)
"""The figures that other tear sheets have: field, heading and format."""


def tear_sheets(result: Result) -> Table:
    """Holding and every strategy, with the figures of other tear sheets."""
    periods, holding = result.assessment.period.periods_per_year, result.equity["buy_and_hold"]
    lines = []
    for name in result.equity.columns:
        own = result.trades[(result.trades["strategy"] == name) & result.trades["closed"].notna()]
        base = None if name == "buy_and_hold" else holding
        found = tear_sheet(result.equity[name], base, own["pnl"], periods)
        cells = tuple(Cell(write(getattr(found, key)), getattr(found, key)) for key, _, write in TEAR_SHEET)
        lines.append(Line("holding" if base is None else name, cells, "benchmark" if base is None else ""))
    return Table(
        "As other tear sheets have it", tuple(head for _, head, _ in TEAR_SHEET), tuple(lines), "strategy"
    )


def entries(rows: Sequence[Row], columns: Sequence[Entry[Row]], caption: str) -> Table:
    """A line for each of `rows`, named by the first column; columns in which nobody has a number are left out."""
    first = columns[0]
    texts = {column.heading: [column.write(row) for row in rows] for column in columns[1:]}
    kept = {
        heading: cells for heading, cells in texts.items() if any(cell not in ("", UNDEFINED) for cell in cells)
    }
    lines = tuple(
        Line(first.write(row), tuple(Cell(cells[k], leading_number(cells[k])) for cells in kept.values()))
        for k, row in enumerate(rows)
    )
    return Table(caption, tuple(kept), lines, first.heading or "strategy")


def leading_number(text: str) -> float | None:
    """The number with which a text begins, to sort by: 0.12 of ``0.12 [-0.45,0.69]``."""
    try:
        return float(text.split(" ")[0].replace(",", "").rstrip("%"))
    except ValueError:
        return None


def conditions(strategies: Sequence[StrategyAssessment]) -> Table:
    """Strategies by conditions of an edge; met, not met or not asked, with what was found.

    A condition that every strategy meets and that names no number is left out: that holding bought something.
    """
    names = list(dict.fromkeys(one.name for s in strategies for one in s.versus_benchmark.conditions))
    lines = tuple(Line(s.name, tuple(_condition(s, name) for name in names)) for s in strategies)
    shown = [k for k, name in enumerate(names) if name != "bought" or any(x.cells[k].css != "good" for x in lines)]
    kept = tuple(Line(x.name, tuple(x.cells[k] for k in shown)) for x in lines)
    return Table("What an edge needs, by strategy", tuple(names[k] for k in shown), kept, "strategy")


def _condition(strategy: StrategyAssessment, name: str) -> Cell:
    """The cell of one condition; of several with the same name the first that is not met."""
    found = [one for one in strategy.versus_benchmark.conditions if one.name == name]
    if not found:
        return Cell("–", css="none")
    one = min(found, key=lambda condition: condition.met is not False)
    css = {True: "good", False: "bad", None: "none"}[one.met]
    mark = {True: "met", False: "not met", None: "not asked"}[one.met]
    text = one.found if len(one.found) <= 12 else ("passed" if one.met else "failed")
    return Cell(text, css=css, hint=f"{mark}: {one.sentence}")


STRONG = 0.15  # a month that gained or lost so much has the full colour

MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def months(equity: pd.Series[float], holding: pd.Series[float]) -> Table:
    """The return of each month, and of each year beside that of holding."""
    by_month, by_year, held = monthly_returns(equity), yearly_returns(equity), yearly_returns(holding)
    lines = tuple(
        Line(
            str(year),
            (
                *(_return(by_month.loc[year, month]) for month in by_month.columns),
                _return(by_year[year], css="sum"),
                _return(held[year], css="sum"),
                _return(by_year[year] - held[year], css="sum"),
            ),
        )
        for year in by_month.index
    )
    heads = (*MONTH_NAMES, "year", "holding", "differ\u00adence")
    return Table("Return by month and year", heads, lines, "year")


def _return(value: float, css: str = "") -> Cell:
    if value != value:
        return Cell("", css=css)
    return Cell(fine_percent(value), value, css, shade=max(-1.0, min(1.0, value / STRONG)))


def falls(equity: pd.Series[float]) -> Table:
    """The ten worst falls, with their dates."""
    lines = tuple(
        Line(
            str(place),
            (
                Cell(fine_percent(fall.depth), fall.depth),
                Cell(str(fall.peak)),
                Cell(str(fall.trough)),
                Cell(str(fall.recovered) if fall.recovered else "not yet"),
                Cell(f"{fall.bars:,}", fall.bars),
            ),
        )
        for place, fall in enumerate(worst_falls(equity), 1)
    )
    return Table("The worst falls", ("depth", "from", "lowest", "back", "bars"), lines, "")


@dataclass(frozen=True)
class Bar:
    """An interval in percent of the width of its column, the line of no difference, and its text."""

    low: float
    middle: float
    high: float
    text: str


def bars(
    strategies: Sequence[StrategyAssessment], write: Callable[[float | None, float | None], str]
) -> list[Bar | None]:
    """The interval of each Sharpe difference, drawn on one axis; None where it is undefined."""
    known = [
        (v.sharpe_low, v.sharpe, v.sharpe_high)
        for s in strategies
        if (v := s.versus_benchmark).sharpe is not None and v.sharpe_low is not None and v.sharpe_high is not None
    ]
    reach = 1.05 * max((abs(end) for low, _, high in known for end in (low, high)), default=1.0) or 1.0

    def place(value: float) -> float:
        return round(50.0 + 50.0 * value / reach, 2)

    found: list[Bar | None] = []
    for strategy in strategies:
        v = strategy.versus_benchmark
        if v.sharpe is None or v.sharpe_low is None or v.sharpe_high is None:
            found.append(None)
        else:
            text = f"{ratio(v.sharpe)} {write(v.sharpe_low, v.sharpe_high)}"
            found.append(Bar(place(v.sharpe_low), place(v.sharpe), place(v.sharpe_high), text))
    return found
