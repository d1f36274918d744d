"""What a strategy grew to beside buy-and-hold: how sure that is, where the lead comes from, what costs it bears.

Simple returns throughout, n of them; a return of -1 or below is a lost account, and undefined here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from lstmstrat.inference.bootstrap import (
    CONFIDENCE,
    MIN_RETURNS,
    SAME,
    UNDEFINED,
    Difference,
    Floats,
    Indexes,
    block_length,
    block_starts,
    studentised,
)

PATHS = 999  # resampled, for drawdowns
BEST_DAYS = 5


def cagr_difference(strategy: Floats, benchmark: Floats, periods: int) -> Difference:
    """Compound annual growth rate of the strategy minus that of buy-and-hold, by the studentised bootstrap.

    The rate is a function of the mean log return a bar m, exp(periods m) - 1. The interval ends where all is lost.
    Undefined with fewer than `MIN_RETURNS` returns or a year of them (a rate of days means nothing), a lost
    account, or a strategy that only copies buy-and-hold.
    """
    logs = _logs(strategy, benchmark)
    if logs is None or len(logs) < periods - 1:
        return UNDEFINED

    def statistic(means: Floats) -> Floats:
        growth = np.exp(periods * means)
        return np.asarray(growth[..., 0] - growth[..., 1])

    def gradient(means: Floats) -> Floats:
        slopes: Floats = periods * np.exp(periods * means) * np.array([1.0, -1.0])
        return slopes

    found = studentised(logs, statistic, gradient)
    if found.low is None:
        return found
    return replace(found, low=max(found.low, -math.exp(periods * float(logs[:, 1].mean()))))


def drawdown_differences(strategies: Floats, benchmark: Floats) -> list[Difference]:
    """Maximum drawdown of each strategy (S, n) minus that of buy-and-hold (n,), above 0 where it fell less.

    A drawdown is no function of means: the interval holds 95 % of the differences over `PATHS` resampled paths,
    the same for all, so it says what other orders of the same blocks of bars would have given. No p-value.
    """
    sides = [_logs(strategy, benchmark) for strategy in strategies]
    known = [k for k, logs in enumerate(sides) if logs is not None]
    found = [UNDEFINED] * len(sides)
    if not known:
        return found
    every = np.stack([np.log1p(benchmark), *(np.log1p(strategies[k]) for k in known)])  # (1 + S, n)
    own, blocks = _drawdowns(every), _blocks(every)  # (1 + S,)
    parts = [blocks.drawdowns(starts) for starts in block_starts(len(benchmark), PATHS)]  # (1 + S, r) each
    falls = np.concatenate(parts, axis=1)
    lows, highs = np.quantile(falls[1:] - falls[0], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1)
    for k, fall, low, high in zip(known, own[1:], lows, highs, strict=True):
        found[k] = Difference(float(fall - own[0]), float(low), float(high), None)
    return found


def _drawdowns(logs: Floats) -> Floats:
    """Deepest fall of each path of log returns (..., n) from its highest value so far, the start included."""
    return np.asarray(np.expm1(_falls(np.cumsum(logs, axis=-1))))


def _falls(paths: Floats) -> Floats:
    """The same of paths of log values that start at 0, in logs; at most 0."""
    peaks = np.maximum(np.maximum.accumulate(paths, axis=-1), 0.0)
    return np.asarray((paths - peaks).min(axis=-1))


@dataclass(frozen=True)
class _Blocks:
    """What a drawdown needs to know of the block of bars that begins at each bar; (S, n) each, in logs."""

    total: Floats
    low: Floats  # lowest value, from 0 at its start
    high: Floats
    fall: Floats  # deepest fall inside

    def drawdowns(self, starts: Indexes) -> Floats:
        """Of the paths (r, l) of blocks that begin at `starts`; (S, r).

        A path falls deepest inside a block, or from the highest value of those before to the lowest of one.
        """
        total = self.total[:, starts]  # (S, r, l)
        before = np.cumsum(total, axis=-1) - total  # log value at the start of each block
        tops = np.maximum(np.maximum.accumulate(before + self.high[:, starts], axis=-1), 0.0)
        peaks = np.concatenate([np.zeros_like(tops[..., :1]), tops[..., :-1]], axis=-1)
        falls = np.minimum(self.fall[:, starts], before + self.low[:, starts] - peaks)
        return np.asarray(np.expm1(np.minimum(falls.min(axis=-1), 0.0)))


def _blocks(logs: Floats) -> _Blocks:
    """Of log returns (S, n)."""
    length = block_length(logs.shape[1])
    circle = np.concatenate([logs, logs[:, : length - 1]], axis=1)
    paths = np.cumsum(sliding_window_view(circle, length, axis=1), axis=-1)  # (S, n, b)
    return _Blocks(paths[..., -1], paths.min(axis=-1), paths.max(axis=-1), _falls(paths))


def _logs(strategy: Floats, benchmark: Floats) -> Floats | None:
    """Log returns (n, 2) of both; None where they cannot be compared."""
    if len(strategy) != len(benchmark):
        raise ValueError(f"{len(strategy)} strategy and {len(benchmark)} benchmark returns; expected as many")
    sides = np.stack([strategy, benchmark], axis=1)  # (n, 2)
    if len(sides) < MIN_RETURNS or not (sides > -1.0).all():
        return None
    logs = np.log1p(sides)
    return logs if np.abs(logs[:, 0] - logs[:, 1]).mean() > SAME else None


def lead_shares(strategy: Floats, benchmark: Floats, folds: npt.NDArray[np.int_]) -> tuple[float | None, ...]:
    """The share of the lead over buy-and-hold that comes from the best fold, and from the best five bars.

    The lead is the sum of log return differences; `folds` (n,) numbers the fold in use at each bar. A share above
    1 says that the rest lost some of it. None without a lead, and for the fold where there is only one.
    """
    logs = _logs(strategy, benchmark)
    lead = 0.0 if logs is None else float((logs[:, 0] - logs[:, 1]).sum())
    if logs is None or not lead > 0.0:
        return None, None
    ahead = logs[:, 0] - logs[:, 1]  # (n,)
    numbers = np.unique(folds)
    best = max(float(ahead[folds == number].sum()) for number in numbers) / lead if len(numbers) > 1 else None
    return best, float(np.sort(ahead)[-BEST_DAYS:].sum()) / lead


def break_even_cost(lead: float, turnover: float, benchmark_turnover: float, cost: float) -> float | None:
    """The cost each way, a fraction of the value traded, at which strategy and buy-and-hold end with the same.

    `lead` is log(final value / that of buy-and-hold) at `cost`; the turnovers are the sums over all bars of value
    traded / account value. To the first order a dearer trade takes (cost' - cost) turnover from the log value.
    None where not even free trading would do, or where the strategy trades no more than buy-and-hold.
    """
    if not turnover > benchmark_turnover:
        return None
    found = cost + lead / (turnover - benchmark_turnover)
    return found if math.isfinite(found) and found >= 0.0 else None
