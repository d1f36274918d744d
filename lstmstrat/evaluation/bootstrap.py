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
MIN_RETURNS = 30  # with fewer returns no interval can be trusted


@dataclass(frozen=True)
class Difference:
    """Strategy minus benchmark; None where undefined."""

    difference: float | None
    low: float | None  # 95 % confidence interval
    high: float | None
    p_value: float | None  # two-sided, against no difference
    error: float | None = None  # standard error of the difference


NO_DIFFERENCE = Difference(None, None, None, None)


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
    moments: Floats, statistic: Callable[[Floats], Floats], gradient: Callable[[Floats], Floats]
) -> Difference:
    """Estimate, interval and p-value of a smooth function of means, by the studentised block bootstrap.

    The deviation of each resample is divided by the resample's own standard error, as Ledoit and Wolf (2008,
    section 3.2) do for the difference of two Sharpe ratios. The error of the estimate uses Bartlett weights over a
    block (Newey and West 1987), which is an average over all blocks; the error of a resample is the same average
    over the blocks of that resample. The interval is symmetric; it excludes 0 exactly where the p-value is below
    5 %.

    Parameters
    ----------
    moments
        (n, k) values of each bar; their means are the arguments of the function.
    statistic, gradient
        The function of means (..., k) to (...), and its derivatives (..., k).

    Returns
    -------
    Undefined where the function or its error is not finite, or the error is 0.
    """
    with np.errstate(all="ignore"):  # equal returns in a resample or growth beyond a float: undefined, no warning
        return _bootstrap_difference(moments, statistic, gradient)


def _bootstrap_difference(
    moments: Floats, statistic: Callable[[Floats], Floats], gradient: Callable[[Floats], Floats]
) -> Difference:
    means = moments.mean(axis=0)  # (k,)
    estimate = float(statistic(means))
    variance = long_run_variance((moments - means) @ gradient(means), block_length(len(moments)) - 1)
    if not (math.isfinite(estimate) and math.isfinite(variance) and variance > 0.0):
        return NO_DIFFERENCE
    error = math.sqrt(variance / len(moments))
    scores = np.abs(np.concatenate(list(_scores(moments, statistic, gradient, estimate))))  # (R,)
    rank = round((1 - CONFIDENCE) * (1 + len(scores))) - 1  # p is below 5 % if fewer scores are as large
    half_width = float(np.sort(scores)[-rank]) * error
    p_value = (1 + int((scores >= abs(estimate) / error).sum())) / (1 + len(scores))
    result = Difference(estimate, estimate - half_width, estimate + half_width, p_value, error)
    return result if math.isfinite(half_width) else NO_DIFFERENCE


def _scores(
    moments: Floats, statistic: Callable[[Floats], Floats], gradient: Callable[[Floats], Floats], estimate: float
) -> Iterator[Floats]:
    """Deviation of each resample from `estimate`, in the resample's own standard errors; chunks of (r,)."""
    block_means = _block_means(moments)  # (n, k)
    for starts in block_starts(len(moments), RESAMPLES):
        blocks = block_means[starts]  # (r, l, k)
        means = blocks.mean(axis=1)  # (r, k)
        slopes = gradient(means)  # (r, k)
        influence = np.einsum("rlk,rk->rl", blocks, slopes) - np.einsum("rk,rk->r", means, slopes)[:, None]
        error = np.sqrt(np.mean(influence**2, axis=1) / blocks.shape[1])  # (r,)
        scores = (statistic(means) - estimate) / error
        yield np.where(np.isfinite(scores), scores, np.inf)  # an undefined score never narrows the interval


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
