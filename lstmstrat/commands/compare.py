"""``lstmstrat compare RUN RUN ...``: several runs side by side."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.commands.console import (
    add_work_options,
    at_home,
    check_file,
    exit_code_of_work,
    read_config,
    session_of,
)
from lstmstrat.errors import ConfigError, count

if TYPE_CHECKING:
    from lstmstrat.config.schema import Config
    from lstmstrat.forecasting.session import Session
    from lstmstrat.results.comparison import Comparison
    from lstmstrat.results.result import Result
    from lstmstrat.study.stages import Stages

DESCRIPTION = (
    "Compare runs over strategies, seeds, models, assets or periods: what differs in their configs, what they "
    "earned, and whether the difference on their common dates is more than luck. The first run is the reference."
)
EPILOG = "Example: lstmstrat compare configs/aapl.yaml runs/aapl/2026-01-31_120000 --html compare.html"


MOST_RUNS = 10  # that are named where a folder of runs is given


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "runs", type=at_home, nargs="+", metavar="RUN", help="run folder, or a config, which is run"
    )
    parser.add_argument("--html", type=at_home, metavar="FILE", help="write a page there")
    parser.add_argument("--markdown", type=at_home, metavar="FILE", help="write Markdown there")
    parser.add_argument("--csv", type=at_home, metavar="FILE", help="write a row for each strategy there")
    add_work_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print no table, only what was written")


def work(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0, or 2 for an error that the user can correct."""
    return exit_code_of_work(_main, options)


def _main(options: argparse.Namespace) -> int:
    from lstmstrat.report import terminal
    from lstmstrat.study.compare import compare

    found = compare(_results(options))
    if not options.quiet:
        terminal.print_comparison(found)
    _write(options, found)
    return 0


def _results(options: argparse.Namespace) -> dict[str, Result]:
    """Every run that is named, by its place; whatever is wrong with one is said before any is run."""
    from lstmstrat.results import run_folder

    paths = list[Path](options.runs)
    for path in paths:
        _check_no_folder_of_runs(path)
    if len(paths) < 2:
        beside = [run for run in run_folder.folders_in(paths[0].parent) if run != paths[0]]
        other = beside[-1] if beside else "OTHER"
        raise ConfigError(
            f"{paths[0]} alone given; expected two runs or more: lstmstrat compare {paths[0]} {other}"
        )
    if len({path.resolve() for path in paths}) < len(paths):
        raise ConfigError("a run is given twice; give each once")
    for name in ("html", "markdown", "csv"):
        check_file(f"--{name}", getattr(options, name))
    configs = {str(path): read_config(path) for path in paths if _is_config(path)}
    read = {str(path): run_folder.read(path) for path in paths if str(path) not in configs}
    made = read | (_run(configs, options) if configs else {})
    return {str(path): made[str(path)] for path in paths}


def _check_no_folder_of_runs(path: Path) -> None:
    """Raise with the runs that may be meant, if a folder of runs is named in place of a run."""
    from lstmstrat.results import run_folder

    if (path / "summary.json").exists() or not (runs := run_folder.folders_in(path)):
        return
    example = " ".join(map(str, runs[-2:])) if len(runs) > 1 else f"{runs[0]} OTHER"
    said = (
        f"{path} is a folder of {count(len(runs), 'run')}; name those that you mean: lstmstrat compare {example}"
    )
    heading = f"the last {MOST_RUNS} are" if len(runs) > MOST_RUNS else "these are"
    raise ConfigError("\n  ".join([said, heading, *map(str, runs[-MOST_RUNS:])]))


def _is_config(path: Path) -> bool:
    """Whether a config is named, and not the folder of a run or a file in one."""
    return path.suffix in (".yaml", ".yml") or (path.is_file() and not (path.parent / "summary.json").exists())


def _run(configs: dict[str, Config], options: argparse.Namespace) -> dict[str, Result]:
    """The results of configs, by their places, from one session, so that equal forecasts are trained once."""
    from lstmstrat.report import terminal

    made: dict[str, Result] = {}
    with session_of(options) as session, terminal.stages(quiet=options.quiet) as stages:
        session.ledger.read()  # so that it is known before the training if it cannot be used
        ready = {place: _prepared(config, options, session, stages) for place, config in configs.items()}
        with stages("comparison", "configs") as show:
            for place, work_out in ready.items():
                show(len(made), len(ready))
                made[place] = work_out()
    return made


def _prepared(
    config: Config, options: argparse.Namespace, session: Session, stages: Stages
) -> Callable[[], Result]:
    """What runs a config whose prices are read by now, so that none of them ends a run that others wait for."""
    from lstmstrat.study.panel.run import prepare_panel, run_panel
    from lstmstrat.study.prepare import prepare
    from lstmstrat.study.run import finish
    from lstmstrat.study.simulate import simulate_all

    if config.data.universe is not None:
        config, panel = prepare_panel(config, options.offline, options.refresh)
        return lambda: run_panel(config, panel, session, stages)
    config, prices = prepare(config, options.offline, options.refresh)
    return lambda: finish(simulate_all(config, prices, session, stages), session, stages)


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
