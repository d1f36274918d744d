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

from itertools import product

import numpy as np

from lstmstrat.arrays import Floats

PRIOR, WIDTH = 0.4, 0.3
"""Mean and standard deviation of a weight before there is any earlier forecast, chosen by benchmarks/skill.py."""
LEAST = 20  # earlier forecasts from which anything is learned


def weights(parts: Floats, realised: Floats) -> Floats:
    """The weights of parts (n, P), less the mean, for labels (n,), less the mean; (P,).

    They have the largest posterior density among those of at least 0, with the variance of the labels as that of
    their errors, because hardly any of it can be forecast. A row with a value that is missing does not count; with
    fewer than `LEAST` others the weights are `PRIOR`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> mean, noise = rng.normal(0.0, 0.1, (2, 5000))
    >>> np.round(weights(np.column_stack([2.0 * mean, noise]), mean + rng.normal(size=5000)), 1)
    array([0.4, 0.2])
    """
    valid = np.isfinite(parts).all(axis=1) & np.isfinite(realised)
    x, y = parts[valid], realised[valid]
    if len(y) < LEAST or not (variance := float(y.var())) > 0.0:
        return np.full(parts.shape[1], PRIOR)
    # Sums of einsum, whose rounding does not depend on the number of threads.
    precision = np.einsum("np,nq->pq", x, x) / variance + np.eye(x.shape[1]) / WIDTH**2
    target = np.einsum("np,n->p", x, y) / variance + PRIOR / WIDTH**2
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
