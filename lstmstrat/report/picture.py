"""Equity and drawdown of a run as a figure of matplotlib."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd

from lstmstrat.errors import ConfigError
from lstmstrat.results.result import HOLDING, Result

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError:
    raise ConfigError('to draw a picture, pip install "lstmstrat[plot]", which is matplotlib') from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIGHT = "0.75"  # of the strategies beside the first


class Picture(Figure):
    """A figure that a notebook shows by itself: pyplot, and with it the choice of a backend, is not touched."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", bbox_inches="tight")
        return file.getvalue()


def picture(result: Result, width: float, height: float) -> Picture:
    """Account values on a log scale, and below them how far each account is under its highest value so far."""
    figure = Picture(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    equity = result.equity
    first = next(name for name in equity.columns if name != HOLDING)
    for name in sorted(equity.columns, key=[*equity.columns, HOLDING, first].index):
        _draw(above, name, first, equity[name])
    for name in (HOLDING, first):
        _draw(below, name, first, equity[name] / equity[name].cummax() - 1.0)
    found = result.assessment
    above.set(title=f"{found.name}: {found.data.symbol}", ylabel="account value")
    above.set_yscale("log" if bool((equity > 0.0).all(axis=None)) else "linear")
    above.legend()
    below.set(ylabel="below its highest")
    return figure


def _draw(axes: Axes, name: str, first: str, values: pd.Series) -> None:
    colour = {HOLDING: "black", first: "tab:blue"}.get(name, LIGHT)
    # The label of a line that begins with _ would be left out of the legend.
    axes.plot(values.index, values.to_numpy(), color=colour, linewidth=1.2, label=f"\u200b{name}")
