"""The features of a run that are functions of the user's own, worked again without later and older bars."""

from __future__ import annotations

import numpy as np

from lstmstrat.arrays import Ints
from lstmstrat.audit.memory import EXPANDING, UNRELATED, memory
from lstmstrat.config.names import is_own
from lstmstrat.forecasting.features import Feature, FeatureSet, feature_set
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.prices import Prices
from lstmstrat.results.assessment import FAILED, PASSED, Check

WORK = 1_000_000  # rows that one feature is computed for, at most: a second, at a microsecond a row
LEAST = 50  # bars that are checked, however long the history
SPREAD = 30  # bars before the last fold that are checked
LEFT_OUT = 0.15  # share of the bars, the oldest, that a feature is computed without


def check_features(forecasts: Forecasts, prices: Prices) -> Check:
    """A user's feature must have the same value at each bar of the last fold when the later bars are cut off.

    It must also be about the same without the oldest bars: a mean over all bars so far moves a little, which is a
    remark; a file that is joined by position becomes another series, which fails.
    """
    name, config = "features", forecasts.config
    user_features = [f for f in feature_set(config.features).features if is_own(f.name)]
    conditions = feature_set([name for name in (config.refit_when or "",) if is_own(name)]).features
    cuts, of_fold = _cuts(forecasts, prices)
    remarks = list[str]()
    for feature in (*user_features, *conditions):
        if difference := _first_difference(feature, prices, cuts):
            return Check(name, FAILED, difference)
    for feature in user_features:
        failed, remark = _without_oldest(feature, prices)
        if failed:
            return Check(name, FAILED, remark)
        remarks += [remark] if remark else []
    own = [feature.name for feature in (*user_features, *conditions)]
    if not own:
        return Check(name, PASSED, "all built in")
    checked = int((cuts >= len(prices.bars) - of_fold).sum())
    detail = f"{', '.join(own)}: unmoved by later bars at {checked} of the {of_fold} bars of the last fold"
    return Check(name, PASSED, "; ".join([f"{detail} and at {len(cuts) - checked} before it", *remarks]))


def _cuts(forecasts: Forecasts, prices: Prices) -> tuple[Ints, int]:
    """The bars to check, ascending, and the number of bars in the last fold; the newest bar has none after it."""
    bars, first = len(prices.bars), schedule(forecasts.config).first_fit
    folds = forecasts.folds
    of_fold = len(forecasts.forecast) - folds[-1].fold.fitted_at if folds else bars - first
    budget = max(LEAST, WORK // bars)
    fold = np.linspace(max(0, bars - of_fold), bars - 2, min(max(1, of_fold - 1), budget)).astype(int)
    before = np.linspace(min(first, bars - 2), fold[0], SPREAD).astype(int)
    return np.unique(np.append(before, fold)), of_fold


def _first_difference(feature: Feature, prices: Prices, cuts: Ints) -> str:
    """The first of the `cuts` at which a feature has another value without the later bars; "" if there is none."""
    features = FeatureSet((feature,))
    rows = features.rows(prices.times, prices.bars, 0)  # (n, k)
    for cut in cuts:
        row = features.rows(prices.times[: cut + 1], prices.bars[: cut + 1], cut)[0]  # (k,)
        if not np.allclose(row, rows[cut], rtol=1e-9, atol=0.0, equal_nan=True):
            date = prices.frame.index[cut].date()
            return f"{feature.name} looks ahead: at {date} it was {row}, with later bars it is {rows[cut]}"
    return ""


def _without_oldest(feature: Feature, prices: Prices) -> tuple[bool, str]:
    """Whether a feature is another series without the oldest bars; and what there is to say about it."""
    features, oldest = FeatureSet((feature,)), int(len(prices.bars) * LEFT_OUT)
    rows = features.rows(prices.times, prices.bars, 0)[oldest:]  # (n, k)
    later = features.rows(prices.times[oldest:], prices.bars[oldest:], 0)  # (n, k)
    for x, y in zip(rows.T, later.T, strict=True):
        found = memory(x, y)
        if found.kind == UNRELATED:
            date = prices.frame.index[oldest + found.place].date()
            return True, (
                f"{feature.name} goes by the position of a bar, as a file without dates does: at {date} it is "
                f"{x[found.place]:.6g}, and {y[found.place]:.6g} without the {oldest} oldest bars; name the file "
                "in data.extra and use column:NAME, or join it by f(bars, times)"
            )
        if found.kind == EXPANDING:
            return False, f"{feature.name} depends on how much history is loaded"
    return False, ""
