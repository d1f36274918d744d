"""Null worlds of a universe: panels that resemble the real one, in which no score orders what comes.

Letters: D sessions, N assets, n bars of one asset.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstmstrat.arrays import Bools, Floats
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, VOLUME
from lstmstrat.prices.null_history import chained, mirrored
from lstmstrat.prices.panel import Panel


def null_panel(panel: Panel, number: int) -> Panel:
    """Null world `number` of a panel: what a bar has beyond the mean of its session is kept or turned upside down.

    The shape of a bar is its open, high, low and close relative to the close before. What all members have in
    common at a session stays, so the market and its risk are the real ones. The rest of each bar is mirrored about
    that mean with probability one half (a wild bootstrap, Wu 1986), each bar by a coin of its own: with one coin
    for a run of bars, a return that answers the one before would still be there. So the bars up to a session say
    nothing about who will be above the others afterwards.

    Volumes, members and the bars in quarantine are those of the real panel.

    Examples
    --------
    Each stock is as far from the mean of its session as it was:

    >>> import lstmstrat
    >>> panel = lstmstrat.load_panel({"universe": ["KO", "PEP", "WMT"], "start": "2016-01-04"})
    >>> real, world = (np.diff(np.log(one.bars[:, :, 3]), axis=0) for one in (panel, null_panel(panel, 1)))
    >>> mean = real.mean(axis=1, keepdims=True)
    >>> np.allclose(abs(real - mean), abs(world - mean)), np.allclose(real, world)
    (True, False)
    """
    shapes = _shapes(panel.bars)  # (D, N, 4), NaN at the first bar of an asset and in quarantine
    known = _all_finite(shapes) & panel.members  # (D, N)
    count = np.maximum(known.sum(axis=1), 1)[:, None, None]
    mean = np.where(known[:, :, None], shapes, 0.0).sum(axis=1, keepdims=True) / count  # (D, 1, 4)
    mean[:, :, HIGH] = mean[:, :, LOW] = 0.5 * (mean[:, :, HIGH] + mean[:, :, LOW])  # a range keeps its width
    coins: Bools = np.random.default_rng([number, 0x0218]).random(known.shape) < 0.5
    world: Floats = mirrored(shapes, coins, mean)
    bars = panel.bars.copy()
    for n in range(bars.shape[1]):
        own = np.flatnonzero(np.isfinite(panel.bars[:, n]).any(axis=1))
        bars[own, n] = _chain(panel.bars[own, n], world[own, n])
    bars.flags.writeable = False
    return replace(panel, bars=bars)


def _all_finite(rows: Floats) -> Bools:
    """Whether no value of a row is missing; (..., k) -> (...)."""
    finite: Bools = np.isfinite(rows)
    whole: Bools = np.logical_and.reduce(finite, axis=-1)
    return whole


def _shapes(bars: Floats) -> Floats:
    """The prices of each bar as logs relative to the newest close before it of the same asset; (D, N, 4)."""
    shapes = np.full((*bars.shape[:2], 4), np.nan)
    for n in range(bars.shape[1]):
        own = np.flatnonzero(np.isfinite(bars[:, n]).any(axis=1))
        shapes[own[1:], n] = np.log(bars[own[1:], n, :VOLUME] / bars[own[:-1], n, CLOSE][:, None])
    return shapes


def _chain(real: Floats, shapes: Floats) -> Floats:
    """The bars (n, 5) of one asset in the world; its first, and those in quarantine, are as they were."""
    unknown = ~_all_finite(shapes)
    filled = np.where(unknown[:, None], 0.0, shapes)
    begin = real[np.flatnonzero(np.isfinite(real[:, CLOSE]))[0]]
    world = chained(begin, filled[1:], real[1:, VOLUME])
    world[np.isnan(real[:, CLOSE]), :VOLUME] = np.nan
    return world
