"""Training on a GPU beside the cores of the same machine: the same networks, and how many a second.

    python benchmarks/gpu.py                    # a machine with a GPU and a build of torch for it: a few minutes
    python benchmarks/gpu.py --sizes 512 4096   # other numbers of networks in a batch

The job is that of walk_forward.py: 32 units, 20 epochs, training sets of 750 rows with 9 features.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
from jobs import CONFIG, planted

from lstmstrat import Session, Store, TrainingSet
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.lstm.model import GPU_BATCH, LSTM
from lstmstrat.forecasting.training_set import windows

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


def main() -> None:
    """Prints every number as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="networks in a batch")
    sizes = parser.parse_args().sizes
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
