"""`lstmstrat.sweep` and `lstmstrat.compare`, for values of Python in place of what a command line has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from lstmstrat.config.files import changed, one_line
from lstmstrat.config.schema import Config
from lstmstrat.config.section import plain, plain_value
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.prices.sources import as_prices
from lstmstrat.report.result import Comparison, Sweep
from lstmstrat.results import run_folder
from lstmstrat.results.result import Result
from lstmstrat.results.sweep import Axis
from lstmstrat.store import Store, default_path
from lstmstrat.study import compare as study_compare
from lstmstrat.study import sweep as study_sweep
from lstmstrat.study.prepare import Given, config_of
from lstmstrat.study.run import shown_stages
from lstmstrat.study.sweep import sound


def sweep(
    config: Given,
    over: Mapping[str, Sequence[Any]],
    *,
    strategies: Sequence[Any] | None = None,
    prices: Prices | pd.DataFrame | None = None,
    session: Session | None = None,
    progress: bool | None = None,
    offline: bool = False,
    refresh: bool = False,
) -> Sweep:
    """Run a config at every point of a grid; each point is a trial, and all of them deflate each.

    Equal forecasts are trained once. ``best(strategy)`` of what it gives says whether the best point stands on a
    plateau; ``table()`` has a row for each strategy at each point. In a notebook it shows both. A point that fails
    while it runs is in ``failures``, and the others go on.

    Parameters
    ----------
    config
        As for `run`.
    over
        The values of each key of the config: ``{"forecast.epochs": [6, 10], "strategies.0.params.threshold": [0.0,
        0.001]}``.
    strategies, prices
        In place of those of the config, as for `run`.
    session
        Store, ledger, threads and progress, as for `run`.
    progress
        Whether bars show how far the sweep is, as for `run`.
    offline, refresh
        As for `run`.

    Raises
    ------
    ConfigError, DataError, StrategyError
        A point cannot be run; nothing has been trained then.
    StrategyError
        All points failed while they ran.

    Examples
    --------
    >>> import lstmstrat
    >>> config = {"data": {"start": "2011-01-03"}, "forecast": {"model": "ridge", "train_size": 250}}
    >>> config["strategies"] = [{"class": "strategies.long_flat:LongFlat"}]
    >>> found = lstmstrat.sweep(config, {"strategies.0.params.threshold": [0.0, 0.001, 0.002]})
    >>> found.table()["strategies.0.params.threshold"].tolist()
    ['0.0', '0.001', '0.002']
    >>> found.outcomes[0].trials
    3
    """
    if session is None:
        with Session(Store(default_path())) as default_session:
            return sweep(
                config,
                over,
                strategies=strategies,
                prices=prices,
                session=default_session,
                progress=progress,
                offline=offline,
                refresh=refresh,
            )
    axes, base = _axes(over), config_of(config, strategies)
    if prices is not None:
        prices = as_prices(prices, base.data)
    values = base.model_dump(by_alias=True, exclude_unset=True)  # what is by default may not be allowed when set

    def made(settings: list[str]) -> Config:
        return config_of(reduce(changed, settings, values))

    with shown_stages(progress) as stages:
        session.ledger.read()  # so that it is known before the training if it cannot be used
        return study_sweep.sweep(made, axes, session, stages, offline, refresh, prices, "sweep:")


def _axes(over: Mapping[str, Sequence[Any]]) -> tuple[Axis, ...]:
    """Keys and values of Python as axes.

    >>> _axes({"forecast.epochs": [6, 10], "forecast.model": ["ridge"]})[0]
    Axis(key='forecast.epochs', values=('6', '10'))
    """
    if not isinstance(over, Mapping) or not over:
        raise ConfigError('sweep: expected keys and their values, such as {"forecast.epochs": [6, 10]}')
    axes, mistakes = list[Axis](), list[str]()
    for key, given in over.items():
        if isinstance(given, str) or not isinstance(given, Iterable):
            mistakes.append(f"sweep: {key}: {given!r:.60} given, expected a list of values, such as [6, 10]")
            continue
        try:
            axes.append(Axis(str(key), tuple(one_line(plain_value(value)) for value in given)))
        except ValueError as error:  # also a ConfigError
            mistakes.append(f"sweep: {error}")
    return sound(axes, mistakes, "sweep")


def compare(
    runs: Sequence[Result | str | PathLike[str]] | Mapping[str, Result | str | PathLike[str]],
) -> Comparison:
    """Several runs side by side: what differs in their configs, and what they earned, luck allowed for.

    The first run is the reference. In a notebook it shows its sentences and a row for each strategy of each run.

    Parameters
    ----------
    runs
        Results, or the folders of runs. The names of a dict are what its runs are called; those of a list are
        called by what tells them apart.

    Raises
    ------
    ConfigError
        There are fewer than two runs, one is given twice, or one is neither a result nor the name of a folder. A
        config is run first, by `run`. A name of a dict is not one line of text, or comes again.
    DataError
        A folder has no run.

    Examples
    --------
    >>> import lstmstrat
    >>> config = {"data": {"start": "2011-01-03"}, "forecast": {"model": "ridge", "train_size": 250}}
    >>> config["strategies"] = [{"class": "strategies.long_flat:LongFlat"}]
    >>> first = lstmstrat.run(config)
    >>> second = lstmstrat.run({**config, "broker": {"commission": 0.002}})
    >>> lstmstrat.compare([first, second]).differing
    ('broker.commission',)
    >>> [run.label for run in lstmstrat.compare({"cheap": first, "dear": second}).runs]
    ['cheap', 'dear']
    """
    if isinstance(runs, (str, PathLike, Result)) or not isinstance(runs, Iterable):
        raise ConfigError(f"compare: {type(runs).__name__} given, expected a list of results or of run folders")
    if isinstance(runs, Mapping):
        labels = _labels(runs)
        results = dict(zip(labels, map(_result, runs.values()), strict=True))
        return study_compare.compare(results, labels)
    return study_compare.compare(_named([(_place(run), _result(run)) for run in runs]))


def _labels(names: Iterable[object]) -> list[str]:
    """The names of a dict of runs as text, which terminal, page and CSV show.

    >>> _labels(["with peers", 2])
    ['with peers', '2']
    """
    labels = list[str]()
    for name in names:
        try:
            label = plain(str(name))
        except ValueError as error:
            raise ConfigError(f"compare: a run is called {name!r:.60}; {error}") from None
        if label in labels:
            raise ConfigError(f"compare: two runs are called {label!r}; give one of them another name")
        labels.append(label)
    return labels


RUN_IT = "lstmstrat.compare([lstmstrat.run({}), ...])"


def _result(run: Result | str | PathLike[str]) -> Result:
    if isinstance(run, Result):
        return run
    if isinstance(run, (Config, Mapping)):
        raise ConfigError(f"compare: a config given; run it first: {RUN_IT.format('config')}")
    if isinstance(run, (str, PathLike)) and Path(run).suffix in (".yaml", ".yml"):
        raise ConfigError(
            f"compare: {run} given, which is a config; run it first: {RUN_IT.format(repr(str(run)))}"
        )
    if isinstance(run, (str, PathLike)):
        return run_folder.read(Path(run))
    raise ConfigError(f"compare: {type(run).__name__} given, expected a result or the folder of a run")


def _place(run: object) -> str:
    """What a run is called: its folder, or the name in its config."""
    return run.config.name if isinstance(run, Result) else str(run)


def _named(results: Sequence[tuple[str, Result]]) -> dict[str, Result]:
    """The results by their places; where a place comes again, it has a number.

    >>> list(_named([("a", None), ("b", None), ("a", None)]))
    ['a', 'b', 'a #2']
    """
    named = dict[str, Result]()
    for place, result in results:
        number = sum(other == place or other.startswith(f"{place} #") for other in named) + 1
        named[place if number == 1 else f"{place} #{number}"] = result
    return named
