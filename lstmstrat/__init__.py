"""Walk-forward retrained LSTM forecasts for Backtrader, reported honestly against buy-and-hold.

    from lstmstrat import LSTMForecast, ForecastStrategy

Names are loaded when first used, so that importing one does not pay for the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "BrokerConfig": "config",
    "Config": "config",
    "ConfigError": "errors",
    "DataConfig": "config",
    "DataError": "errors",
    "ExposureStrategy": "strategy",
    "ForecastConfig": "config",
    "ForecastStrategy": "strategy",
    "LSTMForecast": "indicator",
    "LSTMStratError": "errors",
    "Store": "store",
    "StrategyConfig": "config",
    "StrategyError": "errors",
    "Trainer": "trainer",
    "WalkForward": "forecast",
    "plot": "plotting",
    "audit": "audit",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from lstmstrat.audit import audit as audit
    from lstmstrat.config import BrokerConfig as BrokerConfig
    from lstmstrat.config import Config as Config
    from lstmstrat.config import DataConfig as DataConfig
    from lstmstrat.config import ForecastConfig as ForecastConfig
    from lstmstrat.config import StrategyConfig as StrategyConfig
    from lstmstrat.errors import ConfigError as ConfigError
    from lstmstrat.errors import DataError as DataError
    from lstmstrat.errors import LSTMStratError as LSTMStratError
    from lstmstrat.errors import StrategyError as StrategyError
    from lstmstrat.forecast import WalkForward as WalkForward
    from lstmstrat.indicator import LSTMForecast as LSTMForecast
    from lstmstrat.plotting import plot as plot
    from lstmstrat.store import Store as Store
    from lstmstrat.strategy import ExposureStrategy as ExposureStrategy
    from lstmstrat.strategy import ForecastStrategy as ForecastStrategy
    from lstmstrat.trainer import Trainer as Trainer


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lstmstrat' has no attribute {name!r}")
    module = import_module(f"lstmstrat.{_HOME[name]}")
    return module if name == _HOME[name] else getattr(module, name)  # `audit` is a module that can be called


def __dir__() -> list[str]:
    return sorted(__all__)
