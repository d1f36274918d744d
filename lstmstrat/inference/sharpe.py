"""The Sharpe ratio of a strategy above that of buy-and-hold, on the same bars and net of the same costs.

After Ledoit and Wolf (2008): does it differ by more than chance explains?
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lstmstrat.metrics import sharpe

Floats = npt.NDArray[np.float64]

SIGNIFICANCE = 0.05  # two-sided
POWER = 0.80
MIN_RETURNS = 30  # below it the normal limit of the test is not to be trusted

# Least standard deviation of the influence; one side alone has about 1. A copy of buy-and-hold differs from it
# by rounding: 1e-9 of a return, 1e-7 of a volatility of 1 %.
_SAME = 1e-6


@dataclass(frozen=True)
class SharpeDifference:
    """Strategy minus benchmark, annual; all None where the test is undefined."""

    difference: float | None
    low: float | None  # 95 % confidence interval
    high: float | None
    p_value: float | None  # two-sided


def sharpe_difference(strategy_returns: Floats, benchmark_returns: Floats, periods: int) -> SharpeDifference:
    """Annual Sharpe ratio of the strategy minus that of the benchmark, with its uncertainty.

    The delta method of Ledoit and Wolf (2008, section 3.1) with a heteroskedasticity and autocorrelation
    consistent variance: Bartlett kernel (Newey and West 1987), lag floor(4 (n / 100)^(2/9)) (Newey and West
    1994), factor n / (n - 4) as in the authors' own code. The difference is that of `metrics.sharpe`.

    All fields are None with fewer than `MIN_RETURNS` returns, a return that is not finite, a side that does
    not vary, or a benchmark that the strategy only copies or scales: there the difference has no error to be
    judged by.

    Raises
    ------
    ValueError
        The two have different lengths.
    """
    influence = _influence(strategy_returns, benchmark_returns)
    a, b = sharpe(strategy_returns, periods), sharpe(benchmark_returns, periods)
    if influence is None or a is None or b is None:
        return SharpeDifference(None, None, None, None)
    n = len(influence)
    lag = int(4 * (n / 100) ** (2 / 9))
    error = math.sqrt(long_run_variance(influence, lag) / (n - 4) * periods)
    normal = NormalDist()
    reach = normal.inv_cdf(1 - SIGNIFICANCE / 2) * error
    p_value = 2 * normal.cdf(-abs(a - b) / error)
    return SharpeDifference(a - b, a - b - reach, a - b + reach, p_value)


def minimum_detectable_difference(
    strategy_returns: Floats, benchmark_returns: Floats, periods: int
) -> float | None:
    """The annual Sharpe gain that the test would find in `POWER` of samples like this one.

    For normal returns the variance of a Sharpe difference over n bars is (2 - 2 rho) / n, plus terms in the
    squared Sharpe ratios a bar that are small (Jobson and Korkie 1981, Memmel 2003). A two-sided test finds a
    gain of z(1 - significance / 2) + z(power) = 1.960 + 0.842 = 2.80 such errors, so the gain a year is
    2.80 sqrt((2 - 2 rho) / years). None where `sharpe_difference` is undefined.
    """
    if _influence(strategy_returns, benchmark_returns) is None:
        return None
    normal = NormalDist()
    errors = normal.inv_cdf(1 - SIGNIFICANCE / 2) + normal.inv_cdf(POWER)
    rho = float(np.corrcoef(strategy_returns, benchmark_returns)[0, 1])
    return errors * math.sqrt(max(2 - 2 * rho, 0.0) / (len(strategy_returns) / periods))


def _influence(strategy: Floats, benchmark: Floats) -> Floats | None:
    """The influence of each bar on the Sharpe difference (not annual), (n,); None where undefined.

    It is the gradient of the difference in the four moments mean a, mean b, mean a^2, mean b^2, times the
    deviation of the bar from them. With z the standardised return, one side reduces to z - S / 2 (z^2 - 1).
    """
    if len(strategy) != len(benchmark):
        raise ValueError(f"{len(strategy)} strategy and {len(benchmark)} benchmark returns; expected as many")
    sides = np.stack([strategy, benchmark])  # (2, n)
    if sides.shape[1] < MIN_RETURNS or sharpe(strategy, 1) is None or sharpe(benchmark, 1) is None:
        return None
    mean, deviation = sides.mean(axis=1, keepdims=True), sides.std(axis=1, keepdims=True)  # (2, 1) each
    z = (sides - mean) / deviation
    a, b = z - mean / deviation / 2 * (z**2 - 1)
    influence: Floats = a - b
    return influence if influence.std() > _SAME else None


def long_run_variance(x: Floats, lag: int) -> float:
    """Newey-West estimate of the variance of sqrt(n) times the mean of `x`, whose mean is zero."""
    weighted = [2 * (1 - k / (lag + 1)) * float(x[k:] @ x[:-k]) for k in range(1, lag + 1)]
    return (float(x @ x) + sum(weighted)) / len(x)
