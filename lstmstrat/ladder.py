"""What does the LSTM add to cheaper models, and does retraining pay? The same run with one key changed at a time.

Same prices, folds, features, targets, costs and fills; one strategy trades each forecast. Every rung is trained
anew, so that its seconds are its own.
"""

from __future__ import annotations

from collections.abc import Callable
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
from lstmstrat.trainer import Trainer

Progress = Callable[[int, int], None]

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


def ladder(runs: Runs, jobs: int, progress: Progress | None = None) -> tuple[Ladder, list[Runs]]:
    """The ladder below the forecast of `runs`, and every run it took: each is a trial.

    Raises
    ------
    ConfigError
        No strategy of the config trades a forecast of a single network.
    """
    tell = progress or (lambda done, total: None)
    config, models, refits = _single(runs, jobs), _models(runs.config.forecast), _refits(runs.config.forecast)
    made: dict[ForecastConfig, tuple[Runs, float]] = {}
    wanted = list(dict.fromkeys([*models, *refits]))
    for done, forecast in enumerate(wanted):
        tell(done, len(wanted))
        made[forecast] = _run(config.model_copy(update={"forecast": forecast}), runs.prices, jobs)
    tell(len(wanted), len(wanted))
    own = made[runs.config.forecast][0]
    rungs = {forecast: _rung(found, seconds, own) for forecast, (found, seconds) in made.items()}
    name = config.strategies[0].label
    found = Ladder(name, tuple(rungs[f] for f in models), tuple(rungs[f] for f in refits))
    return found, [one for one, _ in made.values()]


def _models(forecast: ForecastConfig) -> list[ForecastConfig]:
    """The models from the cheapest up, that of the config last."""
    others = [forecast.model_copy(update=_changes(m, forecast)) for m in MODELS if m != forecast.model]
    return [*others, forecast]


def _changes(model: str, forecast: ForecastConfig) -> dict[str, Any]:
    changes = {**PLAIN, "model": model}
    if model == "last_sign":  # which reads the last feature
        changes["features"] = (*(f for f in forecast.features if f != LAST_RETURN), LAST_RETURN)
    return changes


def _refits(forecast: ForecastConfig) -> list[ForecastConfig]:
    """Never, about every fourth time, and as the config has it; fewer where those are the same."""
    every = forecast.refit_every
    fourth = 4 * every if isinstance(every, int) else COARSER.get(every, "never")
    return [forecast.model_copy(update={"refit_every": e}) for e in dict.fromkeys(["never", fourth, every])]


def _single(runs: Runs, jobs: int) -> Config:
    """The config with only the first strategy that trades its forecast, and does so for a single network too."""
    forecast = runs.config.forecast
    trading = {r.name for r in runs.strategies if r.walk_forward and r.walk_forward.config == forecast}
    cheapest = _models(forecast)[0]
    for s in runs.config.strategies:
        config = runs.config.model_copy(update={"strategies": (s,), "forecast": cheapest})
        if s.label in trading and _works(config, runs, jobs):
            return config
    raise ConfigError(
        "the ladder needs a strategy that trades the forecast of a single network, such as "
        "strategies.long_flat:LongFlat; none of this config does"
    )


def _works(config: Config, runs: Runs, jobs: int) -> bool:
    try:
        _run(config, runs.prices, jobs)
    except LSTMStratError:
        return False
    return True


def _run(config: Config, prices: Prices, jobs: int) -> tuple[Runs, float]:
    with Trainer(Store(None), jobs).active() as alone:
        return simulate_all(config, prices, alone), alone.seconds


def _rung(runs: Runs, seconds: float, own: Runs) -> Rung:
    given = runs.traded_forecasts
    returns = earned(runs.strategies[0])
    return Rung(
        model=runs.walk.config.model,
        refit_every=runs.walk.config.refit_every,
        folds=len(runs.walk.folds),
        seconds=seconds,
        skill=forecast_skill(*given),
        tests=skill_tests(*given, runs.walk.config.horizon),
        sharpe=sharpe(returns, runs.periods),
        own_minus=sharpe_difference(earned(own.strategies[0]), returns, runs.periods),
    )
