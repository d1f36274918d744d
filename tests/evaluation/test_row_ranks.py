"""Ranks within a row, against scipy."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.stats import rankdata

from lstmstrat.evaluation.row_ranks import row_ranks


@pytest.mark.parametrize("ties", ["average", "min"])
def test_ranks_are_those_of_scipy(ties: Literal["average", "min"]) -> None:
    """Equal values, neighbours by one bit, both zeros, the smallest and the largest numbers."""
    rng = np.random.default_rng(3)
    edges = [0.0, -0.0, 1.0, np.nextafter(1.0, 2.0), 5e-324, -5e-324, 1e308, -1e308]
    values = np.concatenate([rng.normal(size=(50, 40)), rng.choice(edges, (50, 40))])
    assert row_ranks(values, ties).tolist() == rankdata(values, method=ties, axis=1).tolist()


def test_what_is_not_finite_has_no_rank_and_moves_none() -> None:
    values = np.array([[np.inf, 2.0, np.nan, 1.0, -np.inf], [np.nan] * 5])
    np.testing.assert_array_equal(row_ranks(values), [[np.nan, 2.0, np.nan, 1.0, np.nan], [np.nan] * 5])
