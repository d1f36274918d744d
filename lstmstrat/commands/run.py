"""``lstmstrat run CONFIG``: runs strategies on walk-forward forecasts and writes a report."""

from __future__ import annotations

import argparse
import datetime as dt
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.commands.console import (
    add_work_options,
    at_home,
    exit_code_of_work,
    keeps,
    read_config,
    session_of,
    write_index,
)
from lstmstrat.errors import ConfigError

if TYPE_CHECKING:
    from lstmstrat.config.schema import Config
    from lstmstrat.forecasting.session import Session
    from lstmstrat.results.result import Result
    from lstmstrat.study.stages import Stages

RUNS = Path("runs")
"""Where runs are written by default, and where index.html lists them."""
LISTED = 100  # runs, which takes a second at most
DESCRIPTION = "Backtest strategies on walk-forward LSTM forecasts and compare each with buy-and-hold."
EPILOG = "Example: lstmstrat run configs/aapl.yaml --set forecast.members=3 --out runs/three"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("config", type=at_home, metavar="CONFIG", help="YAML file, such as configs/aapl.yaml")
    parser.add_argument("--out", type=at_home, metavar="DIR", help="run folder, new or empty (runs/<name>/<time>)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the config, such as forecast.epochs=10 or strategies.0.params.threshold=0.001",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="the same as --set forecast.seed=N")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="run all with N seeds: how much is the luck of the draw? try 20"
    )
    parser.add_argument(
        "--worlds",
        type=int,
        metavar="N",
        help="run all on N histories with nothing to forecast: how good does luck look? try 40",
    )
    parser.add_argument(
        "--ladder", action="store_true", default=None, help="hold the LSTM against cheaper models and rarer refits"
    )
    add_work_options(parser)
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--full", action="store_true", help="print every table before the answer")
    much.add_argument("--quiet", action="store_true", help="print only the path of the report")
    much.add_argument("--json", action="store_true", help="print the content of summary.json and nothing else")


def work(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0, 2 for an error that the user can correct, or 130 after Ctrl-C."""
    return exit_code_of_work(_main, options)


def _main(options: argparse.Namespace) -> int:
    config = read_config(options.config, [*options.set, *_short_settings(options)])
    default = RUNS / config.name / f"{dt.datetime.now():%Y-%m-%d_%H%M%S}"
    from lstmstrat.report import terminal
    from lstmstrat.report.page import page
    from lstmstrat.results import partial_folder, run_folder

    named = options.out or partial_folder.free_place(default)  # as the user writes it
    folder, runs = named.absolute(), RUNS.absolute()  # code of the user's may change the directory
    run_folder.check_free(folder)
    quiet = options.quiet or options.json
    with terminal.stages(quiet=quiet) as stages, session_of(options) as session:
        worked_out = _of_one if config.data.universe is None else _of_many
        result = worked_out(config, options, session, stages, quiet)
        with stages("writing", ""):
            written = _write(result, folder, page(result) if config.report.html else None, options)
    if runs in written.parents:
        _list_runs(runs)
    _print(options, result, written, named if written == folder else written)
    return 0


def _of_one(config: Config, options: argparse.Namespace, session: Session, stages: Stages, quiet: bool) -> Result:
    """The result of a run on one asset."""
    from lstmstrat.prices.acceptance import all_faults
    from lstmstrat.report import terminal
    from lstmstrat.study.prepare import expected_cost, planned_folds, prepare
    from lstmstrat.study.run import finish
    from lstmstrat.study.simulate import simulate_all

    with stages("prices", ""):
        config, prices = prepare(config, options.offline, options.refresh)
    session.ledger.read()  # so that it is known before the training if it cannot be used
    long = expected_cost(config, prices, session)
    if not quiet:
        terminal.print_findings(all_faults(prices, config.data))
        for notice in prices.notices if options.refresh else ():  # which bars changed
            print(notice)
        terminal.print_folds(planned_folds(config, prices), note=long)
    return finish(simulate_all(config, prices, session, stages), session, stages, _command(options))


def _of_many(config: Config, options: argparse.Namespace, session: Session, stages: Stages, quiet: bool) -> Result:
    """The result of a run over a universe."""
    from lstmstrat.report import terminal
    from lstmstrat.study.panel.run import prepare_panel, run_panel

    with stages("prices", ""):
        config, panel = prepare_panel(config, options.offline, options.refresh)
    session.ledger.read()
    if not quiet:
        terminal.print_panel(panel)
    return run_panel(config, panel, session, stages, _command(options))


def _print(options: argparse.Namespace, result: Result, written: Path, shown: Path) -> None:
    """The result of a run that was `written`; `shown` is the same folder as the user knows it."""
    from lstmstrat.report import terminal

    if options.json:
        print((written / "summary.json").read_text(encoding="utf-8"), end="")
        return
    if options.full:
        terminal.print_result(result.assessment)
    if not options.quiet:
        terminal.print_answer(result.assessment)
    print(shown / ("report.html" if result.config.report.html else "summary.json"))


def _write(result: Result, folder: Path, page: str | None, options: argparse.Namespace) -> Path:
    from lstmstrat.results import run_folder

    try:
        return run_folder.write(result, folder, page)
    except ConfigError as error:
        kept = "; fitted folds are kept in the cache" if keeps(options) else ""
        raise ConfigError(f"{error}{kept}") from error


def _list_runs(runs: Path) -> None:
    """Write index.html of the runs; the run itself is written by now, so that nothing here may fail."""
    try:
        write_index(runs, LISTED)
    except ConfigError as error:
        print(f"note: {error}", file=sys.stderr)


def _short_settings(options: argparse.Namespace) -> list[str]:
    """The options that set a key of the config, in the form of ``--set``."""
    values = {"forecast.seed": options.seed, "report.seeds": options.seeds, "report.worlds": options.worlds}
    values["report.ladder"] = None if options.ladder is None else "true"
    return [f"{key}={value}" for key, value in values.items() if value is not None]


def _command(options: argparse.Namespace) -> str:
    """A command that gives the same numbers."""
    settings = [*options.set, *_short_settings(options)]
    words = ["lstmstrat", "run", str(options.config)]
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])
