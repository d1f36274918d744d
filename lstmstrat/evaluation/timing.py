"""Timing of the positions: a strategy against its own positions in a random order, before costs.

A position path is the exposure, the part of the account that is invested, from each open to the next. Orders are
filled at opens, so this exposure earns the return between the two opens. Costs are left out: a shuffle changes the
trades between the holdings, so it would pay more or less than the strategy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstmstrat.arrays import Floats, Indexes
from lstmstrat.evaluation.bootstrap import MIN_RETURNS
from lstmstrat.evaluation.metrics import sharpe

FIRST, SECOND = 40, 50  # random orders of the holdings; a shuffle is one of the first put into one of the second
SHUFFLES = FIRST * SECOND  # a p-value of 5 % is known to 0.5 %
BAND = 0.90  # share of the shuffles between low and high


@dataclass(frozen=True)
class Positions:
    """Exposure and return of the asset from each open to the next; n bars."""

    held: Floats  # (n,) exposure: 1 all in, negative short
    asset: Floats  # (n,) simple return from the open of the bar to the open of the next
    filled: npt.NDArray[np.bool_]  # (n,) an order was filled at the open of this bar

    def __post_init__(self) -> None:
        if not len(self.held) == len(self.asset) == len(self.filled):
            raise ValueError("held, asset and filled cover different bars")


@dataclass(frozen=True)
class Placebo:
    """A strategy against shuffles of its holdings: the same positions for as long, in a random order."""

    sharpe: float | None  # of the strategy itself, annual, before costs
    low: float | None  # 5 % of the shuffles are below
    median: float | None
    high: float | None  # 5 % are above
    p_value: float | None  # one-sided: share of shuffles at least as good, the strategy counted as one of them
    score: float | None  # standard deviations of the shuffles by which the strategy is above their mean


UNKNOWN = Placebo(None, None, None, None, None, None)
_ROUNDING = 1e-9  # of a ratio: a shuffle in the original order is summed in another way than the strategy


def placebo(positions: Positions, periods: float, seed: int = 0) -> Placebo:
    """The Sharpe ratio of a strategy among those of `SHUFFLES` shuffles of its own holdings, before costs.

    A holding is the position between two fills; time out of the market is a holding too. A shuffle has the same
    holdings for as long, so the same exposure, but at random times.

    Parameters
    ----------
    positions
        What the strategy held.
    periods
        Bars a year.
    seed
        Seed of the shuffles.

    Returns
    -------
    All None with fewer than two holdings, with fewer than `MIN_RETURNS` bars, or where the returns do not vary.
    """
    n = len(positions.held)
    starts = np.flatnonzero(positions.filled | (np.arange(n) == 0))  # first bar of each holding
    strategy = _sharpe(positions.held * positions.asset, periods)
    if len(starts) < 2 or n < MIN_RETURNS or strategy is None:
        return UNKNOWN
    ratios = math.sqrt(periods) * _shuffled_ratios(positions, starts, np.random.default_rng(seed))
    low, median, high = np.quantile(ratios, [(1 - BAND) / 2, 0.5, (1 + BAND) / 2])
    better = int((ratios >= strategy - _ROUNDING).sum())
    spread = float(ratios.std())
    score = (strategy - float(ratios.mean())) / spread if spread > _ROUNDING else 0.0
    return Placebo(strategy, float(low), float(median), float(high), (1 + better) / (1 + SHUFFLES), score)


def _shuffled_ratios(positions: Positions, starts: Indexes, rng: np.random.Generator) -> Floats:
    """The Sharpe ratio a bar of each shuffle; (SHUFFLES,). 0 where its returns do not vary."""
    n, ratios = len(positions.asset), []
    for returns in _shuffled_returns(positions, starts, rng):  # (r, k)
        mean = returns.sum(axis=1) / n
        square = np.einsum("rk,rk->r", returns, returns) / n
        variance = (square - mean**2) * n / (n - 1)
        varies = variance > 1e-12 * square  # rounding leaves about 1e-16 of it
        ratios.append(np.where(varies, mean / np.sqrt(np.where(varies, variance, 1.0)), 0.0))
    return np.concatenate(ratios)


def _shuffled_returns(positions: Positions, starts: Indexes, rng: np.random.Generator) -> Iterator[Floats]:
    """The returns of the shuffles at the k bars on which something is held (SECOND, k), FIRST times.

    `starts` has the first bar of each holding, in or out of the market; out of it nothing is earned.

    To draw an order costs more than all the rest, so each of FIRST orders is put into each of SECOND others. Any
    two of these shuffles are independent, so a share of them has the same variance as if each had been drawn.
    """
    held, holdings, lengths = positions.held, len(starts), np.diff(starts, append=len(positions.held))
    bars = np.flatnonzero(held)  # (k,)
    exposures, holding = held[bars], np.searchsorted(starts, bars, side="right") - 1  # (k,), of each of these bars
    moves = np.empty((SECOND, holdings), dtype=np.int64)
    second = np.stack([rng.permutation(holdings) for _ in range(SECOND)])
    for _ in range(FIRST):
        order = rng.permutation(holdings)[second]  # (SECOND, holdings)
        length = lengths[order]
        moved = np.cumsum(length, axis=1) - length - starts[order]  # bars by which each holding is moved
        np.put_along_axis(moves, order, moved, axis=1)
        returns = positions.asset.take(moves.take(holding, axis=1) + bars)
        returns *= exposures
        yield returns


def delay_cost(positions: Positions, periods: float) -> float | None:
    """The annual Sharpe ratio that is lost if every order is filled one bar later, before costs.

    Below 0 if the delay improves the ratio. None where one of the two ratios is undefined, or with fewer than
    `MIN_RETURNS` bars. `periods` is bars a year.
    """
    prompt_returns = positions.held[1:] * positions.asset[1:]
    late_returns = positions.held[:-1] * positions.asset[1:]
    if len(late_returns) < MIN_RETURNS:
        return None
    prompt, late = _sharpe(prompt_returns, periods), _sharpe(late_returns, periods)
    return None if prompt is None or late is None else prompt - late


def _sharpe(returns: Floats, periods: float) -> float | None:
    return sharpe(returns, periods) if np.isfinite(returns).all() else None
