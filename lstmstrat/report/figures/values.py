"""Numbers, dates and names in the form that plotly.js needs, and the legend that several charts share."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Json = dict[str, Any]

LEGEND = {"orientation": "h", "x": 0, "y": -0.07, "yanchor": "top", "traceorder": "normal"}  # below the dates


def numbers(values: npt.ArrayLike, digits: int = 6) -> list[float | None]:
    """`values` with `digits` significant digits; None for a value that is not finite."""
    array = np.asarray(values, dtype=float)
    pairs = zip(array.tolist(), np.isfinite(array).tolist(), strict=True)
    return [float(f"{value:.{digits}g}") if finite else None for value, finite in pairs]


def stamps(index: pd.DatetimeIndex) -> list[str]:
    """ISO dates, with the time of day if any bar has one."""
    daily = bool((index == index.normalize()).all())
    return list(index.strftime("%Y-%m-%d" if daily else "%Y-%m-%dT%H:%M:%S"))


def label(name: str) -> str:
    """`name`, escaped so that plotly.js shows it unchanged: it reads tags and the entities of <, > and &."""
    return escape(name, quote=False)
