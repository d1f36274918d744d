"""The tables of the page as rows of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from lstmstrat.evaluation.periods import monthly_returns, worst_falls, yearly_returns
from lstmstrat.evaluation.tearsheet import tear_sheet
from lstmstrat.report.cells import (
    HOLDING,
    UNDEFINED,
    Format,
    account,
    amount,
    difference,
    fine_percent,
    percent,
    ratio,
)
from lstmstrat.report.columns import Column, Entry, Row
from lstmstrat.report.parts import Part
from lstmstrat.results.assessment import Assessment, StrategyAssessment
from lstmstrat.results.result import HOLDING as HELD
from lstmstrat.results.result import Result

TERMS = {
    "total return": "total return",
    "CAGR": "CAGR",
    "vol.": "volatility",
    "Sharpe": "Sharpe",
    "max. DD": "worst fall",
    "expo\u00adsure": "exposure",
    "turn\u00adover": "turnover",
    "trades": "round trip",
    "Sortino": "Sortino",
    "Calmar": "Calmar",
    "hit rate": "hit rate",
    "profit factor": "profit factor",
    "orders refused": "orders refused",
    "CAGR difference [95% interval]": "CAGR difference",
    "max. DD difference [95%]": "fall difference",
    "detectable": "detectable",
    "chance that the Sharpe is\u00a0above\u00a00": "chance above 0",
    "published deflated Sharpe": "published deflated Sharpe",
    "seeds above, worst, median": "seeds",
    "net exposure": "net exposure",
    "holding only that\u00a0part": "net exposure",
    "lead\u00a0from best\u00a0fold": "lead",
    "lead\u00a0from best\u00a05\u00a0days": "lead",
    "break-even cost": "break-even cost",
    "change of\u00a0Sharpe if\u00a0orders come\u00a0a\u00a0bar later": "delay",
    "Sharpe above": "Sharpe difference",
    "adjusted p": "adjusted p",
    "deflated Sharpe": "deflated Sharpe",
    "deflated lead": "deflated lead",
    "deflated timing": "deflated timing",
    "timing p": "timing p",
    "timing known": "timing p",
    "worlds p": "null worlds",
    "seeds above": "seeds",
    "checks": "checks",
    "audit": "look-ahead audit",
    "refit every": "walk-forward",
    "corre\u00adlation": "correlation",
    "R2 to zero": "R2",
    "Clark-West p\u00a0to\u00a0mean": "Clark-West",
    "this\u00a0run\u00a0minus\u00a0it [95%]": "this run minus it",
    "folds": "fold",
    "beta": "beta",
    "alpha a\u00a0year": "alpha",
    "information ratio": "information ratio",
    "correlation with\u00a0holding": "correlation",
    "worst 5% of\u00a0bars below": "worst 5%",
    "their mean": "worst 5%",
    "time under\u00a0water": "time under water",
    "depth": "worst fall",
}
"""The term of the glossary that explains a heading."""

PLAIN = (
    *("strategy", "bought", "model", "seconds", "forecasts", "bars", "from", "lowest", "back", "year", "holding"),
    *("commission paid", "final value", "average trade", "differ\u00adence"),
    *("best bar", "worst bar", "best month", "worst month"),
)
"""The headings that say themselves what they are, apart from the months."""


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the value by which its column is sorted, and the class of its colour."""

    text: str
    sort: float | None = None
    css: str = ""
    shade: float | None = None  # -1 to 1: how strongly a gain or a loss is coloured

    @property
    def tone(self) -> str:
        """The class of that colour, in nine steps: ``up3``, ``down9``, or "" without one."""
        step = 0 if self.shade is None else round(9.0 * self.shade)
        return f"{'up' if step > 0 else 'down'}{abs(step)}" if step else ""


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
    accounts = [(HOLDING, assessment.benchmark), *((s.name, s.metrics) for s in assessment.strategies)]
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
    periods, holding = result.assessment.period.periods_per_year, result.equity[HELD]
    lines = []
    for name in result.equity.columns:
        own = result.trades[(result.trades["strategy"] == name) & result.trades["closed"].notna()]
        base = None if name == HELD else holding
        found = tear_sheet(result.equity[name], base, own["pnl"], periods)
        cells = tuple(Cell(write(getattr(found, key)), getattr(found, key)) for key, _, write in TEAR_SHEET)
        lines.append(Line(account(name), cells, "benchmark" if base is None else ""))
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


def of_part(part: Part, terms: dict[str, str] = TERMS) -> Table:
    """The table of a part, which the terminal prints too."""
    heads, *body = part.rows
    lines = (Line(row[0], tuple(Cell(text, leading_number(text)) for text in row[1:])) for row in body)
    return Table(part.caption, tuple(heads[1:]), tuple(lines), heads[0], terms)


def leading_number(text: str) -> float | None:
    """The number with which a text begins, to sort by: 0.12 of ``0.12 [-0.45,0.69]``."""
    try:
        return float(text.split(" ")[0].replace(",", "").rstrip("%"))
    except ValueError:
        return None


NEEDED = "an edge needs"
"""The name of the first row of the table of conditions."""


def conditions(strategies: Sequence[StrategyAssessment]) -> Table:
    """What an edge needs, and below it, by strategy, what was found: met, not met or not asked.

    A condition that every strategy meets and that names no number is left out: that holding bought something.
    """
    all_ = [one for s in strategies for one in s.versus_benchmark.conditions]
    names = list(dict.fromkeys(one.name for one in all_))
    shown = [n for n in names if n != "bought" or any(one.name == n and not one.met for one in all_)]
    needed = {one.name: Cell(one.sentence.partition(" (")[0]) for one in reversed(all_)}
    first = Line(NEEDED, tuple(needed[name] for name in shown), "needed")
    lines = (Line(s.name, tuple(_condition(s, name) for name in shown)) for s in strategies)
    return Table("What an edge needs, by strategy", tuple(shown), (first, *lines), "strategy")


def unmet(strategies: Sequence[StrategyAssessment]) -> list[str]:
    """The conditions that are not met for a reason which does not fit into a cell, each in a sentence."""
    return [
        f"{s.name} lacks {one.sentence}."
        for s in strategies
        for one in s.versus_benchmark.conditions
        if one.met is False and (one.name == "checks" or len(one.found) > LONGEST)
    ]


LONGEST = 12  # letters of what was found, in a cell


def _condition(strategy: StrategyAssessment, name: str) -> Cell:
    """The cell of one condition; of several with the same name the first that is not met."""
    found = [one for one in strategy.versus_benchmark.conditions if one.name == name]
    if not found:
        return Cell("–", css="none")
    one = min(found, key=lambda condition: condition.met is not False)
    css = {True: "good", False: "bad", None: "none"}[one.met]
    return Cell(one.found if len(one.found) <= LONGEST else ("passed" if one.met else "failed"), css=css)


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
    return Cell(fine_percent(value), css=css, shade=max(-1.0, min(1.0, value / STRONG)))


def falls(equity: pd.Series[float]) -> Table:
    """The ten worst falls, with their dates."""
    lines = tuple(
        Line(
            str(place),
            (
                Cell(fine_percent(fall.depth)),
                Cell(str(fall.peak)),
                Cell(str(fall.trough)),
                Cell(str(fall.recovered) if fall.recovered else "not yet"),
                Cell(amount(fall.bars)),
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


def bars(strategies: Sequence[StrategyAssessment]) -> list[Bar | None]:
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
            found.append(Bar(place(v.sharpe_low), place(v.sharpe), place(v.sharpe_high), difference(v)))
    return found
