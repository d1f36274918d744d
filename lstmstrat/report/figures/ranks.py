"""What the scores of a universe are worth: by year, by lag, by quantile, by patience and by fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstmstrat.config.schema import BrokerConfig
from lstmstrat.evaluation.rank_books import BP, RankBooks
from lstmstrat.evaluation.ranks import Estimate, RankSkill
from lstmstrat.report.cells import percent
from lstmstrat.report.figures.history import by_fold
from lstmstrat.report.figures.skill import ERRORS
from lstmstrat.report.figures.values import Json, date_axis, label, nothing, numbers, stamps
from lstmstrat.report.rank_ladder import rung_name
from lstmstrat.results.panel.facts import RankRung

RANK = "rank correlation"
NO_SESSION = "No session has enough assets with a score and a return."
OF_SESSIONS = "(t %{customdata[0]}, sessions: %{customdata[1]:,})"
NO_BOOK = "Too few assets have a score at the same session."


def years(found: RankSkill) -> Json:
    """The mean rank correlation of each calendar year, with what chance allows."""
    if found.ic.mean is None:
        return nothing(NO_SESSION)
    names = [str(one.year) for one in found.years]
    bars = _means(RANK, names, [one.ic for one in found.years], 3, "--forecast")
    return {"data": [bars], "layout": _layout("year", RANK)}


def lags(found: RankSkill) -> Json:
    """The rank correlation with the return of one session, so many sessions after the score."""
    if found.ic.mean is None:
        return nothing(NO_SESSION)
    bars = _means(RANK, [str(k) for k in range(len(found.lags))], found.lags, 3, "--forecast")
    return {"data": [bars], "layout": _layout("lag, sessions", RANK)}


def tenths(found: RankBooks) -> Json:
    """What each quantile of the scores earned in a session, less the mean of all, with what chance allows."""
    if all(one.mean is None for one in found.ladder):
        return nothing(NO_BOOK)
    names = [str(k) for k in range(1, found.quantiles + 1)]
    bars = _means("mean outcome", names, found.ladder, 1, "--band")
    return {"data": [bars], "layout": _layout("part of the scores, lowest first", "bp a session")}


def patience(found: RankBooks, costs: BrokerConfig) -> Json:
    """What books that hold on for longer earn before and after costs, and the cost at which they earn nothing."""
    books, paid = found.books, BP * (costs.commission + costs.slippage)
    if books[0].gross.mean is None:
        return nothing(NO_BOOK)
    names = [percent(book.hold_until) for book in books]
    even = _points("break-even, bp a trade", names, [book.break_even for book in books], "--chosen")
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "cost of this run, bp a trade",
        "x": names,
        "y": [round(paid, 4)] * len(names),
        "line": {"color": "--soft", "width": 1.2, "dash": "dot"},
        "hovertemplate": "%{y:.1f}<extra>cost of a trade</extra>",
    }
    data = [
        _bars("before costs, bp a session", names, [book.gross.mean for book in books], "--band"),
        _bars("after costs, bp a session", names, [book.net for book in books], "--others"),
        even,
        line,
    ]
    return {"data": data, "layout": _layout("held until out of the better", "bp") | {"barmode": "group"}}


def rungs(found: Sequence[RankRung]) -> Json | None:
    """The rank correlation of each rung of the ladder, with what chance allows; None without a ladder."""
    if not found:
        return None
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": _values([rung.ic.mean for rung in found]),
        "y": [label(rung_name(rung), 40) for rung in found],
        "error_x": _chance([rung.ic for rung in found]) | {"color": "--forecast"},
        "marker": {"color": "--forecast", "size": 10},
        "customdata": [[_t(rung.ic), rung.ic.sessions] for rung in found],
        "hovertemplate": f"%{{x:.3f}} {OF_SESSIONS}<extra>%{{y}}</extra>",
    }
    layout = {
        "height": 90 + 30 * len(found),
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"t": 10, "b": 50, "l": 10, "r": 10},
        "xaxis": {"title": {"text": RANK}, "zeroline": True},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed"},
    }
    return {"data": [dots], "layout": layout}


def fold_ranks(folds: pd.DataFrame) -> Json:
    """The mean rank correlation of each fold; `folds` has one row a fold."""
    frame = folds[folds["rank_ic"].notna()]
    if frame.empty:
        return nothing("No fold has a rank correlation.")
    index = pd.DatetimeIndex(frame["first_forecast"])
    dots = by_fold(f"{RANK} in the fold", stamps(index), frame["rank_ic"], "--forecast", "lines+markers")
    layout = {
        "height": 300,
        "showlegend": False,
        "hovermode": "x unified",
        "xaxis": date_axis(index),
        "yaxis": {"title": {"text": RANK}, "zeroline": True},
    }
    return {"data": [dots], "layout": layout}


def one_row_a_fold(folds: pd.DataFrame) -> pd.DataFrame:
    """The mean losses of the pools of each fold, and its rank correlation, which is of all assets."""
    values = ["first_loss", "train_loss", "rank_ic"]
    return folds.groupby("first_forecast", as_index=False)[values].mean()


def _means(name: str, x: list[str], found: Sequence[Estimate], decimals: int, colour: str) -> Json:
    """A bar for each mean, 95% of what chance adds to it, and its t in the hover."""
    return _bars(f"{name}, with 95% of chance", x, [one.mean for one in found], colour) | {
        "error_y": _chance(found),
        "customdata": [[_t(one), one.sessions] for one in found],
        "hovertemplate": f"%{{y:.{decimals}f}} {OF_SESSIONS}<extra>{name}</extra>",
    }


def _chance(found: Sequence[Estimate]) -> Json:
    """The error bars of means."""
    reach = numbers([_reach(one) for one in found], 3)
    return {"type": "data", "array": reach, "color": "--soft", "thickness": 1.2, "width": 4}


def _reach(found: Estimate) -> float:
    """So many standard errors; NaN where the t is not known."""
    return ERRORS * abs(found.mean / found.t) if found.mean and found.t else np.nan


def _t(found: Estimate) -> str:
    return "n/a" if found.t is None else f"{found.t:.1f}"


def _bars(name: str, x: list[str], y: Sequence[float | None], colour: str) -> Json:
    return {
        "type": "bar",
        "name": name,
        "x": x,
        "y": _values(y),
        "marker": {"color": colour},
        "hovertemplate": f"%{{y:.1f}}<extra>{name}</extra>",
    }


def _points(name: str, x: list[str], y: Sequence[float | None], colour: str) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": _values(y),
        "marker": {"color": colour, "size": 9},
        "hovertemplate": f"%{{y:.1f}}<extra>{name}</extra>",
    }


def _values(y: Sequence[float | None]) -> list[float | None]:
    return numbers([np.nan if value is None else value for value in y], 4)


def _layout(x: str, y: str) -> Json:
    return {
        "height": 320,
        "hovermode": "closest",
        "xaxis": {"title": {"text": x}, "type": "category"},
        "yaxis": {"title": {"text": y}, "zeroline": True},
    }
