"""Labels relative to their day: what an asset earns beside the other members of that day.

A model of the return of a stock learns the market first, which nobody can forecast; within a day the market is the
same for all, and drops out.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.row_ranks import row_ranks


def relative(returns: Floats, relation: str, least: int) -> Floats:
    """The labels of each session under `relation`; (D, N) -> (D, N).

    Parameters
    ----------
    returns
        (D, N) log returns; NaN where an asset is no member of the session or has no return.
    relation
        none: the return; demean: less the mean of the session; rank: the rank, from -0.5 for the lowest to 0.5
        for the highest, equal returns in the middle of their ranks; above_median: 0.5 above the median of the
        session, else -0.5, as in Fischer and Krauss (2018).
    least
        Under a relation, a session with fewer returns teaches nothing: its labels are NaN.

    Examples
    --------
    >>> returns = np.array([[0.01, 0.03, -0.02, np.nan, 0.02]])
    >>> relative(returns, "rank", least=2).round(3).tolist()
    [[-0.167, 0.5, -0.5, nan, 0.167]]
    >>> relative(returns, "above_median", least=2).tolist()
    [[-0.5, 0.5, -0.5, nan, 0.5]]
    >>> relative(returns, "demean", least=5).tolist()
    [[nan, nan, nan, nan, nan]]
    """
    if relation == "none":
        return returns
    count = np.isfinite(returns).sum(axis=1, keepdims=True)  # (D, 1)
    labels = _RELATIONS[relation](returns, count)
    return np.where(np.isfinite(returns) & (count >= max(least, 2)), labels, np.nan)


def _demean(returns: Floats, count: Floats) -> Floats:
    """Less the mean of the session, added in the order of size so that the order of the assets does not matter."""
    in_order = np.sort(np.nan_to_num(returns, nan=0.0), axis=1)
    total = np.add.accumulate(in_order, axis=1)[:, -1:]  # (D, 1); one after the other, so zeros change nothing
    demeaned: Floats = returns - total / np.maximum(count, 1)
    return demeaned


def _rank(returns: Floats, count: Floats) -> Floats:
    return (row_ranks(returns) - 1.0) / np.maximum(count - 1, 1) - 0.5


def _above_median(returns: Floats, count: Floats) -> Floats:
    in_order = np.sort(returns, axis=1)  # NaN last
    middle = np.stack([np.maximum(count - 1, 0) // 2, count // 2])[:, :, 0]  # (2, D)
    rows = np.arange(len(returns))
    median = 0.5 * (in_order[rows, middle[0]] + in_order[rows, np.minimum(middle[1], returns.shape[1] - 1)])
    return np.where(returns > median[:, None], 0.5, -0.5)


_RELATIONS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "demean": _demean,
    "rank": _rank,
    "above_median": _above_median,
}
