"""A comparison of runs as one page."""

from __future__ import annotations

import pandas as pd

from lstmstrat.report import comparison as texts
from lstmstrat.report.cells import counted
from lstmstrat.report.figures.values import Json, date_axis, drawn, label, line, log_axis, numbers, shared, times
from lstmstrat.report.page.render import as_json, render
from lstmstrat.report.page.tables import Cell, Line, Table, leading_number
from lstmstrat.results.comparison import Comparison

COLOURS = ("--chosen", "--world", "--seed", "--forecast", "--good", "--bad", "--open", "--soft")
DASHES = ("solid", "dash", "dot", "dashdot")
LONGEST = 40  # letters of a name beside its line


def comparison_page(found: Comparison) -> str:
    """The text of the page. All names from the runs are escaped."""
    return render(
        "comparison.html",
        title=f"{counted(len(found.runs), 'run')} compared",
        sentences=texts.sentences(found),
        bars=found.bars,
        differing=_table("What differs in the configs", texts.differences(found)),
        contenders=_table("The contenders", texts.contenders(found)),
        runs=_table("The runs", texts.skill(found)),
        notes=texts.notes(found) if found.bars else [],
        payload=as_json(_payload(found)),
    )


def _table(caption: str, rows: texts.Rows) -> Table:
    heads, *body = rows
    lines = (Line(row[0], tuple(Cell(text, leading_number(text)) for text in row[1:])) for row in body)
    return Table(caption, tuple(heads[1:]), tuple(lines), heads[0])


def _payload(found: Comparison) -> Json:
    frame = found.equity
    if not found.bars:
        return {"dates": times(pd.DatetimeIndex([])), "series": [], "figures": {}, "trades": []}
    index = pd.DatetimeIndex(frame.index)
    value = frame.where(frame > 0.0)
    data = []
    strategies = holdings = 0
    places = drawn(len(frame), len(frame.columns))
    for name in frame.columns:
        y = numbers(value[name].to_numpy(dtype=float)[places], 5)
        made = line(label(name, LONGEST), y, "--hold", "%{y:.2f}")
        if name.startswith("holding "):
            made["line"] |= {"dash": DASHES[holdings % len(DASHES)]}
            holdings += 1
        else:
            made["line"] = {
                "color": COLOURS[strategies % len(COLOURS)],
                "dash": DASHES[strategies // len(COLOURS) % len(DASHES)],
                "width": 1.5,
            }
            strategies += 1
        data.append(made)
    layout = {
        "height": 480,
        "hovermode": "x unified",
        "xaxis": date_axis(index),
        "yaxis": log_axis(value) | {"tickformat": "~g"},  # 0.5, where ~s would write 500m
    }
    figures = {"answer": {"data": data, "layout": layout}}
    return {"dates": times(index[places]), "series": shared(figures), "figures": figures, "trades": []}
