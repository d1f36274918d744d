from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.sandwich_covariance import S_hac_simple

from lstmstrat.inference import (
    MIN_RETURNS,
    RULE,
    SUPPORTED,
    UNDECIDED,
    WORSE,
    Verdict,
    forecast_skill,
    holm,
    minimum_detectable_difference,
    sharpe_difference,
    verdicts,
)

Z95 = 1.959963985  # normal quantile at 0.975, from any table


def pair(rng: np.random.Generator, n: int, rho: float, gain: float = 0.0, common: float = 0.03):
    """Normal returns of volatility 1 % and correlation `rho`, Sharpe `common` + `gain` and `common` a bar."""
    market, own = rng.standard_normal((2, n))
    strategy = gain + common + rho * market + math.sqrt(1 - rho**2) * own
    return 0.01 * strategy, 0.01 * (common + market)


def clustered(rng: np.random.Generator, n: int):
    """Two exchangeable, so equally good, series with Student t shocks and volatility that comes in clusters."""
    shocks = rng.standard_normal(n + 60)
    volatility = 0.01 * np.exp(0.25 * np.convolve(shocks, 0.95 ** np.arange(60), "valid")[:n])  # (n,)
    market, a, b = rng.standard_t(6, (3, n))
    return volatility * (0.03 + market + a), volatility * (0.03 + market + b)


def as_frame(columns: dict[str, np.ndarray], benchmark: np.ndarray) -> tuple[pd.DataFrame, pd.Series]:
    index = pd.bdate_range("2010-01-01", periods=len(benchmark))
    return pd.DataFrame(columns, index=index), pd.Series(benchmark, index=index)


def test_difference_is_that_of_the_two_sharpe_ratios():
    a, b = pair(np.random.default_rng(1), 400, rho=0.7)
    by_hand = math.sqrt(252) * (np.mean(a) / np.std(a, ddof=1) - np.mean(b) / np.std(b, ddof=1))
    found = sharpe_difference(a, b, 252)
    assert found.difference == pytest.approx(by_hand, rel=1e-12)
    assert (found.low + found.high) / 2 == pytest.approx(by_hand, rel=1e-12)


def test_standard_error_is_the_four_moment_delta_method_of_ledoit_and_wolf():
    # Their section 3.1 written out: gradient (c1/s1^3, -c2/s2^3, -m1/2s1^3, m2/2s2^3), c the second moments,
    # with the Newey-West covariance matrix and the default lag of statsmodels.
    a, b = clustered(np.random.default_rng(2), 2000)
    n, (m1, m2) = len(a), (a.mean(), b.mean())
    c1, c2 = np.mean(a**2), np.mean(b**2)
    s1, s2 = math.sqrt(c1 - m1**2), math.sqrt(c2 - m2**2)
    gradient = np.array([c1 / s1**3, -c2 / s2**3, -m1 / (2 * s1**3), m2 / (2 * s2**3)])
    moments = np.column_stack([a - m1, b - m2, a**2 - c1, b**2 - c2])  # (n, 4)
    psi = S_hac_simple(moments) / (n - 4)
    error = math.sqrt(252 * gradient @ psi @ gradient / n)
    found = sharpe_difference(a, b, 252)
    assert (found.high - found.low) / 2 == pytest.approx(Z95 * error, rel=1e-8)
    assert found.p_value == pytest.approx(math.erfc(abs(found.difference) / error / math.sqrt(2)), rel=1e-8)


@pytest.mark.parametrize(("rho", "gain", "common"), [(0.7, 0.0, 0.05), (0.0, 0.4, 0.6)])
def test_standard_error_of_independent_normal_returns_is_that_of_memmel(rho, gain, common):
    # Memmel (2003): n Var = 2 - 2 rho + (S1^2 + S2^2 - 2 S1 S2 rho^2) / 2 with Sharpe ratios a bar. Without
    # autocorrelation the lags add noise only: about sqrt(4/3 * 23 / 300000) = 1 % of the variance.
    n, s1, s2 = 300_000, common + gain, common
    a, b = pair(np.random.default_rng(3), n, rho, gain, common)
    memmel = math.sqrt((2 - 2 * rho + (s1**2 + s2**2 - 2 * s1 * s2 * rho**2) / 2) / n)
    found = sharpe_difference(a, b, 1)
    assert (found.high - found.low) / (2 * Z95) == pytest.approx(memmel, rel=0.02)


def rejections(draw, n: int, runs: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    return sum(sharpe_difference(*draw(rng, n), 252).p_value < 0.05 for _ in range(runs))


# 600 runs at a true rate of 5 %: Binomial(600, 0.05) lies in 14..48 with probability 0.9995.
@pytest.mark.parametrize("draw", [lambda rng, n: pair(rng, n, rho=0.7), clustered], ids=["normal", "clustered"])
def test_a_true_null_is_rejected_at_the_nominal_rate(draw):
    assert 14 <= rejections(draw, n=1000, runs=600, seed=4) <= 48


def test_detectable_difference_is_found_in_80_percent_of_samples():
    # 2.8016 = 1.9600 + 0.8416, the normal quantiles at 0.975 and 0.80; 1000 bars are 1000 / 252 years.
    n, rho = 1000, 0.7
    detectable = 2.8016 * math.sqrt((2 - 2 * rho) / (n / 252))
    gain = detectable / math.sqrt(252)
    # 600 runs at 80 %: Binomial(600, 0.8) lies in 445..512 with probability 0.999.
    assert 445 <= rejections(lambda rng, n: pair(rng, n, rho, gain), n, runs=600, seed=5) <= 512
    a, b = pair(np.random.default_rng(6), n, rho)
    sample_rho = np.corrcoef(a, b)[0, 1]
    by_hand = detectable * math.sqrt((1 - sample_rho) / (1 - rho))
    assert minimum_detectable_difference(a, b, 252) == pytest.approx(by_hand, rel=1e-4)


# The worked values 2.8 sqrt(0.6 / years) at correlation 0.7.
@pytest.mark.parametrize(("years", "expected"), [(1, 2.17), (3, 1.25), (8, 0.77), (18, 0.51)])
def test_detectable_difference_at_correlation_0_7(years, expected):
    angle = 2 * math.pi * np.arange(252 * years) / 252
    market, own = np.cos(angle), np.sin(angle)  # exactly uncorrelated, with the same variance
    strategy = 0.7 * market + math.sqrt(0.51) * own
    assert minimum_detectable_difference(strategy, market, 252) == pytest.approx(expected, abs=0.006)


def undefined_cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(8)
    a, b = pair(rng, 200, rho=0.5)
    return {
        "identical": (b, b),
        "equal to the rounding of fills": (b + 1e-9 * rng.standard_normal(200), b),
        "half of it": (0.5 * b, b),
        "all cash": (np.zeros(200), b),
        "flat benchmark": (a, np.zeros(200)),
        "a lost account": (np.where(np.arange(200) < 100, a, np.nan), b),
        "too short": (a[: MIN_RETURNS - 1], b[: MIN_RETURNS - 1]),
        "empty": (a[:0], b[:0]),
    }


@pytest.mark.parametrize("case", undefined_cases())
def test_undefined_tests_are_none_and_decide_nothing(case):
    a, b = undefined_cases()[case]
    frame, benchmark = as_frame({"it": a}, b)
    assert verdicts(frame, benchmark, 252) == {"it": Verdict(UNDECIDED, None, None, None, None, None, None)}


def test_the_shortest_series_that_is_tested():
    a, b = pair(np.random.default_rng(9), MIN_RETURNS, rho=0.5)
    assert 0.0 < sharpe_difference(a, b, 252).p_value < 1.0


def test_a_constant_shift_of_the_benchmark_is_a_difference():
    # Correlation 1, yet the Sharpe ratio is another: only the detectable difference is 0.
    _, b = pair(np.random.default_rng(10), 500, rho=0.5)
    assert sharpe_difference(b - 0.001, b, 252).p_value < 1e-6
    assert minimum_detectable_difference(b - 0.001, b, 252) == pytest.approx(0.0, abs=1e-6)


def test_verdicts_follow_the_rule():
    rng = np.random.default_rng(11)
    _, benchmark = pair(rng, 2000, rho=0.0)
    noise = 0.01 * rng.standard_normal((3, 2000))
    noise -= noise.mean(axis=1, keepdims=True)  # sample Sharpe ratios of exactly 0.2, -0.2 and the benchmark's
    level = benchmark.mean() / benchmark.std()
    columns = {
        "good": noise[0] + 0.2 * noise[0].std(),
        "bad": noise[1] - 0.2 * noise[1].std(),
        "even": noise[2] + level * noise[2].std(),
    }
    found = verdicts(*as_frame(columns, benchmark), 252)
    assert {name: v.text for name, v in found.items()} == {"good": SUPPORTED, "bad": WORSE, "even": UNDECIDED}
    assert found["even"].difference == pytest.approx(0.0, abs=1e-9)
    for name, verdict in found.items():
        test = sharpe_difference(columns[name], benchmark, 252)
        numbers = (verdict.difference, verdict.low, verdict.high, verdict.p_value)
        assert numbers == (test.difference, test.low, test.high, test.p_value)
        assert verdict.detectable == minimum_detectable_difference(columns[name], benchmark, 252)
    assert all(text in RULE for text in (SUPPORTED, WORSE, UNDECIDED))


def test_a_strategy_tried_among_others_needs_more_evidence():
    rng = np.random.default_rng(12)
    noise, benchmark = pair(rng, 1000, rho=0.0)
    # Moved until its difference is 2.2 standard errors, p = 2 (1 - Phi(2.2)) = 0.028: under 0.05, and over it
    # when Holm doubles it. The error itself hardly moves with the mean.
    test = sharpe_difference(noise, benchmark, 252)
    error = (test.high - test.low) / (2 * Z95)
    one = noise + (2.2 * error - test.difference) / math.sqrt(252) * noise.std()
    alone = verdicts(*as_frame({"one": one}, benchmark), 252)["one"]
    assert 0.025 < alone.p_value == alone.p_adjusted < 0.05
    assert alone.text == SUPPORTED
    among = verdicts(*as_frame({"one": one, "other": noise}, benchmark), 252)["one"]
    assert among.p_adjusted == pytest.approx(2 * alone.p_value)
    assert among.text == UNDECIDED
    # A strategy whose test is undefined was not tested, so it is not counted.
    copy = verdicts(*as_frame({"one": one, "copy": benchmark}, benchmark), 252)["one"]
    assert copy == alone


def test_other_dates_are_refused():
    frame, benchmark = as_frame({"a": np.ones(5)}, np.ones(5))
    with pytest.raises(ValueError, match="same dates"):
        verdicts(frame, benchmark.iloc[1:], 252)
    with pytest.raises(ValueError, match="5 strategy and 4 benchmark returns"):
        sharpe_difference(np.ones(5), np.ones(4), 252)


def test_holm_by_hand():
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1: 0.03, 0.06, 0.04, and none below the one before it.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@settings(max_examples=25, deadline=None)  # multipletests collects garbage on every call, so it is slow
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, bad])


def test_forecast_skill_by_hand():
    # Five pairs are known. Of the four that moved, the signs of 2 and -3 are right and 3 rose.
    # Squared errors 1 + 4 + 4 + 1 + 36 = 46 against squares 4 + 9 + 0 + 1 + 16 = 30.
    # Forecasts: mean 0, squares 10; realised: mean 0.8, squared deviations 30 - 5 * 0.64 = 26.8; products -3.
    forecast = np.array([1.0, math.nan, -1.0, 2.0, 0.0, 5.0, -2.0])
    realised = np.array([2.0, 7.0, -3.0, 0.0, 1.0, math.nan, 4.0])
    skill = forecast_skill(forecast, realised)
    assert skill.observations == 5
    assert skill.hit_rate == 0.5
    assert skill.always_up == 0.75
    assert skill.r2_against_zero == pytest.approx(1 - 46 / 30)
    assert skill.correlation == pytest.approx(-3 / math.sqrt(268))


def test_forecast_skill_of_known_forecasts():
    realised = np.random.default_rng(13).standard_normal(100)
    perfect = forecast_skill(realised, realised)
    assert (perfect.hit_rate, perfect.r2_against_zero) == (1.0, 1.0)
    assert perfect.correlation == pytest.approx(1.0)
    # The best constant is the mean m: 1 - sum (r - m)^2 / sum r^2 = n m^2 / sum r^2.
    mean = realised.mean()
    constant = forecast_skill(np.full(100, mean), realised)
    assert constant.r2_against_zero == pytest.approx(100 * mean**2 / (realised @ realised))
    assert constant.correlation is None
    # A forecast of zero has no sign and is right about nothing.
    zero = forecast_skill(np.zeros(100), realised)
    assert (zero.hit_rate, zero.r2_against_zero) == (0.0, 0.0)


def test_forecast_correlation_equals_pandas():
    rng = np.random.default_rng(14)
    forecast, realised = rng.standard_normal((2, 300))
    forecast[::7], realised[::11] = math.nan, math.nan
    assert forecast_skill(forecast, realised).correlation == pytest.approx(
        pd.Series(forecast).corr(pd.Series(realised)), rel=1e-12
    )


def test_forecast_skill_of_nothing_is_undefined():
    for forecast, realised in [([], []), ([math.nan], [1.0])]:
        skill = forecast_skill(np.array(forecast), np.array(realised))
        assert skill.observations == 0
        assert skill.correlation is skill.hit_rate is skill.always_up is skill.r2_against_zero is None
    still = forecast_skill(np.array([0.1, 0.2]), np.zeros(2))
    assert still.correlation is still.hit_rate is still.always_up is still.r2_against_zero is None
    with pytest.raises(ValueError, match="2 forecasts and 1 realised"):
        forecast_skill(np.ones(2), np.ones(1))
