"""The trades of each strategy, and what costs do to it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.report.figures.values import LEGEND, Json, date_axis, label, numbers, of, span, stamps
from lstmstrat.results.result import Result

MOST_COST = 0.005  # of each trade, each way
HOLDING = "buy_and_hold"


def profits(result: Result) -> Json:
    """The profit of each round trip, at the bar on which it was closed."""
    data = []
    for place, strategy in enumerate(result.assessment.strategies):
        trades = _closed(result.trades, strategy.name)
        if len(trades):
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": "round trip",
                    "x": stamps(pd.DatetimeIndex(trades["closed"])),
                    "y": numbers(trades["pnl"], 4),
                    "marker": {"color": "--chosen", "size": 5, "opacity": 0.6},
                    "hovertemplate": "%{y:,.0f}",
                    **of(place),
                }
            )
    layout = {
        "height": 280,
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": date_axis(pd.DatetimeIndex(result.equity.index), **span(result.equity)),
        "yaxis": {"title": {"text": "profit"}, "tickformat": "~s", "zeroline": True},
    }
    return {"data": data, "layout": layout}


def _closed(trades: pd.DataFrame, name: str) -> pd.DataFrame:
    return trades[(trades["strategy"] == name) & trades["closed"].notna()]


def costs(result: Result) -> Json:
    """The end value of each account at other costs of a trade, and the cost at which it is that of holding.

    The trades stay the same; the log of the end value falls by the cost times the value turned over.
    """
    paid = result.assessment.costs.commission + result.assessment.costs.slippage
    cost = np.linspace(0.0, max(MOST_COST, 2.0 * paid), 51)
    data = [
        _curve(result, s.name, cost, paid) | {"line": {"color": "--chosen", "width": 2}, **of(place)}
        for place, s in enumerate(result.assessment.strategies)
        if result.equity[s.name].iloc[-1] > 0.0
    ]
    hold = _curve(result, HOLDING, cost, paid) | {"name": "holding", "line": {"color": "--hold", "width": 2}}
    layout = {
        "height": 320,
        "hovermode": "x unified",
        "showlegend": False,
        "legend": LEGEND,
        "xaxis": {"title": {"text": "cost of each trade, each way (dotted: this run)"}, "tickformat": ".2%"},
        "yaxis": {"title": {"text": "end value"}, "type": "log", "tickformat": "~s", "dtick": "D2"},
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
    return {"data": [*data, hold], "layout": layout}


def _curve(result: Result, name: str, cost: Floats, paid: float) -> Json:
    end, turned = float(result.equity[name].iloc[-1]), turned_over(result, name)
    with np.errstate(over="ignore"):  # what is beyond any number has no point
        values = np.exp(math.log(end) - (cost - paid) * turned)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label(name),
        "x": numbers(cost, 4),
        "y": numbers(values, 5),
        "hovertemplate": "%{y:,.0f}",
    }


def turned_over(result: Result, name: str) -> float:
    """The value traded at each bar / the account value at the close before, summed over the window."""
    orders = result.orders[(result.orders["strategy"] == name) & result.orders["executed"].notna()]
    equity = result.equity[name]
    before = equity.shift().reindex(orders["executed"]).to_numpy(dtype=float)
    value = (orders["size"].abs() * orders["price"]).to_numpy(dtype=float)
    known = np.isfinite(before) & (before > 0.0)
    return float((value[known] / before[known]).sum())
