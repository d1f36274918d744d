"""What is audited: a user's class on a user's prices, or a config with a smaller network on fewer bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.audit.trace import Subject
from lstmstrat.config import BrokerConfig, Config, ForecastConfig
from lstmstrat.errors import DataError, StrategyError
from lstmstrat.folds import schedule
from lstmstrat.indicator import LSTMForecast
from lstmstrat.prices import Prices
from lstmstrat.strategy import load_strategy

FOLDS = 3
OLDER = 42  # bars more, at least, for the probe that leaves the oldest ones out
LEAST = 70  # bars after the first forecast, however often it is refitted
PERIODS: dict[str, int] = {"week": 5, "month": 21, "quarter": 63, "year": 252, "never": LEAST}  # bars, about
SMALL: dict[str, Any] = {"hidden_size": 4, "layers": 1, "dropout": 0.0, "device": "cpu"}
MEMBERS = 2  # a strategy may use their spread
COLUMNS = ("open", "high", "low", "close", "volume")


def small(forecast: ForecastConfig) -> ForecastConfig:
    """The same forecast of a smaller network: a leak does not depend on how well it is trained.

    Everything that decides which bars are used stays: lookback, horizon, target, features, scaler, train_size,
    refits, validation.
    """
    epochs = min(forecast.epochs, 2 if forecast.val_size else 1)  # two, to stop early after one
    members = min(forecast.members, MEMBERS)
    return forecast.model_copy(
        update={**SMALL, "members": members, "epochs": epochs, "patience": min(forecast.patience, epochs)}
    )


def of_config(config: Config, prices: Prices) -> list[Subject]:
    """The forecast itself and every strategy of `config`, whose train_size is a number of bars.

    They run on the newest bars that hold some folds, and some bars more for the probe that leaves the oldest out.
    """
    forecast = small(config.forecast)
    every = forecast.refit_every
    period = every if isinstance(every, int) else PERIODS[every]
    bars = schedule(forecast).first_fit + 1 + max(FOLDS * period, LEAST)
    bars += -(-OLDER // period) * period
    frame = prices.frame.iloc[-bars:]
    shared: dict[str, Any] = {"frame": frame, "broker": config.broker, "forecast": forecast}
    itself = Subject("forecast", LSTMForecast, forecast.model_dump(), **shared)
    return [
        itself,
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
    """One class of a user's.

    Raises
    ------
    DataError, StrategyError
        Prices that cannot be used; something that is no strategy and no indicator.
    """
    if not (isinstance(cls, type) and issubclass(cls, (bt.Strategy, bt.Indicator))):
        raise StrategyError(f"{cls!r} is no class of a Backtrader strategy or indicator")
    frame = prices.frame if isinstance(prices, Prices) else _checked(prices)
    return Subject(cls.__name__, cls, params, frame, broker or BrokerConfig(), refits=refits, setup=setup)


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"prices: {type(frame).__name__} given, expected a DataFrame with {', '.join(COLUMNS)}")
    named = frame.rename(columns=lambda name: str(name).lower())
    missing = [name for name in COLUMNS if name not in named]
    if missing:
        raise DataError(
            f"prices: no column {', '.join(missing)}; expected {', '.join(COLUMNS)}, and dates as index"
        )
    return Prices("prices", "csv", named[list(COLUMNS)].astype(np.float64), ()).frame
