"""Progress, the folds and the table of strategies, for a terminal or a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TextIO

import pandas as pd

from lstmstrat.report.card import card, skill
from lstmstrat.report.cells import UNDEFINED, difference, verdict
from lstmstrat.report.columns import COLUMNS, FOR_THE_VERDICT, LADDER, SOURCES, Column, Entry, filled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lstmstrat.ledger import Trial

PIPE_WIDTH = 100
"""Columns when nobody can say how wide the reader's screen is."""

CARD_WIDTH = 86
"""Characters of a sentence of the honesty card; longer ones go on below."""

LEGEND = (
    "Adjusted p: of the Sharpe difference, for the number of strategies. Deflated: the chance to be above the "
    "best of all trials without skill. Timing p: the share of its own holdings in random order that did as well. "
    "Hold of that: buy-and-hold with the net exposure. The report says more; n/a: undefined, or there is no lead."
)

PIPE_SECONDS = 10.0
"""A pipe gets at most one line of progress in this time."""

LEFT_OUT_FIRST = ("annual_volatility", "turnover", "exposure", "trades", "total_return", "max_drawdown", "cagr")
"""What a narrow terminal does without, in this order."""

Report = Callable[[int, int], None]


@contextmanager
def progress(
    task: str = "training",
    unit: str = "folds",
    *,
    file: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    quiet: bool = False,
) -> Iterator[Report]:
    """A function to be told (folds done, folds in all), which shows them and the time left.

    A terminal gets a bar; anything else a plain line now and then, and one at the end.

    Parameters
    ----------
    file
        Standard error by default, so that it never mixes with the table.
    """
    file = file or sys.stderr
    if quiet:
        yield lambda done, total: None
        return
    if not file.isatty():
        yield _lines(task, unit, file, clock)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(task),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, time left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console(file)) as bar:
        shown = bar.add_task("", total=None)
        yield lambda done, total: bar.update(shown, completed=done, total=total)


def _lines(task: str, unit: str, file: TextIO, clock: Callable[[], float]) -> Report:
    start = last = clock()

    def report(done: int, total: int) -> None:
        nonlocal last
        now = clock()
        if done < total and now - last < PIPE_SECONDS:
            return
        last = now
        left = f"{(now - start) * (total - done) / done:.0f} s left" if done else "time left unknown"
        print(f"{task}: {done} of {total} {unit}, {left}", file=file, flush=True)

    return report


def print_folds(folds: pd.DataFrame, file: TextIO | None = None) -> None:
    """Print `fold_table` to `file`, standard output by default."""
    _console(file or sys.stdout).print(fold_table(folds))


def fold_table(folds: pd.DataFrame) -> Table:
    """What is about to be trained: number, first forecast and samples of each fold.

    Of more than 8 folds the first 3 and the last 2 are shown; the last line has the number and sum of all.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column("fold", justify="right", footer="1 fold" if len(folds) == 1 else f"{len(folds)} folds")
    table.add_column("first forecast", footer="")
    table.add_column("samples", justify="right", footer=f"{folds['samples'].sum():,}")
    shown = folds if len(folds) <= 8 else pd.concat([folds.head(3), folds.tail(2)])
    for position, fold in enumerate(shown.itertuples()):
        if position == 3 and len(folds) > 8:
            table.add_row("...", "...", "...")
        table.add_row(str(fold.number), f"{fold.first_forecast:%Y-%m-%d}", f"{fold.samples:,}")
    return table


def print_result(summary: Mapping[str, Any], file: TextIO | None = None) -> None:
    """Print the honesty card, the tables and the notices of a run to `file`, standard output by default.

    A terminal gets the columns that fit; a pipe gets them all, however wide.
    """
    file = file or sys.stdout
    console = _console(file)
    tables, left_out = _tables(summary, console.width if file.isatty() else None)
    if not file.isatty():
        console.width = max(PIPE_WIDTH, *(_needed(table) for table in tables))
    console.print(card_table(summary))
    for table in tables:
        console.print()
        console.print(table)
    console.print(f"\n{LEGEND}")
    if summary["forecast_skill"]["observations"]:
        console.print(f"\nForecasts. {skill(summary)}")
    if left_out:
        console.print(f"\nNo room for {', '.join(left_out)}: see the report or summary.json.")
    console.print()
    for notice in summary["data"]["notices"]:
        console.print(f"Note: {notice}")


def _tables(summary: Mapping[str, Any], width: int | None) -> tuple[list[Table], list[str]]:
    """The tables of a run, and what was left out of them for want of `width`."""
    columns = COLUMNS if width is None else _columns_that_fit(summary, width)
    tables, left_out = [result_table(summary, columns)], [c.key for c in COLUMNS if c not in columns]
    ladder = summary["ladder"] or {"models": [], "refits": []}
    parts = [
        (summary["strategies"], FOR_THE_VERDICT),
        (summary["strategies"], SOURCES),
        *((ladder[rungs], LADDER) for rungs in ("models", "refits") if ladder[rungs]),
    ]
    for entries, wanted in parts:
        shown = len(wanted)
        while width is not None and _needed(entry_table(entries, wanted[:shown])) > width and shown > 1:
            shown -= 1
        tables.append(entry_table(entries, wanted[:shown]))
        left_out += [entry.heading for entry in wanted[shown:]]
    return tables, list(dict.fromkeys(left_out))


def card_table(summary: Mapping[str, Any]) -> Table:
    """The honesty card."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(max_width=CARD_WIDTH)
    for label, sentence in card(summary):
        table.add_row(label, sentence)
    return table


def entry_table(entries: Sequence[Mapping[str, Any]], columns: Sequence[Entry]) -> Table:
    """A row for each entry, with its name first where it has one."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True)
    shown = filled(entries, columns)
    for k, heading in enumerate(shown):
        side: Literal["left", "right"] = "right" if k else "left"
        table.add_column(_broken(heading), justify=side, no_wrap=True, vertical="bottom")
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def print_trials(trials: Sequence[Trial], file: TextIO | None = None) -> None:
    """Print the ledger, a line a trial, to `file`, standard output by default."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("entered (UTC)", "asset", "traded", "strategy", "class", "params"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Sharpe a bar", justify="right")
    for t in trials:
        params = ", ".join(f"{name}={value}" for name, value in t.params.items())
        ratio = UNDEFINED if t.sharpe is None else f"{t.sharpe:+.4f}"
        table.add_row(t.entered, t.symbol, f"{t.first} to {t.last}", t.strategy, t.class_path, params, ratio)
    file = file or sys.stdout
    console = _console(file)
    if not file.isatty():
        console.width = max(PIPE_WIDTH, _needed(table))
    console.print(table)
    console.print(f"{len(trials)} trial{'' if len(trials) == 1 else 's'}")


def result_table(summary: Mapping[str, Any], columns: tuple[Column, ...] = COLUMNS) -> Table:
    """Strategies as rows below buy-and-hold, `columns` of metrics, the Sharpe difference and the verdict."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(_broken(column.heading), justify="right", no_wrap=True, vertical="bottom")
    table.add_column("Sharpe difference\n[95% interval]", justify="right", no_wrap=True)
    table.add_column("against\nbuy-and-hold", no_wrap=True)
    table.add_row("buy_and_hold", *_cells(summary["benchmark"], columns), "", "")
    for strategy in summary["strategies"]:
        versus = strategy["versus_benchmark"]
        cells = _cells(strategy["metrics"], columns)
        table.add_row(strategy["name"], *cells, difference(versus), verdict(versus))
    return table


def print_audit(record: Mapping[str, Any], file: TextIO | None = None) -> None:
    """Print what an audit found (`AuditResult.to_dict`) to `file`, standard output by default."""
    console = _console(file or sys.stdout)
    controls, findings = record["controls"], record["findings"]
    if controls:
        caught = [c for c in controls if c["caught"] and c["probe"]]
        clean = "passes" if all(c["caught"] for c in controls if not c["probe"]) else "DOES NOT PASS"
        planted = sum(bool(c["probe"]) for c in controls)
        console.print(f"Planted leaks found: {len(caught)} of {planted}; the clean control {clean}.\n")
    console.print(audit_table(findings))
    for finding in (f for f in findings if f["status"] == "failed"):
        console.print(f"\nFAILED {finding['probe']}, {finding['subject']}: {finding['detail']}", soft_wrap=True)
        if seen := finding["difference"]:
            how = f" [{seen['perturbation']}; cut {seen['cut'] or 'none'}]" if seen["perturbation"] else ""
            said = f"{seen['original']}, then {seen['changed']}"
            console.print(f"  {seen['date']}, bar {seen['bar']}: {seen['line']} was {said}{how}", soft_wrap=True)
        console.print(f"  {finding['command']}", soft_wrap=True)
    groups = _grouped(findings)
    if groups:
        console.print()
    for (probe, why), subjects in groups.items():
        console.print(f"Not assessed: {probe}, {', '.join(subjects)}: {why}", soft_wrap=True)
    for sentence in record["blind"]:
        console.print(f"\nNot assessable: {sentence}", soft_wrap=True)
    console.print(f"\n{record['sentence']} Not to be found this way: {'; '.join(record['not_detectable'])}.")


def audit_table(findings: Sequence[Mapping[str, Any]]) -> Table:
    """One row a probe: how many strategies passed it, and what was compared."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("probe", "passed", "failed", "not assessed", "comparisons", "cuts"):
        table.add_column(heading, justify="left" if heading == "probe" else "right")
    for probe in dict.fromkeys(f["probe"] for f in findings):
        mine = [f for f in findings if f["probe"] == probe]
        counts = [str(sum(f["status"] == s for f in mine)) for s in ("passed", "failed", "not assessed")]
        cuts = len({cut for f in mine for cut in f["cuts"]})
        table.add_row(probe, *counts, f"{sum(f['comparisons'] for f in mine):,}", str(cuts) if cuts else "")
    return table


def _grouped(findings: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """The strategies that a probe could not assess, by the probe and the reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for f in findings:
        if f["status"] == "not assessed":
            groups.setdefault((f["probe"], f["detail"]), []).append(f["subject"])
    return groups


def _cells(metrics: Mapping[str, Any], columns: tuple[Column, ...]) -> list[str]:
    return [column.write(metrics[column.key]) for column in columns]


def _broken(heading: str) -> str:
    return heading.replace("\u00ad", "-\n").replace(" ", "\n")


def _columns_that_fit(summary: Mapping[str, Any], width: int) -> tuple[Column, ...]:
    columns: tuple[Column, ...] = COLUMNS
    for key in LEFT_OUT_FIRST:
        if _needed(result_table(summary, columns)) <= width:
            break
        columns = tuple(c for c in columns if c.key != key)
    return columns


def _needed(table: Table) -> int:
    from rich.console import Console

    return Console(width=1000, markup=False, emoji=False).measure(table).maximum


def _console(file: TextIO) -> Console:
    """Names come from users, so no markup, no emoji and no highlighting is read into them."""
    from rich.console import Console

    width = None if file.isatty() else PIPE_WIDTH
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)
