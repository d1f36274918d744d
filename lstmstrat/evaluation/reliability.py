"""Whether what was said of the distribution of a return came true: quantiles, and the probability of a rise.

Letters: n bars, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats

WIDTH = 0.05  # of a bin of stated probabilities


@dataclass(frozen=True)
class QuantileCheck:
    """A quantile, and the share of the returns that came below it; they agree where the forecast is reliable."""

    level: float
    below: float


@dataclass(frozen=True)
class UpBin:
    """The bars on which the stated probability of a rise was from `low` to `high`."""

    low: float
    high: float
    observations: int
    stated: float  # mean of the stated probabilities
    realised: float  # share of these bars whose return was above the threshold


@dataclass(frozen=True)
class Reliability:
    """Stated and realised frequencies, over the bars where both are known."""

    observations: int
    quantiles: tuple[QuantileCheck, ...]  # empty without observations
    up: tuple[UpBin, ...]  # the bins that hold a bar, the lowest first

    @property
    def interval(self) -> tuple[float, float] | None:
        """Nominal and realised share of returns between the outermost quantiles; None with fewer than two."""
        if len(self.quantiles) < 2:
            return None
        first, last = self.quantiles[0], self.quantiles[-1]
        return last.level - first.level, last.below - first.below


def reliability(
    up: Floats, quantiles: Floats, realised: Floats, levels: Sequence[float], threshold: float
) -> Reliability:
    """The reliability of stated distributions. Bars on which a value is missing are dropped.

    Parameters
    ----------
    up
        (n,) stated probabilities of a return above `threshold`.
    quantiles
        (n, Q) stated quantiles, at the `levels`.
    realised
        (n,) realised returns.

    Examples
    --------
    >>> import numpy as np
    >>> realised = np.array([-0.02, -0.01, 0.01, 0.02])
    >>> quantiles = np.tile([-0.015, 0.015], (4, 1))
    >>> found = reliability(np.full(4, 0.52), quantiles, realised, (0.25, 0.75), 0.0)
    >>> found.interval, found.up
    ((0.5, 0.5), (UpBin(low=0.5, high=0.55, observations=4, stated=0.52, realised=0.5),))
    """
    known = np.isfinite(up) & np.isfinite(realised) & np.isfinite(quantiles).all(axis=1)
    stated, came = up[known], realised[known]
    if not len(came):
        return Reliability(0, (), ())
    below = (came[:, None] < quantiles[known]).mean(axis=0)
    checks = (QuantileCheck(level, float(share)) for level, share in zip(levels, below, strict=True))
    return Reliability(len(came), tuple(checks), tuple(_bins(stated, came > threshold)))


def _bins(stated: Floats, rose: np.ndarray) -> list[UpBin]:
    bins = np.minimum((stated / WIDTH).astype(np.int64), round(1.0 / WIDTH) - 1)
    return [
        UpBin(
            round(k * WIDTH, 2),
            round((k + 1) * WIDTH, 2),
            int((bins == k).sum()),
            float(stated[bins == k].mean()),
            float(rose[bins == k].mean()),
        )
        for k in np.unique(bins).tolist()
    ]
