"""Grids and martingales: targets that depend on how far the price has moved, or on the losses so far."""

from __future__ import annotations

import numpy as np

STEP = 3  # percent of the first price
NAMES = ("long grid", "long/short grid", "martingale", "deep martingale")


def targets(closes: np.ndarray) -> dict[str, np.ndarray]:
    """The targets (n,) by name; `closes` is (n,)."""
    steps = np.rint(100.0 * (closes / closes[0] - 1.0) / STEP) / 10.0  # a tenth of the account for each
    values = (
        np.clip(0.5 - steps, 0.0, 1.0),  # buys at each step below, sells at each step above
        np.clip(-steps, -1.0, 1.0),
        _martingale(closes, first=1.0 / 16.0),
        _martingale(closes, first=1.0 / 256.0),
    )
    return dict(zip(NAMES, values, strict=True))


def _martingale(closes: np.ndarray, first: float) -> np.ndarray:
    """Twice as much after each bar that fell, up to the whole account, and the first stake after one that rose."""
    stakes = np.empty(len(closes))
    stake = first
    for t, rose in enumerate(np.diff(closes, prepend=closes[0]) >= 0.0):
        stake = first if rose else min(1.0, 2.0 * stake)
        stakes[t] = stake
    return stakes
