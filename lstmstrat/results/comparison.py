"""`Comparison`: several runs side by side, on the dates that they share."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.metrics import Performance


@dataclass(frozen=True)
class Compared:
    """One run, and what its config says that not every other one says."""

    label: str  # short and unique
    place: str  # its folder, or the config that was run
    symbol: str
    first: str  # traded
    last: str
    forecasts: int
    correlation: float | None  # of forecast and realised return
    clark_west: float | None  # p-value: a signal beside the mean of the training set?
    settings: tuple[str, ...]  # the values of `Comparison.differing`; "" where the key is not set


@dataclass(frozen=True)
class Contender:
    """One strategy of one run, on the common dates."""

    run: str  # label
    strategy: str
    metrics: Performance  # over the whole period of its run
    verdict: str  # of its run
    holding: float | None  # Sharpe ratio of holding, on the common dates
    sharpe: float | None  # on the common dates
    lead: Difference  # of the two; the interval is one of as many as there are contenders
    lead_p: float | None  # adjusted for the number of contenders
    reference: Difference | None  # Sharpe ratio minus that of its counterpart in the first run; None in that
    reference_p: float | None  # adjusted for the number of such differences

    @property
    def name(self) -> str:
        """Run and strategy."""
        return f"{self.run}: {self.strategy}"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several runs side by side.

    Attributes
    ----------
    equity
        Account values on the common dates, 1 at the first; one column for each contender, and the holding of each
        asset. Empty if fewer than two dates are common.
    best
        Hansen's p-value that no contender has a higher mean return than holding its asset; None if undefined.
    """

    runs: tuple[Compared, ...]
    differing: tuple[str, ...]  # keys of the config
    contenders: tuple[Contender, ...]
    first: str | None  # of the common dates; None if there are none
    last: str | None
    bars: int  # common closes
    best: float | None
    equity: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """One row for each contender, as it is written to a CSV file."""
        return pd.DataFrame(
            [
                {
                    "run": c.run,
                    "strategy": c.strategy,
                    "verdict": c.verdict,
                    **{name: getattr(c.metrics, name) for name in METRICS},
                    "common_sharpe": c.sharpe,
                    "common_holding": c.holding,
                    **_difference("lead", c.lead, c.lead_p),
                    **_difference("reference", c.reference, c.reference_p),
                }
                for c in self.contenders
            ]
        )


METRICS = ("final_value", "total_return", "cagr", "max_drawdown", "sharpe", "exposure", "turnover", "trades")
"""The metrics that a comparison shows, in this order."""


def _difference(name: str, found: Difference | None, p_adjusted: float | None) -> dict[str, float | None]:
    if found is None:
        return dict.fromkeys((f"{name}", f"{name}_low", f"{name}_high", f"{name}_p"))
    return {
        name: found.difference,
        f"{name}_low": found.low,
        f"{name}_high": found.high,
        f"{name}_p": p_adjusted,
    }
