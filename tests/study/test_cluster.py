"""A cluster: threads' numbers to the bit, whoever is killed; and a sentence for all that is wrong with one.

One cluster of two processes serves the whole file. The others are made of one scheduler and no or one worker.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.command import TINY, lstmstrat, summary, tiny, what_it_found, written
from helpers.market import advanced, bits, market, small

import lstmstrat as face
from lstmstrat import ConfigError, ForecastConfig, LSTMStratError, Session, Store, TrainingSet
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.executor import GivenUp, processor
from lstmstrat.forecasting.models import model_of
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.study.cluster import connect
from lstmstrat.study.cluster.connect import address_of

pytest.importorskip("distributed", reason="the extra cluster is not installed")

import psutil

from lstmstrat.study.cluster import machine, parcel, watch, work
from lstmstrat.study.cluster.executor import ClusterExecutor

PRICES = market()
SLOW = small(model="helpers.pinned:Slow", refit_every=3)  # 62 folds


# ---- what can be said without a cluster ------------------------------------------------------------------------


def test_an_address_is_of_processes_here_or_of_a_scheduler() -> None:
    assert address_of("local:1").processes == 1
    for text in ("tcp://127.0.0.1:8786", "tcp://node-7.example.org:1", "tcp://[::1]:8786"):
        assert address_of(text) == (text, 0)


def test_the_environment_is_afterwards_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask sets variables for its processes in this one; what the block sets itself stays."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MINE", "before")
    before = dict(os.environ)
    with face.cluster("local:1"):
        assert os.environ["OMP_NUM_THREADS"] == "1"
        os.environ["MINE"] = "after"
    assert dict(os.environ) == {**before, "MINE": "after"}


NO_ADDRESS = """
local local: local:0 local:two local:-1 local:99999 8786 host:1 tcp://host tcp://host:0 tcp://host:65536
tcp://host:8786/x http://host:8786
"""


@pytest.mark.parametrize("text", ["", "tcp:// host:1", *NO_ADDRESS.split()])
def test_an_address_that_is_none_has_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^cluster: .*expected local:"):
        address_of(text)


def test_without_dask_there_is_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = lstmstrat("run", written(tmp_path, TINY), "--cluster", "local:2", "--quiet")
    assert (told.code, told.out) == (2, "")
    assert told.err == 'error: cluster: Dask is not installed; type: pip install "lstmstrat[cluster]"\n'


@pytest.mark.parametrize("command", ["run", "sweep", "compare"])
def test_threads_or_a_cluster(command: str) -> None:
    told = lstmstrat(command, "x.yaml", "--jobs", 2, "--cluster", "local:2")
    assert told.code == 2
    assert "not allowed with argument --jobs" in told.err


def test_a_training_set_and_a_model_travel_without_what_was_worked_out() -> None:
    rows = np.random.default_rng(0).normal(size=(1000, 10))
    training = TrainingSet(rows, rows[:, 0].copy(), 5, 2)
    bare = len(pickle.dumps(training))
    assert bare == pytest.approx(1000 * 11 * 8, rel=0.02)
    digest, scaled = training.digest, training.scaled("robust", 5.0)
    assert training.usable.any()
    assert training.range.shape == (2, 10)
    assert len(pickle.dumps(training)) == bare
    again = pickle.loads(pickle.dumps(training))
    assert again.digest == digest
    assert again.scaled("robust", 5.0).x.tobytes() == scaled.x.tobytes()
    model = model_of(small())
    assert model.identity
    assert vars(pickle.loads(pickle.dumps(model))).keys() == {field for field, _ in model._settings()}
    assert pickle.loads(pickle.dumps(model)) == model


def test_members_of_a_fold_share_what_is_sent() -> None:
    rows = np.zeros((20_000, 10))
    large, other = (TrainingSet(rows + k, rows[:, 0], 5, 2) for k in range(2))
    little = TrainingSet(rows[:50], rows[:50, 0], 5, 2)
    tasks = {"a": FitTask(large, 1), "b": FitTask(large, 2), "c": FitTask(other, 3), "d": FitTask(little, 4)}
    data, sets = parcel.packed(trainer._fit_portion, (model_of(small()), tasks, GivenUp()))
    assert sets == [large, other]
    assert len(data) < 10_000
    call = parcel.unpacked(data, [large, other], lambda: True)
    assert call.function is trainer._fit_portion
    model, whole, stop = call.arguments
    assert model == model_of(small())
    assert list(whole) == ["a", "b", "c", "d"]
    assert [task.seed for task in whole.values()] == [1, 2, 3, 4]
    assert whole["a"].training is whole["b"].training is large
    assert whole["d"].training.digest == little.digest
    assert not whole["d"].training.rows.flags.writeable
    assert stop()


def test_calls_that_travel_are_worth_half_a_second() -> None:
    """One member a fold: 40 sets of 64 rows take milliseconds, so only the share of each worker bounds a call.

    By hand, of 40 for 2 workers, half of a share each: 10, ceil(30 / 4) = 8, 6, 4, 3, 3, 2, 1, 1, 1, 1.
    """
    model, rows = model_of(small()), np.zeros((64, 2))
    tasks = {str(k): FitTask(TrainingSet(rows, rows[:, 0], 5, 2), k) for k in range(40)}
    calls = [len(keys) for keys in trainer._portions(model, tasks, 2, trainer.ELSEWHERE)]
    assert calls == [10, 8, 6, 4, 3, 3, 2, 1, 1, 1, 1]
    long = model_of(small(epochs=100_000))  # about 40 s by `cost`
    assert {len(keys) for keys in trainer._portions(long, tasks, 2, trainer.ELSEWHERE)} == {1}


def test_what_differs_is_named() -> None:
    here = machine.versions()
    assert {"lstmstrat", "python", "numba", "llvmlite", "numpy", "torch"} <= here.keys()
    assert machine.difference(here, dict(here)) == ""
    assert machine.difference(here, {**here, "numpy": "1.0"}) == f"numpy 1.0, here {here['numpy']}"
    assert machine.difference({"numpy": "2"}, {}) == "numpy none, here 2"


def test_a_file_that_was_changed_since_its_import_is_no_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine_of_cluster.py"
    path.write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    (first,) = machine.file_hashes(["mine_of_cluster"]).values()
    path.write_text("x = 12345\n")
    with pytest.raises(ConfigError, match="was changed after it was imported"):
        machine.file_hashes(["mine_of_cluster"])
    path.write_text("x = 1  # said\n")
    assert machine.file_hashes(["mine_of_cluster"])["mine_of_cluster"] != first


def test_several_threads_in_a_worker_are_refused() -> None:
    work.check_threads("worker tcp://10.0.0.5:1", 1)
    with pytest.raises(ConfigError, match=r"worker tcp://10\.0\.0\.5:1 has 8 threads.*--nworkers 8 --nthreads 1"):
        work.check_threads("worker tcp://10.0.0.5:1", 8)


def test_a_worker_without_the_package_is_refused() -> None:
    said, here = ModuleNotFoundError("No module named 'lstmstrat'"), machine.versions()
    with pytest.raises(ConfigError, match=r"^worker tcp://10\.0\.0\.5:1 cannot load lstmstrat .*No module named"):
        connect._check("worker tcp://10.0.0.5:1", said, here)
    connect._check("worker tcp://10.0.0.5:1", here, here)


# ---- two processes ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterExecutor]:
    """Two processes; afterwards loggers and temporary files are as they were, and nobody listened elsewhere."""
    levels, folder = _levels(), tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        with face.cluster("local:2") as executor:
            assert list(folder.iterdir())
            patch.undo()
            yield executor
            assert _listening() == {"127.0.0.1"}
    assert _levels().items() >= levels.items()
    assert not list(folder.iterdir())


def _levels() -> dict[str, int]:
    names = [name for name in logging.root.manager.loggerDict if name.startswith(("distributed", "tornado"))]
    return {name: logging.getLogger(name).level for name in names}


def _listening() -> set[str]:
    me = psutil.Process()
    open_ports = [c for p in (me, *me.children(recursive=True)) for c in p.net_connections()]
    return {c.laddr.ip for c in open_ports if c.status == "LISTEN"}


def address(executor: ClusterExecutor) -> str:
    return str(executor.client.scheduler.address)


def pids(executor: ClusterExecutor) -> list[int]:
    return list(executor.client.run(os.getpid).values())


def idle(executor: ClusterExecutor) -> bool:
    """Whether every worker is free soon; a kernel that it compiles at that moment, nobody can stop."""
    end = time.monotonic() + 20.0
    while time.monotonic() < end:
        if not any(executor.client.run(_executing).values()):
            return True
    return False


def _executing(dask_worker: Any) -> int:
    return len(dask_worker.state.executing)


@pytest.mark.parametrize("forecast", [{"members": 3}, {"model": "ridge"}, {"members": 2, "warm_start": True}])
def test_one_asset_has_the_bits_of_threads(two: ClusterExecutor, forecast: dict[str, Any]) -> None:
    config = small(**forecast)
    with Session(Store(None), executor=two) as session:
        assert session.jobs == 2
        walk = advanced(config, PRICES.times, PRICES.bars, session=session)
    assert session.fitted == config.members * len(walk.folds)
    assert np.array_equal(bits(walk), bits(advanced(config, PRICES.times, PRICES.bars)))
    assert session.processors == (processor(),)


def pooled(config: ForecastConfig, session: Session) -> np.ndarray:
    rng = np.random.default_rng(config.members)  # other prices for each model: what is known is not sent again
    close = np.exp(np.cumsum(rng.normal(0.0, 0.02, (300, 60)), axis=0))
    bars = np.stack([close, 1.01 * close, 0.99 * close, close, np.full_like(close, 1e6)], axis=2)
    walk = PanelForward(config, [f"A{k:02d}" for k in range(60)], session=session)
    return walk.advance(np.datetime64("2020-01-01") + np.arange(300), bars, np.ones((300, 60), bool))


@pytest.mark.parametrize("model", ["ridge", "lstm"])
def test_a_universe_has_the_bits_of_threads_and_sends_a_fold_once(two: ClusterExecutor, model: str) -> None:
    """A fold has 60 assets of 200 sessions with 7 inputs and a label in float64: about 0.8 MB, for 4 members."""
    config = small(model=model, pool="all", relation="rank", least_assets=30, train_size=200, refit_every=40)
    features = ("return_1", *(f"return_{k}" for k in (2, 3, 5, 10, 20, 21)))
    config = config.model_copy(update={"members": 4 if model == "lstm" else 1, "features": features})
    before = two.sent
    with Session(Store(None), executor=two) as session:
        found = pooled(config, session)
    with Session(Store(None)) as threads:
        assert found.tobytes() == pooled(config, threads).tobytes()
    assert np.isfinite(found).any()
    folds = threads.fitted // config.members
    sent = (two.sent - before) / folds
    assert 0.6e6 < sent < 1.1e6


def test_only_this_process_opens_the_store_and_the_ledger(two: ClusterExecutor, tmp_path: Path) -> None:
    with Session(Store(tmp_path / "store"), executor=two) as session:
        advanced(small(members=2), PRICES.times, PRICES.bars, session=session)
    opened = {Path(f.path).name for pid in pids(two) for f in psutil.Process(pid).open_files()}
    assert not {name for name in opened if "store" in name or "sqlite" in name}
    with Session(Store(tmp_path / "store")) as again:
        advanced(small(members=2), PRICES.times, PRICES.bars, session=again)
    assert (again.fitted, again.cached) == (0, session.fitted)


def test_the_commands_find_the_same_on_a_cluster(two: ClusterExecutor, tmp_path: Path) -> None:
    """Seeds too; the strategy and the model stand beside the config, elsewhere. Both say on which processor."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "own_rules.py").write_text(Path("strategies/long_flat.py").read_text())
    (folder / "own_drawn.py").write_text(Path("tests/helpers/own_model.py").read_text())
    values = tiny(forecast={"model": "own_drawn:Drawn"}, report={"seeds": 3})
    path = written(folder, {**values, "strategies": [{"class": "own_rules:LongFlat"}]})
    for where, option in (("threads", ()), ("cluster", ("--cluster", address(two)))):
        told = lstmstrat("run", path, "--no-cache", "--out", tmp_path / where, "--quiet", *option)
        assert told.code == 0, told.err
    here, there = (summary(tmp_path / where) for where in ("threads", "cluster"))
    assert what_it_found(there) == what_it_found(here)
    assert here["strategies"][0]["luck"]["seeds"]["failed"] == 0
    assert here["made"]["processors"] == there["made"]["processors"] == [processor()]
    assert face.load_run(tmp_path / "cluster").assessment.made.processors == (processor(),)
    assert processor() in (tmp_path / "cluster" / "report.html").read_text()
    told = lstmstrat(
        "sweep",
        path,
        "--over",
        "forecast.seed=0,1",
        "--set",
        "report.seeds=1",
        "--set",
        "report.worlds=0",
        "--cluster",
        address(two),
        "--out",
        tmp_path / "sweep",
        "--quiet",
    )
    assert told.code == 0, told.err


def test_another_file_of_the_same_name_is_refused(two: ClusterExecutor) -> None:
    head = work.Head(machine.versions(), (), {"helpers.own_model": "another"}, ())
    answer = parcel.from_bytes(two.client.submit(work.work, head, b"", pure=False).result())
    assert str(answer.error).startswith("worker tcp://127.0.0.1:")
    assert "has another file of helpers.own_model" in str(answer.error)


def test_other_code_of_a_model_is_refused(two: ClusterExecutor) -> None:
    data, _ = parcel.packed(print, (model_of(SLOW),))
    head = work.Head(machine.versions(), machine.own_folders(), {}, ("another",))
    answer = parcel.from_bytes(two.client.submit(work.work, head, data, pure=False).result())
    assert "has other code of the model" in str(answer.error)


def test_a_worker_of_another_version_is_refused_before_any_work(
    two: ClusterExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = machine.versions()
    monkeypatch.setattr(machine, "versions", lambda: {**here, "numba": "9.9"})
    told = lstmstrat("run", written(tmp_path, TINY), "--cluster", address(two), "--quiet")
    assert told.code == 2
    assert f"numba {here['numba']}, here 9.9, and would come to other numbers" in told.err


def test_a_worker_of_another_version_that_joins_later_does_no_work(two: ClusterExecutor) -> None:
    later = ClusterExecutor(two.client, "tcp://later:1", {**machine.versions(), "numpy": "9.9"})
    with Session(Store(None), executor=later) as session, pytest.raises(ConfigError) as error:
        advanced(small(), PRICES.times, PRICES.bars, session=session)
    assert str(error.value).startswith("worker tcp://127.0.0.1:")
    assert "here 9.9" in str(error.value)
    assert session.fitted == 0


def test_a_worker_that_is_killed_loses_nothing(two: ClusterExecutor) -> None:
    before, killed = set(pids(two)), list[int]()

    def kill(done: int, total: int) -> None:
        if done >= 10 and not killed:
            killed.append(pids(two)[0])
            os.kill(killed[0], signal.SIGKILL)

    with Session(Store(None), executor=two, progress=kill) as session:
        walk = advanced(SLOW, PRICES.times, PRICES.bars, session=session)
    assert killed
    assert session.fitted == len(walk.folds) == 62
    assert np.array_equal(bits(walk), bits(advanced(SLOW, PRICES.times, PRICES.bars)))
    assert len(set(pids(two)) & before) == 1  # another process takes its place, now or in a moment


def test_ctrl_c_keeps_what_came_in_and_leaves_the_workers_free(two: ClusterExecutor, tmp_path: Path) -> None:
    config = small(members=3, refit_every=1)  # 558 networks

    def stop(done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with Session(Store(tmp_path / "s"), executor=two, progress=stop) as session, pytest.raises(KeyboardInterrupt):
        advanced(config, PRICES.times, PRICES.bars, session=session)
    assert 20 <= session.fitted < 558
    assert idle(two)
    with Session(Store(tmp_path / "s"), executor=two) as again:
        walk = advanced(config, PRICES.times, PRICES.bars, session=again)
    assert (again.cached, again.fitted) == (session.fitted, 558 - session.fitted)
    assert np.array_equal(bits(walk), bits(advanced(config, PRICES.times, PRICES.bars)))


def test_a_call_that_nobody_waits_for_ends(two: ClusterExecutor) -> None:
    """A fit that would take an hour asks now and then."""
    model = replace(model_of(SLOW), seconds=3600.0)
    rows = np.zeros((64, 2))
    future = two.submit(
        trainer._fit_portion, model, {"a": FitTask(TrainingSet(rows, rows[:, 0], 5, 2), 1)}, GivenUp()
    )
    while not any(two.client.run(_executing).values()):
        time.sleep(0.02)
    assert future.cancel()
    assert idle(two)


def test_an_error_on_a_worker_is_raised_here(two: ClusterExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        two.submit(divmod, 1, 0).result()
    with pytest.raises(ConfigError, match="cannot be sent to another process"):
        two.submit(print, (number for number in range(3)))


def test_what_a_gpu_fits_stays_in_this_process(two: ClusterExecutor) -> None:
    config = SLOW.model_copy(update={"model_params": {"seconds": 0.0, "together": 50}})
    before = two.sent
    with Session(Store(None), executor=two) as session:
        walk = advanced(config, PRICES.times, PRICES.bars, session=session)
    assert {fold.members[0].process for fold in walk.folds} == {os.getpid()}
    assert two.sent == before
    with Session(Store(None), executor=two) as session:
        walk = advanced(SLOW, PRICES.times, PRICES.bars, session=session)
    assert {fold.members[0].process for fold in walk.folds} <= set(pids(two))


# ---- a scheduler of somebody else ------------------------------------------------------------------------------


def test_where_nobody_answers_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connect, "PATIENCE", 0.5)
    told = lstmstrat("run", written(tmp_path, TINY), "--cluster", "tcp://127.0.0.1:1", "--quiet")
    assert told.code == 2
    assert told.err.startswith(
        "error: cluster: no Dask scheduler answers at tcp://127.0.0.1:1 within 0 s; start one"
    )


@contextmanager
def process(kind: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *map(str, arguments), "--no-dashboard"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=tempfile.gettempdir()) as started:
        try:
            yield started
        finally:
            started.kill()


def test_workers_that_go_and_a_scheduler_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without workers it waits, and says so; what came in before the end is in the store for the next run."""

    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == watch.__name__]

    note = tmp_path / "scheduler.json"
    with process("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", note) as scheduler:
        place = _address(note)
        monkeypatch.setattr(connect, "PATIENCE", 0.5)
        none = f"{place} has no workers; start some: dask worker {place}"
        with pytest.raises(ConfigError, match=none), face.cluster(place):
            pass
        monkeypatch.undo()
        monkeypatch.setattr(watch, "GONE", 0.1)
        monkeypatch.setattr(watch, "LOOKS", 0.05)
        with ExitStack() as workers:
            session = _lost(place, scheduler, workers, tmp_path, said)
    assert said() == [
        f"{place} has no workers any more; the work waits until one joins, and Ctrl-C ends it",
        f"{place} has a worker again; the work goes on",
    ]
    with Session(Store(tmp_path / "store")) as again:
        walk = advanced(_STORED, PRICES.times, PRICES.bars, session=again)
    assert (again.cached, again.fitted) == (session.fitted, 2 * 186 - session.fitted)
    assert np.array_equal(bits(walk), bits(advanced(_STORED, PRICES.times, PRICES.bars)))


_STORED = small(members=2, refit_every=1)


def _address(note: Path) -> str:
    _wait_for(lambda: note.exists() and bool(note.read_text()))
    return str(json.loads(note.read_text())["address"])


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _lost(
    place: str,
    scheduler: subprocess.Popen[bytes],
    workers: ExitStack,
    tmp_path: Path,
    said: Callable[[], list[str]],
) -> Session:
    """The only worker is killed, another one takes its place, and then the scheduler is killed."""
    options = ("--nthreads", 1, "--no-nanny", "--local-directory", tmp_path)
    only = workers.enter_context(process("worker", place, *options))

    def kill(done: int, total: int) -> None:
        if only.poll() is not None:
            scheduler.kill()
        elif done > 0:
            only.kill()
            _wait_for(lambda: len(said()) == 1)
            workers.enter_context(process("worker", place, *options))
            _wait_for(lambda: len(said()) == 2)

    lost = f"the cluster {place} is lost: .* goes on from there"
    with (
        face.cluster(place) as executor,
        Session(Store(tmp_path / "store"), executor=executor, progress=kill) as session,
    ):
        with pytest.raises(LSTMStratError, match=lost):
            advanced(_STORED, PRICES.times, PRICES.bars, session=session)
        with pytest.raises(LSTMStratError, match="is lost"):
            executor.submit(abs, 1)
    assert 0 < session.fitted < 2 * 186
    return session
