"""What the models of a fold say about bars, before it is weighed (learned.py).

Letters: n bars, M members, L lookback, F features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Bools, Floats, sliding
from lstmstrat.forecasting.fitted_fold import FittedFold
from lstmstrat.forecasting.forecasts import FAR_OUTSIDE, MISSING, NO_NUMBER
from lstmstrat.forecasting.learned import DISTANCE, FAR, FAR_PART, FOLD, LINEAR, MEAN, NETWORK, PARTS, SPREAD
from lstmstrat.forecasting.training_set import windows


class Said(NamedTuple):
    """The parts of forecasts, and why some bars have none."""

    parts: Floats  # (n, 7), see `PARTS`; NaN at a bar without a forecast
    predictions: Floats  # (M or M + 1, n) of each member and of the linear part
    missing: Mapping[str, Bools]  # (n,) bars without a forecast, by reason


def said(fitted: FittedFold, members: Floats, rows: Floats, lookback: int, far_before: bool) -> Said:
    """What a fold says about n bars, from the predictions of its members (M, n) and the inputs (L - 1 + n, F).

    A prediction far outside of the labels of the training set, or `far_before`, ends the forecasts of the fold.
    """
    linear = [] if fitted.linear is None else [fitted.linear.predict(windows(rows, lookback))]
    predictions = np.vstack([members, *linear])
    of_row: Bools = np.logical_and.reduce(np.isfinite(rows), axis=1)
    complete: Bools = np.logical_and.reduce(sliding(of_row, lookback), axis=1)  # (n,)
    far: Bools = np.logical_or.accumulate(complete & fitted.far_outside(predictions))  # (n,)
    far[:] |= far_before
    good = complete & np.isfinite(predictions).all(axis=0) & ~far  # (n,)
    parts = np.full((members.shape[1], len(PARTS)), np.nan)
    parts[:, FOLD], parts[:, MEAN], parts[:, FAR] = fitted.fold.number, fitted.record.mean, far * FAR_PART
    mean, spread = _mean_and_spread(members[:, good])
    parts[good, NETWORK], parts[good, SPREAD] = mean, spread
    parts[good, DISTANCE] = fitted.distance(rows[lookback - 1 :])[good]
    if linear:
        parts[good, LINEAR] = predictions[-1, good]
    missing = {MISSING: ~complete, FAR_OUTSIDE: complete & far, NO_NUMBER: complete & ~far & ~good}
    return Said(parts, predictions, missing)


def _mean_and_spread(members: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation over the members; (M, n) -> (n,), (n,).

    Added member by member, so that the bits of a bar do not depend on the number of bars.
    """
    mean = np.add.accumulate(members)[-1] / len(members)
    return mean, np.sqrt(np.add.accumulate(np.square(members - mean))[-1] / len(members))
