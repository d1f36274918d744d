"""Curves that need no script: points of an SVG polyline."""

from __future__ import annotations

import numpy as np

from lstmstrat.arrays import Floats

POINTS = 160


def points(values: Floats, low: float, high: float, width: float, height: float, most: int = POINTS) -> str:
    """Values on a log scale from `low` to `high` as points of a picture of that size.

    A value at or below zero is drawn at the bottom.

    >>> import numpy as np
    >>> points(np.array([1.0, 10.0, 100.0]), 1.0, 100.0, 20.0, 10.0)
    '0,10 10,5 20,0'
    """
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), most)).round().astype(int))
    drawn = np.log(np.clip(values[places], low, high))
    span = np.log(high) - np.log(low) or 1.0
    x = places / max(len(values) - 1, 1) * width
    y = height - (drawn - np.log(low)) / span * height
    return " ".join(f"{a:.4g},{b:.4g}" for a, b in zip(x, y, strict=True))


def bounds(values: Floats) -> tuple[float, float]:
    """The lowest and the highest value above zero; (1, 1) if there is none."""
    above = values[np.isfinite(values) & (values > 0.0)]
    return (float(above.min()), float(above.max())) if above.size else (1.0, 1.0)
