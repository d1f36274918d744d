"""Corrections for the number of strategies tried: Bonferroni, Hansen's test, the deflated Sharpe ratio and lead.

Sharpe ratios here are per bar, not annual, over a rate of zero.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.bootstrap import COPY_TOLERANCE, MIN_RETURNS, Difference, block_length, block_starts
from lstmstrat.evaluation.metrics import sharpe

SPA_RESAMPLES = 1000
_EULER = 0.5772156649015329


def bonferroni(p_value: float | None, comparisons: int) -> float | None:
    """The p-value of one of several comparisons, adjusted for their number: the product of the two, at most 1.

    Rejecting where it is below 5 % keeps the probability of any false rejection below 5 %, however the tests
    depend on each other. Holm (1979) rejects a little more often, but has no intervals of one level for all: that
    of `bootstrap_difference` with as many comparisons excludes 0 exactly where this value is below 5 %.

    Returns
    -------
    None for None.

    Examples
    --------
    >>> bonferroni(0.01, 6), bonferroni(0.5, 6)
    (0.06, 1.0)
    """
    return None if p_value is None else min(1.0, comparisons * p_value)


def superior_predictive_ability(strategies: Floats, benchmark: Floats) -> float | None:
    """p-value that no strategy has a higher mean return than buy-and-hold: Hansen (2005), consistent.

    The largest mean lead is compared with that of `SPA_RESAMPLES` circular block resamples, in which each strategy
    leads by nothing. One that is behind by more than the law of the iterated logarithm allows stays behind there,
    so poor strategies do not hide a good one. Strategies that only copy the benchmark are left out.

    Parameters
    ----------
    strategies, benchmark
        (S, n) and (n,) simple returns of the same bars.

    Returns
    -------
    None where no strategy is left, with fewer than `MIN_RETURNS` returns, or with one that is not finite.
    """
    valid = np.isfinite(benchmark).all() and np.isfinite(strategies).all() and len(benchmark) >= MIN_RETURNS
    rows = [row for row in strategies if valid and np.abs(row - benchmark).mean() > COPY_TOLERANCE]
    if not rows:
        return None
    leads = np.stack(rows) - benchmark  # (S, n)
    means, bars = leads.mean(axis=1), leads.shape[1]
    allowed = np.sqrt(2.0 * math.log(math.log(bars)) * _politis_romano_variances(leads) / bars)  # (S,)
    centres = np.where(means >= -allowed, means, 0.0)
    largest = (_resampled_means(leads) - centres[:, None]).max(axis=0)  # (R,)
    return float((largest > means.max()).mean())


def _resampled_means(x: Floats) -> Floats:
    """Means of circular block resamples of `x` (S, n), each of n bars, so its last block may be cut; (S, R)."""
    bars, block = x.shape[1], block_length(x.shape[1])
    whole, cut = _block_sums(x, block), _block_sums(x, bars - (-(-bars // block) - 1) * block)
    chunks = block_starts(bars, SPA_RESAMPLES)
    sums = [whole[:, starts[:, :-1]].sum(axis=-1) + cut[:, starts[:, -1]] for starts in chunks]
    return np.asarray(np.concatenate(sums, axis=1) / bars)


def _block_sums(x: Floats, block: int) -> Floats:
    """Sums of `block` bars from each bar of the circle on; (S, n)."""
    circle = np.concatenate([x, x[:, : block - 1]], axis=1)
    return np.asarray(sliding_window_view(circle, block, axis=1).sum(axis=-1))


def _politis_romano_variances(x: Floats) -> Floats:
    """Variance of sqrt(n) times the mean of each row of `x` (S, n), by the stationary bootstrap; (S,).

    Politis and Romano (1994): a block goes on with probability q, so bars that are k apart count with
    (1 - k / n) q^k + k / n q^(n - k), and by the circle from both sides.
    """
    bars, q = x.shape[1], 1.0 - 1.0 / block_length(x.shape[1])
    size = 1 << (2 * bars - 1).bit_length()  # so long that the ends do not meet
    spectrum = np.fft.rfft(x - x.mean(axis=1, keepdims=True), size)
    covariances = np.fft.irfft(np.abs(spectrum) ** 2, size)[:, :bars] / bars  # (S, n), by distance
    k = np.arange(bars)
    weights = (1.0 - k / bars) * q**k + k / bars * q ** (bars - k)
    weights[1:] *= 2.0
    return np.asarray(covariances @ weights)


def probabilistic_sharpe(returns: Floats, threshold: float = 0.0) -> float | None:
    """The probability that the true Sharpe ratio is above `threshold`, by Bailey and Lopez de Prado (2012).

    Phi((S - threshold) sqrt(n - 1) / sqrt(1 - skew S + (kurtosis - 1) / 4 S^2)), with the moments at the estimate
    S itself and not, as in some libraries, at the threshold.

    Parameters
    ----------
    returns
        (n,) simple returns.
    threshold
        A Sharpe ratio per bar.

    Returns
    -------
    None with fewer than `MIN_RETURNS` returns, with one that is not finite, or where all are equal.
    """
    ratio = sharpe(returns, 1) if len(returns) >= MIN_RETURNS else None
    if ratio is None:
        return None
    z = (returns - returns.mean()) / returns.std()
    variance = 1.0 - float(np.mean(z**3)) * ratio + (float(np.mean(z**4)) - 1.0) / 4.0 * ratio**2
    if not variance > 0.0:
        return None
    return NormalDist().cdf((ratio - threshold) * math.sqrt((len(returns) - 1) / variance))


def expected_best(trials: int, variance: float) -> float:
    """The expected Sharpe ratio of the best of `trials` without skill; `variance` is the variance of their ratios.

    Bailey and Lopez de Prado (2014) approximate the largest of `trials` normal numbers; 0 for one trial.
    """
    if trials < 2:
        return 0.0
    normal = NormalDist()
    first, second = normal.inv_cdf(1.0 - 1.0 / trials), normal.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - _EULER) * first + _EULER * second)


def published_deflated_sharpe(returns: Floats, trials: int, variance: float | None) -> float | None:
    """The deflated Sharpe ratio as published (Bailey and Lopez de Prado 2014), with the variance of the trials.

    It is `probabilistic_sharpe` above `expected_best`. It is reported, and no condition of an edge: trials also
    differ by their costs and by their mistakes, so one trial with an error raises the hurdle for all, and many
    that are nearly equal lower it.

    The variance is taken to be at least 1 / (n - 1), about that of the ratios of independent strategies without
    skill (Lo 2002). So trials that resemble each other, or of which few ratios are known, do not lower the hurdle.

    Parameters
    ----------
    returns
        (n,) simple returns.
    trials, variance
        Number of trials on these prices, and the variance of their Sharpe ratios; None where it is not known.

    Returns
    -------
    None where `probabilistic_sharpe` is.
    """
    if len(returns) < MIN_RETURNS:
        return None
    least = 1.0 / (len(returns) - 1)
    return probabilistic_sharpe(returns, expected_best(trials, max(variance or 0.0, least)))


def deflated(score: float | None, trials: int) -> float | None:
    """The probability that the best of `trials` without skill has a lower score: Phi(score)^trials (Sidak 1967).

    A score is an estimate in its standard errors: normal with mean 0 without skill. The trials are taken as
    independent; for trials that resemble each other the probability is too small. It is above 0.95 where the score
    is above 1.64 for one trial, 2.39 for six, 3.08 for fifty and 3.47 for two hundred.

    Returns
    -------
    None for None.

    Examples
    --------
    >>> [round(deflated(2.39, trials), 2) for trials in (1, 6, 50)]
    [0.99, 0.95, 0.66]
    """
    return None if score is None else NormalDist().cdf(score) ** trials


def deflated_sharpe(returns: Floats, trials: int) -> float | None:
    """`deflated` of the Sharpe ratio over a rate of zero, in the standard errors of `probabilistic_sharpe`.

    None where `probabilistic_sharpe` is.
    """
    probability = probabilistic_sharpe(returns)
    return None if probability is None else probability**trials


def deflated_lead(difference: Difference, trials: int) -> float | None:
    """`deflated` of the lead over buy-and-hold's Sharpe ratio, in its standard errors.

    The deflated Sharpe ratio compares with zero, and in a rising asset nearly every strategy is above zero. None
    where the difference is undefined.
    """
    if difference.difference is None or not difference.error:
        return None
    return deflated(difference.difference / difference.error, trials)
