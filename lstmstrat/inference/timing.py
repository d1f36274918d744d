"""Were the positions well timed? A strategy beside its own positions in another order, and beside none at all.

A position path is exposure, the part of the account that is invested, on the grid of opens: orders are filled at
opens, so what is held from one open to the next earns the return between them. The rules of thumb here are in that
one arithmetic, `net_returns`, and not in the broker's: a path of shuffled positions has no broker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstmstrat.inference.bootstrap import MIN_RETURNS, Floats
from lstmstrat.metrics import sharpe

PATHS = 200
BAND = 0.90  # of the placebo paths lie between low and high


@dataclass(frozen=True)
class Positions:
    """What was held from each open to the next, and what the asset did meanwhile; n bars."""

    held: Floats  # (n,) exposure, -1 to 1
    asset: Floats  # (n,) simple return from the open of the bar to the open of the next
    filled: npt.NDArray[np.bool_]  # (n,) an order was filled in this bar
    cost: float  # commission and slippage, a fraction of the value traded

    def __post_init__(self) -> None:
        if not len(self.held) == len(self.asset) == len(self.filled):
            raise ValueError("held, asset and filled cover different bars")


@dataclass(frozen=True)
class Placebo:
    """A strategy among paths that hold the same positions for as long, in a random order."""

    sharpe: float | None  # of the strategy itself, annual, in the same arithmetic
    low: float | None  # 5 % of the paths are below
    median: float | None
    high: float | None  # 5 % are above
    p_value: float | None  # one-sided: the share of paths at least as good, the strategy counted among them


UNKNOWN = Placebo(None, None, None, None, None)


def net_returns(held: Floats, asset: Floats, cost: float) -> Floats:
    """Returns of exposures `held` (n,) in an `asset` (n,): earned, less `cost` times what each bar changes."""
    return np.asarray(held * asset - cost * np.abs(np.diff(held, prepend=0.0)))


def placebo(positions: Positions, periods: int, seed: int = 0) -> Placebo:
    """The Sharpe ratio of a strategy among those of `PATHS` shuffles of its own holdings.

    A holding is what was held from one fill to the next; time out of the market is one too. A shuffle has the same
    holdings, so the same exposure, holding times and number of trades, but no idea when. All None with fewer than
    two holdings or `MIN_RETURNS` bars, or where nothing varies.
    """
    held, n = positions.held, len(positions.held)
    begins = np.flatnonzero(positions.filled | (np.arange(n) == 0))  # of each holding
    own = _sharpe(net_returns(held, positions.asset, positions.cost), periods)
    if len(begins) < 2 or n < MIN_RETURNS or own is None:
        return UNKNOWN
    holdings = np.split(np.arange(n), begins[1:])
    rng = np.random.default_rng(seed)
    ratios = np.empty(PATHS)
    for k in range(PATHS):
        order = np.concatenate([holdings[h] for h in rng.permutation(len(holdings))])
        shuffled = net_returns(held[order], positions.asset, positions.cost)
        ratios[k] = math.sqrt(periods) * shuffled.mean() / shuffled.std(ddof=1)
    low, median, high = np.quantile(ratios, [(1 - BAND) / 2, 0.5, (1 + BAND) / 2])
    better = int((ratios >= own - 1e-12).sum())  # the same holdings in the same order round differently
    return Placebo(own, float(low), float(median), float(high), (1 + better) / (1 + PATHS))


def delay_cost(positions: Positions, periods: int) -> float | None:
    """Annual Sharpe ratio lost if every order came one bar later; below 0 if it were better so.

    None where one of the two is undefined, or there are fewer than `MIN_RETURNS` bars.
    """
    now = net_returns(positions.held, positions.asset, positions.cost)[1:]
    late = net_returns(positions.held[:-1], positions.asset[1:], positions.cost)
    if len(late) < MIN_RETURNS:
        return None
    own, delayed = _sharpe(now, periods), _sharpe(late, periods)
    return None if own is None or delayed is None else own - delayed


def _sharpe(returns: Floats, periods: int) -> float | None:
    return sharpe(returns, periods) if np.isfinite(returns).all() else None
