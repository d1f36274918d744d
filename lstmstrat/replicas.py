"""The whole pipeline again: with other seeds, and on histories in which there is nothing to forecast.

A replica trains every fold anew and trades every strategy. What it earned is stored, its networks are not: a
killed run goes on after the last whole replica, and a second one costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from lstmstrat import identity
from lstmstrat.config import Config
from lstmstrat.errors import LSTMStratError
from lstmstrat.metrics import sharpe
from lstmstrat.pipeline import Runs, earned, simulate_all
from lstmstrat.prices import Prices
from lstmstrat.store import Store
from lstmstrat.trainer import Trainer
from lstmstrat.worlds import null_world

Progress = Callable[[int, int], None]
Differences = dict[str, float]  # annual Sharpe ratio above that of buy-and-hold, by strategy


@dataclass(frozen=True)
class Seeds:
    """One strategy with each of several seeds: the annual Sharpe ratio above buy-and-hold's."""

    differences: tuple[float, ...]  # in order of the seeds; the first is the run's own

    @property
    def above(self) -> float:
        """The share of seeds above buy-and-hold."""
        return float(np.mean(np.array(self.differences) > 0.0))


@dataclass(frozen=True)
class Worlds:
    """One strategy beside itself in null worlds: the annual Sharpe ratio above buy-and-hold's."""

    own: float
    differences: tuple[float, ...]

    @property
    def p_value(self) -> float:
        """The share of worlds at least as good, the real one counted among them."""
        return float((1 + np.sum(np.array(self.differences) >= self.own)) / (1 + len(self.differences)))


def seeds(runs: Runs, trainer: Trainer, count: int, progress: Progress | None = None) -> dict[str, Seeds]:
    """Each strategy that has a forecast with `count` seeds: that of the config and those after it."""
    with_forecast = [run.name for run in runs.strategies if run.walk_forward]
    own, strategies = differences(runs), [s for s in runs.config.strategies if s.label in with_forecast]
    if not strategies:
        return {}

    def other(k: int) -> tuple[Config, Prices]:
        forecast = runs.config.forecast.model_copy(update={"seed": runs.config.forecast.seed + k})
        return runs.config.model_copy(update={"forecast": forecast, "strategies": strategies}), runs.prices

    found = [own, *_replicas(runs, trainer, "seed", range(1, count), other, progress)]
    return {name: Seeds(tuple(one[name] for one in found)) for name in with_forecast}


def worlds(runs: Runs, trainer: Trainer, count: int, progress: Progress | None = None) -> dict[str, Worlds]:
    """Each strategy beside itself in `count` null worlds."""
    own = differences(runs)

    def other(k: int) -> tuple[Config, Prices]:
        return runs.config, null_world(runs.prices, k)

    found = _replicas(runs, trainer, "world", range(1, count + 1), other, progress)
    return {name: Worlds(own[name], tuple(one[name] for one in found)) for name in own}


def differences(runs: Runs) -> Differences:
    """The annual Sharpe ratio of each strategy above that of buy-and-hold; one that never moves counts as 0."""
    hold = sharpe(earned(runs.benchmark), runs.periods) or 0.0
    return {run.name: (sharpe(earned(run), runs.periods) or 0.0) - hold for run in runs.strategies}


def _replicas(
    runs: Runs,
    trainer: Trainer,
    kind: str,
    numbers: Sequence[int],
    other: Callable[[int], tuple[Config, Prices]],
    progress: Progress | None,
) -> list[Differences]:
    tell = progress or (lambda done, total: None)
    found: list[Differences] = []
    for done, number in enumerate(numbers):
        tell(done, len(numbers))
        key = identity.of_replica(runs.config, runs.prices, kind, number)
        found.append(trainer.store.remembered(key, partial(_replica, other, number, trainer.jobs)))
    tell(len(numbers), len(numbers))
    return [one for one in found if one]


def _replica(other: Callable[[int], tuple[Config, Prices]], number: int, jobs: int) -> Differences:
    """Nothing where a strategy cannot be run, such as one that loses its account: that replica is left out."""
    config, prices = other(number)
    with suppress(LSTMStratError), Trainer(Store(None), jobs).active() as alone:
        return differences(simulate_all(config, prices, alone))
    return {}
