"""The same run with something changed: whoever runs the variations, the numbers are the same, and one may fail."""

from __future__ import annotations

import dataclasses
import multiprocessing
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.command import tiny
from helpers.parallel import Cores

from lstmstrat import Config, ConfigError, FittedModel, Model, Session, Store, TrainingSet
from lstmstrat.arrays import Floats
from lstmstrat.config.validation import validated
from lstmstrat.forecasting import session as sessions
from lstmstrat.forecasting.executor import Inline
from lstmstrat.forecasting.models import model_of
from lstmstrat.forecasting.models.base import Stop, never
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.prices.null_history import null_history
from lstmstrat.results.run import Run
from lstmstrat.study import ladder as ladders
from lstmstrat.study import replicas
from lstmstrat.study.ladder import run_rung
from lstmstrat.study.prepare import prepare
from lstmstrat.study.replicas import replica
from lstmstrat.study.simulate import simulate_all
from lstmstrat.study.tasks import Outcome, Variation, outcomes


def prepared(**sections: Any) -> tuple[Config, Any]:
    return prepare(validated(Config, tiny(**sections), ""))


def changed(config: Config, **forecast: Any) -> Config:
    return config.model_copy(update={"forecast": config.forecast.model_copy(update=forecast)})


def variations() -> list[Variation]:
    """Another seed, a null world, a cheaper model, rarer refits."""
    config, prices = prepared()
    world = null_history(prices, 1, schedule(config.forecast).first_fit)
    return [
        Variation("seed 1", changed(config, seed=1), prices),
        Variation("null world 1", config, world),
        Variation("model ridge", changed(config, model="ridge", members=1), prices),
        Variation("never", changed(config, refit_every="never"), prices),
    ]


def came(work: Any, made: list[Variation], session: Session) -> dict[str, Outcome[Any]]:
    """By label."""
    found = list(outcomes(work, made, session))
    assert len(found) == len(made)
    return {outcome.label: outcome for outcome in found}


def bits(run: Run) -> dict[str, Any]:
    """All that a run is made of; equal only if every bit is."""
    lines = [getattr(run.forecasts, name) for name in ("times", "forecast", "spread", "distance", "fold")]
    accounts = {
        a.name: (
            *(s.to_numpy().tobytes() for s in (a.equity, a.exposure, a.traded)),
            a.orders.to_csv(),
            a.trades.to_csv(),
        )
        for a in run.accounts
    }
    told = [*map(repr, run.forecasts.folds), repr(sorted(run.forecasts.missing.items()))]
    return {"forecasts": [*(line.tobytes() for line in lines), *told], **accounts}


@pytest.fixture(scope="module")
def inline() -> dict[str, dict[str, Any]]:
    """What every variation comes to, one after the other in this thread, by the work that is done."""
    session = Session(Store(None), jobs=1, executor=Inline())
    earned, runs = came(replica, variations(), session), came(run_rung, variations(), session)
    assert all(outcome.error == "" and outcome.seconds > 0.0 for outcome in (*earned.values(), *runs.values()))
    return {
        "replica": {label: outcome.value for label, outcome in earned.items()},
        "rung": {label: bits(outcome.value) for label, outcome in runs.items()},
    }


def assert_the_same(session: Session, inline: dict[str, dict[str, Any]]) -> None:
    earned, runs = came(replica, variations(), session), came(run_rung, variations(), session)
    assert {label: outcome.value for label, outcome in earned.items()} == inline["replica"]
    assert {label: bits(outcome.value) for label, outcome in runs.items()} == inline["rung"]
    assert (session.fitted, session.failed, session.store.notices) == (0, 0, [])  # theirs are not the run's


def test_each_variation_is_the_run_that_it_says(inline: dict[str, dict[str, Any]]) -> None:
    assert len({repr(found) for found in inline["rung"].values()}) == 4
    for variation in variations():
        with Session(Store(None), jobs=1) as session:
            run = simulate_all(variation.config, variation.prices, session)
        assert bits(run) == inline["rung"][variation.label]
        found = {name: one.difference for name, one in inline["replica"][variation.label].items()}
        assert replicas.differences(run) == found


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_threads_change_no_bit(jobs: int, inline: dict[str, dict[str, Any]]) -> None:
    with Session(Store(None), jobs=jobs) as session:
        assert_the_same(session, inline)


def test_processes_change_no_bit(inline: dict[str, dict[str, Any]]) -> None:
    with Cores().pool as pool:
        assert_the_same(Session(Store(None), jobs=2, executor=pool), inline)
        found = came(inside, variations()[:2], Session(Store(None), jobs=2, executor=pool))
        for outcome in found.values():
            assert outcome.value == ("MainThread", True, [], 0), outcome.error
        broken = came(half_broken, variations(), Session(Store(None), jobs=2, executor=pool))
        assert_half_broken(broken)


# --- what travels ---


def test_a_variation_travels() -> None:
    for variation in variations():
        assert variation.prices.sha256  # what has been worked out may travel too
        again = pickle.loads(pickle.dumps(variation))
        assert (again.label, again.config) == (variation.label, variation.config)
        assert again.prices.sha256 == variation.prices.sha256
        assert again.prices.frame.equals(variation.prices.frame)
        assert again.prices.bars.tobytes() == variation.prices.bars.tobytes()


def test_an_outcome_travels_without_the_models(inline: dict[str, dict[str, Any]]) -> None:
    session = Session(Store(None), jobs=1, executor=Inline())
    for label, outcome in came(run_rung, variations(), session).items():
        text = pickle.dumps(outcome)
        assert b"Fitted" not in text
        again = pickle.loads(text)
        assert (again.label, again.seconds, again.error) == (label, outcome.seconds, "")
        assert bits(again.value) == inline["rung"][label]
    failed = Outcome("seed 1", None, 0.5, "no")
    assert dataclasses.astuple(pickle.loads(pickle.dumps(failed))) == ("seed 1", None, 0.5, "no")


# --- what fails ---


def half_broken(variation: Variation, session: Session) -> Any:
    if variation.label == "null world 1":
        raise ZeroDivisionError("float division")
    if variation.label == "model ridge":
        raise ConfigError("members: 2 given")
    return replica(variation, session)


def assert_half_broken(found: dict[str, Outcome[Any]]) -> None:
    said = {label: outcome.error for label, outcome in found.items() if outcome.value is None}
    assert said == {
        "null world 1": "ZeroDivisionError: float division",  # a mistake: with its name
        "model ridge": "members: 2 given",  # a sentence of ours
    }
    for label in ("seed 1", "never"):
        assert list(found[label].value) == ["long_flat", "cross"]
        assert found[label].error == ""


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_variation_that_fails_fails_alone(jobs: int) -> None:
    with Session(Store(None), jobs=jobs) as session:
        assert_half_broken(came(half_broken, variations(), session))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, CancelledError])
def test_who_wants_to_stop_is_no_failure(error: type[BaseException]) -> None:
    def stopped(variation: Variation, session: Session) -> Any:
        raise error

    with Session(Store(None), jobs=2) as session, pytest.raises(error):
        list(outcomes(stopped, variations(), session))


def test_nothing_to_do_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(Store(None), jobs=2) as session:
        before = threading.active_count()
        assert list(outcomes(replica, [], session)) == []
        assert threading.active_count() == before


# --- Ctrl-C ---

LONG = {"epochs": 50_000}  # a minute or more


OTHERS: list[threading.Thread] = []


@pytest.fixture(autouse=True)
def _others() -> None:
    """The threads of sessions that other tests have left open."""
    OTHERS[:] = threading.enumerate()


def ours() -> list[str]:
    """Threads of a session of this test that are still running."""
    new = [thread for thread in threading.enumerate() if thread not in OTHERS]
    return [thread.name for thread in new if thread.name.startswith("lstmstrat")]


def end_soon(session: Session) -> bool:
    """No thread works any more, though the work was endless; a user's executor is shut down first."""
    if session.executor is not None:
        session.executor.shutdown(wait=False)
    end = time.monotonic() + 10.0
    while ours() and time.monotonic() < end:
        time.sleep(0.02)
    return not ours()


def endless(variation: Variation, session: Session) -> Any:
    """The work of a replica, or of a rung; all but the first take long."""
    first = variation.label in ("seed 1", "always_up, refit every 60")
    config = variation.config if first else changed(variation.config, **LONG)
    return replica(dataclasses.replace(variation, config=config), session)


@pytest.fixture(params=["in turn", "side by side"])
def session(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Session]:
    """In turn by default, side by side on an executor of the user's."""
    pool = ThreadPoolExecutor(2, thread_name_prefix="lstmstrat") if request.param == "side by side" else None
    with Session(Store(tmp_path / "store.sqlite"), jobs=2, executor=pool) as session:
        yield session
    if pool is not None:
        pool.shutdown()


@pytest.fixture
def interrupt() -> Iterator[Callable[[float], None]]:
    """Ctrl-C after some seconds, to this thread as a terminal does it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    timers: list[threading.Timer] = []

    def after(seconds: float) -> None:
        main = threading.main_thread().ident
        timers.append(threading.Timer(seconds, lambda: signal.pthread_kill(main, signal.SIGINT)))
        timers[0].start()

    yield after
    for timer in timers:
        timer.cancel()
        timer.join()
    signal.signal(signal.SIGINT, before)


def stop_after_one(done: int, total: int) -> None:
    if done == 1:
        raise KeyboardInterrupt


def assert_the_first_is_kept(run: Run, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run goes on after it, and comes to what a run that nobody stopped comes to."""
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(replicas, "replica", replica)
    next_session = Session(session.store, jobs=2)
    again = replicas.seeds(run, 3, next_session, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert again == replicas.seeds(run, 3, Session(Store(None), jobs=1), lambda done, total: None)


def test_ctrl_c_in_the_progress_leaves_no_thread_and_keeps_what_is_done(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = simulate_all(*prepared(), session)
    monkeypatch.setattr(replicas, "replica", endless)
    with pytest.raises(KeyboardInterrupt):
        replicas.seeds(run, 3, session, stop_after_one)
    assert end_soon(session)
    assert_the_first_is_kept(run, session, monkeypatch)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows has no signals for threads")
def test_ctrl_c_while_it_waits_leaves_no_thread_and_keeps_what_is_done(
    session: Session, monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[float], None]
) -> None:
    run = simulate_all(*prepared(), session)
    monkeypatch.setattr(replicas, "replica", endless)
    with pytest.raises(KeyboardInterrupt):
        replicas.seeds(run, 3, session, lambda done, total: interrupt(0.3) if done == 1 else None)
    assert end_soon(session)
    assert_the_first_is_kept(run, session, monkeypatch)


def test_ctrl_c_on_a_ladder_leaves_no_thread(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    run = simulate_all(*prepared(), session)
    monkeypatch.setattr(ladders, "run_rung", endless)
    with pytest.raises(KeyboardInterrupt):
        ladders.ladder(run, session, stop_after_one)
    assert end_soon(session)


def test_who_stops_reading_leaves_no_thread(session: Session) -> None:
    made = [dataclasses.replace(v, label=f"seed {k}") for k, v in enumerate(variations(), 1)]
    reading = outcomes(endless, made, session)
    assert next(reading).label == "seed 1"
    assert bool(ours()) == (session.executor is not None)
    reading.close()
    assert end_soon(session)


def test_a_session_that_is_given_up_gives_up_its_variations() -> None:
    """They are asked whether to go on wherever a model is fitted."""
    given_up = threading.Event()
    threading.Timer(0.3, given_up.set).start()
    session = Session(Store(None), jobs=2, given_up=given_up.is_set)
    with pytest.raises(CancelledError):
        list(outcomes(endless, variations()[1::2], session))  # networks both
    assert end_soon(session)


# --- no pool inside a pool ---


def inside(variation: Variation, session: Session) -> tuple[str, bool, list[Any], int]:
    """Where a variation runs, whether its session works there too, what it starts, and what was known before."""
    with session.workers(in_turn=model_of(variation.config.forecast).at_once > 1) as executor:
        here = isinstance(executor, Inline) and session.store.path is None
    known, threads = session.fitted + session.cached, set(threading.enumerate())
    replica(variation, session)
    started = [thread.name for thread in threading.enumerate() if thread not in threads]
    return threading.current_thread().name, here, [*started, *multiprocessing.active_children()], known


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[Executor]:
    """Every pool that a session opens."""
    opened: list[Executor] = []

    class Counted(ThreadPoolExecutor):
        def __init__(self, *args: Any, **options: Any):
            super().__init__(*args, **options)
            opened.append(self)

    monkeypatch.setattr(sessions, "ThreadPoolExecutor", Counted)
    return opened


def test_a_variation_starts_no_thread_and_no_process(pools: list[Executor]) -> None:
    with ThreadPoolExecutor(1, "mine") as mine, Session(Store(None), jobs=1, executor=mine) as session:
        found = came(inside, variations(), session)
    for outcome in found.values():
        assert outcome.value == ("mine_0", True, [], 0), outcome.error
    assert not pools


@pytest.mark.parametrize("work", [replica, run_rung])
def test_an_executor_of_the_users_is_the_only_pool(work: Any, pools: list[Executor]) -> None:
    with ThreadPoolExecutor(2) as mine, Session(Store(None), jobs=2, executor=mine) as session:
        came(work, variations(), session)
    assert not pools


@pytest.mark.parametrize("work", [replica, run_rung])
def test_without_one_a_pool_opens_when_the_one_before_is_closed(work: Any, pools: list[Any]) -> None:
    """The variations go in turn in this thread, and threads fit the models of each."""
    with Session(Store(None), jobs=2) as session:
        for _ in outcomes(work, variations(), session):
            assert all(pool._shutdown for pool in pools)
    assert pools


@dataclass(frozen=True)
class Together(Model):
    """Serves many fits at once, as a GPU does, and forecasts the past mean."""

    scaler: str
    clip: float

    @property
    def at_once(self) -> int:
        return 100

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel:
        return Constant(training.scaled(self.scaler, self.clip).inputs, np.array([np.nan]), training.mean_label)


@dataclass(frozen=True, eq=False)
class Constant(FittedModel):
    value: float

    def predict(self, windows: Floats) -> Floats:
        return np.full(len(windows), self.value)


def test_on_a_gpu_one_variation_runs_after_the_other() -> None:
    """It serves the models of one together; several would wait for each other."""
    config, prices = prepared(forecast={"model": "test_tasks:Together", "members": 1})
    made = [Variation(f"seed {seed}", changed(config, seed=seed), prices) for seed in (1, 2)]
    with Session(Store(None), jobs=4) as session:
        found = came(inside, made, session)
    assert [outcome.value for outcome in found.values()] == [("MainThread", True, [], 0)] * 2


@pytest.mark.parametrize("stop", [False, True])
def test_in_turn_each_is_told_before_the_next_begins(stop: bool) -> None:
    """So what is done is kept, and Ctrl-C in one begins no other."""
    events: list[str] = []

    def work(variation: Variation, session: Session) -> str:
        events.append(f"begun {variation.label}")
        if stop and len(events) > 1:
            raise KeyboardInterrupt
        return variation.label

    def read(session: Session) -> None:
        for outcome in outcomes(work, variations()[:3], session):
            events.append(f"told {outcome.value}")

    session = Session(Store(None), jobs=4, executor=Inline())
    labels = [variation.label for variation in variations()[:3]]
    if stop:
        with pytest.raises(KeyboardInterrupt):
            read(session)
        assert events == [f"begun {labels[0]}", f"told {labels[0]}", f"begun {labels[1]}"]
    else:
        read(session)
        assert events == [f"{what} {label}" for label in labels for what in ("begun", "told")]
