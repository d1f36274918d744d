"""Fitted models and their forecasts: from the session, from its store, or from a new fit on its executor.

The result depends neither on the threads, nor on the order of the tasks, nor on what was stored: a fitted model is
a function of its task. Each fitted model is stored at once, so an interrupted run continues where it stopped.

Letters: M members of a fold, n windows, L lookback, F features.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.forecasting.executor import GivenUp, completed
from lstmstrat.forecasting.models import checked
from lstmstrat.forecasting.models.base import FitTask, FittedModel, Model, Stop
from lstmstrat.forecasting.session import Session

Tasks = dict[str, FitTask]  # by key
Fits = dict[str, FittedModel | None]  # by key; None where the fit failed


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
        for part in _fit_missing(session, model, missing):
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
        return _predict(members, windows)
    key = _forecast_key(model, members, windows)
    stored = session.store.get([key])
    if not stored:
        stored = {key: _predict(members, windows).tobytes()}
        session.store.put(stored)
    forecasts: Floats = np.frombuffer(stored[key]).reshape(len(members), -1)
    return forecasts


def _predict(members: Sequence[FittedModel], windows: Floats) -> Floats:
    return np.stack([checked.forecasts(member, windows) for member in members])


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


def _fit_missing(session: Session, model: Model, tasks: Tasks) -> Iterator[Fits]:
    """The fits in the order in which they are done; last those that another process has stored meanwhile."""
    stop, from_store = GivenUp(session.given_up), Fits()

    def calls() -> Iterator[tuple[object, ...]]:
        for keys in _portions(_shuffle(tasks), model.at_once):
            from_store.update(_look_up(session, model, keys))
            part = {key: tasks[key] for key in keys if key not in from_store}
            if part:
                yield _fit_portion, model, part, stop

    with session.workers(in_turn=model.at_once > 1) as executor:
        try:  # two calls per worker: one running and one waiting
            for part in completed(executor, calls(), 2 * session.jobs):
                yield _store_fits(session, model, part)
        finally:  # after Ctrl-C nobody needs the remaining fits
            stop.set()
    if from_store:
        yield from_store


def _fit_portion(model: Model, tasks: Tasks, stop: Stop) -> Fits:
    return dict(zip(tasks, checked.fits(model, list(tasks.values()), stop), strict=True))


def _store_fits(session: Session, model: Model, fits: Fits) -> Fits:
    """Counts new fits and stores their models."""
    models = {key: fitted for key, fitted in fits.items() if fitted is not None}
    if model.kept:
        session.store.put({key: fitted.to_bytes() for key, fitted in models.items()})
    session.models.update(models)
    session.broken |= fits.keys() - models.keys()
    session.fitted += len(models)
    session.failed += len(fits) - len(models)
    session.counted |= fits.keys()
    return fits


def _report(session: Session, done: int, total: int) -> None:
    if session.progress is not None:
        session.progress(done, total)


def _shuffle(keys: Iterable[str]) -> list[str]:
    """The keys in an order of this process, so that two processes that start together share the work."""
    return sorted(keys, key=lambda key: hashlib.sha256(f"{os.getpid()} {key}".encode()).digest())


def _portions(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for begin in range(0, len(keys), size):
        yield keys[begin : begin + size]
