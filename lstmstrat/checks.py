"""What a run checks of itself. Each check looks at the finished values, not at the code that made them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.config import Config
from lstmstrat.engine import Simulation
from lstmstrat.features import CLOSE, OPEN
from lstmstrat.forecast import WARM_UP, WalkForward
from lstmstrat.prices import Prices

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
REJECTED = ("Margin", "Rejected")


@dataclass(frozen=True)
class Check:
    """One line of the honesty card."""

    name: str
    status: str  # PASSED | FAILED | NOT_RUN
    detail: str

    def __post_init__(self) -> None:
        if self.status not in (PASSED, FAILED, NOT_RUN):
            raise ValueError(f"status {self.status!r}")


def run_checks(
    config: Config,
    prices: Prices,
    walk: WalkForward,
    benchmark: Simulation,
    strategies: Sequence[Simulation],
) -> list[Check]:
    """The checks of a finished run, in the order of the way from prices to orders."""
    return [
        Check("prices", PASSED, f"{len(prices.frame)} bars sorted, unique, finite, positive, high >= low"),
        _labels(walk),
        _forecasts(walk),
        _benchmark(config, prices, benchmark),
        _orders([benchmark, *strategies]),
        Check("look-ahead audit", NOT_RUN, "no bar was changed to see whether an earlier forecast moves"),
    ]


def _labels(walk: WalkForward) -> Check:
    """No fold may have used a label that was not complete before the bar it was fitted at."""
    name = "training labels"
    if not walk.folds:
        return Check(name, NOT_RUN, "no strategy asked for a forecast")
    late = [f.fold.number for f in walk.folds if f.fold.cutoff + walk.schedule.purge >= f.fold.fitted_at]
    if late:
        return Check(name, FAILED, f"folds {late} were trained on labels of their own future")
    return Check(name, PASSED, f"complete before the fitting bar in all {len(walk.folds)} folds")


def _forecasts(walk: WalkForward) -> Check:
    name = "forecasts"
    if not walk.folds:
        return Check(name, NOT_RUN, "no strategy asked for a forecast")
    without = {reason: count for reason, count in walk.missing.items() if count and reason != WARM_UP}
    if without:
        return Check(name, FAILED, "; ".join(f"{count} bars: {reason}" for reason, count in without.items()))
    return Check(name, PASSED, f"on each of {int(np.isfinite(walk.forecasts.forecast).sum())} bars after warm-up")


def _benchmark(config: Config, prices: Prices, benchmark: Simulation) -> Check:
    """Buy-and-hold through the broker must end where arithmetic says."""
    name, broker = "buy-and-hold", config.broker
    entry = len(prices.frame) - len(benchmark.equity) + 1  # the bar after the first decision
    price = float(prices.bars[entry, OPEN]) * (1.0 + broker.slippage)
    size = broker.cash / (price * (1.0 + broker.commission))
    size = size if broker.fractional else math.floor(size)
    spent = size * price * (1.0 + broker.commission)
    expected = broker.cash - spent + size * float(prices.bars[-1, CLOSE])
    gap = abs(float(benchmark.equity.iloc[-1]) / expected - 1.0)
    status = PASSED if gap < 1e-9 else FAILED
    return Check(name, status, f"differs from its closed form, costs included, by {gap:.1e} of its value")


def _orders(runs: Sequence[Simulation]) -> Check:
    rejected = {run.name: int(run.orders["status"].isin(REJECTED).sum()) for run in runs}
    total = sum(len(run.orders) for run in runs)
    if any(rejected.values()):
        said = ", ".join(f"{count} of {name}" for name, count in rejected.items() if count)
        return Check("orders", FAILED, f"rejected for want of cash: {said}")
    return Check("orders", PASSED, f"none of {total} rejected")
