"""A config that runs in a fraction of a second, and the command line on it."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from lstmstrat.commands.main import main

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"symbol": "AAPL", "start": "2005-01-03", "end": "2006-03-31"},
    "forecast": {
        "hidden_size": 4,
        "epochs": 1,
        "lookback": 5,
        "loss_steps": 5,
        "train_size": 60,
        "refit_every": 60,
        "members": 2,
    },
    "strategies": [
        {"class": "strategies.long_flat:LongFlat"},
        {"class": "strategies.sma_cross:SmaCross", "params": {"fast": 5, "slow": 10}, "name": "cross"},
    ],
}


PLAIN = {"mode": "rolling", "calibration": "none"}  # each fold by itself: the networks on the newest bars alone


def tiny(**sections: Any) -> dict[str, Any]:
    """TINY with keys of its sections changed: ``tiny(forecast={"epochs": 2})``."""
    changed = {
        name: {**TINY.get(name, {}), **value} if isinstance(value, dict) else value
        for name, value in sections.items()
    }
    return {**TINY, **changed}


@dataclass(frozen=True)
class Told:
    """What a command said."""

    code: int | str | None
    out: str
    err: str


def command(*arguments: object) -> Told:
    """``lstmstrat run`` with `arguments`, in this process."""
    return lstmstrat("run", *arguments)


def lstmstrat(*arguments: object) -> Told:
    """The command line in this process; an argparse error gives its exit code like any other."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: int | str | None = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
    return Told(code, out.getvalue(), err.getvalue())


def written(folder: Path, values: Any) -> Path:
    """A config file in `folder`; `values` is text, or what YAML is to be made of."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values, sort_keys=False))
    return path


def summary(folder: Path) -> dict[str, Any]:
    """summary.json, read by the letter of the standard: NaN and Infinity are mistakes."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} in summary.json")

    found: dict[str, Any] = json.loads((folder / "summary.json").read_text(), parse_constant=refuse)
    return found


def what_it_found(values: dict[str, Any]) -> dict[str, Any]:
    """A summary without its time, its work, and what depends on the runs that the ledger knows."""
    found = copy.deepcopy(values)
    del found["trials"], found["made"]
    for strategy in found["strategies"]:
        for name in [name for name in strategy["luck"] if "deflated" in name]:
            del strategy["luck"][name]
        versus = strategy["versus_benchmark"]
        del versus["missing"]
        versus["conditions"] = [one for one in versus["conditions"] if not one["name"].startswith("deflated")]
    for key in ("fitted", "cached", "fit_seconds"):
        del found["walk_forward"][key]
    return found


def table(folder: Path, name: str, *dates: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", parse_dates=list(dates))
