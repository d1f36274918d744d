"""``lstmstrat sweep CONFIG --over KEY=V,V,V``: a config at every point of a grid."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.commands.console import (
    add_work_options,
    at_home,
    exit_code_of_work,
    read_config,
    session_of,
)

if TYPE_CHECKING:
    from lstmstrat.config.schema import Config

DESCRIPTION = (
    "Run a config at every point of a grid. Each point is entered in the ledger, and all of them deflate each: "
    "the best of many is good by luck. Equal forecasts are trained once."
)
EPILOG = (
    "Example: lstmstrat sweep configs/aapl.yaml --over strategies.0.params.threshold=0,0.001,0.002 "
    "--over forecast.seed=0..4"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("config", type=at_home, metavar="CONFIG", help="YAML file, such as configs/aapl.yaml")
    parser.add_argument(
        "--over",
        action="append",
        required=True,
        metavar="KEY=V,V,V",
        help="values of a key of the config; may be given again; 0..4 is 0,1,2,3,4",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value at all points"
    )
    parser.add_argument(
        "--out", type=at_home, metavar="DIR", help="folder, new or empty (runs/<name>-sweep/<time>)"
    )
    add_work_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print only the path of the page")


def work(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0, or 2 for an error that the user can correct, be it of one point."""
    return exit_code_of_work(_main, options)


def _main(options: argparse.Namespace) -> int:
    from lstmstrat.config.files import changed, override, read
    from lstmstrat.report import terminal
    from lstmstrat.report.page.sweep import sweep_page
    from lstmstrat.report.sweep import failures
    from lstmstrat.results import partial_folder, run_folder
    from lstmstrat.study.prepare import config_of_file
    from lstmstrat.study.sweep import axes_of, sweep

    axes = axes_of(options.over)
    name = read_config(options.config, options.set).name
    values = override(read(options.config), options.set)

    def made(settings: list[str]) -> Config:
        return config_of_file(options.config, reduce(changed, settings, values))

    default = Path("runs") / f"{name}-sweep" / f"{dt.datetime.now():%Y-%m-%d_%H%M%S}"
    folder = options.out or partial_folder.free_place(default)
    run_folder.check_free(folder)
    with terminal.stages(quiet=options.quiet) as stages, session_of(options) as session:
        session.ledger.read()  # so that it is known before the training if it cannot be used
        found = sweep(made, axes, session, stages, options.offline, options.refresh)
    csv = found.table().to_csv(index=False, lineterminator="\n")
    folder = run_folder.write_files([("sweep.csv", csv), ("sweep.html", sweep_page(found))], folder)
    if not options.quiet:
        terminal.print_sweep(found)
    for failure in failures(found):
        print(f"error: {failure}", file=sys.stderr)
    print(folder / "sweep.html")
    return 2 if found.failures else 0
