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
    table.add_column("Sharpe", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for t in trials:
        forecast = "" if t.model is None else f"{t.model} {t.refit_every}"
        window, words = f"{t.first[:7]}/{t.last[:7]}", f"{t.strategy} {_telling(t, trials)}"
        table.add_row(str(t.number), t.entered[:10], t.symbol, window, words, forecast, ratio(t.sharpe), _mark(t))
    return table


def _mark(trial: Trial) -> str:
    return "struck" if trial.struck is not None else "unsound" if trial.failed else ""


def _telling(trial: Trial, trials: Sequence[Trial]) -> str:
    """The parameters by which the trial differs from others of its class: ``fast=5 slow=10``."""
    others: list[dict[str, Any]] = [t.params for t in trials if t.class_path == trial.class_path]
    names = [n for n, value in trial.params.items() if any(o.get(n, UNDEFINED) != value for o in others)]
    return " ".join(f"{name}={trial.params[name]}" for name in names)
