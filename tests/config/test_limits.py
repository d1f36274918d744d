"""Every setting has a largest value, and the error gives the reason."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from lstmstrat import ConfigError, ForecastConfig
from lstmstrat.config.data import DataConfig, ExtraConfig, PeerConfig
from lstmstrat.config.schema import BrokerConfig, Config, ReportConfig, StrategyConfig
from lstmstrat.config.section import Section
from lstmstrat.config.validation import validated
from lstmstrat.forecasting.features import feature

SECTIONS = (
    DataConfig,
    ExtraConfig,
    PeerConfig,
    ForecastConfig,
    BrokerConfig,
    StrategyConfig,
    ReportConfig,
    Config,
)
LIMITS = [(section, name) for section in SECTIONS for name in section.limits]
STRATEGY = {"class": "strategies.long_flat:LongFlat"}
NEEDED: dict[type[Section], dict[str, Any]] = {  # beside the setting that is tried
    StrategyConfig: STRATEGY,
    ExtraConfig: {"name": "x", "path": "x.csv"},
    PeerConfig: {"name": "x"},
    ForecastConfig: {"learning_rate": 1e-9},  # with it, weight_decay can be as large as its limit
    Config: {"strategies": [STRATEGY]},
}


def mistakes(section: type[Section], values: dict[str, Any]) -> list[str]:
    """One line for every mistake in the values of a section."""
    try:
        validated(section, values, "")
    except ConfigError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


def kinds(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a field takes."""
    return {schema.get("type", "")} | set(itertools.chain.from_iterable(map(kinds, schema.get("anyOf", ()))))


@pytest.mark.parametrize("section", SECTIONS)
def test_every_number_has_a_largest_value_in_the_json_schema(section: type[Section]) -> None:
    for name, field in section.model_json_schema(by_alias=False)["properties"].items():
        if kinds(field) & {"integer", "number"}:
            assert {"maximum", "exclusiveMaximum"} & field.keys(), name


@pytest.mark.parametrize(("section", "name"), LIMITS)
def test_the_limit_is_allowed_and_more_is_refused_with_the_reason(section: type[Section], name: str) -> None:
    limit, needed = section.limits[name], NEEDED.get(section, {})
    largest: Any = limit.most
    beyond: Any = limit.most + 1 if isinstance(limit.most, int) else limit.most * 1.01
    if limit.keyword == "maxLength":
        largest, beyond = "x" * largest, "x" * beyond
    if limit.keyword == "maxItems":
        items = [{**STRATEGY, "name": f"s{k}"} if name == "strategies" else "return_1" for k in range(beyond)]
        items = [k / 1000.0 for k in range(1, beyond + 1)] if name == "quantiles" else items
        items = [{"name": f"x{k}", "path": "x.csv"} for k in range(beyond)] if name == "extra" else items
        items = [f"S{k}" for k in range(beyond)] if name == "universe" else items
        items = [{"name": f"x{k}", "symbol": "IBM"} for k in range(beyond)] if name == "peers" else items
        items = [f"{year}-01-01" for year in range(1500, 1501 + largest)] if name == "accepted" else items
        largest, beyond = items[:-1], items
    found = mistakes(section, {**needed, name: beyond})
    assert any(line.startswith(f"{name}: ") and limit.why in line for line in found)
    assert not any(line.startswith(f"{name}: ") for line in mistakes(section, {**needed, name: largest}))


def test_a_setting_of_a_sensible_person_is_allowed() -> None:
    """What is far above the defaults and still used: a year of bars, a large network, long trainings."""
    big = {"lookback": 252, "hidden_size": 512, "layers": 4, "epochs": 1000, "members": 100, "batch_size": 4096}
    assert not mistakes(ForecastConfig, {**big, "weight_decay": 10.0, "clip": 100.0, "train_size": 100_000})
    assert not mistakes(BrokerConfig, {"cash": 1e12, "commission": 0.05, "slippage": 0.01})
    assert not mistakes(ReportConfig, {"periods_per_year": 525_600, "seeds": 1000, "worlds": 1000})


@pytest.mark.parametrize(
    ("rate", "decay", "allowed"), [(3e-3, 333.0, True), (3e-3, 334.0, False), (1.0, 0.99, True), (1.0, 1.0, False)]
)
def test_weight_decay_cannot_overshoot(rate: float, decay: float, allowed: bool) -> None:
    """A decoupled step multiplies a weight by 1 - learning_rate * weight_decay, which must stay above 0."""
    values = {"learning_rate": rate, "weight_decay": decay}
    assert bool(validated(ForecastConfig, values, "") if allowed else True)
    assert bool(mistakes(ForecastConfig, values)) is not allowed


def test_the_error_of_a_weight_decay_says_what_to_type() -> None:
    """0.003 * 1e6 is 3,000; 1 / 0.003 is 333."""
    with pytest.raises(ConfigError, match=r"takes 3e\+03 times its value off .* below 333, such as 1e-4"):
        validated(ForecastConfig, {"weight_decay": 1e6}, "forecast:")


@pytest.mark.parametrize("name", ["return_99999999", "volatility_" + "9" * 5000])
def test_a_feature_of_more_bars_than_there_are_is_unknown(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown feature"):
        feature(name)
