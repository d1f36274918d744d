"""How far a forecast is trusted: weights of its parts, learned on all earlier forecasts.

    forecast = mean + w_1 (part_1 - mean) + w_2 (part_2 - mean)

The mean is that of the labels of the training set, and the parts are what the networks say and what a linear model
of the newest bar says. The weights are those with which the earlier forecasts, all out of sample, would have come
nearest to what was realised: a regression without a constant and with no weight below 0 (stacked regressions,
Breiman 1996), drawn toward `PRIOR` by a normal prior. So parts that have been too bold are made smaller, and where
nothing can be forecast the forecast becomes the mean.

Letters: n earlier bars, P parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from lstmstrat.arrays import Floats

PRIOR, WIDTH = 0.4, 0.3
"""Mean and standard deviation of a weight before there is any earlier forecast, chosen by benchmarks/skill.py."""
LEAST = 20  # earlier forecasts from which anything is learned


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sums over earlier forecasts and what was realised, from which the weights follow; sums can be added.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> mean, noise = rng.normal(0.0, 0.1, (2, 5000))
    >>> evidence = Evidence.of(np.column_stack([2.0 * mean, noise]), mean + rng.normal(size=5000))
    >>> np.round(evidence.weights(horizon=1), 1)
    array([0.4, 0.2])
    >>> Evidence.none(2).weights(horizon=1)
    array([0.4, 0.4])
    """

    count: int
    total: float  # of the labels, less the mean of their fold
    squares: float  # of the same
    products: Floats  # (P,) of the parts with them
    moments: Floats  # (P, P) of the parts with each other

    @classmethod
    def none(cls, parts: int) -> Evidence:
        """Without any earlier forecast."""
        return cls(0, 0.0, 0.0, np.zeros(parts), np.zeros((parts, parts)))

    @classmethod
    def of(cls, parts: Floats, realised: Floats) -> Evidence:
        """Of parts (n, P) and labels (n,), each less the mean. A row with a missing value does not count."""
        known = np.isfinite(parts).all(axis=1) & np.isfinite(realised)
        x, y = parts[known], realised[known]
        # Sums of einsum, whose rounding does not depend on the number of threads.
        products, moments = np.einsum("np,n->p", x, y), np.einsum("np,nq->pq", x, x)
        return cls(len(y), float(np.einsum("n->", y)), float(np.einsum("n,n->", y, y)), products, moments)

    def __add__(self, later: Evidence) -> Evidence:
        """Of all forecasts of both."""
        return Evidence(
            self.count + later.count,
            self.total + later.total,
            self.squares + later.squares,
            self.products + later.products,
            self.moments + later.moments,
        )

    @property
    def of_last(self) -> Evidence:
        """The sums of the last part alone."""
        return replace(self, products=self.products[-1:], moments=self.moments[-1:, -1:])

    def weights(self, horizon: int) -> Floats:
        """The weights of the parts; (P,).

        Labels over a `horizon` of several bars overlap, so that so many of them tell no more than one. The weights
        have the largest posterior density among those of at least 0, with the variance of the labels as that
        of their errors, because hardly any of it can be forecast. With fewer than `LEAST` forecasts, or labels
        that are all equal, they are `PRIOR`.
        """
        size = len(self.products)
        variance = self.squares / self.count - (self.total / self.count) ** 2 if self.count >= LEAST else 0.0
        if not variance > 0.0:
            return np.full(size, PRIOR)
        precision = self.moments / (variance * horizon) + np.eye(size) / WIDTH**2
        target = self.products / (variance * horizon) + PRIOR / WIDTH**2
        free: Floats = np.linalg.solve(precision, target).astype(np.float64)
        if (free >= 0.0).all():  # the best of all weights, and so the best of those that are not negative
            return free
        return min(_candidates(precision, target), key=lambda w: float(w @ (0.5 * precision @ w - target)))


def _candidates(precision: Floats, target: Floats) -> list[Floats]:
    """The solutions with some of the weights at 0 and the others above; the best of all is among them."""
    found = []
    for choice in product((True, False), repeat=len(target)):
        used = np.flatnonzero(choice)
        solution = np.zeros(len(target))
        solution[used] = np.linalg.solve(precision[np.ix_(used, used)], target[used])
        if (solution >= 0.0).all():
            found.append(solution)
    return found
