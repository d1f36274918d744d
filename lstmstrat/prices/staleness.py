"""Stale prices: a series that follows the market late can be forecast, but nobody trades at its prices.

A valuation that is smoothed, or a close that is repeated because nobody traded, makes returns that depend on the
ones before (Getmansky, Lo and Makarov 2004, on the serial correlation of illiquid funds). A backtest fills at such
prices; a market would not.

Letters: n bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstmstrat.arrays import Floats
from lstmstrat.prices.bars import CLOSE, VOLUME

LARGEST_AUTOCORRELATION = 0.3  # of either sign: prices that bounce between bid and ask are no prices either
LARGEST_STILL_SHARE = 0.1
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Staleness:
    """How stale the prices of a traded window are."""

    still: float  # share of the bars without volume, or without any movement since the close before
    autocorrelation: float | None  # of the returns from close to close, at lag 1; None where undefined

    @property
    def faults(self) -> tuple[str, ...]:
        """What is above its bound, in words."""
        rho = self.autocorrelation
        faults = []
        if self.still > LARGEST_STILL_SHARE:
            faults.append(f"{self.still:.1%} of the bars have no volume or no movement")
        if rho is not None and abs(rho) > LARGEST_AUTOCORRELATION:
            faults.append(f"the returns of holding have an autocorrelation of {rho:+.2f}")
        return tuple(faults)


def staleness(bars: Floats) -> Staleness:
    """How stale `bars` (n, 5) are: open, high, low, close, volume."""
    close = np.log(bars[:, CLOSE])
    return Staleness(float(still(bars).mean()), autocorrelation(np.diff(close)))


def still(bars: Floats) -> Flags:
    """The bars without volume, and those whose four prices are all the close before; (n,) bool.

    A feed in which no bar has volume, as in currencies, has none: volume then says nothing.
    """
    before = np.concatenate([[np.nan], bars[:-1, CLOSE]])
    unmoved: Flags = (bars[:, : CLOSE + 1] == before[:, None]).all(axis=1)
    return unmoved | without_volume(bars)


def without_volume(bars: Floats) -> Flags:
    """The bars without volume, in a feed that has volume; (n,) bool."""
    volume = bars[:, VOLUME]
    return np.asarray((volume == 0.0) & bool((volume > 0.0).any()))


def autocorrelation(returns: Floats) -> float | None:
    """The autocorrelation at lag 1 of `returns` (n,), by the mean and variance of all; None if they are constant.

    Examples
    --------
    >>> autocorrelation(np.array([1.0, -1.0, 1.0, -1.0]))
    -0.75
    """
    centred = returns - returns.mean() if len(returns) else returns
    variance = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / variance if variance > 0.0 else None
