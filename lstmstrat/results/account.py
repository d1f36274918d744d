"""`Account`: the equity, exposure, orders and trades of one strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.metrics import Performance, performance, returns
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.results.orders import Execution, PlacedOrder

TIME: Final = "datetime64[ns]"
ORDERS: dict[str, Any] = {  # `created` of an order that is made at an open is the bar of that open
    "status": object,
    "created": TIME,
    "executed": TIME,
    "side": object,
    "size": float,
    "price": float,
    "commission": float,
}
TRADES: dict[str, Any] = {
    "opened": TIME,
    "closed": TIME,
    "side": object,
    "size": float,
    "entry_price": float,
    "exit_price": float,
    "pnl": float,
    "commission": float,
    "bars": int,
}


@dataclass(frozen=True, eq=False)
class Account:
    """The account of one strategy over the traded window, which begins at the bar of the first decision.

    Raises
    ------
    ValueError
        `equity`, `exposure` and `traded` cover different bars.
    """

    name: str  # name of its column in equity.csv
    class_path: str  # "strategies.long_flat:LongFlat"
    params: dict[str, Any]  # of the strategy, as the run used them; JSON-ready
    equity: pd.Series  # account value at each close of the window
    exposure: pd.Series  # position value / account value at each close, same index
    targets: pd.Series  # target exposure decided at each close, same index; NaN where there is none
    orders: pd.DataFrame  # one row per order, columns of ORDERS; price and executed are NaN/NaT if not executed
    placed: tuple[PlacedOrder, ...]  # the same orders as they were placed; bars of all prices
    fills: tuple[Execution, ...]  # in the order of their bars
    trades: pd.DataFrame  # one row per round trip, columns of TRADES; see `round_trips`
    traded: pd.Series  # sum of |size * fill price| over the fills of each bar, same index
    forecasts: Forecasts | None  # of the strategy's first LSTMForecast; None if it has none

    def __post_init__(self) -> None:
        if not (self.equity.index.equals(self.exposure.index) and self.equity.index.equals(self.traded.index)):
            raise ValueError("equity, exposure and traded value cover different bars")

    @property
    def returns(self) -> Floats:
        """Simple returns over the window; (n - 1,), see `metrics.returns`."""
        return np.asarray(returns(self.equity), dtype=np.float64)

    @property
    def turned_over(self) -> float:
        """The value traded at each bar / the account value at the close before, summed over the window."""
        return float((self.traded.to_numpy()[1:] / self.equity.to_numpy()[:-1]).sum())

    def performance(self, periods: float) -> Performance:
        """The metrics of the account; `periods` is the number of bars in a year."""
        traded = float(self.traded.sum())
        return performance(self.equity, self.exposure, self.orders, self.trades, traded, periods)


def common_returns(one: Account, other: Account) -> tuple[Floats, Floats]:
    """The simple returns of two accounts on the bars that both have; a further feature may cost one a bar."""
    pair = returns(one.equity).align(returns(other.equity), join="inner")
    first, second = (np.asarray(side, dtype=np.float64) for side in pair)
    return first, second
