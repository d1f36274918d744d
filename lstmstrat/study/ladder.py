"""The ladder: the same run with cheaper models and with rarer refits, one key of the config changed at a time.

It shows what the LSTM adds to cheaper models, and whether refits pay. A rung is one model on one schedule of
refits. Prices, folds, features, labels, costs and fills stay the same, and one strategy trades all rungs. The
models of every rung are fitted anew, so that its seconds are those of its own fits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.schema import Config
from lstmstrat.errors import ConfigError
from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.evaluation.skill import forecast_skill, skill_tests
from lstmstrat.forecasting.models import MODELS
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.results.account import common_returns
from lstmstrat.results.assessment import Ladder, Rung
from lstmstrat.results.run import Run
from lstmstrat.study.simulate import simulate_all
from lstmstrat.study.tasks import Outcome, Variation, outcomes

COARSER = {"week": "month", "month": "quarter", "quarter": "year"}  # about every fourth refit


@dataclass(frozen=True, eq=False)
class Climb:
    """A ladder, the run of each of its rungs, which is a trial, and the errors of the rungs that are missing."""

    ladder: Ladder
    runs: tuple[Run, ...]
    errors: tuple[str, ...]


def ladder(run: Run, session: Session, progress: Progress) -> Climb:
    """The ladder of the forecast of `run`.

    One strategy trades every rung: the first one that trades the forecast of the config and runs on all rungs, or
    else the one that runs on most. A strategy may fail on a rung, for example because it needs the spread of the
    members, which a single network does not have.

    Raises
    ------
    ConfigError
        No strategy of the config trades its forecast, or none of them runs on it.
    """
    climbs, errors = list[Climb](), list[str]()
    for config in _configs_by_cheapest_rung(run, session):
        rungs = _run_rungs(config, run, session, progress)
        own_outcome = rungs[config.forecast]
        if own_outcome.value is None:
            errors.append(f"{config.strategies[0].label}: {own_outcome.error}")
            continue
        climbs.append(_climb(config, rungs, own_outcome.value))
        if not climbs[-1].errors:
            break
    if not climbs:
        raise ConfigError("; ".join(errors) or "no strategy trades the forecast of the config")
    return min(climbs, key=lambda climb: len(climb.errors))


def _configs_by_cheapest_rung(run: Run, session: Session) -> list[Config]:
    """The config with each strategy that trades its forecast; those that run on the cheapest rung come first.

    A strategy that needs more than one member fails on that rung, before anything takes long to fit.
    """
    configs = [run.config.model_copy(update={"strategies": (strategy,)}) for strategy in run.on_the_forecast]
    cheapest = _models(run.config.forecast)[0]
    variations = [
        Variation(config.strategies[0].label, config.model_copy(update={"forecast": cheapest}), run.prices)
        for config in configs
    ]
    errors = {outcome.label: outcome.error for outcome in outcomes(run_rung, variations, session)}
    return sorted(configs, key=lambda config: bool(errors[config.strategies[0].label]))


def _run_rungs(
    config: Config, run: Run, session: Session, progress: Progress
) -> dict[ForecastConfig, Outcome[Run]]:
    """The outcome of every rung, by its forecast."""
    forecasts = list(dict.fromkeys([*_models(config.forecast), *_refits(config.forecast)]))
    labels = {f"{f.model}, refit every {f.refit_every}": f for f in forecasts}
    variations = [
        Variation(label, config.model_copy(update={"forecast": forecast}), run.prices)
        for label, forecast in labels.items()
    ]
    rungs: dict[ForecastConfig, Outcome[Run]] = {}
    progress(0, len(variations))
    for outcome in outcomes(run_rung, variations, session):
        rungs[labels[outcome.label]] = outcome
        progress(len(rungs), len(variations))
    return rungs


def run_rung(variation: Variation, session: Session) -> Run:
    """The run on the forecast of one rung."""
    return simulate_all(variation.config, variation.history(), session)


def _climb(config: Config, rungs: dict[ForecastConfig, Outcome[Run]], own_run: Run) -> Climb:
    runs = {forecast: outcome.value for forecast, outcome in rungs.items() if outcome.value is not None}
    values = {forecast: _rung(run, rungs[forecast].seconds, own_run) for forecast, run in runs.items()}
    models = [forecast for forecast in _models(config.forecast) if forecast in runs]
    folds = values[config.forecast].folds
    refits = [
        forecast
        for forecast in _refits(config.forecast)
        if forecast in runs and (forecast == config.forecast or values[forecast].folds != folds)
    ]
    ladder = Ladder(config.strategies[0].label, tuple(values[f] for f in models), tuple(values[f] for f in refits))
    errors = tuple(f"{outcome.label}: {outcome.error}" for outcome in rungs.values() if outcome.error)
    return Climb(ladder, tuple(runs[f] for f in dict.fromkeys([*models, *refits])), errors)


def _models(forecast: ForecastConfig) -> list[ForecastConfig]:
    """The forecast with each built-in model, the cheapest first; a model of the user's own comes last."""
    user_models = [] if forecast.model in MODELS else [forecast]
    return [
        *(forecast if name == forecast.model else cls.instead(name, forecast) for name, cls in MODELS.items()),
        *user_models,
    ]


def _refits(forecast: ForecastConfig) -> list[ForecastConfig]:
    """The forecast without refits, with about every fourth refit, and with all refits."""
    every = forecast.refit_every
    fourth = 4 * every if isinstance(every, int) else COARSER.get(every, "never")
    rarer = [e for e in dict.fromkeys(["never", fourth]) if e != every]
    # The rarer schedules leave out the user's condition, which would ask for refits all the same.
    return [*(forecast.model_copy(update={"refit_when": None, "refit_every": e}) for e in rarer), forecast]


def _rung(run: Run, seconds: float, own_run: Run) -> Rung:
    traded, forecasts = run.traded, run.forecasts
    series = traded.forecast, traded.realised, traded.past_mean
    own_account, account = own_run.strategies[0], run.strategies[0]
    return Rung(
        **asdict(forecast_skill(*series)),
        **asdict(skill_tests(*series, forecasts.config.horizon)),
        model=forecasts.config.model,
        refit_every=forecasts.config.refit_every,
        folds=len(forecasts.folds),
        seconds=seconds,
        sharpe=sharpe(account.returns, run.periods),
        own_minus=sharpe_difference(*common_returns(own_account, account), run.periods),
    )
