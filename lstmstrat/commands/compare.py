"""``lstmstrat compare RUN RUN ...``: several runs side by side."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.commands.console import (
    add_cache_options,
    add_jobs_option,
    add_price_options,
    at_home,
    exit_code,
    rare_collection,
    session_of,
    stopped,
)
from lstmstrat.errors import ConfigError

if TYPE_CHECKING:
    from lstmstrat.results.comparison import Comparison
    from lstmstrat.results.result import Result

HELP = "several runs side by side: what differs, and by more than luck?"
DESCRIPTION = (
    "Compare runs over strategies, seeds, models, assets or periods: what differs in their configs, what they "
    "earned, and whether the difference on their common dates is more than luck. The first run is the reference."
)
EPILOG = "Example: lstmstrat compare configs/aapl.yaml runs/aapl/2026-01-31_120000 --html compare.html"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "runs", type=at_home, nargs="+", metavar="RUN", help="run folder, or a config, which is run"
    )
    parser.add_argument("--html", type=at_home, metavar="FILE", help="write a page there")
    parser.add_argument("--markdown", type=at_home, metavar="FILE", help="write Markdown there")
    parser.add_argument("--csv", type=at_home, metavar="FILE", help="write a row for each strategy there")
    add_jobs_option(parser)
    add_price_options(parser)
    add_cache_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print no table, only what was written")


def work(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0, or 2 for an error that the user can correct."""
    with rare_collection():
        return exit_code(lambda: _main(options), lambda: stopped(options))


def _main(options: argparse.Namespace) -> int:
    from lstmstrat.report import terminal
    from lstmstrat.study.compare import compare

    found = compare(_results(options))
    if not options.quiet:
        terminal.print_comparison(found)
    _write(options, found)
    return 0


def _results(options: argparse.Namespace) -> dict[str, Result]:
    """Every run that is named, by its place; configs are run in one session, so that they share the training."""
    from lstmstrat.report import terminal
    from lstmstrat.results import run_folder
    from lstmstrat.study.prepare import load_config
    from lstmstrat.study.run import run

    if len({str(path) for path in options.runs}) < len(options.runs):
        raise ConfigError("a run is given twice; give each once")
    configs = {path: load_config(path) for path in options.runs if path.is_file()}
    made: dict[str, Result] = {}
    with (
        session_of(options) as session,
        terminal.stages(quiet=options.quiet) as stages,
        stages("running", "configs") as show,
    ):
        for path in options.runs:
            if path in configs:
                made[str(path)] = run(
                    configs[path], session=session, offline=options.offline, refresh=options.refresh
                )
            else:
                made[str(path)] = run_folder.read(path)
            show(len(made), len(options.runs))
    return made


def _write(options: argparse.Namespace, found: Comparison) -> None:
    from lstmstrat.report.comparison import markdown
    from lstmstrat.report.page.compare import comparison_page

    writers: list[tuple[Path | None, Callable[[], str]]] = [
        (options.html, lambda: comparison_page(found)),
        (options.markdown, lambda: markdown(found)),
        (options.csv, lambda: found.table().to_csv(index=False, lineterminator="\n")),
    ]
    for path, text in writers:
        if path is None:
            continue
        try:
            path.write_text(text(), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error.strerror}; give another file") from None
        print(path)
