"""Is it luck: Sharpe ratios among shuffles of the same holdings; differences among null worlds and seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lstmstrat.errors import count
from lstmstrat.evaluation.many_trials import expected_best
from lstmstrat.evaluation.verdict import NEVER_TRADED
from lstmstrat.report.figures.values import NAME, Json, label, nothing, numbers
from lstmstrat.results.assessment import Assessment, Seeds, StrategyAssessment, Worlds

ReplicaDifferences = tuple[float | None, ...]  # of one strategy; empty if no replicas were run
LEAST_ROOM = 0.1  # of a Sharpe ratio, at each side: less is no difference to a reader


def shuffles(assessment: Assessment) -> Json:
    """The Sharpe ratio of each strategy, and the band of its own holdings in random order; holding as a line.

    A second line is the ratio that the best of as many trials as the ledger has reaches by luck, without skill.
    """
    rows = assessment.strategies[::-1]
    if not any(s.metrics.sharpe is not None for s in rows):
        return nothing(_undefined(rows))
    bands = [_band(s) for s in rows]
    ranges = [_ranges("its holdings in random order", bands)] if any(bands) else []
    data = [*ranges, _own([s.metrics.sharpe for s in rows])]
    marks = [("holding", assessment.benchmark.sharpe, "--hold", "dot")]
    if (best := best_by_luck(assessment)) is not None:
        trials = count(assessment.trials.count, "trial")
        marks.append((f"best of {trials} by luck", best, "--open", "dash"))
    return {"data": [*data, *_marks(marks, len(rows))], "layout": _layout(rows, data, "Sharpe ratio", marks)}


def best_by_luck(assessment: Assessment) -> float | None:
    """The annual Sharpe ratio that the best of the trials is expected to have without any skill.

    Bailey and Lopez de Prado (2014), with the variance of independent trials, 1 / (n - 1) a bar (Lo 2002). None
    where the number of trials is not known, of a single one, and of fewer than three bars.
    """
    bars, trials = assessment.period.bars, assessment.trials
    if not trials.kept or trials.count < 2 or bars < 3:
        return None
    return expected_best(trials.count, 1.0 / (bars - 2)) * math.sqrt(assessment.period.periods_per_year)


def differences(assessment: Assessment) -> Json:
    """The Sharpe difference of each strategy from holding, among those of null worlds and of other seeds."""
    rows = assessment.strategies[::-1]
    if not any(s.versus_benchmark.sharpe is not None for s in rows):
        return nothing(_undefined(rows))
    worlds, seeds = [_differences(s.luck.worlds) for s in rows], [_differences(s.luck.seeds) for s in rows]
    data = [
        *_replicas("null worlds", worlds, "--world", 0.24),
        *_replicas("other seeds", seeds, "--seed", -0.24),
        _own([s.versus_benchmark.sharpe for s in rows]),
    ]
    marks = [("no difference", 0.0, "--hold", "dot")]
    layout = _layout(rows, data, "Sharpe difference", marks)
    return {"data": [*data, *_marks(marks, len(rows))], "layout": layout}


def _undefined(rows: Sequence[StrategyAssessment]) -> str:
    if all(s.versus_benchmark.verdict == NEVER_TRADED for s in rows):
        return "No strategy traded, so there is no Sharpe ratio to compare."
    return "No Sharpe ratio is defined: no account moved, or the period is too short."


def _own(ratios: Sequence[float | None]) -> Json:
    """The dots of this run. The page gives that of the chosen strategy the colour of the chosen."""
    strategies = [len(ratios) - 1 - k for k, ratio in enumerate(ratios) if ratio is not None]
    dots = _dots("this run", [(ratio, k) for k, ratio in enumerate(ratios)], "--soft", 10)
    return dots | {"meta": {"strategies": strategies}}


Mark = tuple[str, float | None, str, str]  # name, place, colour and dash of a line across all rows


def _marks(marks: Sequence[Mark], rows: int) -> list[Json]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": numbers([x, x], 4),
            "y": [-0.6, rows - 0.4],
            "line": {"color": colour, "width": 1.5, "dash": dash},
            "hovertemplate": "%{x:.2f}<extra>" + name + "</extra>",
        }
        for name, x, colour, dash in marks
        if x is not None
    ]


def _layout(rows: Sequence[StrategyAssessment], data: list[Json], title: str, marks: Sequence[Mark]) -> Json:
    return {
        "height": 90 + 40 * len(rows),
        "hovermode": "closest",
        "margin": {"t": 10, "b": 50, "l": 10, "r": 10},
        "xaxis": {"title": {"text": title}, "range": _padded_range(data, [x for _, x, *_ in marks])},
        "yaxis": {
            "tickvals": list(range(len(rows))),
            "ticktext": [_row(s) for s in rows],
            "range": [-0.6, len(rows) - 0.4],
            "automargin": True,
        },
    }


def _row(strategy: StrategyAssessment) -> str:
    """The name of a row, and below it why it may be empty."""
    name = label(strategy.name, NAME)
    if strategy.versus_benchmark.verdict == NEVER_TRADED:
        return f"{name}<br>never traded"
    return name if strategy.metrics.sharpe is not None else f"{name}<br>undefined"


def _differences(replicas: Seeds | Worlds | None) -> ReplicaDifferences:
    return () if replicas is None else replicas.differences


def _band(strategy: StrategyAssessment) -> tuple[float, float] | None:
    """The band of the shuffles, which is before costs, shifted by the costs of the strategy."""
    sharpe, shuffled = strategy.metrics.sharpe, strategy.luck.placebo
    if sharpe is None or shuffled.sharpe is None or shuffled.low is None or shuffled.high is None:
        return None
    costs = sharpe - shuffled.sharpe
    return shuffled.low + costs, shuffled.high + costs


def _padded_range(data: list[Json], marks: Sequence[float | None]) -> list[float]:
    """From the smallest to the largest x, and a twentieth more, so that lines do not end at the edge."""
    values = [value for value in (*(x for trace in data for x in trace["x"]), *marks) if value is not None]
    room = max(0.05 * (max(values) - min(values)), LEAST_ROOM)
    return [min(values) - room, max(values) + room]


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
