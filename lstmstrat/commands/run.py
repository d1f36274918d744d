"""``python -m lstmstrat.backtest CONFIG``: runs strategies on walk-forward forecasts and writes a report."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import functools
import gc
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.commands.console import add_cache_options, add_price_options, at_home, cache_of, exit_code
from lstmstrat.errors import ConfigError

if TYPE_CHECKING:
    from lstmstrat.forecasting.session import Progress, Session
    from lstmstrat.store import Store


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lstmstrat.backtest",
        description="Backtest strategies on walk-forward LSTM forecasts and compare each with buy-and-hold.",
        epilog="Example: python -m lstmstrat.backtest configs/aapl.yaml --set forecast.members=3 --out runs/three",
    )
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
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="training threads (one a core); the numbers do not change"
    )
    add_price_options(parser)
    add_cache_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print only the path of the report")
    parser.set_defaults(store=None)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 2 for an error that the user can correct, or 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    with _rare_collection():
        return exit_code(lambda: _main(options), lambda: _stopped(options))


def _stopped(options: argparse.Namespace) -> str:
    return "stopped; the same command goes on from what is in the cache" if _keeps(options) else "stopped"


def _keeps(options: argparse.Namespace) -> bool:
    """Whether there is a cache, and it could be used so far."""
    store: Store | None = options.store
    return not options.no_cache and (store is None or store.path is not None)


@contextlib.contextmanager
def _rare_collection() -> Iterator[None]:
    """Look for garbage in cycles less often: the simulations make many objects, and hardly any such garbage."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)  # a tenth less time, and 17 MB more
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _main(options: argparse.Namespace) -> int:
    from lstmstrat.study.prepare import expected_cost, load_config, planned_folds, prepare

    config = load_config(options.config, [*options.set, *_short_settings(options)])
    default = Path("runs") / config.name / f"{dt.datetime.now():%Y-%m-%d_%H%M%S}"
    from lstmstrat.forecasting.models import settled
    from lstmstrat.prices.acceptance import all_faults
    from lstmstrat.report import html, terminal
    from lstmstrat.results import run_folder
    from lstmstrat.study.run import finish
    from lstmstrat.study.simulate import simulate_all

    named = options.out or run_folder.free_place(default)  # as the user writes it
    folder = named.absolute()  # code of the user's may change the directory
    run_folder.check_free(folder)
    with _session(options) as session:
        config, prices = prepare(config, options.offline, options.refresh)
        session.ledger.read()  # so that it is known before the training if it cannot be used
        long = expected_cost(config, prices, session)
        if not options.quiet:
            terminal.print_findings(all_faults(prices, config.data))
            terminal.print_folds(planned_folds(config, prices), note=long)
        with _progress(options.quiet, settled(config.forecast).members) as session.progress:
            run = simulate_all(config, prices, session)
        session.progress = None
        progress_bar = functools.partial(terminal.progress, quiet=options.quiet)
        result = finish(run, session, progress_bar, _command(options))
    try:
        written = run_folder.write(result, folder, html.page(result) if config.report.html else None)
    except ConfigError as error:
        kept = "; fitted folds are kept in the cache" if _keeps(options) else ""
        raise ConfigError(f"{error}{kept}") from error
    if not options.quiet:
        terminal.print_result(result.assessment)
    print((named if written == folder else written) / ("report.html" if config.report.html else "summary.json"))
    return 0


def _short_settings(options: argparse.Namespace) -> list[str]:
    """The options that set a key of the config, in the form of ``--set``."""
    values = {"forecast.seed": options.seed, "report.seeds": options.seeds, "report.worlds": options.worlds}
    values["report.ladder"] = None if options.ladder is None else "true"
    return [f"{key}={value}" for key, value in values.items() if value is not None]


def _command(options: argparse.Namespace) -> str:
    """A command that gives the same numbers."""
    settings = [*options.set, *_short_settings(options)]
    words = ["python", "-m", "lstmstrat.backtest", str(options.config)]
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])


def _session(options: argparse.Namespace) -> Session:
    from lstmstrat.forecasting.session import Session

    if options.jobs is not None and options.jobs < 1:
        raise ConfigError(f"--jobs {options.jobs}: expected at least 1")
    options.store = cache_of(options)
    return Session(options.store, options.jobs)


@contextlib.contextmanager
def _progress(quiet: bool, members: int) -> Iterator[Progress | None]:
    """Shows the progress in folds in the terminal; the session counts networks, `members` per fold."""
    if quiet:
        yield None
        return
    from lstmstrat.report import terminal

    with terminal.progress() as show:
        yield lambda done, total: show(done // members, total // members)
