"""Timing of the positions: a strategy against its own positions in a random order, before costs.

A position path is the exposure, the part of the account that is invested, from each open to the next. Orders are
filled at opens, so this exposure earns the return between the two opens. Costs are left out: a shuffle changes the
trades between the holdings, so it would pay more or less than the strategy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.bootstrap import MIN_RETURNS
from lstmstrat.evaluation.metrics import sharpe

SHUFFLES = 200
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


UNKNOWN = Placebo(None, None, None, None, None)


def placebo(positions: Positions, periods: int, seed: int = 0) -> Placebo:
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
    exposure, asset, n = positions.held, positions.asset, len(positions.held)
    starts = np.flatnonzero(positions.filled | (np.arange(n) == 0))  # first bar of each holding
    strategy = _sharpe(exposure * asset, periods)
    if len(starts) < 2 or n < MIN_RETURNS or strategy is None:
        return UNKNOWN
    holdings, rng = np.split(np.arange(n), starts[1:]), np.random.default_rng(seed)
    ratios = np.empty(SHUFFLES)
    for k in range(SHUFFLES):
        order = np.concatenate([holdings[h] for h in rng.permutation(len(holdings))])
        ratios[k] = _sharpe(exposure[order] * asset, periods) or 0.0  # 0 where the returns do not vary
    low, median, high = np.quantile(ratios, [(1 - BAND) / 2, 0.5, (1 + BAND) / 2])
    better = int((ratios >= strategy - 1e-12).sum())  # a shuffle in the original order may round differently
    return Placebo(strategy, float(low), float(median), float(high), (1 + better) / (1 + SHUFFLES))


def delay_cost(positions: Positions, periods: int) -> float | None:
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


def _sharpe(returns: Floats, periods: int) -> float | None:
    return sharpe(returns, periods) if np.isfinite(returns).all() else None
