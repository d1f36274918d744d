"""What runs on a worker: a look at itself, and then the call. It opens neither the store nor the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from dask.typing import Key
from distributed import Worker, get_worker

from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.errors import ConfigError, LSTMStratError, describe
from lstmstrat.forecasting.executor import processor
from lstmstrat.forecasting.models import model_of
from lstmstrat.forecasting.models.base import Model
from lstmstrat.forecasting.training_set import TrainingSet
from lstmstrat.study.cluster.machine import adopt, difference, file_hashes, versions
from lstmstrat.study.cluster.parcel import Call, freeze, from_bytes, identity, to_bytes, unpacked


@dataclass(frozen=True)
class Head:
    """What a worker must be like before it loads a call."""

    versions: Mapping[str, str]  # of the process that sends it
    folders: tuple[str, ...]  # where that finds the user's modules
    files: Mapping[str, str]  # a hash of the file of each of these modules that the call is about
    models: tuple[str, ...]  # `parcel.identity` of each model among the arguments


class Answer(NamedTuple):
    """What comes back from a worker."""

    processor: str
    value: Any
    error: BaseException | None


def versions_here(folders: tuple[str, ...] = ()) -> dict[str, str]:
    """The versions of this process, which searches `folders` too from now on."""
    adopt(folders)
    return versions()


def warm_up() -> None:
    """Loads the compiled kernels into this process, while the one that sends the work still prepares it."""
    rows = np.random.default_rng(0).normal(size=(100, 2))
    model_of(ForecastConfig(device="cpu", lookback=5, loss_steps=5, epochs=1)).fit(
        TrainingSet(rows, rows[:, 0], 5, 2), 0
    )


def training_set(head: Head, data: bytes) -> TrainingSet:
    """A training set, which this worker keeps for all calls that need it, with what they work out from it."""
    check(head)
    training: TrainingSet = from_bytes(data)
    return freeze(training)


def work(head: Head, data: bytes, *sets: TrainingSet) -> bytes:
    """The answer to a call, as bytes: an error is an answer too."""
    try:
        check(head)
        call = _loaded(data, sets)
        _check_models(head, call)
        answer = Answer(processor(), call.function(*call.arguments), None)
    except Exception as error:
        answer = Answer(processor(), None, error)
    try:
        return to_bytes(answer)
    except ConfigError as error:
        return to_bytes(Answer(processor(), None, ConfigError(f"{me()}: {error}")))


def check(head: Head) -> None:
    """Refuses the work of a process whose versions or whose modules are not those of this worker.

    Raises
    ------
    ConfigError
        The message names this worker and what differs.
    """
    check_threads(me(), get_worker().state.nthreads)
    if differs := difference(head.versions, versions_here(head.folders)):
        raise refusal(me(), differs)
    try:
        own = file_hashes(head.files)
    except (ImportError, LSTMStratError) as error:
        raise ConfigError(f"{me()}: {error}; the folder of the config must be where the worker finds it") from None
    if other := [name for name in head.files if head.files[name] != own[name]]:
        raise ConfigError(
            f"{me()} has another file of {', '.join(other)}; copy it there, and start the worker anew"
        )


def refusal(worker: str, differs: str) -> ConfigError:
    """The sentence on a worker with other versions."""
    return ConfigError(
        f"{worker} has {differs}, and would come to other numbers; install the same there, and start it anew"
    )


def check_threads(worker: str, threads: int) -> None:
    """Refuses a worker on which several calls would share the user's modules, and what they keep there."""
    if threads != 1:
        raise ConfigError(
            f"{worker} has {threads} threads, expected 1, for calls must not share the user's modules; start "
            f"processes in place of them: dask worker ... --nworkers {threads} --nthreads 1"
        )


def _loaded(data: bytes, sets: tuple[TrainingSet, ...]) -> Call:
    try:
        return unpacked(data, sets, partial(_cancelled, get_worker(), get_worker().get_current_task()))
    except Exception as error:
        raise ConfigError(f"{me()} cannot load the work: {describe(error)}; install there what it lacks") from None


def _check_models(head: Head, call: Call) -> None:
    found = [identity(argument) for argument in call.arguments if isinstance(argument, Model)]
    for wanted, own in zip(head.models, found, strict=True):
        if wanted != own:
            raise ConfigError(f"{me()} has other code of the model; copy it there, and start the worker anew")


def me() -> str:
    """This worker, for a sentence."""
    return f"worker {get_worker().address}"


def _cancelled(worker: Worker, task: Key) -> bool:
    """Whether nobody waits any more for a call that this worker works on."""
    known = worker.state.tasks.get(task)
    return known is None or known.state == "cancelled"
