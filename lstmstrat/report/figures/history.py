"""The charts over time: accounts, forecasts with positions, and folds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lstmstrat.report.figures.values import LEGEND, Json, label, numbers, stamps
from lstmstrat.results.result import Result

DATES = "dates"
COLOURS = 6  # --c0 to --c5 in page.html
DASHES = ("solid", "dash", "dot")
CHANCE = 1.96  # standard errors: 95 % of the correlations without skill are closer to 0


def equity(frame: pd.DataFrame) -> Json:
    """Account values on a log scale, with their drawdowns below; buy-and-hold is drawn last and thick."""
    value = frame.where(frame > 0.0)  # an account at or below 0 has no logarithm
    drawdown = frame / frame.cummax() - 1.0
    names = [*(name for name in frame.columns if name != "buy_and_hold"), "buy_and_hold"]
    above = [_line(name, numbers(value[name]), "y", place, "%{y:,.0f}") for place, name in enumerate(names)]
    below = [
        _line(name, numbers(drawdown[name], 4), "y2", place, "%{y:.1%}") | {"showlegend": False}
        for place, name in enumerate(names)
    ]
    layout = {
        "height": 620,
        "legend": LEGEND,
        "xaxis": {"anchor": "y2", "type": "date"},
        "yaxis": _log_axis(value) | {"domain": [0.36, 1.0], "title": {"text": "account value"}},
        "yaxis2": {"domain": [0.0, 0.31], "title": {"text": "drawdown"}, "tickformat": ".0%"},
    }
    return {"data": above + below, "layout": layout}


def _log_axis(values: pd.DataFrame | pd.Series) -> Json:
    """A log axis with round ticks; the default ticks of plotly.js write 200,000 as a bare 2."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    steps = (1.0, 2.0, 5.0) if high > 20.0 * low else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    return {
        "type": "log",
        "tickvals": [float(f"{s * 10.0**p:.2g}") for p in powers for s in steps],
        "tickformat": "~s",
    }


def _line(name: str, y: list[float | None], axis: str, place: int, hover: str) -> Json:
    benchmark = name == "buy_and_hold"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label(name),
        "legendgroup": label(name),
        "legendrank": 1 if benchmark else 1000,
        "x": DATES,
        "y": y,
        "yaxis": axis,
        "line": {
            "color": "--ink" if benchmark else f"--c{place % COLOURS}",
            "width": 2.6 if benchmark else 1.3,
            "dash": "solid" if benchmark else DASHES[place // COLOURS % len(DASHES)],
        },
        "hovertemplate": hover,
    }


def forecasts(result: Result) -> Json:
    """Close, forecast, and below them the exposure of the strategy that the reader selects."""
    horizon = result.assessment.walk_forward.horizon
    first = result.assessment.strategies[0].name
    panels = (
        ("close", result.prices["close"], "y", "--ink", "%{y:,.2f}"),
        ("forecast", result.forecasts["forecast"], "y2", "--c0", "%{y:.2%}"),
        ("exposure", result.exposure[first], "y3", "--c1", "%{y:.0%}"),
    )
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": DATES,
            "y": numbers(values),
            "yaxis": axis,
            "line": {"color": colour, "width": 1},
            "hovertemplate": hover,
        }
        for name, values, axis, colour, hover in panels
    ]
    data[2] |= {"fill": "tozeroy", "fillcolor": "--fill", "line": {"color": "--c1", "width": 1, "shape": "hv"}}
    layout = {
        "height": 620,
        "showlegend": False,
        "xaxis": {"anchor": "y3", "type": "date"},
        "yaxis": _log_axis(result.prices["close"]) | {"domain": [0.58, 1.0], "title": {"text": "close"}},
        "yaxis2": {
            "domain": [0.24, 0.53],
            "title": {"text": f"forecast, {horizon} bar{'s' * (horizon > 1)}"},
            "tickformat": ".1%",
            "zeroline": True,
        },
        "yaxis3": {"domain": [0.0, 0.19], "title": {"text": "exposure"}, "tickformat": ".0%", "zeroline": True},
    }
    return {"data": data, "layout": layout}


def folds(frame: pd.DataFrame) -> Json:
    """Training loss of the first and last epoch of each fold; below, the correlation with the realised returns.

    The band is +-1.96 / sqrt(observations). With horizon 1, it contains 19 of 20 folds without any skill. With a
    longer horizon the returns overlap, and it contains fewer.
    """
    x = stamps(pd.DatetimeIndex(frame["first_forecast"]))
    chance = CHANCE / np.sqrt(frame["observations"].where(frame["observations"] > 0))
    band = {"type": "scatter", "mode": "lines", "x": x, "yaxis": "y2", "line": {"width": 0}, "hoverinfo": "skip"}
    data = [
        _points("loss, first epoch", x, frame["first_loss"], "y", "--c0", "lines"),
        _points("loss, last epoch", x, frame["train_loss"], "y", "--c1", "lines"),
        band | {"y": numbers(-chance), "showlegend": False},
        band
        | {"y": numbers(chance), "name": "95 % of folds without skill", "fill": "tonexty", "fillcolor": "--band"},
        _points("correlation in the fold", x, frame["correlation"], "y2", "--ink", "markers"),
    ]
    layout = {
        "height": 520,
        "legend": LEGEND,
        "xaxis": {"anchor": "y2", "type": "date"},
        "yaxis": {"domain": [0.53, 1.0], "title": {"text": "training loss"}, "rangemode": "tozero"},
        "yaxis2": {"domain": [0.0, 0.47], "title": {"text": "correlation"}, "zeroline": True},
    }
    return {"data": data, "layout": layout}


def _points(name: str, x: list[str], y: pd.Series, axis: str, colour: str, mode: str) -> Json:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": x,
        "y": numbers(y),
        "yaxis": axis,
        "line": {"color": colour, "width": 1.5},
        "marker": {"color": colour, "size": 5},
        "hovertemplate": "%{y:.3f}",
    }
