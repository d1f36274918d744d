"""The adjustment for splits and dividends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from lstmstrat.prices.bars import COLUMNS, PRICES
from lstmstrat.prices.check import ADJUSTED_CLOSE

SMALLEST_SPLIT = 1.25  # 5:4
LARGEST_DENOMINATOR = 4  # 2:1, 3:2, 4:3, 5:4 and 7:4, and every n:1
SPLIT_TOLERANCE = 0.01  # allows for a dividend on the day of the split, and for a rounded Adj Close


def adjusted(raw: pd.DataFrame) -> pd.DataFrame:
    """Checked `raw` bars, adjusted for splits and dividends; columns open, high, low, close, volume.

    ``factor = adj close / close`` multiplies open, high, low and close alike, so returns within a bar are kept
    and low <= open, close <= high still holds. Prices without ``adj close`` are taken as adjusted and are returned
    unchanged.

    Adj Close does not say which part of the factor is a split, and only a split changes the number of shares.
    So the volume is corrected for the jumps of the factor that are clearly splits (see `split_ratio`); it then
    counts shares of the last bar. A dividend does not change the volume. Where the vendor has adjusted Close and
    Volume for splits already, as Yahoo does, the factor has no such jump.
    """
    bars = raw[list(COLUMNS)].copy()
    if ADJUSTED_CLOSE not in raw:
        return bars
    factor = (raw[ADJUSTED_CLOSE] / raw["close"]).to_numpy()  # (n,)
    with np.errstate(over="ignore"):  # the check of the bars refuses what is not finite
        bars[list(PRICES)] = raw[list(PRICES)].to_numpy() * factor[:, None]  # (n, 4)
    bars["volume"] *= _later_splits(factor)
    return bars


def split_ratio(jump: float) -> float:
    """New shares for one old share; 1.0 where the `jump` of the adjustment factor is not a split.

    A split is a jump by at least 5:4, up or (a reverse split) down, within 1 % of a ratio with a denominator up
    to 4. A smaller stock dividend is not distinguished from cash: it stays in the volume, where 11:10 is a change
    of a tenth. A special dividend of a fifth of the price or more could be taken for a split.
    """
    size = max(jump, 1.0 / jump)
    if size < SMALLEST_SPLIT * (1.0 - SPLIT_TOLERANCE):  # nearly every bar; a fraction takes 30 microseconds
        return 1.0
    nearest = float(Fraction(size).limit_denominator(LARGEST_DENOMINATOR))
    if nearest < SMALLEST_SPLIT or abs(size / nearest - 1.0) > SPLIT_TOLERANCE:
        return 1.0
    return nearest if jump > 1.0 else 1.0 / nearest


def _later_splits(factor: np.ndarray) -> np.ndarray:
    """The product of the splits after each bar; (n,) from the adjustment factors (n,)."""
    splits = np.array([split_ratio(jump) for jump in factor[1:] / factor[:-1]])  # (n - 1,)
    return np.append(np.cumprod(splits[::-1])[::-1], 1.0)  # (n,)
