"""Every strategy of a config is built once before anything is trained, so that its mistakes are known at once.

It is built in a fork, which dies with all that an ``__init__`` leaves in a class or a module, on the prices of the
run, and no bar is handed to it. What it writes to a file is written. Where a fork cannot be had, or has no answer
within `SECONDS`, nothing is said, and the run finds the mistakes as it comes to them.
"""

from __future__ import annotations

import logging

from lstmstrat.audit.child import ChildError, forked
from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.errors import ERRORS_OF_CODE, LSTMStratError, describe
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.forecasting.session import Session
from lstmstrat.ledger import Ledger
from lstmstrat.prices import Prices
from lstmstrat.store import Store
from lstmstrat.trading.parameters import load_strategy
from lstmstrat.trading.simulation import build

SECONDS = 10.0  # an __init__ that takes longer is left to the run


def building_mistakes(config: Config, prices: Prices) -> list[str]:
    """One line for each strategy that cannot be built with these settings; train_size is a number of bars."""
    try:
        lines: list[str] = forked(lambda: _mistakes(config, prices), SECONDS)
    except ChildError:
        return []
    return lines


def _mistakes(config: Config, prices: Prices) -> list[str]:
    logging.disable()  # in this fork
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        found = [_mistake(config, prices, strategy, session) for strategy in config.strategies]
    return [f"strategies.{position}: {text}" for position, text in enumerate(found) if text]


def _mistake(config: Config, prices: Prices, strategy: StrategyConfig, session: Session) -> str:
    first = schedule(config.forecast).first_fit
    cls = load_strategy(strategy.class_)
    settings = dict(strategy.params), config.broker
    try:
        build(prices, cls, *settings, session=session, start=first, name=strategy.label, forecast=config.forecast)
    except LSTMStratError as error:
        return str(error)
    except ERRORS_OF_CODE as error:
        return f"{strategy.label}: it cannot be built: {describe(error)}"
    return ""
