"""Equity and drawdown of a run as a figure of matplotlib."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd

from lstmstrat.errors import ConfigError
from lstmstrat.results.result import Result

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter, StrMethodFormatter
except ImportError:
    raise ConfigError('to draw a picture, pip install "lstmstrat[plot]", which is matplotlib') from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Picture(Figure):
    """A figure that a notebook shows by itself: pyplot, and with it the choice of a backend, is not touched."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", bbox_inches="tight")
        return file.getvalue()


def picture(result: Result, width: float, height: float) -> Picture:
    """Account values on a log scale, and below them how far each account is under its highest value so far.

    The first strategy and holding stand out; the others are grey, and only above.
    """
    figure = Picture(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    equity, found = result.equity, result.assessment
    holding, first, *others = equity.columns
    for k, name in enumerate(others):
        _draw(above, equity[name], "0.75", "_" if k else "others")  # a label that begins with _ is in no legend
    for name, colour in ((holding, "black"), (first, "tab:blue")):
        _draw(above, equity[name], colour, f"\u200b{name}")  # a name may begin with _
        _draw(below, equity[name] / equity[name].cummax() - 1.0, colour, "_")
    above.set(title=f"{found.name}: {found.data.symbol}", ylabel="account value")
    above.set_yscale("log" if bool((equity > 0.0).all(axis=None)) else "linear")
    above.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    above.yaxis.set_minor_formatter(StrMethodFormatter("{x:,.0f}"))
    above.legend()
    below.set(ylabel="below its highest")
    below.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def _draw(axes: Axes, values: pd.Series, colour: str, label: str) -> None:
    axes.plot(values.index, values.to_numpy(), color=colour, linewidth=1.2, label=label)
