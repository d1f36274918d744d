"""How long a walk-forward retraining takes and how well the result forecasts, beside what a user would pick.

    python benchmarks/walk_forward.py                   # everything that is installed
    python benchmarks/walk_forward.py --only pytorch_loop --rounds 1

Each contender runs in a process of its own, in turn with lstmstrat (A B A B ...), on as many folds as fit its
minute, imports counted apart. The quality is the correlation of forecast and true conditional mean on planted
signals.
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

FOLDS = {"lstmstrat": 119, "lstmstrat_classical": 64, "pytorch_loop": 24, "pytorch_processes": 24, "jax_vmap": 24}
NEEDS = {"jax_vmap": "jax"}
SEEDS = 6


def measure(name: str) -> dict[str, float]:
    """In this process: seconds a fold on AAPL, peak memory in MB, correlation on planted signals."""
    import numpy as np
    from contenders import CONTENDERS
    from jobs import aapl, planted

    run = CONTENDERS[name]
    run(planted(0, folds=2))  # imports, first calls, a process pool's start
    jobs = aapl()[-FOLDS[name] :]
    begin = time.perf_counter()
    run(jobs)
    seconds = time.perf_counter() - begin
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    correlations = []
    for seed in range(SEEDS):
        signal = planted(seed)
        made, truth = np.concatenate(run(signal)), np.concatenate([job.truth for job in signal])
        correlations.append(float(np.corrcoef(made, truth)[0, 1]))
    return {
        "folds": len(jobs),
        "seconds": seconds / len(jobs),
        "megabytes": max(usage) / 1024,
        "correlation": statistics.mean(correlations),
    }


def in_its_own_process(name: str) -> dict[str, float]:
    """`measure` in a fresh interpreter."""
    command = [sys.executable, __file__, "--measure", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(names: list[str], rounds: int) -> str:
    """Each contender in turn with lstmstrat; medians over the rounds, ratios pair by pair, in Markdown."""
    lines = ["| contender | folds | s a fold | times ours | MB (largest process) | planted correlation |"]
    lines.append("|---|---|---|---|---|---|")
    for name in names:
        pairs = [(in_its_own_process(name), in_its_own_process("lstmstrat")) for _ in range(rounds)]
        own = [pair[0] for pair in pairs]
        ratio = statistics.median(a["seconds"] / b["seconds"] for a, b in pairs)
        seconds, memory, quality = (
            statistics.median(x[key] for x in own) for key in ("seconds", "megabytes", "correlation")
        )
        lines.append(
            f"| {name} | {own[0]['folds']} | {seconds:.4f} | {ratio:.1f} | {memory:.0f} | {quality:.3f} |"
        )
        sys.stderr.write(lines[-1] + "\n")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=FOLDS, help="this contender (may be given again)")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs for each contender (3)")
    parser.add_argument("--measure", choices=FOLDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(measure(options.measure)) + "\n")
        return
    there = [n for n in FOLDS if n not in NEEDS or importlib.util.find_spec(NEEDS[n])]
    sys.stdout.write(table(options.only or there, options.rounds) + "\n")


if __name__ == "__main__":
    main()
