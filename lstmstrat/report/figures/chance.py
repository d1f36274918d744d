"""Is it luck: Sharpe ratios among shuffles of the same holdings; differences among null worlds and seeds."""

from __future__ import annotations

from collections.abc import Sequence

from lstmstrat.report.figures.values import LEGEND, Json, label, numbers
from lstmstrat.results.assessment import Assessment, Seeds, StrategyAssessment, Worlds

ReplicaDifferences = tuple[float | None, ...]  # of one strategy; empty if no replicas were run


def shuffles(assessment: Assessment) -> Json:
    """The Sharpe ratio of each strategy, and the band of its own holdings in random order; holding as a line."""
    rows = assessment.strategies[::-1]
    data = [
        _ranges("its holdings in random order", [_band(s) for s in rows]),
        _dots("this run", [(s.metrics.sharpe, k) for k, s in enumerate(rows)], "--chosen", 10),
    ]
    hold = assessment.benchmark.sharpe
    return {"data": data, "layout": _layout(rows, data, "Sharpe ratio (dotted: holding)", hold)}


def differences(assessment: Assessment) -> Json:
    """The Sharpe difference of each strategy from holding, among those of null worlds and of other seeds."""
    rows = assessment.strategies[::-1]
    worlds, seeds = [_differences(s.luck.worlds) for s in rows], [_differences(s.luck.seeds) for s in rows]
    data = [
        *_replicas("null worlds", worlds, "--world", 0.24),
        *_replicas("other seeds", seeds, "--seed", -0.24),
        _dots("this run", [(s.versus_benchmark.sharpe, k) for k, s in enumerate(rows)], "--chosen", 10),
    ]
    return {"data": data, "layout": _layout(rows, data, "Sharpe ratio minus that of holding", 0.0)}


def _layout(rows: Sequence[StrategyAssessment], data: list[Json], title: str, mark: float | None) -> Json:
    return {
        "height": 130 + 40 * len(rows),
        "hovermode": "closest",
        "legend": LEGEND | {"y": -0.22},
        "margin": {"t": 10, "b": 90, "l": 10, "r": 10},
        "xaxis": {"title": {"text": title}, "range": _padded_range(data, mark)},
        "yaxis": {
            "tickvals": list(range(len(rows))),
            "ticktext": [label(s.name) for s in rows],
            "range": [-0.6, len(rows) - 0.4],
            "automargin": True,
        },
        "shapes": [] if mark is None else [_vertical_line(mark)],
    }


def _differences(replicas: Seeds | Worlds | None) -> ReplicaDifferences:
    return () if replicas is None else replicas.differences


def _band(strategy: StrategyAssessment) -> tuple[float, float] | None:
    """The band of the shuffles, which is before costs, shifted by the costs of the strategy."""
    sharpe, shuffled = strategy.metrics.sharpe, strategy.luck.placebo
    if sharpe is None or shuffled.sharpe is None or shuffled.low is None or shuffled.high is None:
        return None
    costs = sharpe - shuffled.sharpe
    return shuffled.low + costs, shuffled.high + costs


def _padded_range(data: list[Json], mark: float | None) -> list[float]:
    """From the smallest to the largest x, and a twentieth more, so that lines do not end at the edge."""
    values = [value for trace in data for value in trace["x"] if value is not None]
    values += [] if mark is None and values else [mark or 0.0]
    room = 0.05 * (max(values) - min(values)) or 1.0
    return [min(values) - room, max(values) + room]


def _vertical_line(x: float) -> Json:
    line = {"color": "--hold", "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _ranges(name: str, bars: list[tuple[float, float] | None]) -> Json:
    """A thick line from low to high for each row that has both; None between them makes a gap."""
    x = [value for bar in bars if bar is not None for value in (*numbers(bar, 4), None)]
    y = [value for k, bar in enumerate(bars) if bar is not None for value in (k, k, None)]
    line = {"color": "--band", "width": 14}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hoverinfo": "x"}


def _replicas(name: str, rows: Sequence[ReplicaDifferences], colour: str, above: float) -> list[Json]:
    """A dot for each replica, a little `above` its row; nothing without replicas."""
    dots = [(d, k + above) for k, row in enumerate(rows) for d in row if d is not None]
    return [_dots(name, dots, colour, 6)] if dots else []


def _dots(name: str, places: Sequence[tuple[float | None, float]], colour: str, size: int) -> Json:
    found = [(x, y) for x, y in places if x is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers([x for x, _ in found], 4),
        "y": numbers([y for _, y in found], 4),
        "marker": {"color": colour, "size": size, "opacity": 0.85},
        "hovertemplate": "%{x:.2f}<extra>" + name + "</extra>",
    }
