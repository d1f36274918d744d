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

from lstmstrat.arrays import Floats, Ints, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.identity import Identity
from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.evaluation.metrics import periods_per_year
from lstmstrat.evaluation.timing import Positions
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.targets import labels
from lstmstrat.prices import Prices
from lstmstrat.prices.acceptance import all_faults
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.prices.faults import Fault
from lstmstrat.prices.levels import Levels
from lstmstrat.results.account import Account
from lstmstrat.results.base_run import BaseRun


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
class Run(BaseRun):
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
        super().__post_init__()
        if missing := {account.name for account in self.strategies} - self.code.keys():
            raise ValueError(f"code: there is none of {', '.join(sorted(missing))}")

    @property
    def symbol(self) -> str:
        """What the asset is called."""
        return self.prices.symbol

    @property
    def times(self) -> Times:
        """The times of all bars of the prices."""
        return self.prices.times

    @property
    def levels(self) -> Levels:
        """The closes by which the ledger knows the asset again."""
        return Levels.of(self.prices.times, self.prices.bars[:, CLOSE])

    @property
    def window(self) -> slice:
        """The bars of the prices that are the traded window."""
        return slice(len(self.prices.frame) - len(self.benchmark.equity), None)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """What cannot be true in the prices and in the peers, or is worth a look; marked where accepted."""
        return all_faults(self.prices, self.config.data)

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

    def positions(self, account: Account) -> Positions | None:
        """The positions of an account from each open to the next; before the first possible fill nothing is held.

        None if an order was filled inside a bar: the position at the close of that bar was not held since its
        open.
        """
        fills = account.orders.dropna(subset="executed")
        opens = self.prices.frame["open"].loc[fills["executed"]].to_numpy()
        deviations = np.abs(np.abs(fills["price"].to_numpy() / opens - 1.0) - self.config.broker.slippage)
        if (deviations > 1e-9).any():
            return None
        return Positions(
            held=account.exposure.to_numpy()[1:-1],
            asset=self.opens[2:] / self.opens[1:-1] - 1.0,
            filled=account.traded.to_numpy()[1:-1] > 0.0,
        )

    def fold_numbers(self, account: Account) -> Ints:
        """The number of the fold whose forecast came before each return, (n - 1,); all 0 without a forecast."""
        if account.forecasts is None:
            return np.zeros(self.returns.shape[1], dtype=np.int64)
        return self.align(account.forecasts).cut(self.window).fold[:-1]

    def forecast_of(self, account: Account) -> ForecastConfig | None:
        """The settings of the forecast that an account traded; None if it traded none."""
        return None if account.forecasts is None else account.forecasts.config

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
