"""The labels of a training set, held against the bars that were known at the fit."""

from __future__ import annotations

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.targets import labels
from lstmstrat.results.assessment import FAILED, NOT_ASKED, NOT_RUN, PASSED, Check


def check_labels(forecasts: Forecasts, bars: Floats) -> Check:
    """Every label of a training set must be complete before the bar at which the fold is fitted."""
    name = "training labels"
    if not forecasts.folds:
        return Check(name, NOT_RUN, NOT_ASKED)
    late_folds = []
    for fold in (record.fold for record in forecasts.folds):
        newest = labels(bars[fold.cutoff : fold.fitted_at], forecasts.config)[0]  # from the bars before the fit
        if not np.isfinite(newest):
            late_folds.append(fold.number)
    if late_folds:
        return Check(name, FAILED, f"folds {late_folds} were trained on labels of their own future")
    return Check(name, PASSED, f"complete before the fitting bar in all {len(forecasts.folds)} folds")
