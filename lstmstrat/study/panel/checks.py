"""The checks of a run over a universe.

Letters: D sessions, N assets, n sessions of the traded window.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools, Floats
from lstmstrat.errors import count as counted
from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.forecasting.session import Session
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.prices.staleness import staleness
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import FAILED, PASSED, Check
from lstmstrat.results.panel import tables
from lstmstrat.results.panel.holdings import holdings
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study.checks import CHANCE_ERRORS, MOST_SHARPE, STALE, TOO_GOOD
from lstmstrat.study.panel.evidence import mean_rank_ic
from lstmstrat.study.panel.inputs import check_features, check_labels
from lstmstrat.trading.portfolio.columns import TARGET

EQUAL = 1e-9  # relative: account values closer than this are equal, up to rounding
MOST_RANK_IC = 0.2
"""A mean rank correlation above it is a leak or a stale price; published ones of daily returns are below 0.05."""
MOST_STALE = 0.1  # share of the assets with prices at which nobody traded
HOLD = "buy-and-hold"
PLACES = (0.3, 0.7)  # of the traded window, at which the bars are cut off


def run_checks(run: PanelRun, session: Session) -> list[Check]:
    """The checks of a finished run."""
    return [*checks_of_forecasts(run, session), *checks_of_accounts(run)]


def checks_of_forecasts(run: PanelRun, session: Session) -> list[Check]:
    """Those that runs with the same panel and the same forecasts have in common."""
    return [
        check_prices(run),
        check_staleness(run),
        check_features(run),
        check_labels(run),
        check_forecasts(run),
        check_cuts(run, session),
    ]


def checks_of_accounts(run: PanelRun) -> list[Check]:
    """Those of what was traded."""
    return [
        check_hold(run),
        check_books(run),
        check_too_good(run),
    ]


def check_prices(run: PanelRun) -> Check:
    """Bars that alone are wrong are in quarantine, and no number depends on them.

    Where the price stays at another level, as after a split or a crash, nobody knows which: what was held is
    closed at the close before, as if it had been known. That is a failure until somebody has looked.
    """
    panel = run.panel
    if moved := [stay for stay in panel.quarantines if not stay.single]:
        shown = "; ".join(f"{stay.symbol} {stay.first}: {stay.text}" for stay in moved[:3])
        more = f"; and {len(moved) - 3} more" if len(moved) > 3 else ""
        days = ", ".join(dict.fromkeys(stay.first[:10] for stay in moved))
        cure = f"correct the prices, or if they are right write data.accepted: [{days}]"
        said = f"closed at the close before, as if it had been known: {shown}{more}; {cure}"
        return Check("prices", FAILED, said)
    out = f"; {counted(len(panel.left_out), 'asset')} left out" if panel.left_out else ""
    stays = counted(len(panel.quarantines), "stay")
    return Check("prices", PASSED, f"{counted(len(panel.symbols), 'asset')}, {stays} in quarantine{out}")


def check_forecasts(run: PanelRun) -> Check:
    """There are forecasts for most members; without one nothing was tested."""
    members = run.panel.members[run.window]
    known = np.isfinite(run.forecasts.forecast[run.window]) & members
    said = f"{int(known.sum()):,} of {int(members.sum()):,} members and sessions have a forecast"
    reasons = [f"{count:,}: {reason}" for reason, count in run.forecasts.missing.items()]
    good = 2 * known.sum() > members.sum()
    return Check("forecasts", PASSED if good else FAILED, "; ".join([said, *reasons]))


def check_hold(run: PanelRun) -> Check:
    """After each open the hold has equally much in each member that could be held and had an open."""
    opens = pd.DataFrame(run.panel.bars[run.window, :, OPEN], index=run.dates, columns=list(run.panel.symbols))
    values = holdings(run.benchmark.orders, opens).to_numpy()[1:]  # (n - 1, N)
    chosen = run.panel.tradable[run.window][:-1] & np.isfinite(opens.to_numpy()[1:])
    most, least = np.where(chosen, values, -np.inf).max(axis=1), np.where(chosen, values, np.inf).min(axis=1)
    account = run.benchmark.equity.to_numpy()[:-1]  # at the close before
    apart = np.where(chosen.any(axis=1), (most - least - _of_a_share(run, opens, chosen)) / account, 0.0)
    worst = int(np.argmax(apart))
    if apart[worst] > EQUAL:
        said = f"its members are {apart[worst]:.2%} of the account apart"
        return Check(HOLD, FAILED, f"after the open of {run.dates[worst + 1].date()} {said}")
    return Check(HOLD, PASSED, f"equal parts in its members after each of {len(account):,} opens")


def _of_a_share(run: PanelRun, opens: pd.DataFrame, chosen: Bools) -> Floats:
    """The price of the dearest share of each session, where only whole ones are bought; (n - 1,)."""
    if run.config.broker.fractional:
        return np.zeros(len(chosen))
    dearest: Floats = np.where(chosen, opens.to_numpy()[1:], 0.0).max(axis=1)
    return dearest


def check_books(run: PanelRun) -> Check:
    """Work each account again from the panel: the price of every fill, and from these the value at each close."""
    for account in run.accounts:
        if fault := _fault_of_fills(run, account) or _fault_of_value(run, account):
            return Check("fills and cash", FAILED, f"{account.name}: {fault}")
    orders = sum(len(account.orders) for account in run.accounts)
    return Check("fills and cash", PASSED, f"{orders:,} fills at the price of their order; no other cash")


def _fault_of_fills(run: PanelRun, account: Account) -> str:
    """The first fill that is not at its open, or of a finished position at its last close; "" if none."""
    orders, bars = account.orders, run.panel.bars[run.window]
    session = run.dates.get_indexer(pd.DatetimeIndex(orders["executed"]))
    asset = np.searchsorted(run.panel.symbols, orders["asset"].to_numpy(dtype=str))
    last = tables.prices(run).ffill().shift().to_numpy()
    at = np.where(orders["reason"] == TARGET, bars[session, asset, OPEN], last[session, asset])
    right = at * (1.0 + np.sign(orders["size"].to_numpy()) * run.config.broker.slippage)
    wrong = np.flatnonzero(~(np.abs(orders["price"].to_numpy() / right - 1.0) <= EQUAL))
    if not len(wrong):
        return ""
    one = orders.iloc[wrong[0]]
    on = one["executed"].date()
    return f"{one['asset']} is filled at {one['price']:.10g} on {on}, and {right[wrong[0]]:.10g} is right"


def _fault_of_value(run: PanelRun, account: Account) -> str:
    """The close at which the account is furthest from what its orders make it; "" if it is nowhere."""
    dates, orders, broker = run.dates, account.orders, run.config.broker
    traded = orders["size"] * orders["price"]
    paid = (traded + traded.abs() * broker.commission).groupby(orders["executed"]).sum()
    cash = broker.cash - paid.reindex(dates, fill_value=0.0).cumsum()
    value = cash + holdings(orders, tables.prices(run)).sum(axis=1).to_numpy()
    apart = (value / account.equity - 1.0).abs()
    worst = int(apart.argmax())
    if apart.iloc[worst] <= EQUAL:
        return ""
    said, worked = account.equity.iloc[worst], value.iloc[worst]
    return f"the account is worth {said:.10g} on {dates[worst].date()}, its orders make it {worked:.10g}"


def check_cuts(run: PanelRun, session: Session) -> Check:
    """Hand over the panel up to some sessions alone: what was forecast up to there must stay the same.

    One walk gets it in pieces, and is compared at the end of each, where it knows no later bar.
    """
    panel, found = run.panel, run.forecasts
    walk = PanelForward(run.config.forecast, panel.symbols, panel.universe.groups, session)
    dates, begin = list[str](), 0
    for place in PLACES:
        cut = run.window.start + int(place * len(run.dates))
        piece = slice(begin, cut)
        again = walk.advance(panel.times[piece], panel.bars[piece], panel.members[piece])[:, :, 0]
        day = str(panel.times[cut - 1].astype("datetime64[D]"))
        differ = ~np.isclose(again, found.forecast[piece], rtol=0.0, atol=0.0, equal_nan=True)
        if differ.any():
            session_of, asset = np.argwhere(differ)[0]
            at = str(panel.times[begin + session_of].astype("datetime64[D]"))
            said = f"with a panel that ends on {day}, {panel.symbols[asset]} has another forecast on {at}"
            return Check("cut bars", FAILED, said)
        dates.append(day)
        begin = cut
    return Check("cut bars", PASSED, f"the same forecasts with panels that end on {' and '.join(dates)}")


def check_staleness(run: PanelRun) -> Check:
    """The prices of the assets must be prices at which somebody could trade."""
    bars = run.panel.bars[run.window]
    found = dict[str, str]()
    for n, symbol in enumerate(run.panel.symbols):
        own = bars[np.isfinite(bars[:, n, CLOSE]), n]
        if len(own) > 1 and (faults := staleness(own).faults):
            found[symbol] = faults[0]
    total = len(run.panel.symbols)
    said = "".join(f"; {symbol}: {fault}" for symbol, fault in [*found.items()][:3])
    detail = f"{len(found)} of {counted(total, 'asset')} with prices at which nobody may have traded{said}"
    return Check(STALE, FAILED if len(found) > MOST_STALE * total else PASSED, detail)


def check_too_good(run: PanelRun) -> Check:
    """Results that nothing has on prices at which others trade, whatever an audit finds."""
    ratio = sharpe(run.strategies[0].returns, run.calendar_periods) or 0.0
    most = MOST_SHARPE + CHANCE_ERRORS / math.sqrt(len(run.dates) / run.calendar_periods)
    correlation = mean_rank_ic(run) or 0.0
    found = [f"a Sharpe ratio of {ratio:.1f}"] if ratio > most else []
    found += [f"a rank correlation of {correlation:.3f}"] if correlation > MOST_RANK_IC else []
    if found:
        return Check(TOO_GOOD, FAILED, f"{' and '.join(found)}: look for a leak or stale prices")
    bounds = f"no Sharpe ratio above {most:.1f}, no rank correlation above {MOST_RANK_IC:g}"
    return Check(TOO_GOOD, PASSED, bounds)
