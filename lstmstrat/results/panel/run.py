"""`PanelRun`: the accounts, the panel and the forecasts of a run over a universe.

Letters: D sessions, N assets, n sessions of the traded window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmstrat.arrays import Floats, Ints, Times, sliding
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import Config
from lstmstrat.evaluation.timing import Positions
from lstmstrat.forecasting.panel.forecasts import PanelForecasts
from lstmstrat.forecasting.targets import labels
from lstmstrat.prices.bars import CLOSE
from lstmstrat.prices.levels import Levels
from lstmstrat.prices.panel import RESTS, Panel, days_of_sessions
from lstmstrat.results.account import Account
from lstmstrat.results.base_run import BaseRun


@dataclass(frozen=True, eq=False)
class PanelRun(BaseRun):
    """A portfolio of a universe beside the equal-weight hold of its members, over the same traded window.

    Raises
    ------
    ValueError
        The accounts cover different sessions, or the forecasts are those of other assets.
    """

    config: Config
    panel: Panel
    benchmark: Account
    strategies: tuple[Account, ...]
    forecasts: PanelForecasts
    gross: Floats  # (n,) exposure of the portfolio at each close, long and short added up

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.forecasts.symbols != self.panel.symbols:
            raise ValueError("the forecasts are those of other assets than the panel has")

    @property
    def symbol(self) -> str:
        """What the universe is called."""
        return self.config.data.symbol

    @property
    def times(self) -> Times:
        """The times of all sessions of the panel."""
        return self.panel.times

    @property
    def levels(self) -> Levels:
        """An index of the members with equal weights, by which the ledger knows the universe again."""
        closes, member = self.panel.bars[:, :, CLOSE], self.panel.members
        moves = np.log(closes[1:] / closes[:-1])
        both = member[1:] & member[:-1] & np.isfinite(moves)
        mean = np.where(both, moves, 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
        return Levels.of(self.panel.times, np.exp(np.concatenate([[0.0], np.cumsum(mean)])))

    @property
    def window(self) -> slice:
        """The sessions of the panel that are the traded window."""
        return slice(len(self.panel.times) - len(self.benchmark.equity), None)

    def positions(self, account: Account) -> Positions | None:
        """None: a portfolio is not one position in one asset."""
        return None

    def fold_numbers(self, account: Account) -> Ints:
        """The number of the fold whose forecast came before each return, (n - 1,)."""
        numbers: Ints = self.forecasts.fold[self.window][:-1]
        return numbers if account is not self.benchmark else np.zeros_like(numbers)

    def forecast_of(self, account: Account) -> ForecastConfig | None:
        """The settings of the forecast that the portfolio traded."""
        return None if account is self.benchmark else self.forecasts.config

    @cached_property
    def realised(self) -> Floats:
        """What an order made at each close earns over the horizon, on its bars; (D, N) log returns."""
        return self._returns(self.forecasts.config)

    @cached_property
    def next_session(self) -> Floats:
        """What an order made at each close earns over one bar of its asset; (D, N) log returns."""
        return self._returns(self.forecasts.config.model_copy(update={"horizon": 1}))

    def _returns(self, config: ForecastConfig) -> Floats:
        """The label of each bar; (D, N), NaN where it reaches over more days than an asset may rest."""
        bars, day = self.panel.bars, days_of_sessions(self.panel.times)
        found = np.full(bars.shape[:2], np.nan)
        for n in range(bars.shape[1]):
            own = np.isfinite(bars[:, n]).any(axis=1)
            before_hole = np.diff(day[own], append=day[-1:]) > RESTS + 1
            reach = sliding(np.append(before_hole, [False] * config.purge), config.purge)[:-1]  # (n, purge)
            found[own, n] = np.where(np.logical_or.reduce(reach, axis=1), np.nan, labels(bars[own, n], config))
        return found
