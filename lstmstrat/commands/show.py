"""``lstmstrat show RUN``: prints a run that was written before; a folder of runs gets a list."""

from __future__ import annotations

import argparse

from lstmstrat.commands.console import at_home, exit_code, write_index

DESCRIPTION = "Print the answer of a run again, from its folder. Of a folder of runs, list what there is."
EPILOG = "Example: lstmstrat show runs"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("run", type=at_home, metavar="RUN", help="run folder, or a folder with runs in it")
    parser.add_argument("--full", action="store_true", help="print every table before the answer")
    parser.add_argument(
        "--html",
        action="store_true",
        help="write report.html in the run folder anew; of a folder of runs index.html",
    )


def work(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0, or 2 for an error that the user can correct."""
    return exit_code(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    from lstmstrat.report import terminal
    from lstmstrat.report.page import page
    from lstmstrat.results import index, run_folder

    if not (options.run / "summary.json").exists() and (runs := index.runs_in(options.run)):
        terminal.print_runs(runs)
        if options.html:
            print(write_index(options.run))
        return 0
    result = run_folder.read(options.run)
    if options.full:
        terminal.print_result(result.assessment)
    terminal.print_answer(result.assessment)
    if options.html:
        print(run_folder.replace_file(options.run / "report.html", page(result)))
    return 0
