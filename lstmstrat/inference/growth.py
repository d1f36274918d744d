"""What a strategy grew to beside buy-and-hold: how sure that is, where the lead comes from, what costs it bears.

Simple returns throughout, n of them; a return of -1 or below is a lost account, and undefined here.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lstmstrat.inference.bootstrap import (
    CONFIDENCE,
    MIN_RETURNS,
    SAME,
    UNDEFINED,
    Difference,
    Floats,
    resampled_bars,
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
    own = _drawdowns(every)  # (1 + S,)
    parts = [_drawdowns(every[:, bars]) for bars in resampled_bars(len(benchmark), PATHS)]  # (1 + S, r) each
    falls = np.concatenate(parts, axis=1)
    lows, highs = np.quantile(falls[1:] - falls[0], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1)
    for k, fall, low, high in zip(known, own[1:], lows, highs, strict=True):
        found[k] = Difference(float(fall - own[0]), float(low), float(high), None)
    return found


def _drawdowns(logs: Floats) -> Floats:
    """Deepest fall of each path of log returns (..., n) from its highest value so far, the start included."""
    value = np.cumsum(logs, axis=-1)
    value -= np.maximum(np.maximum.accumulate(value, axis=-1), 0.0)
    return np.asarray(np.expm1(np.minimum(value.min(axis=-1), 0.0)))


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
