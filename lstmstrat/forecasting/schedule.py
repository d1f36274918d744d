"""Which bars may train the model that forecasts bar t: the fold law.

    bars         0 ......................................................... n-1
    fold 1       [== train_size ==]|purge|fit ---- used ---->
    fold 2              [== train_size ==]|purge|fit ---- used ---->          (rolling)
    fold 2       [==== all so far ======]|purge|fit ---- used ---->           (expanding, up to max_train_size)

A fold is fitted at the close of bar `fitted_at`, from samples `first` to `cutoff`. The label of the sample at
`cutoff` is complete one bar before `fitted_at`, so the fitting bar itself is never part of the training set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstmstrat.arrays import Bools, Ints, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.features import feature_set


@dataclass(frozen=True)
class Fold:
    """One fit of the walk-forward. All bars are positions, counted from 0.

    Raises
    ------
    ValueError
        The training set is empty, or one of its labels would reach the fitting bar.
    """

    number: int  # 1 for the first
    first: int  # oldest bar of the training set
    cutoff: int  # newest bar of the training set: the last bar whose label is used
    fitted_at: int  # the fold is fitted at the close of this bar, and its first forecast is there too
    purge: int  # number of bars between cutoff and fitted_at, which the fold does not use

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.cutoff:
            raise ValueError(f"fold {self.number}: empty training set {self.first}..{self.cutoff}")
        if self.purge < 1 or self.cutoff + self.purge >= self.fitted_at:
            raise ValueError(
                f"fold {self.number}: the label of bar {self.cutoff} is complete at bar "
                f"{self.cutoff + self.purge}, which must lie before the fitting bar {self.fitted_at}"
            )

    @property
    def bars(self) -> int:
        """The number of bars in the training set."""
        return self.cutoff - self.first + 1

    def __str__(self) -> str:
        purge, fit = f"purge {self.cutoff + 1} to {self.fitted_at - 1}", f"fitted at {self.fitted_at}"
        return f"fold {self.number}: trained on bars {self.first} to {self.cutoff}, {purge}, {fit}"


@dataclass(frozen=True)
class Schedule:
    """When folds are fitted and on which bars, for one config."""

    train_size: int
    refit_every: int | str
    mode: Literal["rolling", "expanding"]
    purge: int
    warmup: int
    max_train_size: int = 5000  # of mode "expanding", or train_size if that is more

    @property
    def first_fit(self) -> int:
        """The bar of the first fold and the first forecast: warmup + train_size + purge."""
        return self.warmup + self.train_size + self.purge

    def folds(
        self, times: Times, start: int = 0, previous: Fold | None = None, refit: Bools | None = None
    ) -> Iterator[Fold]:
        """The folds fitted at bars `start` to the end of `times`.

        Parameters
        ----------
        times
            (n,) datetime64 of every bar so far.
        start
            The first bar to look at. Whether a fold is fitted at a bar depends on the bars up to it alone, so any
            cut into chunks gives the same folds.
        previous
            The last fold fitted before `start`.
        refit
            (n,) True where a user's condition asks for a refit, in addition to `refit_every`.

        Examples
        --------
        A training set of four bars, a purge of 2 (``target: open``, ``horizon: 1``), a refit every third bar:

        >>> import numpy as np
        >>> times = np.datetime64("2024-01-01") + np.arange(14)
        >>> rolling = Schedule(train_size=4, refit_every=3, mode="rolling", purge=2, warmup=1)
        >>> for fold in rolling.folds(times):
        ...     print(fold)
        fold 1: trained on bars 1 to 4, purge 5 to 6, fitted at 7
        fold 2: trained on bars 4 to 7, purge 8 to 9, fitted at 10
        fold 3: trained on bars 7 to 10, purge 11 to 12, fitted at 13

        The same with an expanding training set:

        >>> expanding = Schedule(train_size=4, refit_every=3, mode="expanding", purge=2, warmup=1)
        >>> [(fold.first, fold.cutoff, fold.fitted_at) for fold in expanding.folds(times)]
        [(1, 4, 7), (1, 7, 10), (1, 10, 13)]

        The same with at most five bars:

        >>> limited = Schedule(train_size=4, refit_every=3, mode="expanding", purge=2, warmup=1, max_train_size=5)
        >>> [(fold.first, fold.cutoff, fold.fitted_at) for fold in limited.folds(times)]
        [(1, 4, 7), (3, 7, 10), (6, 10, 13)]

        A refit at the first bar of each week (2024-01-01 was a Monday):

        >>> weekly = Schedule(train_size=4, refit_every="week", mode="rolling", purge=2, warmup=0)
        >>> [str(times[fold.fitted_at]) for fold in weekly.folds(times)]
        ['2024-01-07', '2024-01-08']

        A single fit, as in the classical split:

        >>> never = Schedule(train_size=4, refit_every="never", mode="rolling", purge=2, warmup=1)
        >>> [fold.fitted_at for fold in never.folds(times)]
        [7]
        """
        for t in range(max(start, self.first_fit), len(times)):
            condition = refit is not None and bool(refit[t])
            if previous is None or condition or self._is_due(t, previous.fitted_at, times):
                previous = self._fold(previous.number + 1 if previous else 1, t)
                yield previous

    def split(self, n: int | Times) -> Iterator[tuple[Ints, Ints]]:
        """The training and test bars of each fold, as a scikit-learn splitter returns them.

        Parameters
        ----------
        n
            The number of bars, or their times (n,), which a refit by the calendar needs.

        Yields
        ------
        (bars of the training set, bars that the fold forecasts): positions from 0. The purge lies between them.

        Raises
        ------
        ValueError
            `n` is a number and `refit_every` is a period of the calendar.

        Examples
        --------
        >>> schedule = Schedule(train_size=4, refit_every=3, mode="rolling", purge=2, warmup=1)
        >>> for train, test in schedule.split(12):
        ...     print(train, test)
        [1 2 3 4] [7 8 9]
        [4 5 6 7] [10 11]
        """
        if isinstance(n, (int, np.integer)):
            if isinstance(self.refit_every, str) and self.refit_every != "never":
                raise ValueError(f"refit_every: {self.refit_every} needs the times of the bars; pass them for n")
            n = np.arange(int(n)).astype("datetime64[D]")
        folds = list(self.folds(n))
        ends = [fold.fitted_at for fold in folds[1:]] + [len(n)]
        for fold, end in zip(folds, ends, strict=True):
            yield np.arange(fold.first, fold.cutoff + 1), np.arange(fold.fitted_at, end)

    def _is_due(self, t: int, last: int, times: Times) -> bool:
        if self.refit_every == "never":
            return False
        if isinstance(self.refit_every, int):
            return t - last >= self.refit_every
        return _period(times[t], self.refit_every) != _period(times[t - 1], self.refit_every)

    def _fold(self, number: int, t: int) -> Fold:
        cutoff = t - self.purge - 1
        most = max(self.max_train_size, self.train_size) if self.mode == "expanding" else self.train_size
        first = max(self.warmup, cutoff - most + 1)
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
        train_size is a fraction (see `resolved`), or a feature is unknown.
    """
    size = config.train_size
    if isinstance(size, float):
        raise ConfigError(
            f"train_size: {size} is a fraction of data whose length is not known here; give a number of bars"
        )
    warmup = feature_set(config.features).warmup
    return Schedule(size, config.refit_every, config.mode, config.purge, warmup, config.max_train_size)


def resolved(config: ForecastConfig, bars: int) -> ForecastConfig:
    """`config` with a fractional train_size turned into bars: the training set ends at that share of all bars."""
    if isinstance(config.train_size, int):
        return config
    size = int(config.train_size * bars) - feature_set(config.features).warmup
    return config.model_copy(update={"train_size": size})
