"""The verdict on strategies that no config ran: those of a Cerebro of the user's own, or bare returns.

They are trials like any other, and enter the ledger. An edge needs the same proof as in a run of a config.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.audit import audit
from lstmstrat.audit.books import BOOKS, check_books
from lstmstrat.audit.small import shrink
from lstmstrat.audit.trace import Subject
from lstmstrat.config.data import DataConfig
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.identity import Identity, identify
from lstmstrat.config.schema import BrokerConfig, Config, StrategyConfig
from lstmstrat.config.validation import validated
from lstmstrat.errors import DataError, StrategyError, amount, sentence
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.forecasting.session import Session
from lstmstrat.forecasting.walk_forward import WalkForward
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import PRICES
from lstmstrat.results.account import ORDERS, TRADES, Account
from lstmstrat.results.assessment import NOT_RUN, Check, StrategyAssessment, Trials
from lstmstrat.results.judgement import Judged, Judgement
from lstmstrat.results.run import Run
from lstmstrat.store import Store, default_path
from lstmstrat.study.audits import AuditRecord
from lstmstrat.study.checks import (
    check_audits,
    check_orders,
    check_prices,
    check_staleness,
    check_too_good,
    voiding,
)
from lstmstrat.study.cuts import first_difference
from lstmstrat.study.extras import Extras
from lstmstrat.study.ledger import enter_trials
from lstmstrat.study.proof import judge_with_proof
from lstmstrat.study.simulate import BENCHMARK
from lstmstrat.trading.watched import SameBroker, Watched, costs_of, hold, same_broker, watch

Dates = Sequence[dt.date | str]

UNSEEN = "these are bare returns, and nobody saw the orders; judge the Cerebro that made them"


def judge(
    what: Any,
    benchmark: pd.Series | None = None,
    *,
    name: str = "",
    accepted: Dates = (),
    session: Session | None = None,
) -> Judgement:
    """Judge strategies that no config ran, and enter them into the ledger of trials.

    Parameters
    ----------
    what
        A ``bt.Cerebro`` with one strategy or one `optstrategy`, which is run here; each combination of parameters
        is a trial. Or the simple returns of a strategy, a Series with dates as its index.
    benchmark
        With returns only: the simple returns of holding the asset, on the same dates.
    name
        What to call the strategy; by default its class, with the parameters that differ.
    accepted
        Dates of prices that look wrong and are right, such as a crash: dates or text, "2008-09-29". Any other
        price that cannot be true voids an edge.
    session
        Store and ledger; by default the user's.

    Returns
    -------
    `Judgement`: the verdict on each strategy, what an edge lacks, the difference from holding the first feed with
    the same broker, and the number of trials. Bare returns are never an edge, because nobody saw the orders. Nor
    is a strategy that the look-ahead audit cannot repeat, such as one with two feeds, or one whose broker has
    costs that are no percentage.

    Raises
    ------
    StrategyError, DataError
        There is no feed, or not one strategy; the bars or the returns cannot be used.
    ConfigError
        `accepted` holds something that is no date.

    Examples
    --------
    >>> import lstmstrat
    >>> import backtrader as bt
    >>> class Cross(bt.Strategy):
    ...     params = (("period", 50),)
    ...
    ...     def __init__(self):
    ...         self.above = self.data.close > bt.indicators.SMA(self.data.close, period=self.p.period)
    ...
    ...     def next(self):
    ...         self.order_target_percent(target=0.9 if self.above[0] else 0.0)
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> cerebro = bt.Cerebro(stdstats=False, maxcpus=1)
    >>> _ = cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame), name="IBM")
    >>> _ = cerebro.optstrategy(Cross, period=[20, 50])
    >>> cerebro.broker.setcommission(0.001)
    >>> judgement = lstmstrat.judge(cerebro)
    >>> list(judgement.by_strategy), judgement.trials.count
    (['Cross(period=20)', 'Cross(period=50)'], 2)
    """
    if session is None:
        with Session(Store(default_path())) as default_session:
            return judge(what, benchmark, name=name, accepted=accepted, session=default_session)
    session.ledger.read()  # so that it is known before the run if it cannot be used
    if isinstance(what, pd.Series):
        return _judge_returns(what, benchmark, name or str(what.name or "strategy"), accepted, session)
    if not hasattr(what, "runstrategies"):
        raise StrategyError(f"{type(what).__name__} given; expected a bt.Cerebro, or a pandas Series of returns")
    return _judge_cerebro(what, name, accepted, session)


@dataclass(frozen=True, eq=False)
class _Case:
    """One strategy of a Cerebro, compared with holding."""

    cerebro: Any
    watched: Watched
    run: Run
    checks: tuple[Check, ...]
    costs: BrokerConfig | str  # or why they are not those of a config

    def audit(self, account: Account) -> AuditRecord:
        """The look-ahead audit on the first feed, with the broker and the sizers of the Cerebro."""
        params, forecasts = dict(self.watched.params), self.watched.recorded.forecasts
        if isinstance(self.costs, str):
            return _not_assessable(f"{self.costs}, so the fills of {account.name} could not be held against them")
        if len(self.cerebro.datas) > 1:
            return _not_assessable("it has several feeds; audit it by lstmstrat.audit(..., setup=...)")
        if forecasts is not None and "forecast" not in params:
            return _not_assessable("its LSTMForecast would be trained in full many times; give it a small network")
        setup = _Setup(same_broker(self.cerebro), dict(self.cerebro.sizers))
        again = Subject(account.name, self.watched.cls, params, self.watched.frame, setup=setup).run()
        if fault := first_difference(account.placed, again.orders, self.run):
            return _not_assessable(
                f"by its class, parameters, broker and sizers alone it orders something else, so an analyzer, an "
                f"observer or a line of the feed has a say: {fault.text}; put that into the class"
            )
        if "forecast" in params:
            params["forecast"] = shrink(ForecastConfig(**(params["forecast"] or {}))).model_dump()
        try:
            result = audit(self.watched.cls, self.watched.frame, params=params, setup=setup)
        except Exception as error:
            return _not_assessable(f"the audit ended with {sentence(error)}")
        return AuditRecord(result.exit_code, result.sentence, _today())


@dataclass(frozen=True, eq=False)
class _Setup:
    """Gives another Cerebro the same broker and the same sizers; it can be sent to another process."""

    broker: SameBroker
    sizers: dict[Any, Any]

    def __call__(self, cerebro: Any) -> None:
        cerebro.broker = self.broker()
        cerebro.sizers.update(self.sizers)


def _judge_cerebro(cerebro: Any, name: str, accepted: Dates, session: Session) -> Judgement:
    with session.active():
        watched = watch(cerebro)
    if not watched:
        raise StrategyError("the Cerebro ran no strategy: cerebro.run() uses an optstrategy up; judge it before")
    names, costs = _names(watched, name), costs_of(cerebro)
    cases = [_case(cerebro, one, own, costs, accepted, session) for one, own in zip(watched, names, strict=True)]
    trials = _enter([(case.run, case.checks) for case in cases], session)
    judged, audits = list[Judged](), dict[str, AuditRecord]()
    for case in cases:
        strategies, made = judge_with_proof(case.run, trials, case.checks, Extras(), {}, case.audit, session.store)
        judged += [_judged(strategy, case.run) for strategy in strategies]
        audits |= made
    checks = dict.fromkeys(check for case in cases for check in case.checks)
    return Judgement(tuple(judged), trials, (*checks, *check_audits(audits, names)))


def _names(watched: Sequence[Watched], name: str) -> list[str]:
    """The class of each strategy, with the parameters in which the strategies differ."""
    base, params = name or watched[0].cls.__name__, [one.params for one in watched]
    varied = [key for key in params[0] if len({repr(values[key]) for values in params}) > 1]
    texts = [", ".join(f"{key}={values[key]}" for key in varied) for values in params]
    names = [f"{base}({text})" if text else base for text in texts]
    return [own if names.count(own) == 1 else f"{own} #{k + 1}" for k, own in enumerate(names)]


def _case(
    cerebro: Any, watched: Watched, name: str, costs: BrokerConfig | str, accepted: Dates, session: Session
) -> _Case:
    data, recorded = cerebro.datas[0], watched.recorded
    _check_length(recorded.equity, name)
    prices = Prices(str(data._name or "feed 0"), "cerebro", watched.frame, ())  # a bar may lack a price
    _check_account(recorded.equity, name)
    benchmark = hold(prices, same_broker(cerebro)(), recorded.start, BENCHMARK, session)
    path = f"{watched.cls.__module__}:{watched.cls.__qualname__}"
    account = recorded.account(prices.frame, name, path)
    slippage = float(getattr(cerebro.broker.p, "slip_perc", 0.0))
    broker = BrokerConfig(commission=0.0, slippage=slippage) if isinstance(costs, str) else costs
    code = identify(watched.cls, watched.params)
    run = compared(_data(prices.symbol, accepted), prices, broker, benchmark, account, code, session)
    books = [Check(BOOKS, NOT_RUN, costs)] if isinstance(costs, str) else check_books(costs, prices, run.accounts)
    return _Case(
        cerebro,
        watched,
        run,
        (check_prices(run), check_staleness(run), *books, *check_too_good(run), check_orders(run.accounts)),
        costs,
    )


def _check_length(equity: Sequence[float], name: str) -> None:
    if not equity:
        raise StrategyError(f"{name}: its indicators need more bars than there are; give more history")


def _check_account(equity: Sequence[float], name: str) -> None:
    if not min(equity) > 0.0:  # also where it is not a number
        raise StrategyError(f"{name}: its account is down to {amount(min(equity))}; make its positions smaller")


def _data(symbol: str, accepted: Dates) -> DataConfig:
    return validated(DataConfig, {"symbol": symbol, "accepted": list(accepted)}, "judge:")


def compared(
    data: DataConfig,
    prices: Prices,
    broker: BrokerConfig,
    benchmark: Account,
    account: Account,
    code: Identity,
    session: Session,
) -> Run:
    """The run of one strategy beside holding, with a config made for it."""
    forecast = ForecastConfig() if account.forecasts is None else account.forecasts.config
    strategy = StrategyConfig(class_=account.class_path, name=account.name)
    config = Config(
        data=data,
        forecast=forecast,
        broker=broker,
        strategies=(strategy,),
    )
    forecasts = account.forecasts or WalkForward(forecast, session).forecasts
    return Run(config, prices, benchmark, (account,), forecasts, {account.name: code})


def _enter(runs: Sequence[tuple[Run, Sequence[Check]]], session: Session) -> Trials:
    """Enter the strategy of each run with its checks, and count the trials over the longest of their windows."""
    failed = {
        run.strategies[0].name: [check.name for check in voiding(checks, run.strategies[0].name, BENCHMARK)]
        for run, checks in runs
    }
    longest, *others = sorted((run for run, _ in runs), key=lambda run: -len(run.dates))
    return enter_trials(session.ledger, longest, others, lambda name: failed[name])


def _judged(strategy: StrategyAssessment, run: Run) -> Judged:
    versus = strategy.versus_benchmark
    return Judged(
        name=strategy.name,
        params=strategy.params,
        verdict=versus.verdict,
        missing=versus.missing,
        sharpe=strategy.metrics.sharpe,
        benchmark=run.benchmark.performance(run.periods).sharpe,
        difference=Difference(versus.sharpe, versus.sharpe_low, versus.sharpe_high, versus.p_value),
        deflated_sharpe=strategy.luck.deflated_sharpe,
        deflated_lead=strategy.luck.deflated_lead,
    )


def _not_assessable(why: str) -> AuditRecord:
    return AuditRecord(3, f"Not assessable: {why}", _today())


def _today() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"


def _judge_returns(
    returns: pd.Series, benchmark: pd.Series | None, name: str, accepted: Dates, session: Session
) -> Judgement:
    if benchmark is None or not returns.index.equals(benchmark.index):
        raise DataError("judge(returns, benchmark): give the returns of holding the asset on the same dates")
    for series in (returns, benchmark):
        if not (series > -1.0).all():  # also where one is not a number
            what = series.name or name
            raise DataError(f"judge(returns, benchmark): {what} has a return that is missing, or -100% or less")
    symbol = str(benchmark.name or name)
    _prices((1.0 + benchmark).cumprod(), symbol)  # refuses dates that cannot be used
    begin = _bar_before(pd.DatetimeIndex(returns.index))
    own, held = (_bare_account(s, label, begin) for s, label in ((returns, name), (benchmark, BENCHMARK)))
    prices = _prices(held.equity, symbol)
    unseen = [begin.date()] if begin.date() < returns.index[0].date() else []  # a day at which nobody can look
    data = _data(prices.symbol, [*accepted, *unseen])
    run = compared(data, prices, BrokerConfig(), held, own, identify(), session)
    checks, audits = (
        [check_prices(run), check_staleness(run), *check_too_good(run)],
        {name: _not_assessable(UNSEEN)},
    )
    trials = _enter([(run, checks)], session)
    strategies, _ = judge_with_proof(
        run, trials, checks, Extras(), audits, lambda account: audits[account.name], session.store
    )
    judged = tuple(_judged(strategy, run) for strategy in strategies)
    return Judgement(judged, trials, (*checks, *check_audits(audits, [name])))


def _prices(wealth: pd.Series, symbol: str) -> Prices:
    """Bars that are closes alone; their volume is not known."""
    frame = pd.DataFrame(dict.fromkeys(PRICES, wealth))
    return Prices(symbol, "returns", frame.assign(volume=0.0), ())


def _bar_before(dates: pd.DatetimeIndex) -> pd.Timestamp:
    """A date for the bar from whose close the first return counts, which the returns do not tell.

    It is as far before the first date as bars usually are before one of its day of the week and time of day, or
    before any where there is no other: a Friday comes before a Monday, and a calendar of five days stays one.
    """
    gaps = np.diff(dates.to_numpy("datetime64[ns]")).astype(np.int64)
    alike = (dates[1:] - dates[0]) % pd.Timedelta(weeks=1) == pd.Timedelta(0)
    return dates[0] - pd.Timedelta(int(np.median(gaps[alike] if alike.any() else gaps)), "ns")


def _bare_account(returns: pd.Series, name: str, begin: pd.Timestamp) -> Account:
    """An account of which only the value is known: 1 at `begin`, so that the first return counts."""
    growth = 1.0 + returns.astype(np.float64)
    equity = pd.concat([pd.Series(1.0, [begin]), growth]).cumprod().rename(name)
    unknown = pd.Series(np.nan, index=equity.index, name=name)
    return Account(
        name=name,
        class_path=f"returns:{name}",
        params={},
        equity=equity,
        exposure=unknown,
        targets=unknown,
        orders=pd.DataFrame(columns=list(ORDERS)).astype(ORDERS),
        placed=(),
        fills=(),
        trades=pd.DataFrame(columns=list(TRADES)).astype(TRADES),
        traded=pd.Series(0.0, index=equity.index, name=name),
        forecasts=None,
    )
