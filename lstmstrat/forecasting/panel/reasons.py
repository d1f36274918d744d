"""Why a fold of many assets has no model, or knows nothing new, as a sentence.

Letters: n bars of an asset, F features, C sessions of a training set, N assets, D sessions so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.forecasts import TOO_FEW
from lstmstrat.forecasting.panel.asset import Asset
from lstmstrat.forecasting.reasons import date, listed
from lstmstrat.forecasting.schedule import Fold

NOT_FITTED = "the fold had too few samples, or its training failed"


def why_not_fitted(pool: Sequence[Asset], fold: Fold) -> str:
    """Why there is no model of the assets of a pool, with the inputs of which none has a value in the fold.

    That a young asset has none before the warm-up of a feature is no fault of the feature.
    """
    assets = [asset for asset in pool if len(asset.sessions.all)]
    rows = [asset.bars.rows[asset.between(fold.first, fold.cutoff + 1)] for asset in assets]  # each (n, F)
    if not sum(map(len, rows)):
        return NOT_FITTED
    nowhere = np.logical_and.reduce([np.isnan(of).all(axis=0) for of in rows])  # (F,)
    bars = max(asset.between(0, fold.cutoff + 1).stop for asset in assets)  # of the oldest
    inputs = zip(assets[0].inputs, nowhere.tolist(), strict=True)
    named = [feature.name for feature, empty in inputs if empty and bars > feature.warmup]
    return f"{TOO_FEW}: no asset has a value of {listed(named)}; leave it out of features" if named else NOT_FITTED


def newest_label(labels: Floats) -> int:
    """The newest session of a training set that has a label; labels (C, N), -1 where none has."""
    sessions = np.flatnonzero(np.isfinite(labels).sum(axis=1))
    return int(sessions[-1]) if len(sessions) else -1


def learns_nothing_new(fold: Fold, last: int, times: Times, config: ForecastConfig) -> str:
    """That no session of a fold after its `newest_label` teaches anything; times (D,)."""
    after = f" after {date(times, fold.first + last)}" if last >= 0 else ""
    few, less = f" of {config.least_assets} members", "give a smaller least_assets, or "
    if config.relation == "none":
        few = less = ""
    said = f"no session{after} has a known return{few}; {less}begin or end where the universe has more"
    return f"fold {fold.number}, fitted at {date(times, fold.fitted_at)}, learns nothing new: {said}"
