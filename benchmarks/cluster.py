"""The training of a run on threads and on processes of a cluster, one and two of each, with an empty cache.

    python benchmarks/cluster.py                     # configs/us_stocks.yaml, three rounds in turn: some minutes
    python benchmarks/cluster.py configs/aapl.yaml   # another config

Every run is a process of its own with a cache of its own. Seconds are those of the training as the report counts
them, without the start of the processes; the results are medians over the rounds, beside the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
KINDS = {
    "threads: 1": ("--jobs", "1"),
    "threads: 2": ("--jobs", "2"),
    "processes: 1": ("--cluster", "local:1"),
    "processes: 2": ("--cluster", "local:2"),
}


def seconds(config: str, options: tuple[str, ...]) -> tuple[float, float]:
    """Of the training and of the whole command."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "lstmstrat", "run", config, *options, "--quiet", "--out", str(out)]
        kept = {"LSTMSTRAT_CACHE": f"{folder}/cache", "LSTMSTRAT_LEDGER": f"{folder}/ledger"}
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env={**os.environ, **kept})
        found = json.loads((out / "summary.json").read_text())
    return found["walk_forward"]["fit_seconds"], time.perf_counter() - begin


def table(config: str, rounds: int) -> str:
    """The medians in Markdown, and how many times one worker two workers are."""
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind, options in KINDS.items():
            taken[kind].append(seconds(config, options))
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
            training, whole = taken[kind][-1]
            sys.stderr.write(f"{kind}: {training:.2f} s of {whole:.1f}, load {load:.1f}\n")
    medians = {
        kind: [statistics.median(column) for column in zip(*runs, strict=True)] for kind, runs in taken.items()
    }
    lines = ["| workers | training, s | times one | whole command, s |", "|---|---|---|---|"]
    for kind, (training, whole) in medians.items():
        times = medians[f"{kind.partition(':')[0]}: 1"][0] / training
        lines.append(f"| {kind} | {training:.2f} | {times:.2f} | {whole:.1f} |")
    return "\n".join(lines)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="configs/us_stocks.yaml")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (3)")
    options = parser.parse_args()
    sys.stdout.write(table(options.config, options.rounds) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
