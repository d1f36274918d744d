"""The trades of each strategy, and what costs do to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.report import cells
from lstmstrat.report.figures.values import Json, date_axis, label, log_axis, money, numbers, of, span
from lstmstrat.results.result import HOLDING, Result

MOST_COST = 0.005  # of each trade, each way
DEEPEST = math.log(1_000.0)  # the log of how far a curve falls, unless twice the costs of the run take it farther
POINTS = 25  # of a curve, which is a straight line on the log scale


def profits(result: Result) -> Json:
    """The profit of each round trip, at the bar on which it was closed; the page has both in its table."""
    found = _closed_profits(result)
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "round trip",
            "x": "closed",
            "y": "pnl",
            "marker": {"color": "--chosen", "size": 5, "opacity": 0.6},
            "hovertemplate": "%{y:,.0f}",
            **of(place),
        }
        for place, profit in enumerate(found)
        if len(profit)
    ]
    layout = {
        "height": 280,
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": date_axis(pd.DatetimeIndex(result.equity.index), **span(result.equity)),
        "yaxis": {"title": {"text": "profit"}, "tickformat": "~s", "zeroline": True},
    }
    return {"data": data, "layout": layout, "why": _without_profits(result, found)}


def spread(result: Result) -> Json:
    """How many round trips had which profit."""
    found = _closed_profits(result)
    data = [_counts(profit) | of(place) for place, profit in enumerate(found) if len(profit)]
    layout = {
        "height": 280,
        "showlegend": False,
        "hovermode": "closest",
        "bargap": 0.06,
        "xaxis": {"title": {"text": "profit"}, "tickformat": "~s", "zeroline": True},
        "yaxis": {"title": {"text": "round trips"}, "rangemode": "tozero"},
    }
    return {"data": data, "layout": layout, "why": _without_profits(result, found)}


def _closed_profits(result: Result) -> list[Floats]:
    """The profits of the closed round trips of each strategy."""
    trades = result.trades[result.trades["closed"].notna()]
    names = (strategy.name for strategy in result.assessment.strategies)
    return [trades.loc[trades["strategy"] == name, "pnl"].to_numpy(dtype=float) for name in names]


def _without_profits(result: Result, found: Sequence[Floats]) -> list[str | None]:
    """Why a strategy has no profit to draw; None where it has."""
    strategies = result.assessment.strategies
    return [
        None
        if len(profit)
        else f"{strategy.name} never {'closed a trade' if strategy.metrics.trades else 'traded'}."
        for strategy, profit in zip(strategies, found, strict=True)
    ]


def _counts(profits: Floats) -> Json:
    """A bar for each of up to 40 equal ranges of profit, one of which begins at 0, so that none mixes signs."""
    low, high = min(float(profits.min()), 0.0), max(float(profits.max()), 0.0)
    width = (high - low) / min(40, max(8, round(len(profits) ** 0.5) * 2)) or 1.0
    first, last = math.floor(low / width), math.ceil(high / width) or 1
    edges = width * np.arange(first, last + 1)
    count, _ = np.histogram(profits, edges)
    return {
        "type": "bar",
        "name": "round trips",
        "x": numbers(edges[:-1] + 0.5 * width, 5),
        "y": count.tolist(),
        "width": float(f"{width:.5g}"),
        "marker": {"color": "--chosen"},
        "hovertemplate": "about %{x:,.0f}: %{y:,}<extra></extra>",
    }


def costs(result: Result) -> Json:
    """The end value of each account at other costs of a trade, and the cost at which it is that of holding.

    The trades stay the same; the log of the end value falls by the cost times the value turned over.
    """
    paid = result.assessment.costs.commission + result.assessment.costs.slippage
    cost = np.linspace(0.0, _most_cost(result, paid), POINTS)
    data = [
        _curve(result, s.name, cost, paid) | {"line": {"color": "--chosen", "width": 2}, **of(place)}
        for place, s in enumerate(result.assessment.strategies)
        if result.equity[s.name].iloc[-1] > 0.0
    ]
    hold = _curve(result, HOLDING, cost, paid) | {"name": cells.HOLDING, "line": {"color": "--hold", "width": 2}}
    ends = [value for curve in (*data, hold) for value in curve["y"] if value is not None]
    layout = {
        "height": 320,
        "hovermode": "x unified",
        "xaxis": {"title": {"text": "cost of each trade, each way"}, "tickformat": ".2%"},
        "yaxis": {"title": {"text": "end value"}, **log_axis(ends)},
        "shapes": [
            {
                "type": "line",
                "x0": paid,
                "x1": paid,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": "--soft", "width": 1.2, "dash": "dot"},
            }
        ],
    }
    lost = [s.name for s in result.assessment.strategies if not result.equity[s.name].iloc[-1] > 0.0]
    why = [f"{s.name} lost its account." if s.name in lost else None for s in result.assessment.strategies]
    return {"data": [*data, hold], "layout": layout, "why": why}


def _most_cost(result: Result, paid: float) -> float:
    """The largest cost of the chart: less than usual if the value turned over is so large that nothing is left."""
    turned = max(turned_over(result, strategy.name) for strategy in result.assessment.strategies)
    return max(2.0 * paid, min(MOST_COST, DEEPEST / turned) if turned > 0.0 else MOST_COST)


def _curve(result: Result, name: str, cost: Floats, paid: float) -> Json:
    end, turned = float(result.equity[name].iloc[-1]), turned_over(result, name)
    with np.errstate(over="ignore"):  # what is beyond any number has no point
        values = np.exp(math.log(end) - (cost - paid) * turned)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label(name),
        "x": numbers(cost, 4),
        "y": money(values),
        "hovertemplate": "%{y:,.0f}",
    }


def turned_over(result: Result, name: str) -> float:
    """The value traded at each bar / the account value at the close before, summed over the window.

    The orders of holding a universe are not kept: there it is the value traded / the mean account value.
    """
    found = result.assessment
    if name == HOLDING and found.universe is not None:
        return (found.benchmark.turnover or 0.0) * (found.period.bars - 1) / found.period.periods_per_year
    orders = result.orders[(result.orders["strategy"] == name) & result.orders["executed"].notna()]
    equity = result.equity[name]
    before = equity.shift().reindex(orders["executed"]).to_numpy(dtype=float)
    value = (orders["size"].abs() * orders["price"]).to_numpy(dtype=float)
    known = np.isfinite(before) & (before > 0.0)
    return float((value[known] / before[known]).sum())
