"""`Sweep`: the same config at many settings, and whether the best of them stands alone."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import product

import pandas as pd

PLATEAU = 0.5
"""The share of its lead over the points far from it that the neighbours of the best point keep on a plateau."""


@dataclass(frozen=True)
class Axis:
    """A key of the config, and the values that it takes, as they were typed."""

    key: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"{self.key}: expected values that differ, found {', '.join(self.values) or 'none'}")

    def steps(self, one: int, other: int) -> int:
        """How many values lie from one position to another: by size if all are numbers, else 1 from any to any.

        >>> Axis("threshold", ("0.2", "0", "0.1")).steps(0, 1), Axis("model", ("a", "b", "c")).steps(0, 2)
        (2, 1)
        """
        ranks = _ranks(self.values) if not self.key.endswith("seed") else None  # a seed has no neighbours
        return int(one != other) if ranks is None else abs(ranks[one] - ranks[other])


@dataclass(frozen=True)
class Outcome:
    """One strategy at one point; it is deflated by all trials on the asset, those of the sweep included."""

    place: tuple[int, ...]  # the position on each axis
    strategy: str
    final_value: float
    sharpe: float | None
    holding: float | None  # the Sharpe ratio of holding
    lead: float | None  # of the two
    trials: int  # on its asset over its period, those of the sweep included
    deflated_sharpe: float | None
    deflated_lead: float | None
    verdict: str


@dataclass(frozen=True)
class Best:
    """The point with the highest Sharpe ratio of a strategy."""

    outcome: Outcome
    neighbours: tuple[Outcome, ...]  # one step away on one axis, those with a Sharpe ratio
    kept: float | None  # mean share of its lead over the points further away that they keep; None without any

    @property
    def plateau(self) -> bool | None:
        """Whether the neighbours keep half of its lead; None where `kept` is."""
        return None if self.kept is None else self.kept >= PLATEAU


@dataclass(frozen=True)
class Sweep:
    """All outcomes of a sweep, point by point in the order of the axes."""

    name: str
    symbol: str
    axes: tuple[Axis, ...]
    outcomes: tuple[Outcome, ...]
    kept: bool  # False if there is no ledger that outlives the sweep, so that other trials are not known

    @property
    def strategies(self) -> tuple[str, ...]:
        """The names of the strategies, in the order of the config."""
        return tuple(dict.fromkeys(outcome.strategy for outcome in self.outcomes))

    def points(self) -> list[tuple[int, ...]]:
        """The position on each axis of every point."""
        return list(product(*(range(len(axis.values)) for axis in self.axes)))

    def settings(self, place: tuple[int, ...]) -> str:
        """``forecast.epochs=10, forecast.seed=0``."""
        return ", ".join(f"{a.key}={a.values[k]}" for a, k in zip(self.axes, place, strict=True))

    def best(self, strategy: str) -> Best | None:
        """The best point of a strategy; None if no Sharpe ratio is defined."""
        own = {outcome.place: outcome for outcome in self.outcomes if outcome.strategy == strategy}
        known = {place: found.sharpe for place, found in own.items() if found.sharpe is not None}
        if not known:
            return None
        top = max(known, key=lambda place: known[place])
        near = tuple(own[place] for place in known if self._steps(place, top) == 1)
        far = [value for place, value in known.items() if self._steps(place, top) > 1]
        return Best(own[top], near, _kept(known[top], [known[one.place] for one in near], far))

    def _steps(self, one: tuple[int, ...], other: tuple[int, ...]) -> int:
        return sum(axis.steps(a, b) for axis, a, b in zip(self.axes, one, other, strict=True))

    def table(self) -> pd.DataFrame:
        """One row for each strategy at each point, as it is written to sweep.csv."""
        return pd.DataFrame(
            [
                {
                    **{axis.key: axis.values[k] for axis, k in zip(self.axes, one.place, strict=True)},
                    **{name: value for name, value in vars(one).items() if name != "place"},
                }
                for one in self.outcomes
            ]
        )


def _kept(best: float, near: list[float], far: list[float]) -> float | None:
    """The share of the lead of the best point over the middle of those far from it that its neighbours keep."""
    if not near or not far:
        return None
    middle = statistics.median(far)
    lead = best - middle
    return (statistics.fmean(near) - middle) / lead if lead > 0.0 else 1.0


def _ranks(values: tuple[str, ...]) -> list[int] | None:
    """The place of each value by size, from 0; None if one is no number."""
    try:
        order = sorted(range(len(values)), key=lambda k: float(values[k]))
    except ValueError:
        return None
    return [order.index(k) for k in range(len(values))]
