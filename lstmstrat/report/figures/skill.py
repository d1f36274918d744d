"""Does the forecast know anything: outcomes by level of the forecast, rolling correlation, and the ladder."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.evaluation.periods import levels, rolling_correlation
from lstmstrat.report.figures.values import Json, date_axis, drawn, label, line, nothing, numbers, rounded
from lstmstrat.results.assessment import Ladder, Rung
from lstmstrat.results.result import Result

ERRORS = 1.96  # standard errors: 95 % of the means are closer


def outcomes(frame: pd.DataFrame) -> Json:
    """The mean outcome of the bars in each tenth of the forecast, with what chance allows, beside the forecast."""
    found = levels(frame["forecast"].to_numpy(dtype=float), frame["realised"].to_numpy(dtype=float))
    if not found:
        return nothing("There are too few forecasts with an outcome to sort them into tenths.")
    names = [f"{k}" for k in range(1, len(found) + 1)]
    bars = {
        "type": "bar",
        "name": "mean outcome, with 95% of chance",
        "x": names,
        "y": numbers([one.realised for one in found], 4),
        "error_y": {
            "type": "data",
            "array": numbers([np.nan if one.error is None else ERRORS * one.error for one in found], 3),
            "color": "--soft",
            "thickness": 1.2,
            "width": 4,
        },
        "marker": {"color": "--band"},
        "customdata": [one.count for one in found],
        "hovertemplate": "%{y:.3%} (bars: %{customdata:,})<extra>mean outcome</extra>",
    }
    said = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "mean forecast",
        "x": names,
        "y": numbers([one.forecast for one in found], 4),
        "line": {"color": "--forecast", "width": 2},
        "hovertemplate": "%{y:.3%}<extra>mean forecast</extra>",
    }
    layout = {
        "height": 340,
        "hovermode": "closest",
        "xaxis": {"title": {"text": "tenth of the forecasts, lowest first"}, "type": "category"},
        "yaxis": {"title": {"text": "return"}, "tickformat": ".2%", "zeroline": True},
    }
    return {"data": [bars, said], "layout": layout}


def rolling(result: Result) -> Json:
    """The correlation of forecast and outcome over the last year of bars."""
    frame, window = result.forecasts, max(20, round(result.assessment.period.periods_per_year))
    found = rolling_correlation(frame["forecast"], frame["realised"], window)
    if not np.isfinite(found).any():
        return nothing(f"There are not {window} bars in a row with a forecast and its outcome.")
    y = rounded(found.to_numpy(dtype=float)[drawn(len(found), len(result.equity.columns))], 3)
    layout = {
        "height": 280,
        "showlegend": False,
        "hovermode": "x unified",
        "xaxis": date_axis(pd.DatetimeIndex(frame.index)),
        "yaxis": {"title": {"text": f"correlation, {window} bars"}, "zeroline": True},
    }
    return {"data": [line("correlation", y, "--forecast", "%{y:.3f}")], "layout": layout}


def ladder(found: Ladder | None) -> Json | None:
    """The Sharpe ratio of the same strategy on the forecast of each rung; None if the ladder was not run."""
    if found is None:
        return None
    rungs = [*((rung, _model(rung)) for rung in found.models), *((rung, _refit(rung)) for rung in found.refits)]
    if not any(rung.sharpe is not None for rung, _ in rungs):
        return nothing("No Sharpe ratio is defined: on no forecast did the account of the strategy move.")
    data = {
        "type": "scatter",
        "mode": "markers",
        "x": numbers([np.nan if rung.sharpe is None else rung.sharpe for rung, _ in rungs], 4),
        "y": [label(name, 24) for _, name in rungs],
        "marker": {"color": "--forecast", "size": 10},
        "customdata": [rung.correlation for rung, _ in rungs],
        "hovertemplate": "Sharpe %{x:.2f}, correlation %{customdata:.3f}<extra>%{y}</extra>",
    }
    layout = {
        "height": 90 + 30 * len(rungs),
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"t": 10, "b": 50, "l": 10, "r": 10},
        "xaxis": {"title": {"text": "Sharpe ratio"}},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed"},
    }
    return {"data": [data], "layout": layout}


def _model(rung: Rung) -> str:
    return rung.model.rpartition(":")[2].replace("_", " ")


def _refit(rung: Rung) -> str:
    every = rung.refit_every
    if every == "never":
        return f"{_model(rung)}, never refitted"
    return f"{_model(rung)}, every {every}" + (" bars" if isinstance(every, int) else "")
