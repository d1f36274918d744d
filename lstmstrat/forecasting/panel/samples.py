"""What a fold learns from when it learns from many assets: the fold law across calendars.

Bars do not measure time between assets: one has holidays or a halt that another has not. So time is counted in
sessions, a session being a day (or an hour) on which any asset has a bar, and every sample carries the session at
which its label was known. A `PanelFold` that learns from a later one cannot be built.

Letters: D sessions so far, C sessions of a training set, N assets, n bars of one asset, m bars of a part, F
features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Bools, Floats, Ints
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.panel.relation import relative
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.targets import labels
from lstmstrat.forecasting.training_set import TrainingSet

NEVER = -1
"""In place of the session at which a label is known: there is none."""
LabelMaker = Callable[["Sequence[Bars]", Bools, Fold, ForecastConfig], tuple[Floats, Ints]]
"""`sample_labels`, or what stands in its place."""


@dataclass(frozen=True, eq=False)
class Bars:
    """The bars of one asset so far, with their features."""

    symbol: str
    sessions: Ints  # (n,) number of the session of each bar, ascending
    bars: Floats  # (n, 5)
    rows: Floats  # (n, F)


@dataclass(frozen=True, eq=False)
class Part:
    """The consecutive bars of one asset in the training set of a fold."""

    symbol: str
    rows: Floats  # (m, F)
    labels: Floats  # (m,) NaN at a bar that is no sample
    known: Ints  # (m,) the session at which the label is known; NEVER without a label
    sessions: Ints  # (m,) number of the session of each bar

    def only(self, kept: Bools, lookback: int) -> Part | None:
        """The samples `kept` (m,) alone, from a lookback before the first one on; None if there is none."""
        found = np.where(kept, self.labels, np.nan)
        samples = np.flatnonzero(np.isfinite(found))
        if not len(samples):
            return None
        bars = slice(max(0, int(samples[0]) - lookback + 1), int(samples[-1]) + 1)
        return Part(self.symbol, self.rows[bars], found[bars], self.known[bars], self.sessions[bars])


@dataclass(frozen=True, eq=False)
class PanelFold:
    """A fold over several assets, in order of their symbols; its positions count sessions.

    Raises
    ------
    ValueError
        A label was not known before the session at which the fold is fitted.
    """

    fold: Fold
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        for part in self.parts:
            late = np.isfinite(part.labels) & ((part.known >= self.fold.fitted_at) | (part.known == NEVER))
            if late.any():
                raise ValueError(
                    f"fold {self.fold.number}: a label of {part.symbol} is known at session "
                    f"{int(part.known[late].max())}, not before session {self.fold.fitted_at}, where it is fitted"
                )

    def training_set(self, lookback: int, loss_steps: int, validation: int = 0) -> TrainingSet:
        """The parts one behind the other, with `loss_steps` rows without a value between them.

        No window reaches across these rows, and no sequence of losses sees the asset before.

        Parameters
        ----------
        validation
            The newest sessions of the fold that are held out from training. They stand behind all others, and
            what was not known before the first of them is left out, as it is before the fold itself is fitted.
        """
        gap, first = max(loss_steps, 1), self.fold.cutoff + 1 - validation
        columns = self.parts[0].rows.shape[1]
        if not validation:
            return TrainingSet(*_joined(self.parts, gap, columns), lookback, self.fold.purge)
        learned = [part for each in self.parts if (part := each.only(each.known < first, lookback))]
        newest = [part for each in self.parts if (part := each.only(each.sessions >= first, lookback))]
        rows, labels = _joined([*learned, *newest], gap, columns)
        held_out = min(sum(gap + len(part.rows) for part in newest), len(rows))
        return TrainingSet(rows, labels, lookback, self.fold.purge, held_out)


def _joined(parts: Sequence[Part], gap: int, columns: int) -> tuple[Floats, Floats]:
    """Rows and labels of the parts, with `gap` rows without a value between them; read-only."""
    rows, labels = [np.empty((0, columns))], [np.empty(0)]
    for number, part in enumerate(parts):
        between = gap if number else 0
        rows += [np.full((between, columns), np.nan), part.rows]
        labels += [np.full(between, np.nan), part.labels]
    arrays = np.concatenate(rows), np.concatenate(labels)
    for array in arrays:
        array.flags.writeable = False  # a model that changed them would change what other members learn from
    return arrays


def sample_labels(
    assets: Sequence[Bars], members: Bools, fold: Fold, config: ForecastConfig
) -> tuple[Floats, Ints]:
    """The label of each asset at each session of a training set, and when it is known; (C, N) each.

    Only bars before the session `fold.fitted_at` are looked at. Under a relation a label is known when the labels
    of all members of its session are: one that is late by a session makes the day late, and one that is later
    takes no part in its day, which is known one session after the others are.

    Parameters
    ----------
    members
        (D, N) whether an asset is a member at a session.
    """
    returns, known = _returns(assets, fold, config)
    part = members[fold.first : fold.cutoff + 1] & _has_bar(assets, fold)  # (C, N)
    if config.relation == "none":
        good = part & (known != NEVER) & np.isfinite(returns)
        return np.where(good, returns, np.nan), np.where(good, known, NEVER)
    due = np.arange(fold.first, fold.cutoff + 1)[:, None] + fold.purge  # (C, 1) when it should be known
    in_time = part & (known != NEVER) & (known <= due + 1) & np.isfinite(returns)
    day = due + (part & ((known == NEVER) | (known > due))).any(axis=1, keepdims=True)  # (C, 1)
    in_time &= day < fold.fitted_at
    found = relative(np.where(in_time, returns, np.nan), config.relation, config.least_assets)
    return found, np.where(np.isfinite(found), day, NEVER)


def _returns(assets: Sequence[Bars], fold: Fold, config: ForecastConfig) -> tuple[Floats, Ints]:
    """The return of each asset from each session on, over its own bars, and when it is known; (C, N) each."""
    shape = fold.bars, len(assets)
    returns, known = np.full(shape, np.nan), np.full(shape, NEVER)
    for n, asset in enumerate(assets):
        low, high, end = np.searchsorted(asset.sessions, [fold.first, fold.cutoff + 1, fold.fitted_at])
        at, complete = asset.sessions[low:high] - fold.first, asset.sessions[low + fold.purge : end]
        returns[at, n] = labels(asset.bars[low:end], config)[: high - low]
        known[at[: len(complete)], n] = complete[: high - low]
    return returns, known


def _has_bar(assets: Sequence[Bars], fold: Fold) -> Bools:
    """Whether each asset has a bar at each session of a training set; (C, N)."""
    has = np.zeros((fold.bars, len(assets)), dtype=bool)
    for n, asset in enumerate(assets):
        low, high = np.searchsorted(asset.sessions, [fold.first, fold.cutoff + 1])
        has[asset.sessions[low:high] - fold.first, n] = True
    return has


def panel_fold(
    assets: Sequence[Bars], found: Floats, known: Ints, fold: Fold, lookback: int, chosen: Sequence[int]
) -> PanelFold:
    """The fold of the assets `chosen`, by their number, from the labels of `sample_labels`."""
    parts = (_part(assets[n], found[:, n], known[:, n], fold, lookback) for n in chosen)
    return PanelFold(fold, tuple(part for part in parts if part is not None))


def _part(asset: Bars, found: Floats, known: Ints, fold: Fold, lookback: int) -> Part | None:
    """The bars from a lookback before the first label to the last one; None without a label."""
    low, high = np.searchsorted(asset.sessions, [fold.first, fold.cutoff + 1])
    sessions = asset.sessions[low:high]
    at = sessions - fold.first
    return Part(asset.symbol, asset.rows[low:high], found[at], known[at], sessions).only(at >= 0, lookback)
