"""The forecasts of a walk-forward over many assets as a value, without the fitted models.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lstmstrat.arrays import Floats, Ints, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.forecasts import FoldRecord
from lstmstrat.forecasting.panel.drawn import DrawnLabels, DrawnRows
from lstmstrat.forecasting.schedule import Fold


@dataclass(frozen=True, eq=False)
class PanelForecasts:
    """Forecasts of many assets, a row for each session; NaN and fold 0 where there is none.

    Raises
    ------
    ValueError
        The lines have different shapes.
    """

    config: ForecastConfig  # train_size in sessions
    symbols: tuple[str, ...]  # (N,)
    times: Times  # (D,)
    forecast: Floats  # (D, N) a log return over the horizon, or under a relation a score
    spread: Floats  # (D, N) standard deviation over the members of the ensemble
    distance: Floats  # (D, N) how far the newest inputs lie outside the training set, in units of their scale
    fold: Ints  # (D,) number of the fold in use
    folds: tuple[Fold, ...]  # their positions count sessions
    records: Mapping[str, tuple[FoldRecord | None, ...]]  # of each pool; None where it had no sample in a fold
    missing: Mapping[str, int]  # sessions of members without a forecast, by reason
    drawn_labels: tuple[DrawnLabels, ...] = ()  # some of each fold, as it learned from them
    drawn_rows: DrawnRows | None = None  # some of the features, as they were used

    def __post_init__(self) -> None:
        shape = len(self.times), len(self.symbols)
        shapes = {line.shape for line in (self.forecast, self.spread, self.distance)}
        if shapes != {shape} or len(self.fold) != len(self.times):
            raise ValueError(f"lines of shapes {sorted(shapes)} for {shape[0]} sessions of {shape[1]} assets")

    def bare(self) -> PanelForecasts:
        """The folds alone, without what was forecast, which is as large as the panel."""
        nothing = np.broadcast_to(np.nan, self.forecast.shape)  # one number, however large the shape is
        return replace(self, forecast=nothing, spread=nothing, distance=nothing, drawn_labels=(), drawn_rows=None)
