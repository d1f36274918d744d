"""Were the positions well timed? A strategy beside its own positions in another order, before costs.

A position path is exposure, the part of the account that is invested, on the grid of opens: where orders are
filled at opens, what is held from one open to the next earns the return between them. Costs are left out: a
shuffle joins its pieces otherwise than the strategy did, and would pay more or less for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstmstrat.inference.bootstrap import MIN_RETURNS, Floats
from lstmstrat.metrics import sharpe

SHUFFLES = 200
BAND = 0.90  # of the shuffles lie between low and high


@dataclass(frozen=True)
class Positions:
    """What was held from each open to the next, and what the asset did meanwhile; n bars."""

    held: Floats  # (n,) exposure: 1 all in, negative short
    asset: Floats  # (n,) simple return from the open of the bar to the open of the next
    filled: npt.NDArray[np.bool_]  # (n,) an order was filled at the open of this bar

    def __post_init__(self) -> None:
        if not len(self.held) == len(self.asset) == len(self.filled):
            raise ValueError("held, asset and filled cover different bars")


@dataclass(frozen=True)
class Placebo:
    """A strategy among paths that hold the same positions for as long, in a random order."""

    sharpe: float | None  # of the strategy itself, annual, before costs
    low: float | None  # 5 % of the shuffles are below
    median: float | None
    high: float | None  # 5 % are above
    p_value: float | None  # one-sided: the share of shuffles at least as good, the strategy counted among them


UNKNOWN = Placebo(None, None, None, None, None)


def placebo(positions: Positions, periods: int, seed: int = 0) -> Placebo:
    """The Sharpe ratio of a strategy among those of `SHUFFLES` shuffles of its own holdings, before costs.

    A holding is what was held from one fill to the next; time out of the market is one too. A shuffle has the same
    holdings for as long, so the same exposure, but no idea when. All None with fewer than two holdings or
    `MIN_RETURNS` bars, or where nothing varies.
    """
    held, asset, n = positions.held, positions.asset, len(positions.held)
    begins = np.flatnonzero(positions.filled | (np.arange(n) == 0))  # of each holding
    own = _sharpe(held * asset, periods)
    if len(begins) < 2 or n < MIN_RETURNS or own is None:
        return UNKNOWN
    holdings, rng = np.split(np.arange(n), begins[1:]), np.random.default_rng(seed)
    ratios = np.empty(SHUFFLES)
    for k in range(SHUFFLES):
        order = np.concatenate([holdings[h] for h in rng.permutation(len(holdings))])
        ratios[k] = _sharpe(held[order] * asset, periods) or 0.0  # nothing is earned where nothing varies
    low, median, high = np.quantile(ratios, [(1 - BAND) / 2, 0.5, (1 + BAND) / 2])
    better = int((ratios >= own - 1e-12).sum())  # the same holdings in the same order round differently
    return Placebo(own, float(low), float(median), float(high), (1 + better) / (1 + SHUFFLES))


def delay_cost(positions: Positions, periods: int) -> float | None:
    """Annual Sharpe ratio lost if every order came one bar later, before costs; below 0 if it were better so.

    None where one of the two is undefined, or there are fewer than `MIN_RETURNS` bars.
    """
    now = positions.held[1:] * positions.asset[1:]
    late = positions.held[:-1] * positions.asset[1:]
    if len(late) < MIN_RETURNS:
        return None
    own, delayed = _sharpe(now, periods), _sharpe(late, periods)
    return None if own is None or delayed is None else own - delayed


def _sharpe(returns: Floats, periods: int) -> float | None:
    return sharpe(returns, periods) if np.isfinite(returns).all() else None
