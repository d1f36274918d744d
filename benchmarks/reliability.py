"""Faults on purpose: kills at random moments, a long soak, random input. The table is in docs/reliability.md.

    python benchmarks/reliability.py kills --signal KILL --count 20
    python benchmarks/reliability.py soak --runs 200
    python benchmarks/reliability.py fuzz --minutes 60

Each prints one row of the table, and ends with exit code 1 if anything went wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).parent.parent
SAME = ("equity.csv", "exposure.csv", "forecasts.csv", "orders.csv", "trades.csv")
NETWORKS = """
data: {symbol: AAPL, start: 2004-01-02, end: 2009-12-31}
forecast: {members: 4, epochs: 4}
strategies:
  - {class: "strategies.long_flat:LongFlat"}
  - {class: "strategies.long_short:LongShort"}
"""
SLOW = 30  # seconds of processor time that no refused input may take


def started(config: Path, out: Path, kept: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, which takes Ctrl-C as in a terminal."""
    names = {"LSTMSTRAT_CACHE": str(kept / "cache.sqlite"), "LSTMSTRAT_LEDGER": str(kept / "ledger.sqlite")}
    return subprocess.Popen(
        [sys.executable, "-m", "lstmstrat", "run", str(config), "--out", str(out), "--quiet"],
        cwd=ROOT,
        env={**os.environ, **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def files_of(out: Path) -> dict[str, bytes]:
    """What must be the same after a kill."""
    return {name: (out / name).read_bytes() for name in SAME}


def kills(name: str, count: int) -> list[str]:
    """What went wrong when runs were ended by a signal at a random moment and begun again with the same cache."""
    wrong, rng, number = list[str](), random.Random(0), getattr(signal, f"SIG{name}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        config = place / "c.yaml"
        config.write_text(NETWORKS)
        begin = time.perf_counter()
        started(config, place / "calm", place / "kept").communicate()
        taken, calm = time.perf_counter() - begin, files_of(place / "calm")
        for k in range(count):
            kept, out = place / f"kept{k}", place / f"runs{k}" / "out"
            process, moment = started(config, out, kept), rng.uniform(0.0, taken)
            time.sleep(moment)
            process.send_signal(number)
            _, told = process.communicate()
            if "Traceback" in told:
                wrong.append(f"{moment:.2f} s: {told[-500:]}")
            if out.exists():  # it had ended, or it is whole
                wrong += [f"{moment:.2f} s: another result"] * (files_of(out) != calm)
                continue
            _, told = started(config, out, kept).communicate()
            if not out.exists() or files_of(out) != calm:
                wrong.append(f"{moment:.2f} s: the run after it: {told[-500:] or 'another result'}")
            left = [path.name for path in out.parent.iterdir() if path.name != "out"]
            if number != signal.SIGKILL and left:
                wrong.append(f"{moment:.2f} s: {left} left behind")
    return wrong


def random_config(rng: random.Random) -> dict[str, Any]:
    """Sections with legal values, small enough for a second or two."""
    models = ["lstm", "lstm", "lstm", "ridge", "last_sign", "boosting"]
    forecast = {
        "model": rng.choice(models),
        "members": rng.randint(1, 4),
        "hidden_size": rng.choice([4, 8, 12, 16]),
        "layers": rng.choice([1, 1, 2]),
        "epochs": rng.randint(1, 4),
        "lookback": rng.choice([5, 10, 20]),
        "train_size": rng.choice([150, 250, 400]),
        "refit_every": rng.choice([21, 63, "month", "quarter", "never"]),
        "mode": rng.choice(["rolling", "expanding"]),
        "target": rng.choice(["open", "close"]),
        "horizon": rng.choice([1, 1, 5]),
        "seed": rng.randint(0, 10**6),
    }
    names = ["long_flat:LongFlat", "long_short:LongShort", "kelly:Kelly", "sma_cross:SmaCross"]
    return {
        "data": {"symbol": rng.choice(["AAPL", "IBM", "MSFT"]), "start": f"{rng.randint(2004, 2009)}-01-02"},
        "forecast": forecast,
        "strategies": [{"class": f"strategies.{name}"} for name in rng.sample(names, 2)],
    }


def soak_worker(seed: int, runs: int, cache: Path, size: int) -> list[dict[str, float]]:
    """Runs in this process, one after the other; memory in MB, open files and threads after each."""
    import lstmstrat

    rng, seen = random.Random(seed), list[dict[str, float]]()
    for _ in range(runs):
        config = lstmstrat.Config.model_validate(random_config(rng))
        with lstmstrat.Session(lstmstrat.Store(cache, size), 1, ledger=lstmstrat.Ledger(None)) as session:
            lstmstrat.run(config, session=session)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(os.listdir("/proc/self/fd"))
        seen.append(
            {"MB": pages * resource.getpagesize() / 1e6, "files": files, "threads": threading.active_count()}
        )
    return seen


def soak(runs: int) -> list[str]:
    """What grew in random runs over one bounded cache, in two processes at a time."""
    size = 5_000_000
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache.sqlite"
        arguments = ["--worker", str(runs // 2), str(cache), str(size)]
        processes = [
            subprocess.Popen(
                [sys.executable, __file__, "soak", *arguments, str(seed)], stdout=subprocess.PIPE, text=True
            )
            for seed in (1, 2)
        ]
        seen = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        stored = sum(path.stat().st_size for path in cache.parent.iterdir() if path.name.startswith(cache.name))
    wrong = [] if stored < 1.1 * size else [f"the cache has {stored / 1e6:.1f} MB"]
    for one in seen:
        half = len(one) // 2
        for what, more in (("MB", 1.15), ("files", 1.0), ("threads", 1.0)):
            early, late = (
                np.median([run[what] for run in part]) for part in (one[half // 2 : half], one[-half // 2 :])
            )
            sys.stderr.write(f"{what}: {early:.0f}, then {late:.0f}\n")
            if late > more * early:
                wrong.append(f"{what} grew from {early:.0f} to {late:.0f}")
    return wrong


PLAIN = "data: {symbol: AAPL, start: 2010-01-04}\nforecast: {model: ridge, train_size: 200}\n"
PLAIN += 'strategies:\n  - {class: "strategies.long_flat:LongFlat"}\n'
TOKENS = [
    "",
    "-",
    "1e999",
    "9" * 400,
    "²",
    "nan",
    "\x1b[2J",
    "&a [*a]",
    "*a",
    "{",
    "]",
    "!!python/name:os",
    "~",
    "=1+1",
]
TOKENS += [
    "a" * 10_000,
    "0x1",
    "2005-02-30",
    "1:2:3",
    "null",
    "true",
    "1_000",
    "\u202e",
    "\0",
    "\ufeff",
    "'",
    '"',
    ":",
    ",",
]


def changed(rng: random.Random, data: bytes) -> bytes:
    """`data` after a few random changes: bytes, parts cut out, given twice, or words put in."""
    for _ in range(rng.randint(1, 6)):
        at, length = rng.randrange(len(data) + 1), rng.choice([1, 1, 4, 40, 400])
        word = rng.choice(TOKENS).encode()
        new = rng.choice([b"", rng.randbytes(length), data[at : at + length] * 2, word, word])
        data = data[:at] + new + data[at + rng.choice([0, len(new), length]) :]
    return data


def inputs(rng: random.Random, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Kinds and arguments of commands, without end."""
    bars = pd.DataFrame({"Open": 1.0, "High": 1.2, "Low": 0.9, "Close": 1.1, "Volume": 10.0, "Adj Close": 1.0},
                        pd.bdate_range("2015-01-01", periods=300, name="Date"))  # fmt: skip
    bars *= np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, (300, 1)), axis=0))
    csv, config = bars.to_csv().encode(), folder / "c.yaml"
    bars.reset_index().to_parquet(folder / "sound.parquet")
    parquet = (folder / "sound.parquet").read_bytes()
    while True:
        config.write_bytes(changed(rng, PLAIN.encode()))
        yield "YAML", [str(config)]
        config.write_text(PLAIN)
        setting = changed(
            rng, rng.choice(["forecast.members=3", "strategies.0.params.threshold=0.1", "data.symbol=X"]).encode()
        )
        yield "--set", [str(config), "--set", setting.decode(errors="replace").replace("\0", "")]
        for kind, sound in (("csv", csv), ("parquet", parquet)):
            (folder / f"x.{kind}").write_bytes(changed(rng, sound))
            data = {"source": kind, "symbol": "X", "path": str(folder / f"x.{kind}")}
            config.write_text(yaml.safe_dump({**yaml.safe_load(PLAIN), "data": data}))
            yield kind.upper(), [str(config), "--set", "forecast.train_size=100"]
        feature = changed(rng, rng.choice([b"return_5", b"statistics:mean", b"volatility_21"])).decode(
            errors="replace"
        )
        config.write_text(yaml.safe_dump({**yaml.safe_load(PLAIN), "forecast": {"features": [feature]}}))
        yield "names", [str(config)]


def answered(main: Callable[[list[str]], int], arguments: list[str]) -> str:
    """``0``, ``2``, or what went wrong."""
    out, err, begin = io.StringIO(), io.StringIO(), time.process_time()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code: object = main(arguments)
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        return traceback.format_exc()[-1500:]
    told, taken = err.getvalue(), time.process_time() - begin
    if code not in (0, 2) or (code == 2 and not told.startswith(("error: ", "usage: "))):
        return f"exit code {code}: {told[-500:]}"
    if code == 2 and (len(told.splitlines()) > 50 or not told.replace("\n", "").replace("\t", "").isprintable()):
        return f"message: {told[:500]!r}"
    return f"{taken:.0f} s: {told[:300]}" if code == 2 and taken > SLOW else str(code)


def fuzz(minutes: float, seed: int) -> list[str]:
    """Inputs that ended in a traceback, hung, or gave more than a screen."""
    from lstmstrat.commands.main import main

    wrong, counts, end = list[str](), Counter[tuple[str, str]](), time.monotonic() + 60.0 * minutes
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(ROOT):
        os.environ |= {"LSTMSTRAT_CACHE": f"{place}/cache", "LSTMSTRAT_LEDGER": f"{place}/ledger"}
        for k, (kind, arguments) in enumerate(inputs(random.Random(seed), Path(place))):
            if time.monotonic() > end:
                break
            told = answered(
                main, ["run", *arguments, "--quiet", "--no-cache", "--offline", "--out", f"{place}/out{k}"]
            )
            counts[kind, told if told in "02" else "wrong"] += 1
            if told not in "02":
                given = Path(arguments[0]).read_bytes()[:400]
                wrong.append(f"{kind} {arguments[1:]!r:.300}\n{given!r}\n{told}")
                sys.stderr.write(f"wrong: {wrong[-1]}\n")  # at once: the hours may be cut short
    sys.stderr.write("".join(f"{kind}, {told}: {count}\n" for (kind, told), count in sorted(counts.items())))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return wrong + ([f"{memory:.0f} MB"] if memory > 1000 else [])


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "soak", "fuzz"))
    parser.add_argument("--signal", choices=("KILL", "INT", "TERM"), default="KILL")
    parser.add_argument("--count", type=int, default=20, help="kills (20)")
    parser.add_argument("--runs", type=int, default=200, help="of the soak (200)")
    parser.add_argument("--minutes", type=float, default=60.0, help="of random input (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the random input (0)")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        runs, cache, size, seed = options.worker
        sys.stdout.write(json.dumps(soak_worker(int(seed), int(runs), Path(cache), int(size))) + "\n")
        return 0
    work = {
        "kills": lambda: kills(options.signal, options.count),
        "soak": lambda: soak(options.runs),
        "fuzz": lambda: fuzz(options.minutes, options.seed),
    }
    wrong = work[options.what]()
    sys.stdout.write("".join(f"{text}\n\n" for text in wrong) + f"{options.what}: {len(wrong)} went wrong\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
