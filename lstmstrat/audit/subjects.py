"""The subjects of an audit: a class with its prices, or a config with a smaller network and fewer bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.audit.small import shrink
from lstmstrat.audit.trace import Subject
from lstmstrat.config.schema import BrokerConfig, Config
from lstmstrat.errors import DataError, StrategyError
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.trading.indicator import LSTMForecast
from lstmstrat.trading.parameters import load_strategy

AUDITED_FOLDS = 3  # refit periods after the first fit, at least
SPARE_BARS = 42  # additional bars, at least, for P8, which leaves out the oldest bars
LEAST_BARS = 70  # bars after the first fit, at least, however short the refit period is
# The approximate number of bars of a refit period.
PERIODS: dict[str, int] = {"week": 5, "month": 21, "quarter": 63, "year": 252, "never": LEAST_BARS}


def of_config(config: Config, prices: Prices) -> list[Subject]:
    """The forecast itself and every strategy of `config`, in which `train_size` must be a number of bars.

    They run on the newest bars only: enough for `AUDITED_FOLDS` folds, and `SPARE_BARS` for P8.
    """
    forecast = shrink(config.forecast)
    every = forecast.refit_every
    period = every if isinstance(every, int) else PERIODS[every]
    bars = schedule(forecast).first_fit + 1 + max(AUDITED_FOLDS * period, LEAST_BARS)
    bars += -(-SPARE_BARS // period) * period
    frame = prices.frame.iloc[-bars:]
    shared: dict[str, Any] = {"frame": frame, "broker": config.broker, "forecast": forecast}
    forecast_subject = Subject("forecast", LSTMForecast, forecast.model_dump(), **shared)
    return [
        forecast_subject,
        *(Subject(s.label, load_strategy(s.class_), dict(s.params), **shared) for s in config.strategies),
    ]


def of_class(
    cls: type[Any],
    prices: Prices | pd.DataFrame,
    params: Mapping[str, Any],
    broker: BrokerConfig | None,
    refits: tuple[int, ...],
    setup: Callable[[Any], None] | None,
) -> Subject:
    """The subject of one class of the user; its parameters are those of `lstmstrat.audit`.

    Raises
    ------
    DataError, StrategyError
        The prices cannot be used; the class is neither a strategy nor an indicator.
    """
    if not (isinstance(cls, type) and issubclass(cls, (bt.Strategy, bt.Indicator))):
        raise StrategyError(f"{cls!r} is no class of a Backtrader strategy or indicator")
    frame = prices.frame if isinstance(prices, Prices) else _check_frame(prices)
    return Subject(cls.__name__, cls, params, frame, broker or BrokerConfig(), refits=refits, setup=setup)


def _check_frame(frame: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"prices: {type(frame).__name__} given, expected a DataFrame with {', '.join(COLUMNS)}")
    lower_case = frame.rename(columns=lambda name: str(name).lower())
    missing = [name for name in COLUMNS if name not in lower_case]
    if missing:
        raise DataError(
            f"prices: no column {', '.join(missing)}; expected {', '.join(COLUMNS)}, and dates as index"
        )
    return Prices("prices", "csv", lower_case[list(COLUMNS)].astype(np.float64), ()).frame
