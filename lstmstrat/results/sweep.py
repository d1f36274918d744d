"""`Sweep`: the same config at many settings, and whether the best of them stands alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Final, Literal

import pandas as pd

Place = tuple[int, ...]  # the position on each axis
PLATEAU_SHARE = 0.5
"""The share of the lead of the best point that each of its neighbours keeps on a plateau."""
MOST_NAMES = 3  # of a strategy that is called otherwise from point to point

Shape = Literal["plateau", "peak", "border", "not known", "no lead", "alone"]
PLATEAU: Final = "plateau"
PEAK: Final = "peak"
BORDER: Final = "border"
NOT_KNOWN: Final = "not known"
NO_LEAD: Final = "no lead"
ALONE: Final = "alone"


@dataclass(frozen=True)
class Axis:
    """A key of the config, and the values that it takes, as they were typed."""

    key: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"{self.key}: expected values that differ, found {', '.join(self.values) or 'none'}")

    @cached_property
    def ranks(self) -> tuple[int, ...] | None:
        """The place of each value by size, from 0; None if one is no number, and for seeds, which have no order.

        >>> Axis("threshold", ("0.2", "0", "0.1")).ranks, Axis("forecast.model", ("lstm", "ridge")).ranks
        ((2, 0, 1), None)
        """
        try:
            sizes = [float(value) for value in self.values]
        except ValueError:
            return None
        if self.key.endswith("seed"):
            return None
        return tuple(sorted(range(len(sizes)), key=sizes.__getitem__).index(k) for k in range(len(sizes)))

    def beside(self, position: int) -> tuple[int, ...]:
        """The positions of the next value on either side; without an order, of every other value.

        >>> Axis("threshold", ("0.2", "0", "0.1")).beside(2), Axis("model", ("a", "b", "c")).beside(0)
        ((0, 1), (1, 2))
        """
        if self.ranks is None:
            return tuple(k for k in range(len(self.values)) if k != position)
        return tuple(k for k, rank in enumerate(self.ranks) if abs(rank - self.ranks[position]) == 1)

    def ends_at(self, position: int) -> bool:
        """Whether the value is the smallest or the largest of several; without an order there is no end."""
        return self.ranks is not None and len(self.values) > 1 and len(self.beside(position)) == 1


@dataclass(frozen=True)
class Outcome:
    """One strategy at one point; it is deflated by all trials on the asset, those of the sweep included."""

    place: Place
    strategy: str  # what it is called at this point
    final_value: float
    sharpe: float | None
    holding: float | None  # the Sharpe ratio of holding
    lead: float | None  # of the two
    trials: int  # on its asset over its period, those of the sweep included
    deflated_sharpe: float | None
    deflated_lead: float | None
    verdict: str
    cagr: float | None = None
    rank_ic: float | None = None  # of a universe: the mean rank correlation of scores and returns
    break_even_bp: float | None = None  # of a universe: cost at which the best less the worst tenth earns nothing


@dataclass(frozen=True)
class Failure:
    """A point that could not be run or judged."""

    place: Place
    error: str


@dataclass(frozen=True)
class Best:
    """The point with the highest Sharpe ratio of a strategy, and what its neighbours say about it.

    A neighbour differs in one key: by one step, in either direction, where the values are numbers; where they
    have no order (words, seeds) each other value is a neighbour. Keys that change nothing for the strategy do not
    count.

    Attributes
    ----------
    kept
        The smallest share of its lead over holding that a neighbour keeps; None without a lead, or without a
        neighbour whose lead is known.
    weakest
        The neighbour with that share.
    shape
        ``plateau`` if it has neighbours on both sides of each key that has an order, and each keeps at least
        `PLATEAU_SHARE` of its lead. ``peak`` if one keeps less. Else ``border`` if it has the smallest or largest
        value of a key, beyond which nobody has looked, and ``not known`` if a neighbour failed or has no Sharpe
        ratio. ``no lead`` if it is not above holding, and ``alone`` if it has no neighbour at all. What lies
        further away decides nothing: a disaster there makes no neighbour better.
    borders
        The keys whose smallest or largest value it has.
    """

    outcome: Outcome
    neighbours: tuple[Outcome, ...]  # those whose lead is known
    kept: float | None
    weakest: Outcome | None
    shape: Shape
    borders: tuple[str, ...]


@dataclass(frozen=True)
class Sweep:
    """All outcomes of a sweep, point by point in the order of the axes.

    Raises
    ------
    ValueError
        A point is not on the grid.
    """

    name: str
    symbol: str
    axes: tuple[Axis, ...]
    outcomes: tuple[Outcome, ...]
    kept: bool  # False if there is no ledger that outlives the sweep, so that other trials are not known
    failures: tuple[Failure, ...] = ()

    def __post_init__(self) -> None:
        if outside := {one.place for one in self.rows()} - set(self.points()):
            raise ValueError(f"{min(outside)} is no point of the grid")

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies in the order of the config; one that has other names at other points has all of them."""
        return tuple(self._by_strategy)

    @cached_property
    def _by_strategy(self) -> dict[str, dict[Place, Outcome]]:
        """The outcomes of each strategy, by their places.

        A strategy is known by its name where each point has one of that name, else by its place in the list.
        """
        rows = dict[Place, list[Outcome]]()
        for one in self.outcomes:
            rows.setdefault(one.place, []).append(one)
        return _matched(rows)

    def points(self) -> list[Place]:
        """The position on each axis of every point."""
        return list(product(*(range(len(axis.values)) for axis in self.axes)))

    def settings(self, place: Place) -> str:
        """``forecast.epochs=10, forecast.seed=0``."""
        return ", ".join(f"{a.key}={a.values[k]}" for a, k in zip(self.axes, place, strict=True))

    def at(self, strategy: str, place: Place) -> Outcome | None:
        """The outcome of a strategy at a point; None where the point failed, or has no such strategy."""
        return self._by_strategy[strategy].get(place)

    def idle(self, strategy: str) -> tuple[str, ...]:
        """The keys that change nothing for a strategy: its result is the same at all of their values."""
        own = self._by_strategy[strategy]
        return tuple(axis.key for k, axis in enumerate(self.axes) if _changes_nothing(own, k))

    def best(self, strategy: str) -> Best | None:
        """The best point of a strategy, of equal ones that inside of the grid; None without any Sharpe ratio."""
        own = self._by_strategy[strategy]
        known = {place: found.sharpe for place, found in own.items() if found.sharpe is not None}
        if not known:
            return None
        idle = self.idle(strategy)
        used = [k for k, axis in enumerate(self.axes) if axis.key not in idle]
        top = max(known, key=lambda place: (known[place], -len(self._borders(place, used))))
        near = [own.get(place) for place in self._beside(top, used)]
        return _judged(own[top], near, self._borders(top, used))

    def _borders(self, place: Place, used: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.axes[k].key for k in used if self.axes[k].ends_at(place[k]))

    def _beside(self, place: Place, used: Sequence[int]) -> list[Place]:
        return [(*place[:k], other, *place[k + 1 :]) for k in used for other in self.axes[k].beside(place[k])]

    @property
    def ranked(self) -> bool:
        """Whether scores ordered the assets of a universe at any point."""
        return any(one.rank_ic is not None for one in self.outcomes)

    def table(self) -> pd.DataFrame:
        """One row for each strategy at each point, and one for each that failed, as it is written to sweep.csv."""
        left_out = {"place"} if self.ranked else {"place", "rank_ic", "break_even_bp"}
        return pd.DataFrame(
            [
                {
                    **{axis.key: axis.values[k] for axis, k in zip(self.axes, one.place, strict=True)},
                    **{name: value for name, value in vars(one).items() if name not in left_out},
                }
                for one in self.rows()
            ]
        )

    def rows(self) -> list[Outcome | Failure]:
        """Each strategy at each point, and each point that failed, in the order of the points."""
        found: list[Outcome | Failure] = [*self.outcomes, *self.failures]
        return sorted(found, key=lambda one: one.place)


def _matched(rows: Mapping[Place, Sequence[Outcome]]) -> dict[str, dict[Place, Outcome]]:
    """The outcomes of each point, matched from point to point; see `Sweep._by_strategy`."""
    names = [{one.strategy for one in row} for row in rows.values()]
    everywhere = set.intersection(*names) if names else set()
    matched = dict[str | int, dict[Place, Outcome]]()
    for place, row in rows.items():
        others = 0
        for one in row:
            key: str | int = one.strategy
            if one.strategy not in everywhere:
                key, others = others, others + 1
            matched.setdefault(key, {})[place] = one
    return dict(zip(_unique([_called(own) for own in matched.values()]), matched.values(), strict=True))


def _called(own: Mapping[Place, Outcome]) -> str:
    """``long_flat``, or ``long_flat / long_short`` of a strategy whose name or class is swept."""
    names = list(dict.fromkeys(one.strategy for one in own.values()))
    more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return " / ".join([*names[:MOST_NAMES], *more])


def _unique(names: Sequence[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name} #{k}" for k, name in enumerate(names, 1)]


def _changes_nothing(own: Mapping[Place, Outcome], k: int) -> bool:
    """Whether the outcomes differ nowhere along axis `k`, and there are two to compare."""
    lines = dict[Place, set[tuple[float, float | None]]]()
    for place, one in own.items():
        lines.setdefault((*place[:k], *place[k + 1 :]), set()).add((one.final_value, one.sharpe))
    return len(lines) < len(own) and all(len(values) == 1 for values in lines.values())


def _judged(top: Outcome, near: Sequence[Outcome | None], borders: tuple[str, ...]) -> Best:
    """The best point, by its neighbours; see `Best`. None stands for one that failed."""
    known = [one for one in near if one is not None and one.lead is not None]
    weakest = min(known, key=lambda one: one.lead or 0.0, default=None)
    lead = top.lead or 0.0
    kept = (weakest.lead or 0.0) / lead if weakest is not None and lead > 0.0 else None
    if not near:
        shape: Shape = ALONE
    elif lead <= 0.0:
        shape = NO_LEAD
    elif kept is not None and kept < PLATEAU_SHARE:
        shape = PEAK
    elif borders:
        shape = BORDER
    else:
        shape = PLATEAU if len(known) == len(near) else NOT_KNOWN
    return Best(top, tuple(known), kept, weakest, shape, borders)
