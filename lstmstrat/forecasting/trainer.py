"""Fitted models and their forecasts: from the session, from its store, or from a new fit on its executor.

The result depends neither on the threads, nor on the order of the tasks, nor on what was stored: a fitted model is
a function of its task. Fitted models are stored as they come, so an interrupted run continues where it stopped.

Letters: M members of a fold, n windows, L lookback, F features.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import closing
from typing import NamedTuple

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.forecasting.cost import seconds_of_fit
from lstmstrat.forecasting.executor import GivenUp, completed, late
from lstmstrat.forecasting.models import checked
from lstmstrat.forecasting.models.base import FitTask, FittedModel, Model, Stop
from lstmstrat.forecasting.session import Session
from lstmstrat.store import Kind

Tasks = dict[str, FitTask]  # by key
Fits = dict[str, FittedModel | None]  # by key; None where the fit failed


class Worth(NamedTuple):
    """How much work a call should have."""

    moment: float  # seconds at most, between two reports of the progress
    few: float  # tasks that are enough, however short they are


HERE = Worth(0.25, 3)  # worth a transaction of the store
ELSEWHERE = Worth(0.5, math.inf)  # worth the way to another process, which takes some milliseconds
GRACE = 0.5  # seconds after Ctrl-C in which the fits that are done come in


def fit(
    session: Session, model: Model, tasks: Sequence[FitTask], before: int = 0, after: int = 0
) -> list[FittedModel | None]:
    """The fitted model of each task; None where the fit failed.

    `before` and `after` are the numbers of tasks of the same job that other calls have done and will do; the
    progress counts them too.
    """
    keys = [task.key(model) for task in tasks]
    fits = _look_up(session, model, keys)
    missing = {key: task for key, task in zip(keys, tasks, strict=True) if key not in fits}
    if missing:
        total, begin = before + len(fits) + len(missing) + after, time.perf_counter()
        _report(session, before + len(fits), total)
        with closing(_fit_missing(session, model, missing)) as parts:
            for part in parts:
                fits |= part
                _report(session, before + len(fits), total)
        session.seconds += time.perf_counter() - begin
    return [fits[key] for key in keys]


def predict(session: Session, model: Model, members: Sequence[FittedModel], windows: Floats) -> Floats:
    """Forecasts (M, n) of the members of a fold from windows (n, L, F).

    The forecasts of a stored model are stored as well, because the next strategy and the next run need the same
    ones. Those for a single window are not.
    """
    if not model.kept or len(windows) == 1:
        return checked.forecasts(members, windows)
    key = _forecast_key(model, members, windows)
    stored = session.store.get([key])
    if not stored:
        stored = {key: checked.forecasts(members, windows).tobytes()}
        session.store.put(stored)
    forecasts: Floats = np.frombuffer(stored[key]).reshape(len(members), -1)
    return forecasts


def _forecast_key(model: Model, members: Sequence[FittedModel], windows: Floats) -> str:
    digest = hashlib.sha256(f"{model.identity} {windows.shape}".encode())
    for member in members:
        digest.update(member.digest)
    digest.update(np.ascontiguousarray(windows[0]).tobytes())
    digest.update(np.ascontiguousarray(windows[1:, -1]).tobytes())
    return digest.hexdigest()


def _look_up(session: Session, model: Model, keys: Sequence[str]) -> Fits:
    """The fits that need no work: models of the session, then of its store, and fits that have failed before."""
    fits: Fits = {key: None for key in keys if key in session.broken}
    fits |= {key: fitted for key in keys if (fitted := session.models.get(key)) is not None}
    if not model.kept:
        return fits
    stored = session.store.get([key for key in keys if key not in fits])
    loaded = {key: model.load(payload) for key, payload in stored.items()}
    session.models.update(loaded)
    session.cached += len(stored.keys() - session.counted)
    session.counted |= stored.keys()
    return fits | loaded


def _fit_missing(session: Session, model: Model, tasks: Tasks) -> Generator[Fits]:
    """The fits in the order in which they are done; last those that another process has stored meanwhile.

    What is done when the work is given up, or by Ctrl-C, is stored.
    """
    stop, from_store, running = GivenUp(session.given_up), Fits(), set[Future[Fits]]()

    def calls() -> Iterator[tuple[object, ...]]:
        for keys in _portions(model, tasks, session.jobs, ELSEWHERE if session.distant else HERE):
            from_store.update(_look_up(session, model, keys))
            part = {key: tasks[key] for key in keys if key not in from_store}
            if part:
                yield _fit_portion, model, part, stop

    with session.workers(in_turn=model.at_once > 1) as executor:
        try:  # two calls per worker: one running and one waiting
            for part in completed(executor, calls(), 2 * session.jobs, running):
                yield _store_fits(session, model, part)
                if stop():
                    raise CancelledError
        finally:  # after Ctrl-C nobody needs the remaining fits
            stop.set()
            for part in late(running, GRACE):
                _store_fits(session, model, part)
    if from_store:
        yield from_store


def _fit_portion(model: Model, tasks: Tasks, stop: Stop) -> Fits:
    """The fits of a portion; if the work is given up, those that are done."""
    fits = Fits()
    try:
        for key, fitted in zip(tasks, checked.fits(model, list(tasks.values()), stop), strict=True):
            fits[key] = fitted
    except CancelledError:
        if not stop():  # it is one of the user's own
            raise
    return fits


def _store_fits(session: Session, model: Model, fits: Fits) -> Fits:
    """Counts new fits and stores their models."""
    models = {key: fitted for key, fitted in fits.items() if fitted is not None}
    if model.kept:
        session.store.put({key: fitted.to_bytes() for key, fitted in models.items()}, Kind.MODEL)
    session.models.update(models)
    session.broken |= fits.keys() - models.keys()
    session.fitted += len(models)
    session.failed += len(fits) - len(models)
    session.counted |= fits.keys()
    return fits


def _report(session: Session, done: int, total: int) -> None:
    if session.progress is not None:
        session.progress(done, total)


def _portions(model: Model, tasks: Tasks, jobs: int, worth: Worth = HERE) -> Iterator[Sequence[str]]:
    """The tasks of each call: on a GPU as many as it fits together, else those of a training set.

    Those share its preparation. A portion takes a moment at most, and half of a thread's share of what is left,
    so that no thread waits long at the end; small sets are put together. The order is that of this process alone,
    so that two processes that start together share the work.
    """
    of_set: dict[int, list[str]] = {}
    for key, task in tasks.items():
        of_set.setdefault(id(task.training), []).append(key)
    sets = sorted(of_set.values(), key=_order)
    if model.at_once > 1:
        keys = [key for together in sets for key in together]
        yield from (keys[k : k + model.at_once] for k in range(0, len(keys), model.at_once))
        return
    portion, left = list[str](), len(tasks)  # left: in no portion that was given out
    for together in sets:
        moment = int(worth.moment / seconds_of_fit(model, tasks[together[0]].training))
        for place, key in enumerate(together):
            size = max(1, min(moment, math.ceil(left / (2 * jobs))))
            if len(portion) >= (size if place else min(worth.few, size)):
                yield portion
                portion, left = [], left - len(portion)
            portion.append(key)
    yield portion


def _order(keys: Sequence[str]) -> bytes:
    return hashlib.sha256(f"{os.getpid()} {keys[0]}".encode()).digest()
