"""Is the difference from buy-and-hold real? Pure functions of returns and forecasts.

The question put to each strategy is whether its Sharpe ratio differs from that of buy-and-hold by more than
chance explains, on the same bars and net of the same costs (Ledoit and Wolf 2008). Undefined is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstmstrat.metrics import sharpe

SUPPORTED = "edge supported"
WORSE = "worse than buy-and-hold"
UNDECIDED = "not distinguishable from buy-and-hold"
SIGNIFICANCE = 0.05  # two-sided
POWER = 0.80
MIN_RETURNS = 30  # below it the normal limit of the test is not to be trusted
RULE = (
    f"{SUPPORTED!r} needs a Sharpe ratio above buy-and-hold's with a p-value below {SIGNIFICANCE} (two-sided "
    f"Ledoit-Wolf test, Holm-adjusted for the number of strategies); {WORSE!r} needs the same with a Sharpe "
    f"ratio below; all else, and a test that is undefined, is {UNDECIDED!r}."
)

# Least standard deviation of the influence; one side alone has about 1. A copy of buy-and-hold differs from it
# by rounding: 1e-9 of a return, 1e-7 of a volatility of 1 %.
_SAME = 1e-6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SharpeDifference:
    """Strategy minus benchmark, annual; all None where the test is undefined."""

    difference: float | None
    low: float | None  # 95 % confidence interval
    high: float | None
    p_value: float | None  # two-sided


@dataclass(frozen=True)
class Verdict:
    """What may be said of one strategy by `RULE`, and the annual Sharpe differences behind it."""

    text: str
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None  # Holm, over the strategies compared
    detectable: float | None  # see `minimum_detectable_difference`


@dataclass(frozen=True)
class Skill:
    """How well forecasts met what came, over the bars where both are known."""

    observations: int
    correlation: float | None
    hit_rate: float | None  # share of right signs where the realised return is not zero
    always_up: float | None  # the hit rate of a forecast that is always positive: the base rate
    r2_against_zero: float | None  # 1 - sum (r - f)^2 / sum r^2: below 0 is worse than forecasting zero


def verdicts(returns: pd.DataFrame, benchmark: pd.Series[float], periods: int) -> dict[str, Verdict]:
    """The verdict on each column of `returns` against `benchmark`, by `RULE`.

    Parameters
    ----------
    returns, benchmark
        Simple returns on the same dates, one column a strategy.
    periods
        Bars a year.

    Raises
    ------
    ValueError
        The dates differ.
    """
    if not returns.index.equals(benchmark.index):
        raise ValueError("strategies and benchmark must be compared on the same dates; these indexes differ")
    base: Floats = np.asarray(benchmark, dtype=np.float64)
    columns: dict[str, Floats] = {str(name): np.asarray(r, dtype=np.float64) for name, r in returns.items()}
    tests = {name: sharpe_difference(column, base, periods) for name, column in columns.items()}
    p_values = {name: test.p_value for name, test in tests.items() if test.p_value is not None}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return {
        name: Verdict(
            text=_text(test.difference, adjusted.get(name)),
            difference=test.difference,
            low=test.low,
            high=test.high,
            p_value=test.p_value,
            p_adjusted=adjusted.get(name),
            detectable=minimum_detectable_difference(columns[name], base, periods),
        )
        for name, test in tests.items()
    }


def _text(difference: float | None, p_adjusted: float | None) -> str:
    if difference is None or p_adjusted is None or p_adjusted >= SIGNIFICANCE:
        return UNDECIDED
    return SUPPORTED if difference > 0.0 else WORSE


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
    error = math.sqrt(_long_run_variance(influence, lag) / (n - 4) * periods)
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


def _long_run_variance(x: Floats, lag: int) -> float:
    """Newey-West estimate of the variance of sqrt(n) times the mean of `x`, whose mean is zero."""
    weighted = [2 * (1 - k / (lag + 1)) * float(x[k:] @ x[:-k]) for k in range(1, lag + 1)]
    return (float(x @ x) + sum(weighted)) / len(x)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm (1979) step-down adjusted p-values, in the order given.

    Rejecting where the adjusted value is below 5 % keeps the chance of any false rejection among all of them
    below 5 %, however they depend on each other.

    Raises
    ------
    ValueError
        A value outside 0 to 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError(f"p-values must lie between 0 and 1; {list(p_values)} given")
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def forecast_skill(forecast: Floats, realised: Floats) -> Skill:
    """How well `forecast` met `realised`, both (n,) and in the same units; pairs with a NaN are dropped.

    A forecast of exactly zero has no sign, so it counts as wrong. The correlation is None with fewer than two
    pairs or a side that does not vary; the hit rates and r2 are None where every realised return is zero.

    Raises
    ------
    ValueError
        The two have different lengths.
    """
    if len(forecast) != len(realised):
        raise ValueError(f"{len(forecast)} forecasts and {len(realised)} realised returns; expected as many")
    known = np.isfinite(forecast) & np.isfinite(realised)
    f, r = forecast[known], realised[known]
    moved = r != 0.0
    total = float(r @ r)
    varies = len(r) > 1 and np.ptp(f) > 0.0 and np.ptp(r) > 0.0
    return Skill(
        observations=len(r),
        correlation=float(np.corrcoef(f, r)[0, 1]) if varies else None,
        hit_rate=float(np.mean(np.sign(f[moved]) == np.sign(r[moved]))) if moved.any() else None,
        always_up=float(np.mean(r[moved] > 0.0)) if moved.any() else None,
        r2_against_zero=1.0 - float((r - f) @ (r - f)) / total if total > 0.0 else None,
    )
