"""A strategy among shuffles of its own holdings: by hand, and with size and power by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lstmstrat.inference.timing import PATHS, UNKNOWN, Positions, delay_cost, net_returns, placebo
from lstmstrat.metrics import sharpe


def positions(held: np.ndarray, asset: np.ndarray, cost: float = 0.0015) -> Positions:
    return Positions(held, asset, np.diff(held, prepend=np.nan) != 0.0, cost)


def market(rng: np.random.Generator, n: int) -> np.ndarray:
    """Returns that rise a little, with volatility in clusters."""
    volatility = 0.01 * np.exp(0.3 * np.convolve(rng.standard_normal(n + 40), 0.9 ** np.arange(40), "valid")[:n])
    return 0.0003 + volatility * rng.standard_normal(n)


def random_path(rng: np.random.Generator, n: int) -> np.ndarray:
    """In or out for 20 bars on average."""
    return (np.cumsum(rng.random(n) < 0.05) % 2).astype(float)


def share_below(level: float, skill: float, runs: int = 200, n: int = 600) -> float:
    rng, found = np.random.default_rng(1), []
    for _ in range(runs):
        asset, held = market(rng, n), random_path(rng, n)
        knows = rng.random(n) < skill
        found.append(placebo(positions(np.where(knows, asset > 0.0, held).astype(float), asset), 252).p_value)
    return float(np.mean([p is not None and p < level for p in found]))


def test_returns_of_a_path_by_hand() -> None:
    """Held 1, then 0.5, then -0.5: changes of 1, 0.5 and 1 cost 1 % each."""
    found = net_returns(np.array([1.0, 0.5, -0.5]), np.array([0.10, 0.20, -0.04]), 0.01)
    assert found == pytest.approx([0.09, 0.095, 0.01])


def test_positions_without_timing_pass_as_seldom_as_chance_has_it_and_good_timing_is_found() -> None:
    """5 % of 200: binomial 99.9 % bounds 1 % and 10.5 %. One bar in five known is 0.08 * sqrt(600) errors."""
    assert 0.01 <= share_below(0.05, skill=0.0) <= 0.105
    assert share_below(0.05, skill=0.2) > 0.75


def test_cash_through_a_falling_market_is_not_skill() -> None:
    """Out half of the time, at random, beats holding what falls: the Sharpe ratio does, the timing does not.

    A ratio of -0.13 a bar becomes one of -0.13 / sqrt(2), 0.93 higher over sqrt(600) bars, with an error of
    sqrt(2 - sqrt(2)) = 0.77 as the two correlate by 1 / sqrt(2): higher in 89 % of samples, 53 of 60; 99.9 %: 45.
    """
    rng, better, timed = np.random.default_rng(2), 0, 0
    for _ in range(60):
        asset, held = market(rng, 600) - 0.002, random_path(rng, 600)
        own = placebo(positions(held, asset, 0.0), 252)
        better += own.sharpe > sharpe(asset, 252)
        timed += own.p_value < 0.05
    assert better >= 45
    assert timed <= 9  # binomial 99.9 % of 5 %


def test_a_shuffle_keeps_holdings_exposure_and_costs() -> None:
    """With one value of the asset every order earns the same but for costs: the band is what the joints cost."""
    held = np.repeat([0.0, 1.0, 0.5, 0.0, 1.0], 10)
    flat = placebo(positions(held, np.full(50, 0.001), 0.0), 252)
    # Without costs all orders have the same returns, so the same ratio: as good as all of them.
    assert flat.low == pytest.approx(flat.high)
    assert flat.p_value == 1.0


def test_the_p_value_counts_the_strategy_itself() -> None:
    rng = np.random.default_rng(3)
    asset = market(rng, 400)
    perfect = placebo(positions((asset > 0.0).astype(float), asset, 0.0), 252)
    assert perfect.p_value == 1 / (1 + PATHS)
    assert perfect.low < perfect.median < perfect.high < perfect.sharpe
    again = placebo(positions((asset > 0.0).astype(float), asset, 0.0), 252)
    assert again == perfect  # seeded


def test_what_cannot_be_shuffled_is_unknown() -> None:
    asset = market(np.random.default_rng(4), 100)
    assert placebo(positions(np.ones(100), asset), 252) == UNKNOWN  # one holding
    assert placebo(positions(np.zeros(100), asset), 252) == UNKNOWN
    assert placebo(positions(random_path(np.random.default_rng(5), 29), asset[:29]), 252) == UNKNOWN
    assert placebo(Positions(np.full(100, np.nan), asset, np.ones(100, bool), 0.0), 252) == UNKNOWN
    with pytest.raises(ValueError, match="different bars"):
        Positions(np.ones(3), np.ones(2), np.ones(3, bool), 0.0)


def test_a_bar_of_delay_by_hand() -> None:
    """In before each rise and out before each fall, every other bar: a bar late it holds just the falls."""
    asset = np.tile([0.02, -0.01], 30) + np.random.default_rng(6).normal(0.0, 1e-4, 60)
    held = np.tile([1.0, 0.0], 30)
    now, late = held[1:] * asset[1:], held[:-1] * asset[1:]
    ratios = [math.sqrt(252) * r.mean() / r.std(ddof=1) for r in (now, late)]
    assert delay_cost(positions(held, asset, 0.0), 252) == pytest.approx(ratios[0] - ratios[1])
    assert ratios[0] > 0.0 > ratios[1]
    assert delay_cost(positions(held[:30], asset[:30]), 252) is None  # 29 bars are left
    assert delay_cost(positions(np.zeros(60), asset), 252) is None
