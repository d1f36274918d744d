"""Made-up scores of many assets, with holes, members that come and go, and a little skill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.ranks import Scored

DAYS = np.datetime64("2019-06-03") + np.arange(2000)


def made_up(seed: int, sessions: int = 300, assets: int = 30, horizon: int = 1) -> Scored:
    """Scores that know a tenth of the return after them, in a unit of their own."""
    rng = np.random.default_rng(seed)
    shape = sessions, assets
    returns = rng.normal(0.0, 0.02, shape)
    scores = 3.0 + 5.0 * returns + rng.normal(0.0, 1.0, shape) + 0.5 * rng.normal(size=assets)
    scores[rng.random(shape) < 0.05] = np.nan
    returns[rng.random(shape) < 0.05] = np.nan  # halts
    padded = np.vstack([returns, np.full((horizon - 1, assets), np.nan)])
    realised = np.lib.stride_tricks.sliding_window_view(padded, horizon, axis=0).sum(axis=2)
    day = np.arange(sessions)[:, None]
    members = (day >= rng.integers(-sessions, sessions // 4 + 1, assets)) & (
        day < rng.integers(sessions // 2, 3 * sessions + 1, assets)
    )
    return Scored(DAYS[:sessions], scores, members, realised, returns, horizon)


def with_scores(of: Scored, scores: Floats) -> Scored:
    return replace(of, scores=scores)
