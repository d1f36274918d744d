"""A universe as it comes in life: a few sessions at a time, and a later one does not exist yet.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.forecasting.panel.forward import LINES, PanelForward
from lstmstrat.forecasting.session import Session
from lstmstrat.prices.panel import Panel
from lstmstrat.study.panel.simulate import Weigher
from lstmstrat.trading.portfolio.optimiser import optimiser_of

STEPS, LEAST = 100, 5  # in which a panel comes, at most, and the sessions of one


def streamed(
    forecast: ForecastConfig, rule: PortfolioConfig, panel: Panel, session: Session, ends: Sequence[int]
) -> dict[str, Floats]:
    """Forecast, spread, distance and weight of each asset, by name; (D, N) each.

    `ends` are the numbers of sessions that are there after each step; at the end of one its weights are decided.
    """
    walk = PanelForward(forecast, panel.symbols, panel.universe.groups, session)
    weigher = Weigher(rule, panel, optimiser_of(rule))
    shape = len(panel.times), len(panel.symbols)
    lines, weights = np.full((*shape, len(LINES)), np.nan), np.zeros(shape)
    for begin, end in pairwise([0, *ends]):
        new = slice(begin, end)
        lines[new] = walk.advance(panel.times[new], panel.bars[new].copy(), panel.members[new])
        so_far = replace(panel, times=panel.times[:end], bars=panel.bars[:end].copy())
        weights[new] = weigher.weights(so_far, lines[:end, :, 0], begin)
    return {**{name: lines[:, :, k] for k, name in enumerate(LINES)}, "weight": weights}


def steps(first: int, sessions: int) -> list[int]:
    """The ends of the steps: all before the first decision is one, the others are about as long as each other.

    >>> steps(5, 20), len(steps(750, 5000)), steps(750, 5000)[-1]
    ([5, 10, 15, 20], 101, 5000)
    """
    begin = min(first, sessions)
    count = min(STEPS, -(-(sessions - begin) // LEAST))
    ends: list[int] = np.unique(np.linspace(begin, sessions, count + 1).round().astype(int)).tolist()
    return ends
