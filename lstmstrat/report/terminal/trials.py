"""Prints the ledger of trials as a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from lstmstrat.report.cells import UNDEFINED, ratio
from lstmstrat.report.terminal.console import console_on
from lstmstrat.results.trial import Trial

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 80
"""The number of columns in a pipe or file, unless ``$COLUMNS`` says another."""
SHOWN = ("model", "refit_every")  # in a column of their own


def print_trials(trials: Sequence[Trial], file: TextIO | None = None) -> None:
    """Print the ledger, with the reasons why some ratios do not count, to `file`, standard output by default."""
    file = file or sys.stdout
    console = console_on(file)
    if not file.isatty():
        columns = os.environ.get("COLUMNS", "")
        console.width = int(columns) if columns.isdecimal() else WIDTH
    console.print(_table(trials))
    struck, unsound = [t for t in trials if t.struck is not None], [t for t in trials if t.failed]
    for t in struck:
        console.print(f"{t.number} is struck: {t.struck}")
    for t in unsound:
        console.print(f"{t.number} is unsound: {', '.join(t.failed)} failed")
    marks = f"; the ratios of {len(struck)} are struck, {len(unsound)} are unsound" if struck or unsound else ""
    console.print(f"{len(trials)} trial{'' if len(trials) == 1 else 's'}{marks}")


def _table(trials: Sequence[Trial]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("entered", no_wrap=True)
    table.add_column("asset", overflow="fold")
    table.add_column("traded", no_wrap=True)
    table.add_column("strategy", overflow="fold")
    table.add_column("forecast", overflow="fold")
    table.add_column("Sharpe\na year", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for t in trials:
        forecast = "" if t.model is None else f"{t.model} {t.refit_every}"
        window, words = f"{t.first[:7]}/{t.last[:7]}", f"{t.strategy} {_telling(t, trials)}"
        table.add_row(str(t.number), t.entered[:10], t.symbol, window, words, forecast, ratio(t.sharpe), _mark(t))
    return table


def _mark(trial: Trial) -> str:
    return "struck" if trial.struck is not None else "unsound" if trial.failed else ""


def _telling(trial: Trial, trials: Sequence[Trial]) -> str:
    """The parameters and settings by which the trial differs from others of its class: ``fast=5 seed=1``."""
    others = [t for t in trials if t.class_path == trial.class_path]
    told = _differing(trial.params, [t.params for t in others])
    known = [t.settings for t in others if t.settings]  # an older version kept none
    told |= _differing({n: v for n, v in trial.settings.items() if n not in SHOWN}, known)
    return " ".join(f"{name}={_text(value)}" for name, value in told.items())


def _differing(own: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The values that are not the same in all others."""
    return {name: value for name, value in own.items() if any(o.get(name, UNDEFINED) != value for o in others)}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
