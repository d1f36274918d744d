"""A table as the text of a CSV file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lstmstrat.results.csv_text import csv_text

DAYS = pd.date_range("2024-01-01", periods=4)
TABLES = {
    "numbers": pd.DataFrame(
        {"a": [0.1, -0.0, 1e-9, np.nan], "b": [1, 2, -3, 10**15], "c": [True, False, True, True]}
    ),
    "infinite": pd.DataFrame({"a": [np.inf, -np.inf, 1 / 3, 1e300], "b": [5e-324, 1e16, 123456789.0, 1e22]}),
    "days": pd.DataFrame({"date": DAYS, "x": 1.0}),
    "times of day": pd.DataFrame({"date": DAYS + pd.Timedelta("9h30min"), "x": 1.0}),
    "parts of a second": pd.DataFrame({"date": DAYS + pd.to_timedelta([0, 1, 2, 3], unit="ms"), "x": 1}),
    "no time": pd.DataFrame({"closed": [DAYS[0], pd.NaT, DAYS[1], pd.NaT], "x": 1}),
    "words": pd.DataFrame({"w": ['say "a, b"', "two\nlines", "", "ö"], "v, w": [None, "x", "x", None], "z": 1}),
    "empty": pd.DataFrame({"date": DAYS[:0], "w": pd.Series([], dtype=object), "x": pd.Series([], dtype=float)}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_written_as_pandas_writes_it(name: str) -> None:
    frame = TABLES[name]
    assert csv_text(frame) == frame.to_csv(index=False, lineterminator="\n")
