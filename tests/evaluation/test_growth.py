"""Growth and drawdown beside buy-and-hold, where a lead comes from, what costs it bears, the best of several."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from helpers.parallel import Cores, with_fewer_resamples
from scipy import stats

from lstmstrat.evaluation.bootstrap import NO_DIFFERENCE, block_length, bootstrap_difference
from lstmstrat.evaluation.calendar import years
from lstmstrat.evaluation.growth import (
    _blocks,
    break_even_cost,
    cagr_difference,
    drawdown_differences,
    lead_shares,
)
from lstmstrat.evaluation.many_trials import superior_predictive_ability
from lstmstrat.evaluation.metrics import cagr, max_drawdown

Returns = tuple[np.ndarray, np.ndarray]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstmstrat.evaluation.bootstrap.RESAMPLES", 999)
    monkeypatch.setattr("lstmstrat.evaluation.growth.PATHS", 499)


def account(returns: np.ndarray) -> pd.Series:
    values = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    return pd.Series(values, index=pd.bdate_range("2010-01-04", periods=len(values)))


def alike(rng: np.random.Generator, n: int = 500) -> Returns:
    """Two equally good strategies with fat tails, a market in common and volatility in clusters."""
    volatility = 0.008 * np.exp(0.2 * np.convolve(rng.standard_normal(n + 40), 0.9 ** np.arange(40), "valid")[:n])
    market, a, b = rng.standard_t(6, (3, n))
    return volatility * (0.04 + market + a), volatility * (0.04 + market + b)


def rejected(cores: Cores, gain: float, runs: int = 300) -> float:
    """Share of samples in which the growth rates differ at 5 %, one of them higher by `gain` a bar."""
    rng = np.random.default_rng(1)
    a, b = zip(*(alike(rng) for _ in range(runs)), strict=True)
    work = functools.partial(with_fewer_resamples, cagr_difference)
    found = cores.map(work, [one + gain for one in a], b, itertools.repeat(500 / 252), at_once=20)
    return float(np.mean([d.p_value is not None and d.p_value < 0.05 for d in found]))


def test_growth_is_that_of_the_metrics() -> None:
    a, b = alike(np.random.default_rng(2))
    one, other = account(a), account(b)
    found = cagr_difference(a, b, years(one.index.to_numpy()))
    assert found.difference == pytest.approx(cagr(one) - cagr(other), rel=1e-9)
    assert found.low < found.difference < found.high


def test_equal_growth_is_rejected_at_the_nominal_rate_and_a_lead_is_found(cores: Cores) -> None:
    """Binomial 99.9 % bounds of 5 % in 300 samples: 1.3 % and 9.7 %. Returns of 1.6 % apart have a mean error of
    0.016 / sqrt(500) = 0.0007 a bar, so a gain of 0.0025 is found nearly always.
    """
    assert 0.013 <= rejected(cores, 0.0) <= 0.097
    assert rejected(cores, 0.0025) > 0.85


def test_the_interval_of_a_mean_is_that_of_arch() -> None:
    """arch resamples by its own generator, and takes the errors we give it: 999 draws agree to some percent."""
    from arch.bootstrap import CircularBlockBootstrap

    x = np.random.default_rng(3).standard_t(5, 400) * 0.01
    block = block_length(len(x))

    def error(sample: np.ndarray) -> np.ndarray:
        rest = len(sample) - len(sample) % block
        sums = (sample[:rest] - sample[:rest].mean()).reshape(-1, block).sum(axis=1)
        return np.array([math.sqrt((sums**2).mean() / block / len(sample))])

    ours = bootstrap_difference(x[:, None], lambda m: m[..., 0], np.ones_like)
    drawn = CircularBlockBootstrap(block, x, seed=1)
    theirs = drawn.conf_int(
        lambda s: np.array([s.mean()]), 1999, method="studentized", std_err_func=lambda _, s: error(s)
    )
    # Theirs is not symmetric: the width is compared.
    assert ours.high - ours.low == pytest.approx(float(theirs[1, 0] - theirs[0, 0]), rel=0.12)


def test_a_drawdown_is_that_of_the_metrics_and_its_interval_holds_no_difference() -> None:
    """Of equally good strategies at most 5 % may be told apart; the interval is a cautious one."""
    rng, apart = np.random.default_rng(4), 0
    for _ in range(100):
        a, b = alike(rng)
        (found,) = drawdown_differences(a[None], b)
        assert found.difference == pytest.approx(max_drawdown(account(a)) - max_drawdown(account(b)), abs=1e-12)
        apart += not found.low <= 0.0 <= found.high
    assert apart <= 10  # binomial 99 % of 5 %


def test_the_drawdown_of_a_path_of_blocks_is_that_of_its_bars() -> None:
    """Bar by bar with the metrics, for paths of any beginnings of blocks, quiet and wild."""
    rng = np.random.default_rng(13)
    for n in (30, 31, 200):
        logs = np.stack([0.02 * rng.standard_normal(n), 0.3 * rng.standard_normal(n) - 0.05])  # (2, n)
        starts = rng.integers(0, n, (20, 7))
        found = _blocks(logs).drawdowns(starts)  # (2, 20)
        for s, series in enumerate(logs):
            for r, path in enumerate(starts):
                bars = (path[:, None] + np.arange(block_length(n))).ravel() % n
                assert found[s, r] == pytest.approx(max_drawdown(account(np.expm1(series[bars]))), abs=1e-12)


def test_half_the_exposure_falls_less_for_certain() -> None:
    """A drawdown of half the returns is smaller on every path."""
    _, b = alike(np.random.default_rng(5))
    half, none = drawdown_differences(np.stack([0.5 * b, b]), b)
    assert 0.0 < half.low < half.difference < half.high
    assert none == NO_DIFFERENCE  # a copy


def test_a_drawdown_counts_from_the_start() -> None:
    """Falls from the very first bar: by hand, 1 - 0.9 * 0.9 = 0.19 against 0."""
    falling = np.concatenate([[-0.1, -0.1], np.zeros(40)])
    (found,) = drawdown_differences(falling[None], np.zeros(42))
    assert found.difference == pytest.approx(-0.19)


def test_lead_shares_by_hand() -> None:
    """Log differences of 1 to 6 % in six folds of five equal bars, and one of -5 %: a lead of 16 %."""
    ahead = np.repeat([0.01, 0.02, 0.03, 0.04, 0.05, 0.06, -0.05], 5) / 5
    strategy, folds = np.expm1(ahead), np.repeat([1, 2, 3, 4, 5, 6, 9], 5)
    best_fold, best_days = lead_shares(strategy, np.zeros(35), folds)
    assert best_fold == pytest.approx(6 / 16)
    assert best_days == pytest.approx(6 / 16)  # the five bars of that fold are the best five
    assert lead_shares(-strategy, np.zeros(35), folds) == (None, None)  # no lead
    assert lead_shares(strategy, np.zeros(35), np.zeros(35, dtype=int))[0] is None  # one fold


def test_break_even_by_hand() -> None:
    """A lead of 0.1 in log value over 50 more turnovers pays for 0.002 more a trade."""
    assert break_even_cost(0.1, 51.0, 1.0, 0.0015) == pytest.approx(0.0035)
    assert break_even_cost(-0.05, 51.0, 1.0, 0.0015) == pytest.approx(0.0005)
    assert break_even_cost(-0.1, 51.0, 1.0, 0.0015) is None  # not even free
    assert break_even_cost(0.1, 1.0, 1.0, 0.0015) is None  # costs do not matter


def test_the_best_of_noise_is_no_better_than_buy_and_hold_and_a_good_one_is(cores: Cores) -> None:
    """Hansen's test, by arch: 5 % of 60 noisy samples, binomial 99.9 % at most 9; a Sharpe gain of 0.2 a bar over
    500 bars is 0.2 * sqrt(500 / 2) = 3.2 errors of a difference.
    """
    rng, gain = np.random.default_rng(6), np.array([[0.0], [0.0], [0.002], [0.0], [0.0]])
    drawn = [0.01 * rng.standard_normal((6, 500)) for _ in range(60)]
    holds, fives = [six[0] for six in drawn], [six[1:] for six in drawn]
    size = cores.map(superior_predictive_ability, fives, holds)
    power = cores.map(superior_predictive_ability, [five + gain for five in fives], holds)
    assert sum(p < 0.05 for p in size) <= 9
    assert sum(p < 0.05 for p in power) >= 40


def test_the_best_of_nothing_is_undefined() -> None:
    hold = 0.01 * np.random.default_rng(7).standard_normal(100)
    assert superior_predictive_ability(hold[None], hold) is None  # a copy
    assert superior_predictive_ability(np.full((1, 100), np.nan), hold) is None
    assert superior_predictive_ability(hold[None, :29] + 0.1, hold[:29]) is None


@pytest.mark.parametrize(
    "broken", [np.full(100, -1.0), np.full(100, np.nan), np.zeros(29)], ids=["lost", "not finite", "short"]
)
def test_what_cannot_be_compared_is_undefined(broken: np.ndarray) -> None:
    hold = 0.01 * np.random.default_rng(8).standard_normal(len(broken))
    assert cagr_difference(broken, hold, 1.0) == NO_DIFFERENCE
    assert drawdown_differences(broken[None], hold) == [NO_DIFFERENCE]
    assert lead_shares(broken, hold, np.arange(len(hold))) == (None, None)


def test_growth_beyond_a_float_is_undefined_and_so_is_a_rate_of_days() -> None:
    wild = np.full(400, 9.0) + np.random.default_rng(9).random(400)  # tenfold a bar, 400 bars a year: 1e400
    assert cagr_difference(wild, np.zeros(400), 1.0) == NO_DIFFERENCE
    a, b = alike(np.random.default_rng(11))
    assert cagr_difference(a, b, 364 / 365.25) == NO_DIFFERENCE
    assert cagr_difference(a, b, 365 / 365.25) != NO_DIFFERENCE


def test_more_than_all_cannot_be_lost() -> None:
    """A strategy that falls by 90 % a year, give or take much, beside one that rises by 10 %."""
    rng = np.random.default_rng(12)
    falls, rises = 0.06 * rng.standard_normal(300) - 0.008, 0.0004 + 0.001 * rng.standard_normal(300)
    holding = account(rises)
    found = cagr_difference(falls, rises, years(holding.index.to_numpy()))
    assert found.low == pytest.approx(-1.0 - cagr(holding))
    assert found.difference > found.low


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="40 strategy and 39 benchmark returns"):
        cagr_difference(np.zeros(40), np.zeros(39), 1.0)


def test_the_p_value_of_a_mean_is_near_that_of_a_t_test_for_independent_returns() -> None:
    x = np.random.default_rng(10).normal(0.001, 0.01, 400)
    ours = bootstrap_difference(x[:, None], lambda m: m[..., 0], np.ones_like).p_value
    assert ours == pytest.approx(float(stats.ttest_1samp(x, 0.0).pvalue), abs=0.05)
