"""Numbers, dates and names in the form that plotly.js needs, and what several charts share."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstmstrat.arrays import Ints

Json = dict[str, Any]

LEGEND = {"orientation": "h", "x": 0, "y": -0.07, "yanchor": "top", "traceorder": "normal"}  # below the dates
DAY = "%a %Y-%m-%d"
MOST = 4000  # closes that are drawn
DATES = "dates"


def numbers(values: npt.ArrayLike, digits: int = 6) -> list[float | None]:
    """`values` with `digits` significant digits; None for a value that is not finite."""
    array = np.asarray(values, dtype=float)
    pairs = zip(array.tolist(), np.isfinite(array).tolist(), strict=True)
    return [float(f"{value:.{digits}g}") if finite else None for value, finite in pairs]


def step(bars: int) -> int:
    """Every how many closes one is drawn, so that a page of 100,000 bars opens as fast as one of 4,000."""
    return max(1, math.ceil(bars / MOST))


def drawn(bars: int) -> Ints:
    """The closes that are drawn: every `step`-th, and the last."""
    places = np.arange(0, bars, step(bars))
    return np.unique(np.append(places, bars - 1))


def thinned(values: pd.Series[float], digits: int = 6) -> list[float | None]:
    """The values at the closes that are drawn."""
    return numbers(values.to_numpy(dtype=float)[drawn(len(values))], digits)


def stamps(index: pd.DatetimeIndex) -> list[str]:
    """ISO dates, with the time of day if any bar has one."""
    daily = bool((index == index.normalize()).all())
    return list(index.strftime("%Y-%m-%d" if daily else "%Y-%m-%dT%H:%M:%S"))


def label(name: str) -> str:
    """`name`, escaped so that plotly.js shows it unchanged: it reads tags and the entities of <, > and &."""
    return escape(name, quote=False)


def date_axis(index: pd.DatetimeIndex, **more: Any) -> Json:
    """An axis of dates whose hover names the day, and the time of day if any bar has one."""
    daily = bool((index == index.normalize()).all())
    return {"type": "date", "hoverformat": DAY if daily else f"{DAY} %H:%M", **more}


def span(frame: pd.DataFrame) -> Json:
    """The range of an axis from the first to the last date of a table; {} of fewer than two."""
    ends = stamps(pd.DatetimeIndex(frame.index[[0, -1]])) if len(frame) > 1 else []
    return {"range": ends} if ends else {}


def line(name: str, y: list[float | None], colour: str, hover: str, **more: Any) -> Json:
    """A line over the dates of the page. `hover` is a format of plotly.js."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": DATES,
        "y": y,
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": hover,
        **more,
    }


def of(place: int, always: bool = False) -> Json:
    """What tells the page that a trace belongs to one strategy: it is shown, or else grey, by the menu."""
    return {"meta": {"of": place, "always": always}}


def log_axis(values: npt.ArrayLike) -> Json:
    """A log axis with round ticks; the default ticks of plotly.js write 200,000 as a bare 2."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    steps = (1.0, 2.0, 5.0) if high > 20.0 * low else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    return {
        "type": "log",
        "tickvals": [float(f"{s * 10.0**p:.2g}") for p in powers for s in steps],
        "tickformat": "~s",
    }


def shared(figures: dict[str, Json]) -> list[list[float | None]]:
    """The values of lines, each once: a trace over the dates gets the number of its values in place of them."""
    places: dict[tuple[float | None, ...], int] = {}
    for figure in figures.values():
        for trace in figure["data"]:
            if trace.get("x") == DATES:
                trace["y"] = places.setdefault(tuple(trace["y"]), len(places))
    return [list(values) for values in places]
