"""A comparison of runs as one page."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pandas as pd

from lstmstrat.errors import count
from lstmstrat.report import comparison as texts
from lstmstrat.report.figures.values import Json, date_axis, drawn, label, line, log_axis, numbers, shared, times
from lstmstrat.report.page.render import as_json, render
from lstmstrat.report.page.tables import of_part
from lstmstrat.report.parts import Part
from lstmstrat.results.comparison import Comparison

COLOURS = ("--chosen", "--world", "--seed", "--forecast", "--good", "--bad", "--open", "--soft")
LONGEST = 40  # letters of a name in the hover
DASHES = {"solid": "none", "dash": "7 4", "dot": "2 4", "dashdot": "7 3 2 3"}
"""How a line is drawn, by plotly.js and in SVG."""


class Drawn(NamedTuple):
    """A line of the chart, for its key."""

    name: str  # of a column of `Comparison.equity`
    colour: str
    dash: str

    @property
    def gaps(self) -> str:
        """The dash in SVG."""
        return DASHES[self.dash]


def comparison_page(found: Comparison) -> str:
    """The text of the page. All names from the runs are escaped."""
    lines = _lines(found)
    return render(
        "comparison.html",
        title=f"{count(len(found.runs), 'run')} compared",
        sentences=texts.sentences(found),
        lines=lines,
        parts=[(part.heading, of_part(part), _css(part)) for part in texts.parts(found)],
        notes=texts.notes(found),
        payload=as_json(_payload(found, lines)),
    )


def _css(part: Part) -> str:
    return "folded words" if part.rows[0][0] in ("key", "run") else "folded"


def _lines(found: Comparison) -> list[Drawn]:
    """The lines of the chart: holdings in one colour; dashes tell lines of one colour apart."""
    if not found.bars:
        return []
    names = list(found.equity.columns)
    held, others = names[: len(found.holdings)], names[len(found.holdings) :]
    looks = list(product(DASHES, COLOURS))
    holdings = [Drawn(name, "--hold", list(DASHES)[k % len(DASHES)]) for k, name in enumerate(held)]
    contenders = [(name, *looks[k % len(looks)]) for k, name in enumerate(others)]
    return [*holdings, *(Drawn(name, colour, dash) for name, dash, colour in contenders)]


def _payload(found: Comparison, lines: list[Drawn]) -> Json:
    if not lines:
        return {"dates": times(pd.DatetimeIndex([])), "series": [], "figures": {}, "trades": []}
    index = pd.DatetimeIndex(found.equity.index)
    value = found.equity.where(found.equity > 0.0)
    places, data = drawn(len(index), len(lines)), []
    for one in lines:
        y = numbers(value[one.name].to_numpy(dtype=float)[places], 5)
        trace = line(label(one.name, LONGEST), y, one.colour, "%{y:.2f}")
        trace["line"] |= {"dash": one.dash, "width": 1.5}
        data.append(trace)
    layout = {
        "height": 480,
        "hovermode": "x unified",
        "showlegend": False,  # the key stands below the chart, where it takes no room from it
        "xaxis": date_axis(index),
        "yaxis": log_axis(value) | {"tickformat": "~g"},  # 0.5, where ~s would write 500m
    }
    figures = {"answer": {"data": data, "layout": layout}}
    return {"dates": times(index[places]), "series": shared(figures), "figures": figures, "trades": []}
