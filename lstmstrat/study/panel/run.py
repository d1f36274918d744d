"""From the config of a universe to a `Result`, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import Config
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, DataError
from lstmstrat.evaluation.reliability import reliability
from lstmstrat.evaluation.skill import SkillTests, forecast_skill
from lstmstrat.forecasting.features import feature_set
from lstmstrat.forecasting.schedule import resolved, schedule
from lstmstrat.forecasting.session import Session
from lstmstrat.prices.panel import CLEAN, Panel
from lstmstrat.prices.panel_sources import load_panel
from lstmstrat.report.result import Result
from lstmstrat.results import tables
from lstmstrat.results.assessment import (
    SCHEMA,
    Assessment,
    DataFacts,
    FoldSkill,
    ForecastSkill,
)
from lstmstrat.results.panel import tables as panel_tables
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study.extras import Attempts, Extras, extra_checks, failure_text
from lstmstrat.study.judge import verdicts
from lstmstrat.study.panel.audits import OF_UNIVERSE
from lstmstrat.study.panel.checks import run_checks
from lstmstrat.study.panel.evidence import panel_facts, universe_facts
from lstmstrat.study.panel.ladder import PanelClimb, panel_ladder
from lstmstrat.study.panel.replicas import depends_on_a_seed, seeds, worlds
from lstmstrat.study.panel.simulate import simulate_panel
from lstmstrat.study.prepare import MINIMUM_WINDOW, check_plugins
from lstmstrat.study.proof import judged
from lstmstrat.study.run import origin, period, versions, walk_forward_facts
from lstmstrat.study.stages import Stages, silent


def prepare_panel(
    config: Config,
    offline: bool = False,
    refresh: bool = False,
    prices: object = None,
    loaded: dict[str, Panel] | None = None,
) -> tuple[Config, Panel]:
    """`config` with train_size in sessions, and its panel.

    A panel that is in `loaded` is taken from there, and another put there, so that several configs share it.

    Raises
    ------
    ConfigError, DataError
        A feature or the model does not exist, `prices` are given, the panel cannot be loaded, or it has too few
        sessions.
    """
    if prices is not None:
        raise ConfigError("prices= is for one asset; a universe reads its own: take prices= or data.universe out")
    check_plugins(config)
    clean = max(CLEAN, feature_set(config.forecast.features).warmup + 1)
    known, key = {} if loaded is None else loaded, f"{clean} {config.data.model_dump_json()}"
    if key not in known:
        known[key] = load_panel(config.data, offline=offline, refresh=refresh, clean=clean)
    panel = known[key]
    sessions = len(panel.times)
    heading = f"the config cannot be run on {sessions} sessions:"
    forecast = validated(ForecastConfig, resolved(config.forecast, sessions).model_dump(), heading)
    needed = schedule(forecast).first_fit + 1 + MINIMUM_WINDOW
    if sessions < needed:
        raise DataError(
            f"{config.data.symbol} has {sessions} sessions, but train_size {forecast.train_size} with its "
            f"warm-up, purge and {MINIMUM_WINDOW} sessions to trade needs {needed}; give an earlier start, a "
            "later end or less train_size"
        )
    _check_members(config, panel)
    return config.model_copy(update={"forecast": forecast}), panel


def _check_members(config: Config, panel: Panel) -> None:
    """Refuses a universe without members to learn from, and groups that are not there."""
    most, least = int(panel.members.sum(axis=1).max()), config.forecast.least_assets
    days = panel.times.astype("datetime64[D]")
    if not most:
        raise DataError(
            f"{config.data.symbol}: nobody is a member at any session from {days[0]} to {days[-1]}; look at start "
            "and end in the universe"
        )
    if config.forecast.relation != "none" and most < least:
        raise ConfigError(f"forecast.least_assets: {least}, but no session has more than {most}; give less")
    alone = [symbol for symbol in panel.symbols if not panel.universe.groups.get(symbol)]
    if config.portfolio is not None and config.portfolio.neutral == "group" and alone:
        raise ConfigError(f"portfolio.neutral: group, but {alone[0]!r} has no group; give it one, or write none")


def run_panel(
    config: Config, panel: Panel, session: Session, stages: Stages = silent, command: str = ""
) -> Result:
    """The result of a run over a universe; `command` is its command line."""
    run = simulate_panel(config, panel, session, stages)
    extras, climb = panel_extras(run, session, stages)
    with stages("judging", "strategies"):
        found = judged(run, run_checks(run, session), extras, session, stages, OF_UNIVERSE)
        return Result(
            config=config,
            assessment=Assessment(
                schema=SCHEMA,
                name=config.name,
                made=origin(command, session),
                data=_data(run, [*panel.notices, *session.notices]),
                costs=config.broker,
                walk_forward=walk_forward_facts(run.forecasts.config, run.times, run.forecasts.folds, session),
                period=period(run),
                benchmark=run.benchmark.performance(run.periods),
                strategies=found.strategies,
                forecast_skill=NO_SERIES,
                ladder=None,
                verdict=verdicts(run, found.strategies, session.store),
                trials=found.trials,
                checks=(*found.checks, *extra_checks(extras)),
                versions=versions(),
                universe=universe_facts(run),
                panel=panel_facts(run, climb.rungs),
            ),
            equity=tables.equity(run),
            exposure=tables.exposure(run),
            forecasts=panel_tables.forecasts(run),
            folds=panel_tables.folds(run),
            orders=panel_tables.orders(run),
            trades=panel_tables.trades(run),
            prices=panel_tables.prices(run),
        )


def panel_extras(run: PanelRun, session: Session, stages: Stages) -> tuple[Extras, PanelClimb]:
    """The seeds, null worlds and ladder that the ``report:`` section asks for, and the rungs of the ladder."""
    section, attempt = run.config.report, Attempts(stages)
    climb = by_seed = by_world = None
    if section.ladder:
        climb = attempt("ladder", "rungs", lambda show: panel_ladder(run, session, show))
    if not depends_on_a_seed(run):
        attempt.not_run["seeds"] = f"no seed changes a forecast of the model {run.config.forecast.model}"
    if section.seeds > 1:
        by_seed = attempt("seeds", "more seeds", lambda show: seeds(run, section.seeds, session, show))
    if section.worlds:
        by_world = attempt("null worlds", "worlds", lambda show: worlds(run, section.worlds, session, show))
    extras = Extras(
        seeds=by_seed or {},
        worlds=by_world or {},
        rungs=climb.runs if climb else (),
        ladder_says="label, pool and model, and a control with shuffled labels" if climb else "",
        not_run=attempt.not_run,
        failed={"ladder": failure_text(climb.errors)} if climb and climb.errors else {},
    )
    return extras, climb or PanelClimb()


_NONE = np.empty(0)
NO_SERIES = ForecastSkill(
    **vars(forecast_skill(_NONE, _NONE, _NONE)),
    **vars(SkillTests(None, None, None, None)),
    folds=FoldSkill(0, None, None),
    reliability=reliability(_NONE, np.empty((0, 3)), _NONE, (0.05, 0.5, 0.95), 0.0),
    network=None,
)
"""The skill over time of one asset, which a universe has none of: its scores order the assets of a session."""


def _data(run: PanelRun, notices: Sequence[str]) -> DataFacts:
    times = run.times.astype("datetime64[D]")
    return DataFacts(
        symbol=run.symbol,
        source=run.panel.source,
        first=str(times[0]),
        last=str(times[-1]),
        bars=len(times),
        sha256=run.panel.sha256,
        currency=None,
        time_zone=None,
        downloaded=None,
        notices=tuple(notices),
        faults=(),
    )
