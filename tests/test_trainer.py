"""The trainer: every network is trained once, whoever asks, and its processes come and go cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from walks import advanced, alone, bits, market, small

from lstmstrat import trainer as trainers
from lstmstrat.errors import LSTMStratError
from lstmstrat.store import Store
from lstmstrat.trainer import Trainer

PRICES = market()
posix = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_alive(process: int) -> bool:
    """A zombie, killed but not yet waited for, is not alive."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_what_is_fitted_cached_and_failed_is_counted(tmp_path: Path) -> None:
    config = small(members=3)
    with Trainer(Store(tmp_path / "store")).active() as first:
        walk = advanced(config, PRICES.times, PRICES.bars, trainer=first)
        assert (first.fitted, first.cached, first.failed) == (3 * len(walk.folds), 0, 0)
        assert first.seconds > 0.0
        advanced(config, PRICES.times, PRICES.bars, trainer=first)  # a second strategy of the same run
        assert (first.fitted, first.cached, first.failed) == (3 * len(walk.folds), 0, 0)
    with Trainer(Store(tmp_path / "store")).active() as second:
        for _ in range(2):
            advanced(config, PRICES.times, PRICES.bars, trainer=second)
        assert (second.fitted, second.cached, second.failed) == (0, 3 * len(walk.folds), 0)
        assert second.seconds == 0.0


def test_what_failed_is_not_trained_again_in_the_same_run() -> None:
    trainer, calls = alone(), []
    trainer.progress = lambda done, total: calls.append((done, total))
    config = small(epochs=2).model_copy(update={"learning_rate": 1e37})
    walk = advanced(config, PRICES.times, PRICES.bars, trainer=trainer)
    assert (trainer.fitted, trainer.failed) == (0, len(walk.folds))
    told = len(calls)
    advanced(config, PRICES.times, PRICES.bars, trainer=trainer)
    assert (trainer.fitted, trainer.failed) == (0, len(walk.folds))
    assert len(calls) == told


def test_progress_only_rises_and_ends_at_the_total() -> None:
    """15 folds of 3 members are 45 networks, trained 32 at a time."""
    trainer, calls = alone(), []
    trainer.progress = lambda done, total: calls.append((done, total))
    advanced(small(members=3), PRICES.times, PRICES.bars, trainer=trainer)
    assert calls == [(0, 45), (32, 45), (45, 45)]


def test_active_gives_back_what_was_active_before() -> None:
    outer, inner = alone(), alone()
    default = trainers.current()
    with outer.active():
        assert trainers.current() is outer
        with inner.active():
            assert trainers.current() is inner
        assert trainers.current() is outer
    assert trainers.current() is default


@posix
def test_a_killed_training_process_is_an_error_that_keeps_what_was_trained(tmp_path: Path) -> None:
    config = small(members=3, epochs=2)
    store = Store(tmp_path / "store")
    trainer = Trainer(store, jobs=2)

    def kill_after_the_first_batch(done: int, total: int) -> None:
        if done:
            assert trainer._pool is not None
            for process in list(trainer._pool._processes):
                os.kill(process, signal.SIGKILL)

    trainer.progress = kill_after_the_first_batch
    times, bars = PRICES.times, PRICES.bars
    often = config.model_copy(update={"refit_every": 1})  # 558 networks in 18 batches
    with trainer.active(), pytest.raises(LSTMStratError, match=r"was killed.*is kept.*--jobs 1"):
        advanced(often, times, bars, trainer=trainer)
    kept = trainer.fitted
    assert 0 < kept < 558
    with Trainer(Store(tmp_path / "store")).active() as again:
        walk = advanced(often, times, bars, trainer=again)
    assert (again.cached, again.fitted) == (kept, 558 - kept)
    assert np.array_equal(bits(walk), bits(advanced(often, times, bars)))


PARENT = """
import sys, time
from lstmstrat.store import Store
from lstmstrat.trainer import Trainer
if __name__ == "__main__":
    trainer = Trainer(Store(None), jobs=2)
    trainer.warm_up()
    print(*trainer._pool._processes, flush=True)
    time.sleep(600)
"""


@posix
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_training_processes_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        guard = threading.Timer(60, parent.kill)
        guard.start()
        workers = [int(word) for word in parent.stdout.readline().split()]
        guard.cancel()
        assert len(workers) == 2
        assert all(is_alive(worker) for worker in workers)
        parent.kill()
    until(lambda: not any(is_alive(worker) for worker in workers))


def test_active_within_itself_ends_with_the_outer_block() -> None:
    trainer = Trainer(Store(None))
    with trainer.active():
        trainer.store.put({"key": b"kept"})
        with trainer.active():
            pass
        assert trainer.store.get(["key"]) == {"key": b"kept"}  # a memory store forgets when it is closed
        assert trainers.current() is trainer
