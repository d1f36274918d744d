"""What was decided at the close of each session of a universe, and where two runs have decided something else.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.audit.compare import same
from lstmstrat.audit.finding import Discrepancy
from lstmstrat.prices.panel import Panel

SCORE, WEIGHT = "forecast", "weight"


@dataclass(frozen=True, eq=False)
class Decisions:
    """What was decided at the close of each session: forecast, spread, distance, weight; (D, N) each.

    Raises
    ------
    ValueError
        A line has another shape.
    """

    times: Times  # (D,)
    symbols: tuple[str, ...]  # (N,)
    first: int  # session of the first forecast
    refits: tuple[int, ...]  # sessions at which a fold begins
    lines: Mapping[str, Floats]

    def __post_init__(self) -> None:
        shape = len(self.times), len(self.symbols)
        if wrong := {name: line.shape for name, line in self.lines.items() if line.shape != shape}:
            raise ValueError(f"lines of shapes {wrong}, expected {shape}")

    @property
    def words(self) -> tuple[str, ...]:
        """The weight and the score of each asset that has one, to the sixth digit."""
        score, weight = self.lines[SCORE], self.lines[WEIGHT]
        places = zip(*np.nonzero(np.isfinite(score) | (weight != 0.0)), strict=True)
        days = [day(time) for time in self.times]
        return tuple(
            f"a weight of {weight[t, n]:.6g} for {self.symbols[n]}, with score {score[t, n]:.6g}, on {days[t]}"
            for t, n in places
        )

    def until(self, session: int) -> int:
        """How many values were decided up to a session."""
        return int(np.isfinite(self.lines[SCORE][: session + 1]).sum()) * len(self.lines)

    def only(self, name: str) -> Decisions:
        """One of the lines."""
        return replace(self, lines={name: self.lines[name]})


Decide = Callable[[Panel], Decisions]


def difference(whole: Decisions, other: Decisions, upto: int, how: str, rtol: float = 0.0) -> Discrepancy | None:
    """The first decision up to a session that is another one; bit for bit, or up to rounding."""
    found = list(_differences(whole, other, upto, how, rtol))
    return min(found, key=lambda one: one.bar, default=None)


def differing(whole: Decisions, other: Decisions, rtol: float) -> list[int]:
    """The sessions with a session after them at which something else was decided."""
    differ = [~same(line, other.lines[name], rtol).all(axis=1) for name, line in whole.lines.items()]
    found: list[int] = np.flatnonzero(np.logical_or.reduce(differ)[:-1]).tolist()
    return found


def _differences(whole: Decisions, other: Decisions, upto: int, how: str, rtol: float) -> Iterator[Discrepancy]:
    for name, values in whole.lines.items():
        one, two = values[: upto + 1], other.lines[name][: upto + 1]
        differ = ~same(one, two, rtol)
        if differ.any():
            session, asset = (int(k) for k in np.argwhere(differ)[0])
            yield Discrepancy(
                bar=session,
                date=day(whole.times[session]),
                line=f"{name} of {whole.symbols[asset]}",
                original=f"{one[session, asset]:.10g}",
                changed=f"{two[session, asset]:.10g}",
                cut=day(whole.times[upto]),
                perturbation=how,
            )


def day(time: np.datetime64) -> str:
    """The date, with the time of day unless it is midnight."""
    text = str(time.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00")
