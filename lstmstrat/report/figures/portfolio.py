"""How the account of a universe was exposed."""

from __future__ import annotations

import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.report.figures.values import Json, Numbers, date_axis, drawn, line, rounded, span
from lstmstrat.results.panel.holdings import sides
from lstmstrat.results.result import Result


def exposures(result: Result) -> Json:
    """Long and short exposure of the portfolio at each close, both together and one less the other."""
    (portfolio,) = result.assessment.strategies
    held = result.positions(portfolio.name).drop(columns="cash")
    long, short = sides(held, result.equity[portfolio.name])
    index = pd.DatetimeIndex(result.equity.index)

    def drawn_line(name: str, values: Floats, colour: str) -> Json:
        y: Numbers = rounded(values[drawn(len(index), len(result.equity.columns))], 3)
        return line(name, y, colour, "%{y:.1%}")

    layout = {
        "height": 320,
        "hovermode": "x unified",
        "xaxis": date_axis(index, **span(result.equity)),
        "yaxis": {"title": {"text": "share of the account"}, "tickformat": ".0%", "zeroline": True},
    }
    data = [
        drawn_line("gross", long + short, "--soft"),
        drawn_line("long", long, "--good"),
        drawn_line("short", -short, "--bad"),
        drawn_line("net", long - short, "--chosen"),
    ]
    return {"data": data, "layout": layout}
