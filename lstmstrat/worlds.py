"""Null worlds: histories like the real one in everything but that nothing of them can be forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.features import CLOSE, HIGH, LOW, OPEN, VOLUME, Floats
from lstmstrat.prices import Prices

BLOCK = 63  # bars: volatility comes in clusters, and a quarter holds most of one


def null_world(prices: Prices, number: int, start: int = 0) -> Prices:
    """World `number` of a history: its blocks of bars in another order, and every bar as it is or mirrored.

    A bar is what happened since the close before it: a gap, a body with its shadows, a volume. Blocks of `BLOCK`
    such bars are drawn from the circle of all (Politis and Romano 1992), which keeps volatility in its clusters;
    and each bar's log return is mirrored at a mean with probability one half (a wild bootstrap, Wu 1986), which
    takes from the past every hint of the direction of the next return, within the blocks too. The mean is that of
    the bars after `start`, those that are traded: who holds the asset earns what it earned there, on average, and
    no forecast of the next open or close has any skill. What a bar does between its open and its close stays, so
    orders filled inside bars may keep what they had. Same dates, first bar and length.
    """
    bars = prices.bars
    shapes = np.log(bars[1:, :4] / bars[:-1, [CLOSE]])  # (n - 1, 4) open, high, low, close since the close before
    rng = np.random.default_rng([number, 0x0217])
    count = len(shapes)
    begins = rng.integers(0, count, -(-count // BLOCK))
    drawn = (begins[:, None] + np.arange(BLOCK)).ravel()[:count] % count  # (n - 1,)
    world = _mirrored(shapes[drawn], rng.random(count) < 0.5, float(shapes[start:, CLOSE].mean()))
    frame = pd.DataFrame(
        _chained(bars[0], world, bars[1:, VOLUME][drawn]), prices.frame.index, prices.frame.columns
    )
    return Prices(prices.symbol, prices.source, frame, prices.notices)


def _mirrored(shapes: Floats, turned: np.ndarray, mean: float) -> Floats:
    """The bars (m, 4) with those that are `turned` (m,) upside down about the mean of a bar's return, `mean`."""
    upside_down = 2.0 * mean - shapes[:, [OPEN, LOW, HIGH, CLOSE]]
    return np.where(turned[:, None], upside_down, shapes)


def _chained(first: Floats, shapes: Floats, volume: Floats) -> Floats:
    """Bars (n, 5): `first` as it is, the others on top of each other."""
    closes = np.cumsum(shapes[:, CLOSE])  # (n - 1,) log of close / first close
    before = np.concatenate([[0.0], closes[:-1]])
    prices = first[CLOSE] * np.exp(before[:, None] + shapes)  # (n - 1, 4)
    body = prices[:, [OPEN, CLOSE]]
    prices[:, HIGH] = np.maximum(prices[:, HIGH], body.max(axis=1))  # where rounding put it inside the body
    prices[:, LOW] = np.minimum(prices[:, LOW], body.min(axis=1))
    return np.vstack([first, np.column_stack([prices, volume])])
