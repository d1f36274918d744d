"""The speed of walk-forward training and the quality of its forecasts, compared with other libraries.

    python benchmarks/walk_forward.py                   # everything that is installed
    python benchmarks/walk_forward.py --only pytorch_loop --rounds 1
    python benchmarks/walk_forward.py --widths          # 8 to 64 units, and how far that is from the limit

Each contender runs in a process of its own, alternating with lstmstrat (A B A B ...), on as many folds as it can
do in about a minute; imports are not counted. The quality is the correlation of the forecast and the true
conditional mean on planted signals.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

FOLDS = {
    "lstmstrat": 119,
    "lstmstrat_default_epochs": 119,
    "lstmstrat_cut": 119,
    "lstmstrat_classical": 64,
    "lstmstrat_classical_cut": 64,
    "pytorch_loop": 24,
    "pytorch_processes": 24,
    "jax_vmap": 24,
    "darts": 24,
    "neuralforecast": 24,
    "keras": 12,
    "keras_one_model": 24,
}
NEEDS = {  # what must be installed beside lstmstrat
    "jax_vmap": ("jax",),
    "darts": ("darts", "pytorch_lightning"),
    "neuralforecast": ("neuralforecast",),
    "keras": ("keras", "jax"),
    "keras_one_model": ("keras", "jax"),
}
SEEDS = 6
WIDTHS = (8, 16, 32, 64)  # units
PAIRS = 7  # runs on one core and on all, in turn


def speed(name: str) -> dict[str, float]:
    """Seconds per fold on AAPL and peak memory in MB, measured in this process."""
    from contenders import CONTENDERS
    from jobs import aapl, planted

    run = CONTENDERS[name]
    run(planted(0, folds=2))  # imports and first calls
    jobs = aapl()[-FOLDS[name] :]
    begin = time.perf_counter()
    run(jobs)
    seconds = time.perf_counter() - begin
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"folds": len(jobs), "seconds": seconds / len(jobs), "megabytes": max(usage) / 1024}


def quality(name: str) -> dict[str, float]:
    """Correlation with the true conditional mean of planted signals, with standard error; in this process."""
    import numpy as np
    from contenders import CONTENDERS
    from jobs import planted

    found = []
    for seed in range(SEEDS):
        signal = planted(seed)
        made, truth = np.concatenate(CONTENDERS[name](signal)), np.concatenate([job.truth for job in signal])
        found.append(float(np.corrcoef(made, truth)[0, 1]))
    return {"correlation": statistics.mean(found), "error": statistics.stdev(found) / SEEDS**0.5}


def product_rate(_: str) -> dict[str, float]:
    """GFlop/s of large float32 matrix products on all cores, the best of 30 runs in this process."""
    import torch
    from contenders import CORES

    torch.set_num_threads(CORES)
    a, b = torch.ones(2, 1024, 1024)
    taken = []
    for _round in range(30):
        begin = time.perf_counter()
        torch.mm(a, b)
        taken.append(time.perf_counter() - begin)
    return {"rate": 2 * 1024**3 / min(taken) / 1e9}


def in_its_own_process(what: str, name: str) -> dict[str, float]:
    """The result of one of MEASURES in a fresh interpreter."""
    command = [sys.executable, __file__, "--measure", what, name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(names: list[str], rounds: int) -> str:
    """A Markdown table: each contender alternates with lstmstrat; medians of the rounds, ratios of the pairs."""
    lines = ["| contender | folds | s a fold | times ours | MB (largest process) | planted correlation |"]
    lines.append("|---|---|---|---|---|---|")
    for name in names:
        pairs = [[in_its_own_process("speed", one) for one in (name, "lstmstrat")] for _ in range(rounds)]
        own = [pair[0] for pair in pairs]
        ratio = statistics.median(a["seconds"] / b["seconds"] for a, b in pairs)
        seconds, memory = (statistics.median(x[key] for x in own) for key in ("seconds", "megabytes"))
        made = in_its_own_process("quality", name)
        quality_cell = f"{made['correlation']:.3f} ± {made['error']:.3f}"
        cells = (name, own[0]["folds"], f"{seconds:.4f}", f"{ratio:.1f}", f"{memory:.0f}", quality_cell)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
        sys.stderr.write(lines[-1] + "\n")
    return "\n".join(lines)


def width(units: str) -> dict[str, float]:
    """Seconds a fold of the common job with that many units, on one core and on all, and their ratio.

    Medians of pairs in this process, so that what is made once (threads, connections) counts for neither.
    """
    from contenders import CORES, ours
    from jobs import CONFIG, aapl, planted

    config, jobs = CONFIG.model_copy(update={"hidden_size": int(units)}), aapl()
    ours(planted(0, folds=2), config, CORES)  # imports and first calls

    def taken(threads: int) -> float:
        begin = time.perf_counter()
        ours(jobs, config, threads)
        return (time.perf_counter() - begin) / len(jobs)

    pairs = [(taken(1), taken(CORES)) for _ in range(PAIRS)]
    one, every = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {"one": one, "all": every, "times": statistics.median(a / b for a, b in pairs)}


MEASURES = {"speed": speed, "quality": quality, "rate": product_rate, "width": width}


def widths() -> str:
    """A Markdown table: networks of 8 to 64 units beside the rate of large products, on one core and on all."""
    from contenders import CORES
    from jobs import arithmetic

    heads = (
        "units",
        "GFlop a fold",
        "s a fold, 1 thread",
        f"{CORES} threads",
        "times",
        "GFlop/s",
        "share of the rate",
    )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    rate = in_its_own_process("rate", "all")["rate"]
    for units in WIDTHS:
        made = in_its_own_process("width", str(units))
        one, every = made["one"], made["all"]
        work = arithmetic(units)
        cells = (units, f"{work:.2f}", f"{one:.4f}", f"{every:.4f}", f"{made['times']:.2f}", f"{work / every:.0f}")
        lines.append("| " + " | ".join(map(str, cells)) + f" | {work / every / rate:.0%} |")
        sys.stderr.write(lines[-1] + "\n")
    limit = arithmetic(32) / rate
    lines += [
        "",
        f"Large float32 products reach {rate:.0f} GFlop/s on {CORES} cores: the products of a fold of the",
    ]
    return "\n".join(lines) + f" common job take {limit:.4f} s at that rate."


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=FOLDS, help="this contender (may be given again)")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs for each contender (3)")
    parser.add_argument(
        "--widths", action="store_true", help="only networks of 8 to 64 units, on one core and all"
    )
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, name = options.measure
        sys.stdout.write(json.dumps(MEASURES[what](name)) + "\n")
        return
    there = [name for name in FOLDS if all(map(importlib.util.find_spec, NEEDS.get(name, ())))]
    if not options.widths:
        sys.stdout.write(table(options.only or there, options.rounds) + "\n\n")
    if not options.only:
        sys.stdout.write(widths() + "\n")


if __name__ == "__main__":
    main()
