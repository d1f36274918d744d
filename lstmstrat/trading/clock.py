"""Dates to Backtrader's times and back.

Such a time is a float: the number of days since the year 1, exact to about 10 microseconds.
"""

from __future__ import annotations

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats, Times

_EPOCH = 719163  # the day number of 1970-01-01


def to_numbers(index: pd.DatetimeIndex) -> Floats:
    """Dates to day numbers; (n,)."""
    return np.array([bt.date2num(time) for time in index.to_pydatetime()])


def to_times(numbers: Floats) -> Times:
    """Day numbers to datetime64[ns], rounded to the millisecond; (n,)."""
    days = np.floor(numbers)
    milliseconds = np.rint((numbers - days) * 86_400e3)
    milliseconds = np.minimum(milliseconds, 86_399_999)  # a bar at 23:59:59.99999 stays on its day
    midnights = (days.astype(np.int64) - _EPOCH) * 86_400_000
    return (midnights + milliseconds.astype(np.int64)).astype("datetime64[ms]").astype("datetime64[ns]")
