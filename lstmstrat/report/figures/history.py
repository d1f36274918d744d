"""The charts over time: accounts, prices with trades and forecasts, and folds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstmstrat.errors import count
from lstmstrat.evaluation.periods import drawdowns, rolling_sharpe
from lstmstrat.report import cells
from lstmstrat.report.figures.values import (
    Json,
    Numbers,
    date_axis,
    drawn,
    label,
    line,
    log_axis,
    money,
    nothing,
    numbers,
    of,
    packed,
    rounded,
    span,
    stamps,
    times,
)
from lstmstrat.results.result import HOLDING, Result

CHANCE = 1.96  # standard errors: 95 % of the correlations without skill are closer to 0


PANELS = {
    "height": 760,
    "hovermode": "x unified",
    "hoversubplots": "axis",
    "grid": {"rows": 4, "columns": 1, "subplots": [["xy"], ["xy2"], ["xy3"], ["xy4"]]},
}
"""Four panels, one below the other, with one axis of dates and one hover."""


def answer(frame: pd.DataFrame) -> Json:
    """Account values on a log scale: holding, the strategy of the menu, and the others in grey."""
    value = frame.where(frame > 0.0)  # an account at or below 0 has no logarithm
    layout = {
        "height": 400,
        "showlegend": False,
        "hovermode": "x unified",
        "margin": {"t": 10, "b": 30, "l": 50, "r": 104},
        "xaxis": date_axis(_index(frame)),
        "yaxis": log_axis(value),
    }
    names = [name for name in frame.columns if name != HOLDING]
    own = [
        line(label(name), at_closes(value, name, money), "--others", "%{y:,.0f}", **of(place, always=True))
        for place, name in enumerate(names)
    ]
    hold = line(cells.HOLDING, at_closes(value, HOLDING, money), "--hold", "%{y:,.0f}")
    hold["line"]["width"] = 2.2
    return {"data": [*own, hold], "layout": layout}  # holding is drawn last, so that it lies above


def at_closes(frame: pd.DataFrame, name: str, write: Callable[[npt.NDArray[np.float64]], Numbers]) -> Numbers:
    """A column of the accounts at the closes that are drawn."""
    return write(frame[name].to_numpy(dtype=float)[drawn(len(frame), len(frame.columns))])


def _of_accounts(values: pd.Series[float], result: Result, digits: int) -> Numbers:
    """A series beside the accounts, at the same closes as theirs."""
    return numbers(values.to_numpy(dtype=float)[drawn(len(values), len(result.equity.columns))], digits)


def _index(frame: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(frame.index)


def through_time(result: Result) -> Json:
    """Account value, falls, Sharpe ratio of the last year and exposure, one below the other, with one hover."""
    equity, period = result.equity, result.assessment.period
    window = max(20, round(period.periods_per_year))
    above = equity.where(equity > 0.0)
    panels = (
        _chosen(above, "y", "account %{y:,.0f}", money),
        _chosen(drawdowns(equity), "y2", "fall %{y:.1%}", lambda y: rounded(y, 3)),
        _chosen(
            equity.apply(rolling_sharpe, args=(window, period.periods_per_year)),
            "y3",
            "Sharpe %{y:.2f}",
            lambda y: rounded(y, 2),
        ),
        _chosen(result.exposure, "y4", "exposure %{y:.0%}", lambda y: rounded(y, 2)),
    )
    data = [trace for panel in panels for trace in panel if any(value is not None for value in trace["y"])]
    layout = {
        **PANELS,
        "margin": {"t": 10, "b": 30, "l": 64, "r": 10},
        "xaxis": date_axis(_index(equity), anchor="y4"),
        "yaxis": log_axis(above) | {"domain": [0.62, 1.0], "title": {"text": "account"}},
        "yaxis2": {"domain": [0.42, 0.59], "title": {"text": "fall"}, "tickformat": ".0%"},
        "yaxis3": {"domain": [0.21, 0.39], "title": {"text": f"Sharpe, {window} bars"}, "zeroline": True},
        "yaxis4": {"domain": [0.0, 0.18], "title": {"text": "exposure"}, "tickformat": ".0%", "zeroline": True},
    }
    return {"data": data, "layout": layout}


def _chosen(
    frame: pd.DataFrame, axis: str, hover: str, write: Callable[[npt.NDArray[np.float64]], Numbers]
) -> list[Json]:
    """Holding, and each strategy to be shown alone beside it."""
    names = [name for name in frame.columns if name != HOLDING]
    lines = [
        line(label(name), at_closes(frame, name, write), "--chosen", hover, yaxis=axis, **of(place))
        for place, name in enumerate(names)
    ]
    return [line(cells.HOLDING, at_closes(frame, HOLDING, write), "--hold", hover, yaxis=axis), *lines]


def prices(result: Result) -> Json:
    """Close with the trades, forecast with its band, distance of the inputs, and the position of the strategy."""
    horizon, said = result.assessment.walk_forward.horizon, result.forecasts
    lines = (
        line("close", _of_accounts(result.prices["close"], result, 6), "--hold", "%{y:,.2f}", yaxis="y"),
        *_band(result),
        line("forecast", _of_accounts(said["forecast"], result, 4), "--forecast", "%{y:.2%}", yaxis="y2"),
        line("distance", _of_accounts(said["distance"], result, 3), "--soft", "%{y:.2f}", yaxis="y3"),
    )
    names = [strategy.name for strategy in result.assessment.strategies]
    own = [
        t
        for place, name in enumerate(names)
        for t in (_position(result, name, place), *_fills(result, name, place))
    ]
    layout: Json = {
        **PANELS,
        "margin": {"t": 34, "b": 30, "l": 74, "r": 10},
        "xaxis": date_axis(_index(result.prices), anchor="y4", rangeselector=RANGES, **span(result.equity)),
        "yaxis": log_axis(result.prices["close"]) | {"domain": [0.52, 1.0], "title": {"text": "close"}},
        "yaxis2": {
            "domain": [0.29, 0.49],
            "title": {"text": f"forecast, {count(horizon, 'bar')}"},
            "tickformat": ".1%",
            "zeroline": True,
        },
        "yaxis3": {"domain": [0.16, 0.26], "title": {"text": "distance"}, "rangemode": "tozero"},
        "yaxis4": {"domain": [0.0, 0.13], "title": {"text": "position"}, "tickformat": ".0%", "zeroline": True},
    }
    if not np.isfinite(said["forecast"]).any():
        return {"data": [lines[0], *own], "layout": _without_forecast(layout)}
    known = [trace for trace in lines if any(value is not None for value in trace["y"])]
    return {"data": [*known, *own], "layout": layout}


def _without_forecast(layout: Json) -> Json:
    """Two panels, and a line between them that says where the others are."""
    line = {"text": "There was no forecast in this period.", "showarrow": False}
    return {
        **{name: value for name, value in layout.items() if name not in ("yaxis2", "yaxis3")},
        "grid": {"rows": 2, "columns": 1, "subplots": [["xy"], ["xy4"]]},
        "yaxis": layout["yaxis"] | {"domain": [0.24, 1.0]},
        "annotations": [line | {"xref": "paper", "yref": "paper", "x": 0, "y": 0.19, "yanchor": "middle"}],
    }


def _position(result: Result, name: str, place: int) -> Json:
    """The position of a strategy, filled down to nothing."""
    held = at_closes(result.exposure, name, lambda y: rounded(y, 2))
    made = line("position", held, "--chosen", "%{y:.0%}", yaxis="y4", **of(place))
    shape = {"color": "--chosen", "width": 1, "shape": "hv"}
    return made | {"line": shape, "fill": "tozeroy", "fillcolor": "--chosen-soft"}


RANGES = {
    "buttons": [
        {"count": 1, "label": "1 year", "step": "year", "stepmode": "backward"},
        {"count": 3, "label": "3 years", "step": "year", "stepmode": "backward"},
        {"step": "all", "label": "all"},
    ],
    "x": 0,
    "y": 1.005,
}
"""Buttons for the newest year, the newest three, and all."""


def _band(result: Result) -> list[Json]:
    """The outermost quantiles of the forecast; nothing if there are fewer than two."""
    levels = result.assessment.walk_forward.quantiles
    names = [f"quantile_{level}" for level in (levels[0], levels[-1])] if len(levels) > 1 else []
    wide = levels[-1] - levels[0] if names else 0.0  # the share of the returns that the band is to hold
    bands = [
        line(f"{wide:.0%} band", _of_accounts(result.forecasts[name], result, 3), "--forecast", "%{y:.1%}")
        | {"line": {"width": 0}, "yaxis": "y2", "showlegend": False}
        for name in names
    ]
    return (
        [bands[0], bands[1] | {"fill": "tonexty", "fillcolor": "--forecast-soft", "showlegend": True}]
        if bands
        else []
    )


def _fills(result: Result, name: str, place: int) -> list[Json]:
    """The filled orders of a strategy as triangles at their prices: up where it bought."""
    orders = result.orders[(result.orders["strategy"] == name) & result.orders["executed"].notna()]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": words,
            "x": times(pd.DatetimeIndex(some["executed"])),
            "y": packed(numbers(some["price"], 5)),
            "yaxis": "y",
            "marker": {"symbol": symbol, "color": colour, "size": 6, "line": {"width": 0}},
            "hovertemplate": "%{y:,.2f}",
            **of(place),
        }
        for side, words, symbol, colour in (
            ("buy", "bought", "triangle-up", "--good"),
            ("sell", "sold", "triangle-down", "--bad"),
        )
        if len(some := orders[orders["side"] == side])
    ]


def folds(frame: pd.DataFrame) -> Json:
    """Training loss of the first and last epoch of each fold."""
    if not np.isfinite(frame["train_loss"]).any():
        return nothing("No fold has a training loss: the model is fitted in one step, or no fold was trained.")
    x = stamps(pd.DatetimeIndex(frame["first_forecast"]))
    data = [
        by_fold("first epoch", x, frame["first_loss"], "--soft", "lines"),
        by_fold("last epoch", x, frame["train_loss"], "--forecast", "lines"),
    ]
    layout = {
        "height": 300,
        "hovermode": "x unified",
        "xaxis": date_axis(pd.DatetimeIndex(frame["first_forecast"])),
        "yaxis": {"title": {"text": "training loss"}, "rangemode": "tozero"},
    }
    return {"data": data, "layout": layout}


def by_fold(name: str, x: list[str], y: pd.Series[float], colour: str, mode: str) -> Json:
    """A line or dots with one value a fold."""
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": x,
        "y": numbers(y),
        "line": {"color": colour, "width": 1.5},
        "marker": {"color": colour, "size": 5},
        "hovertemplate": "%{y:.3f}",
    }


def fold_skill(frame: pd.DataFrame) -> Json:
    """The correlation of forecast and outcome in each fold, in the band of what has no skill.

    The band is +-1.96 / sqrt(observations). With horizon 1, it contains 19 of 20 folds without any skill. With a
    longer horizon the returns overlap, and it contains fewer. A fold of fewer than five bars is not drawn.
    """
    frame = frame[(frame["observations"] >= 5) & frame["correlation"].notna()]
    if frame.empty:
        return nothing("No fold has five forecasts with an outcome and a correlation.")
    x = stamps(pd.DatetimeIndex(frame["first_forecast"]))
    chance = CHANCE / np.sqrt(frame["observations"])
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"}
    data = [
        edge | {"y": numbers(-chance), "showlegend": False},
        edge
        | {"y": numbers(chance), "name": "95% of folds without skill", "fill": "tonexty", "fillcolor": "--band"},
        by_fold("correlation in the fold", x, frame["correlation"], "--forecast", "markers"),
    ]
    layout = {
        "height": 320,
        "xaxis": date_axis(pd.DatetimeIndex(frame["first_forecast"]), **span(frame.set_index("first_forecast"))),
        "yaxis": {"title": {"text": "correlation"}, "zeroline": True},
    }
    return {"data": data, "layout": layout}


def dates(result: Result) -> Json:
    """The closes that are drawn."""
    index = pd.DatetimeIndex(result.equity.index)
    return times(index[drawn(len(index), len(result.equity.columns))])
