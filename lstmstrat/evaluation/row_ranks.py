"""Ranks within each row of a table."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lstmstrat.arrays import Floats


def row_ranks(values: Floats, ties: Literal["average", "min"] = "average") -> Floats:
    """The rank of each value in its row, from 1 for the lowest; (D, N) -> (D, N), NaN where a value is not finite.

    Equal values share the mean of their ranks, or the lowest of them.

    Examples
    --------
    >>> row_ranks(np.array([[0.3, np.nan, 0.1, 0.3]])).tolist()
    [[2.5, nan, 1.0, 2.5]]
    """
    from scipy.stats import rankdata

    known = np.isfinite(values)
    # What is missing comes last and so moves no other rank; `nan_policy` would go row by row, ten times as slow.
    ranks = rankdata(np.where(known, values, np.inf), method=ties, axis=1)
    return np.where(known, ranks, np.nan)
