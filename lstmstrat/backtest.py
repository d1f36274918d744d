"""``python -m lstmstrat.backtest CONFIG``: prices in, strategies on walk-forward forecasts, a report out.

`run` is the same without the command line. This module defines no classes: under ``python -m`` they would exist
twice.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmstrat.config import (
    DEFAULT_FEATURES,
    Config,
    ForecastConfig,
    StrategyConfig,
    mistakes,
    validated,
)
from lstmstrat.errors import ConfigError, DataError, LSTMStratError, StrategyError
from lstmstrat.yamlfile import override, read

if TYPE_CHECKING:
    import pandas as pd

    from lstmstrat.on_request import ProgressBar
    from lstmstrat.pipeline import Runs
    from lstmstrat.prices import Prices
    from lstmstrat.result import Result
    from lstmstrat.store import Store
    from lstmstrat.trainer import Progress, Trainer

MINIMUM_WINDOW = 30  # bars after the first forecast, below which no comparison means anything


def run(config: Config, *, trainer: Trainer | None = None, offline: bool = False) -> Result:
    """Backtest the strategies of `config` and buy-and-hold; nothing is written or printed.

    Parameters
    ----------
    trainer
        Where networks come from; by default one with the user's cache and a thread a core.
    offline
        Never use the network; ``source: yahoo`` is then an error.

    Raises
    ------
    ConfigError, DataError, StrategyError
        What is wrong and how to mend it.
    """
    from lstmstrat.pipeline import simulate_all
    from lstmstrat.trainer import current

    config, prices, _ = prepare(config, offline)
    with (trainer or current()).active() as active:
        return finish(simulate_all(config, prices, active), active, _silent)


def prepare(config: Config, offline: bool = False) -> tuple[Config, Prices, pd.DataFrame]:
    """Everything that can go wrong before training: `config` with train_size in bars, prices, and the folds.

    Raises
    ------
    ConfigError, DataError, StrategyError
        A strategy or feature that does not exist, prices that cannot be had, or too few of them.
    """
    from lstmstrat.folds import resolved, schedule
    from lstmstrat.forecast import plan
    from lstmstrat.prices import load
    from lstmstrat.result import fold_rows

    wrong = strategy_mistakes(list(enumerate(config.strategies)), config.forecast.features)
    _raise_all(wrong, "the config cannot be run:")
    prices = load(config.data, offline=offline)
    bars = len(prices.frame)
    heading = f"the config cannot be run on {bars} bars:"
    forecast = validated(ForecastConfig, resolved(config.forecast, bars).model_dump(), heading)
    needed = schedule(forecast).first_fit + 1 + MINIMUM_WINDOW
    if bars < needed:
        raise DataError(
            f"{prices.symbol} has {bars} bars, but train_size {forecast.train_size} with its warm-up, purge and "
            f"{MINIMUM_WINDOW} bars to trade needs {needed}; give an earlier start, a later end or less train_size"
        )
    folds = plan(forecast, prices.times, prices.bars)
    return config.model_copy(update={"forecast": forecast}), prices, fold_rows(folds, prices.frame.index)


def finish(runs: Runs, trainer: Trainer, progress: ProgressBar) -> Result:
    """What the runs found, with the seeds, null worlds and ladder that the config asks for.

    `progress(task, unit)` opens a bar for each of them.
    """
    from lstmstrat.ledger import enter
    from lstmstrat.on_request import on_request
    from lstmstrat.result import collect

    asked = on_request(runs, trainer, progress)
    tried = enter(trainer.store, runs.config, runs.strategies)
    return collect(runs, trainer, tried, asked, _audited(runs, trainer.store))


def _audited(runs: Runs, store: Store) -> Any:
    """The record of the look-ahead audit of this config, in its own store or the user's; None without one."""
    from lstmstrat import identity
    from lstmstrat.store import Store, default_path

    key, users = identity.of_audit(runs.config, runs.prices), default_path()
    record = store.recorded(key)
    if record is None and users.exists() and store.path != users:
        other = Store(users)
        record = other.recorded(key)
        other.close()
    return record


def strategy_mistakes(strategies: Sequence[tuple[int, StrategyConfig]], features: Sequence[str]) -> list[str]:
    """Every strategy that cannot be loaded, every wrong parameter and unknown feature, a line each.

    `strategies` come with their positions in the config.
    """
    from lstmstrat.features import feature_set
    from lstmstrat.strategy import check_params, load_strategy

    found = []
    for i, s in strategies:
        try:
            found += [
                f"strategies.{i}.params.{wrong}" for wrong in check_params(load_strategy(s.class_), s.params)
            ]
        except StrategyError as error:
            found.append(f"strategies.{i}.{error}")
    try:
        feature_set(features)
    except ConfigError as error:
        found.append(f"forecast.{error}")
    return found


def load_config(path: Path, settings: Sequence[str] = ()) -> Config:
    """The config in a YAML file, with what ``--set`` says put in.

    Raises
    ------
    ConfigError
        Every mistake in it at once, those in strategies and features included.
    """
    values = override(read(path), list(settings))
    found = mistakes(Config, values)
    _raise_all(found + strategy_mistakes(_sound_strategies(values), _named_features(values)), f"{path}:")
    return validated(Config, values, "")


def _sound_strategies(values: dict[str, Any]) -> list[tuple[int, StrategyConfig]]:
    """The entries that can be looked at more closely, whatever else is wrong."""
    entries = values.get("strategies")
    numbered = enumerate(entries) if isinstance(entries, list) else ()
    return [(i, validated(StrategyConfig, e, "")) for i, e in numbered if not mistakes(StrategyConfig, e)]


def _named_features(values: dict[str, Any]) -> Sequence[str]:
    forecast = values.get("forecast")
    names = forecast.get("features") if isinstance(forecast, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else DEFAULT_FEATURES


def _raise_all(found: Sequence[str], heading: str) -> None:
    if found:
        raise ConfigError("\n  ".join([heading, *found]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lstmstrat.backtest",
        description="Backtest strategies on walk-forward LSTM forecasts and compare each with buy-and-hold.",
        epilog="Example: python -m lstmstrat.backtest configs/aapl.yaml --set forecast.members=3 --out runs/three",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="YAML file, such as configs/aapl.yaml")
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder, new or empty (runs/<name>/<time>)")
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
    parser.add_argument("--offline", action="store_true", help="never use the network")
    cache = parser.add_mutually_exclusive_group()
    cache.add_argument(
        "--cache", type=Path, metavar="FILE", help="where fitted networks are kept (the user's cache)"
    )
    cache.add_argument("--no-cache", action="store_true", help="keep fitted networks for this run only")
    parser.add_argument("--quiet", action="store_true", help="print only the path of the report")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code: 0, 2 for what the user can mend, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        return _main(options)
    except LSTMStratError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from what is in the cache", file=sys.stderr)
        return 130


def _main(options: argparse.Namespace) -> int:
    config = load_config(options.config, [*options.set, *_short_settings(options)])
    folder = options.out or Path("runs") / config.name / f"{dt.datetime.now():%Y-%m-%d_%H%M%S}"
    from lstmstrat.pipeline import simulate_all
    from lstmstrat.report import files, html, terminal

    files.check_free(folder)
    with _trainer(options).active() as trainer:
        config, prices, folds = prepare(config, options.offline)
        if not options.quiet:
            terminal.print_folds(folds)
        with _progress(options.quiet, config.forecast.members) as trainer.progress:
            runs = simulate_all(config, prices, trainer)
        result = finish(runs, trainer, functools.partial(terminal.progress, quiet=options.quiet))
    files.write(result, folder, html.page(result) if config.report.html else None)
    if not options.quiet:
        terminal.print_result(result.summary)
    print(folder / ("report.html" if config.report.html else "summary.json"))
    return 0


def _short_settings(options: argparse.Namespace) -> list[str]:
    """The options that stand for a key of the config."""
    short = {"forecast.seed": options.seed, "report.seeds": options.seeds, "report.worlds": options.worlds}
    short["report.ladder"] = None if options.ladder is None else "true"
    return [f"{key}={value}" for key, value in short.items() if value is not None]


def _trainer(options: argparse.Namespace) -> Trainer:
    from lstmstrat.store import Store, default_path
    from lstmstrat.trainer import Trainer

    if options.jobs is not None and options.jobs < 1:
        raise ConfigError(f"--jobs {options.jobs}: expected at least 1")
    return Trainer(Store(None if options.no_cache else options.cache or default_path()), options.jobs)


@contextlib.contextmanager
def _progress(quiet: bool, members: int) -> Iterator[Progress | None]:
    """Tells the terminal of folds where the trainer counts networks, `members` a fold."""
    if quiet:
        yield None
        return
    from lstmstrat.report import terminal

    with terminal.progress() as report:
        yield lambda done, total: report(done // members, total // members)


@contextlib.contextmanager
def _silent(task: str, unit: str) -> Iterator[Progress]:
    yield lambda done, total: None


if __name__ == "__main__":
    sys.exit(main())
