"""`Comparison`: several runs side by side, on the dates that they share."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.results.panel.facts import PanelFacts


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
    panel: PanelFacts | None = None  # what its scores are worth; None for one asset


@dataclass(frozen=True)
class Figures:
    """What an account did on the common dates, from close to close; each metric is that of `evaluation.metrics`.

    None where it is undefined, and for an account that was lost before the first of these dates.
    """

    total_return: float | None
    cagr: float | None
    max_drawdown: float | None
    sharpe: float | None
    exposure: float | None


@dataclass(frozen=True)
class Holding:
    """Holding an asset, on the common dates; one for all runs whose holding earned the same on them."""

    name: str  # "holding AAPL"
    figures: Figures


@dataclass(frozen=True)
class OwnRun:
    """What is known of a strategy only for the whole period of its own run, judged without the other runs."""

    first: str
    last: str
    final_value: float
    turnover: float | None  # a year
    trades: int
    verdict: str


@dataclass(frozen=True)
class Contender:
    """One strategy of one run, on the common dates."""

    run: str  # label
    strategy: str
    figures: Figures
    own_run: OwnRun
    holding: float | None  # Sharpe ratio of holding in its run, on the common dates
    lead: Difference  # of the two Sharpe ratios; the interval is one of as many as there are contenders
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
        Account values on the common dates, 1 at the first; one column for each of `holdings`, then for each
        contender. Empty if fewer than two dates are common.
    best
        Hansen's p-value that no contender has a higher mean return than holding its asset; None if undefined.
    """

    runs: tuple[Compared, ...]
    differing: tuple[str, ...]  # keys of the config
    holdings: tuple[Holding, ...]
    contenders: tuple[Contender, ...]
    first: str | None  # of the common dates; None if there are none
    last: str | None
    bars: int  # common closes
    best: float | None
    equity: pd.DataFrame

    @property
    def one_period(self) -> bool:
        """Whether all runs were traded from the same first to the same last date."""
        return len({(run.first, run.last) for run in self.runs}) == 1

    def table(self) -> pd.DataFrame:
        """One row for each holding and each contender, as it is written to a CSV file.

        Columns that begin with ``run_`` are of the whole period of the run; all others of the common dates.
        """
        holdings = [{"run": "", "strategy": one.name, **vars(one.figures)} for one in self.holdings]
        contenders = [
            {
                "run": c.run,
                "strategy": c.strategy,
                **vars(c.figures),
                "holding_sharpe": c.holding,
                **_difference("lead", c.lead, c.lead_p),
                **_difference("reference", c.reference, c.reference_p),
                **{f"run_{name}": value for name, value in vars(c.own_run).items()},
            }
            for c in self.contenders
        ]
        return pd.DataFrame([*holdings, *contenders])


def _difference(name: str, found: Difference | None, p_adjusted: float | None) -> dict[str, float | None]:
    if found is None:
        return dict.fromkeys((f"{name}", f"{name}_low", f"{name}_high", f"{name}_p"))
    return {
        name: found.difference,
        f"{name}_low": found.low,
        f"{name}_high": found.high,
        f"{name}_p": p_adjusted,
    }
