"""The weights of a rule over a whole panel at once."""

from __future__ import annotations

from typing import Any

from lstmstrat.arrays import Bools, Floats
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.trading.portfolio.weights import Sides


def target_weights(
    scores: Floats, tradable: Bools, rule: PortfolioConfig, groups: Any = None, *more: Any, **of: Any
) -> Floats:
    """`more` and `of` are those of `Sides.weights`."""
    return Sides(rule, scores.shape[1], groups).weights(scores, tradable, *more, **of)
