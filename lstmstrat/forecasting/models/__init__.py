"""The models by name, the cheapest first, and a user's own by ``module:Class``.

base.py           `Model` and `FittedModel`
checked.py        their fits and forecasts: what a user's class does wrong is a sentence
baselines.py      the cheaper models
sklearn_model.py  any regressor of scikit-learn
torch_model.py    any network of torch; the other torch_*.py train it
lstm/             the LSTM
course.py         losses, early stopping: the course of a training
borrowed.py       threads and random numbers of the process, borrowed for a fit
engines.py        the device, and the identity of the sources of an engine
"""

from __future__ import annotations

from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.names import MODEL, unknown_model
from lstmstrat.config.plugins import load_attribute
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.models import sklearn_model
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

    The class of a scikit-learn regressor, or a function that returns one, is not itself a `Model`; its class is
    `SklearnModel`.

    Raises
    ------
    ConfigError
        There is no such model, or what is named is neither a `Model` nor a regressor.
    """
    if ":" not in name:
        if name not in MODELS:
            raise ConfigError(f"model: {unknown_model(name)}")
        return MODELS[name]
    try:
        found = load_attribute(name, *MODEL, _is_named)
    except ImportError as error:
        raise ConfigError(f"model: {error}") from error.__cause__
    cls = found if _is_model(found) else sklearn_model.class_of(found, name)
    if cls is None:
        raise ConfigError(
            f"model: {name!r} is no model; expected a class of lstmstrat.Model with {_missing(found)}, a "
            "lstmstrat.TorchModel whose network() returns the layers, or a scikit-learn regressor"
        )
    return cls


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


def _is_named(value: object) -> bool:
    return _is_model(value) or sklearn_model.is_regressor_class(value)


def _missing(value: object) -> str:
    """The methods that a class lacks to be a model."""
    lacking = sorted(getattr(value, "__abstractmethods__", ())) if isinstance(value, type) else []
    return " and ".join(f"{method}()" for method in lacking or ["fit"])


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Model) and not getattr(value, "__abstractmethods__", ())
