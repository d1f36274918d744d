"""Scores to target weights, worked by hand and by laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers.weights import target_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import ConfigError
from lstmstrat.arrays import Bools, Floats
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.trading.portfolio.weights import equal_weight

NAN = np.nan
DECILES = PortfolioConfig()
TOP = PortfolioConfig(rule="top", long=2, short=0, gross=1.0)
PROPORTIONAL = PortfolioConfig(rule="proportional", long=1, short=1)
RULES = {
    "deciles": DECILES,
    "a third, held until half": PortfolioConfig(long=0.3, short=0.2, hold_until=0.5, gross=1.5),
    "all long": PortfolioConfig(long=1.0, short=0.0, gross=0.8),
    "short side only": PortfolioConfig(rule="top", long=0, short=3, hold_until=5, gross=0.5),
    "more places than assets": PortfolioConfig(rule="top", long=10, short=4, hold_until=12),
    "top, by volatility": PortfolioConfig(rule="top", long=3, short=3, weights="inverse_volatility"),
    "proportional": PROPORTIONAL,
    "proportional, long, by volatility": PortfolioConfig(
        rule="proportional", long=1, short=0, gross=1.0, weights="inverse_volatility"
    ),
    "by group": PortfolioConfig(rule="top", long=1, short=1, hold_until=2, neutral="group"),
    "proportional by group": PROPORTIONAL.model_copy(update={"neutral": "group"}),
}


def weights(scores: Any, rule: PortfolioConfig, **more: Any) -> list[list[float]]:
    """Target weights where every asset is tradable."""
    given_scores = np.array(scores, dtype=float)
    return target_weights(given_scores, np.ones(given_scores.shape, dtype=bool), rule, **more).round(12).tolist()


def test_a_side_has_half_of_the_gross() -> None:
    """Two of ten a side: 2 / 2 sides / 2 assets = 0.5 each."""
    (row,) = weights([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], PortfolioConfig(long=0.2, short=0.2))
    assert row == [-0.5, -0.5, 0, 0, 0, 0, 0, 0, 0.5, 0.5]


def test_one_side_has_all_of_it() -> None:
    assert weights([[3, 1, 2]], TOP) == [[0.5, 0, 0.5]]
    assert weights([[3, 1, 2]], PortfolioConfig(rule="top", long=0, short=2, gross=1.0)) == [[0, -0.5, -0.5]]


def test_of_equal_scores_the_earlier_column_is_the_better() -> None:
    assert weights([[1, 1, 1, 1]], PortfolioConfig(rule="top", long=1, short=1)) == [[1, 0, 0, -1]]


def test_a_holding_stays_until_its_rank() -> None:
    """Best two of five, held until rank 3. Second close: A is third and stays, B is fourth and goes, C comes in.
    Third close: A is fourth and goes, C is third and stays, D comes in though E is as good as second."""
    scores = [[9, 8, 7, 6, 5], [7, 6, 9, 8, 5], [6, 1, 7, 9, 8]]
    rule = TOP.model_copy(update={"hold_until": 3.0})
    assert weights(scores, rule) == [[0.5, 0.5, 0, 0, 0], [0.5, 0, 0.5, 0, 0], [0, 0, 0.5, 0.5, 0]]
    assert weights(scores, TOP)[1:] == [[0, 0, 0.5, 0.5, 0], [0, 0, 0, 0.5, 0.5]]


def test_of_more_holdings_than_places_the_best_stay() -> None:
    """Half of four are two places, half of two are one."""
    rule = PortfolioConfig(long=0.5, short=0.0, hold_until=1.0, gross=1.0)
    assert weights([[4, 3, 2, 1], [1, 2, NAN, NAN]], rule) == [[0.5, 0.5, 0, 0], [0, 1, 0, 0]]


def test_a_holding_goes_where_the_other_side_has_a_place() -> None:
    """Held until rank 3 of three assets, but the last is a place of the short side: the long holding that falls to
    it goes. The short one, now second worst, keeps its place; when it is the best, all turns."""
    rule = PortfolioConfig(rule="top", long=1, short=1, hold_until=3)
    assert weights([[3, 2, 1], [1, 3, 2], [1, 2, 3]], rule) == [[1, 0, -1], [0, 1, -1], [-1, 1, 0]]
    assert weights([[3, 2, 1], [2, 3, 1]], rule) == [[1, 0, -1], [1, 0, -1]]


def test_a_holding_goes_when_it_cannot_be_chosen() -> None:
    scores = np.array([[3.0, 2.0, 1.0]] * 3)
    tradable = np.array([[True] * 3, [False, True, True], [True] * 3])
    rule = PortfolioConfig(rule="top", long=1, short=0, hold_until=3, gross=1.0)
    assert target_weights(scores, tradable, rule).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    scores[1, 0] = NAN
    assert target_weights(scores, np.ones((3, 3), dtype=bool), rule).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


def test_proportional_is_the_distance_from_the_median() -> None:
    """Median 3; distances -2, -1, 0, 1, 5: the sides sum to 3 and 6, and each is scaled to 1."""
    expected = [-0.666666666667, -0.333333333333, 0, 0.166666666667, 0.833333333333]
    assert weights([[1, 2, 3, 4, 8]], PROPORTIONAL) == [expected]
    long = PortfolioConfig(rule="proportional", long=1, short=0, gross=1.0)
    assert weights([[1, 2, 3, 4, 8]], long) == [[0, 0, 0, *expected[3:]]]


def test_inverse_volatility() -> None:
    """1/0.1 and 1/0.3 are 10 and 3.33: 75% and 25%. Without a volatility above 0 an asset cannot be chosen."""
    rule = TOP.model_copy(update={"weights": "inverse_volatility"})
    volatility = np.array([[0.1, 0.3, 0.2], [NAN, 0.3, 0.1], [0.0, NAN, NAN]])
    assert weights([[3, 2, 1]] * 3, rule, volatility=volatility) == [[0.75, 0.25, 0], [0, 0.25, 0.75], [0, 0, 0]]


def test_a_group_gets_its_part_by_number() -> None:
    """Groups of 3 and 2 have 3/5 and 2/5 of the gross of 2, half of it a side; a single asset has nothing."""
    rule = PortfolioConfig(rule="top", long=1, short=1, neutral="group")
    groups = np.array(["b", "a", "b", "a", "b", "c"])
    assert weights([[6, 5, 4, 3, 2, 1]], rule, groups=groups) == [[0.6, 0.4, 0, -0.4, -0.6, 0]]


@pytest.mark.parametrize(
    ("rule", "assets", "places"),
    [
        (DECILES, 9, (1, 1)),  # at least one
        (DECILES, 29, (2, 2)),  # rounded down
        (PortfolioConfig(long=0.29, short=0.0, gross=1.0), 100, (29, 0)),  # 0.29 * 100 is 28.999999999999996
        (DECILES, 1, (0, 0)),  # one asset has no two sides
        (PortfolioConfig(long=0.8, short=0.2), 2, (1, 1)),
        (TOP, 1, (1, 0)),
        (PortfolioConfig(rule="top", long=10, short=5), 6, (4, 2)),
        (PortfolioConfig(rule="top", long=10, short=1), 3, (2, 1)),  # 3*10/11 is 2.7, 3/11 is 0.3
        (PortfolioConfig(rule="top", long=10, short=10), 3, (1, 1)),
    ],
)
def test_places_of_few_assets(rule: PortfolioConfig, assets: int, places: tuple[int, int]) -> None:
    assert rule.places(assets) == places


@pytest.mark.parametrize("rule", [DECILES, TOP, PROPORTIONAL], ids=["deciles", "top", "proportional"])
def test_no_scores_no_weights(rule: PortfolioConfig) -> None:
    assert weights([[NAN] * 3, [NAN] * 3], rule) == [[0, 0, 0]] * 2
    assert target_weights(np.zeros((2, 0)), np.zeros((2, 0), dtype=bool), rule).shape == (2, 0)


def test_equal_scores_have_no_sides() -> None:
    assert weights([[2, 2, 2]], PROPORTIONAL) == [[0, 0, 0]]


Case = tuple[Floats, Bools, Floats, np.ndarray[Any, Any]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Scores without ties, with holes; who is tradable; volatility, with holes; groups."""
    sessions, assets = draw(st.integers(1, 8)), draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    holes = draw(st.sampled_from([0.0, 0.1, 0.6]))
    scores, volatility = rng.normal(size=(sessions, assets)), rng.uniform(0.01, 0.5, (sessions, assets))
    scores[rng.random(scores.shape) < holes] = NAN
    volatility[rng.random(scores.shape) < holes / 3.0] = NAN
    return scores, rng.random(scores.shape) > holes / 3.0, volatility, rng.integers(0, 4, assets)


rules = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
laws = settings(max_examples=30, deadline=None)


@rules
@laws
@given(case=cases())
def test_law_of_the_sums(rule: PortfolioConfig, case: Case) -> None:
    """Each side sums to its part of the gross wherever there is an asset for each, and to 0 elsewhere."""
    scores, tradable, volatility, groups = case
    found = target_weights(scores, tradable, rule, groups, volatility)
    can = tradable & np.isfinite(scores)
    can &= np.isfinite(volatility) | (rule.weights == "equal")
    assert not found[~can].any()
    in_one_group = [can[:, groups == g].sum(axis=1) for g in np.unique(groups)]
    counts = np.array(in_one_group if rule.neutral == "group" else [can.sum(axis=1)])
    # without ties even proportional has a side above and one below the median of two assets
    least = 2 if rule.sides == 2 or rule.rule == "proportional" else 1
    full = (counts >= least).any(axis=0)
    budget = np.where(full, rule.gross / rule.sides, 0.0)
    for side, share in ((rule.long, np.maximum(found, 0.0)), (rule.short, np.maximum(-found, 0.0))):
        assert np.abs(share.sum(axis=1) - budget * (side > 0.0)).max() < 1e-12
    assert (np.abs(found).sum(axis=1) <= rule.gross + 1e-12).all()


@rules
@laws
@given(case=cases(), data=st.data())
def test_law_of_the_columns(rule: PortfolioConfig, case: Case, data: st.DataObject) -> None:
    """The weights do not depend on the order of the assets."""
    scores, tradable, volatility, groups = case
    order = data.draw(st.permutations(range(scores.shape[1])))
    found = target_weights(scores, tradable, rule, groups, volatility)
    permuted = target_weights(scores[:, order], tradable[:, order], rule, groups[order], volatility[:, order])
    np.testing.assert_allclose(permuted, found[:, order], rtol=0.0, atol=1e-15)


@rules
@laws
@given(case=cases(), data=st.data())
def test_law_of_the_past(rule: PortfolioConfig, case: Case, data: st.DataObject) -> None:
    """A row depends on the rows up to it."""
    scores, tradable, volatility, groups = case
    cut = data.draw(st.integers(1, len(scores)))
    found = target_weights(scores, tradable, rule, groups, volatility)
    early = target_weights(scores[:cut], tradable[:cut], rule, groups, volatility[:cut])
    assert np.array_equal(early, found[:cut])


@laws
@given(case=cases(), places=st.integers(1, 5), until=st.integers(0, 9))
def test_law_of_the_mirror(case: Case, places: int, until: int) -> None:
    """The opposite scores give the opposite weights where both sides are alike."""
    scores, tradable, _, _ = case
    rule = PortfolioConfig(rule="top", long=places, short=places, hold_until=places + until)
    assert np.array_equal(target_weights(-scores, tradable, rule), -target_weights(scores, tradable, rule))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"long": 0.0, "short": 0.0}, "give at least one side"),
        ({"long": -0.1}, "greater than or equal to 0"),
        ({"gross": 2.5}, "type gross: 2"),
        ({"short": 0.0, "gross": 1.5}, "type gross: 1"),
        ({"gross": 0.0}, "expected greater than 0"),
        ({"long": 0.6, "short": 0.6}, "more than there are"),
        ({"long": 10.0}, "rule: top"),
        ({"hold_until": 0.05}, "expected 0.1"),
        ({"hold_until": 0.6}, "to 0.5"),
        ({"rule": "top", "long": 0.1, "short": 5}, "a whole number such as 10"),
        ({"rule": "top", "long": 5, "short": 0, "hold_until": 3, "gross": 1.0}, "type 5 or more"),
        ({"rule": "proportional"}, "type 1 to hold the long side"),
        ({"rule": "proportional", "long": 1, "short": 1, "hold_until": 0.5}, "take it out"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        PortfolioConfig(**wrong)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (TOP.model_copy(update={"neutral": "group"}), "neutral: none"),
        (TOP.model_copy(update={"weights": "inverse_volatility"}), "volatility"),
    ],
)
def test_what_a_rule_needs(rule: PortfolioConfig, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        weights([[1, 2, 3]], rule)


def test_equal_weight() -> None:
    """A quarter of four; a third of those left; nothing is traded after a close that was not asked for."""
    tradable = np.array([[True] * 4, [True] * 4, [False, True, True, True], [False] * 4])
    found = equal_weight(tradable, np.array([True, False, True, True]))
    expected = [[0.25] * 4, [NAN] * 4, [0.0, 1 / 3, 1 / 3, 1 / 3], [0.0] * 4]
    assert np.array_equal(found, expected, equal_nan=True)
