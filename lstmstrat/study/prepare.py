"""Checks before the training: the config, its strategies, its features, its model and its prices."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmstrat.config.data import DataConfig
from lstmstrat.config.files import files_beside, override, read
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.names import wrong_names
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.config.search import folders_of, searched
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, DataError, StrategyError, as_path

if TYPE_CHECKING:
    import pandas as pd

    from lstmstrat.forecasting.session import Session
    from lstmstrat.prices import Prices

MINIMUM_WINDOW = 30  # bars after the first forecast, below which no comparison means anything


def load_config(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Config:
    """Read a config from a YAML file.

    Parameters
    ----------
    path
        The YAML file. Modules that it names are looked for in its folder, in the nearest folder above it that has
        a ``pyproject.toml`` or a ``.git``, and in the current directory, before all that is on the path; files of
        prices in the current directory, then beside it.
    settings
        Changes to values of the config, as ``--set`` takes them: ``["forecast.members=3"]``.

    Raises
    ------
    ConfigError
        The config has mistakes. The message lists all of them, those of what it names too: strategies, their
        parameters, features, conditions and the model. Where a key or a value is wrong, nothing is imported: the
        message then says of names that there is no such built-in feature or model, no such module, or nothing of
        that name in the text of the module. What only an import shows comes once keys and values are right: the
        parameters of a class, whether it is a strategy or a model, and errors of the module itself.

    Examples
    --------
    >>> import lstmstrat
    >>> config = lstmstrat.load_config("configs/aapl.yaml", ["forecast.members=3"])
    >>> config.data.symbol, config.forecast.members
    ('AAPL', 3)
    """
    path = as_path(path, "the name of a YAML file, such as configs/aapl.yaml; lstmstrat.run takes a dict too")
    if isinstance(settings, str):
        raise ConfigError(
            f"settings: {settings!r:.60} given, expected a list of such settings; write [{settings!r:.60}]"
        )
    return config_of_file(path, override(read(path), list(settings)))


def config_of_file(path: Path, values: dict[str, Any]) -> Config:
    """The values of a file as a config, as `load_config` checks it; its folder is searched too."""
    with searched(folders_of(path)):
        return _checked(files_beside(values, path.parent), f"{path}:")


Given = Config | Mapping[str, Any] | str | os.PathLike[str]
"""What a user may hand over as a config."""


def config_of(given: Given, strategies: Sequence[Any] | None = None) -> Config:
    """A config, the same as a dict of its sections, or the path of a YAML file, as a config.

    `strategies` stand in place of those that it has. A `Config` is not checked for what it names; `prepare` is
    going to.

    Raises
    ------
    ConfigError
        It has mistakes: a sentence for each, as by `load_config`.
    """
    if isinstance(given, (str, os.PathLike)):
        if strategies is None:
            return load_config(given)
        path = as_path(given, "the name of a YAML file")
        return config_of_file(path, {**read(path), "strategies": strategies})
    if isinstance(given, Config):
        own = {} if strategies is None else {"strategies": strategies}
        return validated(Config, {**dict(given), **own}, "config:") if own else given
    if isinstance(given, Mapping):
        return _checked(dict(given) if strategies is None else {**given, "strategies": strategies}, "config:")
    kind = type(given).__name__
    raise ConfigError(
        f"config: {kind} given, expected a Config, a dict of its sections or the name of a YAML file"
    )


def _checked(values: dict[str, Any], heading: str) -> Config:
    """The values as a config, what they name looked at too."""
    try:
        config = validated(Config, values, heading)
    except ConfigError as error:
        raise ConfigError("\n  ".join([str(error), *wrong_names(values)])) from None
    _raise_all(_plugin_mistakes(config), heading)
    return config


Loaded = dict[str, "tuple[DataConfig, Prices]"]
"""Prices and their ``data:`` section as the run knows it, by that section as it was given."""


def prepare(
    config: Config,
    offline: bool = False,
    refresh: bool = False,
    prices: Prices | pd.DataFrame | None = None,
    loaded: Loaded | None = None,
) -> tuple[Config, Prices]:
    """`config` with train_size in bars, and its prices; `offline` and `refresh` as in `load_prices`.

    `prices` stand in place of those that ``data:`` names, and the config says so then. Prices that are in `loaded`
    are taken from there, and others put there, so that several configs share them.

    Raises
    ------
    ConfigError, DataError
        A strategy, feature or model does not exist, the prices cannot be loaded, or there are too few of them.
    StrategyError
        A strategy cannot be built with these settings; the message has all of them.
    """
    from lstmstrat.evaluation.skill import load_libraries
    from lstmstrat.forecasting.schedule import resolved
    from lstmstrat.study.build import building_mistakes

    check_plugins(config)
    load_libraries()  # before the training: one that fails to load at the end would lose it
    known = {} if loaded is None else loaded
    section = config.data.model_dump_json()
    if section not in known:
        known[section] = _load(config.data, offline, refresh, prices)
    data, found = known[section]
    config = config.model_copy(update={"data": data})
    bars = len(found.frame)
    heading = f"the config cannot be run on {bars} bars:"
    forecast = validated(ForecastConfig, resolved(config.forecast, bars).model_dump(), heading)
    _check_length(forecast, found)
    config = config.model_copy(update={"forecast": forecast})
    if lines := building_mistakes(config, found):
        raise StrategyError("\n  ".join(["strategies and settings do not go together:", *lines]))
    return config, found


def check_plugins(config: Config) -> None:
    """Refuse a config whose strategies, features, condition or model are not there; all mistakes at once."""
    _raise_all(_plugin_mistakes(config), "the config cannot be run:")


def _load(
    data: DataConfig, offline: bool, refresh: bool, prices: Prices | pd.DataFrame | None
) -> tuple[DataConfig, Prices]:
    from lstmstrat.prices.sources import handed_over, load

    if prices is None:
        return data, load(data, offline=offline, refresh=refresh)
    return handed_over(prices, data, offline=offline, refresh=refresh)


def planned_folds(config: Config, prices: Prices) -> pd.DataFrame:
    """The folds that are going to be fitted, as the table of `tables.fold_dates`."""
    from lstmstrat.forecasting.walk_forward import plan
    from lstmstrat.results.tables import fold_dates

    return fold_dates(plan(config.forecast, prices.times, prices.bars, prices.outside), prices.frame.index)


def expected_cost(config: Config, prices: Prices, session: Session) -> str:
    """A sentence on time and memory of the training, if they are large; else ''.

    The seeds, null worlds and the ladder train as often again, the ladder less, so it is counted as once.

    Raises
    ------
    ConfigError
        The memory of this machine does not suffice.
    """
    from lstmstrat.forecasting.cost import SAID, check_memory, cost
    from lstmstrat.forecasting.models import model_of
    from lstmstrat.forecasting.schedule import schedule

    forecast, report = config.forecast, config.report
    sets = [fold.bars for fold in schedule(forecast).folds(prices.times)]
    times = report.seeds + report.worlds + report.ladder
    inputs = len(forecast.features) + len(config.data.peers) * len(forecast.peer_features)
    model = model_of(forecast)
    estimate = cost(model, forecast.members, sets, inputs, session.jobs, times)
    check_memory(estimate)
    if session.told is not None:
        session.told.add(SAID)
    return str(estimate) if estimate.large else ""


def _check_length(forecast: ForecastConfig, prices: Prices) -> None:
    from lstmstrat.forecasting.schedule import schedule

    bars, needed = len(prices.frame), schedule(forecast).first_fit + 1 + MINIMUM_WINDOW
    if bars < needed:
        raise DataError(
            f"{prices.symbol} has {bars} bars, but train_size {forecast.train_size} with its warm-up, purge and "
            f"{MINIMUM_WINDOW} bars to trade needs {needed}; give an earlier start, a later end or less train_size"
        )


def _plugin_mistakes(config: Config) -> list[str]:
    """One line for every mistake in what the config names: strategies, parameters, features, conditions, model.

    Whatever is named is loaded for it, and Backtrader with the strategies.
    """
    from lstmstrat.config.plugins import changed_files
    from lstmstrat.forecasting.features import feature_set
    from lstmstrat.forecasting.models import model_of

    forecast, classes = config.forecast, [strategy.path for strategy in config.strategies]
    lines = [line for i, strategy in enumerate(config.strategies) for line in _strategy_mistakes(i, strategy)]
    refit_when = [forecast.refit_when] if forecast.refit_when else []
    for load_plugin in (
        lambda: feature_set(forecast.features),
        lambda: feature_set(forecast.peer_features, "peer_features"),
        lambda: feature_set(refit_when, "refit_when"),
        lambda: model_of(forecast),
    ):
        try:
            load_plugin()
        except ConfigError as error:
            lines += [f"forecast.{line}" for line in str(error).split("\n  ")]
    if config.portfolio is not None:
        classes += config.portfolio.own_code
        lines += _portfolio_mistakes(config.portfolio)
    return lines + changed_files((*classes, *forecast.own_code))


def _portfolio_mistakes(rule: PortfolioConfig) -> list[str]:
    from lstmstrat.trading.portfolio.optimiser import optimiser_of
    from lstmstrat.trading.portfolio.own import own_rule

    try:
        if rule.own:
            own_rule(rule)
        optimiser_of(rule)
    except ConfigError as error:
        return [str(error)]
    return []


def _strategy_mistakes(position: int, strategy: StrategyConfig) -> list[str]:
    from lstmstrat.trading.parameters import check_params, load_strategy

    try:
        lines = check_params(load_strategy(strategy.class_), strategy.params)
    except StrategyError as error:
        return [f"strategies.{position}.{error}"]
    return [f"strategies.{position}.params.{line}" for line in lines]


def _raise_all(lines: Sequence[str], heading: str) -> None:
    if lines:
        raise ConfigError("\n  ".join([heading, *lines]))
