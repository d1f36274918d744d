"""Round trips by columns are those that `round_trips` makes fill by fill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.evaluation.round_trips import Fill, round_trips
from lstmstrat.evaluation.trip_columns import trip_columns

SIZES = st.lists(st.sampled_from([-3.0, -1.0, -0.7, 0.3, 1.0, 2.5]), max_size=30)


@given(sizes=SIZES, seed=st.integers(0, 9), flat=st.booleans())
def test_they_are_those_of_fill_by_fill(sizes: list[float], seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    if flat and sizes and abs(sum(sizes)) > 1e-6:
        sizes = [*sizes, -sum(sizes)]
    bars = np.arange(1, len(sizes) + 1) * 2
    prices, paid = rng.uniform(5.0, 15.0, len(sizes)), rng.uniform(0.0, 0.1, len(sizes))
    fills = [Fill(int(b), *row) for b, *row in zip(bars, sizes, prices.tolist(), paid.tolist(), strict=True)]
    expected = round_trips(fills, 99, 12.0)
    found = trip_columns(bars, np.array(sizes), prices, paid, 99, 12.0)
    assert len(found["opened"]) == len(expected)
    for k, trip in enumerate(expected):
        assert (found["opened"][k], found["side"][k], found["bars"][k]) == (trip.opened, trip.side, trip.bars)
        assert found["closed"][k] == (-1 if trip.closed is None else trip.closed)
        for name in ("size", "entry_price", "exit_price", "pnl", "commission"):
            assert found[name][k] == pytest.approx(getattr(trip, name), rel=1e-9, abs=1e-12, nan_ok=True), name
