"""Training on a GPU beside the cores of the same machine: the same networks, and how many a second.

    python benchmarks/gpu.py                    # a machine with a GPU and a build of torch for it: a few minutes
    python benchmarks/gpu.py --sizes 512 4096   # other numbers of networks in a batch
    python benchmarks/gpu.py --host             # what the processor does for a network; needs no GPU

The job is that of walk_forward.py: 32 units, 20 epochs, training sets of 750 rows with 9 features.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from jobs import CONFIG, planted

from lstmstrat import Session, Store, TrainingSet
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.lstm.batch import prepare
from lstmstrat.forecasting.models.lstm.gpu import TorchBatch
from lstmstrat.forecasting.models.lstm.model import GPU_BATCH, LSTM, FittedLSTM
from lstmstrat.forecasting.training_set import windows
from lstmstrat.store import Kind

MEMBERS = 5  # networks of one training set, as in a config with its defaults
SIZES = (1, 64, 512, 1024, 4096)  # networks
CORES = len(os.sched_getaffinity(0))


def say(text: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fits(count: int) -> list[FitTask]:
    """Tasks of `count` networks, MEMBERS of each training set."""
    jobs = planted(0, folds=-(-count // MEMBERS))
    sets = [TrainingSet(job.rows, job.targets, CONFIG.lookback, CONFIG.purge) for job in jobs]
    return [FitTask(sets[i // MEMBERS], seed=i) for i in range(count)]


def model(device: str) -> LSTM:
    """The network of the job on a device."""
    return LSTM.of(CONFIG.model_copy(update={"device": device}))


def trained(device: str, tasks: Sequence[FitTask]) -> tuple[list[np.ndarray], float]:
    """Weights (P,) of the networks, and the seconds of their training; on a CPU every core works."""
    with Session(Store(None), jobs=CORES) as session:
        begin = time.perf_counter()
        networks = trainer.fit(session, model(device), tasks)
        seconds = time.perf_counter() - begin
    return [network.weights for network in networks], seconds


def same_bits(tasks: Sequence[FitTask]) -> list[tuple[int, bool, float]]:
    """Size of a batch; whether the network has the same weights in it as alone; the largest difference."""
    alone = trained("cuda", tasks[:1])[0][0]
    found = []
    for size in (5, 17, 64, GPU_BATCH):
        beside = trained("cuda", [*tasks[1:size], tasks[0]])[0][-1]
        found.append((size, bool(np.array_equal(alone, beside)), float(np.abs(alone - beside).max())))
    return found


def agreement(tasks: Sequence[FitTask]) -> float:
    """The smallest correlation of the forecasts of the same network from a GPU and from a CPU."""
    correlations = []
    with Session(Store(None), jobs=CORES) as session:
        pair = [trainer.fit(session, model(device), tasks) for device in ("cuda", "cpu")]
    for task, ours, theirs in zip(tasks, *pair, strict=True):
        inputs = windows(task.training.rows[-200:], CONFIG.lookback)
        correlations.append(np.corrcoef(ours.predict(inputs), theirs.predict(inputs))[0, 1])
    return float(min(correlations))


def host(count: int = GPU_BATCH) -> dict[str, float]:
    """Milliseconds of the processor for a network of a batch, by what it does there."""
    tasks, settings = fits(count), model("cpu")
    epochs = range(settings.epochs)
    spent = dict[str, float]()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begin = time.process_time()
        found = work()
        spent[name] = 1e3 * (time.process_time() - begin) / count
        return found

    prepared = lru_cache(count)(lambda training: prepare(training, settings))
    batch = timed("preparation and first weights", lambda: TorchBatch(tasks, settings, prepared, "cpu"))
    blocks = [one.training for one in batch.prepared]
    drawn = timed(
        "draws", lambda: [b.epochs(o, settings.epochs) for b, o in zip(blocks, batch.orders, strict=True)]
    )
    whole = [np.split(own, settings.epochs) for own in drawn]
    timed("places of the minibatches", lambda: [batch._align([own[e] for own in whole]) for e in epochs])
    keys = timed("keys", lambda: [task.key(settings) for task in tasks])
    networks = [
        FittedLSTM(own.inputs, np.zeros(settings.epochs), np.zeros(0), settings, weights, own.output)
        for own, weights in zip(batch.prepared, batch.weights(), strict=True)
    ]
    stored = timed("bytes", lambda: [network.to_bytes() for network in networks])
    with TemporaryDirectory() as folder, Session(Store(Path(folder) / "store")) as session:
        timed("store", lambda: session.store.put(dict(zip(keys, stored, strict=True)), Kind.MODEL))
    inputs = windows(tasks[0].training.rows[-(CONFIG.lookback + 20) :], CONFIG.lookback)  # 21 bars
    sets = [networks[k : k + MEMBERS] for k in range(0, count, MEMBERS)]
    list(FittedLSTM.predict_all(sets[0], inputs))  # compiles
    timed("forecasts of 21 bars", lambda: [list(FittedLSTM.predict_all(own, inputs)) for own in sets])
    return spent


def main() -> None:
    """Prints every number as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="networks in a batch")
    parser.add_argument("--host", action="store_true", help="what the processor does for a network")
    options = parser.parse_args()
    if options.host:
        spent = host()
        for name, milliseconds in [*spent.items(), ("in all", sum(spent.values()))]:
            say(f"{name}: {milliseconds:.3f} ms a network")
        return
    sizes = options.sizes
    say(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {CORES} cores")
    trained("cpu", fits(CORES))  # compiles
    trained("cuda", fits(1))
    say(f"smallest correlation of forecasts, GPU and CPU: {agreement(fits(8))}")
    for size, same, difference in same_bits(fits(GPU_BATCH)):
        say(f"alone and beside {size - 1} others: {'same bits' if same else f'differs by {difference:.1e}'}")
    for size in sizes:
        seconds = [trained("cuda", fits(size))[1] for _ in range(2)]
        say(f"GPU {size:5} networks: {min(seconds):7.3f} s, {size / min(seconds):7.1f} a second")
    many = fits(512)
    seconds = min(trained("cpu", many)[1] for _ in range(2))
    say(f"CPU {len(many):5} networks: {seconds:7.3f} s, {len(many) / seconds:7.1f} a second")


if __name__ == "__main__":
    main()
