"""The chart of the differences from buy-and-hold, and the chart of luck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmstrat.report.columns import interval
from lstmstrat.report.figures.values import LEGEND, Json, label, numbers
from lstmstrat.results.assessment import Assessment, Seeds, StrategyAssessment, Worlds

ReplicaDifferences = tuple[float | None, ...]  # of one strategy; empty if no replicas were run


def differences(assessment: Assessment) -> Json:
    """Sharpe ratio minus that of buy-and-hold: a dot for each strategy, with its interval."""
    names = [label(strategy.name) for strategy in assessment.strategies]
    layout = {
        "height": 90 + 34 * len(names),
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"t": 10, "b": 50, "l": 10, "r": 10},
        "xaxis": {
            "title": {"text": f"Sharpe ratio minus that of buy-and-hold ({interval(len(names))})"},
            "zeroline": True,
        },
        "yaxis": {
            "type": "category",
            "categoryarray": names[::-1],
            "range": [-0.5, len(names) - 0.5],
            "automargin": True,
        },
    }
    return {"data": [_whiskers(assessment)], "layout": layout}


def _whiskers(assessment: Assessment) -> Json:
    """The dots of the strategies whose difference and interval are defined."""
    rows = [
        (label(s.name), v.sharpe, v.sharpe_low, v.sharpe_high, v.p_adjusted)
        for s in assessment.strategies
        if (v := s.versus_benchmark).sharpe is not None and v.sharpe_low is not None and v.sharpe_high is not None
    ]
    middle, low, high = (np.array([row[k] for row in rows], dtype=float) for k in (1, 2, 3))
    return {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(middle),
        "y": [name for name, *_ in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": numbers(high - middle),
            "arrayminus": numbers(middle - low),
            "color": "--ink",
            "thickness": 1.5,
            "width": 5,
        },
        "marker": {"color": "--ink", "size": 9},
        "customdata": [[low, high, p_adjusted] for _, _, low, high, p_adjusted in rows],
        "hovertemplate": "%{x:.2f} [%{customdata[0]:.2f}, %{customdata[1]:.2f}], "
        "adjusted p %{customdata[2]:.3f}<extra>%{y}</extra>",
    }


def luck(assessment: Assessment) -> Json:
    """The Sharpe ratio of each strategy, the band of its shuffles, and the null worlds and seeds if they were run.

    The Sharpe ratio of buy-and-hold is added to differences from it, so that all values are on one axis.
    """
    hold = assessment.benchmark.sharpe or 0.0
    rows = assessment.strategies[::-1]
    worlds, seeds = [_differences(s.luck.worlds) for s in rows], [_differences(s.luck.seeds) for s in rows]
    data = [
        _ranges("its holdings in random order", [_band(s) for s in rows], "--band", 14),
        *_replicas("null worlds", worlds, hold, "--c1", 0.28),
        *_replicas("seeds", seeds, hold, "--c0", -0.28),
        _dots("this run", [(s.metrics.sharpe, k) for k, s in enumerate(rows)], "--ink", 10),
    ]
    layout = {
        "height": 130 + 44 * len(rows),
        "hovermode": "closest",
        "legend": LEGEND | {"y": -0.25},
        "margin": {"t": 10, "b": 90, "l": 10, "r": 10},
        "xaxis": {"title": {"text": "annual Sharpe ratio"}, "range": _padded_range(data, hold)},
        "yaxis": {
            "tickvals": list(range(len(rows))),
            "ticktext": [label(s.name) for s in rows],
            "range": [-0.6, len(rows) - 0.4],
            "automargin": True,
        },
        "shapes": [_vertical_line(hold)],
    }
    return {"data": data, "layout": layout}


def _differences(replicas: Seeds | Worlds | None) -> ReplicaDifferences:
    return () if replicas is None else replicas.differences


def _band(strategy: StrategyAssessment) -> tuple[float, float] | None:
    """The band of the shuffles, which is before costs, shifted by the costs of the strategy."""
    sharpe, shuffles = strategy.metrics.sharpe, strategy.luck.placebo
    if sharpe is None or shuffles.sharpe is None or shuffles.low is None or shuffles.high is None:
        return None
    costs = sharpe - shuffles.sharpe
    return shuffles.low + costs, shuffles.high + costs


def _padded_range(data: list[Json], x: float) -> list[float]:
    """From the smallest to the largest x, and a twentieth more, so that lines do not end at the edge."""
    values = [x, *(value for trace in data for value in trace["x"] if value is not None)]
    room = 0.05 * (max(values) - min(values)) or 1.0
    return [min(values) - room, max(values) + room]


def _vertical_line(x: float) -> Json:
    line = {"color": "--ink", "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _ranges(name: str, bars: list[tuple[float, float] | None], colour: str, width: int) -> Json:
    """A thick line from low to high for each row that has both; None between them makes a gap."""
    x = [value for bar in bars if bar is not None for value in (*numbers(bar, 4), None)]
    y = [value for k, bar in enumerate(bars) if bar is not None for value in (k, k, None)]
    line = {"color": colour, "width": width}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hoverinfo": "x"}


def _replicas(name: str, rows: Sequence[ReplicaDifferences], hold: float, colour: str, above: float) -> list[Json]:
    """A small dot for each replica, a little `above` its row; nothing without replicas."""
    dots = [(hold + d, k + above) for k, row in enumerate(rows) for d in row if d is not None]
    return [_dots(name, dots, colour, 4)] if dots else []


def _dots(name: str, places: Sequence[tuple[float | None, float]], colour: str, size: int) -> Json:
    points = [(x, y) for x, y in places if x is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers([x for x, _ in points], 4),
        "y": numbers([y for _, y in points], 4),
        "marker": {"color": colour, "size": size},
        "hovertemplate": "%{x:.2f}<extra>" + name + "</extra>",
    }
