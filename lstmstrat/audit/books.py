"""The books of an account, worked again from the prices and the costs of the config alone."""

from __future__ import annotations

import math

from lstmstrat.arrays import Floats
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import FAILED, PASSED, Check


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
