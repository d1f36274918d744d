"""The forecasts of a universe, its portfolio, and the equal-weight hold of its members.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.config.portfolio import OF_BUILT_IN, PortfolioConfig
from lstmstrat.config.schema import Config
from lstmstrat.evaluation.trip_columns import trip_columns
from lstmstrat.forecasting.panel.forecasts import PanelForecasts
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.forecasting.panel.samples import LabelMaker, sample_labels
from lstmstrat.forecasting.predictive import recent_volatility
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.prices.bars import CLOSE
from lstmstrat.prices.panel import Panel
from lstmstrat.results.account import Account
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.results.panel.tables import ASSET_ORDERS, ASSET_TRADES
from lstmstrat.study.simulate import BENCHMARK, training
from lstmstrat.study.stages import Stages, silent
from lstmstrat.trading.portfolio.columns import PortfolioAccount, simulate
from lstmstrat.trading.portfolio.optimiser import Optimised, Optimiser, optimiser_of
from lstmstrat.trading.portfolio.own import OwnRule
from lstmstrat.trading.portfolio.weights import Sides, equal_weight

PATH = "lstmstrat.trading.portfolio"
OF_FILLS = "asset", "session", "size", "price", "commission"


def simulate_panel(
    config: Config,
    panel: Panel,
    session: Session,
    stages: Stages = silent,
    labels: LabelMaker = sample_labels,
    forecasts: PanelForecasts | None = None,
) -> PanelRun:
    """Forecast every member, and simulate the portfolio and the hold from the first forecast on.

    `forecasts` are those of the same panel and ``forecast:`` section, where another run has made them.
    """
    assert config.portfolio is not None
    session.start_counting()
    if forecasts is None:
        with training(config, session, stages):
            forecasts = forecast(config, panel, session, labels)
    rule = config.portfolio
    optimiser = optimiser_of(rule)
    with stages("optimising", "sessions") if optimiser else nullcontext(_unseen) as progress:
        weights = portfolio_weights(rule, panel, forecasts, optimiser, progress)
    with stages("simulating", "accounts") as show:
        show(0, 2)
        account = _simulate(config, panel, forecasts, weights, rule.band)
        show(1, 2)
        decided = np.ones(len(panel.times), dtype=bool)
        held = _simulate(config, panel, forecasts, equal_weight(panel.tradable, decided), 0.0)
        show(2, 2)
    without = {*OF_BUILT_IN} if rule.own else {"params"}
    params = rule.model_dump(mode="json", exclude=without, exclude_none=True)
    return PanelRun(
        config=config,
        panel=panel,
        benchmark=_account(BENCHMARK, "equal_weight", {}, held, panel),
        strategies=(_account(rule.label, rule.rule, params, account, panel),),
        forecasts=forecasts,
        gross=account.gross,
    )


def forecast(config: Config, panel: Panel, session: Session, labels: LabelMaker = sample_labels) -> PanelForecasts:
    """The forecasts of all assets of a panel."""
    walk = PanelForward(config.forecast, panel.symbols, panel.universe.groups, session, labels)
    walk.advance(panel.times, panel.bars, panel.members)
    return walk.forecasts


def _unseen(done: int, total: int) -> None:
    """Progress of what takes no time."""


def portfolio_weights(
    rule: PortfolioConfig,
    panel: Panel,
    forecasts: PanelForecasts,
    optimiser: Optimiser | None,
    progress: Progress = _unseen,
) -> Floats:
    """The share of the account that the rule gives each asset at the close of each session; (D, N).

    `optimiser` is that of the rule, None if it has none.
    """
    return Weigher(rule, panel, optimiser).weights(panel, forecasts.forecast, progress=progress)


class Weigher:
    """The shares of the account that a rule gives the assets of a panel, close after close.

    `optimiser` is that of the rule, None if it has none.
    """

    def __init__(self, rule: PortfolioConfig, panel: Panel, optimiser: Optimiser | None):
        groups = np.array([panel.universe.groups.get(symbol, "") for symbol in panel.symbols])
        self._optimiser, self._weighs_by_volatility = optimiser, rule.weights == "inverse_volatility"
        self._of = OwnRule(rule) if rule.own else Sides(rule, len(groups), groups)

    def weights(self, panel: Panel, forecasts: Floats, begin: int = 0, progress: Progress = _unseen) -> Floats:
        """The weights at the sessions from `begin` on, those after the last call; (D, N) -> (D - begin, N)."""
        scores, tradable = _carried(panel, forecasts), panel.tradable
        if isinstance(self._of, OwnRule):
            return self._of.weights(scores, tradable, panel.bars[:, :, CLOSE], begin)
        if self._optimiser is None:
            volatility = _carried(panel, _volatility(panel)) if self._weighs_by_volatility else None
            return self._of.weights(scores, tradable, volatility, begin=begin)
        optimised = Optimised(self._optimiser, _returns(panel), panel.times, panel.symbols, progress)
        return self._of.weights(scores, tradable, optimised=optimised, begin=begin)


def _simulate(
    config: Config, panel: Panel, forecasts: PanelForecasts, weights: Floats, band: float
) -> PortfolioAccount:
    """The account over the traded window, which begins at the first forecast."""
    first = forecasts.folds[0].fitted_at
    return simulate(panel.times[first:], panel.bars[first:], weights[first:], config.broker, band=band)


def _carried(panel: Panel, values: Floats) -> Floats:
    """Values of the newest bar of each asset, where it only rests at a session; (D, N)."""
    carried: Floats = np.take_along_axis(values, np.maximum(panel.newest, 0), axis=0)
    return np.where(panel.tradable, carried, np.nan)


def _volatility(panel: Panel) -> Floats:
    """The recent volatility of each asset, on its own bars; (D, N), NaN where it is not known."""
    found = np.full((len(panel.times), len(panel.symbols)), np.nan)
    for n in range(len(panel.symbols)):
        own = np.isfinite(panel.bars[:, n]).any(axis=1)
        found[own, n] = recent_volatility(panel.bars[own, n, CLOSE], 0)
    return found


def _returns(panel: Panel) -> Floats:
    """What each asset earned from one session to the next, 0 where it only rested; (D, N), NaN if not known."""
    returns = np.full(panel.closes.shape, np.nan)
    returns[1:] = panel.closes[1:] / panel.closes[:-1] - 1.0
    return returns


def _account(name: str, rule: str, params: Mapping[str, Any], found: PortfolioAccount, panel: Panel) -> Account:
    index = pd.DatetimeIndex(found.times, name="date")
    return Account(
        name=name,
        class_path=rule if ":" in rule else f"{PATH}:{rule}",
        params=dict(params),
        equity=pd.Series(found.equity, index=index),
        exposure=pd.Series(found.net, index=index),
        targets=pd.Series(np.nan, index=index),
        orders=_orders(found, panel),
        placed=(),
        fills=(),
        trades=_trades(found, panel),
        traded=pd.Series(found.traded, index=index),
        forecasts=None,
    )


def _orders(found: PortfolioAccount, panel: Panel) -> pd.DataFrame:
    """The orders, with their asset; one that closes a finished position is dated to the session after."""
    orders, times = found.orders, found.times
    session = orders["session"].to_numpy()
    frame = pd.DataFrame(
        {
            "asset": np.array(panel.symbols, dtype=object)[orders["asset"].to_numpy()],
            "status": "Completed",
            "created": times[np.maximum(session - 1, 0)],
            "executed": times[session],
            "side": np.where(orders["size"] > 0.0, "buy", "sell"),
            "size": orders["size"].to_numpy(),
            "price": orders["price"].to_numpy(),
            "commission": orders["commission"].to_numpy(),
            "reason": orders["reason"].to_numpy(),
        }
    )
    return frame.astype(ASSET_ORDERS)


def _trades(found: PortfolioAccount, panel: Panel) -> pd.DataFrame:
    """The round trips of each asset, in the order in which they begin."""
    of_asset = list(_trips(found, panel))
    trips = {name: np.concatenate([of[name] for of in of_asset]) for name in of_asset[0]}
    counts = [len(of["opened"]) for of in of_asset]
    times = np.append(found.times, np.datetime64("NaT"))  # -1: open
    dates = {name: times[trips[name]] for name in ("opened", "closed")}
    columns = {"asset": np.repeat(np.array(panel.symbols, dtype=object), counts), **trips, **dates}
    frame = pd.DataFrame(columns, columns=list(ASSET_TRADES)).astype(ASSET_TRADES)
    return frame.sort_values(["opened", "asset"], ignore_index=True)


def _trips(found: PortfolioAccount, panel: Panel) -> Iterator[dict[str, np.ndarray]]:
    """The round trips of each asset of the panel, by columns."""
    orders, closes = found.orders, panel.bars[-len(found.times) :, :, CLOSE]
    by_asset = np.argsort(orders["asset"].to_numpy(), kind="stable")
    asset, session, size, price, paid = (orders[name].to_numpy()[by_asset] for name in OF_FILLS)
    ends = np.searchsorted(asset, np.arange(len(panel.symbols) + 1))
    for number, (low, high) in enumerate(pairwise(ends)):
        known = closes[np.isfinite(closes[:, number]), number]
        last = len(found.times) - 1, float(known[-1]) if len(known) else np.nan
        yield trip_columns(session[low:high], size[low:high], price[low:high], paid[low:high], *last)
