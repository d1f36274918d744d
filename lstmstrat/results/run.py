"""`Run`: the accounts and the forecasts of a run, aligned on its bars. No other module aligns them.

Letters: N bars of the prices, n bars of the traded window, S strategies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats, Ints
from lstmstrat.config.identity import Identity
from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.evaluation.calendar import Calendar
from lstmstrat.evaluation.metrics import periods_per_year
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.targets import labels
from lstmstrat.prices import Prices
from lstmstrat.prices.acceptance import all_faults
from lstmstrat.prices.bars import OPEN
from lstmstrat.prices.faults import Fault
from lstmstrat.results.account import Account


class Aligned(NamedTuple):
    """The forecasts of a walk-forward and the realised returns, one row per bar; NaN where there is none."""

    forecast: Floats
    spread: Floats
    distance: Floats
    sigma: Floats
    up: Floats
    quantiles: Floats  # (N, Q)
    linear: Floats  # the forecast of the linear part alone
    fold: Ints  # number of the fold in use, 0 for none
    realised: Floats  # the label of the bar: the return that is forecast
    past_mean: Floats  # mean label of the training set of the fold in use

    def cut(self, bars: slice) -> Aligned:
        """The rows of these bars."""
        return Aligned._make(line[bars] for line in self)


@dataclass(frozen=True, eq=False)
class Run:
    """Buy-and-hold and every strategy of a config over the same traded window, with the forecasts they traded on.

    Raises
    ------
    ValueError
        The accounts cover different bars, or the code of an account's strategy is missing.
    """

    config: Config  # train_size in bars
    prices: Prices
    benchmark: Account
    strategies: tuple[Account, ...]
    forecasts: Forecasts  # of the `forecast:` section, or else of the first strategy with its own; may be empty
    code: Mapping[str, Identity]  # of each strategy, by its name; taken before anything ran

    def __post_init__(self) -> None:
        if any(not account.equity.index.equals(self.benchmark.equity.index) for account in self.strategies):
            raise ValueError("strategies and benchmark must be compared on the same dates; these indexes differ")
        if missing := {account.name for account in self.strategies} - self.code.keys():
            raise ValueError(f"code: there is none of {', '.join(sorted(missing))}")

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Buy-and-hold, then the strategies."""
        return self.benchmark, *self.strategies

    @property
    def dates(self) -> pd.DatetimeIndex:
        """The times of the closes of the traded window; (n,)."""
        return pd.DatetimeIndex(self.benchmark.equity.index)

    @property
    def window(self) -> slice:
        """The bars of the prices that are the traded window."""
        return slice(len(self.prices.frame) - len(self.benchmark.equity), None)

    @cached_property
    def periods(self) -> float:
        """Bars a year."""
        return bars_a_year(self.config, self.prices)

    @cached_property
    def calendar_periods(self) -> float:
        """Bars a year that the calendar shows. What decides an edge asks for these: no config can claim others."""
        return self.calendar.bars_a_year

    @cached_property
    def calendar(self) -> Calendar:
        """The calendar that all bars of the prices show."""
        return Calendar(self.prices.times)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """What cannot be true in the prices and in the peers, or is worth a look; marked where accepted."""
        return all_faults(self.prices, self.config.data)

    @cached_property
    def returns(self) -> Floats:
        """(1 + S, n - 1) simple returns of `accounts`."""
        return np.stack([account.returns for account in self.accounts])

    @property
    def opens(self) -> Floats:
        """The open prices of the traded window; (n,)."""
        return self.prices.bars[self.window, OPEN]

    @cached_property
    def aligned(self) -> Aligned:
        """`forecasts`, aligned on the bars of the prices; (N,) each."""
        return self.align(self.forecasts)

    @cached_property
    def traded(self) -> Aligned:
        """`forecasts`, aligned on the traded window; (n,) each."""
        return self.aligned.cut(self.window)

    def align(self, forecasts: Forecasts) -> Aligned:
        """The given forecasts, aligned on the bars of the prices; (N,) each."""
        padding = (self.before(forecasts), 0)
        means = np.array([np.nan, *(record.mean for record in forecasts.folds)])
        return Aligned(
            forecast=np.pad(forecasts.forecast, padding, constant_values=np.nan),
            spread=np.pad(forecasts.spread, padding, constant_values=np.nan),
            distance=np.pad(forecasts.distance, padding, constant_values=np.nan),
            sigma=np.pad(forecasts.sigma, padding, constant_values=np.nan),
            up=np.pad(forecasts.up, padding, constant_values=np.nan),
            quantiles=np.pad(forecasts.quantiles, (padding, (0, 0)), constant_values=np.nan),
            linear=np.pad(forecasts.linear, padding, constant_values=np.nan),
            fold=np.pad(forecasts.fold, padding, constant_values=0),
            realised=labels(self.prices.bars, forecasts.config),
            past_mean=np.pad(means[forecasts.fold], padding, constant_values=np.nan),
        )

    def before(self, forecasts: Forecasts) -> int:
        """The number of bars of the prices before the first bar of the walk-forward.

        The positions in its folds are counted from that bar. The number is above 0 if the walk-forward forecasts
        an indicator, whose values begin later.
        """
        return len(self.prices.frame) - len(forecasts.times)

    def strategy_of(self, account: Account) -> StrategyConfig:
        """The entry of the config that the account of a strategy belongs to."""
        return next(strategy for strategy in self.config.strategies if strategy.label == account.name)

    @property
    def on_the_forecast(self) -> tuple[StrategyConfig, ...]:
        """The strategies that trade the forecast of the config, not those with one of their own or without one."""
        names = {account.name for account in self.strategies if _trades_forecast_of(self.config, account)}
        return tuple(s for s in self.config.strategies if s.label in names)


def bars_a_year(config: Config, prices: Prices) -> float:
    """Bars a year: the number in the config, or else the one that the calendar of the prices shows."""
    return config.report.periods_per_year or periods_per_year(pd.DatetimeIndex(prices.frame.index))


def _trades_forecast_of(config: Config, account: Account) -> bool:
    return account.forecasts is not None and account.forecasts.config == config.forecast
