"""The whole pipeline again: with other seeds, and on histories in which there is nothing to forecast.

A replica trains every fold anew and trades every strategy. What it earned is stored, its networks are not: a
killed run goes on after the last whole replica, and a second one costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lstmstrat import identity
from lstmstrat.config import Config
from lstmstrat.engine import Simulation
from lstmstrat.errors import StrategyError
from lstmstrat.folds import schedule
from lstmstrat.metrics import sharpe
from lstmstrat.pipeline import Runs, earned, hold, simulate_one
from lstmstrat.prices import Prices
from lstmstrat.store import Store
from lstmstrat.trainer import Progress, Trainer
from lstmstrat.worlds import null_world

Differences = dict[str, float | None]  # annual Sharpe ratio above buy-and-hold's, by strategy; None: account lost


@dataclass(frozen=True)
class Seeds:
    """One strategy with each of several seeds: the annual Sharpe ratio above buy-and-hold's.

    None where it lost its account: the worst that can be.
    """

    differences: tuple[float | None, ...]  # in order of the seeds; the first is the run's own

    @property
    def above(self) -> float:
        """The share of seeds above buy-and-hold."""
        return float(np.mean([d is not None and d > 0.0 for d in self.differences]))


@dataclass(frozen=True)
class Worlds:
    """One strategy beside itself in null worlds: annual Sharpe ratio above buy-and-hold's; None as in `Seeds`."""

    own: float
    differences: tuple[float | None, ...]

    @property
    def p_value(self) -> float:
        """The share of worlds at least as good, the real one counted among them."""
        as_good = sum(d is not None and d >= self.own for d in self.differences)
        return (1 + as_good) / (1 + len(self.differences))


def seeds(runs: Runs, trainer: Trainer, count: int, progress: Progress) -> dict[str, Seeds]:
    """Each strategy on the forecast of the config, with `count` seeds: that of the config and those after it.

    Empty where nothing depends on a seed.
    """
    config, strategies = runs.config, runs.on_the_forecast
    if not strategies or config.forecast.model != "lstm":
        return {}

    def other(k: int) -> tuple[Config, Prices]:
        forecast = config.forecast.model_copy(update={"seed": config.forecast.seed + k})
        return config.model_copy(update={"forecast": forecast, "strategies": strategies}), runs.prices

    own: Differences = {**differences(runs)}
    found = [own, *_replicas(runs, trainer, "seed", range(1, count), other, progress)]
    return {s.label: Seeds(tuple(one[s.label] for one in found)) for s in strategies}


def worlds(runs: Runs, trainer: Trainer, count: int, progress: Progress) -> dict[str, Worlds]:
    """Each strategy beside itself in `count` null worlds."""
    own, start = differences(runs), schedule(runs.config.forecast).first_fit

    def other(k: int) -> tuple[Config, Prices]:
        return runs.config, null_world(runs.prices, k, start)

    found = _replicas(runs, trainer, "world", range(1, count + 1), other, progress)
    return {name: Worlds(one, tuple(w[name] for w in found)) for name, one in own.items()}


def differences(runs: Runs) -> dict[str, float]:
    """The annual Sharpe ratio of each strategy above that of buy-and-hold; one that never moves counts as 0."""
    return {run.name: _difference(run, runs.benchmark, runs.periods) for run in runs.strategies}


def _difference(run: Simulation, benchmark: Simulation, periods: int) -> float:
    return (sharpe(earned(run), periods) or 0.0) - (sharpe(earned(benchmark), periods) or 0.0)


def _replicas(
    runs: Runs,
    trainer: Trainer,
    kind: str,
    numbers: Sequence[int],
    other: Callable[[int], tuple[Config, Prices]],
    progress: Progress,
) -> list[Differences]:
    found: list[Differences] = []
    for done, number in enumerate(numbers):
        progress(done, len(numbers))
        config, prices = other(number)
        key = identity.of_replica(config, runs.prices, kind, number)
        make = partial(_replica, config, prices, runs.periods, trainer.jobs)
        found.append(trainer.store.remembered(key, make))
    progress(len(numbers), len(numbers))
    return found


def _replica(config: Config, prices: Prices, periods: int, jobs: int) -> Differences:
    """A strategy that loses its account takes no other with it; what else goes wrong is raised."""
    benchmark, found = hold(config, prices), Differences()
    with Trainer(Store(None), jobs).active():
        for s in config.strategies:
            try:
                found[s.label] = _difference(simulate_one(config, prices, s), benchmark, periods)
            except StrategyError:
                found[s.label] = None
    return found
