"""Where fitted models and their forecasts come from: the store, or work on one or several threads.

Whoever asks (a backtest, an indicator in somebody's own script) uses the trainer that is active:

    with Trainer(Store(path), jobs=2).active():
        cerebro.run()

Without one, a trainer with the user's cache and a thread a core serves the whole program.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from weakref import WeakValueDictionary

import numpy as np

from lstmstrat import rungs
from lstmstrat.config import ForecastConfig
from lstmstrat.errors import ConfigError
from lstmstrat.lstm.values import Array, Fitted, TrainingSlice, forecast_key
from lstmstrat.rungs import FittedRung
from lstmstrat.store import Store, default_path

Member = Fitted | FittedRung  # what a fold forecasts with
Slices = dict[str, TrainingSlice]  # by key
Networks = dict[str, Member | None]  # by key; None where training failed twice
Progress = Callable[[int, int], None]

ON_A_GPU = 4096  # networks trained as one batch; a guess, no GPU was at hand to measure it


class Trainer:
    """Gives the network of each training slice, trained only if the store does not have it.

    The result does not depend on `jobs`, on the order of the slices or on what was stored: a network depends on
    nothing but its slice. What is trained is stored as it comes, so an interrupted run goes on there. The cheaper
    models (rungs.py) count as networks, and are fitted anew by each trainer: nothing of them is stored.
    """

    def __init__(self, store: Store, jobs: int | None = None, progress: Progress | None = None):
        """`jobs` threads train, one a core by default; `progress(done, total)` counts the networks of a call."""
        self.store = store
        self.jobs = jobs or cores()
        self.progress = progress
        self.fitted = self.cached = self.failed = 0  # networks, over the life of the trainer
        self.seconds = 0.0  # of training, wall clock
        self._known: set[str] = set()  # keys counted already
        self._broken: set[str] = set()  # keys whose training failed twice
        self._in_use: WeakValueDictionary[str, Member] = WeakValueDictionary()  # somebody else holds them

    @contextmanager
    def active(self) -> Iterator[Trainer]:
        """Makes this the trainer of every indicator in the block; closes its store after the outermost one."""
        if _active.get() is self:
            yield self
            return
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)
            self.store.close()

    def fit(
        self, slices: Sequence[TrainingSlice], config: ForecastConfig, before: int = 0, after: int = 0
    ) -> list[Member | None]:
        """The network of each slice; None where training failed twice.

        `before` and `after` are the networks of the same job that other calls have made and will make: the
        progress counts them too.

        Raises
        ------
        ConfigError
            `device: cuda` finds no GPU.
        """
        device = _device(config) if slices else ""
        keys = [s.key(config, device) for s in slices]
        networks = self._found(keys)
        missing = {key: s for key, s in zip(keys, slices, strict=True) if key not in networks}
        total = len(networks) + len(missing)
        if missing:
            self._tell(before + len(networks), before + total + after)
        begin = time.perf_counter()
        for trained in self._made(missing, config, device):
            networks |= trained
            self._tell(before + len(networks), before + total + after)
        self.seconds += time.perf_counter() - begin if missing else 0.0
        return [networks[key] for key in keys]

    def predict(self, members: Sequence[Member], rows: Array, config: ForecastConfig) -> Array:
        """Forecasts (M, n) of the members of a fold from rows (L - 1 + n, F) of features.

        Stored as well, unless they are for a single bar: the next strategy and the next run ask for the same.
        """
        networks = [m for m in members if isinstance(m, Fitted)]
        if not networks:
            return np.stack([rungs.predict(m, rows, config) for m in members if isinstance(m, FittedRung)])
        if len(rows) == config.lookback:
            return _predict(networks, rows, config)
        key = forecast_key(networks, rows, config)
        stored = self.store.get([key])
        if not stored:
            stored = {key: _predict(networks, rows, config).tobytes()}
            self.store.put(stored)
        found: Array = np.frombuffer(stored[key]).reshape(len(networks), -1)
        return found

    def _found(self, keys: Sequence[str]) -> Networks:
        """What need not be trained: networks in use, then in the store, and those known to fail."""
        found: Networks = {key: None for key in keys if key in self._broken}
        found |= {key: network for key in keys if (network := self._in_use.get(key)) is not None}
        stored = self.store.get([key for key in keys if key not in found])
        found |= {key: Fitted.from_bytes(payload) for key, payload in stored.items()}
        self._in_use.update({key: network for key, network in found.items() if network is not None})
        self.cached += len(stored.keys() - self._known)
        self._known |= stored.keys()
        return found

    def _made(self, slices: Slices, config: ForecastConfig, device: str) -> Iterator[Networks]:
        """Networks as they come: on a GPU thousands at a time, on a CPU one a thread, and rungs in turn."""
        if config.model != "lstm":
            yield from (self._keep({key: rungs.fit(s, config)}) for key, s in slices.items())
            return
        if device == "cpu":
            yield from self._in_threads(slices, config)
            return
        keys = list(slices)
        for i in range(0, len(keys), ON_A_GPU):
            part = {key: slices[key] for key in keys[i : i + ON_A_GPU]}
            yield self._keep(_fit(part, config, device, lambda: False))

    def _in_threads(self, slices: Slices, config: ForecastConfig) -> Iterator[Networks]:
        """What another process has stored meanwhile is taken from there."""
        given_up, running = threading.Event(), set[Future[Networks]]()
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="lstmstrat") as pool:
            try:
                for key in _in_own_order(slices):
                    if found := self._found([key]):
                        yield found
                        continue
                    running.add(pool.submit(_fit, {key: slices[key]}, config, "cpu", given_up.is_set))
                    if len(running) == 2 * self.jobs:  # for each thread, one in work and one waiting
                        done, running = wait(running, return_when=FIRST_COMPLETED)
                        yield from (self._keep(future.result()) for future in done)
                yield from (self._keep(future.result()) for future in as_completed(running))
            finally:  # after Ctrl-C, nobody waits for the networks that are not there yet
                given_up.set()
                pool.shutdown(wait=False, cancel_futures=True)

    def _keep(self, trained: Networks) -> Networks:
        """Counts what has just been trained, and stores the networks of it."""
        sound = {key: f for key, f in trained.items() if f is not None}
        self.store.put({key: f.to_bytes() for key, f in sound.items() if isinstance(f, Fitted)})
        self._in_use.update(sound)
        self._broken |= trained.keys() - sound.keys()
        self.fitted += len(sound)
        self.failed += len(trained) - len(sound)
        self._known |= trained.keys()
        return trained

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)


_active: ContextVar[Trainer | None] = ContextVar("lstmstrat_trainer", default=None)


@cache
def _default() -> Trainer:
    return Trainer(Store(default_path()))


def current() -> Trainer:
    """The active trainer, else the program's default one (the user's cache)."""
    return _active.get() or _default()


def _device(config: ForecastConfig) -> str:
    if config.model != "lstm" or config.device == "cpu":
        return "cpu"
    if config.device == "auto" and version("torch").endswith("+cpu"):
        return "cpu"  # without importing torch: everything may be in the store
    from lstmstrat.lstm.gpu import device_name

    try:
        return device_name(config)
    except RuntimeError as error:
        raise ConfigError(str(error)) from None


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_own_order(keys: Iterable[str]) -> list[str]:
    """Another order in each process: those of `optstrategy` would train the same networks side by side by date."""
    return sorted(keys, key=lambda key: hashlib.sha256(f"{os.getpid()} {key}".encode()).digest())


def _predict(members: Sequence[Fitted], rows: Array, config: ForecastConfig) -> Array:
    from lstmstrat.lstm.cpu import predict

    return predict(members, rows, config)


def _fit(slices: Slices, config: ForecastConfig, device: str, stop: Callable[[], bool]) -> Networks:
    from lstmstrat.lstm.training import fit

    return dict(zip(slices, fit(list(slices.values()), config, device, stop), strict=True))
