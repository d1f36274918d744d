"""A feature: one number a bar, made of the bars up to it."""

import numpy as np


def up_days(bars: np.ndarray) -> np.ndarray:
    """Share of the last 10 bars that closed above their open; (n,).

    `bars` (n, 5) are open, high, low, close and volume of all closed bars so far. Row t may use rows up to t only:
    each run cuts later bars off at ten places and says so in its checks if a value moved.
    """
    up = (bars[:, 3] > bars[:, 0]).astype(float)
    summed = np.cumsum(np.append(0.0, up))
    share = np.full(len(bars), np.nan)  # no value in the first 9 bars
    share[9:] = (summed[10:] - summed[:-10]) / 10
    return share
