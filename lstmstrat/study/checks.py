"""The checks of a finished run. Bad prices are refused earlier, before anything is run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.evaluation.metrics import REJECTED
from lstmstrat.forecasting.features import Feature, FeatureSet, feature_set
from lstmstrat.forecasting.forecasts import WARM_UP, Forecasts
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.forecasting.targets import labels
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import FAILED, NOT_RUN, PASSED, Check
from lstmstrat.results.run import Run
from lstmstrat.study.audits import AuditRecord

AUDIT = "look-ahead audit"
VOIDING = ("features", "training labels", "buy-and-hold", AUDIT)  # if one of these fails, no edge is supported
CUTS = 10  # bars at which a feature is computed again without the later bars


def run_checks(run: Run, audit: AuditRecord | None) -> list[Check]:
    """The checks of a finished run, in the order of the computation: from prices to orders.

    `audit` is the record of the last look-ahead audit of this config; None if there was none.
    """
    prices, forecasts = run.prices, run.forecasts
    return [
        Check("prices", PASSED, f"{len(prices.bars)} bars sorted, unique, finite, positive, high >= low"),
        _features(forecasts, prices),
        check_labels(forecasts, prices.bars[run.before(forecasts) :]),
        _forecasts(forecasts),
        check_benchmark(run.config.broker, prices.bars, run.benchmark),
        _orders(run.accounts),
        _audit(audit),
    ]


def voiding_failures(checks: Sequence[Check]) -> list[str]:
    """The names of the checks that failed and void an edge."""
    return [check.name for check in checks if check.status == FAILED and check.name in VOIDING]


def _audit(record: AuditRecord | None) -> Check:
    if record is None:
        return Check(AUDIT, NOT_RUN, "to run it: python -m lstmstrat.audit CONFIG")
    status = {0: PASSED, 1: FAILED}.get(record.exit_code, NOT_RUN)
    return Check(AUDIT, status, f"{record.sentence} (of {record.date})")


def _features(forecasts: Forecasts, prices: Prices) -> Check:
    """The value of a user's feature or refit condition must not change when the later bars are cut off."""
    name, config = "features", forecasts.config
    names = (*config.features, *([config.refit_when] if config.refit_when else []))
    user_features = [f for f in feature_set(names).features if ":" in f.name]
    cuts = np.unique(np.linspace(schedule(config).first_fit, len(prices.bars) - 2, CUTS).astype(int))
    for feature in user_features:
        difference = _first_difference(feature, prices, cuts)
        if difference:
            return Check(name, FAILED, difference)
    if not user_features:
        return Check(name, PASSED, "all built in")
    listing = ", ".join(feature.name for feature in user_features)
    return Check(name, PASSED, f"{listing}: unmoved by later bars at {len(cuts)} bars")


def _first_difference(feature: Feature, prices: Prices, cuts: np.ndarray) -> str:
    """The first of the `cuts` at which a feature has another value without the later bars; "" if there is none."""
    features = FeatureSet((feature,))
    rows = features.rows(prices.times, prices.bars, 0)  # (n, k)
    for cut in cuts:
        row = features.rows(prices.times[: cut + 1], prices.bars[: cut + 1], cut)[0]  # (k,)
        if not np.allclose(row, rows[cut], rtol=1e-9, atol=0.0, equal_nan=True):
            date = prices.frame.index[cut].date()
            return f"{feature.name} looks ahead: at {date} it was {row}, with later bars it is {rows[cut]}"
    return ""


def check_labels(forecasts: Forecasts, bars: Floats) -> Check:
    """Every label of a training set must be complete before the bar at which the fold is fitted."""
    name = "training labels"
    if not forecasts.folds:
        return Check(name, NOT_RUN, "no strategy asked for a forecast")
    late_folds = []
    for fold in (record.fold for record in forecasts.folds):
        newest = labels(bars[fold.cutoff : fold.fitted_at], forecasts.config)[0]  # from the bars before the fit
        if not np.isfinite(newest):
            late_folds.append(fold.number)
    if late_folds:
        return Check(name, FAILED, f"folds {late_folds} were trained on labels of their own future")
    return Check(name, PASSED, f"complete before the fitting bar in all {len(forecasts.folds)} folds")


def _forecasts(forecasts: Forecasts) -> Check:
    name = "forecasts"
    if not forecasts.folds:
        return Check(name, NOT_RUN, "no strategy asked for a forecast")
    missing = {reason: count for reason, count in forecasts.missing.items() if count and reason != WARM_UP}
    if missing:
        return Check(name, FAILED, "; ".join(f"{count} bars: {reason}" for reason, count in missing.items()))
    return Check(name, PASSED, f"on each of {int(np.isfinite(forecasts.forecast).sum())} bars after warm-up")


def check_benchmark(broker: BrokerConfig, bars: Floats, benchmark: Account) -> Check:
    """The final value of buy-and-hold with the broker must equal its closed form."""
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


def _orders(accounts: Sequence[Account]) -> Check:
    rejected = {a.name: int(a.orders["status"].isin(REJECTED).sum()) for a in accounts}
    counts = [f"{count} of {name}" for name, count in rejected.items() if count]
    faults = [f"rejected: {', '.join(counts)}"] if counts else []
    idle = [account.name for account in accounts if account.orders.empty]
    faults += [f"none at all: {', '.join(idle)}"] if idle else []
    total = sum(len(account.orders) for account in accounts)
    return Check("orders", FAILED if faults else PASSED, "; ".join(faults) or f"none of {total} rejected")
