"""The training of a universe on threads and on processes, one and two of each, in turn, with an empty cache.

    python benchmarks/cluster.py                            # configs/us_stocks.yaml: three rounds, some minutes
    python benchmarks/cluster.py --set data.end=2012-12-31  # fewer folds
    python benchmarks/cluster.py --cluster tcp://host:port  # a cluster that runs, beside them

Measured is the training as the report counts it: the fits of all folds, with what is sent, what comes back and
what is written into the cache. Processes are started anew each time and load the compiled kernels, which is not
counted: a run lets them do so while it reads its prices. The results are medians over the rounds; the load is that
of the machine in the minute before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import lstmstrat
from lstmstrat.forecasting import fitting, trainer
from lstmstrat.forecasting.models.base import FitTask, Model
from lstmstrat.study.panel.run import prepare_panel
from lstmstrat.study.panel.simulate import forecast

ROOT = Path(__file__).parent.parent
KINDS = ("1 thread", "2 threads", "local:1", "local:2")
Job = tuple[Model, list[FitTask]]


def job(settings: Sequence[str]) -> Job:
    """The fits of all folds of configs/us_stocks.yaml; nothing is fitted."""
    config, panel = prepare_panel(lstmstrat.load_config(ROOT / "configs" / "us_stocks.yaml", settings))
    found: list[Job] = []

    def recorded(_: Any, model: Model, tasks: list[FitTask], *__: int) -> list[None]:
        found.append((model, tasks))
        return [None] * len(tasks)

    fitting.trainer.fit, kept = recorded, trainer.fit
    try:
        forecast(config, panel, lstmstrat.Session(lstmstrat.Store(None)))
    finally:
        fitting.trainer.fit = kept
    ((model, tasks),) = found
    return model, tasks


def fresh(tasks: Sequence[FitTask]) -> list[FitTask]:
    """The same fits, of training sets from which nothing was worked out yet."""
    sets = {id(task.training): replace(task.training) for task in tasks}
    return [FitTask(sets[id(task.training)], task.seed) for task in tasks]


def measured(kind: str, model: Model, tasks: list[FitTask]) -> tuple[float, float]:
    """Seconds of the training, and megabytes that were sent for it."""
    threads = int(kind.split()[0]) if "thread" in kind else None
    where = nullcontext() if threads else lstmstrat.cluster(kind)
    with tempfile.TemporaryDirectory() as folder, where as executor:
        for loaded in executor._warm if executor else ():
            loaded.result()
        store = lstmstrat.Store(Path(folder) / "cache.sqlite")
        with lstmstrat.Session(store, threads, executor=executor, ledger=lstmstrat.Ledger(None)) as session:
            trainer.fit(session, model, fresh(tasks))
            return session.seconds, (executor.sent if executor else 0) / 1e6


def table(settings: Sequence[str], kinds: Sequence[str], rounds: int) -> str:
    """The medians in Markdown."""
    model, tasks = job(settings)
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    loads, sent = list[float](), dict[str, float]()
    measured(kinds[0], model, tasks[:1])  # compiles
    for _ in range(rounds):
        for kind in kinds:
            seconds, sent[kind] = measured(kind, model, tasks)
            taken[kind].append(seconds)
            loads.append(os.getloadavg()[0])
            sys.stderr.write(f"{kind}: {seconds:.1f} s, load {loads[-1]:.1f}\n")
    medians = {kind: statistics.median(seconds) for kind, seconds in taken.items()}
    folds = len({id(task.training) for task in tasks})
    lines = [
        f"{folds} folds, {len(tasks)} networks; load {min(loads):.1f} to {max(loads):.1f}.",
        "",
        "| workers | s | of rounds | times `1 thread` | MB sent |",
        "|---|---|---|---|---|",
    ]
    for kind, seconds in medians.items():
        each = ", ".join(f"{one:.1f}" for one in taken[kind])
        lines.append(f"| {kind} | {seconds:.1f} | {each} | {medians[kinds[0]] / seconds:.2f} | {sent[kind]:.0f} |")
    return "\n".join(lines)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of each kind (3)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the config")
    parser.add_argument("--cluster", action="append", default=[], metavar="ADDRESS", help="one more kind")
    options = parser.parse_args()
    sys.stdout.write(table(options.set, [*KINDS, *options.cluster], options.rounds) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
