"""Buy-and-hold and every strategy of a config, each with an account of its own: `simulate_all` -> `Runs`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lstmstrat.config import Config
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

    @cached_property
    def realised(self) -> Floats:
        """(n,) what each bar of the prices was to forecast."""
        return targets(self.prices.bars, self.walk.config)

    @cached_property
    def traded_forecasts(self) -> tuple[Floats, Floats, Floats]:
        """Forecast, what was realised, and the mean label of the fold in use, at each close of the window."""
        given, bars = self.walk.forecasts, len(self.benchmark.equity)
        missing = len(self.prices.frame) - len(given.forecast)  # a run without a forecast hands no bars over
        means = np.array([np.nan, *(fold.mean for fold in self.walk.folds)])
        forecast, mean = (
            np.pad(values, (0, missing), constant_values=np.nan)[-bars:]
            for values in (given.forecast, means[given.fold])
        )
        return forecast, self.realised[-bars:], mean


def earned(run: Simulation) -> Floats:
    """Simple returns over the traded window, (n - 1,); see `metrics.returns`."""
    return np.asarray(returns(run.equity), dtype=np.float64)


def simulate_all(config: Config, prices: Prices, trainer: Trainer) -> Runs:
    """All accounts from the first forecast on; `config` has its train_size in bars, `trainer` must be active."""
    start = schedule(config.forecast).first_fit
    home = f"{BuyAndHold.__module__}:{BuyAndHold.__name__}"
    wanted = [
        (HOLD, home, BuyAndHold, {}),
        *((s.label, s.class_, load_strategy(s.class_), dict(s.params)) for s in config.strategies),
    ]
    hold, *runs = (
        simulate(prices, cls, p, config.broker, start=start, name=n, class_path=path, forecast=config.forecast)
        for n, path, cls, p in wanted
    )
    walks = [run.walk_forward for run in runs if run.walk_forward]
    walks.sort(key=lambda walk: walk.config != config.forecast)  # those of the forecast: section first
    walk = [*walks, WalkForward(config.forecast, trainer)][0]
    return Runs(config, prices, walk, hold, tuple(runs))
