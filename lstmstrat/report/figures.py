"""The charts of the page as plain plotly.js data: dicts, lists, numbers and text.

Colours are names of CSS variables (``--ink``), which the page resolves, so that one chart serves light and dark.
An ``x`` of ``"dates"`` stands for the dates of the traded window, which the page holds once. Numbers keep six
significant digits; what is not a number becomes None, a gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstmstrat.result import Result

Json = dict[str, Any]

DATES = "dates"
COLOURS = 6  # --c0 to --c5 in page.html
DASHES = ("solid", "dash", "dot")
LEGEND = {"orientation": "h", "x": 0, "y": -0.07, "yanchor": "top", "traceorder": "normal"}  # below the dates
CHANCE = 1.96  # standard errors that hold 95 % of what chance alone gives


def payload(result: Result) -> Json:
    """Everything the page draws: ``dates``, ``figures`` by place, ``exposure`` in the order of the strategies."""
    return {
        "dates": stamps(pd.DatetimeIndex(result.equity.index)),
        "figures": {
            "differences": differences(result.summary),
            "luck": luck(result.summary),
            "equity": equity(result.equity),
            "forecasts": forecasts(result),
            "folds": folds(result.folds),
        },
        "exposure": [numbers(result.exposure[s["name"]]) for s in result.summary["strategies"]],
    }


def numbers(values: npt.ArrayLike, digits: int = 6) -> list[float | None]:
    """`values` with `digits` significant digits, None where not finite."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def stamps(index: pd.DatetimeIndex) -> list[str]:
    """ISO dates; with the time of day only where a bar has one."""
    daily = bool((index == index.normalize()).all())
    return list(index.strftime("%Y-%m-%d" if daily else "%Y-%m-%dT%H:%M:%S"))


def _label(name: str) -> str:
    """`name` as plotly.js shows it unchanged: it reads tags, and of the entities only those that hide them."""
    return escape(name, quote=False)


def differences(summary: Mapping[str, Any]) -> Json:
    """Sharpe ratio above that of buy-and-hold, a dot with its 95 % interval for each strategy."""
    rows = [(_label(s["name"]), s["versus_benchmark"]) for s in summary["strategies"]]
    known = [(name, v) for name, v in rows if v["sharpe"] is not None and v["sharpe_low"] is not None]
    middle = np.array([v["sharpe"] for _, v in known])
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(middle),
        "y": [name for name, _ in known],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": numbers(np.array([v["sharpe_high"] for _, v in known]) - middle),
            "arrayminus": numbers(middle - np.array([v["sharpe_low"] for _, v in known])),
            "color": "--ink",
            "thickness": 1.5,
            "width": 5,
        },
        "marker": {"color": "--ink", "size": 9},
        "customdata": [[v["sharpe_low"], v["sharpe_high"], v["p_adjusted"]] for _, v in known],
        "hovertemplate": "%{x:.2f} [%{customdata[0]:.2f}, %{customdata[1]:.2f}], "
        "adjusted p %{customdata[2]:.3f}<extra>%{y}</extra>",
    }
    order = [name for name, _ in reversed(rows)]
    layout = {
        "height": 90 + 34 * len(rows),
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"t": 10, "b": 50, "l": 10, "r": 10},
        "xaxis": {"title": {"text": "Sharpe ratio minus that of buy-and-hold"}, "zeroline": True},
        "yaxis": {
            "type": "category",
            "categoryarray": order,
            "range": [-0.5, len(rows) - 0.5],
            "automargin": True,
        },
    }
    return {"data": [dots], "layout": layout}


def luck(summary: Mapping[str, Any]) -> Json:
    """The Sharpe ratio of each strategy among shuffles of its holdings, null worlds and seeds, where there are.

    Differences from buy-and-hold are drawn above its Sharpe ratio, so that all lie on one axis.
    """
    hold = summary["benchmark"]["sharpe"] or 0.0
    rows = [(_label(s["name"]), s["metrics"]["sharpe"], s["luck"]) for s in reversed(summary["strategies"])]
    bars = [_band(sharpe, of["placebo"]) for _, sharpe, of in rows]
    data = [
        _ranges("its holdings in random order", bars, "--band", 14),
        *_replicas("null worlds", rows, "worlds", hold, "--c1", 0.28),
        *_replicas("seeds", rows, "seeds", hold, "--c0", -0.28),
        _dots("this run", [(sharpe, k) for k, (_, sharpe, _) in enumerate(rows)], "--ink", 10),
    ]
    layout = {
        "height": 130 + 44 * len(rows),
        "hovermode": "closest",
        "legend": LEGEND | {"y": -0.25},
        "margin": {"t": 10, "b": 90, "l": 10, "r": 10},
        "xaxis": {"title": {"text": "annual Sharpe ratio"}, "range": _padded(data, hold)},
        "yaxis": {
            "tickvals": list(range(len(rows))),
            "ticktext": [name for name, _, _ in rows],
            "range": [-0.6, len(rows) - 0.4],
            "automargin": True,
        },
        "shapes": [_upright(hold)],
    }
    return {"data": data, "layout": layout}


def _band(sharpe: float | None, placebo: Mapping[str, Any]) -> tuple[float, float] | None:
    """The band of the shuffles, moved so that the strategy stands in it after costs where it does before them."""
    if sharpe is None or placebo["sharpe"] is None:
        return None
    costs = sharpe - placebo["sharpe"]
    return placebo["low"] + costs, placebo["high"] + costs


def _padded(data: list[Json], x: float) -> list[float]:
    """From the smallest to the largest x, and a twentieth beyond: lines end at the edge otherwise."""
    found = [x, *(value for trace in data for value in trace["x"] if value is not None)]
    room = 0.05 * (max(found) - min(found)) or 1.0
    return [min(found) - room, max(found) + room]


def _upright(x: float) -> Json:
    line = {"color": "--ink", "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _ranges(name: str, bars: list[tuple[float, float] | None], colour: str, width: int) -> Json:
    """A thick line from low to high for each row that has them; gaps keep them apart."""
    x = [value for bar in bars if bar is not None for value in (*numbers(bar, 4), None)]
    y = [value for k, bar in enumerate(bars) if bar is not None for value in (k, k, None)]
    line = {"color": colour, "width": width}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hoverinfo": "x"}


def _replicas(name: str, rows: list[Any], kind: str, hold: float, colour: str, above: float) -> list[Json]:
    """A small dot for each replica, a little `above` its row; nothing where there are none."""
    dots = [
        (hold + one, k + above)
        for k, (_, _, of) in enumerate(rows)
        for one in (of[kind] or {"differences": []})["differences"]
        if one is not None
    ]
    return [_dots(name, dots, colour, 4)] if dots else []


def _dots(name: str, places: list[tuple[float | None, float]], colour: str, size: int) -> Json:
    known = [(x, y) for x, y in places if x is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers([x for x, _ in known], 4),
        "y": numbers([y for _, y in known], 4),
        "marker": {"color": colour, "size": size},
        "hovertemplate": "%{x:.2f}<extra>" + name + "</extra>",
    }


def equity(frame: pd.DataFrame) -> Json:
    """Account value on a log scale above its drawdown, buy-and-hold drawn last and thick."""
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
    """A log axis with round ticks: plotly's own write 200,000 as a bare 2."""
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
        "name": _label(name),
        "legendgroup": _label(name),
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
    """Close, forecast, and below them the exposure of the strategy that the reader picks."""
    horizon = result.summary["walk_forward"]["horizon"]
    dates = result.equity.index
    panels = (
        ("close", result.closes.reindex(dates), "y", "--ink", "%{y:,.2f}"),
        ("forecast", result.forecasts["forecast"].reindex(dates), "y2", "--c0", "%{y:.2%}"),
        ("exposure", result.exposure[result.summary["strategies"][0]["name"]], "y3", "--c1", "%{y:.0%}"),
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
        "yaxis": _log_axis(result.closes) | {"domain": [0.58, 1.0], "title": {"text": "close"}},
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
    """Training loss of the first and last epoch of each fold, above its correlation with what came.

    The band is +-1.96 / sqrt(observations): 19 of 20 folds without any skill lie in it when the horizon is 1; the
    returns of a longer one overlap, and fewer do.
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
