"""What a run checks of itself, on the finished values; bad prices have been refused before anything was run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmstrat.config import BrokerConfig
from lstmstrat.engine import Simulation
from lstmstrat.features import CLOSE, OPEN, FeatureSet, Floats, targets
from lstmstrat.forecast import WARM_UP, WalkForward
from lstmstrat.metrics import REJECTED
from lstmstrat.pipeline import Runs
from lstmstrat.prices import Prices

PASSED, FAILED, RAN, NOT_RUN = "passed", "failed", "ran", "not run"
AUDIT = "look-ahead audit"
VOIDING = ("features", "training labels", "buy-and-hold", AUDIT)  # no edge is supported while one has failed
CUTS = 10  # bars at which a feature is made again without the bars after it


@dataclass(frozen=True)
class Check:
    """One line of the honesty card."""

    name: str
    status: str  # PASSED | FAILED | RAN, where nothing passes or fails | NOT_RUN
    detail: str

    def __post_init__(self) -> None:
        if self.status not in (PASSED, FAILED, RAN, NOT_RUN):
            raise ValueError(f"status {self.status!r}")


def run_checks(runs: Runs, audited: Mapping[str, Any] | None) -> list[Check]:
    """The checks of a finished run, in the order of the way from prices to orders.

    `audited` is the record of the last look-ahead audit of this very config, None where there was none.
    """
    prices, bars = runs.prices, runs.prices.bars
    return [
        Check("prices", PASSED, f"{len(bars)} bars sorted, unique, finite, positive, high >= low"),
        _features(runs.walk, prices),
        check_labels(runs.walk, bars[runs.unseen :]),
        _forecasts(runs.walk),
        check_benchmark(runs.config.broker, bars, runs.benchmark),
        _orders([runs.benchmark, *runs.strategies]),
        _audit(audited),
    ]


def _audit(record: Mapping[str, Any] | None) -> Check:
    if record is None:
        return Check(AUDIT, NOT_RUN, "to run it: python -m lstmstrat.audit CONFIG")
    status = {0: PASSED, 1: FAILED}.get(record["exit_code"], NOT_RUN)
    return Check(AUDIT, status, f"{record['sentence']} (of {record['date']})")


def _features(walk: WalkForward, prices: Prices) -> Check:
    """A user's own feature, or condition for a refit, must not move when the bars after it are cut off."""
    name = "features"
    own = [f for f in (*walk.features.features, *walk.condition) if ":" in f.name]
    cuts = np.unique(np.linspace(walk.schedule.first_fit, len(prices.bars) - 2, CUTS).astype(int))
    for feature in own:
        alone = FeatureSet((feature,))
        whole = alone.rows(prices.times, prices.bars, 0)  # (n, k)
        for cut in cuts:
            then = alone.rows(prices.times[: cut + 1], prices.bars[: cut + 1], cut)[0]  # (k,)
            if not np.allclose(then, whole[cut], rtol=1e-9, atol=0.0, equal_nan=True):
                date = prices.frame.index[cut].date()
                detail = f"{feature.name} looks ahead: at {date} it was {then}, with later bars it is {whole[cut]}"
                return Check(name, FAILED, detail)
    if not own:
        return Check(name, PASSED, "all built in")
    return Check(name, PASSED, f"{', '.join(f.name for f in own)}: unmoved by later bars at {len(cuts)} bars")


def check_labels(walk: WalkForward, bars: Floats) -> Check:
    """No fold may have used a label that was not complete before the bar it was fitted at."""
    name = "training labels"
    if not walk.folds:
        return Check(name, NOT_RUN, "no strategy asked for a forecast")
    late = []
    for fold in (f.fold for f in walk.folds):
        known = targets(bars[fold.cutoff : fold.fitted_at], walk.config)  # from the bars before the fitting
        if not np.isfinite(known[0]):
            late.append(fold.number)
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


def check_benchmark(broker: BrokerConfig, bars: Floats, benchmark: Simulation) -> Check:
    """Buy-and-hold through the broker must end where arithmetic says."""
    name = "buy-and-hold"
    entry = len(bars) - len(benchmark.equity) + 1  # the bar after the first decision
    price = float(bars[entry, OPEN]) * (1.0 + broker.slippage)
    size = broker.cash / (price * (1.0 + broker.commission))
    size = size if broker.fractional else math.floor(size)
    spent = size * price * (1.0 + broker.commission)
    expected = broker.cash - spent + size * float(bars[-1, CLOSE])
    gap = abs(float(benchmark.equity.iloc[-1]) / expected - 1.0)
    status = PASSED if gap < 1e-9 else FAILED
    return Check(name, status, f"differs from its closed form, costs included, by {gap:.1e} of its value")


def _orders(runs: Sequence[Simulation]) -> Check:
    rejected = {run.name: int(run.orders["status"].isin(REJECTED).sum()) for run in runs}
    wrong = [f"{count} of {name}" for name, count in rejected.items() if count]
    said = [f"rejected: {', '.join(wrong)}"] if wrong else []
    idle = [run.name for run in runs if run.orders.empty]
    said += [f"none at all: {', '.join(idle)}"] if idle else []
    total = sum(len(run.orders) for run in runs)
    return Check("orders", FAILED if said else PASSED, "; ".join(said) or f"none of {total} rejected")
