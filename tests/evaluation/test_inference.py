from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
from helpers.parallel import Cores, with_fewer_resamples
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat.evaluation.bootstrap import (
    MIN_RETURNS,
    NO_DIFFERENCE,
    RESAMPLES,
    Difference,
    block_length,
    block_starts,
)
from lstmstrat.evaluation.many_trials import bonferroni
from lstmstrat.evaluation.sharpe import minimum_detectable_difference, sharpe_difference
from lstmstrat.evaluation.skill import forecast_skill
from lstmstrat.evaluation.timing import UNKNOWN, Placebo
from lstmstrat.evaluation.verdict import (
    NEVER_TRADED,
    NO_VERDICT,
    RULE,
    SUPPORTED,
    UNDECIDED,
    UNPROVEN,
    WORDS,
    WORSE,
    Evidence,
    headline,
    verdict,
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


def test_difference_is_that_of_the_two_sharpe_ratios():
    a, b = pair(np.random.default_rng(1), 400, rho=0.7)
    by_hand = math.sqrt(252) * (np.mean(a) / np.std(a, ddof=1) - np.mean(b) / np.std(b, ddof=1))
    found = sharpe_difference(a, b, 252)
    assert found.difference == pytest.approx(by_hand, rel=1e-12)
    assert (found.low + found.high) / 2 == pytest.approx(by_hand, rel=1e-12)


def compared(cores: Cores, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[Difference]:
    """Every pair, a year of 252 bars; with fewer resamples, as only the size of the test is asked."""
    work = functools.partial(with_fewer_resamples, sharpe_difference)
    return cores.map(work, *zip(*pairs, strict=True), itertools.repeat(252), at_once=20)


def moments_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.column_stack([a, b, a**2, b**2])  # (n, 4)


def delta(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Ledoit and Wolf (2008), section 3.1: (c1/s1^3, -c2/s2^3, -m1/2s1^3, m2/2s2^3), c the second moments."""
    m1, m2, c1, c2 = moments_of(a, b).mean(axis=0)
    s1, s2 = math.sqrt(c1 - m1**2), math.sqrt(c2 - m2**2)
    return np.array([c1 / s1**3, -c2 / s2**3, -m1 / (2 * s1**3), m2 / (2 * s2**3)])


def by_the_letter(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Difference, half the interval and p-value (a bar) by their section 3.2, one resample at a time.

    The error of the estimate by the covariance matrix of statsmodels; that of a resample from its blocks, with
    zeta_j the sum of the centred moments of block j over the square root of its length.
    """
    from statsmodels.stats.sandwich_covariance import S_hac_simple

    n, block = len(a), block_length(len(a))
    found = a.mean() / a.std() - b.mean() / b.std()
    centred = moments_of(a, b) - moments_of(a, b).mean(axis=0)
    psi = S_hac_simple(centred, nlags=block - 1) / n
    error = math.sqrt(delta(a, b) @ psi @ delta(a, b) / n)
    scores = []
    for starts in np.concatenate(list(block_starts(n, RESAMPLES))):
        drawn = ((starts[:, None] + np.arange(block)) % n).ravel()
        x, y = a[drawn], b[drawn]
        deviations = moments_of(x, y) - moments_of(x, y).mean(axis=0)
        zeta = deviations.reshape(len(starts), block, 4).sum(axis=1) / math.sqrt(block)  # (l, 4)
        own = delta(x, y) @ (zeta.T @ zeta / len(starts)) @ delta(x, y) / len(x)
        scores.append(abs(x.mean() / x.std() - y.mean() / y.std() - found) / math.sqrt(own))
    at_least = sum(score >= abs(found) / error for score in scores)
    # The p-value of what lies at the end of the interval is 5 %: of 4999 resamples, 249 are as far or farther.
    return found, sorted(scores)[-249] * error, (1 + at_least) / (1 + len(scores))


def test_an_interval_leaves_zero_out_just_where_the_p_value_is_small(cores) -> None:
    rng = np.random.default_rng(21)
    for found in compared(cores, [pair(rng, 100, rho=0.5, gain=0.2) for _ in range(200)]):
        assert (found.p_value < 0.05) == (found.low > 0.0 or found.high < 0.0)


@pytest.mark.parametrize("strategies", [1, 2, 3, 5, 6, 7, 10, 25, 40, 125, 249])
def test_the_drawn_interval_leaves_zero_out_just_where_the_word_is_about_the_sharpe_ratio(strategies):
    """Leads and lags of every size; 5,000 / strategies resamples are a p-value of 5 %, whole or not."""
    rng, words, left_out = np.random.default_rng(22), [], []
    for gain in np.linspace(-0.45, 0.45, 31):
        found = sharpe_difference(*pair(rng, 120, rho=0.5, gain=gain), 252, strategies)
        p_adjusted = bonferroni(found.p_value, strategies)
        said = verdict(evidence(sharpe=found, p_adjusted=p_adjusted, worlds=None))
        words.append(said.text)
        left_out.append(found.low > 0.0 or found.high < 0.0)
        assert (said.text in (SUPPORTED, WORSE)) == left_out[-1]
        assert (said.text == SUPPORTED) == (found.low > 0.0)
    assert len(set(words)) == 3, "all three words have to come up"


def test_an_interval_for_more_strategies_than_resamples_allow_has_no_ends():
    """Of 4,999 resamples none may be as large for a p-value below 5 % / 250; so no interval can leave out 0."""
    a, b = pair(np.random.default_rng(23), 400, rho=0.5, gain=0.8)
    found = sharpe_difference(a, b, 252, 250)
    assert found.p_value == 1 / 5000
    assert (found.low, found.high) == (None, None)
    assert bonferroni(found.p_value, 250) == pytest.approx(0.05)
    assert sharpe_difference(a, b, 252, 249).low > 0.0


def test_many_intervals_hold_the_truth_together(cores):
    """Six strategies as good as buy-and-hold: in 95 % of 200 samples all intervals hold 0; 99.9 % bounds 177, 199.

    Each alone, the 95 % intervals would all hold it in about 80 %, as the six share the benchmark.
    """
    rng = np.random.default_rng(24)
    samples = [np.stack(pair(rng, 400, rho=0.5)[::-1]) for _ in range(200)]
    held = [
        (hold, hold * 0.5 + 0.01 * (0.015 + math.sqrt(0.75) * rng.standard_normal(400)))
        for hold, _ in samples
        for _ in range(6)
    ]
    work = functools.partial(with_fewer_resamples, sharpe_difference)
    found = cores.map(
        work, *zip(*((b, a) for a, b in held), strict=True), itertools.repeat(252), itertools.repeat(6), at_once=20
    )
    holds = np.array([of.low < 0.0 < of.high for of in found]).reshape(200, 6)
    assert 177 <= holds.all(axis=1).sum() <= 199


def leaving_out(bars: int, at: np.ndarray) -> Difference:
    """Buy-and-hold over `bars`, and the same but for the bars `at`, on which nothing is held."""
    hold = pair(np.random.default_rng(25), bars, rho=0.5)[1]
    return sharpe_difference(np.where(np.isin(np.arange(bars), at), 0.0, hold), hold, 252)


@pytest.mark.parametrize("bars", [200, 500, 2000, 8000])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_difference_on_few_bars_has_no_interval(bars, scale):
    """Below 30 bars it is undefined; so it is in 30 bars in a row of 8,000, of which too many resamples hold none.

    30 bars in a row touch 30 + 19 of the 8,000 blocks of 20, and a resample draws 400: none in exp(-2.45) = 8.6 %.
    """
    few, apart = np.arange(50, 50 + MIN_RETURNS - 1), np.arange(0, bars, bars // 29)[:29]
    hold = pair(np.random.default_rng(25), bars, rho=0.5)[1]
    assert leaving_out(bars, few) == leaving_out(bars, apart) == NO_DIFFERENCE
    in_a_row = np.where(np.isin(np.arange(bars), few[:10]), 0.0, scale * hold)
    assert sharpe_difference(in_a_row, hold, 252) == NO_DIFFERENCE
    enough = leaving_out(bars, np.arange(0, bars, bars // 40))
    assert 1.5 < (enough.high - enough.low) / 2 / enough.error < 3.0
    together = leaving_out(bars, np.arange(50, 50 + MIN_RETURNS))
    assert (together == NO_DIFFERENCE) == (bars == 8000)


def test_no_interval_of_any_few_bars_is_absurd():
    """Any number of bars in any places: undefined, or no wider than Student's t of two values, 12.7 errors."""
    rng = np.random.default_rng(26)
    for _ in range(60):
        bars, blocks, length = rng.integers(100, 3000), rng.integers(1, 8), rng.integers(1, 40)
        at = (rng.integers(0, bars, blocks)[:, None] + np.arange(length)).ravel()
        found = leaving_out(int(bars), at)
        assert found.low is None or (found.high - found.low) / 2 / found.error < 12.8


def test_interval_and_p_value_are_those_of_ledoit_and_wolf():
    a, b = clustered(np.random.default_rng(2), 300)
    difference, reach, p_value = by_the_letter(a, b)
    found = sharpe_difference(a, b, 252)
    annual = math.sqrt(252 * 299 / 300)  # of ratios with the sample deviation
    assert found.difference == pytest.approx(annual * difference, rel=1e-9)
    assert (found.high - found.low) / 2 == pytest.approx(annual * reach, rel=1e-9)
    assert found.p_value == pytest.approx(p_value, abs=1e-12)


@pytest.mark.parametrize(("rho", "gain", "common"), [(0.7, 0.0, 0.05), (0.0, 0.4, 0.6)])
def test_standard_error_of_independent_normal_returns_is_that_of_memmel(rho, gain, common):
    # Memmel (2003): n Var = 2 - 2 rho + (S1^2 + S2^2 - 2 S1 S2 rho^2) / 2 with Sharpe ratios a bar. Of 20,000 bars
    # the variance is known to about sqrt(4/3 * 27 / 20000) = 4 %, so the error to 2 %, its 95 % quantile to 2 %.
    n, s1, s2 = 20_000, common + gain, common
    a, b = pair(np.random.default_rng(3), n, rho, gain, common)
    memmel = math.sqrt((2 - 2 * rho + (s1**2 + s2**2 - 2 * s1 * s2 * rho**2) / 2) / n)
    found = sharpe_difference(a, b, 1)
    assert (found.high - found.low) / (2 * Z95) == pytest.approx(memmel, rel=0.08)


@pytest.mark.parametrize("bars", [1, 2, 29, 30, 31, 1000])
def test_a_resample_has_as_many_bars_or_a_few_more(bars: int) -> None:
    block = block_length(bars)
    assert block == round(bars ** (1 / 3))
    drawn = np.concatenate(list(block_starts(bars, 50)))
    assert drawn.shape[0] == 50
    assert bars <= drawn.shape[1] * block < bars + block
    assert (drawn >= 0).all()
    assert (drawn < bars).all()


def test_resamples_are_cut_into_parts_that_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstmstrat.evaluation.bootstrap.AT_ONCE", 70)  # blocks: 7 resamples of 1000 / 10 ...
    assert [len(part) for part in block_starts(1000, 3)] == [1, 1, 1]  # ... are 100 blocks each, so one at a time
    a, b = pair(np.random.default_rng(20), 100, rho=0.5)
    assert sharpe_difference(a, b, 252).p_value is not None


def rejections(cores, draw, n: int, runs: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    return sum(found.p_value < 0.05 for found in compared(cores, [draw(rng, n) for _ in range(runs)]))


# 600 runs at a true rate of 5 %: Binomial(600, 0.05) lies in 14..48 with probability 0.9995.
@pytest.mark.parametrize("draw", [lambda rng, n: pair(rng, n, rho=0.7), clustered], ids=["normal", "clustered"])
def test_a_true_null_is_rejected_at_the_nominal_rate(draw, cores):
    assert 14 <= rejections(cores, draw, n=500, runs=600, seed=4) <= 48


def test_detectable_difference_is_found_in_80_percent_of_samples(cores):
    # 2.8016 = 1.9600 + 0.8416, the normal quantiles at 0.975 and 0.80; 1000 bars are 1000 / 252 years.
    n, rho = 1000, 0.7
    detectable = 2.8016 * math.sqrt((2 - 2 * rho) / (n / 252))
    gain = detectable / math.sqrt(252)
    # 600 runs at 80 %: Binomial(600, 0.8) lies in 445..512 with probability 0.999.
    assert 445 <= rejections(cores, lambda rng, n: pair(rng, n, rho, gain), n, runs=600, seed=5) <= 512
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
    assert sharpe_difference(a, b, 252) == NO_DIFFERENCE
    assert minimum_detectable_difference(a, b, 252) is None
    assert verdict(evidence(sharpe=NO_DIFFERENCE, p_adjusted=None)).text == UNDECIDED


def test_the_shortest_series_that_is_tested():
    a, b = pair(np.random.default_rng(9), MIN_RETURNS, rho=0.5)
    assert 0.0 < sharpe_difference(a, b, 252).p_value < 1.0


def test_a_constant_shift_of_the_benchmark_is_a_difference():
    # Correlation 1, yet the Sharpe ratio is another: only the detectable difference is 0.
    _, b = pair(np.random.default_rng(10), 500, rho=0.5)
    assert sharpe_difference(b - 0.001, b, 252).p_value == 1 / (1 + RESAMPLES)
    assert minimum_detectable_difference(b - 0.001, b, 252) == pytest.approx(0.0, abs=1e-6)


def evidence(**changes) -> Evidence:
    """All that an edge needs, with changes."""
    met = {
        "sharpe": Difference(0.9, 0.2, 1.6, 0.01),
        "p_adjusted": 0.02,
        "deflated_sharpe": 0.97,
        "deflated_lead": 0.96,
        "deflated_timing": 0.96,
        "placebo": Placebo(1.0, -0.5, 0.1, 0.6, 0.01, 2.5),
        "faults": (),
        "audit": "",
        "seeds_above": 0.8,
        "worlds": 0.024,
    }
    return Evidence(**{**met, **changes})


def test_an_edge_needs_everything_that_the_rule_says():
    assert verdict(evidence(seeds_above=None, worlds=None)).text == SUPPORTED  # not run: not asked for
    assert verdict(evidence()).text == SUPPORTED
    assert verdict(evidence()).missing == ()
    for one in (
        {"p_adjusted": 0.05},
        {"p_adjusted": None},
        {"deflated_sharpe": 0.95},
        {"deflated_sharpe": None},
        {"deflated_lead": 0.95},
        {"deflated_lead": None},
        {"deflated_timing": 0.95},
        {"deflated_timing": None},
        {"placebo": Placebo(1.0, -0.5, 0.1, 0.6, 0.05, 1.8)},
        {"seeds_above": 0.79},
        {"worlds": 0.05},
    ):
        found = verdict(evidence(**one))
        assert found.text == UNDECIDED, one
        assert len(found.missing) == 1, one
    unknown = {"placebo": UNKNOWN, "deflated_timing": None}
    assert verdict(evidence(**unknown)).text == SUPPORTED  # null worlds stand in for it
    assert all(words in RULE for words in (*WORDS.values(), "0.95", "80%"))


def test_without_a_proof_there_is_no_edge_and_the_reason_is_named():
    made = [{"audit": "not made yet"}, {"faults": ("cut bars: it moved",)}, {"faults": ("a", "b"), "audit": "c"}]
    found = [verdict(evidence(**one)) for one in made]
    assert {one.text for one in found} == {UNPROVEN}
    assert [one.missing for one in found] == [
        ("a look-ahead audit that passed (not made yet)",),
        ("a check that passed (cut bars: it moved)",),
        ("a check that passed (a)", "a check that passed (b)", "a look-ahead audit that passed (c)"),
    ]
    nobody_knows = verdict(evidence(placebo=UNKNOWN, deflated_timing=None, worlds=None))
    assert nobody_knows.text == UNPROVEN
    assert nobody_knows.missing[0].startswith("a timing that is known")
    undecided = verdict(evidence(faults=("a",), audit="c", worlds=0.5))
    assert undecided.text == UNDECIDED  # the audit, which takes long, is not asked for
    assert undecided.missing == ("more than null worlds have (p 0.500)", "a check that passed (a)")


@settings(deadline=None)
@given(
    p_adjusted=st.none() | st.floats(0.0, 1.0),
    deflated_sharpe=st.none() | st.floats(0.0, 1.0),
    worlds=st.none() | st.floats(0.0, 1.0),
    seeds_above=st.none() | st.floats(0.0, 1.0),
    audit=st.sampled_from(["", "not made yet"]),
    faults=st.sampled_from([(), ("a",), ("a", "b")]),
)
def test_an_edge_is_where_every_condition_is_met_that_was_asked(**changes):
    found = verdict(evidence(**changes))
    unmet = [one for one in found.conditions if one.met is False]
    assert (found.text == SUPPORTED) == (not unmet)
    assert set(found.missing) <= {one.sentence for one in unmet}
    assert len({one.name for one in found.conditions}) >= 11
    not_asked = {one.name for one in found.conditions if one.met is None}
    assert not_asked == {
        name for name, key in (("worlds p", "worlds"), ("seeds above", "seeds_above")) if changes[key] is None
    }


def test_worse_needs_a_significantly_lower_sharpe_ratio_and_nothing_else():
    below = Difference(-0.9, -1.6, -0.2, 0.01)
    nothing = {
        "deflated_sharpe": None,
        "deflated_lead": None,
        "deflated_timing": None,
        "placebo": UNKNOWN,
        "seeds_above": 0.0,
        "worlds": 1.0,
        "faults": ("a",),
        "audit": "b",
    }
    assert verdict(evidence(sharpe=below, **nothing)).text == WORSE
    assert verdict(evidence(sharpe=below, p_adjusted=0.05)).text == UNDECIDED


def test_a_strategy_without_a_trade_is_called_so_whatever_else_was_found():
    assert verdict(evidence(traded=False)).text == NEVER_TRADED
    assert verdict(evidence(traded=False, sharpe=Difference(-0.9, -1.6, -0.2, 0.01))).text == NEVER_TRADED
    assert verdict(evidence(traded=False, held=False)).text == NO_VERDICT
    assert headline({"a": NEVER_TRADED, "b": UNDECIDED}) == "Never traded: a. May be luck: b."


def test_no_figure_of_a_condition_is_plus_or_minus_nothing():
    for ratio in (-0.0049, 0.0, 0.0049):
        above = verdict(evidence(sharpe=Difference(ratio, -1.0, 1.0, 0.9))).conditions[1]
        assert (above.name, above.found) == ("Sharpe above", "0.00")
    assert verdict(evidence(sharpe=Difference(-0.36, -1.0, 1.0, 0.9))).conditions[1].found == "-0.36"


def test_where_holding_never_bought_there_is_no_verdict_and_a_sentence_says_so():
    assert verdict(evidence(held=False)).text == NO_VERDICT
    assert verdict(evidence(held=False, sharpe=Difference(-0.9, -1.6, -0.2, 0.01))).text == NO_VERDICT
    said = headline({"a": NO_VERDICT, "b": NO_VERDICT})
    assert said.startswith("There is no verdict, as holding never bought")
    assert "broker.cash" in said
    assert "broker.fractional" in said


def test_the_headline_is_one_sentence():
    assert headline({"a": UNDECIDED}) == "The strategy did not do reliably better than holding."
    assert (
        headline({"a": UNDECIDED, "b": UNDECIDED}) == "None of the 2 strategies did reliably better than holding."
    )
    assert headline({"a": WORSE, "b": SUPPORTED, "c": WORSE}) == "Worse: a, c. Edge supported: b."


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="5 strategy and 4 benchmark returns"):
        sharpe_difference(np.ones(5), np.ones(4), 252)


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_bonferroni_equals_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests

    expected = multipletests(p_values, method="bonferroni")[1]
    assert [bonferroni(p, len(p_values)) for p in p_values] == pytest.approx(list(expected), abs=1e-12)


def test_what_is_not_tested_is_not_adjusted():
    assert bonferroni(None, 6) is None


NO_MEAN = np.full(100, math.nan)


def test_forecast_skill_by_hand():
    # Five pairs are known. Of the four that moved, the signs of 2 and -3 are right and 3 rose.
    # Squared errors 1 + 4 + 4 + 1 + 36 = 46 against squares 4 + 9 + 0 + 1 + 16 = 30.
    # Forecasts: mean 0, squares 10; realised: mean 0.8, squared deviations 30 - 5 * 0.64 = 26.8; products -3.
    forecast = np.array([1.0, math.nan, -1.0, 2.0, 0.0, 5.0, -2.0])
    realised = np.array([2.0, 7.0, -3.0, 0.0, 1.0, math.nan, 4.0])
    # Against a past mean of 1: squared errors 1 + 16 + 1 + 0 + 9 = 27 of the mean itself.
    skill = forecast_skill(forecast, realised, np.ones(7))
    assert skill.observations == 5
    assert skill.hit_rate == 0.5
    assert skill.always_up == 0.75
    assert skill.r2_against_zero == pytest.approx(1 - 46 / 30)
    assert skill.r2_against_mean == pytest.approx(1 - 46 / 27)
    assert skill.correlation == pytest.approx(-3 / math.sqrt(268))


def test_forecast_skill_of_known_forecasts():
    realised = np.random.default_rng(13).standard_normal(100)
    perfect = forecast_skill(realised, realised, NO_MEAN)
    assert (perfect.hit_rate, perfect.r2_against_zero) == (1.0, 1.0)
    assert perfect.correlation == pytest.approx(1.0)
    # The best constant is the mean m: 1 - sum (r - m)^2 / sum r^2 = n m^2 / sum r^2.
    mean = realised.mean()
    constant = forecast_skill(np.full(100, mean), realised, np.full(100, mean))
    assert constant.r2_against_zero == pytest.approx(100 * mean**2 / (realised @ realised))
    assert constant.r2_against_mean == 0.0
    assert constant.correlation is None
    assert perfect.r2_against_mean is None  # no mean was known
    # A forecast of zero has no sign and is right about nothing.
    zero = forecast_skill(np.zeros(100), realised, NO_MEAN)
    assert (zero.hit_rate, zero.r2_against_zero) == (0.0, 0.0)


def test_forecast_correlation_equals_pandas():
    rng = np.random.default_rng(14)
    forecast, realised = rng.standard_normal((2, 300))
    forecast[::7], realised[::11] = math.nan, math.nan
    assert forecast_skill(forecast, realised, np.zeros(300)).correlation == pytest.approx(
        pd.Series(forecast).corr(pd.Series(realised)), rel=1e-12
    )


def test_forecast_skill_of_nothing_is_undefined():
    for forecast, realised in [([], []), ([math.nan], [1.0])]:
        skill = forecast_skill(np.array(forecast), np.array(realised), np.zeros(len(forecast)))
        assert skill.observations == 0
        assert skill.correlation is skill.hit_rate is skill.always_up is skill.r2_against_zero is None
    still = forecast_skill(np.array([0.1, 0.2]), np.zeros(2), np.zeros(2))
    assert still.correlation is still.hit_rate is still.always_up is still.r2_against_zero is None
    with pytest.raises(ValueError, match="2 forecasts, 1 realised"):
        forecast_skill(np.ones(2), np.ones(1), np.ones(1))
