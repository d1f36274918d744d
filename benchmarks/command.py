"""The time of each stage of the whole command, and how it grows with bars and assets.

    python benchmarks/command.py             # stages of a cold and a warm run, start-up
    python benchmarks/command.py --growth    # 3,000 to 100,000 bars, 1 to 16 assets: some minutes
    python benchmarks/command.py --check     # exit code 1 if a limit is broken: for a scheduled job

Every run is a process of its own with a cache of its own. The results are medians over the rounds; a
limit is compared with the quickest round.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
AAPL = ROOT / "configs" / "aapl.yaml"
STAGES = {  # a stage is the time in these functions, without that of the others called from them
    "prices": ("lstmstrat.prices", "load"),
    "training": ("lstmstrat.forecasting.trainer", "_fit_missing"),
    "linear": ("lstmstrat.forecasting.fitting", "_linear_parts"),
    "simulation": ("lstmstrat.trading.simulation", "simulate"),
    "checks": ("lstmstrat.study.run", "run_checks"),
    "statistics": ("lstmstrat.study.run", "judged"),
    "page": ("lstmstrat.report.page", "page"),
    "files": ("lstmstrat.results.run_folder", "write"),
}
LIMITS = {"cold": 15.0, "warm": 5.5, "--help": 0.2, "config error": 0.2}  # seconds, on two cores
Summary = Callable[[list[dict[str, float]]], dict[str, float]]  # of each value over the runs
BARS_A_SECOND = 10_000  # of one strategy, at least
MEGABYTES = 2_000  # at 100,000 bars, at most

GROWTH = """
name: growth
data: {{symbol: X, source: csv, path: {prices}}}
forecast: {{epochs: {epochs}, members: 1}}
strategies:
  - class: strategies.long_flat:LongFlat
"""


def stages(config: Path, cache: Path) -> dict[str, float]:
    """Seconds of each stage of the command, and peak memory in MB, measured in this process."""
    begin = time.perf_counter()
    import resource
    from pkgutil import resolve_name

    spent, inside = dict.fromkeys(STAGES, 0.0), [0.0]
    for stage, (place, name) in STAGES.items():
        home = resolve_name(place)
        setattr(home, name, _timed(getattr(home, name), stage, spent, inside))
    from lstmstrat.commands.main import main

    imports = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        options = ["--out", f"{folder}/out", "--cache", str(cache), "--quiet", "--offline"]
        with open(os.devnull, "w") as nowhere:
            sys.stdout, kept = nowhere, sys.stdout
            assert main(["run", str(config), *options]) == 0
            sys.stdout = kept
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"imports": imports, **spent, "total": time.perf_counter() - begin, "MB": memory}


def _timed(function: Callable[..., Any], stage: str, spent: dict[str, float], inside: list[float]) -> Any:
    """`function`, with its own time added to `spent[stage]`; `inside` sums the time of the calls inside a call."""

    @contextmanager
    def clock() -> Iterator[None]:
        outer, inside[0], begin = inside[0], 0.0, time.perf_counter()
        yield
        whole = time.perf_counter() - begin
        spent[stage] += whole - inside[0]
        inside[0] = outer + whole

    def plain(*args: Any, **kwargs: Any) -> Any:
        with clock():
            return function(*args, **kwargs)

    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with clock():
            yield from list(function(*args, **kwargs))

    return generator if stage == "training" else plain


def in_its_own_process(config: Path, cache: Path) -> dict[str, float]:
    """The result of `stages` in a fresh interpreter, and the seconds of the whole process."""
    begin = time.perf_counter()
    command = [sys.executable, __file__, "--stages", str(config), str(cache)]
    environment = {**os.environ, "LSTMSTRAT_LEDGER": f"{cache}.ledger"}  # not the user's
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "process": time.perf_counter() - begin}


def seconds(*arguments: str) -> float:
    """Seconds of the command itself, whatever its exit code is."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "lstmstrat", "run", *arguments], capture_output=True, cwd=ROOT)
    return time.perf_counter() - begin


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each value over the runs."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def quickest(runs: list[dict[str, float]]) -> dict[str, float]:
    """The smallest of each value over the runs: what else the machine does only adds to it."""
    return {key: min(run[key] for run in runs) for key in runs[0]}


def cold_and_warm(rounds: int, of: Summary) -> dict[str, dict[str, float]]:
    """The stages of configs/aapl.yaml with an empty cache and with a full one."""
    cold, warm = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(in_its_own_process(AAPL, Path(folder) / "cache"))
            warm.append(in_its_own_process(AAPL, Path(folder) / "cache"))
    return {"cold": of(cold), "warm": of(warm)}


def start_up(rounds: int, of: Summary) -> dict[str, float]:
    """Seconds of `--help`, and of a config with a mistake."""
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder) / "wrong.yaml"
        wrong.write_text("dat: {symbol: AAPL}\n")
        runs = [{"--help": seconds("--help"), "config error": seconds(str(wrong))} for _ in range(rounds)]
    return of(runs)


def grown(bars: int, folder: Path, epochs: int = 8) -> dict[str, float]:
    """One run on a random walk of `bars` hourly bars, with one member per fold."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(bars)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, bars)))
    opened = close * np.exp(rng.normal(0.0, 0.003, bars))
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    columns = {"Open": opened, "High": high, "Low": low, "Close": close, "Volume": rng.integers(1e5, 1e6, bars)}
    index = pd.date_range("2000-01-03", periods=bars, freq="h", name="Date")
    pd.DataFrame(columns, index=index).to_csv(folder / f"{bars}.csv")
    config = folder / f"{bars}.yaml"
    config.write_text(GROWTH.format(prices=folder / f"{bars}.csv", epochs=epochs))
    return in_its_own_process(config, folder / f"{bars}.sqlite")


def growth() -> str:
    """Seconds and memory for more bars; seconds for more assets, whose runs follow each other with one cache."""
    columns = ("training", "linear", "simulation", "statistics", "page", "process", "MB")
    lines = ["| bars | " + " | ".join(columns) + " |", "|" + "---|" * (len(columns) + 1)]
    with tempfile.TemporaryDirectory() as folder:
        for bars in (3_000, 30_000, 100_000):
            run = grown(bars, Path(folder))
            lines.append(f"| {bars:,} | " + " | ".join(f"{run[name]:,.1f}" for name in columns) + " |")
            sys.stderr.write(lines[-1] + "\n")
    lines += ["", "| assets of 3,000 bars | seconds |", "|---|---|"]
    for assets in (1, 4, 16):
        with tempfile.TemporaryDirectory() as folder:
            total = sum(grown(3_000 + k, Path(folder))["process"] for k in range(assets))
        lines.append(f"| {assets} | {total:.1f} |")
        sys.stderr.write(lines[-1] + "\n")
    return "\n".join(lines)


def table(rounds: int) -> str:
    """The stages and the start-up times in Markdown."""
    runs = cold_and_warm(rounds, medians)
    names = ["imports", *STAGES, "process", "MB"]
    lines = ["| run | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 1)]
    for kind, run in runs.items():
        lines.append(f"| {kind} | " + " | ".join(f"{run[n]:,.2f}" for n in names) + " |")
    lines += [""] + [f"`{what}`: {taken:.2f} s" for what, taken in start_up(rounds, medians).items()]
    return "\n".join(lines)


def broken(rounds: int) -> list[str]:
    """The limits that are broken on this machine, also in the quickest round."""
    runs = cold_and_warm(rounds, quickest)
    taken = {kind: run["process"] for kind, run in runs.items()} | start_up(rounds, quickest)
    found = [f"{kind}: {taken[kind]:.2f} s, limit {most} s" for kind, most in LIMITS.items() if taken[kind] > most]
    with tempfile.TemporaryDirectory() as folder:
        small, large = (grown(bars, Path(folder), epochs=1) for bars in (3_000, 100_000))
    from lstmstrat.study.cuts import PLACES

    rate = (2 + sum(PLACES)) * 100_000 / large["simulation"]  # the strategy, also on prices cut off; buy-and-hold
    if rate < BARS_A_SECOND:
        found.append(f"simulation: {rate:,.0f} bars a second, limit {BARS_A_SECOND:,}")
    if large["MB"] > MEGABYTES:
        found.append(f"100,000 bars: {large['MB']:,.0f} MB, limit {MEGABYTES:,}")
    if large["process"] > 1.5 * 100 / 3 * small["process"]:
        found.append(f"100,000 bars: {large['process']:.0f} s, more than linear from {small['process']:.1f} s")
    return found


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (3)")
    parser.add_argument("--growth", action="store_true", help="more bars and more assets")
    parser.add_argument("--check", action="store_true", help="compare with the limits")
    parser.add_argument("--stages", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stages:
        sys.stdout.write(json.dumps(stages(*options.stages)) + "\n")
    elif options.check:
        mistakes = broken(options.rounds)
        sys.stdout.write("\n".join(mistakes or ["every limit is kept"]) + "\n")
        return bool(mistakes)
    else:
        sys.stdout.write((growth() if options.growth else table(options.rounds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
