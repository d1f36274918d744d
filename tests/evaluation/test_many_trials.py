"""Sharpe ratios that luck explains, and forecasts without or with a signal: published numbers, size and power."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from helpers.parallel import Cores
from scipy import stats

from lstmstrat.evaluation.bootstrap import NO_DIFFERENCE, Difference, block_length
from lstmstrat.evaluation.many_trials import (
    SPA_RESAMPLES,
    _politis_romano_variances,
    _resampled_means,
    deflated,
    deflated_lead,
    deflated_sharpe,
    expected_best,
    probabilistic_sharpe,
    published_deflated_sharpe,
    superior_predictive_ability,
)
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.evaluation.skill import SkillTests, skill_tests

Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def with_moments(n: int, ratio: float, skew: float, kurtosis: float) -> np.ndarray:
    """Three values, often enough, of Sharpe ratio `ratio` (divisor n) and the given moments, nearly.

    A three-point law with mean 0, variance 1, skew and kurtosis: points (s -+ sqrt(4k - 3s^2)) / 2 and 0.
    """
    root = math.sqrt(4.0 * kurtosis - 3.0 * skew**2)
    low, high = (skew - root) / 2.0, (skew + root) / 2.0
    p_low, p_high = 1.0 / (low * (low - high)), 1.0 / (high * (high - low))
    counts = np.rint(n * np.array([p_low, p_high])).astype(int)
    values = np.zeros(n)
    values[: counts[0]], values[counts[0] : counts.sum()] = low, high
    return (values - values.mean()) / values.std() + ratio


def test_the_example_of_bailey_and_lopez_de_prado() -> None:
    """Their 2014 paper: 100 trials, variance 1/2 a year, 250 days a year; Sharpe 2.5 a year over 1250 days, skew
    -3, kurtosis 10. The best of so many has 0.1132 a day, and the deflated Sharpe ratio is 0.9004.
    """
    variance = 0.5 / 250
    assert expected_best(100, variance) == pytest.approx(0.1132, abs=5e-5)
    returns = with_moments(1250, 2.5 / math.sqrt(250), -3.0, 10.0)
    assert stats.skew(returns) == pytest.approx(-3.0, abs=0.05)
    assert stats.kurtosis(returns, fisher=False) == pytest.approx(10.0, abs=0.2)
    assert published_deflated_sharpe(returns, 100, variance) == pytest.approx(0.9004, abs=0.005)


def test_the_formula_by_scipy() -> None:
    returns = np.random.default_rng(3).standard_t(5, 800) * 0.01 + 0.0005
    ratio = returns.mean() / returns.std(ddof=1)
    skew, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    error = math.sqrt((1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio**2) / 799)
    assert probabilistic_sharpe(returns, 0.01) == pytest.approx(stats.norm.cdf((ratio - 0.01) / error), rel=1e-9)


def test_the_best_of_many_by_simulation() -> None:
    """20,000 draws have a standard error of 0.004 deviations; the approximation is good to 0.03."""
    rng = np.random.default_rng(0)
    for trials in (5, 20, 100):
        best = rng.normal(0.0, 0.1, (20_000, trials)).max(axis=1).mean()
        assert expected_best(trials, 0.01) == pytest.approx(best, abs=0.004)
    assert expected_best(1, 0.01) == 0.0


def test_a_probability_of_095_is_right_of_noise_in_5_of_100() -> None:
    """400 samples of fat tails without a mean: binomial 99.9% bounds of 5% are 7 and 36."""
    rng = np.random.default_rng(1)
    found = [probabilistic_sharpe(rng.standard_t(5, 500) * 0.01) for _ in range(400)]
    assert 7 <= sum(p > 0.95 for p in found if p is not None) <= 36


def test_the_best_of_twenty_is_seldom_taken_for_skill() -> None:
    """Undeflated, the best of 20 passes 0.95 in 1 - 0.95^20 = 64 of 100; deflated, in few. Skill is found."""
    rng, plain, deflated, skilled = np.random.default_rng(2), 0, 0, 0
    for _ in range(100):
        tried = rng.normal(0.0, 0.01, (20, 1000))
        ratios = tried.mean(axis=1) / tried.std(axis=1, ddof=1)
        best, variance = tried[ratios.argmax()], float(ratios.var(ddof=1))
        plain += (probabilistic_sharpe(best) or 0.0) > 0.95
        deflated += (published_deflated_sharpe(best, 20, variance) or 0.0) > 0.95
        skilled += (
            published_deflated_sharpe(tried[0] + 0.002, 20, variance) or 0.0
        ) > 0.95  # 0.2 a day, 6.3 errors
    assert 45 <= plain <= 82  # binomial 99.99% of 64%
    assert deflated <= 10
    assert skilled >= 95


def test_a_deflated_score_is_the_distribution_of_the_largest_of_so_many() -> None:
    """By simulation: 40,000 times the largest of so many normal numbers; a share is known to 0.25 %."""
    rng = np.random.default_rng(10)
    for trials in (1, 6, 50, 200):
        largest = rng.standard_normal((40_000, trials)).max(axis=1)
        for score in (1.0, 2.0, 3.0, 3.5):
            assert deflated(score, trials) == pytest.approx(np.mean(largest < score), abs=0.01)
    assert deflated(None, 6) is None


@pytest.mark.parametrize(("trials", "score"), [(1, 1.645), (6, 2.386), (50, 3.083), (200, 3.474)])
def test_the_score_that_so_many_trials_ask_for(trials: int, score: float) -> None:
    """Sidak's level for one of N: 1 - 0.95^(1/N), one-sided, by scipy."""
    assert stats.norm.isf(1.0 - 0.95 ** (1.0 / trials)) == pytest.approx(score, abs=1e-3)
    assert deflated(score + 1e-3, trials) > 0.95 > deflated(score - 1e-3, trials)


def test_a_deflated_lead_and_sharpe_ratio_by_hand() -> None:
    """A lead of 2 errors: Phi(2) = 0.97725, and of six trials its sixth power."""
    lead = Difference(1.0, 0.0, 2.0, 0.046, 0.5)
    assert deflated_lead(lead, 1) == pytest.approx(0.97725, abs=1e-5)
    assert deflated_lead(lead, 6) == pytest.approx(0.97725**6, abs=1e-5)
    assert deflated_lead(NO_DIFFERENCE, 1) is None
    returns = np.random.default_rng(3).standard_t(5, 800) * 0.01 + 0.0005
    assert deflated_sharpe(returns, 6) == pytest.approx(probabilistic_sharpe(returns) ** 6)
    assert deflated_sharpe(np.zeros(100), 6) is None


def test_neither_mistakes_nor_copies_among_the_trials_move_what_is_deflated() -> None:
    """One trial with an annual ratio of 8 raises the published hurdle out of reach, copies lower it."""
    rng = np.random.default_rng(11)
    good = 0.01 * (0.12 + rng.standard_normal(1500))
    honest, wrong = rng.normal(0.0, 0.026, 7), np.array([8.0 / math.sqrt(252)])
    poisoned = float(np.var([*honest, *wrong], ddof=1))
    assert published_deflated_sharpe(good, 8, float(np.var(honest, ddof=1))) > 0.95
    assert published_deflated_sharpe(good, 8, poisoned) < 0.05
    assert deflated_sharpe(good, 8) > 0.95


def test_the_best_of_many_that_hold_a_rising_asset_has_no_lead(cores: Cores) -> None:
    """A hundred coins, mostly long, in an asset with a Sharpe ratio of 1.6 a year: the best of them leads by luck.
    Deflated, hardly one in twenty does; what earns 0.2 deviations a bar more does.
    """
    rng, lucky, skilled, held = np.random.default_rng(8), [], [], []
    for _ in range(40):
        hold = 0.001 + 0.01 * rng.standard_normal(1000)
        coins = hold * (rng.random((100, 1000)) < 0.8)
        ratios = coins.mean(axis=1) / coins.std(axis=1)
        lucky.append(coins[ratios.argmax()])
        skilled.append(coins[0] + 0.002)
        held.append(hold)
    lucky, skilled = (cores.map(sharpe_difference, of, held, itertools.repeat(252)) for of in (lucky, skilled))
    assert sum(deflated_lead(lead, 100) > 0.95 for lead in lucky) <= 4
    assert sum(deflated_lead(lead, 100) > 0.95 for lead in skilled) >= 36


@pytest.mark.parametrize(
    "returns", [np.zeros(100), np.full(100, 0.01), np.ones(29), np.r_[np.nan, np.ones(99)]], ids=str
)
def test_luck_of_what_does_not_vary_is_undefined(returns: np.ndarray) -> None:
    assert probabilistic_sharpe(returns) is None
    assert published_deflated_sharpe(np.random.default_rng(0).normal(size=100), 5, None) is not None


@pytest.mark.parametrize("variance", [None, 0.0, 1e-9])
def test_trials_that_resemble_each_other_do_not_lower_the_hurdle(variance: float | None) -> None:
    """400 times the best of 20 independent samples of no mean, whose ratios are said to be equal, or not known.

    Right of noise in at most 5 of 100: a binomial 99.9% bound of 36. With a hurdle of 0 it was in 64 of 100.
    """
    rng, found = np.random.default_rng(6), 0
    for _ in range(400):
        tried = 0.01 * rng.standard_normal((20, 500))
        best = tried[(tried.mean(axis=1) / tried.std(axis=1)).argmax()]
        found += (published_deflated_sharpe(best, 20, variance) or 1.0) > 0.95
    assert found <= 36


def test_the_least_variance_is_that_of_ratios_without_skill() -> None:
    """By simulation: 20,000 ratios of 250 normal returns; the error of their variance is 1%."""
    returns = np.random.default_rng(7).standard_normal((20_000, 250))
    ratios = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    assert np.var(ratios, ddof=1) == pytest.approx(1.0 / 249, rel=0.03)
    known = published_deflated_sharpe(returns[0] + 0.1, 5, 1.0 / 249)
    assert published_deflated_sharpe(returns[0] + 0.1, 5, None) == known
    assert published_deflated_sharpe(returns[0] + 0.1, 5, 4.0 / 249) < known


def rejected(draw: Draw, horizon: int = 1, runs: int = 300) -> dict[str, float]:
    """Share of samples in which each test is below 5%."""
    rng = np.random.default_rng(4)
    found = [skill_tests(f, r, np.zeros_like(r), horizon) for f, r in (draw(rng) for _ in range(runs))]
    return {
        name: float(np.mean([(p := getattr(f, name)) is not None and p < 0.05 for f in found]))
        for name in ("clark_west", "diebold_mariano", "pesaran_timmermann")
    }


def noise(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A forecast of the size an LSTM has, a fifth of the returns', of nothing; both rise a little."""
    return 0.001 + 0.002 * rng.standard_normal(1000), 0.0 + 0.01 * rng.standard_t(5, 1000)


def signal(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same forecast with a correlation of 0.15 with the returns."""
    f = rng.standard_normal(1000)
    return 0.002 * f, 0.01 * (0.15 * f + rng.standard_normal(1000))


def overlapping(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns over 5 bars and a forecast that moves slowly, as the two do."""
    r = np.convolve(rng.normal(0.0, 0.01, 1004), np.ones(5), "valid")
    return np.convolve(rng.normal(0.0, 0.002, 1004), np.ones(5), "valid"), r


def test_no_signal_is_found_in_noise_and_a_weak_one_where_it_is() -> None:
    """Size 5% of 300: binomial 99.9% bounds 1.3% and 9.7%. Diebold-Mariano rejects noise too often."""
    size, power = rejected(noise), rejected(signal)
    assert 0.013 <= size["clark_west"] <= 0.097
    assert 0.013 <= size["pesaran_timmermann"] <= 0.097
    assert size["diebold_mariano"] > 0.097
    assert power["clark_west"] > 0.95
    assert power["pesaran_timmermann"] > 0.80


def test_a_rise_that_is_always_forecast_is_signal_beside_zero_and_none_beside_the_past_mean() -> None:
    """Returns of 0.1 +- 1 a bar: over 8000 bars their mean is 8 errors from zero, and known beforehand."""
    rng = np.random.default_rng(7)
    r, mean = 0.1 + rng.standard_normal(8000), np.full(8000, 0.1)
    found = skill_tests(mean + 0.05 * rng.standard_normal(8000), r, mean, 1)
    assert found.clark_west < 0.001
    assert found.clark_west_mean > 0.05


def test_overlapping_returns_are_allowed_for() -> None:
    """With no lags Clark-West would reject noise in about a fifth of samples. HAC is liberal by some percent."""
    found = rejected(overlapping, horizon=5)
    assert 0.013 <= found["clark_west"] <= 0.12
    assert found["pesaran_timmermann"] == 0.0  # not defined


def test_clark_west_is_the_one_sided_t_of_a_regression_on_a_constant() -> None:
    """By statsmodels, with its Newey-West errors: lag 4 (500 / 100)^(2/9) is 5."""
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    f, r = 0.002 * rng.standard_normal(500), 0.01 * rng.standard_normal(500)
    adjusted, mean = r**2 - ((r - f) ** 2 - f**2), np.full(500, 0.0003)
    fit = sm.OLS(adjusted, np.ones(500)).fit(cov_type="HAC", cov_kwds={"maxlags": 5}, use_t=False)
    found = skill_tests(f, r, mean, 1)
    assert found.clark_west == pytest.approx(stats.norm.sf(fit.tvalues[0]), rel=1e-9)
    adjusted = (r - mean) ** 2 - ((r - f) ** 2 - (mean - f) ** 2)  # the paper's form, of another benchmark
    fit = sm.OLS(adjusted, np.ones(500)).fit(cov_type="HAC", cov_kwds={"maxlags": 5}, use_t=False)
    assert found.clark_west_mean == pytest.approx(stats.norm.sf(fit.tvalues[0]), rel=1e-9)


def test_what_cannot_be_tested_is_undefined() -> None:
    rng = np.random.default_rng(6)
    r, none, zero = rng.normal(size=100), SkillTests(None, None, None, None), np.zeros(100)
    assert skill_tests(zero, r, zero, 1) == none
    assert skill_tests(r, zero, zero, 1) == none
    assert skill_tests(r[:29], r[:29], zero[:29], 1) == none
    assert skill_tests(np.full(100, np.nan), r, zero, 1) == none
    one_sided = skill_tests(np.abs(r), r, np.full(100, np.nan), 1)
    assert one_sided.pesaran_timmermann is None
    assert one_sided.clark_west is not None
    assert one_sided.clark_west_mean is None  # no past mean is known
    with pytest.raises(ValueError, match="100 forecasts, 99 realised returns and 100 past means"):
        skill_tests(r, r[1:], zero, 1)


@pytest.mark.parametrize(("bars", "strategies"), [(30, 1), (64, 3), (100, 2), (343, 5), (1001, 4), (2467, 6)])
def test_hansens_test_is_that_of_arch_draw_by_draw(bars: int, strategies: int) -> None:
    """Some lead, some are far behind; a block of these bars seldom divides their number."""
    from arch.bootstrap import SPA

    rng = np.random.default_rng(bars)
    base = rng.standard_t(4, bars) * 0.01
    others = base + rng.normal([[0.0006 - 0.002 * k] for k in range(strategies)], 0.01, (strategies, bars))
    theirs = SPA(-base, -others.T, block_length(bars), SPA_RESAMPLES, "circular", seed=0)
    theirs.compute()
    leads = others - base
    assert _politis_romano_variances(leads) == pytest.approx(theirs._loss_diff_var, rel=1e-12)
    centred = _resampled_means(leads) - leads.mean(axis=1, keepdims=True)
    assert centred == pytest.approx(theirs._simulated_vals[:, :, 2], abs=1e-15)
    assert superior_predictive_ability(others, base) == float(theirs.pvalues["consistent"])


def test_a_strategy_far_behind_does_not_hide_a_good_one_as_in_arch() -> None:
    """By arch some columns are not valid here; with all of them centred the p-value would be larger."""
    from arch.bootstrap import SPA

    rng = np.random.default_rng(5)
    base = rng.normal(0.0, 0.01, 800)
    others = base + np.stack([rng.normal(0.0005, 0.01, 800), *rng.normal(-0.02, 0.05, (4, 800))])
    theirs = SPA(-base, -others.T, block_length(800), SPA_RESAMPLES, "circular", seed=0)
    theirs.compute()
    assert not theirs._valid_columns.all()
    assert superior_predictive_ability(others, base) == float(theirs.pvalues["consistent"])
    assert theirs.pvalues["consistent"] < theirs.pvalues["upper"]


@pytest.mark.parametrize("horizon", [1, 2, 5, 21])
@pytest.mark.parametrize("bars", [30, 100, 2467])
def test_the_tests_of_skill_are_those_of_statsmodels(bars: int, horizon: int) -> None:
    """Forecasts from none to all of the signal, so with p-values from near 0 to near 1."""
    from statsmodels.stats.diagnostic import pesaran_timmermann
    from statsmodels.tsa.stattools import diebold_mariano_test

    for share in (-0.2, 0.0, 0.1, 0.5, 1.0):
        rng = np.random.default_rng([bars, horizon, int(10 * share) + 2])
        realised = rng.standard_t(4, bars) * 0.01
        forecast = share * realised + rng.normal(0.0, 0.005, bars)
        found = skill_tests(forecast, realised, np.zeros(bars), horizon)
        lags = max(horizon - 1, int(4 * (bars / 100) ** (2 / 9)))
        theirs = diebold_mariano_test(
            realised, forecast, np.zeros(bars), lags=lags, harvey_adj=True, horizon=horizon
        )
        assert found.diebold_mariano == pytest.approx(theirs.pvalue, rel=1e-12)
        signs = pesaran_timmermann(realised, forecast, alternative="larger").pvalue
        assert found.pesaran_timmermann == (pytest.approx(signs, rel=1e-12) if horizon == 1 else None)
