"""The circular block bootstrap: how far could a difference be from its estimate by chance alone?

Blocks of consecutive bars keep what days have to do with each other, such as volatility in clusters, and strategy
and benchmark are drawn together. Every draw is seeded: the same returns give the same numbers.

Letters: n bars, k moments, b bars a block, l blocks a resample, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.intp]

CONFIDENCE = 0.95
RESAMPLES = 4999  # so no p-value is below 1 / 5000
AT_ONCE = 200_000  # blocks, so that a long history needs no more memory
SAME = 1e-7  # mean absolute difference of the returns of what only copies: fills round by 1e-9
MIN_RETURNS = 30  # below it no interval is to be trusted


@dataclass(frozen=True)
class Difference:
    """Strategy minus benchmark; None where undefined."""

    difference: float | None
    low: float | None  # 95 % confidence interval
    high: float | None
    p_value: float | None  # two-sided, against no difference
    error: float | None = None  # standard error of the difference


UNDEFINED = Difference(None, None, None, None)


def block_length(bars: int) -> int:
    """The cube root of the number of bars, the rate at which the best length grows (Hall and others 1995)."""
    return max(1, round(math.cbrt(bars)))


def block_starts(bars: int, resamples: int) -> Iterator[Indexes]:
    """First bars of the blocks of each resample, some resamples (r, l) at a time; l blocks have `bars` or more.

    The same for all who ask for as many: strategies are compared on the same resamples.
    """
    blocks, rng = -(-bars // block_length(bars)), np.random.default_rng(0)
    at_once = max(1, AT_ONCE // blocks)
    for first in range(0, resamples, at_once):
        yield rng.integers(0, bars, (min(at_once, resamples - first), blocks))


def studentised(
    moments: Floats, statistic: Callable[[Floats], Floats], gradient: Callable[[Floats], Floats]
) -> Difference:
    """The interval and the p-value of a smooth function of means, by the studentised block bootstrap.

    Every resample is measured in standard errors of its own, as Ledoit and Wolf (2008, section 3.2) do for the
    difference of two Sharpe ratios. The error of the estimate is by Bartlett weights over a block (Newey and West
    1987), which is the mean over all blocks of what the error of a resample is over its own. The interval is the
    symmetric one; it leaves 0 out just where the p-value is below 5 %.

    Parameters
    ----------
    moments
        (n, k) values of each bar whose means are the arguments.
    statistic, gradient
        Of means (..., k): the function (...), and its derivatives (..., k).

    Undefined where the function or its error is not finite, or the error is 0.
    """
    with np.errstate(all="ignore"):  # a resample of equal returns, growth beyond a float: undefined, not warned of
        return _studentised(moments, statistic, gradient)


def _studentised(
    moments: Floats, statistic: Callable[[Floats], Floats], gradient: Callable[[Floats], Floats]
) -> Difference:
    means = moments.mean(axis=0)  # (k,)
    found = float(statistic(means))
    variance = long_run_variance((moments - means) @ gradient(means), block_length(len(moments)) - 1)
    if not (math.isfinite(found) and math.isfinite(variance) and variance > 0.0):
        return UNDEFINED
    error = math.sqrt(variance / len(moments))
    scores = np.abs(np.concatenate(list(_scores(moments, statistic, gradient, found))))  # (R,)
    beyond = round((1 - CONFIDENCE) * (1 + len(scores))) - 1  # as many scores at most make the p-value small
    reach = float(np.sort(scores)[-beyond]) * error
    p_value = (1 + int((scores >= abs(found) / error).sum())) / (1 + len(scores))
    whole = Difference(found, found - reach, found + reach, p_value, error)
    return whole if math.isfinite(reach) else UNDEFINED


def _scores(
    moments: Floats, statistic: Callable[[Floats], Floats], gradient: Callable[[Floats], Floats], found: float
) -> Iterator[Floats]:
    """How far each resample lies from what was `found`, in standard errors of its own; some (r,) at a time."""
    averages = _block_means(moments)  # (n, k)
    for starts in block_starts(len(moments), RESAMPLES):
        drawn = averages[starts]  # (r, l, k)
        means = drawn.mean(axis=1)  # (r, k)
        slopes = gradient(means)  # (r, k)
        influence = np.einsum("rlk,rk->rl", drawn, slopes) - np.einsum("rk,rk->r", means, slopes)[:, None]
        error = np.sqrt(np.mean(influence**2, axis=1) / drawn.shape[1])  # (r,)
        scores = (statistic(means) - found) / error
        yield np.where(np.isfinite(scores), scores, np.inf)  # one that cannot be judged never narrows


def _block_means(moments: Floats) -> Floats:
    """The mean of the block that begins at each bar of the circle; (n, k)."""
    block = block_length(len(moments))
    circle = np.concatenate([np.zeros((1, moments.shape[1])), moments, moments[: block - 1]])
    sums = np.cumsum(circle, axis=0)
    return np.asarray((sums[block:] - sums[:-block]) / block)


def long_run_variance(x: Floats, lag: int) -> float:
    """Newey-West estimate of the variance of sqrt(n) times the mean of `x`, whose mean is zero."""
    weighted = [2 * (1 - k / (lag + 1)) * float(x[k:] @ x[:-k]) for k in range(1, lag + 1)]
    return (float(x @ x) + sum(weighted)) / len(x)
