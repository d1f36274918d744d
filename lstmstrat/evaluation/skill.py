"""Accuracy of forecasts against realised returns, and tests of whether they contain any signal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.bootstrap import MIN_RETURNS, long_run_variance


@dataclass(frozen=True)
class Skill:
    """Accuracy of forecasts, over the bars where forecast and realised return are both known."""

    observations: int
    correlation: float | None
    hit_rate: float | None  # share of right signs where the realised return is not zero
    always_up: float | None  # the hit rate of a forecast that is always positive: the base rate
    r2_against_zero: float | None  # 1 - sum (r - f)^2 / sum r^2: below 0 is worse than forecasting zero
    r2_against_mean: float | None  # the same against the mean label of the training set in use
    slope: float | None  # of the realised return on the forecast, both less that mean; below 1 is too bold


@dataclass(frozen=True)
class SkillTests:
    """p-values; None where undefined. `skill_tests` describes each test."""

    clark_west: float | None  # one-sided, against a forecast of zero
    clark_west_mean: float | None  # one-sided, against the mean label of the training set in use
    diebold_mariano: float | None  # two-sided
    pesaran_timmermann: float | None  # one-sided; None for a horizon above 1


def forecast_skill(forecast: Floats, realised: Floats, past_mean: Floats) -> Skill:
    """Accuracy of `forecast` against `realised`. Pairs with a NaN are dropped.

    A forecast of exactly zero has no sign, so it counts as wrong.

    Parameters
    ----------
    forecast, realised
        (n,) forecasts and realised returns, in the same units.
    past_mean
        (n,) mean label of the training set of the fold in use: the forecast of a model that learns nothing else.

    Returns
    -------
    The correlation is None with fewer than two pairs or where a side does not vary. The hit rates and the R2 are
    None where every realised return is zero, the slope where every forecast is the past mean.

    Raises
    ------
    ValueError
        The lengths differ.
    """
    f, r, mean = _valid_pairs(forecast, realised, past_mean)
    nonzero = r != 0.0
    varies = len(r) > 1 and np.ptp(f) > 0.0 and np.ptp(r) > 0.0
    return Skill(
        observations=len(r),
        correlation=float(np.corrcoef(f, r)[0, 1]) if varies else None,
        hit_rate=float(np.mean(np.sign(f[nonzero]) == np.sign(r[nonzero]))) if nonzero.any() else None,
        always_up=float(np.mean(r[nonzero] > 0.0)) if nonzero.any() else None,
        r2_against_zero=_r2(f, r, np.zeros_like(r)),
        r2_against_mean=_r2(f, r, mean) if np.isfinite(mean).all() else None,
        slope=_slope(f - mean, r - mean),
    )


def _slope(f: Floats, r: Floats) -> float | None:
    squares = float(f @ f)
    return float(f @ r) / squares if squares > 0.0 else None


def _r2(f: Floats, r: Floats, baseline: Floats) -> float | None:
    total = float((r - baseline) @ (r - baseline))
    return 1.0 - float((r - f) @ (r - f)) / total if total > 0.0 else None


def skill_tests(forecast: Floats, realised: Floats, past_mean: Floats, horizon: int) -> SkillTests:
    """Does `forecast` contain any signal about `realised`? Pairs with a NaN are dropped.

    Realised returns over a `horizon` above 1 overlap. The first two tests allow for it (Newey-West, at least
    horizon - 1 lags), the third cannot.

    - Clark and West (2007): is there any signal? The test subtracts the cost of its noise from the error of a
      forecast, so it detects a weak signal even where the error is not smaller than that of zero. This is the
      question of a trader. Against zero, a forecast that is positive on average has signal in a rising asset;
      against the past mean, the forecast must also tell when the asset rises.
    - Diebold and Mariano (1995), corrected by Harvey and others (1997): does the mean squared error differ from
      that of a forecast of zero? The test rejects forecasts without any signal as worse more often than its level.
    - Pesaran and Timmermann (1992): are signs right more often than the frequencies of both signs imply?

    Parameters
    ----------
    forecast, realised, past_mean
        As in `forecast_skill`.
    horizon
        Bars that a realised return spans.

    Returns
    -------
    All None with fewer than `MIN_RETURNS` pairs, where all forecasts are zero, or where all returns are equal.
    `clark_west_mean` is None also where a past mean is not known, `pesaran_timmermann` also where all forecasts,
    or all returns, have one sign.

    Raises
    ------
    ValueError
        The lengths differ.
    """
    f, r, mean = _valid_pairs(forecast, realised, past_mean)
    if len(r) < MIN_RETURNS or not np.ptp(r) > 0.0 or not f.any():
        return SkillTests(None, None, None, None)
    lags = _lags(len(r), horizon)
    return SkillTests(
        _clark_west(f, r, lags),
        _clark_west(f - mean, r - mean, lags) if np.isfinite(mean).all() else None,
        _diebold_mariano(f, r, lags, horizon),
        _pesaran_timmermann(f, r) if horizon == 1 else None,
    )


@dataclass(frozen=True)
class NetworkGain:
    """What the networks add to the linear part of the same forecast."""

    r2: float | None  # of the forecast, against the mean of the training set
    linear_r2: float | None  # of the calibrated linear part alone
    p_value: float | None  # one-sided: do they add a signal (Clark and West 2007)?


def network_gain(
    forecast: Floats, linear: Floats, realised: Floats, past_mean: Floats, horizon: int
) -> NetworkGain:
    """A forecast beside the one that its linear part alone would have made. Bars with a NaN are dropped.

    The forecast nests that of the linear part, so the test subtracts the cost of its noise from its error.

    Returns
    -------
    `p_value` is None with fewer than `MIN_RETURNS` bars.
    """
    known = np.isfinite(linear)
    f, r, mean = _valid_pairs(forecast[known], realised[known], past_mean[known])
    alone = linear[known & np.isfinite(forecast) & np.isfinite(realised)]
    p_value = _clark_west(f - alone, r - alone, _lags(len(r), horizon)) if len(r) >= MIN_RETURNS else None
    return NetworkGain(_r2(f, r, mean), _r2(alone, r, mean), p_value)


def _lags(observations: int, horizon: int) -> int:
    """Newey and West (1994), or the overlap."""
    return max(horizon - 1, int(4 * (observations / 100) ** (2 / 9)))


def _valid_pairs(forecast: Floats, realised: Floats, past_mean: Floats) -> tuple[Floats, Floats, Floats]:
    """All three at the bars where forecast and realised return are known."""
    if not len(forecast) == len(realised) == len(past_mean):
        raise ValueError(
            f"{len(forecast)} forecasts, {len(realised)} realised returns and {len(past_mean)} past means; "
            "expected as many of each"
        )
    valid = np.isfinite(forecast) & np.isfinite(realised)
    return forecast[valid], realised[valid], past_mean[valid]


def _clark_west(f: Floats, r: Floats, lags: int) -> float | None:
    """One-sided test of the mean of r^2 - ((r - f)^2 - f^2), which is 2 r f."""
    if not np.ptp(f * r) > 0.0:
        return None
    x = 2.0 * r * f  # (n,)
    variance = long_run_variance(x - x.mean(), lags) / len(x)
    return NormalDist().cdf(-float(x.mean()) / math.sqrt(variance)) if variance > 0.0 else None


def _diebold_mariano(f: Floats, r: Floats, lags: int, horizon: int) -> float | None:
    """Two-sided test of the mean of (r - f)^2 - r^2, by Student's t with the factor of Harvey and others."""
    from scipy.special import stdtr  # the distribution of Student's t

    n, worse = len(r), (r - f) ** 2 - r**2  # (n,)
    mean = float(worse.mean())
    variance = long_run_variance(worse - mean, lags) / n
    if not variance > 0.0:
        return None
    factor = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    return 2.0 * float(stdtr(n - 1, -abs(mean) * math.sqrt(factor / variance)))


def _pesaran_timmermann(f: Floats, r: Floats) -> float | None:
    """One-sided test of the share of right signs, less that of independent signs."""
    if len({*(f > 0.0)}) < 2 or len({*(r > 0.0)}) < 2:
        return None
    hits = float(np.mean((f > 0.0) == (r > 0.0)))
    up, said = float(np.mean(r > 0.0)), float(np.mean(f > 0.0))  # shares of the bars
    expected = up * said + (1.0 - up) * (1.0 - said)  # share of hits if the signs are independent
    of_hits = expected * (1.0 - expected)
    of_expected = (2.0 * up - 1.0) ** 2 * said * (1.0 - said) + (2.0 * said - 1.0) ** 2 * up * (1.0 - up)
    variance = (of_hits - of_expected) / len(r)
    return 0.5 * math.erfc((hits - expected) / math.sqrt(2.0 * variance)) if variance > 0.0 else None


def load_libraries() -> None:
    """Load what `forecast_skill` needs only at its end.

    Raises
    ------
    ImportError
        scipy is broken, or there is no memory for it.
    """
    import scipy.special  # noqa: F401
