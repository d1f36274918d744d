"""The executor whose calls run on the workers of a cluster."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future
from typing import Any, TypeVar

from distributed import Client, KilledWorker
from distributed import Future as Remote

from lstmstrat.errors import LSTMStratError
from lstmstrat.forecasting.executor import Distant
from lstmstrat.forecasting.models.base import Model
from lstmstrat.forecasting.training_set import TrainingSet
from lstmstrat.study.cluster import work
from lstmstrat.study.cluster.machine import file_hashes, own_folders
from lstmstrat.study.cluster.parcel import from_bytes, identity, own_modules, packed, to_bytes

T = TypeVar("T")

HELD = 8
"""Training sets that the workers keep beyond the calls that need them: those of the folds in work."""


class ClusterExecutor(Distant):
    """Sends calls to the workers of a Dask cluster; `lstmstrat.cluster` makes one.

    A call whose worker is killed goes to another one. Every worker looks at itself before each call, so one with
    other versions that joins later gets no work done either.

    Parameters
    ----------
    client
        Connected, with at least one worker; whoever made it closes it.
    name
        The cluster as the user typed it.
    versions
        Those of this process, which every worker must have.

    Attributes
    ----------
    sent
        Bytes of calls and of training sets that were handed to the cluster.
    """

    def __init__(self, client: Client, name: str, versions: Mapping[str, str]):
        self.client = client
        self.slots = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
        self.processors = ()
        self.sent = 0
        self._name, self._versions = name, versions
        self._sets: OrderedDict[bytes, Remote[TrainingSet]] = OrderedDict()
        self._lost = False
        self._executor: Executor = client.get_executor(pure=False)
        workers = client.scheduler_info(n_workers=-1)["workers"]
        self._warm = [client.submit(work.warm_up, workers=[worker], pure=False) for worker in workers]

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Sends a call, whose arguments are given by their place.

        Raises
        ------
        LSTMStratError
            The cluster is lost, or the call cannot be sent.
        """
        if kwargs:
            raise TypeError(f"keywords {sorted(kwargs)} given; expected arguments by their place")
        if self._lost:
            raise self._loss()
        (data, sets), head = packed(fn, args), self._head(*args)
        self.sent += len(data)
        found: Future[T] = Future()
        try:
            held: list[Any] = [self._held(one) for one in sets]  # on the worker they are the sets themselves
            remote = self._executor.submit(work.work, head, data, *held)
        except Exception as error:  # of Dask: it is closed, or closing
            self._lost = True
            raise self._loss() from error
        found.add_done_callback(lambda mine: remote.cancel() if mine.cancelled() else None)
        remote.add_done_callback(lambda done: self._arrived(done, found))
        return found

    def _head(self, *arguments: Any) -> work.Head:
        """What a worker must be like to work on these arguments."""
        models = tuple(identity(argument) for argument in arguments if isinstance(argument, Model))
        return work.Head(self._versions, own_folders(), file_hashes(own_modules(arguments)), models)

    def _held(self, training: TrainingSet) -> Remote[TrainingSet]:
        """A training set on the cluster: sent once, and made again from what was sent if its worker is killed."""
        key = training.digest
        if key not in self._sets:
            data = to_bytes(training)
            self.sent += len(data)
            name = f"training-{hashlib.sha256(key + self._versions['lstmstrat'].encode()).hexdigest()}"
            self._sets[key] = self.client.submit(work.training_set, self._head(), data, key=name)
        self._sets.move_to_end(key)
        while len(self._sets) > HELD:
            self._sets.popitem(last=False)
        return self._sets[key]

    def _arrived(self, done: Future[bytes], found: Future[T]) -> None:
        """Hands an answer on to whoever waits for it."""
        if done.cancelled() and not found.cancelled():
            self._lost = True
        if not found.set_running_or_notify_cancel():
            return
        try:
            answer: work.Answer = from_bytes(done.result())
        except BaseException as error:
            found.set_exception(self._sentence(error))
            return
        self.processors = tuple(dict.fromkeys([*self.processors, answer.processor]))
        if answer.error is not None:
            found.set_exception(answer.error)
        else:
            found.set_result(answer.value)

    def _sentence(self, error: BaseException) -> LSTMStratError:
        """What kept an answer from coming: an error of the call itself would be an answer."""
        if isinstance(error, LSTMStratError):
            return error
        if isinstance(error, CancelledError):
            return self._loss()
        if isinstance(error, KilledWorker):
            return LSTMStratError(
                f"a piece of work ended {error.last_worker.address} and the workers before it; they may lack "
                "memory: start fewer on a machine, or look into their logs"
            )
        return LSTMStratError(
            f"a worker of {self._name} cannot begin its work ({type(error).__name__}: {error}); install there "
            "what is here, and start it anew"
        )

    def _loss(self) -> LSTMStratError:
        return LSTMStratError(
            f"the cluster {self._name} is lost: its scheduler ended or cannot be reached; what had come in is "
            "kept, and the same command on a cluster that runs goes on from there"
        )
