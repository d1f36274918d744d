"""An account through time: months, years, falls, rolling figures; and the outcomes of each level of a forecast."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats

MONTHS = range(1, 13)


def monthly_returns(equity: pd.Series[float]) -> pd.DataFrame:
    """The return of each calendar month: one row a year, one column a month; NaN where there are no closes.

    The first month begins at the first close, so that all months together make the total return. A month after one
    that ended at or below zero has no return.
    """
    ends = _period_returns(equity, "M")
    months = pd.PeriodIndex(ends.index)
    years = np.arange(months.year[0], months.year[-1] + 1)
    table = np.full((len(years), len(MONTHS)), np.nan)
    table[months.year - years[0], months.month - 1] = ends
    return pd.DataFrame(table, index=pd.Index(years, name="year"), columns=pd.Index(MONTHS, name="month"))


def yearly_returns(equity: pd.Series[float]) -> pd.Series[float]:
    """The return of each calendar year, by its number; the first begins at the first close.

    >>> dates = pd.to_datetime(["2020-06-30", "2020-12-31", "2021-12-31"])
    >>> yearly_returns(pd.Series([100.0, 110.0, 99.0], dates)).round(3).to_dict()
    {2020: 0.1, 2021: -0.1}
    """
    ends = _period_returns(equity, "Y")
    return pd.Series(ends.to_numpy(), pd.PeriodIndex(ends.index).year)


def _period_returns(equity: pd.Series[float], period: str) -> pd.Series[float]:
    last = equity.groupby(pd.DatetimeIndex(equity.index).to_period(period)).last()
    before = last.shift(fill_value=float(equity.iloc[0]))
    return (last / before - 1.0).where(before > 0.0)


@dataclass(frozen=True)
class Fall:
    """A fall from a highest account value to the lowest before that value was reached again."""

    depth: float  # -0.3 is a loss of 30 %
    peak: dt.date
    trough: dt.date
    recovered: dt.date | None  # the first close at the height of the peak; None if there was none
    bars: int  # from the peak to the recovery, or to the end


def worst_falls(equity: pd.Series[float], most: int = 10) -> tuple[Fall, ...]:
    """The deepest falls, the deepest first; none of them overlaps another.

    >>> dates = pd.date_range("2020-01-01", periods=6)
    >>> falls = worst_falls(pd.Series([100, 80, 90, 100, 120, 90.0], dates))
    >>> [(round(fall.depth, 2), fall.bars) for fall in falls]
    [(-0.25, 1), (-0.2, 3)]
    """
    values, top = equity.to_numpy(dtype=float), np.maximum.accumulate(equity.to_numpy(dtype=float))
    times = pd.DatetimeIndex(equity.index)
    peaks = np.flatnonzero(values == top)  # every fall lies between two of them
    falls = []
    for begin, end in zip(peaks.tolist(), [*peaks[1:].tolist(), len(values)], strict=True):
        if end - begin < 2:
            continue
        low = begin + 1 + int(values[begin + 1 : end].argmin())
        back = end < len(values)
        recovered = times[end].date() if back else None
        bars = (end if back else len(values) - 1) - begin
        depth = float(values[low] / values[begin] - 1.0)
        falls.append(Fall(depth, times[begin].date(), times[low].date(), recovered, bars))
    return tuple(sorted(falls, key=lambda fall: fall.depth)[:most])


def drawdowns(equity: pd.DataFrame) -> pd.DataFrame:
    """How far each account is below its highest value so far; 0 at a new height."""
    return equity / equity.cummax() - 1.0


def rolling_sharpe(equity: pd.Series[float], window: int, periods: float) -> pd.Series[float]:
    """The annual Sharpe ratio of the last `window` returns at each close; NaN before, and where nothing varied."""
    returns = equity.pct_change()
    mean, deviation = returns.rolling(window).mean(), returns.rolling(window).std()
    return (mean / deviation.where(deviation > 1e-12)) * math.sqrt(periods)


def rolling_correlation(forecast: pd.Series[float], realised: pd.Series[float], window: int) -> pd.Series[float]:
    """The correlation of the last `window` pairs at each bar; NaN before, and where nothing varied."""
    found = forecast.rolling(window).corr(realised)
    return found.where(np.isfinite(found))


@dataclass(frozen=True)
class Level:
    """Bars whose forecasts are alike: what was forecast on average, and what came."""

    count: int
    forecast: float  # mean
    realised: float  # mean
    error: float | None  # standard error of `realised`; None of a single bar


def levels(forecast: Floats, realised: Floats, count: int = 10) -> tuple[Level, ...]:
    """The bars in `count` groups of equal size, from the lowest to the highest forecast.

    Pairs with NaN are left out. Equal forecasts stay together, so that a constant forecast is one group. Fewer
    pairs than two a group give fewer groups.
    """
    known = np.isfinite(forecast) & np.isfinite(realised)
    x, y = forecast[known], realised[known]
    groups = min(count, len(x) // 2)
    if not groups:
        return ()
    edges = np.unique(np.quantile(x, np.linspace(0.0, 1.0, groups + 1)[1:-1]))
    place = np.searchsorted(edges, x, side="left")
    return tuple(_level(x[place == k], y[place == k]) for k in range(len(edges) + 1) if (place == k).any())


def _level(x: Floats, y: Floats) -> Level:
    error = float(y.std(ddof=1) / math.sqrt(len(y))) if len(y) > 1 else None
    return Level(len(x), float(x.mean()), float(y.mean()), error)
