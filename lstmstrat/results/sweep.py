"""`Sweep`: the same config at many settings, and whether the best of them stands alone."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import product

import pandas as pd

PLATEAU = 0.5
"""The share of the best point's lead over the middle of the grid that its neighbours keep on a plateau."""


@dataclass(frozen=True)
class Axis:
    """A key of the config, and the values that it takes, as they were typed."""

    key: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"{self.key}: expected values that differ, found {', '.join(self.values) or 'none'}")


@dataclass(frozen=True)
class Outcome:
    """One strategy at one point; it is deflated by all trials on the asset, those of the sweep included."""

    place: tuple[int, ...]  # the position on each axis
    strategy: str
    final_value: float
    sharpe: float | None
    lead: float | None  # Sharpe ratio minus that of holding
    deflated_sharpe: float | None
    deflated_lead: float | None
    verdict: str


@dataclass(frozen=True)
class Best:
    """The point with the highest Sharpe ratio of a strategy."""

    outcome: Outcome
    neighbours: tuple[Outcome, ...]  # one step away on one axis, those with a Sharpe ratio
    kept: (
        float | None
    )  # mean share of the lead over the middle that they keep; None without any, or without a lead

    @property
    def plateau(self) -> bool | None:
        """Whether the neighbours keep half of its lead; None if nobody can say."""
        return None if self.kept is None else self.kept >= PLATEAU


@dataclass(frozen=True)
class Sweep:
    """All outcomes of a sweep, point by point in the order of the axes."""

    name: str
    symbol: str
    axes: tuple[Axis, ...]
    outcomes: tuple[Outcome, ...]
    holding: float | None  # Sharpe ratio
    trials: int  # on the asset, those of the sweep included
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
        near = tuple(own[place] for place in known if _steps(place, top) == 1)
        middle = statistics.median(known.values())
        lead = known[top] - middle
        kept = None
        if near and lead > 0.0:
            kept = (statistics.fmean(known[one.place] for one in near) - middle) / lead
        return Best(own[top], near, kept)

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


def _steps(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))
