"""Buy-and-hold and every strategy of a config, each with an account of its own: `simulate_all` -> `Runs`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstmstrat.config import Config, StrategyConfig
from lstmstrat.engine import Simulation, simulate
from lstmstrat.features import Floats, targets
from lstmstrat.folds import schedule
from lstmstrat.forecast import WalkForward
from lstmstrat.metrics import periods_per_year, returns
from lstmstrat.prices import Prices
from lstmstrat.strategy import BuyAndHold, load_strategy
from lstmstrat.trainer import Trainer

HOLD = "buy_and_hold"


@dataclass(frozen=True)
class Runs:
    """Simulations over the same traded window, and the walk-forward they traded on."""

    config: Config  # train_size in bars
    prices: Prices
    walk: WalkForward
    benchmark: Simulation
    strategies: tuple[Simulation, ...]

    def __post_init__(self) -> None:
        if any(not run.equity.index.equals(self.benchmark.equity.index) for run in self.strategies):
            raise ValueError("strategies and benchmark must be compared on the same dates; these indexes differ")

    @cached_property
    def periods(self) -> int:
        """Bars a year."""
        return self.config.report.periods_per_year or periods_per_year(pd.DatetimeIndex(self.prices.frame.index))

    @property
    def on_the_forecast(self) -> tuple[StrategyConfig, ...]:
        """The strategies that trade the forecast of the config, and not one of their own or none."""
        walks = {run.name: run.walk_forward for run in self.strategies if run.walk_forward}
        on = {name for name, walk in walks.items() if walk.config == self.config.forecast}
        return tuple(s for s in self.config.strategies if s.label in on)

    @cached_property
    def realised(self) -> Floats:
        """(n,) what each bar of the prices was to forecast."""
        return targets(self.prices.bars, self.walk.config)

    @cached_property
    def unseen(self) -> int:
        """Bars before the first one that the walk-forward was handed: an indicator as its data begins later."""
        times = self.walk.forecasts.times
        return int(np.searchsorted(self.prices.times, times[0])) if len(times) else 0

    @property
    def seen(self) -> pd.Index:
        """The times of the bars that the walk-forward was handed; its folds count these."""
        return self.prices.frame.index[self.unseen :]

    def on_bars(self, values: npt.NDArray[Any], missing: Any) -> npt.NDArray[Any]:
        """`values` of the bars that the walk-forward was handed, on all bars of the prices; (n,)."""
        rest = len(self.prices.frame) - self.unseen - len(values)  # all, where no strategy asks for a forecast
        return np.pad(values, (self.unseen, rest), constant_values=missing)

    @cached_property
    def traded_forecasts(self) -> tuple[Floats, Floats, Floats]:
        """Forecast, what was realised, and the mean label of the fold in use, at each close of the window."""
        given, bars = self.walk.forecasts, len(self.benchmark.equity)
        means = np.array([np.nan, *(fold.mean for fold in self.walk.folds)])
        forecast, mean = (self.on_bars(values, np.nan)[-bars:] for values in (given.forecast, means[given.fold]))
        return forecast, self.realised[-bars:], mean


def earned(run: Simulation) -> Floats:
    """Simple returns over the traded window, (n - 1,); see `metrics.returns`."""
    return np.asarray(returns(run.equity), dtype=np.float64)


def simulate_all(config: Config, prices: Prices, trainer: Trainer) -> Runs:
    """All accounts from the first forecast on; `config` has its train_size in bars, `trainer` must be active."""
    runs = tuple(simulate_one(config, prices, s) for s in config.strategies)
    walks = [run.walk_forward for run in runs if run.walk_forward]
    walks.sort(key=lambda walk: walk.config != config.forecast)  # those of the forecast: section first
    walk = walks[0] if walks else WalkForward(config.forecast, trainer)
    return Runs(config, prices, walk, hold(config, prices), runs)


def simulate_one(config: Config, prices: Prices, strategy: StrategyConfig) -> Simulation:
    """One strategy of a config."""
    cls = load_strategy(strategy.class_)
    return _simulated(config, prices, cls, dict(strategy.params), strategy.label, strategy.class_)


def hold(config: Config, prices: Prices) -> Simulation:
    """Buy-and-hold over the same window."""
    return _simulated(config, prices, BuyAndHold, {}, HOLD, f"{BuyAndHold.__module__}:{BuyAndHold.__name__}")


def _simulated(
    config: Config, prices: Prices, cls: type[Any], params: dict[str, Any], name: str, class_path: str
) -> Simulation:
    return simulate(
        prices,
        cls,
        params,
        config.broker,
        start=schedule(config.forecast).first_fit,
        name=name,
        class_path=class_path,
        forecast=config.forecast,
    )
