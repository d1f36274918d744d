"""Ranks within each row of a table."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats


def row_ranks(values: Floats, ties: Literal["average", "min", "max"] = "average") -> Floats:
    """The rank of each value in its row, from 1 for the lowest; (D, N) -> (D, N), NaN where a value is not finite.

    Equal values share the mean of their ranks, the lowest or the highest of them.

    Examples
    --------
    >>> row_ranks(np.array([[0.3, np.nan, 0.1, 0.3]])).tolist()
    [[2.5, nan, 1.0, 2.5]]
    """
    # Not `scipy.stats.rankdata`: it is no faster, and loading scipy.stats takes a second.
    ranks: Floats = (
        pd.DataFrame(np.where(np.isfinite(values), values, np.nan)).rank(axis=1, method=ties).to_numpy()
    )
    return ranks
