"""Buy-and-hold and every strategy of a config, each with an account of its own.

Backtrader, which takes half a second to load, is imported where it is needed: a universe trades without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.models import settled
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.forecasting.walk_forward import WalkForward
from lstmstrat.prices import Prices
from lstmstrat.results.account import Account
from lstmstrat.results.run import Run
from lstmstrat.study import fingerprint
from lstmstrat.study.stages import Stages, silent

BENCHMARK = "buy_and_hold"


def simulate_all(config: Config, prices: Prices, session: Session, stages: Stages = silent) -> Run:
    """Simulate all accounts from the first forecast on; train_size of `config` is a number of bars.

    `stages` are told of the simulations, and inside them of the training, which the first one asks for.
    """
    session.start_counting()
    # Before anything runs: a strategy may keep something in its class, and the next run must find the same key.
    code = {strategy.label: fingerprint.of_code(config, strategy) for strategy in config.strategies}
    with (
        session.one_walk_for_all(),
        stages("simulating", "strategies") as show,
        training(config, session, stages),
    ):
        accounts = tuple(
            simulate_one(config, prices, strategy, session) for strategy in _counted(config.strategies, show)
        )
    benchmark = simulate_buy_and_hold(config, prices, session)
    return Run(config, prices, benchmark, accounts, _forecasts(config, prices, accounts, session), code)


@contextmanager
def training(config: Config, session: Session, stages: Stages) -> Iterator[None]:
    """In the block, a stage counts the folds that are trained, if nobody else listens to the session."""
    if session.progress is not None:
        yield
        return
    members = settled(config.forecast).members  # networks of a fold, which the session counts
    with stages("training", "folds") as show:
        session.progress = lambda done, total: show(done // members, total // members)
        try:
            yield
        finally:
            session.progress = None


def _counted(strategies: Sequence[StrategyConfig], show: Progress) -> Iterator[StrategyConfig]:
    for place, strategy in enumerate(strategies):
        show(place, len(strategies))
        yield strategy
    show(len(strategies), len(strategies))


def simulate_one(config: Config, prices: Prices, strategy: StrategyConfig, session: Session) -> Account:
    """Simulate one strategy of a config."""
    from lstmstrat.trading.parameters import load_strategy

    names = strategy.label, strategy.path
    return _simulate(config, prices, load_strategy(strategy.class_), dict(strategy.params), names, session)


def simulate_buy_and_hold(config: Config, prices: Prices, session: Session) -> Account:
    """Simulate buy-and-hold over the same window."""
    from lstmstrat.trading.strategy import BuyAndHold

    names = BENCHMARK, f"{BuyAndHold.__module__}:{BuyAndHold.__name__}"
    return _simulate(config, prices, BuyAndHold, {}, names, session)


def _simulate(
    config: Config,
    prices: Prices,
    cls: type[Any],
    params: dict[str, Any],
    names: tuple[str, str],
    session: Session,
) -> Account:
    from lstmstrat.trading.simulation import simulate

    name, class_path = names
    return simulate(
        prices,
        cls,
        params,
        config.broker,
        session=session,
        start=schedule(config.forecast).first_fit,
        name=name,
        class_path=class_path,
        forecast=config.forecast,
    )


def _forecasts(config: Config, prices: Prices, accounts: Sequence[Account], session: Session) -> Forecasts:
    """The forecasts of the `forecast:` section, if a strategy trades them.

    Otherwise those of the first strategy with a forecast of its own; empty if there is none.
    """
    candidates = [account.forecasts for account in accounts if account.forecasts is not None]
    candidates.sort(key=lambda forecasts: forecasts.config != config.forecast)
    return candidates[0] if candidates else WalkForward(config.forecast, session, outside=prices.outside).forecasts
