"""The base classes `Model` and `FittedModel`. A user's own model consists of a subclass of each.

Letters: n windows, L lookback, F features.
"""

from __future__ import annotations

import hashlib
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import MISSING, Field, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.identity import identify
from lstmstrat.config.parameters import Parameters, type_mistake
from lstmstrat.errors import ConfigError, did_you_mean
from lstmstrat.forecasting.training_set import Scaler, TrainingSet

Stop = Callable[[], bool]  # called now and then by a fit: has the work been given up?


def never() -> bool:
    """A `Stop` that never stops anything."""
    return False


def ask(stop: Stop) -> None:
    """Ends a fit that has been given up.

    Raises
    ------
    CancelledError
        `stop()` is True.
    """
    if stop():
        raise CancelledError


@dataclass(frozen=True, eq=False)
class FittedModel(ABC):
    """A model after a fit to one training set. It must be picklable, and `predict` must not change it.

    Examples
    --------
    A forecast that is the same for every window:

    >>> @dataclass(frozen=True, eq=False)
    ... class Constant(FittedModel):
    ...     value: float
    ...
    ...     def predict(self, windows):
    ...         return np.full(len(windows), self.value)
    >>> unit = Scaler(np.zeros(3), np.ones(3))
    >>> Constant(unit, np.array([np.nan]), 0.001).predict(np.zeros((2, 60, 3)))
    array([0.001, 0.001])
    """

    inputs: Scaler  # (F,) centre and unit of each input; `distance` is measured in these units
    losses: Floats  # (epochs,) mean loss of the scaled label in training; one number without epochs

    @abstractmethod
    def predict(self, windows: Floats) -> Floats:
        """Forecasts in log returns; (n, L, F) -> (n,).

        The forecast of a window must have the same bits whatever other windows are given. A matrix product of all
        windows at once breaks this rule, because its rounding depends on their number.
        """

    @classmethod
    def predict_all(cls, members: Sequence[Self], windows: Floats) -> Iterable[Floats]:
        """The forecasts of each member of a fold, with the bits of `predict`; a class may share work."""
        return [member.predict(windows) for member in members]

    def to_bytes(self) -> bytes:
        """The bytes that `Model.load` reads, for a model that is stored or from which a fit can start."""
        name = type(self).__name__
        raise ConfigError(f"model: {name} is stored, or other fits begin with it, so it needs to_bytes()")

    @property
    def digest(self) -> bytes:
        """Hash of `to_bytes`; fitted models with equal digests have equal forecasts."""
        return hashlib.sha256(self.to_bytes()).digest()


@dataclass(frozen=True)
class FitTask:
    """One fit: a training set, a seed and, for a warm start, the fitted model to start from."""

    training: TrainingSet
    seed: int
    start: FittedModel | None = None

    def key(self, model: Model) -> str:
        """Content address of the fitted model; tasks with equal keys have equal fitted models."""
        digest = hashlib.sha256(f"{model.identity} {self.seed}".encode())
        digest.update(self.training.digest)
        digest.update(b"" if self.start is None else self.start.digest)
        return digest.hexdigest()


@dataclass(frozen=True)
class Model(ABC):
    """A model before a fit: one class for each model, whose fields are the settings that it reads.

    A subclass is a frozen dataclass. A field with the name of a setting of the ``forecast:`` section takes its
    value from there (see `of`); any other takes it from ``model_params:``, and else from its default. `fit` can
    read nothing of the config but these fields, so the fields and the code identify a model (see `identity`).

    Examples
    --------
    The mean label of the training set, whatever the window shows:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> @dataclass(frozen=True)
    ... class PastMean(Model):
    ...     scaler: str
    ...     clip: float
    ...
    ...     def fit(self, training, seed, start=None, stop=never):
    ...         return Constant(
    ...             training.scaled(self.scaler, self.clip).inputs, np.array([np.nan]), training.mean_label
    ...         )
    >>> @dataclass(frozen=True, eq=False)
    ... class Constant(FittedModel):
    ...     value: float
    ...
    ...     def predict(self, windows):
    ...         return np.full(len(windows), self.value)
    >>> PastMean.of(ForecastConfig())
    PastMean(scaler='robust', clip=5.0)
    """

    ensemble: ClassVar[bool] = False  # True: a fold has `members` fits, from different seeds; else one
    warm_start: ClassVar[bool] = False  # True: a fit can start from a fitted model
    stored: ClassVar[bool] = False  # True: the store keeps fitted models, by to_bytes() and load()
    calibrated: ClassVar[bool] = True  # False: a plain rule, whose forecasts are never weighted

    @classmethod
    def of(cls, config: ForecastConfig) -> Self:
        """The model with its settings from a config.

        Raises
        ------
        ConfigError
            `warm_start` asks for what the model cannot do, or this machine cannot meet a setting.
        """
        mistakes = cls._mistakes(config)
        if mistakes:
            raise ConfigError("\n  ".join(mistakes))
        names = [field.name for field in fields(cls) if field.name in ForecastConfig.model_fields]
        model = cls(**{name: getattr(config, name) for name in names}, **cls._own_values(config))
        model._check_settings()
        return model

    def _check_settings(self) -> None:
        """Refuses settings whose text may hide a part of the value: keys of fitted models contain the text."""
        for name, value in self._settings():
            if not isinstance(value, (bool, int, float, str, tuple, type(None), Parameters)):
                raise ConfigError(
                    f"model: the field {name} of {type(self).__qualname__} is a {type(value).__name__}; expected "
                    "a number, text, true, false, None or a tuple of these"
                )

    def _settings(self) -> list[tuple[str, object]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    @classmethod
    def _own_values(cls, config: ForecastConfig) -> dict[str, Any]:
        """The values of the fields that are no settings, from `model_params`: a list as a tuple."""
        values, defaults = config.model_params, cls._own_defaults()
        return {name: _frozen(value, defaults[name]) for name, value in values.items()}

    @classmethod
    def _own_defaults(cls) -> dict[str, Any]:
        """The fields that are no settings of the config, with their defaults; None for one without."""
        own = [field for field in fields(cls) if field.name not in ForecastConfig.model_fields]
        return {field.name: _default(field) for field in own}

    @classmethod
    def _parameter_mistakes(cls, config: ForecastConfig) -> list[str]:
        """One sentence for each entry of `model_params` that is no field, or has another type than its default."""
        defaults = cls._own_defaults()
        return [
            f"model_params.{sentence}"
            for name, value in config.model_params.items()
            if (sentence := _parameter_mistake(name, value, defaults))
        ]

    @classmethod
    def _mistakes(cls, config: ForecastConfig) -> list[str]:
        """One sentence for each setting that the model cannot meet, and for each field without a value."""
        mistakes = [
            f"model: the field {field.name} of {cls.__qualname__} is no setting of the config and has no default; "
            f"write {field.name}: {field.type} = ..., name it as a key of forecast:, or give it in model_params:"
            for field in fields(cls)
            if field.name not in {*ForecastConfig.model_fields, *config.model_params}
            and field.default is MISSING
            and field.default_factory is MISSING
        ]
        if "__dataclass_fields__" not in vars(cls) and vars(cls).get("__annotations__"):
            mistakes.append(
                f"model: the fields of {cls.__qualname__} would have no value of the config; write "
                "@dataclass(frozen=True) above the class"
            )
        mistakes += cls._parameter_mistakes(config)
        if config.warm_start and not cls.warm_start:
            mistakes.append(
                f"warm_start: true given with model: {config.model}, which has no weights to begin with; "
                "expected false; set warm_start: false, or model: lstm"
            )
        return mistakes

    @classmethod
    def instead(cls, name: str, config: ForecastConfig) -> ForecastConfig:
        """`config` with this model, called `name`, in place of its own.

        It has no parameters of its own, and no warm start if the model has none.
        """
        warm_start = config.warm_start and cls.warm_start
        return cls.settle(
            config.model_copy(update={"model": name, "model_params": Parameters(), "warm_start": warm_start})
        )

    @classmethod
    def settle(cls, config: ForecastConfig) -> ForecastConfig:
        """`config` with 1 member if the model is no ensemble, and without calibration if it is a plain rule."""
        members = config.members if cls.ensemble else 1
        calibration = config.calibration if cls.calibrated else "none"
        return config.model_copy(update={"members": members, "calibration": calibration})

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: the settings. Which code they are for is looked up there anew."""
        return dict(self._settings())

    @cached_property
    def identity(self) -> str:
        """The code and the settings, which distinguish this model from all others."""
        return f"{self._code} {self._settings()}"

    def _parts(self) -> tuple[object, ...]:
        """The code that is run: the class, and whatever else a fit calls that the class does not name."""
        return (type(self),)

    @cached_property
    def _code(self) -> str:
        """Hash of that code and of what it uses; without an identity a word that no other model has."""
        return identify(*self._parts()).sha256 or f"unidentified {uuid.uuid4().hex}"

    @property
    def kept(self) -> bool:
        """Whether the store keeps fitted models: not if the code has no identity to find them by."""
        return self.stored and not self._code.startswith("unidentified")

    @property
    def at_once(self) -> int:
        """The number of tasks in one call of `fit_all`; more than one only if a GPU fits them together."""
        return 1

    @abstractmethod
    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        """The fitted model: a function of the training set, the settings, the seed and the start alone.

        Parameters
        ----------
        training
            The samples: as windows and labels (`TrainingSet.windows`) or as scaled rows (`TrainingSet.scaled`).
        seed
            The seed of everything random, from 0 to 2**64 - 1.
        start
            For a warm start, the fitted model of the same class to start from.
        stop
            A long fit calls it now and then; once it returns True, raise `concurrent.futures.CancelledError`.

        Returns
        -------
        None if the fit failed; the fold then has no forecast, and its record gives the reason.
        """

    def fit_all(self, tasks: Sequence[FitTask], stop: Stop = never) -> Iterable[FittedModel | None]:
        """The fits of several tasks, in their order; each gives the same fitted model as it would alone.

        A generator that raises `concurrent.futures.CancelledError` loses none of those that it has given.
        """
        for task in tasks:
            yield self.fit(task.training, task.seed, task.start, stop)

    def load(self, data: bytes) -> FittedModel:
        """The inverse of `FittedModel.to_bytes`, for a model with `stored` = True."""
        raise ConfigError(f"model: {type(self).__name__} is stored, so it needs load()")


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _parameter_mistake(name: str, value: object, defaults: dict[str, Any]) -> str:
    if name in ForecastConfig.model_fields:
        return f"{name}: a key of forecast: itself; write {name}: there, beside model_params:"
    if name not in defaults:
        return f"{name}: unknown parameter{did_you_mean(name, defaults) or '; there are none'}"
    return type_mistake(name, value, defaults[name])


def _frozen(value: Any, default: object) -> Any:
    """A value of `model_params` as that of a field: a list as a tuple, and for a float a whole number as one."""
    if isinstance(value, list):
        return tuple(_frozen(inner, None) for inner in value)
    return float(value) if isinstance(default, float) and isinstance(value, int) else value


def mean_loss(members: Sequence[FittedModel], epoch: int) -> float:
    """Mean training loss of the members of a fold after an epoch (0 the first, -1 the last); NaN without one."""
    losses = [member.losses[epoch] for member in members if len(member.losses)]
    return float(np.mean(losses)) if losses else float("nan")
