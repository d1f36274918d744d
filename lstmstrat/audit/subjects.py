"""The subjects of an audit: a class with its prices, or a config with a smaller network, on several periods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.audit.new_process import import_path
from lstmstrat.audit.sketch import Sketch
from lstmstrat.audit.small import shrink
from lstmstrat.audit.trace import STREAMED, Subject
from lstmstrat.config.classes import importable
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.names import is_own
from lstmstrat.config.schema import BrokerConfig, Config, StrategyConfig
from lstmstrat.errors import StrategyError
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.prices import Prices
from lstmstrat.trading.indicator import LSTMForecast
from lstmstrat.trading.parameters import load_strategy

AUDITED_FOLDS = 3  # refit periods after the first fit, at least
SPARE_BARS = 42  # additional bars, at least, for P8, which leaves out the oldest bars
LEAST_BARS = 70  # bars after the first fit, at least, however short the refit period is
# The approximate number of bars of a refit period.
PERIODS: dict[str, int] = {"week": 5, "month": 21, "quarter": 63, "year": 252, "never": LEAST_BARS}
LONGEST = 8000  # bars that a strategy is audited on at once; of a longer history three parts are
PARTS = 3  # at the beginning, in the middle and at the end
EARLIER_CUTS = 8  # of the forecast, in each part but the newest
NEWEST_CUTS = 16  # of a strategy, in the newest part
WHOLE_CUTS = 3  # of a strategy, over the whole traded period
FEW = ("P0", "P2", "P3", "P10", "P13")  # probes of the forecast in the parts but the newest
OF_STRATEGIES = ("P0", "P2", "P3", "P4", "P5", "P12")  # probes over the whole traded period
SKETCH = "lstmstrat.audit.sketch:Sketch"
INDICATOR = "lstmstrat.trading.indicator:LSTMForecast"


def of_config(config: Config, prices: Prices) -> list[Subject]:
    """The forecast and every strategy of `config`, each on several periods; `train_size` is a number of bars.

    - The forecast, with a smaller network, at the beginning, in the middle and at the end of the traded period:
      enough bars for `AUDITED_FOLDS` folds, and `SPARE_BARS` for P8. Functions of the user's own, whole; a model
      of the user's own too, as a stream, in which no later row of a batch exists.
    - Each strategy over the whole traded period, on forecasts of the cheap `Sketch`: a stream of it shows for
      every bar whether a later one was read. And at the end with the network, for the probes that need few bars.
    """
    forecast = shrink(config.forecast)
    cheap = Sketch.instead(SKETCH, forecast)
    cheapest = cheap.model_copy(update={"features": ("return_1",)})
    first, bars = schedule(forecast).first_fit + 1, bars_of_folds(forecast)
    newest, whole = prices.frame.iloc[-bars:], parts(prices.frame, LONGEST, first + LONGEST // PARTS)
    subjects = [
        *_forecast_subjects(config, forecast, parts(prices.frame, bars, bars)),
        *(
            s
            for part in whole
            if _has_own_code(forecast)
            for s in [_of_forecast(config, cheap, part, ("P0", "P2", "P3", "P12"))]
        ),
        *(_of_forecast(config, forecast, part, ("P0",)) for part in whole if ":" in forecast.model),
        *(
            s
            for strategy in config.strategies
            for s in _strategy_subjects(config, strategy, forecast, cheapest, newest, whole)
        ),
    ]
    return [subject.with_fields(outside=prices.outside) for subject in subjects]


def bars_of_folds(forecast: ForecastConfig) -> int:
    """How many bars `AUDITED_FOLDS` folds need, with some to spare."""
    every = forecast.refit_every
    period = every if isinstance(every, int) else PERIODS[every]
    spare = -(-SPARE_BARS // period) * period
    return schedule(forecast).first_fit + 1 + max(AUDITED_FOLDS * period, LEAST_BARS) + spare


def parts(frame: pd.DataFrame, longest: int, bars: int) -> list[pd.DataFrame]:
    """The frame if it has at most `longest` bars; else `PARTS` parts of `bars` bars, evenly spread over it."""
    if len(frame) <= longest:
        return [frame]
    starts = np.linspace(0, max(0, len(frame) - bars), PARTS).astype(int)
    return [frame.iloc[start : start + bars] for start in starts]


def _forecast_subjects(config: Config, forecast: ForecastConfig, frames: list[pd.DataFrame]) -> list[Subject]:
    newest = _of_forecast(config, forecast, frames[-1], ())
    return [*(_of_forecast(config, forecast, frame, FEW) for frame in frames[:-1]), newest]


def _of_forecast(
    config: Config, forecast: ForecastConfig, frame: pd.DataFrame, probes: tuple[str, ...]
) -> Subject:
    cuts = EARLIER_CUTS if probes else 0
    params = forecast.model_dump()
    path = _importable(INDICATOR, config)
    return Subject("forecast", LSTMForecast, params, frame, config.broker, path=path, probes=probes, cuts=cuts)


def _importable(path: str, config: Config) -> str:
    """The path, if another process can import it and all that the forecast names; else "": it is a notebook's."""
    forecast = config.forecast
    names = (path, *forecast.features, *forecast.peer_features, forecast.refit_when or "", forecast.model)
    return path if all(importable(name) for name in names) else ""


def _has_own_code(forecast: ForecastConfig) -> bool:
    """Whether features or refits of the forecast are functions of the user's own."""
    return any(is_own(name) for name in (*forecast.features, forecast.refit_when or ""))


def _strategy_subjects(
    config: Config,
    strategy: StrategyConfig,
    forecast: ForecastConfig,
    cheap: ForecastConfig,
    newest: pd.DataFrame,
    whole: list[pd.DataFrame],
) -> list[Subject]:
    cls, path = load_strategy(strategy.class_), _importable(_path(strategy), config)
    own = Subject(strategy.label, cls, dict(strategy.params), newest, config.broker, forecast, path=path)
    rest = (*(f"P{k}" for k in range(12)), "P13")  # all but P12, which has the whole period
    return [
        *(
            own.with_fields(frame=part, forecast=cheap, probes=OF_STRATEGIES, cuts=WHOLE_CUTS, reruns=(STREAMED,))
            for part in whole
        ),
        own.with_fields(probes=rest, cuts=NEWEST_CUTS, reruns=("runonce",)),
    ]


def _path(strategy: StrategyConfig) -> str:
    """Where another process finds the class; "" for one that was handed over and is found nowhere.

    A class that is not what its module holds under its name is such a one: what is there now may be another.
    """
    return strategy.class_ if isinstance(strategy.class_, str) else import_path(strategy.class_)


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
    checked = prices if isinstance(prices, Prices) else Prices.from_frame(prices, "prices")
    subject = Subject(cls.__name__, cls, params, checked.frame, broker or BrokerConfig(), outside=checked.outside)
    return subject.with_fields(refits=refits, setup=setup, path=import_path(cls))
