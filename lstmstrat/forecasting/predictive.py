"""The distribution of the return to come, from the errors of earlier forecasts.

    return = forecast + volatility * error

The volatility is that of the bars up to the forecast. The error is one of those that the forecasts of the last
`EARLIER` bars made, each in units of the volatility that was known when its forecast was made (filtered historical
simulation: Hull and White 1998; Barone-Adesi, Giannopoulos and Vosper 1999). So the distribution has the tails of
the asset and the errors of the model, all out of sample; the spread over the members has no part in it.

Letters: n bars, E earlier errors, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmstrat.arrays import Floats, sliding
from lstmstrat.forecasting.features import log_return

EARLIER = 1000  # bars: enough for a quantile of 5% to within a percent, few enough to follow the asset
LEAST = 20  # earlier errors without which nothing is said
LARGEST = (
    10.0  # units of volatility at which an error is cut for sigma: one wrong price would outweigh 1,000 others
)
DECAY, BARS = 0.94, 63  # RiskMetrics (1996) for daily returns; the 64th weight would be 2% of the first
_WEIGHTS = DECAY ** np.arange(BARS - 1, -1, -1.0)
_BLOCK = 4096  # rows calculated at once, which bounds the memory


def recent_volatility(close: Floats, first: int) -> Floats:
    """Deviation of a one-bar log return at bars `first` to the end, from closes (n,); (n - first,).

    The root of the weighted mean square of the last `BARS` returns, the newest with the largest weight. A return
    of 0 does not count, nor one that is missing: where nothing is traded nothing is learned. NaN without others.
    """
    known = close[max(0, first - BARS) :]
    squares = np.concatenate([np.full(max(0, BARS - first), np.nan), np.square(log_return(known, 1))])
    views = sliding(squares, BARS)[-(len(close) - first) :]  # (n - first, BARS)
    blocks = [_weighted_root(views[low : low + _BLOCK]) for low in range(0, len(views), _BLOCK)]
    return np.concatenate(blocks)


def _weighted_root(squares: Floats) -> Floats:
    """Root of the weighted mean of the columns of (b, BARS); added one by one, as all that a forecast reads."""
    known = squares > 0.0
    total = np.add.accumulate(np.where(known, squares, 0.0) * _WEIGHTS, axis=1)[:, -1]
    weight = np.add.accumulate(known * _WEIGHTS, axis=1)[:, -1]
    mean = np.divide(total, weight, out=np.full(len(squares), np.nan), where=total > 0.0)
    roots: Floats = np.sqrt(mean)
    return roots


@dataclass(frozen=True, eq=False)
class Predictive:
    """The errors that a fold has learned from, and what they say about a return; NaN with fewer than `LEAST`.

    Examples
    --------
    >>> import numpy as np
    >>> errors = np.random.default_rng(0).normal(size=1000)
    >>> predictive = Predictive.of(errors, returns=errors)
    >>> forecast, volatility = np.array([0.0, 0.01]), np.array([0.01, 0.02])
    >>> predictive.sigma(volatility).round(3)
    array([0.01, 0.02])
    >>> predictive.up(forecast, volatility, 0.0).round(1)
    array([0.5, 0.7])
    >>> predictive.quantiles(forecast, volatility, [0.05, 0.95]).round(3)
    array([[-0.016,  0.015],
           [-0.021,  0.04 ]])
    """

    errors: Floats  # (E,) in units of the volatility, in order of size
    moved: Floats  # (m,) those of returns other than 0

    @classmethod
    def of(cls, errors: Floats, returns: Floats) -> Predictive:
        """From the errors (n,) and the returns (n,) that they were about, in any order; NaN where not known."""
        known = np.isfinite(errors)
        enough = known.sum() >= LEAST and np.ptp(errors[known]) > 0.0
        known &= enough
        return cls(np.sort(errors[known]), np.sort(errors[known & (returns != 0.0)]))

    def sigma(self, volatility: Floats) -> Floats:
        """Standard deviation of the return to come; (n,) -> (n,). Errors beyond `LARGEST` count as that."""
        return volatility * self._deviation

    @cached_property
    def _deviation(self) -> float:
        return float(np.clip(self.errors, -LARGEST, LARGEST).std()) if len(self.errors) else np.nan

    def up(self, forecast: Floats, volatility: Floats, threshold: float) -> Floats:
        """Probability that the return to come is above `threshold`; (n,).

        A return of 0 is as likely as it was before, whatever is forecast: a price that moves by ticks, or is not
        traded, stands still at many bars. With half an error more on each side (Jeffreys), so that nothing is said
        to be certain.
        """
        if not len(self.errors):
            return np.full(len(forecast), np.nan)
        needed = (threshold - forecast) / volatility  # the error above which the return is above the threshold
        above = len(self.moved) - np.searchsorted(self.moved, needed, side="right")
        above = above + (len(self.errors) - len(self.moved)) * (threshold < 0.0)
        return np.where(np.isfinite(needed), (above + 0.5) / (len(self.errors) + 1.0), np.nan)

    def quantiles(self, forecast: Floats, volatility: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles of the return to come; (n,) and Q levels -> (n, Q)."""
        return forecast[:, None] + volatility[:, None] * self._errors_at(tuple(levels))

    def _errors_at(self, levels: tuple[float, ...]) -> Floats:
        """Quantiles of the errors; (Q,). They are asked for at every bar of a fold."""
        known: dict[tuple[float, ...], Floats] = self.__dict__.setdefault("_known", {})
        if levels not in known:
            known[levels] = np.quantile(self.errors, levels) if len(self.errors) else np.full(len(levels), np.nan)
        return known[levels]
