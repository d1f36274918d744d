"""The models by name, the cheapest first, and a user's own model by ``module:Class``."""

from __future__ import annotations

from lstmstrat.config.plugins import load_attribute
from lstmstrat.config.schema import ForecastConfig
from lstmstrat.errors import ConfigError, did_you_mean
from lstmstrat.forecasting.models.base import Model
from lstmstrat.forecasting.models.baselines import AlwaysUp, Boosting, LastSign, Ridge
from lstmstrat.forecasting.models.lstm.model import LSTM

MODELS: dict[str, type[Model]] = {
    "always_up": AlwaysUp,
    "last_sign": LastSign,
    "ridge": Ridge,
    "boosting": Boosting,
    "lstm": LSTM,
}


def model_class(name: str) -> type[Model]:
    """The class of the model called `name`: a key of `MODELS`, or ``module:Class``.

    Raises
    ------
    ConfigError
        There is no such model, or the class is not a `Model`.
    """
    if ":" not in name:
        if name not in MODELS:
            hint = did_you_mean(name, MODELS)
            raise ConfigError(f"model: {name!r} is not known{hint} (a class of your own is written module:Class)")
        return MODELS[name]
    try:
        cls = load_attribute(name, "Class", "my_models:Mine", _is_model)
    except ImportError as error:
        raise ConfigError(f"model: {error}") from error.__cause__
    if not _is_model(cls):
        raise ConfigError(f"model: {name!r} is no model; expected a class of lstmstrat.Model with fit()")
    return cls  # type: ignore[no-any-return]


def model_of(config: ForecastConfig) -> Model:
    """The model of a config, with its settings.

    Raises
    ------
    ConfigError
        There is no model of this name, or it cannot do what the config asks for.
    """
    return model_class(config.model).of(config)


def settled(config: ForecastConfig) -> ForecastConfig:
    """`config` with what its model has no use for at the value that says so: 1 member, no calibration.

    Raises
    ------
    ConfigError
        There is no such model.
    """
    return model_class(config.model).settle(config)


def linear_part(config: ForecastConfig) -> Model | None:
    """The linear model beside that of a config, for its calibration; None without calibration."""
    return Ridge.of(Ridge.instead("ridge", config)) if config.calibration == "learned" else None


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Model) and not getattr(value, "__abstractmethods__", ())
