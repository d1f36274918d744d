"""What does the LSTM add to cheaper models, and does retraining pay? The same run with one key changed at a time.

Same prices, folds, features, targets, costs and fills; one strategy trades each forecast. Every rung is trained
anew, so that its seconds are its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from lstmstrat.config import Config, ForecastConfig
from lstmstrat.errors import ConfigError, LSTMStratError
from lstmstrat.inference.bootstrap import Difference
from lstmstrat.inference.sharpe import sharpe_difference
from lstmstrat.inference.skill import Skill, SkillTests, forecast_skill, skill_tests
from lstmstrat.metrics import sharpe
from lstmstrat.pipeline import Runs, earned, simulate_all
from lstmstrat.prices import Prices
from lstmstrat.store import Store
from lstmstrat.trainer import Progress, Trainer

MODELS: tuple[str, ...] = tuple(reversed(get_args(ForecastConfig.model_fields["model"].annotation)))
"""The cheapest first."""
COARSER = {"week": "month", "month": "quarter", "quarter": "year"}  # about every fourth refit
LAST_RETURN = "return_1"
PLAIN: dict[str, Any] = {"members": 1, "warm_start": False}  # of a model without an ensemble


@dataclass(frozen=True)
class Rung:
    """One model on one schedule of refits, and what is left of the config's own forecast beside it."""

    model: str
    refit_every: int | str
    folds: int
    seconds: float  # of all fittings, wall clock
    skill: Skill
    tests: SkillTests
    sharpe: float | None  # annual, of the strategy on this forecast
    own_minus: Difference  # annual Sharpe ratio with the config's own forecast minus that


@dataclass(frozen=True)
class Ladder:
    """The rungs, on the forecasts of which `strategy` traded; the config's own forecast is in both lists."""

    strategy: str
    models: tuple[Rung, ...]  # the cheapest first
    refits: tuple[Rung, ...]  # the rarest first


def ladder(runs: Runs, jobs: int, progress: Progress) -> tuple[Ladder, list[Runs]]:
    """The ladder below the forecast of `runs`, and every run it took: each is a trial.

    It is traded by the first strategy that trades the forecast of the config, and does so on every rung: most have
    a single network.

    Raises
    ------
    ConfigError
        No strategy of the config does.
    """
    why = []
    for s in runs.on_the_forecast:
        try:
            return _climbed(runs.config.model_copy(update={"strategies": (s,)}), runs.prices, jobs, progress)
        except LSTMStratError as error:
            why.append(f"{s.label}: {error}")
    raise ConfigError("; ".join(why) or "no strategy trades the forecast of the config")


def _climbed(config: Config, prices: Prices, jobs: int, progress: Progress) -> tuple[Ladder, list[Runs]]:
    models, refits = _models(config.forecast), _refits(config.forecast)
    wanted = list(dict.fromkeys([*models, *refits]))
    made: dict[ForecastConfig, tuple[Runs, float]] = {}
    for done, forecast in enumerate(wanted):
        progress(done, len(wanted))
        made[forecast] = _run(config.model_copy(update={"forecast": forecast}), prices, jobs)
    progress(len(wanted), len(wanted))
    own = made[config.forecast][0]
    rungs = {forecast: _rung(found, seconds, own) for forecast, (found, seconds) in made.items()}
    shown = [f for f in refits if f == config.forecast or rungs[f].folds != rungs[config.forecast].folds]
    name = config.strategies[0].label
    found = Ladder(name, tuple(rungs[f] for f in models), tuple(rungs[f] for f in shown))
    return found, [made[forecast][0] for forecast in dict.fromkeys([*models, *shown])]


def _models(forecast: ForecastConfig) -> list[ForecastConfig]:
    """The config with each model in its place, the cheapest first."""
    return [forecast if m == forecast.model else forecast.model_copy(update=_changes(m, forecast)) for m in MODELS]


def _changes(model: str, forecast: ForecastConfig) -> dict[str, Any]:
    changes = {**PLAIN, "model": model}
    if model == "last_sign":  # which reads the last feature
        changes["features"] = (*(f for f in forecast.features if f != LAST_RETURN), LAST_RETURN)
    return changes


def _refits(forecast: ForecastConfig) -> list[ForecastConfig]:
    """Never, about every fourth time, and as the config has it."""
    every = forecast.refit_every
    fourth = 4 * every if isinstance(every, int) else COARSER.get(every, "never")
    rarer = [e for e in dict.fromkeys(["never", fourth]) if e != every]
    # A condition of the user's would refit all the same, so the rarer ones go without it.
    return [*(forecast.model_copy(update={"refit_when": None, "refit_every": e}) for e in rarer), forecast]


def _run(config: Config, prices: Prices, jobs: int) -> tuple[Runs, float]:
    with Trainer(Store(None), jobs).active() as alone:
        return simulate_all(config, prices, alone), alone.seconds


def _rung(runs: Runs, seconds: float, own: Runs) -> Rung:
    given = runs.traded_forecasts
    mine, there = earned(own.strategies[0]), earned(runs.strategies[0])
    both = min(len(mine), len(there))  # a feature more may need a bar more
    return Rung(
        model=runs.walk.config.model,
        refit_every=runs.walk.config.refit_every,
        folds=len(runs.walk.folds),
        seconds=seconds,
        skill=forecast_skill(*given),
        tests=skill_tests(*given, runs.walk.config.horizon),
        sharpe=sharpe(there, runs.periods),
        own_minus=sharpe_difference(mine[-both:], there[-both:], runs.periods),
    )
