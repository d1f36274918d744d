"""Replicas: the whole run again with other seeds, or on null worlds, in which there is nothing to forecast.

A replica fits every fold anew and trades every strategy. Its Sharpe differences, and with another seed its account
values at some closes, are stored; its models are not. A run that was stopped continues after the last complete
replica, and a second run takes all replicas from the store, as long as its strategies do the same and their code
is the same. For code without an identity nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lstmstrat.arrays import Ints
from lstmstrat.config.schema import Config
from lstmstrat.errors import LSTMStratError, StrategyError
from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.forecasting.models import model_class
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import EquityFan, Seeds, Worlds
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.run import Run, bars_a_year
from lstmstrat.study import fingerprint
from lstmstrat.study.simulate import simulate_buy_and_hold, simulate_one
from lstmstrat.study.tasks import Variation, outcomes

MOST_CLOSES = 120
"""Closes at which the account of a seed is kept: enough for a chart, and about a kilobyte."""


class Traded(NamedTuple):
    """What is kept of an account in a replica."""

    difference: float  # annual Sharpe ratio minus buy-and-hold's
    values: list[float]  # of the account at the closes of `spread_closes`; none in a null world


Replica = dict[str, Traded | None]  # by strategy; None: account lost


@dataclass(frozen=True)
class Replicas:
    """What the strategies did in each variation that ran, and the errors of the others."""

    found: tuple[Replica, ...]  # in the order of the variations
    errors: tuple[str, ...]

    def of(self, strategy: str) -> tuple[float | None, ...]:
        """The differences of one strategy."""
        return tuple(one and one.difference for one in self._of(strategy))

    def values(self, strategy: str) -> list[list[float]]:
        """The account values of one strategy, where the account was not lost."""
        return [one.values for one in self._of(strategy) if one]

    def _of(self, strategy: str) -> list[Traded | None]:
        return [by_strategy[strategy] for by_strategy in self.found]


def seeds(run: Run, count: int, session: Session, progress: Progress) -> dict[str, Seeds]:
    """The strategies that trade the forecast of the config, with `count` seeds from that of the config on.

    Empty if no strategy depends on a seed.
    """
    config, strategies = run.config, run.on_the_forecast
    if not depends_on_a_seed(run):
        return {}
    variations = [
        Variation(
            f"seed {seed}", with_seed(config.model_copy(update={"strategies": strategies}), seed), run.prices
        )
        for seed in range(config.forecast.seed + 1, config.forecast.seed + count)
    ]
    replicas = _replicas(run, variations, session, progress)
    own = {account.name: traded(account, run.benchmark, run.periods) for account in run.strategies}
    return {
        name: judged_seeds(
            (own[name].difference, *replicas.of(name)),
            len(replicas.errors),
            fan(run.dates, [own[name].values, *replicas.values(name)]),
        )
        for name in (strategy.label for strategy in strategies)
    }


def depends_on_a_seed(run: Run) -> bool:
    """Whether another seed could change anything: a strategy trades a forecast of the config by a network."""
    return bool(run.on_the_forecast) and model_class(run.config.forecast.model).ensemble


def with_seed(config: Config, seed: int) -> Config:
    """The config with another seed."""
    return config.model_copy(update={"forecast": config.forecast.model_copy(update={"seed": seed})})


def judged_seeds(values: tuple[float | None, ...], failed: int, fan: EquityFan) -> Seeds:
    """What the differences with all seeds say, the run's own first."""
    above = sum(d is not None and d > 0.0 for d in values) / (len(values) + failed)
    return Seeds(above, *_worst_and_median(values), values, failed, fan)


def fan(dates: pd.DatetimeIndex, accounts: list[list[float]]) -> EquityFan:
    """The lowest, the median and the highest of the accounts at each close that is kept of them."""
    closes = np.datetime_as_string(dates.to_numpy()[spread_closes(len(dates))], unit="auto")
    rows = (np.min(accounts, axis=0), np.median(accounts, axis=0), np.max(accounts, axis=0))
    return EquityFan(len(accounts), tuple(closes.tolist()), *(tuple(_six_digits(row)) for row in rows))


def spread_closes(bars: int) -> Ints:
    """The places of at most `MOST_CLOSES` of so many closes: the first, the last, and the others evenly between.

    >>> spread_closes(3).tolist(), len(spread_closes(10_000))
    ([0, 1, 2], 120)
    """
    return np.unique(np.linspace(0, bars - 1, min(bars, MOST_CLOSES)).round().astype(np.int64))


def _six_digits(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def worlds(run: Run, count: int, session: Session, progress: Progress) -> dict[str, Worlds]:
    """Every strategy, compared with itself in `count` null worlds."""
    numbers = range(1, count + 1)
    variations = [Variation(f"null world {k}", run.config, run.prices, world=k) for k in numbers]
    replicas = _replicas(run, variations, session, progress)
    return {
        name: judged_worlds(d, replicas.of(name), len(replicas.errors)) for name, d in differences(run).items()
    }


def judged_worlds(own_difference: float, values: tuple[float | None, ...], failed: int) -> Worlds:
    """For the p-value, the real world and each world that failed count as at least as good."""
    as_good = 1 + failed + sum(d is not None and d >= own_difference for d in values)
    return Worlds(as_good / (1 + failed + len(values)), *_worst_and_median(values), values, failed)


def _worst_and_median(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """The worst and the median difference. None stands for a lost account, which is the worst of all."""
    ordered = sorted(values, key=lambda d: -np.inf if d is None else d)
    middle = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    numbers = [d for d in middle if d is not None]
    return ordered[0], sum(numbers) / 2 if len(numbers) == 2 else None


def differences(run: BaseRun) -> dict[str, float]:
    """The annual Sharpe ratio of each strategy minus that of buy-and-hold.

    The ratio of an account that never moves counts as 0.
    """
    return {account.name: _difference(account, run.benchmark, run.periods) for account in run.strategies}


def _difference(account: Account, benchmark: Account, periods: float) -> float:
    return (sharpe(account.returns, periods) or 0.0) - (sharpe(benchmark.returns, periods) or 0.0)


def traded(account: Account, benchmark: Account, periods: float) -> Traded:
    """What is kept of an account in a replica."""
    values = account.equity.to_numpy(dtype=float)
    return Traded(_difference(account, benchmark, periods), _six_digits(values[spread_closes(len(values))]))


def _replicas(run: Run, variations: Sequence[Variation], session: Session, progress: Progress) -> Replicas:
    """The replicas of the variations: those in the store, and the others newly run.

    Raises
    ------
    LSTMStratError
        Every variation failed.
    """
    did = fingerprint.of_run(run)
    keys = {v.label: key for v in variations if (key := fingerprint.of_replica(run, did, v.config, v.label))}
    stored = {label: session.store.recorded(key) for label, key in keys.items()}
    results = {label: _read(value) for label, value in stored.items() if value is not None}
    missing, errors = [v for v in variations if v.label not in results], []
    progress(len(results), len(variations))
    for outcome in outcomes(replica, missing, session):
        if outcome.value is None:
            errors.append(f"{outcome.label}: {outcome.error}")
        else:
            results[outcome.label] = outcome.value
            if outcome.label in keys:
                session.store.record(keys[outcome.label], outcome.value)
        progress(len(results) + len(errors), len(variations))
    if errors and not results:
        raise LSTMStratError(errors[0])
    return Replicas(tuple(results[v.label] for v in variations if v.label in results), tuple(errors))


def _read(stored: dict[str, Any]) -> Replica:
    """A replica from the store, where a tuple has become a list."""
    return {name: value and Traded(*value) for name, value in stored.items()}


def replica(variation: Variation, session: Session) -> Replica:
    """What every strategy did. If one loses its account, the others go on."""
    config, prices = variation.config, variation.history()
    benchmark, results = simulate_buy_and_hold(config, prices, session), Replica()
    periods = bars_a_year(config, prices)
    with session.one_walk_for_all():
        for strategy in config.strategies:
            try:
                account = simulate_one(config, prices, strategy, session)
                found = traded(account, benchmark, periods)
                results[strategy.label] = found._replace(values=[]) if variation.world else found
            except StrategyError:
                results[strategy.label] = None
    return results
