"""How far the forecast can be trusted: stated and realised frequencies, and the weights of its parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstmstrat.evaluation.reliability import Reliability, UpBin
from lstmstrat.report.figures.values import Json, date_axis, nothing, numbers, stamps

FEWEST = 20  # bars of a bin that is drawn: of fewer, any share may come true
ERRORS = 1.96  # standard errors: 95 % of the bins of a reliable forecast are closer


def reliability(found: Reliability) -> Json:
    """The share of bars on which the return was above the threshold, for each stated probability."""
    drawn = [one for one in found.up if one.observations >= FEWEST]
    if not drawn:
        return nothing(f"No probability was stated on {FEWEST} bars or more.")
    stated = [one.stated for one in drawn]
    low, high = min(stated), max(stated)
    ends = numbers([low - 0.03, high + 0.03], 4)
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "name": "as stated",
        "x": ends,
        "y": ends,
        "line": {"color": "--soft", "width": 1.5, "dash": "dot"},
        "hoverinfo": "skip",
    }
    layout = {
        "height": 380,
        "hovermode": "closest",
        "xaxis": {"title": {"text": "stated probability"}, "tickformat": ".0%", "range": ends},
        "yaxis": {"title": {"text": "share that came true"}, "tickformat": ".0%"},
    }
    return {"data": [diagonal, _bins(drawn)], "layout": layout}


def _bins(bins: Sequence[UpBin]) -> Json:
    errors = [ERRORS * math.sqrt(one.stated * (1.0 - one.stated) / one.observations) for one in bins]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "bars of the run, with 95% of chance",
        "x": numbers([one.stated for one in bins], 4),
        "y": numbers([one.realised for one in bins], 4),
        "error_y": {
            "type": "data",
            "array": numbers(errors, 3),
            "color": "--forecast",
            "thickness": 1.2,
            "width": 4,
        },
        "marker": {"color": "--forecast", "size": 9},
        "customdata": [one.observations for one in bins],
        "hovertemplate": "stated %{x:.1%}, came true %{y:.1%} (bars: %{customdata:,})<extra></extra>",
    }


def weights(frame: pd.DataFrame) -> Json:
    """The weights of the two parts of the forecast, fold by fold; empty without calibration."""
    x = stamps(pd.DatetimeIndex(frame["first_forecast"]))
    names = (("network_weight", "model", "--forecast"), ("linear_weight", "linear part", "--soft"))
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": x,
            "y": numbers(frame[column], 4),
            "line": {"color": colour, "width": 2},
            "hovertemplate": "%{y:.2f}",
        }
        for column, name, colour in names
        if np.isfinite(frame[column]).any()
    ]
    if not data:
        return nothing("The forecast was not weighed: calibration is off, or no fold was trained.")
    layout = {
        "height": 300,
        "xaxis": date_axis(pd.DatetimeIndex(frame["first_forecast"])),
        "yaxis": {"title": {"text": "weight"}, "rangemode": "tozero", "zeroline": True},
    }
    return {"data": data, "layout": layout}
