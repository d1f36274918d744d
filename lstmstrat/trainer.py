"""Where networks and their forecasts come from: the store, or work on one or several processes.

Whoever asks (a backtest, an indicator in somebody's own script) uses the trainer that is active:

    with Trainer(Store(path), jobs=2).active():
        cerebro.run()

Without one, a trainer with the user's cache and no processes of its own serves the whole program: a script that
has no ``if __name__ == "__main__":`` must not be started again by a process we spawn.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from multiprocessing.process import BaseProcess

import numpy as np

from lstmstrat.config import ForecastConfig
from lstmstrat.errors import ConfigError, LSTMStratError
from lstmstrat.lstm.values import SLICES, Array, Fitted, TrainingSlice, forecast_key
from lstmstrat.store import Store, default_path

Batch = Sequence[TrainingSlice]
Progress = Callable[[int, int], None]


class Trainer:
    """Gives the network of each training slice, trained only if the store does not have it.

    The result does not depend on `jobs`, on the order of the slices or on what was stored: a network has the
    same bits in any batch of 2 to 32. Everything trained is stored batch by batch, so an interrupted run goes on
    there.
    """

    def __init__(self, store: Store, jobs: int = 1, progress: Progress | None = None):
        """`progress(done, total)` is told how many networks of the present call are there."""
        self.store = store
        self.jobs = jobs
        self.progress = progress
        self.fitted = self.cached = self.failed = 0  # networks, over the life of the trainer
        self.seconds = 0.0  # of training, wall clock
        self._known: set[str] = set()  # keys counted already
        self._broken: set[str] = set()  # keys whose training failed twice
        self._forecasts: dict[str, bytes] = {}
        self._pool: ProcessPoolExecutor | None = None

    @contextmanager
    def active(self) -> Iterator[Trainer]:
        """Makes this the trainer of every indicator in the block; ends its processes after the outermost one."""
        if _active.get() is self:
            yield self
            return
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None
            self._forecasts.clear()
            self.store.close()

    def warm_up(self) -> None:
        """Starts the processes now: torch takes seconds to import, and the prices can be read meanwhile."""
        if self.jobs > 1 and self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
            )
            for _ in range(self.jobs):
                self._pool.submit(_import_engine)

    def fit(self, slices: Batch, config: ForecastConfig) -> list[Fitted | None]:
        """The network of each slice; None where training failed twice.

        Raises
        ------
        LSTMStratError
            A training process was killed, or `device: cuda` finds no GPU.
        """
        device = _device(config) if slices else ""
        keys = [s.key(config, device) for s in slices]
        stored = {key: Fitted.from_bytes(payload) for key, payload in self.store.get(keys).items()}
        networks: dict[str, Fitted | None] = {key: None for key in keys if key in self._broken} | stored
        missing = {key: s for key, s in zip(keys, slices, strict=True) if key not in networks}
        self.cached += len(stored.keys() - self._known)
        self._known.update(keys)
        total = len(networks) + len(missing)
        if missing:
            self._tell(len(networks), total)
        begin = time.perf_counter()
        for trained in self._train(list(missing.values()), config, device):
            networks |= trained
            self._tell(len(networks), total)
        self.seconds += time.perf_counter() - begin if missing else 0.0
        return [networks[key] for key in keys]

    def predict(self, members: Sequence[Fitted], windows: Sequence[Array], config: ForecastConfig) -> list[Array]:
        """Forecasts (M, ROWS) of the members of a fold for each batch of windows (ROWS, L, F)."""
        keys = [forecast_key(members, batch, config) for batch in windows]
        self._forecasts |= self.store.get([key for key in keys if key not in self._forecasts])
        made: dict[str, bytes] = {}
        for key, batch in zip(keys, windows, strict=True):
            if key not in self._forecasts:
                from lstmstrat.lstm.training import predict

                made[key] = predict(members, batch, config).tobytes()
        self._forecasts |= made
        if made:
            self.store.put(made)
        return [np.frombuffer(self._forecasts[key]).reshape(len(members), -1) for key in keys]

    def _train(self, slices: Batch, config: ForecastConfig, device: str) -> Iterator[dict[str, Fitted | None]]:
        """Trains batch by batch and stores what comes; the batches come in any order."""
        if not slices:
            return
        batches = [slices[i : i + SLICES] for i in range(0, len(slices), SLICES)]
        self.warm_up()
        results = self._in_pool(batches, config, device) if self._pool else _here(batches, config, device)
        for batch, networks in results:
            trained = {s.key(config, device): f for s, f in zip(batch, networks, strict=True)}
            self._broken |= {key for key, f in trained.items() if f is None}
            sound = {key: f.to_bytes() for key, f in trained.items() if f is not None}
            self.store.put(sound)
            self.fitted += len(sound)
            self.failed += len(trained) - len(sound)
            yield trained

    def _in_pool(
        self, batches: Sequence[Batch], config: ForecastConfig, device: str
    ) -> Iterator[tuple[Batch, list[Fitted | None]]]:
        assert self._pool is not None
        try:
            waiting: dict[Future[list[Fitted | None]], Batch] = {
                self._pool.submit(_fit, batch, config, device): batch for batch in batches
            }
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), future.result()
        except BrokenProcessPool:
            self._pool = None
            raise LSTMStratError(
                "a training process was killed, perhaps for want of memory; what was trained is kept: "
                "run the same command again, with --jobs 1"
            ) from None

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)


_active: ContextVar[Trainer | None] = ContextVar("lstmstrat_trainer", default=None)


@cache
def _default() -> Trainer:
    return Trainer(Store(default_path()))


def current() -> Trainer:
    """The active trainer, else the program's default one (the user's cache, this process)."""
    return _active.get() or _default()


def _device(config: ForecastConfig) -> str:
    if config.device == "cpu" or (config.device == "auto" and version("torch").endswith("+cpu")):
        return "cpu"  # without importing torch: everything may be in the store
    from lstmstrat.lstm.training import device_name

    try:
        return device_name(config)
    except RuntimeError as error:
        raise ConfigError(str(error)) from None


def _here(
    batches: Sequence[Batch], config: ForecastConfig, device: str
) -> Iterator[tuple[Batch, list[Fitted | None]]]:
    for batch in batches:
        yield batch, _fit(batch, config, device)


def _fit(batch: Batch, config: ForecastConfig, device: str) -> list[Fitted | None]:
    from lstmstrat.lstm.training import fit

    return fit(batch, config, device)


def _begin() -> None:
    """First act of a training process: it dies with Ctrl-C and with its parent, and never survives either."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def die_with(parent: BaseProcess) -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=die_with, args=(parent,), daemon=True).start()


def _import_engine() -> None:
    import lstmstrat.lstm.training  # noqa: F401
