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
    table.add_column("Sharpe\na year", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    cells = [_cells(t, trials) for t in trials]
    for t, own in zip(trials, cells, strict=True):
        alike = [other.settings for other, theirs in zip(trials, cells, strict=True) if theirs == own]
        asset, window, words, forecast = own
        words = f"{words} {_settings(t, alike)}".strip()
        table.add_row(str(t.number), t.entered[:10], asset, window, words, forecast, ratio(t.sharpe), _mark(t))
    return table


def _cells(t: Trial, trials: Sequence[Trial]) -> tuple[str, str, str, str]:
    """Asset, window, strategy and forecast; rows may have the same ones."""
    forecast = "" if t.model is None else f"{t.model} {t.refit_every}"
    params = _told(_differing(t.params, [other.params for other in trials if other.class_path == t.class_path]))
    return t.symbol, f"{t.first[:7]}/{t.last[:7]}", f"{t.strategy} {params}".strip(), forecast


def _settings(t: Trial, alike: Sequence[dict[str, Any]]) -> str:
    """The settings by which a trial differs from those that look like it: ``seed=1 commission=0.002``."""
    known = [settings for settings in alike if settings]  # an older version kept none
    return _told(_differing(t.settings, known))


def _mark(trial: Trial) -> str:
    return "struck" if trial.struck is not None else "unsound" if trial.failed else ""


def _told(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in values.items())


def _differing(own: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The values that are not the same in all others."""
    return {name: value for name, value in own.items() if any(o.get(name, UNDEFINED) != value for o in others)}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
