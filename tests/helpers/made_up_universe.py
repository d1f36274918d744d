"""A made-up run over a universe of 24 assets, with no training: random prices, and scores that know a little."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pandas as pd

from helpers import made_up
from lstmstrat.config.schema import Config
from lstmstrat.evaluation.ranks import Estimate
from lstmstrat.forecasting.forecasts import FoldRecord
from lstmstrat.forecasting.panel.forecasts import PanelForecasts
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.session import Session
from lstmstrat.ledger import Ledger
from lstmstrat.prices.bars import CLOSE
from lstmstrat.prices.faults import Fault
from lstmstrat.prices.panel import Asset, Panel, panel_of
from lstmstrat.prices.universe import listed
from lstmstrat.results import tables
from lstmstrat.results.assessment import Assessment
from lstmstrat.results.panel import tables as panel_tables
from lstmstrat.results.panel.facts import RankRung
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.results.result import Result
from lstmstrat.store import Store
from lstmstrat.study.panel import evidence, simulate

SYMBOLS = tuple(f"A{k:02d}" for k in range(24))
SESSIONS, FIRST, REFIT = 420, 120, 100
ENDS = 300  # bars of the asset that ends
NAME = "quantile"
KNOWS = 0.15  # how much of a score is the return that it comes before
FOUND = "the close is 100 times those beside it"
UNREADABLE = "no file A99.csv"


def result(knows: float = KNOWS, **portfolio: float | str) -> Result:
    """A run whose scores know so much of the return after them; one asset ends early, one is in quarantine."""
    run = _run(knows, portfolio)
    return Result(
        config=run.config,
        assessment=_assessment(run),
        equity=tables.equity(run),
        exposure=tables.exposure(run),
        forecasts=panel_tables.forecasts(run),
        folds=panel_tables.folds(run),
        orders=tables.orders(run),
        trades=tables.trades(run),
        prices=panel_tables.prices(run),
    )


def _run(knows: float, portfolio: dict[str, float | str]) -> PanelRun:
    panel = _panel()
    data = {"universe": SYMBOLS, "source": "csv", "path": "prices/{symbol}.csv"}
    forecast = {"train_size": 100, "relation": "rank"}
    rule = {"long": 0.3, "short": 0.3, **portfolio}
    values = {"name": "made-up", "data": data, "forecast": forecast, "portfolio": rule}
    config = Config.model_validate(values)
    with (
        mock.patch.object(simulate, "forecast", return_value=_forecasts(config, panel, knows)),
        Session(Store(None), ledger=Ledger(None)) as session,
    ):
        return simulate.simulate_panel(config, panel, session)


def _panel() -> Panel:
    rng = np.random.default_rng(11)
    days = pd.bdate_range("2019-03-01", periods=SESSIONS).to_numpy()
    assets = []
    for k, symbol in enumerate(SYMBOLS):
        close = 50.0 * np.exp(np.cumsum(rng.normal(4e-4, 0.015, SESSIONS)))
        bars = np.column_stack([close, close * 1.01, close * 0.99, close, np.full(SESSIONS, 1e6)])
        last = ENDS if k == 3 else SESSIONS
        faults = (Fault(200, str(days[200])[:10], "unit", 100.0, FOUND),) if k == 5 else ()
        assets.append(Asset(symbol, days[:last], bars[:last], faults))
    return panel_of(listed((*SYMBOLS, "A99")), "csv", assets, left_out={"A99": UNREADABLE})


def _forecasts(config: Config, panel: Panel, knows: float) -> PanelForecasts:
    rng, shape = np.random.default_rng(12), panel.members.shape
    closes = np.log(panel.bars[:, :, CLOSE])
    after = np.full(shape, np.nan)
    after[:-2] = closes[2:] - closes[1:-1]  # opens are closes here
    scores = knows * np.nan_to_num(after / 0.015) + rng.normal(0.0, 1.0, shape)
    scores[ENDS - 10 : ENDS, 3] = 9.0  # so that it is held when its bars end
    scores[:FIRST] = np.nan
    scores[~panel.members] = np.nan
    folds = tuple(
        Fold(number, at - 105, at - 5, at, 2) for number, at in enumerate(range(FIRST, SESSIONS, REFIT), 1)
    )
    records = tuple(FoldRecord(fold, 2000, 0.0, 1.0 - 0.01 * k, 0.9) for k, fold in enumerate(folds))
    return PanelForecasts(
        config=config.forecast,
        symbols=panel.symbols,
        times=panel.times,
        forecast=scores,
        spread=np.where(np.isfinite(scores), 0.1, np.nan),
        distance=np.where(np.isfinite(scores), 0.0, np.nan),
        fold=np.maximum(0, (np.arange(SESSIONS) - FIRST) // REFIT + 1),
        folds=folds,
        records={"": records},
        missing={},
    )


def _assessment(run: PanelRun) -> Assessment:
    """That of a made-up run on one asset, with the accounts and the facts of this one."""
    base = made_up.result((NAME,)).assessment
    days = [f"{day:%Y-%m-%d}" for day in (run.dates[0], run.dates[-1])]
    (strategy,) = base.strategies
    strategy = replace(
        strategy,
        class_="lstmstrat.trading.portfolio:quantile",
        params={"rule": "quantile"},
        metrics=run.strategies[0].performance(252.0),
        luck=replace(strategy.luck, seeds=None, worlds=None),
    )
    return replace(
        base,
        data=replace(base.data, symbol=run.symbol),
        costs=run.config.broker,
        walk_forward=replace(base.walk_forward, folds=len(run.forecasts.folds)),
        period=replace(base.period, first=days[0], last=days[1], bars=len(run.dates), years=1.2),
        benchmark=run.benchmark.performance(252.0),
        strategies=(strategy,),
        forecast_skill=made_up.unusual("no forecast").assessment.forecast_skill,
        ladder=None,
        universe=evidence.universe_facts(run),
        panel=evidence.panel_facts(run, LADDER),
    )


def _rung(model: str, pool: str, relation: str, ic: Estimate, minus: Estimate, shuffled: bool = False) -> RankRung:
    return RankRung(model, pool, relation, shuffled, 4, 960, 20, 31.4, ic, 0.507, 3.7, minus, 0.21)


LADDER = (
    _rung("lstm", "all", "rank", Estimate(298, 0.0215, 6.6), Estimate(298, 0.0, None)),
    _rung("lstm", "all", "none", Estimate(298, 0.0073, 2.4), Estimate(298, 0.0142, 4.2)),
    _rung("lstm", "none", "rank", Estimate(298, 0.0123, 5.2), Estimate(298, 0.0092, 2.6)),
    _rung("ridge", "all", "rank", Estimate(298, 0.0057, 1.7), Estimate(298, 0.0157, 4.2)),
    _rung("lstm", "all", "rank", Estimate(298, -0.0028, -0.9), Estimate(298, 0.0243, 5.0), shuffled=True),
)
