"""A portfolio rule of the user's: what it is asked, and what is said of one that cannot be used."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lstmstrat import ConfigError, StrategyError
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.trading.portfolio.own import OwnRule, own_rule

SCORES = np.array([[3.0, 1.0, 2.0, np.nan], [1.0, 3.0, 2.0, 4.0], [np.nan] * 4])
CLOSES = np.arange(12.0).reshape(3, 4)
TRADABLE = np.array([[True] * 4, [True, True, False, True], [True] * 4])


class Best:
    """The best asset, and a tenth in what is held already."""

    asked: list[tuple[list[float], list[float], list[list[float]]]] = []  # noqa: RUF012

    def __init__(self, places: int = 1):
        self.places = places

    def weights(self, scores: Any, held: Any, closes: Any) -> Any:
        self.asked.append((scores.tolist(), held.tolist(), closes.tolist()))
        best = np.argsort(np.nan_to_num(scores, nan=-np.inf))[-self.places :]
        found = np.zeros(len(scores))
        found[best] = 1.0 / self.places
        scores[:] = 0.0  # what it does to its arguments stays with it
        return found


class NoRule:
    pass


class Raises:
    def weights(self, scores: Any, held: Any, closes: Any) -> Any:
        return {}["mine"]


def returns(value: Any) -> type:
    return type("Returns", (), {"weights": lambda self, scores, held, closes: value})


@pytest.fixture(autouse=True)
def module() -> Any:
    found = ModuleType("rules_of_a_test")
    found.__dict__.update(Best=Best, NoRule=NoRule, Raises=Raises)
    sys.modules["rules_of_a_test"] = found
    yield found
    del sys.modules["rules_of_a_test"]


def rule(name: str = "Best", **more: Any) -> PortfolioConfig:
    return PortfolioConfig(rule=f"rules_of_a_test:{name}", **more)


def test_it_is_asked_at_each_close_with_what_can_be_chosen_and_what_is_held() -> None:
    Best.asked.clear()
    found = OwnRule(rule()).weights(SCORES, TRADABLE, CLOSES)
    assert found.tolist() == [[1.0, 0, 0, 0], [0, 0, 0, 1.0], [0, 0, 0, 0]]
    (first, nothing, one_close), (second, held, two_closes) = (
        Best.asked
    )  # not at the third close, where nothing has a score
    assert np.isnan(first[3])
    assert np.isnan(second[2])  # it cannot be traded
    assert nothing == [0.0] * 4
    assert (one_close, two_closes) == (CLOSES[:1].tolist(), CLOSES[:2].tolist())
    assert held == [1.0, 0.0, 0.0, 0.0]


def test_its_parameters_are_those_of_the_config() -> None:
    assert OwnRule(rule(params={"places": 2})).weights(SCORES, TRADABLE, CLOSES)[0].tolist() == [0.5, 0, 0.5, 0]
    assert rule().label == "best"
    with pytest.raises(ConfigError, match="unexpected keyword argument 'plaecs'"):
        own_rule(rule(params={"plaecs": 2}))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NoRule", r"is no rule; expected a class with a method weights\(self, scores, held, closes\)"),
        ("Bset", "did you mean 'Best'"),
    ],
)
def test_what_is_no_rule_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        OwnRule(rule(name)).weights(SCORES, TRADABLE, CLOSES)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([1.0, 0.0], r"shape \(2,\), expected \(4,\), one of each asset"),
        ([1.0, np.nan, 0.0, 0.0], "NaN or infinite values"),
        ([0.0, 0.0, 0.0, 1.0], "an asset without a score a weight"),
        ([0.7, 0.7, 0.0, 0.0], "sum to 1.4 long and 0 short; expected at most 1 a side"),
        ([-0.7, 0.7, -0.4, 0.0], "sum to 0.7 long and 1.1 short"),
        ("best", "TypeError: values of type <U4; expected real numbers"),
        (np.array([0.5, 0.5, 0.0, 0.0]) + 1j, "TypeError: values of type complex128; expected real numbers"),
        (np.ma.masked_equal([0.5, 0.4, 0.0, 0.0], 0.4), "NaN or infinite values"),
    ],
)
def test_what_cannot_be_weights_is_refused(module: ModuleType, value: Any, sentence: str) -> None:
    module.__dict__["Given"] = returns(value)
    with pytest.raises(StrategyError, match=sentence):
        OwnRule(rule("Given")).weights(SCORES, TRADABLE, CLOSES)


def test_gross_is_a_bound_for_it() -> None:
    with pytest.raises(StrategyError, match=r"and 0.5 in all \(gross\)"):
        OwnRule(rule(gross=0.5)).weights(SCORES, TRADABLE, CLOSES)


def test_an_error_in_it_names_its_line() -> None:
    with pytest.raises(
        StrategyError, match=r"rules_of_a_test:Raises: KeyError: 'mine' \(.*test_own_rule.py, line"
    ):
        OwnRule(rule("Raises")).weights(SCORES, TRADABLE, CLOSES)


def test_settings_of_the_built_in_rules_do_not_stand_beside_it() -> None:
    with pytest.raises(ConfigError, match=r"long, neutral: rule: rules_of_a_test:Best decides that itself"):
        rule(long=0.2, neutral="group")
    with pytest.raises(ConfigError, match="and rule: top has none; take them out"):
        PortfolioConfig(rule="top", long=1, short=1, params={"places": 3})
    with pytest.raises(ConfigError, match="did you mean 'quantile'"):
        PortfolioConfig(rule="quantil")
