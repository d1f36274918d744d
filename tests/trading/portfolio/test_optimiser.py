"""Sides weighed by an optimiser: laws, weights by hand, skfolio, and what is said of one that cannot be used.

Letters: D sessions, N assets.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from helpers.weights import target_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import ConfigError
from lstmstrat.arrays import Bools, Floats
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.trading.portfolio.optimiser import Optimised, Optimiser, optimiser_of

WINDOW, SESSIONS, ASSETS = 63, 68, 9  # the window as docs/universe.md has it
RULES = {
    "two sides": {"rule": "top", "long": 3, "short": 2},
    "held until": {"long": 0.3, "short": 0.2, "hold_until": 0.5, "gross": 1.5},
    "one side": {"rule": "top", "long": 4, "short": 0, "gross": 0.8},
    "short only": {"rule": "top", "long": 0, "short": 3, "gross": 1.0},
    "by group": {"rule": "top", "long": 2, "short": 2, "neutral": "group"},
}


class Calm:
    """Weights by one over the variance."""

    asked: list[Any] = []  # noqa: RUF012

    def fit(self, X: Any) -> None:  # noqa: N803
        self.asked.append(X.copy())
        self.weights_ = 1.0 / X.var(axis=0)
        X[:] = 0.0  # what it does to its argument stays with it


class Richest:
    """All in the asset that earned most."""

    def fit(self, X: Any) -> None:  # noqa: N803
        self.weights_ = (X.sum(axis=0) == X.sum(axis=0).max()).astype(float)


class NoOptimiser:
    pass


class Needs:
    def __init__(self, places: int):
        self.places = places

    def fit(self, X: Any) -> None:  # noqa: N803
        self.weights_ = np.ones(self.places)


class Raises:
    def fit(self, X: Any) -> None:  # noqa: N803
        raise ValueError("too few")


class Forgets:
    def fit(self, X: Any) -> None:  # noqa: N803
        pass


class Draws:
    def fit(self, X: Any) -> None:  # noqa: N803
        self.weights_ = np.random.default_rng().random(X.shape[1])


class Keeps:
    """Half of the weights that it gave before, kept in the class."""

    last: Any = None

    def fit(self, X: Any) -> None:  # noqa: N803
        now = 1.0 / X.var(axis=0)
        now /= now.sum()
        type(self).last = self.weights_ = now if self.last is None else 0.5 * (now + self.last)


class Gradient:
    """Weights as a tensor that torch follows, which is no array."""

    def fit(self, X: Any) -> None:  # noqa: N803
        import torch

        self.weights_ = torch.ones(X.shape[1], requires_grad=True)


class Borrows:
    def fit(self, X: Any) -> None:  # noqa: N803
        self.weights_ = np.random.rand(X.shape[1])  # noqa: NPY002


def gives(value: Any) -> type:
    return type("Gives", (), {"fit": lambda self, returns: setattr(self, "weights_", value)})


@pytest.fixture(autouse=True)
def module() -> Any:
    found = ModuleType("optimisers_of_a_test")
    kinds = (Calm, Richest, NoOptimiser, Needs, Raises, Forgets, Draws, Keeps, Borrows)
    found.__dict__.update({kind.__name__: kind for kind in kinds})
    sys.modules["optimisers_of_a_test"] = found
    Calm.asked.clear()
    Keeps.last = None
    yield found
    del sys.modules["optimisers_of_a_test"]


def rule(name: str = "Calm", **more: Any) -> PortfolioConfig:
    return PortfolioConfig(weights=name if "skfolio" in name else f"optimisers_of_a_test:{name}", **more)


def optimised(found: PortfolioConfig, returns: Floats) -> Optimised:
    optimiser = optimiser_of(found)
    assert optimiser is not None
    times = np.datetime64("2024-01-01", "ns") + np.arange(len(returns)) * np.timedelta64(1, "D")
    symbols = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: returns.shape[1]])
    return Optimised(optimiser, returns, times, symbols, lambda done, total: None)


def weights(
    found: PortfolioConfig, scores: Floats, returns: Floats, tradable: Bools | None = None, groups: Any = None
) -> Floats:
    tradable = np.ones(scores.shape, dtype=bool) if tradable is None else tradable
    return target_weights(scores, tradable, found, groups, optimised=optimised(found, returns))


Case = tuple[Floats, Bools, Floats, Any]


def drawn(seed: int) -> Case:
    """Scores, who is tradable, returns with a hole, groups."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 2, ASSETS)
    scores, returns = rng.normal(size=(SESSIONS, ASSETS)), rng.normal(0.0, 0.01, (SESSIONS, ASSETS))
    returns *= rng.uniform(0.5, 3.0, ASSETS)
    returns[rng.integers(SESSIONS), rng.integers(ASSETS)] = np.nan
    scores[rng.random(scores.shape) < 0.1] = np.nan
    return scores, rng.random(scores.shape) > 0.1, returns, groups


def chosen(case: Case) -> Bools:
    """Who can be chosen: 63 returns up to this one; (D, N)."""
    scores, tradable, returns, _ = case
    whole = [np.isfinite(returns[t - WINDOW + 1 : t + 1]).all(axis=0) & (t >= WINDOW - 1) for t in range(SESSIONS)]
    return np.array(whole) & tradable & np.isfinite(scores)


rules = pytest.mark.parametrize("given_rule", RULES.values(), ids=RULES)
laws = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**32).map(drawn)


@rules
@laws
@given(case=seeds)
def test_law_of_the_sums(given_rule: dict[str, Any], case: Case) -> None:
    """Each side sums to its part of the gross wherever there is an asset for each, and to 0 elsewhere."""
    found_rule = rule(**given_rule)
    found, can = weights(found_rule, case[0], case[2], case[1], case[3]), chosen(case)
    assert not found[~can].any()
    counts = can.sum(axis=1)
    if found_rule.neutral == "group":
        counts = np.max([can[:, case[3] == group].sum(axis=1) for group in (0, 1)], axis=0)
    budget = np.where(counts >= found_rule.sides, found_rule.gross / found_rule.sides, 0.0)
    assert budget[WINDOW:].any()
    for side, share in ((found_rule.long, np.maximum(found, 0.0)), (found_rule.short, np.maximum(-found, 0.0))):
        assert np.abs(share.sum(axis=1) - budget * (side > 0.0)).max() < 1e-12


@rules
@laws
@given(case=seeds, cut=st.integers(WINDOW - 1, SESSIONS - 2))
def test_law_of_the_past(given_rule: dict[str, Any], case: Case, cut: int) -> None:
    """A row depends on the rows up to it: whatever stands after it, it is the same to the last bit."""
    scores, tradable, returns, groups = case
    found = weights(rule(**given_rule), scores, returns, tradable, groups)
    poisoned = [values.copy() for values in (scores, returns, tradable)]
    for values, poison in zip(poisoned, (1e9, np.nan, False), strict=True):
        values[cut + 1 :] = poison
    again = weights(rule(**given_rule), *poisoned, groups)
    assert np.array_equal(again[: cut + 1], found[: cut + 1])


@rules
@laws
@given(case=seeds, order=st.permutations(range(ASSETS)))
def test_law_of_the_columns(given_rule: dict[str, Any], case: Case, order: list[int]) -> None:
    scores, tradable, returns, groups = case
    found = weights(rule(**given_rule), scores, returns, tradable, groups)
    permuted = weights(rule(**given_rule), scores[:, order], returns[:, order], tradable[:, order], groups[order])
    np.testing.assert_allclose(permuted, found[:, order], rtol=0.0, atol=1e-14)


@rules
@laws
@given(case=seeds)
def test_the_sides_are_those_of_equal_weights_and_the_weights_are_worked_by_hand(
    given_rule: dict[str, Any], case: Case
) -> None:
    """One over the variance of the last 63 returns, scaled to what the side has with equal weights."""
    scores, _, returns, groups = case
    can = chosen(case)
    equal = target_weights(scores, can, PortfolioConfig(**given_rule), groups)
    found = weights(rule(**given_rule), scores, returns, can, groups)
    parts = [equal * (equal > 0.0), equal * (equal < 0.0)]
    of_group = (groups == 0, groups == 1) if "neutral" in given_rule else (np.ones(ASSETS, dtype=bool),)
    for t in range(SESSIONS):
        expected = np.zeros(ASSETS)
        for side in [part[t] * group for part in parts for group in of_group]:
            (assets,) = side.nonzero()
            if len(assets):
                inverse = 1.0 / np.var(returns[t - WINDOW + 1 : t + 1, assets], axis=0)
                expected[assets] = inverse * side.sum() / inverse.sum()
        np.testing.assert_allclose(found[t], expected, rtol=1e-12, atol=0.0)


def ordered(sessions: int = SESSIONS) -> tuple[Floats, Floats]:
    """Scores that fall from asset to asset, and returns; (D, 4) each."""
    rng = np.random.default_rng(1)
    return np.tile([4.0, 3.0, 2.0, 1.0], (sessions, 1)), rng.normal(0.0, 0.01, (sessions, 4))


def test_a_short_side_is_asked_with_what_it_earns() -> None:
    """The richest of the longs is B; of the shorts it is C, which fell most."""
    scores, _ = ordered()
    returns = np.tile([0.01, 0.02, -0.03, 0.04], (SESSIONS, 1))
    found = weights(rule("Richest", rule="top", long=2, short=2), scores, returns)
    assert found[-1].tolist() == [0.0, 1.0, -1.0, 0.0]


def test_a_place_to_which_no_weight_was_given_is_a_holding() -> None:
    """Best two, held until rank 3: A has no weight and falls to rank 3, and its place is not C's for that."""
    scores, _ = ordered()
    returns = np.tile([0.01, 0.02, 0.05, 0.04], (SESSIONS, 1))
    scores[-1] = [2.0, 4.0, 3.0, 1.0]
    found_rule = rule("Richest", rule="top", long=2, short=0, hold_until=3, gross=1.0)
    assert weights(found_rule, scores, returns)[-1].tolist() == [0.0, 1.0, 0.0, 0.0]
    scores[:-1] = np.nan
    assert weights(found_rule, scores, returns)[-1].tolist() == [0.0, 0.0, 1.0, 0.0]


def test_who_lacks_a_return_or_never_moved_cannot_be_chosen() -> None:
    scores, returns = ordered()
    returns[3, 0], returns[:, 1] = np.nan, 0.0
    found_rule = rule(rule="top", long=1, short=0, gross=1.0)
    found = weights(found_rule, scores, returns)
    assert found[WINDOW + 2].tolist() == [0.0, 0.0, 1.0, 0.0]  # the hole is the oldest of its returns
    assert found[WINDOW + 3].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert not found[: WINDOW - 1].any()
    assert weights(found_rule, scores[:5], returns[:5]).tolist() == [[0.0] * 4] * 5


def test_it_is_asked_for_chosen_assets_once_for_each_side_and_not_for_one_alone() -> None:
    """Two of four long: once a session, and once more for the first. One short: its side is its own."""
    scores, returns = ordered()
    found_rule = rule(rule="top", long=2, short=1)
    once = optimised(found_rule, returns)
    tradable = np.ones(scores.shape, dtype=bool)
    found = target_weights(scores, tradable, found_rule, optimised=once)
    assert len(Calm.asked) == SESSIONS - WINDOW + 1 + 4
    assert np.array_equal(Calm.asked[-1], returns[-WINDOW:, :2])
    assert (found[WINDOW - 1 :, 3] == -1.0).all()
    better = scores[:, [1, 0, 2, 3]]  # the same two are the best
    assert np.array_equal(target_weights(better, tradable, found_rule, optimised=once), found)
    assert len(Calm.asked) == SESSIONS - WINDOW + 1 + 4


def test_a_group_that_is_not_held_is_not_solved() -> None:
    """Three assets for a long side of two and a short one, but two of them cannot be traded."""
    scores, returns = ordered()
    tradable = np.tile([True, False, False, False], (SESSIONS, 1))
    assert not weights(rule(rule="top", long=2, short=2), scores, returns, tradable).any()
    assert not Calm.asked


def test_the_sessions_are_told() -> None:
    scores, returns = ordered()
    found_rule, told = rule(rule="top", long=2, short=2), list[tuple[int, int]]()
    asked = optimised(found_rule, returns)
    asked = Optimised(asked.optimiser, returns, asked.times, asked.symbols, lambda *now: told.append(now))
    target_weights(scores, np.ones(scores.shape, dtype=bool), found_rule, optimised=asked)
    assert told[-1] == (SESSIONS, SESSIONS)


def test_what_a_solver_leaves_of_zero_is_zero() -> None:
    """A hundred-thousandth of a side on either side of 0; the rest is 2 to 1."""
    found = Optimiser("Gives", gives([2.0, 1.0, 3e-5, -3e-5])).weights(np.ones((WINDOW, 4)))
    assert found[2:].tolist() == [0.0, 0.0]
    assert found[:2] == pytest.approx([2 / 3, 1 / 3])


def test_random_numbers_of_the_process_are_the_same_each_time() -> None:
    scores, returns = ordered()
    found_rule = rule("Borrows", rule="top", long=2, short=2)
    assert np.array_equal(weights(found_rule, scores, returns), weights(found_rule, scores, returns))


def test_the_least_variance_of_two_uncorrelated_assets_is_one_over_the_variance() -> None:
    """Deviations of 1% and 2% without correlation: 4 to 1.

    The solver of skfolio stops within some ten thousandths of it, for variances as small as those of days.
    """
    first, second = np.tile([1.0, 1.0, -1.0, -1.0], 15), np.tile([1.0, -1.0, 1.0, -1.0], 15)
    returns = np.zeros((WINDOW, 2))
    returns[:60] = np.column_stack([first * 0.01, second * 0.02])
    found_rule = rule("skfolio", rule="top", long=2, short=0, gross=1.0)
    found = weights(found_rule, np.ones((WINDOW, 2)), returns)
    assert found[-1] == pytest.approx([0.8, 0.2], abs=5e-4)
    assert not found[:-1].any()


@pytest.mark.parametrize("name", ["MeanRisk", "HierarchicalRiskParity"])
def test_skfolio_itself_finds_the_weights_of_both_sides(name: str) -> None:
    from skfolio import optimization

    scores, returns, _, _ = drawn(3)
    scores, returns = np.tile(np.arange(9.0), (SESSIONS, 1)), np.nan_to_num(scores) * 0.01
    found = weights(rule(f"skfolio:{name}", rule="top", long=4, short=3), scores, returns)
    short = weights(rule("skfolio", rule="top", long=4, short=3), scores, returns)
    assert name != "MeanRisk" or np.array_equal(found, short)
    for assets, sign in ((slice(5, 9), 1.0), (slice(0, 3), -1.0)):
        expected = getattr(optimization, name)().fit(sign * returns[-WINDOW:, assets]).weights_
        np.testing.assert_allclose(found[-1, assets], sign * expected, rtol=0.0, atol=1e-5)
    assert not found[-1, 3:5].any()


def test_without_skfolio_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skfolio", None)
    with pytest.raises(ConfigError) as caught:
        optimiser_of(rule("skfolio"))
    assert str(caught.value) == (
        'portfolio.weights: skfolio needs the package skfolio; type: pip install "lstmstrat[portfolio]"'
    )
    assert optimiser_of(PortfolioConfig()) is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("skfolio:MeanRsik", "skfolio.optimization has no MeanRsik; did you mean 'MeanRisk'"),
        ("skfolio:ObjectiveFunction", "skfolio:ObjectiveFunction is no optimiser; expected a class with a method"),
        (
            "NoOptimiser",
            r"is no optimiser; expected a class with a method fit\(self, X\), after which",
        ),
        ("Clam", "did you mean 'Calm'"),
        ("Needs", "optimisers_of_a_test:Needs without arguments: TypeError: .*'places'"),
    ],
)
def test_what_is_no_optimiser_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"portfolio.weights: .*{sentence}"):
        optimiser_of(rule(name))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (gives([1.0, 1.0, 1.0]), r"gives weights_ of shape \(3,\), expected \(4,\), one of each asset"),
        (gives([1.0, np.nan, 1.0, 1.0]), "gives a weight that is NaN or infinite, or weights whose sum is"),
        (gives([1e308] * 4), "gives a weight that is NaN or infinite, or weights whose sum is"),
        (gives([0.0] * 4), "gives weights that sum to 0, expected a sum above 0"),
        (gives([1.0, -0.1, 1.0, 1.0]), "gives the weight -0.1; a side is held with weights of 0 and above"),
        (gives("all"), "gives weights_ that are no numbers, but str: TypeError: values of type <U3; .*"),
        (gives([10**400] * 4), "gives weights_ that are no numbers, but list: OverflowError: .*"),
        (gives(np.ones(4) + 1j), "gives weights_ that are no numbers, but ndarray: .* type complex128; .*"),
        (
            gives(np.ma.masked_equal([1, 2, 3, 4], 3)),
            "gives a weight that is NaN or infinite, or weights whose sum is",
        ),
        (Gradient, "gives weights_ that are no numbers, but Tensor: RuntimeError: .*"),
        (Raises, r"fails: ValueError: too few \(.*test_optimiser.py, line \d+\)"),
        (Forgets, r"has no weights_ after fit\(X\)"),
        (Draws, "gives other weights for the same returns; give it a fixed seed, and keep nothing in the class"),
    ],
)
def test_what_cannot_be_weights_is_refused_with_its_session_and_assets(
    module: ModuleType, kind: type, sentence: str
) -> None:
    """The first session with 63 returns is the 63rd from 2024-01-01 on, the 3rd of March."""
    module.__dict__["Given"] = kind
    scores, returns = ordered()
    expected = (
        "^portfolio.weights: optimisers_of_a_test:Given, asked for the weights of A, B, C and 1 more at the close "
        f"of 2024-03-03, {sentence}; correct it, or type weights: equal$"
    )
    with pytest.raises(ConfigError, match=expected):
        weights(rule("Given", rule="top", long=4, short=0, gross=1.0), scores, returns)


def test_an_optimiser_that_keeps_something_from_call_to_call_is_refused() -> None:
    """The first returns give the same twice in a row, and no longer once others were solved."""
    scores, returns = ordered()
    with pytest.raises(ConfigError, match=r"close of 2024-03-04, gives other weights .*keep nothing in the class"):
        weights(rule("Keeps", rule="top", long=4, short=0, gross=1.0), scores, returns)


def test_what_a_config_may_not_say() -> None:
    with pytest.raises(ConfigError, match=r"weights: .*did you mean 'skfolio'"):
        PortfolioConfig(weights="skfoliio")
    with pytest.raises(
        ConfigError, match=r"equal \| inverse_volatility \| skfolio, or module:Class, an optimiser"
    ):
        PortfolioConfig(weights=3)
    with pytest.raises(ConfigError, match=r"by their scores; type rule: quantile, or weights: equal"):
        PortfolioConfig(rule="proportional", long=1, short=1, weights="skfolio")
    with pytest.raises(ConfigError, match="weights: rule: mine:Best decides that itself"):
        PortfolioConfig(rule="mine:Best", weights="skfolio")


def test_a_rule_needs_its_optimiser() -> None:
    with pytest.raises(ConfigError, match="weights skfolio need its optimiser with the returns; give it"):
        target_weights(np.ones((1, 2)), np.ones((1, 2), dtype=bool), PortfolioConfig(weights="skfolio"))


def test_of_the_users_own_is_what_is_no_library() -> None:
    assert PortfolioConfig(weights="skfolio:HierarchicalRiskParity").own_code == ()
    assert rule().own_code == ("optimisers_of_a_test:Calm",)
    assert PortfolioConfig(rule="mine:Best").own_code == ("mine:Best",)
    assert PortfolioConfig(weights="inverse_volatility").own_code == ()
