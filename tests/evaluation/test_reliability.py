"""Whether what was said came true, and what the networks add: against counts, scikit-learn and statsmodels."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from lstmstrat.evaluation.reliability import QuantileCheck, Reliability, UpBin, reliability
from lstmstrat.evaluation.skill import forecast_skill, network_gain

RNG = np.random.default_rng(3)
N = 3000


def test_a_share_below_each_quantile_by_hand() -> None:
    realised = np.array([-3.0, -1.0, 0.0, 2.0, np.nan])
    quantiles = np.tile([-2.0, 0.0, 1.0], (5, 1))
    found = reliability(np.full(5, 0.52), quantiles, realised, (0.1, 0.5, 0.9), 0.0)
    assert found.quantiles == (QuantileCheck(0.1, 0.25), QuantileCheck(0.5, 0.5), QuantileCheck(0.9, 0.75))
    assert found.interval == (0.8, 0.5)
    assert found.up == (UpBin(0.5, 0.55, 4, pytest.approx(0.52), 0.25),)
    assert found.observations == 4


def test_the_bins_are_those_of_scikit_learn() -> None:
    up = RNG.uniform(0.0, 1.0, N)
    realised = np.where(RNG.uniform(size=N) < up, 0.02, 0.005)
    found = reliability(up, np.zeros((N, 0)), realised, (), 0.01)
    rose, stated = calibration_curve(realised > 0.01, up, n_bins=20)
    np.testing.assert_allclose([one.realised for one in found.up], rose)
    np.testing.assert_allclose([one.stated for one in found.up], stated)
    assert sum(one.observations for one in found.up) == N
    assert found.interval is None


def test_a_probability_of_one_has_a_bin() -> None:
    found = reliability(np.ones(3), np.zeros((3, 0)), np.ones(3), (), 0.0)
    assert [(one.low, one.high, one.observations) for one in found.up] == [(0.95, 1.0, 3)]


def test_without_a_bar_nothing_is_known() -> None:
    missing = np.full(4, np.nan)
    assert reliability(missing, np.zeros((4, 2)), np.zeros(4), (0.1, 0.9), 0.0) == Reliability(0, (), ())


def test_what_the_networks_add_is_clark_and_west_on_nested_forecasts() -> None:
    """The mean of (r - l)^2 - ((r - f)^2 - (l - f)^2), with the errors of Newey and West by statsmodels."""
    import statsmodels.api as sm

    mean = np.full(N, 0.1)
    linear, extra = 0.1 + 0.2 * RNG.normal(size=N), 0.1 * RNG.normal(size=N)
    realised, forecast = linear + extra + RNG.normal(size=N), linear + 0.5 * extra
    found = network_gain(forecast, linear, realised, mean, 1)
    adjusted = (realised - linear) ** 2 - ((realised - forecast) ** 2 - (linear - forecast) ** 2)
    lags = int(4 * (N / 100) ** (2 / 9))
    fitted = sm.OLS(adjusted, np.ones(N)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    assert found.p_value == pytest.approx(1.0 - NormalDist().cdf(float(fitted.tvalues[0])), rel=1e-6)
    assert found.r2 == pytest.approx(1.0 - np.square(realised - forecast).sum() / np.square(realised - mean).sum())
    assert found.linear_r2 == pytest.approx(
        1.0 - np.square(realised - linear).sum() / np.square(realised - mean).sum()
    )


def test_a_bar_without_one_of_the_forecasts_does_not_count() -> None:
    forecast, linear, realised, mean = RNG.normal(size=(4, 100))
    whole = network_gain(forecast[10:90], linear[10:90], realised[10:90], mean[10:90], 1)
    linear[:10], forecast[90:] = np.nan, np.nan
    assert network_gain(forecast, linear, realised, mean, 1) == whole


def test_the_slope_is_that_of_a_regression_through_the_mean() -> None:
    import statsmodels.api as sm

    mean, forecast = np.full(N, 0.3), 0.3 + RNG.normal(size=N)
    realised = 0.3 + 0.4 * (forecast - 0.3) + RNG.normal(size=N)
    expected = sm.OLS(realised - mean, forecast - mean).fit().params[0]
    assert forecast_skill(forecast, realised, mean).slope == pytest.approx(expected)
    assert forecast_skill(mean, realised, mean).slope is None
