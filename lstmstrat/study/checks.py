"""The checks of a finished run. Prices of bad form are refused earlier, before anything is run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lstmstrat.audit.books import check_benchmark, check_books
from lstmstrat.audit.features import check_features
from lstmstrat.audit.labels import check_labels
from lstmstrat.evaluation.metrics import REJECTED, sharpe
from lstmstrat.evaluation.skill import Skill, forecast_skill
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.session import Session
from lstmstrat.prices.acceptance import listed, open_faults
from lstmstrat.prices.staleness import LARGEST_STILL_SHARE, staleness, without_volume
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import AUDIT, FAILED, NOT_ASKED, NOT_RUN, PASSED, VOIDING, Check
from lstmstrat.results.run import Run
from lstmstrat.study.audits import AuditRecord
from lstmstrat.study.cuts import check_cuts

PRICES = "prices"
STALE = "stale prices"
TOO_GOOD = "too good to be true"
TRIPWIRES = "tripwires"
LARGEST_SHARPE, LARGEST_R2, LARGEST_GROWTH = 3.0, 0.02, 100.0  # annual; out of sample; of the account
CHANCE_R2 = 6.63  # chance alone gives more than 6.63 / n over n bars in 1% of cases (chi-square, one degree)
MOST_SHARPE, MOST_R2 = 5.0, 0.2  # above these it is a leak or a stale price, whatever else is found
CHANCE_ERRORS = 2.0  # of the Sharpe ratio, which has an error of 1 / sqrt(years) by chance


def run_checks(run: Run, session: Session) -> list[Check]:
    """The checks of a finished run, in the order of the computation: from prices to orders."""
    prices, forecasts, broker = run.prices, run.forecasts, run.config.broker
    return [
        check_prices(run),
        check_staleness(run),
        check_features(forecasts, prices),
        check_labels(forecasts, prices.bars[run.before(forecasts) :]),
        _forecasts(forecasts),
        check_benchmark(broker, prices.bars, run.benchmark),
        *check_books(broker, prices, run.accounts),
        *check_cuts(run, session),
        *check_too_good(run),
        check_orders(run.accounts),
    ]


def check_prices(run: Run) -> Check:
    """The prices can be true: findings that can change a number are accepted. Bad form was refused before."""
    if wrong := open_faults(run.faults):
        return Check(PRICES, FAILED, "; ".join(listed(wrong)))
    accepted = [fault for fault in run.faults if fault.accepted]
    said = f"; accepted: {'; '.join(listed(accepted))}" if accepted else ""
    form = (
        f"{len(run.prices.bars):,} bars sorted, unique, finite, positive, high >= low, nothing that cannot be true"
    )
    return Check(PRICES, PASSED, form + said)


def check_audits(audits: Mapping[str, AuditRecord], strategies: Sequence[str]) -> list[Check]:
    """What the look-ahead audit of each strategy found; it did not run for a strategy without a record."""
    failed = [
        Check(AUDIT, FAILED, f"{name}: {record.text}", name) for name, record in audits.items() if record.leak
    ]
    if failed:
        return failed
    unclear = [f"{name}: {record.text}" for name, record in audits.items() if not record.passed]
    missing = [name for name in strategies if name not in audits]
    if missing:
        unclear.append(f"{', '.join(missing)}: made where all else holds, or by lstmstrat audit CONFIG")
    if unclear:
        return [Check(AUDIT, NOT_RUN, "; ".join(unclear))]
    return [Check(AUDIT, PASSED, "; ".join(f"{name}: {record.text}" for name, record in audits.items()))]


def voiding(checks: Sequence[Check], *strategies: str) -> list[Check]:
    """What failed and voids an edge, among the checks of the whole run and those of the given strategies."""
    return [c for c in checks if c.status == FAILED and c.name in VOIDING and c.strategy in ("", *strategies)]


def check_too_good(run: Run) -> list[Check]:
    """Results that nothing has on prices at which others trade, whatever an audit finds.

    A check for each strategy that has one, and for the forecasts; or one that passes.
    """
    ratios = _ratios(run)
    most = MOST_SHARPE + CHANCE_ERRORS / math.sqrt(len(run.dates) / run.calendar_periods)
    found = [(f"{name} has a Sharpe ratio of {r:.1f}", name) for name, r in ratios.items() if r > most]
    series = run.traded.forecast, run.traded.realised, run.traded.past_mean
    r2 = forecast_skill(*series).r2_against_mean or 0.0
    found += [(f"the forecasts have an R2 of {r2:.0%}", "")] if r2 > MOST_R2 else []
    bounds = f"no Sharpe ratio above {most:.1f}, and no R2 above {MOST_R2:.0%}"
    return [Check(TOO_GOOD, FAILED, *each) for each in found] or [Check(TOO_GOOD, PASSED, bounds)]


def _ratios(run: Run) -> dict[str, float]:
    """The annual Sharpe ratio of each strategy by the calendar; 0 where it is undefined."""
    return {account.name: sharpe(account.returns, run.calendar_periods) or 0.0 for account in run.strategies}


def _times(factor: float) -> str:
    return f"{factor:,.0f}" if factor < 1e15 else f"{factor:.6g}"


def tripwires(run: Run, skill: Skill) -> Check:
    """Results that are too good for prices at which others trade too: look for a leak before you believe them."""
    found = [f"{name} has a Sharpe ratio of {r:.1f}" for name, r in _ratios(run).items() if r > LARGEST_SHARPE]
    growths = {account.name: float(account.equity.iloc[-1] / account.equity.iloc[0]) for account in run.strategies}
    found += [f"{name} multiplied its money by {_times(g)}" for name, g in growths.items() if g > LARGEST_GROWTH]
    chance = CHANCE_R2 / max(skill.observations, 1)
    if (skill.r2_against_mean or 0.0) > LARGEST_R2 + chance:
        found.append(f"the forecasts have an R2 of {skill.r2_against_mean:.1%}")
    if found:
        return Check(TRIPWIRES, FAILED, f"{'; '.join(found)}: look for a leak or stale prices")
    bounds = f"Sharpe ratios up to {LARGEST_SHARPE:g}, R2 up to {LARGEST_R2:.0%}"
    return Check(TRIPWIRES, PASSED, f"nothing is too good to be true: {bounds}, money times {LARGEST_GROWTH:g}")


def check_staleness(run: Run) -> Check:
    """The prices of the traded window must be prices at which somebody could trade."""
    bars = run.prices.bars[run.window]
    found, idle = staleness(bars), set(run.window.start + np.flatnonzero(without_volume(bars)))
    fills = [fill.bar for account in run.strategies for fill in account.fills]
    late = sum(bar in idle for bar in fills)
    on_idle_bars = f"{late:,} of {len(fills):,} fills on bars without volume"
    if found.faults or late > LARGEST_STILL_SHARE * len(fills):
        return Check(STALE, FAILED, "; ".join([*found.faults, on_idle_bars]))
    rho = "undefined" if found.autocorrelation is None else f"{round(found.autocorrelation, 2) + 0.0:.2f}"
    share = f"{found.still:.1%} of the bars without volume or movement"
    return Check(STALE, PASSED, f"{share}, {on_idle_bars}, autocorrelation of holding {rho}")


def _forecasts(forecasts: Forecasts) -> Check:
    name = "forecasts"
    if not forecasts.folds:
        return Check(name, NOT_RUN, NOT_ASKED)
    if forecasts.not_forecast:
        return Check(name, FAILED, "; ".join(forecasts.not_forecast))
    return Check(name, PASSED, f"on each of {int(np.isfinite(forecasts.forecast).sum()):,} bars after warm-up")


def check_orders(accounts: Sequence[Account]) -> Check:
    """Orders that the broker refused, and accounts without any order."""
    rejected = {a.name: int(a.orders["status"].isin(REJECTED).sum()) for a in accounts}
    counts = [f"{count} of {name}" for name, count in rejected.items() if count]
    faults = [f"the broker refused {', '.join(counts)}"] if counts else []
    idle = [account.name for account in accounts if account.orders.empty]
    faults += [f"{', '.join(idle)} never ordered anything"] if idle else []
    total = sum(len(account.orders) for account in accounts)
    return Check("orders", FAILED if faults else PASSED, "; ".join(faults) or f"none of {total:,} refused")
