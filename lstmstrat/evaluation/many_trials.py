"""Corrections for the number of strategies tried: Holm's adjustment, Hansen's test, the deflated Sharpe ratio.

Sharpe ratios here are per bar, not annual, over a rate of zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.bootstrap import COPY_TOLERANCE, MIN_RETURNS, Difference, block_length
from lstmstrat.evaluation.metrics import sharpe

SPA_RESAMPLES = 1000
_EULER = 0.5772156649015329


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm (1979) step-down adjusted p-values, in the order of `p_values`.

    Rejecting where the adjusted value is below 5 % keeps the probability of any false rejection below 5 %, however
    the tests depend on each other.

    Raises
    ------
    ValueError
        A value outside 0 to 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError(f"p-values must lie between 0 and 1; {list(p_values)} given")
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


def superior_predictive_ability(strategies: Floats, benchmark: Floats) -> float | None:
    """p-value that no strategy has a higher mean return than buy-and-hold: Hansen (2005), consistent, by arch.

    Strategies that only copy the benchmark are left out.

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
    from arch.bootstrap import SPA

    test = SPA(
        -benchmark,
        -np.stack(rows, axis=1),
        block_size=block_length(len(benchmark)),
        reps=SPA_RESAMPLES,
        bootstrap="circular",
        seed=0,
    )
    test.compute()
    return float(test.pvalues["consistent"])


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


def deflated_difference(difference: Difference, trials: int) -> float | None:
    """The probability that the lead over buy-and-hold's Sharpe ratio beats the best of `trials` without skill.

    The deflated Sharpe ratio compares with zero, and in a rising asset nearly every strategy is above zero. This
    function deflates the lead over buy-and-hold instead. The best of `trials` strategies that are as good as
    buy-and-hold leads by `expected_best` standard errors of the difference, so the probability is
    Phi(difference / error - expected_best(trials, 1)). None where the difference is undefined.
    """
    if difference.difference is None or not difference.error:
        return None
    return NormalDist().cdf(difference.difference / difference.error - expected_best(trials, 1.0))


def deflated_sharpe(returns: Floats, trials: int, variance: float | None) -> float | None:
    """The deflated Sharpe ratio (Bailey and Lopez de Prado 2014): `probabilistic_sharpe` above `expected_best`.

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
