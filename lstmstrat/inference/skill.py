"""How well forecasts met what came, and whether there is any signal in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lstmstrat.inference.bootstrap import MIN_RETURNS, Floats, long_run_variance


@dataclass(frozen=True)
class Skill:
    """How well forecasts met what came, over the bars where both are known."""

    observations: int
    correlation: float | None
    hit_rate: float | None  # share of right signs where the realised return is not zero
    always_up: float | None  # the hit rate of a forecast that is always positive: the base rate
    r2_against_zero: float | None  # 1 - sum (r - f)^2 / sum r^2: below 0 is worse than forecasting zero
    r2_against_mean: float | None  # the same against the mean label of the training slice in use


@dataclass(frozen=True)
class SkillTests:
    """p-values; None where undefined. `skill_tests` says what each asks."""

    clark_west: float | None  # one-sided, against a forecast of zero
    clark_west_mean: float | None  # one-sided, against the mean label of the training slice in use
    diebold_mariano: float | None  # two-sided
    pesaran_timmermann: float | None  # one-sided; None for a horizon above 1


def forecast_skill(forecast: Floats, realised: Floats, past_mean: Floats) -> Skill:
    """How well `forecast` met `realised`, both (n,) and in the same units; pairs with a NaN are dropped.

    `past_mean` (n,) is the mean label that the fold in use was trained on, the forecast of who knows only that. A
    forecast of exactly zero has no sign, so it counts as wrong. The correlation is None with fewer than two
    pairs or a side that does not vary; the hit rates and R2 are None where every realised return is zero.

    Raises
    ------
    ValueError
        They have different lengths.
    """
    f, r, mean = _aligned(forecast, realised, past_mean)
    moved = r != 0.0
    varies = len(r) > 1 and np.ptp(f) > 0.0 and np.ptp(r) > 0.0
    return Skill(
        observations=len(r),
        correlation=float(np.corrcoef(f, r)[0, 1]) if varies else None,
        hit_rate=float(np.mean(np.sign(f[moved]) == np.sign(r[moved]))) if moved.any() else None,
        always_up=float(np.mean(r[moved] > 0.0)) if moved.any() else None,
        r2_against_zero=_r2(f, r, np.zeros_like(r)),
        r2_against_mean=_r2(f, r, mean) if np.isfinite(mean).all() else None,
    )


def _r2(f: Floats, r: Floats, other: Floats) -> float | None:
    total = float((r - other) @ (r - other))
    return 1.0 - float((r - f) @ (r - f)) / total if total > 0.0 else None


def skill_tests(forecast: Floats, realised: Floats, past_mean: Floats, horizon: int) -> SkillTests:
    """Is there anything in `forecast` of `realised`, both (n,)? Pairs with a NaN are dropped.

    `past_mean` (n,) is as in `forecast_skill`.

    Realised returns over a `horizon` above 1 overlap. The first two tests allow for it (Newey-West, at least
    horizon - 1 lags), the third cannot.

    - Clark and West (2007): is there any signal? The error of a forecast is set against what its noise costs, so a
      weak but true one is found that has no smaller error than zero. The one that a trader asks. Against zero, a
      forecast that is up on average has signal in an asset that rises; against the past mean it must know when.
    - Diebold and Mariano (1995), corrected by Harvey and others (1997): is the mean squared error another than
      that of zero? Forecasts without any signal are found worse more often than chance should have it.
    - Pesaran and Timmermann (1992): are signs right more often than the frequencies of both signs make them?

    All are None with fewer than `MIN_RETURNS` pairs, or where forecasts are all zero or returns all the same; the
    last one also where all forecasts, or all returns, have one sign, and the second where no past mean is known.

    Raises
    ------
    ValueError
        They have different lengths.
    """
    f, r, mean = _aligned(forecast, realised, past_mean)
    if len(r) < MIN_RETURNS or not np.ptp(r) > 0.0 or not f.any():
        return SkillTests(None, None, None, None)
    lags = max(horizon - 1, int(4 * (len(r) / 100) ** (2 / 9)))  # Newey and West (1994), or the overlap
    return SkillTests(
        _clark_west(f, r, lags),
        _clark_west(f - mean, r - mean, lags) if np.isfinite(mean).all() else None,
        _diebold_mariano(f, r, lags, horizon),
        _pesaran_timmermann(f, r) if horizon == 1 else None,
    )


def _aligned(forecast: Floats, realised: Floats, past_mean: Floats) -> tuple[Floats, Floats, Floats]:
    """All three where forecast and realised are known."""
    if not len(forecast) == len(realised) == len(past_mean):
        raise ValueError(
            f"{len(forecast)} forecasts, {len(realised)} realised returns and {len(past_mean)} past means; "
            "expected as many of each"
        )
    known = np.isfinite(forecast) & np.isfinite(realised)
    return forecast[known], realised[known], past_mean[known]


def _clark_west(f: Floats, r: Floats, lags: int) -> float | None:
    """The mean of r^2 - ((r - f)^2 - f^2), which is 2 r f; one-sided."""
    if not np.ptp(f * r) > 0.0:
        return None
    x = 2.0 * r * f  # (n,)
    variance = long_run_variance(x - x.mean(), lags) / len(x)
    return NormalDist().cdf(-float(x.mean()) / math.sqrt(variance)) if variance > 0.0 else None


def _diebold_mariano(f: Floats, r: Floats, lags: int, horizon: int) -> float | None:
    from statsmodels.tsa.stattools import diebold_mariano_test

    found = diebold_mariano_test(r, f, np.zeros_like(r), lags=lags, harvey_adj=True, horizon=horizon)
    return float(found.pvalue) if np.isfinite(found.pvalue) else None


def _pesaran_timmermann(f: Floats, r: Floats) -> float | None:
    if len({*(f > 0.0)}) < 2 or len({*(r > 0.0)}) < 2:
        return None
    from statsmodels.stats.diagnostic import pesaran_timmermann

    return float(pesaran_timmermann(r, f, alternative="larger").pvalue)
