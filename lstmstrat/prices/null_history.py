"""Null worlds: histories that resemble the real one, but whose next return cannot be forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME

BLOCK = 63  # bars: a quarter contains most of a volatility cluster


def null_history(prices: Prices, number: int, start: int = 0) -> Prices:
    """Null world `number` of a history: its blocks of bars in a random order, each bar unchanged or mirrored.

    The shape of a bar is its open, high, low and close relative to the close before. Blocks of `BLOCK` shapes,
    with their volumes, are drawn from the circle of all bars (Politis and Romano 1992); this keeps volatility
    clusters. Each shape is mirrored about a mean log return with probability one half (a wild bootstrap, Wu 1986),
    so no past bar predicts the direction of the next return, not even inside a block: no forecast of the next open
    or close has any skill. The mean is that of the bars after `start`, which are traded, so the average return
    of buy-and-hold is the same as there. The path between the open and the close of a bar is kept, so an order
    that is filled inside a bar may keep its edge.

    Parameters
    ----------
    prices
        The real history.
    number
        Seed of the world.
    start
        The bar after which the strategies trade.

    Returns
    -------
    A history with the same dates, first bar and length.
    """
    bars = prices.bars
    shapes = np.log(bars[1:, :4] / bars[:-1, [CLOSE]])  # (n - 1, 4) open, high, low, close since the close before
    rng = np.random.default_rng([number, 0x0217])
    count = len(shapes)
    first_bars = rng.integers(0, count, -(-count // BLOCK))  # of the blocks
    order = (first_bars[:, None] + np.arange(BLOCK)).ravel()[:count] % count  # (n - 1,)
    world = mirrored(shapes[order], rng.random(count) < 0.5, float(shapes[start:, CLOSE].mean()))
    table = chained(bars[0], world, bars[1:, VOLUME][order])
    frame = pd.DataFrame(table, prices.frame.index, prices.frame.columns)
    return replace(prices, frame=frame)


def mirrored(shapes: Floats, mask: np.ndarray, mean: float | Floats) -> Floats:
    """The shapes (..., 4), turned upside down about the log return `mean` where `mask` (...) is true.

    `mean` is one number, or (..., 4) one for each price.
    """
    upside_down = 2.0 * mean - shapes[..., [OPEN, LOW, HIGH, CLOSE]]
    return np.where(mask[..., None], upside_down, shapes)


def chained(first: Floats, shapes: Floats, volume: Floats) -> Floats:
    """Bars (n, 5): `first` unchanged, then one bar for each shape (n - 1, 4) and volume (n - 1,)."""
    closes = np.cumsum(shapes[:, CLOSE])  # (n - 1,) log of close / first close
    before = np.concatenate([[0.0], closes[:-1]])
    prices = widen_to_body(first[CLOSE] * np.exp(before[:, None] + shapes))  # (n - 1, 4)
    return np.vstack([first, np.column_stack([prices, volume])])


def widen_to_body(bars: Floats) -> Floats:
    """Raise each high and lower each low, in place, where open or close is outside of it, for example by rounding.

    `bars` is (n, 4) open, high, low, close, or (n, 5) with the volume.
    """
    body = bars[:, [OPEN, CLOSE]]
    bars[:, HIGH] = np.maximum(bars[:, HIGH], body.max(axis=1))
    bars[:, LOW] = np.minimum(bars[:, LOW], body.min(axis=1))
    return bars
