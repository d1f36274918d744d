"""Walk-forward LSTM forecasts for Backtrader, compared honestly with buy-and-hold.

    from lstmstrat import LSTMForecast, ForecastStrategy

A name is loaded when it is first used, so that importing one name does not load the modules of the others.
"""

from __future__ import annotations

from importlib import import_module

from lstmstrat.version import __version__ as __version__

_HOME = {
    # a run
    "run": "study.run:run",
    "load_config": "study.prepare:load_config",
    "load_prices": "prices.sources:load",
    "load_panel": "prices.panel_sources:load_panel",
    "load_run": "report.result:load_run",
    "audit": "audit",  # a module that can be called
    "judge": "study.outside:judge",
    "compare": "study.calls:compare",
    "sweep": "study.calls:sweep",
    "plot": "trading.plotting:plot",
    # values
    "Prices": "prices.prices:Prices",
    "Panel": "prices.panel:Panel",
    "Result": "report.result:Result",
    "Assessment": "results.assessment:Assessment",
    "Forecasts": "forecasting.forecasts:Forecasts",
    "Config": "config.schema:Config",
    "DataConfig": "config.data:DataConfig",
    "ForecastConfig": "config.forecast:ForecastConfig",
    "BrokerConfig": "config.schema:BrokerConfig",
    "StrategyConfig": "config.schema:StrategyConfig",
    "ReportConfig": "config.schema:ReportConfig",
    "PortfolioConfig": "config.portfolio:PortfolioConfig",
    # in Backtrader
    "LSTMForecast": "trading.indicator:LSTMForecast",
    "ExposureStrategy": "trading.strategy:ExposureStrategy",
    "ForecastStrategy": "trading.strategy:ForecastStrategy",
    "BuyAndHold": "trading.strategy:BuyAndHold",
    # without Backtrader
    "WalkForward": "forecasting.walk_forward:WalkForward",
    "PanelForward": "forecasting.panel.forward:PanelForward",
    "Schedule": "forecasting.schedule:Schedule",
    "Session": "forecasting.session:Session",
    "cluster": "study.cluster.connect:cluster",
    "Store": "store:Store",
    "Ledger": "ledger:Ledger",
    # for a model of your own
    "Model": "forecasting.models.base:Model",
    "FittedModel": "forecasting.models.base:FittedModel",
    "TorchModel": "forecasting.models.torch_model:TorchModel",
    "TrainingSet": "forecasting.training_set:TrainingSet",
    # errors
    "LSTMStratError": "errors:LSTMStratError",
    "ConfigError": "errors:ConfigError",
    "DataError": "errors:DataError",
    "StrategyError": "errors:StrategyError",
}

__all__ = ["__version__", *_HOME]

TYPE_CHECKING = False  # typing takes longer to import than all that is here, and Ctrl-C in it is a traceback
if TYPE_CHECKING:
    from typing import Any

    from lstmstrat.audit import audit as audit
    from lstmstrat.config.data import DataConfig as DataConfig
    from lstmstrat.config.forecast import ForecastConfig as ForecastConfig
    from lstmstrat.config.portfolio import PortfolioConfig as PortfolioConfig
    from lstmstrat.config.schema import BrokerConfig as BrokerConfig
    from lstmstrat.config.schema import Config as Config
    from lstmstrat.config.schema import ReportConfig as ReportConfig
    from lstmstrat.config.schema import StrategyConfig as StrategyConfig
    from lstmstrat.errors import ConfigError as ConfigError
    from lstmstrat.errors import DataError as DataError
    from lstmstrat.errors import LSTMStratError as LSTMStratError
    from lstmstrat.errors import StrategyError as StrategyError
    from lstmstrat.forecasting.forecasts import Forecasts as Forecasts
    from lstmstrat.forecasting.models.base import FittedModel as FittedModel
    from lstmstrat.forecasting.models.base import Model as Model
    from lstmstrat.forecasting.models.torch_model import TorchModel as TorchModel
    from lstmstrat.forecasting.panel.forward import PanelForward as PanelForward
    from lstmstrat.forecasting.schedule import Schedule as Schedule
    from lstmstrat.forecasting.session import Session as Session
    from lstmstrat.forecasting.training_set import TrainingSet as TrainingSet
    from lstmstrat.forecasting.walk_forward import WalkForward as WalkForward
    from lstmstrat.ledger import Ledger as Ledger
    from lstmstrat.prices import Prices as Prices
    from lstmstrat.prices import load as load_prices  # noqa: F401
    from lstmstrat.prices.panel import Panel as Panel
    from lstmstrat.prices.panel_sources import load_panel as load_panel
    from lstmstrat.report.result import Result as Result
    from lstmstrat.report.result import load_run as load_run
    from lstmstrat.results.assessment import Assessment as Assessment
    from lstmstrat.store import Store as Store
    from lstmstrat.study.calls import compare as compare
    from lstmstrat.study.calls import sweep as sweep
    from lstmstrat.study.cluster.connect import cluster as cluster
    from lstmstrat.study.outside import judge as judge
    from lstmstrat.study.prepare import load_config as load_config
    from lstmstrat.study.run import run as run
    from lstmstrat.trading.indicator import LSTMForecast as LSTMForecast
    from lstmstrat.trading.plotting import plot as plot
    from lstmstrat.trading.strategy import BuyAndHold as BuyAndHold
    from lstmstrat.trading.strategy import ExposureStrategy as ExposureStrategy
    from lstmstrat.trading.strategy import ForecastStrategy as ForecastStrategy


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lstmstrat' has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    home = import_module(f"lstmstrat.{module}")
    return getattr(home, attribute) if attribute else home


def __dir__() -> list[str]:
    return sorted(__all__)
