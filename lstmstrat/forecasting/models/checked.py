"""The fits and the forecasts of a model, which may be of a user's class: what cannot be used is a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError

import numpy as np

from lstmstrat.arrays import Floats, unmasked
from lstmstrat.errors import ERRORS_OF_CODE, ConfigError, LSTMStratError, describe
from lstmstrat.forecasting.models.base import FitTask, FittedModel, Model, Stop, ask
from lstmstrat.forecasting.training_set import Scaler


def fits(model: Model, tasks: Sequence[FitTask], stop: Stop) -> Iterator[FittedModel | None]:
    """The fits of some tasks, in their order.

    Raises
    ------
    CancelledError
        The work has been given up.
    ConfigError
        A user's `fit` fails, or gives something that is no `FittedModel`.
    """
    ask(stop)  # before each fit, for a model that is fitted quickly does not ask
    try:
        for fitted in model.fit_all(tasks, stop):
            _check(model, fitted)
            yield fitted
            ask(stop)
    except (CancelledError, LSTMStratError):
        raise
    except ERRORS_OF_CODE as error:
        own = (
            error.__cause__ if isinstance(error.__cause__, StopIteration) else error
        )  # what a generator makes of it
        raise _own_error(model, "fit failed", own) from error


def _check(model: Model, fitted: object) -> None:
    name = type(model).__name__
    if fitted is None:
        return
    if not isinstance(fitted, FittedModel):
        kind = type(fitted).__name__
        raise ConfigError(f"model: {name}.fit gave a {kind}; expected a FittedModel, or None where it failed")
    if not isinstance(fitted.inputs, Scaler):
        kind = type(fitted.inputs).__name__
        raise ConfigError(f"model: {name}.fit gave inputs of type {kind}; expected training.scaled(...).inputs")
    if not isinstance(fitted.losses, np.ndarray) or fitted.losses.ndim != 1:
        raise ConfigError(
            f"model: {name}.fit gave losses {fitted.losses!r:.40}; expected an array, one number an epoch, "
            "such as np.array([0.9]), or np.array([np.nan])"
        )


def forecasts(members: Sequence[FittedModel], windows: Floats) -> Floats:
    """The forecasts of the members of a fold; (n, L, F) -> (M, n).

    Raises
    ------
    ConfigError
        A user's `predict` fails, or gives another shape or no real numbers.
    """
    count = len(windows)
    try:
        found = [unmasked(values) for values in _said(members, windows)]
    except ERRORS_OF_CODE as error:
        raise _own_error(members[0], f"predict failed on {count} windows", error) from error
    for member, values in zip(members, found, strict=True):
        _check_forecasts(type(member).__name__, values, count)
    return np.stack([values.astype(np.float64, copy=False) for values in found])


def _said(members: Sequence[FittedModel], windows: Floats) -> Iterable[Floats]:
    """What each member says; at once where they are of one class whose `predict_all` knows its `predict`."""
    (kind, *others) = {type(member) for member in members}
    if others or not issubclass(_owner(kind, "predict_all"), _owner(kind, "predict")):
        return [member.predict(windows) for member in members]
    return kind.predict_all(members, windows)


def _owner(kind: type[FittedModel], method: str) -> type:
    """The class that defines a method of `kind`."""
    return next(cls for cls in kind.__mro__ if method in vars(cls))


def _check_forecasts(name: str, values: np.ndarray, count: int) -> None:
    if values.dtype.kind not in "biuf":
        raise ConfigError(f"model: {name}.predict gave values of type {values.dtype}; expected real numbers")
    if values.shape != (count,):
        shape = values.shape
        raise ConfigError(f"model: {name}.predict gave shape {shape} for {count} windows; expected ({count},)")


def _own_error(model: Model | FittedModel, failure: str, error: BaseException) -> BaseException:
    """A sentence for a user's class; an error of ours stays what it is."""
    if type(model).__module__.startswith("lstmstrat."):
        return error
    return ConfigError(f"model: {type(model).__name__}.{failure}: {describe(error)}")
