"""A strategy among shuffles of its own holdings: by hand, and with size and power by simulation."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from helpers.parallel import Cores

from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.evaluation.timing import (
    FIRST,
    SECOND,
    SHUFFLES,
    UNKNOWN,
    Positions,
    _shuffled_ratios,
    _shuffled_returns,
    delay_cost,
    placebo,
)

Path = Callable[[np.random.Generator, int], np.ndarray]


def positions(held: np.ndarray, asset: np.ndarray) -> Positions:
    return Positions(held, asset, np.diff(held, prepend=np.nan) != 0.0)


def market(rng: np.random.Generator, n: int) -> np.ndarray:
    """Returns that rise a little, with volatility in clusters."""
    volatility = 0.01 * np.exp(0.3 * np.convolve(rng.standard_normal(n + 40), 0.9 ** np.arange(40), "valid")[:n])
    return 0.0003 + volatility * rng.standard_normal(n)


def random_path(rng: np.random.Generator, n: int) -> np.ndarray:
    """In or out for 20 bars on average."""
    return (np.cumsum(rng.random(n) < 0.05) % 2).astype(float)


def gradual_path(rng: np.random.Generator, n: int) -> np.ndarray:
    """A part of the account that moves slowly, traded every other bar, as one that targets a volatility."""
    slow = np.convolve(rng.standard_normal(n + 40), 0.95 ** np.arange(40), "valid")[:n]
    return np.repeat(np.clip(0.5 + 0.2 * slow, 0.0, 1.0)[::2], 2)[:n]


def share_below(
    cores: Cores, level: float, skill: float, path: Path = random_path, runs: int = 200, n: int = 600
) -> float:
    rng, taken = np.random.default_rng(1), []
    for _ in range(runs):
        asset, held = market(rng, n), path(rng, n)
        knows = rng.random(n) < skill
        taken.append(positions(np.where(knows, asset > 0.0, held).astype(float), asset))
    found = [of.p_value for of in cores.map(placebo, taken, itertools.repeat(252), at_once=10)]
    return float(np.mean([p is not None and p < level for p in found]))


@pytest.mark.parametrize("path", [random_path, gradual_path])
def test_positions_without_timing_pass_as_seldom_as_chance_has_it(path: Path, cores: Cores) -> None:
    """5 % of 200: binomial 99.9 % bounds 1 % and 10.5 %."""
    assert 0.01 <= share_below(cores, 0.05, skill=0.0, path=path) <= 0.105


def test_good_timing_is_found(cores: Cores) -> None:
    """One bar in five known is 0.08 * sqrt(600) errors."""
    assert share_below(cores, 0.05, skill=0.2) > 0.75


def test_cash_through_a_falling_market_is_not_skill() -> None:
    """Out half of the time, at random, beats holding what falls: the Sharpe ratio does, the timing does not.

    A ratio of -0.13 a bar becomes one of -0.13 / sqrt(2), 0.93 higher over sqrt(600) bars, with an error of
    sqrt(2 - sqrt(2)) = 0.77 as the two correlate by 1 / sqrt(2): higher in 89 % of samples, 53 of 60; 99.9 %: 45.
    """
    rng, better, timed = np.random.default_rng(2), 0, 0
    for _ in range(60):
        asset, held = market(rng, 600) - 0.002, random_path(rng, 600)
        own = placebo(positions(held, asset), 252)
        better += own.sharpe > sharpe(asset, 252)
        timed += own.p_value < 0.05
    assert better >= 45
    assert timed <= 9  # binomial 99.9 % of 5 %


def test_a_shuffle_keeps_the_holdings() -> None:
    """With one value of the asset every order earns the same."""
    held = np.repeat([0.0, 1.0, 0.5, 0.0, 1.0], 10)
    flat = placebo(positions(held, np.full(50, 0.001)), 252)
    assert flat.low == pytest.approx(flat.high)
    assert flat.p_value == 1.0


def test_the_p_value_counts_the_strategy_itself() -> None:
    rng = np.random.default_rng(3)
    asset = market(rng, 400)
    perfect = placebo(positions((asset > 0.0).astype(float), asset), 252)
    assert perfect.p_value == 1 / (1 + SHUFFLES)
    assert perfect.low < perfect.median < perfect.high < perfect.sharpe
    again = placebo(positions((asset > 0.0).astype(float), asset), 252)
    assert again == perfect  # seeded


def test_a_placebo_by_the_letter() -> None:
    """Holdings cut, put in a random order and multiplied one by one, with the generator that the code seeds."""
    rng = np.random.default_rng(7)
    asset, held = market(rng, 120), random_path(rng, 120)
    pieces: list[list[float]] = []
    for bar, exposure in enumerate(held):
        if bar == 0 or exposure != held[bar - 1]:
            pieces.append([])
        pieces[-1].append(float(exposure))
    rng, ratios = np.random.default_rng(0), []
    second = [rng.permutation(len(pieces)) for _ in range(SECOND)]
    for first in [rng.permutation(len(pieces)) for _ in range(FIRST)]:
        for order in second:
            path = [exposure for k in order for exposure in pieces[first[k]]]
            earned = [exposure * move for exposure, move in zip(path, asset, strict=True)]
            ratios.append(statistics.fmean(earned) / statistics.stdev(earned) * math.sqrt(252))
    found = placebo(positions(held, asset), 252)
    own = sharpe(held * asset, 252)
    assert found.sharpe == pytest.approx(own)
    assert found.p_value == (1 + sum(ratio >= own - 1e-9 for ratio in ratios)) / (1 + SHUFFLES)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(ratios, [0.05, 0.95])))


def test_two_shuffles_are_independent_also_where_they_share_an_order() -> None:
    """Four holdings have 24 orders, so two independent shuffles are equal in 1 of 24 pairs, 4.2 %.

    Pairs of one call share neither, the first or the second order; each kind has 4,000 pairs, whose share has a
    standard error of 0.3 %.
    """
    held, starts, rng = np.arange(1.0, 5.0), np.arange(4), np.random.default_rng(9)
    four = positions(held, np.arange(4.0))  # a holding earns the number of its bar, times itself
    equal = {"first": [], "second": [], "neither": []}
    for _ in range(200):
        paths = np.stack(list(_shuffled_returns(four, starts, rng)))[:, :40]  # (first, second, holding)
        for k in range(0, 40, 2):
            equal["first"].append((paths[k, k] == paths[k, k + 1]).all())
            equal["second"].append((paths[k, k] == paths[k + 1, k]).all())
            equal["neither"].append((paths[k, k + 1] == paths[k + 1, k]).all())
    for kind, found in equal.items():
        assert np.mean(found) == pytest.approx(1 / 24, abs=0.0105), kind


def test_a_shuffle_that_does_not_vary_counts_as_zero() -> None:
    """The asset moves in the second half alone; a shuffle that holds it in the first half alone earns nothing."""
    held, asset = np.repeat([0.0, 1.0], 20), np.repeat([0.0, 0.01], 20)
    asset[20::2] = -0.005
    ratios = _shuffled_ratios(positions(held, asset), np.array([0, 20]), np.random.default_rng(0))
    earned = held * asset
    assert set(np.round(ratios, 9)) == {0.0, round(earned.mean() / earned.std(ddof=1), 9)}


def test_what_cannot_be_shuffled_is_unknown() -> None:
    asset = market(np.random.default_rng(4), 100)
    assert placebo(positions(np.ones(100), asset), 252) == UNKNOWN  # one holding
    assert placebo(positions(np.zeros(100), asset), 252) == UNKNOWN
    assert placebo(positions(random_path(np.random.default_rng(5), 29), asset[:29]), 252) == UNKNOWN
    assert placebo(Positions(np.full(100, np.nan), asset, np.ones(100, bool)), 252) == UNKNOWN
    with pytest.raises(ValueError, match="different bars"):
        Positions(np.ones(3), np.ones(2), np.ones(3, bool))


def test_a_bar_of_delay_by_hand() -> None:
    """In before each rise and out before each fall, every other bar: a bar late it holds just the falls."""
    asset = np.tile([0.02, -0.01], 30) + np.random.default_rng(6).normal(0.0, 1e-4, 60)
    held = np.tile([1.0, 0.0], 30)
    now, late = held[1:] * asset[1:], held[:-1] * asset[1:]
    ratios = [math.sqrt(252) * r.mean() / r.std(ddof=1) for r in (now, late)]
    assert delay_cost(positions(held, asset), 252) == pytest.approx(ratios[0] - ratios[1])
    assert ratios[0] > 0.0 > ratios[1]
    assert delay_cost(positions(held[:30], asset[:30]), 252) is None  # 29 bars are left
    assert delay_cost(positions(np.zeros(60), asset), 252) is None
