"""The labels of samples: the log returns that a model forecasts.

The label of bar s is complete at bar s + purge, see `ForecastConfig.purge`. Only this file and that property
contain which prices a target uses.
"""

from __future__ import annotations

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.prices.bars import CLOSE, OPEN


def price_column(config: ForecastConfig) -> int:
    """The column of the bars from which the labels are calculated."""
    return OPEN if config.target == "open" else CLOSE


def labels(bars: Floats, config: ForecastConfig) -> Floats:
    """The label of each bar: the log return to forecast there.

    ``target: open`` is log(open[t+1+horizon] / open[t+1]), what an order made at close t earns from its fill on;
    ``target: close`` is the classical log(close[t+horizon] / close[t]).

    Parameters
    ----------
    bars
        (n, 5) open, high, low, close, volume.

    Returns
    -------
    (n,), NaN in the last `config.purge` rows, whose last price is in the future, and where a price is missing.
    """
    price, purge = bars[:, price_column(config)], config.purge
    returns = np.full(len(bars), np.nan)  # (n,)
    if len(bars) > purge:
        with np.errstate(divide="ignore", invalid="ignore"):
            returns[:-purge] = np.log(price[purge:] / price[purge - config.horizon : -config.horizon])
    return np.where(np.isfinite(returns), returns, np.nan)
