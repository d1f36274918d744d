"""Panels with other bars, on which an audit asks again.

Letters: d sessions, N assets.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.audit.invariance import HALF
from lstmstrat.audit.perturb import replace_bars
from lstmstrat.prices.bars import COLUMNS, VOLUME
from lstmstrat.prices.panel import Panel

AFTER = 30  # sessions after the cut that are there, with changed bars


def without_later(panel: Panel, cut: int) -> Panel:
    """The panel up to a session."""
    return replace(panel, times=panel.times[: cut + 1], bars=panel.bars[: cut + 1].copy())


def with_other_later(panel: Panel, cut: int) -> Panel:
    """The panel with other bars at some sessions after one, and none after these."""
    end = cut + 1 + AFTER
    bars = panel.bars[:end].copy()
    bars[cut + 1 :] = _other_bars(bars[cut + 1 :], cut)
    return replace(panel, times=panel.times[:end], bars=bars)


def _other_bars(bars: Floats, seed: int) -> Floats:
    """Other prices on another level for some assets, and no bars of the others; (d, N, 5)."""
    rng = np.random.default_rng(seed)
    other: Floats = bars * np.exp(rng.normal(0.0, 1.0, (len(bars), bars.shape[1], 1)))
    other[:, rng.permutation(bars.shape[1])[: bars.shape[1] // 2]] = np.nan
    return other


def mirrored(panel: Panel) -> Panel:
    """The panel with what rises falling and what falls rising, from the second bar of each asset on."""
    bars = panel.bars.copy()
    for n in range(bars.shape[1]):
        known = np.flatnonzero(np.isfinite(bars[:, n]).all(axis=1))
        frame = pd.DataFrame(bars[known, n], pd.DatetimeIndex(panel.times[known]), list(COLUMNS))
        if len(known) > 1:
            bars[known, n] = replace_bars(frame, slice(1, len(known)), "mirrored", 0).to_numpy()
    return replace(panel, bars=bars)


def split(panel: Panel, volume: float) -> Panel:
    """The panel with half the prices in all history of every other asset, and so many times its volumes."""
    bars = panel.bars.copy()
    bars[:, ::2, :VOLUME] *= HALF
    bars[:, ::2, VOLUME] *= volume
    return replace(panel, bars=bars)
