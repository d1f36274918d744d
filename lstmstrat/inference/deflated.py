"""Is a Sharpe ratio more than luck, and more than the best of so many trials would have by luck?

All Sharpe ratios here are of a bar, not of a year, over a rate of zero.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from lstmstrat.inference.bootstrap import MIN_RETURNS, Difference, Floats
from lstmstrat.metrics import sharpe

_EULER = 0.5772156649015329


def probabilistic_sharpe(returns: Floats, threshold: float = 0.0) -> float | None:
    """The probability that the true Sharpe ratio lies above `threshold`, given the returns (n,).

    Bailey and Lopez de Prado (2012): Phi((S - threshold) sqrt(n - 1) / sqrt(1 - skew S + (kurtosis - 1) / 4 S^2)),
    with the moments at the estimate S itself, not at the threshold as some libraries have it. None with fewer than
    `MIN_RETURNS` returns, one that is not finite, or none that differ.
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
    """What the best of `trials` without skill has on average; `variance` is that of their ratios.

    Bailey and Lopez de Prado (2014), an approximation to the largest of so many normal numbers; 0 for one trial.
    """
    if trials < 2:
        return 0.0
    normal = NormalDist()
    first, second = normal.inv_cdf(1.0 - 1.0 / trials), normal.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - _EULER) * first + _EULER * second)


def deflated_difference(difference: Difference, trials: int) -> float | None:
    """The chance that a Sharpe ratio leads buy-and-hold's by more than the best of `trials` without skill does.

    The deflated Sharpe ratio asks for more than nothing; in an asset that rises nearly all has more. Here the same
    thought is turned to the lead: the best of so many trials that are as good as buy-and-hold leads by
    `expected_best` errors of a difference, so it is Phi(difference / error - expected_best(trials, 1)). None where
    the difference is undefined.
    """
    if difference.difference is None or not difference.error:
        return None
    return NormalDist().cdf(difference.difference / difference.error - expected_best(trials, 1.0))


def deflated_sharpe(returns: Floats, trials: int, variance: float | None) -> float | None:
    """`probabilistic_sharpe` above `expected_best`: the deflated Sharpe ratio (Bailey and Lopez de Prado 2014).

    `trials` were made on these prices, and `variance` is that of their Sharpe ratios. None also where there were
    several trials and the variance is not known.
    """
    if trials > 1 and variance is None:
        return None
    return probabilistic_sharpe(returns, expected_best(trials, variance or 0.0))
