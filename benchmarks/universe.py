"""What a run over a universe costs: configs/us_stocks.yaml with 16, 60 and 120 of its stocks, cold and warm.

    python benchmarks/universe.py                   # about five minutes on two quiet cores
    python benchmarks/universe.py --assets 16 60    # of these numbers of stocks

Each run is a command of its own, with an empty cache and then with a full one. Wall-clock time is what a user
waits for, from the start of Python to the page on the disk; processor time is of all threads; memory is the most
that the process held.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import lstmstrat

ROOT = Path(__file__).parent.parent
HEAD = [
    "| stocks | cold, s | of the processor | warm, s | of the processor | memory, MB |",
    "|---|---|---|---|---|---|",
]


class Cost(NamedTuple):
    """What one run took."""

    wall: float  # seconds
    processor: float  # seconds
    memory: float  # MB


def cost(symbols: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """One run over some stocks, whose folder is new."""
    command = [sys.executable, "-m", "lstmstrat", "run", "configs/us_stocks.yaml", "--quiet"]
    command += ["--set", f"data.universe=[{', '.join(symbols)}]", "--set", "data.symbol=stocks"]
    command += ["--set", "forecast.least_assets=10", "--out", str(folder)]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the run over {len(symbols)} stocks ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def row(count: int) -> str:
    """One line of the table: a cold run, and a warm one."""
    symbols = lstmstrat.load_panel({"universe": "us_stocks"}).symbols[:count]
    with tempfile.TemporaryDirectory() as folder:
        where = {name: f"{folder}/{name}" for name in ("LSTMSTRAT_CACHE", "LSTMSTRAT_LEDGER")}
        cold, warm = (cost(symbols, Path(folder, kind), {**os.environ, **where}) for kind in ("cold", "warm"))
    memory = max(cold.memory, warm.memory)
    return (
        f"| {count} | {cold.wall:.0f} | {cold.processor:.0f} | {warm.wall:.0f} | {warm.processor:.0f} "
        f"| {memory:,.0f} |"
    )


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, nargs="+", default=[16, 60, 120], metavar="N", help="of these")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    lines = [*HEAD, *map(row, options.assets)]
    sys.stdout.write("\n".join([f"Load {load:.1f} before, {os.getloadavg()[0]:.1f} after.", "", *lines]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
