"""What an account over a universe held, worked from its orders.

Letters: n sessions of the traded window, N assets.
"""

from __future__ import annotations

import pandas as pd

from lstmstrat.arrays import Floats


def holdings(orders: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """The value of each asset at each close, negative for short; (n, N).

    An asset without a close at a session has its last one, as in the account.

    Parameters
    ----------
    orders
        Of one account, columns of `ASSET_ORDERS`; all are executed.
    prices
        (n, N) closes of the traded window.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="date")
    >>> prices = pd.DataFrame({"A": [10.0, 11.0, None], "B": [20.0, 20.0, 19.0]}, days)
    >>> orders = pd.DataFrame({"asset": ["A", "B"], "executed": days[1], "size": [3.0, -1.0]})
    >>> holdings(orders, prices).to_numpy().tolist()
    [[0.0, 0.0], [33.0, -20.0], [33.0, -19.0]]
    """
    traded = orders.pivot_table(index="executed", columns="asset", values="size", aggfunc="sum", fill_value=0.0)
    shares = traded.reindex(index=prices.index, columns=prices.columns, fill_value=0.0).cumsum()
    return (shares * prices.ffill()).fillna(0.0)


def sides(held: pd.DataFrame, equity: pd.Series) -> tuple[Floats, Floats]:
    """Long and short exposure at each close, as shares of the account; (n,) each, both 0 or above."""
    long, short = held.clip(lower=0.0).sum(axis=1), -held.clip(upper=0.0).sum(axis=1)
    return (long / equity).to_numpy(), (short / equity).to_numpy()
