"""A regressor of scikit-learn, or of any library with its interface, as a `Model`: ``model: module:Class``.

It learns from the scaled inputs of the newest bar alone, as the baselines do. Nothing is pickled, so a fitted one
is not stored: each run fits it anew.

Letters: n rows, m samples, F features.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats, unmasked
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.parameters import Parameters
from lstmstrat.config.plugins import load_attribute
from lstmstrat.errors import ConfigError, describe, did_you_mean
from lstmstrat.forecasting.models.base import FittedModel, Model, Stop, never
from lstmstrat.forecasting.models.baselines import FittedOnScaled, float64
from lstmstrat.forecasting.models.borrowed import one_thread, random_numbers
from lstmstrat.forecasting.training_set import TrainingSet

SEED, THREADS = "random_state", "n_jobs"  # names of parameters in scikit-learn
METHODS = ("fit", "predict", "get_params", "set_params")
TREES = {  # a row goes through each of them by itself, so its bits do not depend on other rows
    *(("sklearn.tree._classes", name) for name in ("DecisionTreeRegressor", "ExtraTreeRegressor")),
    *(("sklearn.ensemble._forest", name) for name in ("RandomForestRegressor", "ExtraTreesRegressor")),
}


@dataclass(frozen=True)
class SklearnModel(Model):
    """A regressor in which nothing is random. Its parameters are `model_params` of the config."""

    scaler: str
    clip: float
    maker: str = ""  # module:Class, or module:function that returns a regressor
    parameters: Parameters = field(default_factory=Parameters)

    @classmethod
    def _own_values(cls, config: ForecastConfig) -> dict[str, Any]:
        return {"maker": config.model, "parameters": config.model_params}

    @classmethod
    def _parameter_mistakes(cls, config: ForecastConfig) -> list[str]:
        """One sentence for each parameter that the regressor does not know; or for a value that it refuses."""
        make = _load(config.model)
        known = _parameter_names(make)
        mistakes = []
        for name in config.model_params:
            if _is(SEED, name):
                mistakes.append(f"model_params.{name}: comes from the seed of each member; remove it here")
            elif name not in known:
                mistakes.append(f"model_params.{name}: unknown parameter{did_you_mean(name, known)}")
        if not mistakes and config.model_params:
            mistakes = _refused_values(make, config)
        return mistakes

    def _parts(self) -> tuple[object, ...]:
        return type(self), _load(self.maker)

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        """The fitted regressor; None without a sample, or if a forecast of a sample is not finite.

        Raises
        ------
        ConfigError
            The regressor fails, or forecasts something else than one number for each row.
        """
        if not training.usable.any():
            return None
        data = training.scaled(self.scaler, self.clip)
        x, y = float64(training, data)
        make = _load(self.maker)
        with one_thread(make.__module__), random_numbers(seed):
            regressor = _made(make, self.maker, self.parameters)
            regressor.set_params(**_process_parameters(regressor, seed))
            self.attempt("fit", lambda: regressor.fit(x, y))
            guess = self.attempt("predict", lambda: _numbers(regressor, x))
            with np.errstate(over="ignore"):  # a forecast that is far too large is a failed fit
                loss = np.array([np.square(guess - y).mean()])
            regressor.set_params(**dict.fromkeys(_all_called(THREADS, regressor), 1))
        if not np.isfinite(loss).all():
            return None
        return FittedSklearn(data.inputs, loss, data.output, self.clip, self, regressor)

    def attempt(self, method: str, call: Callable[[], Any]) -> Any:
        """The result of `call`, a method of the regressor; its error becomes a sentence."""
        try:
            return call()
        except ConfigError as error:
            raise ConfigError(f"model: {self.maker}: {error}") from error.__cause__
        except Exception as error:
            raise ConfigError(f"model: {self.maker}: {method} failed: {describe(error)}") from error


@dataclass(frozen=True, eq=False)
class FittedSklearn(FittedOnScaled):
    """A fitted regressor."""

    settings: SklearnModel
    regressor: Any

    def predict_scaled(self, x: Floats) -> Floats:
        """Scaled forecasts from scaled inputs, row by row but for trees; (n, F) -> (n,).

        In a block of rows the bits of a forecast would depend on its place: the last rows of a matrix product are
        added in another order than the first (so a linear regression, a network and a Gaussian process).
        """
        kind = type(self.regressor)
        size = max(1, len(x)) if (kind.__module__, kind.__qualname__) in TREES else 1
        with one_thread(kind.__module__):
            blocks = [x[k : k + size] for k in range(0, len(x), size)]
            found = self.settings.attempt("predict", lambda: [_numbers(self.regressor, block) for block in blocks])
        return np.concatenate([np.empty(0), *found])


def class_of(value: Any, path: str) -> type[SklearnModel] | None:
    """The model for what `path` names: a class of regressors, or a function that returns one. None for neither.

    Raises
    ------
    ConfigError
        It cannot be made without arguments, or what it makes is no regressor.
    """
    if not (is_regressor_class(value) or inspect.isfunction(value)):
        return None
    if inspect.isfunction(value) and _required(value):
        return None
    regressor = _made(value, path, Parameters())
    if not is_regressor_class(type(regressor)):
        given = type(regressor).__name__
        raise ConfigError(f"model: {path!r} returns a {given}; expected a scikit-learn regressor")
    kind = _kind(regressor)
    if kind not in ("regressor", None):
        raise ConfigError(
            f"model: {path!r} is a {kind}; expected a regressor, which forecasts numbers, such as "
            "sklearn.ensemble:RandomForestRegressor"
        )
    return SklearnModel


def is_regressor_class(value: object) -> bool:
    """Whether a class has the methods of a scikit-learn regressor."""
    return inspect.isclass(value) and all(callable(getattr(value, method, None)) for method in METHODS)


def _load(path: str) -> Any:
    return load_attribute(path, "Class", "sklearn.ensemble:RandomForestRegressor", is_regressor_class)


def _required(function: Any) -> bool:
    """Whether a function has a parameter without a default."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _made(make: Any, path: str, parameters: Parameters) -> Any:
    try:
        return make(**parameters)
    except Exception as error:
        raise ConfigError(
            f"model: {path!r} cannot be called with {parameters}: {type(error).__name__}: {error}; expected a "
            "class or function whose parameters all have defaults; or name a function of your own that returns "
            "the regressor, such as my_models:forest"
        ) from error


def _kind(regressor: Any) -> str | None:
    """``regressor``, ``classifier`` ..., as scikit-learn says; None where nothing is said."""
    if hasattr(regressor, "__sklearn_tags__"):  # from scikit-learn 1.6 on
        kind = regressor.__sklearn_tags__().estimator_type
    else:
        kind = getattr(regressor, "_estimator_type", None)
    return None if kind is None else str(kind)


def _parameter_names(make: Any) -> list[str]:
    """The parameters that a user may give."""
    made: Any = make() if isinstance(make, type) else None
    names = inspect.signature(make).parameters if made is None else made.get_params()
    return sorted(name for name in names if not _is(SEED, name))


def _refused_values(make: Any, config: ForecastConfig) -> list[str]:
    """A sentence for values that scikit-learn itself finds wrong before a fit."""
    try:
        regressor = _made(make, config.model, config.model_params)
        if hasattr(regressor, "_parameter_constraints"):  # of scikit-learn's own, and not of every library's
            regressor._validate_params()
    except ConfigError as error:
        return [str(error)]
    except ValueError as error:
        return [f"model_params: {error}"]
    return []


def _is(name: str, found: str) -> bool:
    """Whether a parameter is called `name`, maybe in a part of the regressor: ``ridge__random_state``."""
    return found.rpartition("__")[2] == name


def _all_called(name: str, regressor: Any) -> list[str]:
    """The parameters called `name` of a regressor and of the parts that it is made of."""
    return [str(found) for found in regressor.get_params() if _is(name, found)]


def _process_parameters(regressor: Any, seed: int) -> dict[str, int]:
    """The seed of all that is random, and one thread wherever no number was given."""
    given = regressor.get_params()
    threads = {name: 1 for name in _all_called(THREADS, regressor) if given[name] is None}
    return {**threads, **dict.fromkeys(_all_called(SEED, regressor), seed % 2**32)}


def _numbers(regressor: Any, x: Floats) -> Floats:
    """The forecasts of the rows of x (n, F); (n,)."""
    values = unmasked(regressor.predict(x))
    if values.dtype.kind not in "biuf" or values.shape not in ((len(x),), (len(x), 1)):
        raise ConfigError(
            f"predict gave values of type {values.dtype} and shape {values.shape} for {len(x)} rows; expected "
            f"real numbers and ({len(x)},)"
        )
    return values.reshape(len(x)).astype(np.float64)
