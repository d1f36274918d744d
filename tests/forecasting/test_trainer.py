"""The trainer: every model is fitted once, whoever asks, and its threads come and go cleanly."""

from __future__ import annotations

import gc
import itertools
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.market import BARS, advanced, alone, bits, market, small
from helpers.parallel import fresh

from lstmstrat import FittedModel, ForecastConfig, Session, Store, TrainingSet
from lstmstrat.forecasting import session as sessions
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.models import model_of
from lstmstrat.forecasting.models.base import FitTask, Stop
from lstmstrat.forecasting.models.lstm import cpu, training
from lstmstrat.forecasting.models.lstm import model as lstm
from lstmstrat.forecasting.models.lstm.model import LSTM

PRICES = market()


def test_what_is_fitted_cached_and_failed_is_counted(tmp_path: Path) -> None:
    config = small(members=3)
    with Session(Store(tmp_path / "store")) as first:
        walk = advanced(config, PRICES.times, PRICES.bars, session=first)
        assert (first.fitted, first.cached, first.failed) == (3 * len(walk.folds), 0, 0)
        assert first.seconds > 0.0
        advanced(config, PRICES.times, PRICES.bars, session=first)  # a second strategy of the same run
        assert (first.fitted, first.cached, first.failed) == (3 * len(walk.folds), 0, 0)
    with Session(Store(tmp_path / "store")) as second:
        for _ in range(2):
            advanced(config, PRICES.times, PRICES.bars, session=second)
        assert (second.fitted, second.cached, second.failed) == (0, 3 * len(walk.folds), 0)
        assert second.seconds == 0.0


def test_what_failed_is_not_trained_again_in_the_same_run() -> None:
    session, calls = alone(), []
    session.progress = lambda done, total: calls.append((done, total))
    config = small(epochs=2).model_copy(update={"learning_rate": 1e37})
    walk = advanced(config, PRICES.times, PRICES.bars, session=session)
    assert (session.fitted, session.failed) == (0, len(walk.folds))
    told = len(calls)
    advanced(config, PRICES.times, PRICES.bars, session=session)
    assert (session.fitted, session.failed) == (0, len(walk.folds))
    assert len(calls) == told


@pytest.mark.parametrize(("jobs", "whole"), [(1, 14), (3, 11)])
def test_progress_rises_fold_by_fold_and_ends_at_the_total(jobs: int, whole: int) -> None:
    """15 folds of 3 members are 45 networks: three at a time, until 3 (jobs 1) or 12 (jobs 3) are left."""
    session, calls = Session(Store(None), jobs=jobs), []
    session.progress = lambda done, total: calls.append((done, total))
    advanced(small(members=3), PRICES.times, PRICES.bars, session=session)
    steps = np.diff([done for done, _ in calls]).tolist()
    assert calls[0] == (0, 45)
    assert calls[-1] == (45, 45)
    in_order = sorted(steps, reverse=True)  # of size: which of the last is done last is up to the threads
    assert in_order[:whole] == [3] * whole
    assert max(in_order[whole:]) < 3


def test_small_training_sets_are_put_together() -> None:
    """One member a fold: three are worth a call and a transaction, where half of a thread's share is as many.

    By hand, of 40 for 2 threads: 3 while more than 8 are left; of the last 7, ceil(7 / 4) = 2, ceil(5 / 4) = 2, 1.
    """
    model, rows = model_of(small()), np.zeros((64, 2))
    tasks = {str(k): FitTask(TrainingSet(rows, rows[:, 0], 5, 2), k) for k in range(40)}
    assert [len(keys) for keys in trainer._portions(model, tasks, 2)] == [3] * 11 + [2, 2, 1, 1, 1]
    assert [len(keys) for keys in trainer._portions(model, tasks, 10)] == [2] * 10 + [1] * 20


def test_progress_rises_network_by_network_where_one_takes_long() -> None:
    """By `cost` a network of 4 units learns 100,000 epochs in about 40 s, so none waits for another."""
    model = model_of(small(members=3, epochs=100_000))
    rows = np.zeros((64, 2))
    training_set = TrainingSet(rows, rows[:, 0], 5, 2)
    tasks = {str(k): FitTask(training_set, k) for k in range(3)}
    assert [len(keys) for keys in trainer._portions(model, tasks, 1)] == [1, 1, 1]


def test_no_thread_waits_while_another_has_a_whole_fold() -> None:
    """Bar by bar one fold is due at a time: of its 10 networks a thread gets half of its share of the rest."""
    model, rows = model_of(small(members=10)), np.zeros((64, 2))
    training_set = TrainingSet(rows, rows[:, 0], 5, 2)
    tasks = {str(k): FitTask(training_set, k) for k in range(10)}
    assert [len(keys) for keys in trainer._portions(model, tasks, 2)] == [3, 2, 2, 1, 1, 1]


def test_processes_that_start_together_begin_with_different_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 40 folds two processes begin with the same one in a pair of 40: by chance, whatever their numbers are."""
    model, rows = model_of(small()), np.zeros((64, 2))
    tasks = {str(k): FitTask(TrainingSet(rows, rows[:, 0], 5, 2), k) for k in range(40)}
    first = []
    for process in range(1000, 1400):
        monkeypatch.setattr(trainer.os, "getpid", lambda process=process: process)
        first.append(next(trainer._portions(model, tasks, 2))[0])
    assert sum(a == b for a, b in itertools.pairwise(first)) <= 25  # 10 are expected; 25 has a chance of 1e-4
    assert len(set(first)) == 40


def test_active_gives_back_what_was_active_before() -> None:
    outer, inner = alone(), alone()
    default = sessions.current()
    with outer.active():
        assert sessions.current() is outer
        with inner.active():
            assert sessions.current() is inner
        assert sessions.current() is outer
    assert sessions.current() is default


def often(**changes: Any) -> ForecastConfig:
    return small(members=3, refit_every=1, **changes)  # 558 networks


def test_what_was_trained_before_a_stop_is_kept_and_nothing_else_is_trained(tmp_path: Path) -> None:
    """Ctrl-C arrives in the main thread while others train."""
    session, before = Session(Store(tmp_path / "store"), jobs=2), set(threading.enumerate())

    def stop(done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    session.progress = stop
    with session, pytest.raises(KeyboardInterrupt):
        advanced(often(), PRICES.times, PRICES.bars, session=session)
    kept = session.fitted  # with those in work, of which each thread has one portion and one waits
    assert 20 <= kept <= 20 + 5 * 3
    for thread in set(threading.enumerate()) - before:  # nobody waits for them: they end with their network
        thread.join(1.0)
        assert not thread.is_alive()
    with Session(Store(tmp_path / "store")) as again:
        walk = advanced(often(), PRICES.times, PRICES.bars, session=again)
    assert (again.cached, again.fitted) == (kept, 558 - kept)
    assert np.array_equal(bits(walk), bits(advanced(often(), PRICES.times, PRICES.bars)))


def _in_a_process(path: Path, start: Any, counts: Any) -> None:
    advanced(small(), PRICES.times, PRICES.bars)  # compiles
    start.wait()
    with Session(Store(path), jobs=1) as session:
        advanced(often(epochs=20), PRICES.times, PRICES.bars, session=session)
        counts.put((session.fitted, session.cached))


def test_processes_that_begin_together_share_the_work(tmp_path: Path) -> None:
    """558 networks; two that train the same fold at the same moment are the exception, as with optstrategy.

    A process has two folds of three networks in work or waiting, and takes the next of the rest in an order
    of its own. With r left that is one of the other's two with a chance of 2 / r: 5 to 10 folds of 186 in all.
    """
    context = fresh()
    start, counts = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_in_a_process, args=(tmp_path / "s", start, counts)) for _ in range(2)]
    for process in processes:
        process.start()
    done = [counts.get(timeout=60.0) for _ in processes]
    for process in processes:
        process.join()
    assert [fitted + cached for fitted, cached in done] == [558, 558]
    assert 558 <= sum(fitted for fitted, _ in done) < 558 + 25 * 3


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timer signals")
def test_a_stop_does_not_wait_for_networks_that_take_long(tmp_path: Path) -> None:
    """One epoch of these is a few milliseconds, all of them would take minutes."""
    session = Session(Store(None), jobs=2)
    begin = time.monotonic()

    def interrupt(done: int, total: int) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.3)

    def ring(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    session.progress, before = interrupt, signal.signal(signal.SIGALRM, ring)
    try:
        with pytest.raises(KeyboardInterrupt):
            advanced(often(epochs=100_000), PRICES.times, PRICES.bars, session=session)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begin < 10.0


def test_work_that_is_given_up_ends_with_what_is_done_in_the_store(tmp_path: Path) -> None:
    given_up = threading.Event()
    session = Session(Store(tmp_path / "store"), jobs=2, given_up=given_up.is_set)
    session.progress = lambda done, total: given_up.set() if done >= 20 else None
    with session, pytest.raises(CancelledError):
        advanced(often(), PRICES.times, PRICES.bars, session=session)
    assert 20 <= session.fitted <= 20 + 5 * 3


def test_an_error_in_a_thread_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Iterator[FittedModel]:
        raise MemoryError("too large")

    monkeypatch.setattr(training, "fit", broken)
    with pytest.raises(MemoryError, match="too large"):
        advanced(often(), PRICES.times, PRICES.bars, session=Session(Store(None), jobs=2))


def test_a_gpu_gets_thousands_at_a_time_and_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def fit(tasks: Sequence[FitTask], settings: LSTM, stop: Stop) -> list[FittedModel | None]:
        assert settings.device == "cuda"
        assert threading.current_thread() is threading.main_thread()
        sizes.append(len(tasks))
        return [*fit_on_cpu(tasks, replace(settings, device="cpu"), stop)]

    fit_on_cpu, expected = training.fit, bits(advanced(often(), PRICES.times, PRICES.bars))
    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(lstm, "device_here", lambda wanted: "cuda")
    monkeypatch.setattr(lstm, "GPU_BATCH", 400)
    walk = advanced(often(device="cuda"), PRICES.times, PRICES.bars, session=Session(Store(None), jobs=2))
    assert sizes == [400, 158]
    assert np.array_equal(bits(walk), expected)


def test_forecasts_are_stored_but_for_those_of_a_single_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    predict = cpu.predict

    def counted(*args: Any) -> Any:
        calls.append(1)
        return predict(*args)

    monkeypatch.setattr(cpu, "predict", counted)
    session = alone()
    walks = [advanced(small(), PRICES.times, PRICES.bars, session=session) for _ in range(2)]
    assert len(calls) == 15  # folds
    walks.append(advanced(small(), PRICES.times, PRICES.bars, range(1, BARS), session))
    assert len(calls) == 15 + BARS - 64
    assert all(np.array_equal(bits(walk), bits(walks[0])) for walk in walks)


def test_models_in_use_are_shared_and_let_go_with_their_last_user() -> None:
    """In the session that lives as long as the program."""
    session = sessions.current()
    first, second = (advanced(small(), PRICES.times, PRICES.bars, session=session) for _ in range(2))
    assert all(a.members[0] is b.members[0] for a, b in zip(first.folds, second.folds, strict=True))
    assert len(session.models) == 15
    del first, second
    gc.collect()
    assert len(session.models) == 0


def test_a_session_of_ones_own_keeps_its_models_until_it_is_closed() -> None:
    with alone() as session:
        kept = [fold.members[0] for fold in advanced(small(), PRICES.times, PRICES.bars, session=session).folds]
        again = advanced(small(), PRICES.times, PRICES.bars, session=session)
        assert all(a is b.members[0] for a, b in zip(kept, again.folds, strict=True))
        assert len(session.models) == 15
    assert len(session.models) == 0
    advanced(small(), PRICES.times, PRICES.bars, session=session)  # it may be used again
    assert len(session.models) == 15


def test_active_within_itself_ends_with_the_outer_block() -> None:
    default = sessions.current()
    with Session(Store(None)) as session:
        with session.active():
            session.store.put({"key": b"kept"})
            with session.active():
                pass
            assert session.store.get(["key"]) == {"key": b"kept"}  # a memory store forgets when it is closed
            assert sessions.current() is session
        assert sessions.current() is default
        assert session.store.get(["key"]) == {"key": b"kept"}
    assert session.store.get(["key"]) == {}
