"""What a config may name, and what is wrong with the names of one that cannot be read, without a heavy import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lstmstrat.config.search import missing
from lstmstrat.errors import did_you_mean

FEATURES = ("range", "gap", "body", "close_location", "volume_change", "day_of_week", "month_of_year")
CHANGES = ("difference", "change")  # of values that may be 0 or below
FAMILIES = ("return", "volatility", "distance", "volume_ratio", *CHANGES)  # each with a number of bars: return_5
KNOWN_FEATURES = (*FEATURES, *(f"{family}_N" for family in FAMILIES))
MODELS = ("always_up", "last_sign", "ridge", "boosting", "lstm")  # the cheapest first

OWN = r"^[\w.]+:\w+$"  # module:attribute
COLUMN = "column:"  # begins the name of a feature that is a column of data.extra
COLUMN_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
CONDITION = rf"{OWN}|^{COLUMN}{COLUMN_NAME}(\.[a-z]+_\d+)?$"  # of a refit

# What a user's own is called in a sentence, and a correct example.
STRATEGY = ("Class", "strategies.long_flat:LongFlat")
FEATURE = ("function", "my_features:momentum")
MODEL = ("Class", "my_models:Mine")
RULE = ("Class", "my_rules:Best")
OPTIMISER = ("Class", "my_optimisers:Mine")

TAKEN = {"buy_and_hold": "is the benchmark of every run", "date": "is the first column of equity.csv"}
"""What no strategy and no portfolio may be called, and why."""


def window(feature: str) -> tuple[str, int] | None:
    """The family and the number of bars of a built-in feature; None if it belongs to no family.

    Examples
    --------
    >>> window("return_5"), window("gap")
    (('return', 5), None)
    """
    match = re.fullmatch(r"([a-z_]+)_([1-9]\d{0,6})", feature)  # nobody has ten million bars
    return (match[1], int(match[2])) if match and match[1] in FAMILIES else None


def is_own(name: str) -> bool:
    """Whether a feature, condition or model is ``module:attribute``, the user's own.

    Examples
    --------
    >>> is_own("mine:momentum"), is_own("column:mood"), is_own("return_5")
    (True, False, False)
    """
    return ":" in name and not name.startswith(COLUMN)


def column(feature: str) -> tuple[str, str] | None:
    """The column of data.extra and what is made of it ("" for the value itself); None if it is no such feature.

    Examples
    --------
    >>> column("column:mood"), column("column:rate.difference_5"), column("gap")
    (('mood', ''), ('rate', 'difference_5'), None)
    """
    match = re.fullmatch(rf"{COLUMN}({COLUMN_NAME})(?:\.((?:{'|'.join(CHANGES)})_[1-9]\d{{0,6}}))?", feature)
    return (match[1], match[2] or "") if match else None


def unknown_feature(name: str) -> str:
    """The sentence on a feature that is neither built in nor ``module:function``."""
    if name.startswith(COLUMN):
        return f"{name!r} given, expected column:NAME, column:NAME.difference_N or column:NAME.change_N"
    hint, own = did_you_mean(name, KNOWN_FEATURES), "a function of your own is written module:function"
    return f"unknown feature {name!r}{hint} (N is a number of bars; {own})"


def unknown_model(name: str) -> str:
    """The sentence on a model that is neither built in nor ``module:Class``."""
    return f"{name!r} is not known{did_you_mean(name, MODELS)} (a class of your own is written module:Class)"


def wrong_names(values: Mapping[Any, Any]) -> list[str]:
    """One line for each name in the values of a config that surely names nothing.

    The values need not be valid: what is of the wrong type, and so has its own mistake, is left out here.
    Parameters, and whether a class is a strategy or a model, are seen only once it is imported.

    Examples
    --------
    >>> wrong_names({"forecast": {"epochs": 0, "model": "rigde"}})
    ["forecast.model: 'rigde' is not known; did you mean 'ridge'? (a class of your own is written module:Class)"]
    """
    forecast = values.get("forecast")
    lines = [*_strategies(values.get("strategies")), *_forecast(forecast if isinstance(forecast, dict) else {})]
    return [f"{key}: {mistake}" for key, mistake in lines if mistake]


def _strategies(entries: object) -> Iterator[tuple[str, str]]:
    """The key of each strategy's class, and its mistake or ''."""
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        for key in ("class", "class_"):
            path = entry.get(key) if isinstance(entry, dict) else None
            if isinstance(path, str):
                yield f"strategies.{i}.class", missing(path, *STRATEGY)


def _forecast(section: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """The key of each feature, condition and model, and its mistake or ''."""
    for key in ("features", "peer_features"):
        names = section.get(key)
        for name in names if isinstance(names, list) else []:
            if isinstance(name, str):
                yield f"forecast.{key}", _feature(name)
    condition, model = section.get("refit_when"), section.get("model")
    if isinstance(condition, str) and re.fullmatch(CONDITION, condition):
        yield "forecast.refit_when", _feature(condition)
    if isinstance(model, str) and model:
        yield "forecast.model", _model(model)


def _feature(name: str) -> str:
    if is_own(name):
        return missing(name, *FEATURE)
    return "" if name in FEATURES or window(name) or column(name) else unknown_feature(name)


def _model(name: str) -> str:
    if ":" in name:
        return missing(name, *MODEL)
    return "" if name in MODELS else unknown_model(name)
