"""The figures that other tear sheets have: an account beside holding, its tails, its time under water.

Definitions are those of empyrical, and the tests hold them to it; it is not called, as its import takes 1.5 s.
Simple returns, fractions, None where undefined.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.metrics import returns
from lstmstrat.evaluation.periods import monthly_returns

TAIL = 0.05
NO_VARIATION = 1e-12


@dataclass(frozen=True)
class TearSheet:
    """One account; the first four beside holding, None for holding itself."""

    beta: float | None  # slope of its returns on those of holding
    alpha: float | None  # growth by the year of the mean return that beta does not explain
    information_ratio: float | None  # mean lead a bar / its deviation, by the year
    correlation: float | None  # of its returns with those of holding
    value_at_risk: float | None  # the return of a bar that 5 % of the bars fall below
    expected_shortfall: float | None  # mean of the returns up to that
    best_bar: float | None
    worst_bar: float | None
    best_month: float | None
    worst_month: float | None
    under_water: float  # share of the closes below the highest value so far
    average_trade: float | None  # mean profit of a closed round trip, after costs, in money


def tear_sheet(
    equity: pd.Series[float], holding: pd.Series[float] | None, pnl: pd.Series[float], periods: float
) -> TearSheet:
    """The figures of an account; `pnl` are the profits of its closed round trips, `periods` the bars a year."""
    own = np.asarray(returns(equity), dtype=np.float64)
    months = monthly_returns(equity).to_numpy()
    months = months[np.isfinite(months)]
    known = own[np.isfinite(own)]
    return TearSheet(
        **_beside(own, None if holding is None else np.asarray(returns(holding), dtype=np.float64), periods),
        value_at_risk=float(np.percentile(known, 100 * TAIL)) if known.size else None,
        expected_shortfall=_shortfall(known),
        best_bar=float(known.max()) if known.size else None,
        worst_bar=float(known.min()) if known.size else None,
        best_month=float(months.max()) if months.size else None,
        worst_month=float(months.min()) if months.size else None,
        under_water=float((equity < equity.cummax()).mean()),
        average_trade=float(pnl.mean()) if len(pnl) else None,
    )


def _beside(own: Floats, base: Floats | None, periods: float) -> dict[str, float | None]:
    """Slope, intercept, information ratio, correlation; all None with less than two bars or without variation."""
    nothing = dict.fromkeys(("beta", "alpha", "information_ratio", "correlation"))
    if base is None or len(own) < 2 or not (np.isfinite(own).all() and base.std() > NO_VARIATION):
        return nothing
    beta = float(np.cov(own, base, ddof=1)[0, 1] / base.var(ddof=1))
    rest = float((own - beta * base).mean())
    lead = own - base
    deviation = float(lead.std(ddof=1))
    return {
        "beta": beta,
        "alpha": (1.0 + rest) ** periods - 1.0 if rest > -1.0 else None,
        "information_ratio": float(lead.mean()) / deviation * math.sqrt(periods)
        if deviation > NO_VARIATION
        else None,
        "correlation": float(np.corrcoef(own, base)[0, 1]) if own.std() > NO_VARIATION else None,
    }


def _shortfall(known: Floats) -> float | None:
    """Mean of the lowest 5 % of the returns, at least one of them."""
    if not known.size:
        return None
    count = int((known.size - 1) * TAIL) + 1
    return float(np.sort(known)[:count].mean())
