"""`Result`: a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstmstrat.config.schema import Config
from lstmstrat.results.assessment import Assessment


@dataclass(frozen=True, eq=False)
class Result:
    """A finished run, from `lstmstrat.run` or `lstmstrat.load_run`.

    Attributes
    ----------
    config
        The config as the run used it, with train_size in bars.
    assessment
        The content of summary.json, typed; `summary` is the same as a dict.
    equity, exposure, forecasts, prices, folds, orders, trades
        The content of the files of these names. The first four have one row per close of the traded window;
        `equity` and `exposure` have one column per strategy, buy_and_hold first. `folds` has one row per fold,
        `orders` one per order, `trades` one per round trip.

    Examples
    --------
    >>> import lstmstrat
    >>> settings = ["forecast.model=ridge", "forecast.members=1", "data.start=2008-01-02"]
    >>> config = lstmstrat.load_config("configs/aapl.yaml", settings)
    >>> result = lstmstrat.run(config.model_copy(update={"strategies": config.strategies[:1]}))
    >>> list(result.equity.columns)
    ['buy_and_hold', 'long_flat']
    >>> result.assessment.period.bars == len(result.equity)
    True
    """

    config: Config
    assessment: Assessment
    equity: pd.DataFrame  # account value
    exposure: pd.DataFrame  # position value / account value
    forecasts: pd.DataFrame  # forecast, spread, distance, fold, cutoff; also price with ``target: close``
    folds: pd.DataFrame  # dates, samples, training losses, correlation with the realised returns
    orders: pd.DataFrame
    trades: pd.DataFrame
    prices: pd.DataFrame  # open, high, low, close, volume as traded

    @property
    def summary(self) -> dict[str, Any]:
        """The content of summary.json."""
        return self.assessment.to_dict()
