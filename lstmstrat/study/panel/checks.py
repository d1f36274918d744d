"""The checks of a run over a universe.

Letters: D sessions, N assets, n sessions of the traded window.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmstrat.errors import count as counted
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.forecasting.session import Session
from lstmstrat.prices.bars import OPEN
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import AUDIT, FAILED, NOT_RUN, PASSED, Check
from lstmstrat.results.panel import tables
from lstmstrat.results.panel.holdings import holdings
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.trading.portfolio.columns import TARGET

EQUAL = 1e-9  # relative: account values closer than this are equal, up to rounding
OF_ONE = ("features", "training labels", "buy-and-hold", "stale prices", "too good to be true")
"""What is checked of a run on one asset, and not yet of a universe."""
PLACES = (0.3, 0.7)  # of the traded window, at which the bars are cut off


def run_checks(run: PanelRun, session: Session) -> list[Check]:
    """The checks of a finished run, in the order of the computation."""
    return [
        check_prices(run),
        check_forecasts(run),
        check_books(run),
        check_cuts(run, session),
        *(Check(name, NOT_RUN, "it is for one asset so far") for name in OF_ONE),
        Check(AUDIT, NOT_RUN, "there is none for a portfolio yet, so no edge of one is ever supported"),
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
    """Hand over the panel up to some sessions alone: what was forecast up to there must stay the same."""
    panel, found = run.panel, run.forecasts
    dates = list[str]()
    for place in PLACES:
        cut = run.window.start + int(place * len(run.dates))
        walk = PanelForward(run.config.forecast, panel.symbols, panel.universe.groups, session)
        again = walk.advance(panel.times[:cut], panel.bars[:cut], panel.members[:cut])[:, :, 0]
        day = str(panel.times[cut - 1].astype("datetime64[D]"))
        differ = ~np.isclose(again, found.forecast[:cut], rtol=0.0, atol=0.0, equal_nan=True)
        if differ.any():
            session_of, asset = np.argwhere(differ)[0]
            at = str(panel.times[session_of].astype("datetime64[D]"))
            said = f"with a panel that ends on {day}, {panel.symbols[asset]} has another forecast on {at}"
            return Check("cut bars", FAILED, said)
        dates.append(day)
    return Check("cut bars", PASSED, f"the same forecasts with panels that end on {' and '.join(dates)}")
