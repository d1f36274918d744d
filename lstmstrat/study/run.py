"""From a config to a `Result`, step by step."""

from __future__ import annotations

import datetime as dt
import logging
import platform
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import pandas as pd

from lstmstrat.arrays import Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import Config
from lstmstrat.evaluation.calendar import years
from lstmstrat.forecasting.models import settled
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.prices.outside import Outside
from lstmstrat.report.result import Result
from lstmstrat.results import tables
from lstmstrat.results.assessment import (
    SCHEMA,
    Assessment,
    DataFacts,
    Origin,
    OutsideFacts,
    Period,
    WalkForwardFacts,
)
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.run import Run
from lstmstrat.store import Store, default_path
from lstmstrat.study.checks import run_checks, tripwires
from lstmstrat.study.extras import Extras, extra_checks, extras
from lstmstrat.study.fingerprint import not_identified
from lstmstrat.study.judge import skill, verdicts
from lstmstrat.study.prepare import Given, config_of, expected_cost, prepare
from lstmstrat.study.proof import OF_ONE, RunJudgement, judged
from lstmstrat.study.simulate import simulate_all
from lstmstrat.study.stages import Stages, silent
from lstmstrat.version import __version__

_log = logging.getLogger(__name__)

NO_SECTIONS: Mapping[str, Any] = MappingProxyType({})  # all of them by default, but for the strategies
PACKAGES = ("backtrader", "numba", "torch", "numpy", "pandas")


def run(
    config: Given = NO_SECTIONS,
    *,
    prices: Prices | pd.DataFrame | None = None,
    strategies: Sequence[Any] | None = None,
    session: Session | None = None,
    progress: bool | None = None,
    offline: bool = False,
    refresh: bool = False,
) -> Result:
    """Backtest the strategies of `config` and buy-and-hold; nothing is written.

    Parameters
    ----------
    config
        The name of a YAML file, the same sections as a dict, or a `Config`. In Python a strategy may be the class
        as such, ``{"class": MyStrategy, "params": {...}}``.
    prices
        In place of those that ``data:`` names: a frame as pandas, yfinance or a vendor's library gives it, or
        `Prices`. Of ``data:`` only dates, findings, extra columns and peers count then, and it may be left out.
    strategies
        In place of those of the config: classes, or pairs of a class and its parameters, or entries of a config:
        ``[MyStrategy, (MyStrategy, {"threshold": 0.01})]``.
    session
        Store, ledger, threads and progress; by default a session with the user's cache and ledger and one thread
        per core.
    progress
        Whether bars show how far the run is: None in a notebook only, True also in a terminal, False nowhere.
    offline
        Whether the network must not be used; of ``source: yahoo`` the newest download that is kept is.
    refresh
        Whether to download anew what is kept; a notice says which bars changed.

    Raises
    ------
    ConfigError, DataError, StrategyError
        The config, the prices or a strategy cannot be used; the message says what to change.

    Examples
    --------
    >>> import lstmstrat
    >>> class Cautious(lstmstrat.ForecastStrategy):
    ...     params = (("threshold", 0.0),)
    ...
    ...     def target_exposure(self):
    ...         return 1.0 if self.forecast > self.p.threshold else 0.0
    >>> result = lstmstrat.run(
    ...     {"data": {"symbol": "AAPL", "start": "2011-01-03"}, "forecast": {"model": "ridge", "train_size": 250}},
    ...     strategies=[Cautious, (Cautious, {"threshold": 0.001})],
    ... )
    >>> list(result.equity.columns)
    ['buy_and_hold', 'cautious', 'cautious(threshold=0.001)']
    >>> result
    <Result of backtest: AAPL, 2012-03-14 to 2013-03-01>
    None of the 2 strategies did reliably better than simply holding AAPL.
    With cautious, 100,000 became 71,608 in 12 months; holding AAPL, it became 72,741.
    """
    checked = config_of(config, strategies)
    if session is None:
        with Session(Store(default_path())) as default_session:
            return _run(checked, prices, default_session, progress, offline, refresh)
    return _run(checked, prices, session, progress, offline, refresh)


def shown_stages(progress: bool | None) -> AbstractContextManager[Stages]:
    """The stages of a run for somebody who works in Python; see `run`."""
    from lstmstrat.report import terminal

    wanted = terminal.in_notebook() if progress is None else progress
    return terminal.stages(quiet=not wanted)


def _run(
    config: Config,
    given: Prices | pd.DataFrame | None,
    session: Session,
    progress: bool | None,
    offline: bool,
    refresh: bool,
) -> Result:
    if config.data.universe is not None:
        return _run_panel(config, given, session, progress, offline, refresh)
    with shown_stages(progress) as stages:
        with stages("prices", ""):
            config, prices = prepare(config, offline, refresh, given)
        session.ledger.read()  # so that it is known before the training if it cannot be used
        if long := expected_cost(config, prices, session):
            _log.warning(long)
        return finish(simulate_all(config, prices, session, stages), session, stages)


def _run_panel(
    config: Config,
    given: Prices | pd.DataFrame | None,
    session: Session,
    progress: bool | None,
    offline: bool,
    refresh: bool,
) -> Result:
    from lstmstrat.study.panel.run import prepare_panel, run_panel

    with shown_stages(progress) as stages:
        with stages("prices", ""):
            config, panel = prepare_panel(config, offline, refresh, given)
        session.ledger.read()
        return run_panel(config, panel, session, stages)


def finish(run: Run, session: Session, stages: Stages = silent, command: str = "") -> Result:
    """The result of a run, with the seeds, null worlds and ladder that its config asks for.

    `stages` are told of each of these; `command` is the command line of the run.
    """
    extra_results = extras(run, session, stages)
    with stages("judging", "strategies"):
        judgement = judged(run, run_checks(run, session), extra_results, session, stages, OF_ONE)
    folds = tables.folds(run)
    return Result(
        config=run.config,
        assessment=_assessment(run, session, judgement, extra_results, folds, command),
        equity=tables.equity(run),
        exposure=tables.exposure(run),
        forecasts=tables.forecasts(run),
        folds=folds,
        orders=tables.orders(run),
        trades=tables.trades(run),
        prices=tables.prices(run),
    )


def _assessment(
    run: Run, session: Session, judgement: RunJudgement, extra_results: Extras, folds: pd.DataFrame, command: str
) -> Assessment:
    forecast_skill = skill(run, folds, session.store)
    return Assessment(
        schema=SCHEMA,
        name=run.config.name,
        made=origin(command, session),
        data=_data(run, [*run.prices.notices, *_notices(run), *session.notices]),
        costs=run.config.broker,
        walk_forward=walk_forward_facts(
            settled(run.forecasts.config),
            run.prices.times[run.before(run.forecasts) :],
            [record.fold for record in run.forecasts.folds],
            session,
        ),
        period=period(run),
        benchmark=run.benchmark.performance(run.periods),
        strategies=judgement.strategies,
        forecast_skill=forecast_skill,
        ladder=extra_results.ladder,
        verdict=verdicts(run, judgement.strategies, session.store),
        trials=judgement.trials,
        checks=(
            *judgement.checks,
            tripwires(run, forecast_skill),
            *extra_checks(extra_results),
        ),
        versions=versions(),
    )


def origin(command: str, session: Session) -> Origin:
    """When a run is made, by which command, and on which processors."""
    return Origin(f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S+00:00}", command, session.processors)


_version = cache(version)  # which reads a file of the installed package


def versions() -> dict[str, str]:
    """The versions of Python, of this package and of those that numbers pass through."""
    packages = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "lstmstrat": __version__, **packages}


def _data(run: Run, notices: Sequence[str]) -> DataFacts:
    prices, index = run.prices, run.prices.frame.index
    return DataFacts(
        symbol=prices.symbol,
        source=prices.source,
        first=_date(index[0]),
        last=_date(index[-1]),
        bars=len(index),
        sha256=prices.sha256,
        **asdict(prices.vendor),
        notices=tuple(notices),
        faults=run.faults,
        outside=_outside(prices.outside),
    )


def _outside(outside: Outside) -> tuple[OutsideFacts, ...]:
    kinds = ["column"] * len(outside.extra) + ["peer"] * len(outside.peers)
    return tuple(
        OutsideFacts(
            kind=kind,
            name=stream.name,
            path=stream.path,
            rows=len(stream.known),
            first=_date(stream.known[0]),
            last=_date(stream.known[-1]),
            lag=stream.lag,
            sha256=stream.sha256,
        )
        for kind, stream in zip(kinds, outside.streams, strict=True)
    )


def period(run: BaseRun) -> Period:
    """The traded window of a run."""
    dates = run.dates
    return Period(
        first=_date(dates[0]),
        last=_date(dates[-1]),
        bars=len(dates),
        years=years(dates.to_numpy()),
        periods_per_year=run.periods,
        counted_per_year=run.calendar.counted,
    )


def _notices(run: Run) -> list[str]:
    """Notices on code without an identity, a warm start, a forecast of a strategy's own, and missing forecasts."""
    forecasts = run.forecasts
    own_forecast = [
        "forecasts, folds and skill are those of a strategy's own LSTMForecast, not of the forecast: section"
    ]
    missing = [f"no forecast on {sentence}" for sentence in forecasts.not_forecast]
    constants = sum(record.constant for record in forecasts.folds)
    equal = [f"{constants} of {len(forecasts.folds)} folds have equal labels, and forecast that constant"]
    missing += equal if constants else []
    warm_start = [
        "warm_start: a fold began with the weights of the one before, so all forecasts depend on the first fold"
    ]
    notices = warm_start if forecasts.config.warm_start else []
    notices = _unidentified(run) + notices
    return notices + (missing if forecasts.config == run.config.forecast else own_forecast + missing)


def _unidentified(run: Run) -> list[str]:
    """One notice on all strategies whose code has no identity."""
    reasons = [f"{name}: {not_identified(code)}" for name, code in run.code.items() if code.sha256 is None]
    if not reasons:
        return []
    return [f"seeds and null worlds are worked out anew in each run, and no audit is known: {'; '.join(reasons)}"]


SETTINGS = (
    "model",
    "members",
    "train_size",
    "refit_every",
    "lookback",
    "horizon",
    "purge",
    "mode",
    "calibration",
    "quantiles",
    "up_threshold",
    "seed",
)


def walk_forward_facts(
    config: ForecastConfig, times: Times, folds: Sequence[Fold], session: Session
) -> WalkForwardFacts:
    """The walk-forward of a run whose folds count `times`, and the number of models it needed."""
    settings: dict[str, Any] = {name: getattr(config, name) for name in SETTINGS}
    return WalkForwardFacts(
        **settings,
        folds=len(folds),
        first_forecast=_date(times[folds[0].fitted_at]) if folds else None,
        fitted=session.fitted,
        cached=session.cached,
        failed=session.failed,
        fit_seconds=session.seconds,
    )


def _date(time: Any) -> str:
    stamp = pd.Timestamp(time)
    return str(stamp.date()) if stamp == stamp.normalize() else stamp.isoformat()
