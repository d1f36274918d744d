"""Which bars may train the network that is used at bar t: the fold law, and nothing else.

    bars         0 ......................................................... n-1
    fold 1       [== train_size ==]|purge|fit ---- used ---->
    fold 2              [== train_size ==]|purge|fit ---- used ---->          (rolling)
    fold 2       [==== all so far ======]|purge|fit ---- used ---->           (expanding)

A fold is fitted at the close of bar `fitted_at`, from samples `first` to `cutoff`. The label of the sample at
`cutoff` was complete one bar before `fitted_at`; so the bar of the fitting itself never enters its training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lstmstrat.config import ForecastConfig
from lstmstrat.errors import ConfigError
from lstmstrat.features import Times, feature_set

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fold:
    """One fitting of the walk-forward. All numbers are positions of bars, counted from 0.

    Raises
    ------
    ValueError
        A label of the training slice would reach the fitting bar: such a fold cannot be built.
    """

    number: int  # 1 for the first
    first: int  # oldest bar of the training slice
    cutoff: int  # newest bar of the training slice: the last bar whose label is used
    fitted_at: int  # fitted at the close of this bar, and first used there
    purge: int  # bars between cutoff and fitted_at that no fold may use

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.cutoff:
            raise ValueError(f"fold {self.number}: empty training slice {self.first}..{self.cutoff}")
        if self.purge < 1 or self.cutoff + self.purge >= self.fitted_at:
            raise ValueError(
                f"fold {self.number}: the label of bar {self.cutoff} is complete at bar "
                f"{self.cutoff + self.purge}, which must lie before the fitting bar {self.fitted_at}"
            )

    @property
    def bars(self) -> int:
        """Length of the training slice."""
        return self.cutoff - self.first + 1


@dataclass(frozen=True)
class Schedule:
    """When folds are fitted and what they train on, for one config."""

    train_size: int
    refit_every: int | str
    mode: Literal["rolling", "expanding"]
    purge: int
    warmup: int

    @property
    def first_fit(self) -> int:
        """The bar of the first fold and the first forecast: warmup + train_size + purge."""
        return self.warmup + self.train_size + self.purge

    def folds(
        self, times: Times, start: int = 0, previous: Fold | None = None, asked: Bools | None = None
    ) -> Iterator[Fold]:
        """The folds fitted at bars `start` to the end of `times` (n,), after fold `previous`.

        `asked` (n,) marks the bars where the user's own condition wants a refit, beside `refit_every`. What comes
        out for a bar depends on the bars up to it alone, so any cut into chunks gives the same folds.
        """
        for t in range(max(start, self.first_fit), len(times)):
            wanted = asked is not None and bool(asked[t])
            if previous is None or wanted or self._due(t, previous.fitted_at, times):
                previous = self._fold(previous.number + 1 if previous else 1, t)
                yield previous

    def _due(self, t: int, last: int, times: Times) -> bool:
        if self.refit_every == "never":
            return False
        if isinstance(self.refit_every, int):
            return t - last >= self.refit_every
        return _period(times[t], self.refit_every) != _period(times[t - 1], self.refit_every)

    def _fold(self, number: int, t: int) -> Fold:
        cutoff = t - self.purge - 1
        first = self.warmup if self.mode == "expanding" else cutoff - self.train_size + 1
        return Fold(number, first, cutoff, t, self.purge)


def _period(time: np.datetime64, name: str) -> int:
    """The number of the week (Monday to Sunday), month, quarter or year that `time` lies in."""
    if name == "week":
        return (int(time.astype("datetime64[D]").astype(np.int64)) + 3) // 7  # 1970-01-01 was a Thursday
    months = int(time.astype("datetime64[M]").astype(np.int64))
    return months // {"month": 1, "quarter": 3, "year": 12}[name]


def schedule(config: ForecastConfig) -> Schedule:
    """The walk-forward schedule of `config`, whose train_size is a number of bars.

    Raises
    ------
    ConfigError
        A fraction as train_size (see `resolved`), or an unknown feature.
    """
    size = config.train_size
    if isinstance(size, float):
        raise ConfigError(
            f"train_size: {size} is a fraction of data whose length is not known here; give a number of bars"
        )
    return Schedule(size, config.refit_every, config.mode, config.purge, feature_set(config.features).warmup)


def resolved(config: ForecastConfig, bars: int) -> ForecastConfig:
    """`config` with a fractional train_size turned into bars: the training part ends at that share of all bars."""
    if isinstance(config.train_size, int):
        return config
    size = int(config.train_size * bars) - feature_set(config.features).warmup
    return config.model_copy(update={"train_size": size})
