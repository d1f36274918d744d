"""The charts of the page as plain plotly.js data: dicts, lists, numbers and text.

    values      numbers, dates and names in the form that plotly.js needs
    chance      differences from buy-and-hold, and luck
    history     accounts, forecasts with positions, folds
    trust       stated and realised frequencies, weights of the parts of the forecast

Colours are names of CSS variables (``--ink``). The page replaces them, so that one chart works in light and dark
mode. An ``x`` of ``"dates"`` stands for the dates of the traded window, which the page contains once. Numbers have
six significant digits; a value that is not finite becomes None, a gap in the chart.
"""

from __future__ import annotations

import pandas as pd

from lstmstrat.report.figures.chance import differences, luck
from lstmstrat.report.figures.history import equity, folds, forecasts
from lstmstrat.report.figures.trust import reliability, weights
from lstmstrat.report.figures.values import Json, numbers, stamps
from lstmstrat.results.result import Result

__all__ = ["differences", "equity", "folds", "forecasts", "luck", "numbers", "payload", "reliability", "weights"]


def payload(result: Result) -> Json:
    """The data of all charts: ``dates``, ``figures`` by name, ``exposure`` in the order of the strategies."""
    return {
        "dates": stamps(pd.DatetimeIndex(result.equity.index)),
        "figures": {
            "differences": differences(result.assessment),
            "luck": luck(result.assessment),
            "equity": equity(result.equity),
            "forecasts": forecasts(result),
            "reliability": reliability(result.assessment.forecast_skill.reliability),
            "weights": weights(result.folds),
            "folds": folds(result.folds),
        },
        "exposure": [numbers(result.exposure[strategy.name]) for strategy in result.assessment.strategies],
    }
