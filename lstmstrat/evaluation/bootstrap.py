"""The circular block bootstrap: how far chance alone can move a difference from its estimate.

Blocks of consecutive bars keep the dependence between days, such as volatility clusters. Strategy and benchmark
are resampled together. Every random draw is seeded: the same returns give the same numbers.

Letters: n bars, k moments, b bars a block, l blocks a resample, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats, Indexes

CONFIDENCE = 0.95
RESAMPLES = 4999  # so the smallest p-value is 1 / 5000
AT_ONCE = 200_000  # blocks drawn at once, so that a long history needs no more memory
COPY_TOLERANCE = 1e-7  # returns with a smaller mean absolute difference are copies: fills round by 1e-9
MIN_RETURNS = 30  # with fewer returns, or fewer that differ, no interval can be trusted
_LEAST_ERROR = (
    0.1  # of the estimate's; a resample with less holds hardly any bar of those that make the difference
)


@dataclass(frozen=True)
class Difference:
    """Strategy minus benchmark; None where undefined."""

    difference: float | None
    low: float | None  # confidence interval, at 95 % for all comparisons together; None also where it has no end
    high: float | None
    p_value: float | None  # two-sided, against no difference, for this comparison alone
    error: float | None = None  # standard error of the difference


NO_DIFFERENCE = Difference(None, None, None, None)


def differ_on_enough_bars(strategy: Floats, benchmark: Floats) -> bool:
    """Whether returns (n,) differ by more than rounding on `MIN_RETURNS` bars: fewer have no standard error."""
    return int((np.abs(strategy - benchmark) > COPY_TOLERANCE).sum()) >= MIN_RETURNS


def block_length(bars: int) -> int:
    """The cube root of the number of bars, the rate at which the best length grows (Hall and others 1995)."""
    return max(1, round(math.cbrt(bars)))


def block_starts(bars: int, resamples: int) -> Iterator[Indexes]:
    """First bars of the blocks of each resample, in chunks of r resamples.

    The numbers depend on the arguments alone, so all strategies are compared on the same resamples.

    Parameters
    ----------
    bars, resamples
        n and R.

    Yields
    ------
    (r, l) bars, numbered from 0; l blocks have n bars or more, and the r add up to R.
    """
    blocks, rng = -(-bars // block_length(bars)), np.random.default_rng(0)
    at_once = max(1, AT_ONCE // blocks)
    for first in range(0, resamples, at_once):
        yield rng.integers(0, bars, (min(at_once, resamples - first), blocks))


def bootstrap_difference(
    moments: Floats,
    statistic: Callable[[Floats], Floats],
    gradient: Callable[[Floats], Floats],
    comparisons: int = 1,
) -> Difference:
    """Estimate, interval and p-value of a smooth function of means, by the studentised block bootstrap.

    The deviation of each resample is divided by the resample's own standard error, as Ledoit and Wolf (2008,
    section 3.2) do for the difference of two Sharpe ratios. The error of the estimate uses Bartlett weights over a
    block (Newey and West 1987), which is an average over all blocks; the error of a resample is the same average
    over the blocks of that resample. The interval is symmetric. It excludes 0 exactly where `bonferroni` of the
    p-value and `comparisons` is below 5 %.

    Parameters
    ----------
    moments
        (n, k) values of each bar; their means are the arguments of the function.
    statistic, gradient
        The function of means (..., k) to (...), and its derivatives (..., k).
    comparisons
        The number of intervals that are to hold together with 95 %: one of m has a level of 1 - 0.05 / m.

    Returns
    -------
    Undefined where the function or its error is not finite, where the error is 0, and where so few bars make the
    difference that 5 % of the resamples hold hardly any of them. The ends alone are None where the resamples are
    too few for the level of the interval.
    """
    with np.errstate(all="ignore"):  # equal returns in a resample or growth beyond a float: undefined, no warning
        return _bootstrap_difference(moments, statistic, gradient, comparisons)


def _bootstrap_difference(
    moments: Floats,
    statistic: Callable[[Floats], Floats],
    gradient: Callable[[Floats], Floats],
    comparisons: int,
) -> Difference:
    means = moments.mean(axis=0)  # (k,)
    estimate = float(statistic(means))
    variance = long_run_variance((moments - means) @ gradient(means), block_length(len(moments)) - 1)
    if not (math.isfinite(estimate) and math.isfinite(variance) and variance > 0.0):
        return NO_DIFFERENCE
    error = math.sqrt(variance / len(moments))
    scores = np.sort(np.abs(np.concatenate(list(_scores(moments, statistic, gradient, estimate, error)))))  # (R,)
    if not math.isfinite(_reach(scores, 1)):
        return NO_DIFFERENCE
    p_value = (1 + int((scores >= abs(estimate) / error).sum())) / (1 + len(scores))
    half_width = _reach(scores, comparisons) * error
    if not math.isfinite(half_width):
        return Difference(estimate, None, None, p_value, error)
    return Difference(estimate, estimate - half_width, estimate + half_width, p_value, error)


def _reach(scores: Floats, comparisons: int) -> float:
    """Half the width of the interval in errors; `scores` (R,) in rising order. Infinite with too few resamples."""
    as_large = round((1 - CONFIDENCE) * (1 + len(scores)))  # the p-value is 5 % if so many are, the estimate's too
    rank = -(-as_large // comparisons) - 1  # so many of the resamples, and the p-value is just below 5 % / m
    return float(scores[-rank]) if rank > 0 else math.inf


def _scores(
    moments: Floats,
    statistic: Callable[[Floats], Floats],
    gradient: Callable[[Floats], Floats],
    estimate: float,
    error: float,
) -> Iterator[Floats]:
    """Deviation of each resample from `estimate`, in the resample's own standard errors; chunks of (r,).

    Infinite where it is not defined, so that it never narrows the interval. `error` is that of the estimate.
    """
    block_means = _block_means(moments)  # (n, k)
    for starts in block_starts(len(moments), RESAMPLES):
        blocks, count = block_means.take(starts, axis=0), starts.shape[1]  # (r, l, k)
        means = np.full(count, 1.0 / count) @ blocks  # (r, k)
        slopes = gradient(means)  # (r, k)
        influence = (blocks @ slopes[..., None])[..., 0] - np.einsum("rk,rk->r", means, slopes)[:, None]  # (r, l)
        own_error = np.sqrt(np.einsum("rl,rl->r", influence, influence)) / count  # (r,)
        scores = (statistic(means) - estimate) / own_error
        yield np.where(np.isfinite(scores) & (own_error >= _LEAST_ERROR * error), scores, np.inf)


def _block_means(moments: Floats) -> Floats:
    """The mean of the block that begins at each bar of the circle; (n, k)."""
    block = block_length(len(moments))
    circle = np.concatenate([np.zeros((1, moments.shape[1])), moments, moments[: block - 1]])
    sums = np.cumsum(circle, axis=0)
    return np.asarray((sums[block:] - sums[:-block]) / block)


def long_run_variance(x: Floats, lag: int) -> float:
    """Newey-West estimate of the variance of sqrt(n) times the mean of `x` (n,), whose mean must be zero."""
    weighted = [2 * (1 - k / (lag + 1)) * float(x[k:] @ x[:-k]) for k in range(1, lag + 1)]
    return (float(x @ x) + sum(weighted)) / len(x)
