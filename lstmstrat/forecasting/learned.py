"""What a fold has learned from the forecasts before it: the weights of its parts, and the errors to expect.

A fold fitted at bar t learns from the forecasts of earlier folds whose labels were complete before bar t, as its
networks do (the fold law).

Letters: n bars, P weighed parts, Q quantiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.calibration import Evidence
from lstmstrat.forecasting.predictive import EARLIER, Predictive
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.targets import labels

LINES = "forecast", "spread", "distance", "sigma", "up"
"""The lines of every walk-forward; the quantiles of the config follow them."""
PARTS = NETWORK, LINEAR, SPREAD, DISTANCE, FOLD, MEAN, FAR = range(7)
"""The columns of what the models of a fold say about a bar. MEAN is the mean label of its training set.

FAR is `FAR_PART` or `FAR_FORECAST` where a part or a forecast, or one at an earlier bar of the fold, was far
outside of the labels; else 0. It is kept with the bar, and not with the fold, so that `peek` takes it back.
"""
FAR_FORECAST, FAR_PART = 1.0, 2.0


class Seen(NamedTuple):
    """The bars so far, and what was said at their closes; a row for each."""

    bars: Floats  # (n, 5)
    parts: Floats  # (n, 7), see `PARTS`
    forecast: Floats  # (n,)
    volatility: Floats  # (n,), see predictive.recent_volatility


@dataclass(frozen=True, eq=False)
class Learned:
    """What a fold knows of the forecasts before it."""

    known: int  # the labels of the bars before this one were complete
    evidence: Evidence  # of these bars
    weights: tuple[float, ...]  # (P,) of the network and the linear part; empty without calibration
    linear_alone: float  # the weight of the linear part if there were no network; NaN without calibration
    predictive: Predictive  # of the last `EARLIER` of these bars, times the horizon

    def lines(self, parts: Floats, volatility: Floats, config: ForecastConfig) -> Floats:
        """The lines of bars of the fold, from its parts (n, 7) and the volatility (n,).

        (n, 5 + Q + 1); the last column is what the linear part alone would have forecast.
        """
        forecast = parts[:, NETWORK]
        if self.weights:
            weighed = _deviations(parts) * self.weights  # (n, P)
            forecast = parts[:, MEAN] + weighed[:, 0] + weighed[:, 1]
        volatility = np.where(np.isfinite(forecast), volatility, np.nan)
        up = self.predictive.up(forecast, volatility, config.up_threshold)
        named = forecast, parts[:, SPREAD], parts[:, DISTANCE], self.predictive.sigma(volatility), up
        linear = parts[:, MEAN] + self.linear_alone * (parts[:, LINEAR] - parts[:, MEAN])
        return np.column_stack([*named, self.predictive.quantiles(forecast, volatility, config.quantiles), linear])


def learn(fold: Fold, mean: float, before: Learned | None, seen: Seen, config: ForecastConfig) -> Learned:
    """What `fold`, whose training set has the mean label `mean`, learns from the bars `seen` before its fit.

    `before` is what the fold before it had learned. A bar without a forecast counts as if its forecast had been
    `mean`, so the first fold knows the errors of the mean of its training set.
    """
    known = fold.fitted_at - config.purge
    since = before.known if before else 0
    earlier = EARLIER * config.horizon  # of which as many do not overlap
    first = max(0, min(since, known - earlier))
    realised = labels(seen.bars[first : fold.fitted_at], config)[: known - first]
    new, newest = slice(since, known), slice(max(0, known - earlier), known)
    parts = seen.parts[new]
    evidence = Evidence.of(_deviations(parts), realised[since - first :] - parts[:, MEAN])
    evidence = before.evidence + evidence if before else evidence
    forecast, volatility, returns = (
        seen.forecast[newest],
        seen.volatility[newest],
        realised[newest.start - first :],
    )
    errors = returns - np.where(np.isfinite(forecast), forecast, mean)
    predictive = Predictive.of(errors / volatility, returns)
    if config.calibration == "none":
        return Learned(known, evidence, (), math.nan, predictive)
    alone = float(evidence.of_last.weights(config.horizon)[0])
    return Learned(known, evidence, tuple(evidence.weights(config.horizon).tolist()), alone, predictive)


def _deviations(parts: Floats) -> Floats:
    """The weighed parts, less the mean of their fold; (n, 7) -> (n, P)."""
    deviations: Floats = parts[:, [NETWORK, LINEAR]] - parts[:, [MEAN]]
    return deviations
