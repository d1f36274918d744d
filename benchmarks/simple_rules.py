"""Two hundred simple trading rules, six of which are a typical run, and their accounts, many at a time.

A target is the exposure that is decided at the close of a bar and traded at the next open. The account is that of
`lstmstrat.ExposureStrategy`: the tests hold it to a simulation by Backtrader. Letters: n bars, k rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numba import njit

WARM_UP = 200  # bars that the slowest rule needs before its first decision
BAND = 0.05  # of exposure, within which a position is left alone
SIX = ("average 20/50", "average 2/100", "momentum 21, short", "reversal 1", "breakout 20, short", "volatility 21")


def targets(closes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The targets (n,) of 200 rules on `closes` (n,), by name; `rng` flips the coins. Zero before `WARM_UP`."""
    found = dict(_signals(closes, rng))
    both = {name: above.astype(float) for name, above in found.items()}  # long or flat
    both |= {f"{name}, short": 2.0 * above - 1.0 for name, above in found.items()}  # long or short
    weekday = np.arange(len(closes)) % 5
    both |= {f"only bar {day} of five": (weekday == day).astype(float) for day in range(5)}
    both |= {f"not bar {day} of five": (weekday != day).astype(float) for day in range(5)}
    both["volatility 21"] = _volatility_target(closes, 21)
    both["volatility 63"] = _volatility_target(closes, 63)
    for target in both.values():
        target[:WARM_UP] = 0.0
    return both


def _signals(closes: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """94 signals (n,), true where the rule is long."""
    for fast, slow in product((2, 3, 5, 8, 10, 15, 20, 30, 50), (10, 20, 30, 50, 75, 100, 150, 200)):
        if fast < slow:
            yield f"average {fast}/{slow}", _average(closes, fast) > _average(closes, slow)
    for bars in (1, 2, 3, 5, 10, 15, 21, 42, 63, 126):
        yield f"momentum {bars}", closes > _before(closes, bars)
    for bars in (1, 2, 3, 5, 10):
        yield f"reversal {bars}", closes < _before(closes, bars)
    for bars in (10, 20, 50, 100):
        yield f"breakout {bars}", _breakout(closes, bars)
    for bars in (1, 5, 20, 60):
        for coin in (1, 2, 3):
            heads = rng.random(-(-len(closes) // bars)) < 0.5
            yield f"coin {coin} of {bars} bars", np.repeat(heads, bars)[: len(closes)]
    for bars in (10, 50):
        yield f"below its average of {bars}", closes < _average(closes, bars)


def _average(closes: np.ndarray, bars: int) -> np.ndarray:
    sums = np.concatenate([np.zeros(bars), np.cumsum(closes)])
    return (sums[bars:] - sums[:-bars]) / bars


def _before(closes: np.ndarray, bars: int) -> np.ndarray:
    return np.concatenate([np.full(bars, closes[0]), closes[:-bars]])


def _breakout(closes: np.ndarray, bars: int) -> np.ndarray:
    """Long from a new high of `bars` closes to a new low."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(closes, (bars - 1, 0), mode="edge"), bars)
    change = (closes >= windows.max(axis=1)).astype(int) - (closes <= windows.min(axis=1))
    last = np.maximum.accumulate(np.where(change != 0, np.arange(len(closes)), 0))
    return change[last] > 0


def _volatility_target(closes: np.ndarray, bars: int) -> np.ndarray:
    """Half the account at the volatility of the first bars, less where the asset is wilder."""
    moves = np.diff(np.log(closes), prepend=np.log(closes[0]))
    deviation = np.sqrt(np.maximum(_average(moves**2, bars), 1e-12))
    return np.clip(0.5 * moves[:WARM_UP].std() / deviation, 0.0, 1.0)


@dataclass(frozen=True)
class Costs:
    """Fractions of the value traded, each way."""

    commission: float
    slippage: float


TWO_BASIS_POINTS = Costs(0.0002, 0.0)
DEFAULT = Costs(0.001, 0.0005)


@dataclass(frozen=True)
class Accounts:
    """The accounts of k rules; n bars, of which the first is that of the first decision."""

    equity: np.ndarray  # (n, k) at each close
    exposure: np.ndarray  # (n, k) position value / equity at each close
    filled: np.ndarray  # (n, k) an order was filled at the open of the bar

    @property
    def returns(self) -> np.ndarray:
        """(k, n - 1) simple returns, each row contiguous."""
        return np.ascontiguousarray((self.equity[1:] / self.equity[:-1] - 1.0).T)


def accounts(target: np.ndarray, closes: np.ndarray, costs: Costs) -> Accounts:
    """Trade targets (n, k), decided at each close, at the next open, which is the close (n,) before."""
    buy = (1.0 + costs.slippage) * (1.0 + costs.commission)  # paid for a share at 1
    sell = (1.0 - costs.slippage) * (1.0 - costs.commission)
    return Accounts(*_trade(np.asarray(target, dtype=np.float64), closes, buy, sell))


@njit(cache=True)
def _trade(
    target: np.ndarray, closes: np.ndarray, buy: float, sell: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equity, exposure and fills (n, k)."""
    n, k = target.shape
    equity, exposure, filled = np.empty((n, k)), np.zeros((n, k)), np.zeros((n, k), dtype=np.bool_)
    for j in range(k):
        cash, shares = 100_000.0, 0.0
        equity[0, j] = cash
        for t in range(1, n):
            size = _order(target[t - 1, j], cash, shares, closes[t - 1], buy - 1.0, 1.0 - sell)
            cash -= size * closes[t - 1] * (buy if size > 0.0 else sell)
            shares += size
            filled[t, j] = size != 0.0
            equity[t, j] = cash + shares * closes[t]
            exposure[t, j] = shares * closes[t] / equity[t, j]
    return equity, exposure, filled


@njit(cache=True)
def _order(aim: float, cash: float, shares: float, price: float, buy_cost: float, sell_cost: float) -> float:
    """Shares to buy, below zero to sell, so that the exposure after costs is `aim`; 0 within the band."""
    if aim == 0.0:
        return -shares
    account = cash + shares * price
    if abs(aim - shares * price / account) <= BAND:
        return 0.0
    gap = aim * account / price - shares
    return gap / (1.0 + aim * buy_cost) if gap > 0.0 else gap / (1.0 - aim * sell_cost)
