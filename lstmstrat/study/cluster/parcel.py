"""Calls as bytes, and back. A training set that many calls share is large, and travels apart from them.

Bytes are all that the scheduler of a cluster sees, so it needs none of the user's modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from distributed.protocol import pickle as wire

from lstmstrat.errors import ConfigError, describe
from lstmstrat.forecasting.executor import GivenUp
from lstmstrat.forecasting.models.base import FitTask, FittedModel, Model
from lstmstrat.forecasting.training_set import TrainingSet
from lstmstrat.study.tasks import Variation

LARGE = 500_000
"""Bytes from which on a training set travels apart: one asset has about 60,000, a universe 6 to 12 million."""

OF_NO_FILE = ("lstmstrat", "__main__")
"""Modules that need not be compared: the versions hold the first, and of the second the code itself is sent."""


class Call(NamedTuple):
    """A function with its arguments, in which tasks are a `Tasks` and large training sets are left out."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Tasks:
    """Fits by their key; a training set that travels apart is its place among those."""

    tasks: tuple[tuple[str, int | TrainingSet, int, FittedModel | None], ...]

    def whole(self, sets: Sequence[TrainingSet]) -> dict[str, FitTask]:
        """The fits with their training sets."""
        return {
            key: FitTask(sets[training] if isinstance(training, int) else training, seed, start)
            for key, training, seed, start in self.tasks
        }


def packed(function: Callable[..., Any], arguments: Iterable[Any]) -> tuple[bytes, list[TrainingSet]]:
    """The bytes of a call, and the training sets that travel apart.

    Raises
    ------
    ConfigError
        An argument cannot be sent to another process.
    """
    sets = list[TrainingSet]()
    call = Call(function, tuple(_light(argument, sets) for argument in arguments))
    return to_bytes(call), sets


def _light(argument: Any, sets: list[TrainingSet]) -> Any:
    if not isinstance(argument, dict) or not all(isinstance(task, FitTask) for task in argument.values()):
        return argument
    return Tasks(
        tuple((key, _apart(task.training, sets), task.seed, task.start) for key, task in argument.items())
    )


def _apart(training: TrainingSet, sets: list[TrainingSet]) -> int | TrainingSet:
    if training.rows.nbytes < LARGE:
        return training
    known = next((place for place, one in enumerate(sets) if one is training), None)
    if known is None:
        sets.append(training)
    return len(sets) - 1 if known is None else known


def unpacked(data: bytes, sets: Sequence[TrainingSet], stop: Callable[[], bool]) -> Call:
    """The call, whole again; what may be given up here is so once `stop` returns True."""
    call: Call = wire.loads(data)
    return Call(call.function, tuple(_whole(argument, sets, stop) for argument in call.arguments))


def _whole(argument: Any, sets: Sequence[TrainingSet], stop: Callable[[], bool]) -> Any:
    if isinstance(argument, Tasks):
        tasks = argument.whole(sets)
        for task in tasks.values():
            freeze(task.training)
        return tasks
    return GivenUp(stop) if isinstance(argument, GivenUp) else argument


def freeze(training: TrainingSet) -> TrainingSet:
    """The training set, which other fits on this worker share: none of them may change it."""
    training.rows.flags.writeable = training.labels.flags.writeable = False
    return training


def own_modules(arguments: Iterable[Any]) -> tuple[str, ...]:
    """The user's modules that the variations among the arguments name; those of a script travel as they are."""
    configs = [argument.config for argument in arguments if isinstance(argument, Variation)]
    paths = [path for c in configs for path in (*(s.class_ for s in c.strategies), *c.forecast.own_code)]
    names = dict.fromkeys(path.partition(":")[0] for path in paths if isinstance(path, str))
    return tuple(name for name in names if name.partition(".")[0] not in OF_NO_FILE)


def identity(model: Model) -> str:
    """The identity of a model of the user's; "" for one of ours, without an identity, or sent as it is."""
    sent_or_ours = type(model).__module__.partition(".")[0] in OF_NO_FILE
    return "" if sent_or_ours or "unidentified" in model.identity else model.identity


def to_bytes(value: Any) -> bytes:
    """The bytes of a value; what was defined in a script or a notebook is sent as it is.

    Raises
    ------
    ConfigError
        It cannot be sent to another process.
    """
    try:
        data: bytes = wire.dumps(value)
    except Exception as error:
        raise ConfigError(f"cluster: the work cannot be sent to another process: {describe(error)}") from error
    return data


def from_bytes(data: bytes) -> Any:
    """The inverse of `to_bytes`, for what came from a worker."""
    return wire.loads(data)
