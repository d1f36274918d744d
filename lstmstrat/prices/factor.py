"""The adjustment factor, Adj Close / Close, where it cannot be that of dividends and splits.

Between two payments the factor is constant. A dividend lets it rise, and a split too; a reverse split lets it fall
by a ratio of small numbers. One that falls otherwise, again and again, is that of two series that do not belong
together: the Adj Close of another share, or of the row beside, and then every open is adjusted by a return.

Letters: n bars.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools, Floats
from lstmstrat.prices.adjust import split_ratio
from lstmstrat.prices.check import ADJUSTED_CLOSE
from lstmstrat.prices.faults import Fault, day_of

WINDOW, FALLS = 10, 3  # moves in a row, and how many of them must be falls: a vendor corrects one now and then
MOST_DECIMALS = 8
NEAR = 10  # rows on each side that have as many decimals: files of several origins change them
ROUNDING = 1e-6  # relative; of single precision, in which Yahoo has its prices


def factor_faults(raw: pd.DataFrame) -> Iterator[Fault]:
    """The finding that Adj Close does not belong to Close, at the first bar of the first of many falls.

    Parameters
    ----------
    raw
        Checked bars (n, 5), and perhaps the column ``adj close``.

    Examples
    --------
    >>> close = np.array([10.0, 11.0, 10.5, 12.0, 11.0, 13.0, 12.0])
    >>> index = pd.date_range("2024-01-01", periods=7)
    >>> of_the_row_before = pd.DataFrame({"close": close, "adj close": np.append(10.5, close[:-1])}, index)
    >>> print(*factor_faults(of_the_row_before))
    2024-01-02: Adj Close is not that of this Close: Adj Close / Close falls on 3 of 7 bars, which no dividend does
    """
    if ADJUSTED_CLOSE not in raw:
        return
    falls = _falls(raw["close"].to_numpy(), raw[ADJUSTED_CLOSE].to_numpy())  # (n - 1,)
    rows = np.flatnonzero(falls)
    dense = rows[: 1 - FALLS][rows[FALLS - 1 :] - rows[: 1 - FALLS] < WINDOW]  # where so many follow each other
    if dense.size:
        bar = int(dense[0]) + 1
        text = (
            f"Adj Close is not that of this Close: Adj Close / Close falls on {falls.sum()} of {len(raw)} bars, "
            "which no dividend does"
        )
        yield Fault(bar, day_of(raw.index.to_numpy()[bar]), "factor", float(falls.sum()), text)


def _falls(close: Floats, adjusted: Floats) -> Bools:
    """Whether the factor falls by more than rounding explains, and by no split; (n - 1,)."""
    of_close, of_adjusted = _rounding(close), _rounding(adjusted)
    least = (adjusted - of_adjusted) / (close + of_close) * (1.0 - ROUNDING)  # (n,)
    most = (adjusted + of_adjusted) / np.maximum(close - of_close, 1e-300) * (1.0 + ROUNDING)
    falls = most[1:] < least[:-1]
    factor = adjusted / close
    for row in np.flatnonzero(falls):
        falls[row] = split_ratio(float(factor[row + 1] / factor[row])) == 1.0
    return np.asarray(falls)


def _rounding(values: Floats) -> Floats:
    """Half of the last decimal that the values around each one have; (n,)."""
    decimals = np.full(len(values), MOST_DECIMALS)
    for count in range(MOST_DECIMALS - 1, -1, -1):
        decimals[np.abs(np.round(values, count) - values) <= 1e-12 * values] = count
    most = pd.Series(decimals).rolling(2 * NEAR + 1, center=True, min_periods=1).max().to_numpy()
    return np.asarray(0.5 * 10.0**-most)
