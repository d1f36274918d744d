"""`BaseRun`: the accounts of a run over one traded window, of one asset or of a universe.

What judges a strategy needs no more than this: `Run` adds the prices and forecasts of one asset, `PanelRun` those
of a universe.

Letters: n sessions of the traded window, S strategies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats, Ints, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import Config
from lstmstrat.evaluation.calendar import Calendar
from lstmstrat.evaluation.timing import Positions
from lstmstrat.prices.levels import Levels
from lstmstrat.results.account import Account


class BaseRun(ABC):
    """Holding and every strategy of a config over the same traded window.

    Raises
    ------
    ValueError
        The accounts cover different sessions.
    """

    config: Config
    benchmark: Account
    strategies: tuple[Account, ...]

    def __post_init__(self) -> None:
        if any(not account.equity.index.equals(self.benchmark.equity.index) for account in self.strategies):
            raise ValueError("strategies and benchmark must be compared on the same dates; these indexes differ")

    @property
    @abstractmethod
    def symbol(self) -> str:
        """What the asset, or the universe, is called."""

    @property
    @abstractmethod
    def times(self) -> Times:
        """The times of all bars or sessions of the data."""

    @property
    @abstractmethod
    def levels(self) -> Levels:
        """The closes by which the ledger knows the asset or the universe again."""

    @abstractmethod
    def positions(self, account: Account) -> Positions | None:
        """What an account held from each open to the next; None where that is not one position in one asset."""

    @abstractmethod
    def fold_numbers(self, account: Account) -> Ints:
        """The number of the fold whose forecast came before each return of an account, (n - 1,); 0 for none."""

    @abstractmethod
    def forecast_of(self, account: Account) -> ForecastConfig | None:
        """The settings of the forecast that an account traded; None if it traded none."""

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Holding, then the strategies."""
        return self.benchmark, *self.strategies

    @property
    def dates(self) -> pd.DatetimeIndex:
        """The times of the closes of the traded window; (n,)."""
        return pd.DatetimeIndex(self.benchmark.equity.index)

    @cached_property
    def calendar(self) -> Calendar:
        """The calendar that the data show."""
        return Calendar(self.times)

    @cached_property
    def periods(self) -> float:
        """Sessions a year: the number in the config, or else the one that the calendar shows."""
        return self.config.report.periods_per_year or self.calendar_periods

    @property
    def calendar_periods(self) -> float:
        """Sessions a year that the calendar shows. What decides an edge asks for these: no config changes it."""
        return self.calendar.bars_a_year

    @cached_property
    def returns(self) -> Floats:
        """(1 + S, n - 1) simple returns of `accounts`."""
        return np.stack([account.returns for account in self.accounts])
