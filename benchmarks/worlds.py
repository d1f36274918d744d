"""Price histories without anything to forecast, of seven kinds, and histories with a mean that is known.

Each is a path of log returns; a bar opens where the one before closed. Letters: n bars.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DAILY, WEEKLY = 252, 52  # bars a year
VOLATILITY = 0.20  # a year, of every world on average


@dataclass(frozen=True)
class World:
    """The log returns of an asset."""

    returns: np.ndarray  # (n,)
    periods: int  # bars a year

    @property
    def closes(self) -> np.ndarray:
        """(n + 1,) prices; bar t opens at close t - 1, and bar 0 at 100."""
        return 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(self.returns)]))


def gaussian(rng: np.random.Generator, n: int) -> World:
    """Independent normal returns without drift."""
    return _world(rng.standard_normal(n))


def garch(rng: np.random.Generator, n: int) -> World:
    """GARCH(1,1) with alpha 0.10 and beta 0.88, and Student's t with 4 degrees of freedom."""
    shocks, returns, variance = rng.standard_t(4, n) / math.sqrt(2.0), np.empty(n), 1.0
    for t in range(n):
        returns[t] = math.sqrt(variance) * shocks[t]
        variance = 0.02 + 0.10 * returns[t] ** 2 + 0.88 * variance
    return _world(returns)


def jumps(rng: np.random.Generator, n: int) -> World:
    """Normal returns and, at one bar in a hundred, a jump of five deviations on average, up or down."""
    size = 5.0 * rng.standard_normal(n) * (rng.random(n) < 0.01)
    return _world((rng.standard_normal(n) + size) / math.sqrt(1.25))


def regimes(rng: np.random.Generator, n: int) -> World:
    """Slow regimes, of 250 bars on average: calm or wild, and, independent of that, rising or falling 5 % a year.

    Not strictly null: who knows the regime knows the next return with an R2 of 0.025 %.
    """
    wild, rises = (np.cumsum(rng.random((2, n)) < 1.0 / 250.0, axis=1) + rng.integers(2, size=(2, 1))) % 2 == 0
    deviation = np.where(wild, math.sqrt(1.6), math.sqrt(0.4)) * VOLATILITY / math.sqrt(DAILY)
    return World(np.where(rises, 0.05, -0.05) / DAILY + deviation * rng.standard_normal(n), DAILY)


def rising(rng: np.random.Generator, n: int) -> World:
    """Normal returns that rise 30 % a year."""
    return _world(rng.standard_normal(n), drift=math.log(1.3))


def falling(rng: np.random.Generator, n: int) -> World:
    """Normal returns that fall 25 % a year."""
    return _world(rng.standard_normal(n), drift=math.log(0.75))


def weekly(rng: np.random.Generator, n: int) -> World:
    """Weekly bars that rise 5 % a year, Student's t with 5 degrees of freedom."""
    return _world(rng.standard_t(5, n) / math.sqrt(5.0 / 3.0), drift=math.log(1.05), periods=WEEKLY)


NULL: dict[str, Callable[[np.random.Generator, int], World]] = {
    "Gaussian": gaussian,
    "GARCH, heavy tails": garch,
    "jumps": jumps,
    "slow regimes": regimes,
    "rising 30% a year": rising,
    "falling 25% a year": falling,
    "weekly bars": weekly,
}


def _world(unit: np.ndarray, drift: float = 0.0, periods: int = DAILY) -> World:
    """Shocks (n,) of variance 1 as log returns; `drift` is their mean a year."""
    return World(drift / periods + VOLATILITY / math.sqrt(periods) * unit, periods)


@dataclass(frozen=True)
class Planted:
    """A world whose next return has a mean that is known one bar before."""

    world: World
    known: np.ndarray  # (n,) mean of the return of the bar, known at the close before; in `unit`

    @property
    def unit(self) -> float:
        """The deviation of a return."""
        return VOLATILITY / math.sqrt(self.world.periods)


def autoregressive(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """Each return follows a share of the one before."""
    shocks, unit = rng.standard_normal(n), np.zeros(n + 1)
    for t in range(n):
        unit[t + 1] = math.sqrt(r2) * unit[t] + math.sqrt(1.0 - r2) * shocks[t]
    return Planted(_world(unit[1:]), math.sqrt(r2) * unit[:-1])


def regime(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """The mean is up or down for 21 bars."""
    return _planted(rng, np.repeat(rng.choice([-1.0, 1.0], n // 21 + 1), 21)[:n], r2)


def calendar(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """Of the bars of each week two have a mean above zero and two one below, in turn."""
    return _planted(rng, np.resize([1.25**0.5, -(1.25**0.5), 1.25**0.5, -(1.25**0.5), 0.0], n), r2)


def threshold(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """A return beyond one deviation is followed by a mean to the same side, a smaller one by none."""
    share = math.sqrt(0.3173)  # of normal returns beyond one deviation
    return _grown(rng, n, r2, lambda unit, t: float(np.sign(unit[t - 1]) * (abs(unit[t - 1]) > 1.0)) / share)


def reversal(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """The mean is against the sum of the last 21 returns: a regime that lasts for some weeks."""
    return _grown(rng, n, r2, lambda unit, t: -1.0 if unit[t - 21 : t].sum() > 0.0 else 1.0)


def volatility(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """Calm and wild times, of 100 bars on average: a return is followed in calm ones, reversed in wild ones."""
    wild = (np.cumsum(rng.random(n) < 0.01) + rng.integers(2)) % 2 == 0
    size = np.where(wild, math.sqrt(1.6), math.sqrt(0.4))

    def mean(unit: np.ndarray, t: int) -> float:
        return float((-1.0 if wild[t - 1] else 1.0) * unit[t - 1] / size[t - 1])

    return _grown(rng, n, r2, mean, size)


def lag(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """Each return follows a share of the one 15 bars before it."""
    return _grown(rng, n, r2, lambda unit, t: float(unit[t - 15]))


def two_signs(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """The mean is up after two returns of one sign, down after two of different signs."""
    return _grown(rng, n, r2, lambda unit, t: float(np.sign(unit[t - 1] * unit[t - 2])))


def nothing(rng: np.random.Generator, n: int, r2: float) -> Planted:
    """Independent normal returns."""
    return Planted(_world(rng.standard_normal(n)), np.zeros(n))


SIGNALS: dict[str, Callable[[np.random.Generator, int, float], Planted]] = {
    "AR(1)": autoregressive,
    "threshold": threshold,
    "21-bar regime": reversal,
    "volatility-conditional": volatility,
    "calendar": calendar,
    "lag 15": lag,
    "product of two signs": two_signs,
    "nothing": nothing,
}
"""What a forecast may find: some need a memory or more than a linear function, and one has nothing."""

PLANTED: dict[str, Callable[[np.random.Generator, int, float], Planted]] = {
    "AR(1)": autoregressive,
    "21-bar regime": regime,
    "calendar": calendar,
}


def _planted(rng: np.random.Generator, mean: np.ndarray, r2: float) -> Planted:
    known = math.sqrt(r2) * mean  # (n,)
    return Planted(_world(known + math.sqrt(1.0 - r2) * rng.standard_normal(len(mean))), known)


def _grown(
    rng: np.random.Generator,
    n: int,
    r2: float,
    mean: Callable[[np.ndarray, int], float],
    size: np.ndarray | None = None,
) -> Planted:
    """Returns whose mean, of variance about 1, depends on those before; `size` (n,) is their deviation, or 1."""
    begin, shocks = 30, rng.standard_normal(n)
    size = np.ones(n) if size is None else size
    unit, known = size * shocks, np.zeros(n)
    for t in range(begin, n):
        known[t] = size[t] * math.sqrt(r2) * mean(unit, t)
        unit[t] = known[t] + size[t] * math.sqrt(1.0 - r2) * shocks[t]
    return Planted(_world(unit), known)
