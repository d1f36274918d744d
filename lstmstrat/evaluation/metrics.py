"""Return and risk of an account: pure functions of its equity, orders and round trips.

Conventions, the same for strategies and buy-and-hold:

- ``equity[0]`` is the account value at the close at which the first decision is made, so it is the cash. The
  traded window of n bars has n - 1 simple returns; it does not contain the warm-up bars.
- Cash earns nothing, so Sharpe and Sortino are taken over a rate of zero.
- Standard deviations are sample ones (n - 1 in the denominator).
- Fractions, not percent: 0.05 is 5 %, a drawdown of a third is -0.333.
- `periods` is the number of bars a year, which makes a deviation annual. Growth by the year goes by the dates.
- An undefined value is None, never 0 and never infinity.
- An account at zero or below is lost. The return from such a value is undefined, so volatility, Sharpe and Sortino
  are None if there is one before the last bar. An account that ends at zero or below has cagr -1. The total return
  and the drawdown are not limited: they are below -1 for an account in debt.

empyrical defines the metrics that it has in the same way, but gives infinity or rounding noise where these
functions give None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstmstrat.evaluation.calendar import Calendar, is_a_year, years

REJECTED = ("Margin", "Rejected")  # the broker lacked cash, or refused for another reason

_NO_VARIATION = 1e-12  # returns of float64 values have rounding errors of about 1e-16; no market varies so little


@dataclass(frozen=True)
class Performance:
    """The metrics of one account; each is defined by the function of that name, or in `performance`."""

    total_return: float
    cagr: float | None
    annual_volatility: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    calmar: float | None
    exposure: float | None
    turnover: float | None
    trades: int
    hit_rate: float | None
    profit_factor: float | None
    commission_paid: float
    orders_rejected: int
    final_value: float


FORMULAS = {
    "total_return": "V(n)/V(0) - 1",
    "cagr": "(V(n)/V(0))^(1/Y) - 1; null in less than 365 days, whose growth by the year would be made up",
    "annual_volatility": "sd(r) sqrt(P), sample standard deviation",
    "sharpe": "mean(r)/sd(r) sqrt(P)",
    "sortino": "mean(r)/sqrt(mean(min(r, 0)^2)) sqrt(P)",
    "max_drawdown": "smallest V(t)/max(V(0..t)) - 1",
    "calmar": "cagr / abs(max_drawdown)",
    "exposure": "mean of abs(position value / V) over the closes",
    "turnover": "value bought and sold / mean V / (n / P)",
    "trades": "round trips, an open one counted",
    "hit_rate": "closed round trips with a profit after costs / closed round trips",
    "profit_factor": "their gross profit / their gross loss",
    "commission_paid": "in the account's currency",
    "orders_rejected": "orders that the broker refused, nearly always for want of cash",
    "final_value": "V(n)",
}
"""Each metric as a formula of the account value V, its n simple returns r, P bars a year and Y years."""


def performance(
    equity: pd.Series[float],
    exposure: pd.Series[float],
    orders: pd.DataFrame,
    trades: pd.DataFrame,
    traded_value: float,
    periods: float,
) -> Performance:
    """The metrics of one simulated account.

    Parameters
    ----------
    equity, exposure
        Account value, and position value / account value, at each close of the traded window.
    orders
        One row an order, with ``status`` and ``commission`` (NaN or 0 where the order was not executed).
    trades
        Round trips, the open one included, with ``closed`` (NaT if open) and ``pnl`` (net of commission). The
        field `trades` counts them all; `hit_rate` and `profit_factor` use the closed ones.
    traded_value
        Sum of abs(size * fill price) over all fills, in money.
    periods
        Bars a year; see `periods_per_year`.

    Raises
    ------
    ValueError
        The equity is empty, does not start above zero or is not finite; the message names the date.
    """
    account_returns = returns(equity)
    pnl = trades.loc[trades["closed"].notna(), "pnl"]
    return Performance(
        total_return=total_return(equity),
        cagr=cagr(equity),
        annual_volatility=annual_volatility(account_returns, periods),
        sharpe=sharpe(account_returns, periods),
        sortino=sortino(account_returns, periods),
        max_drawdown=max_drawdown(equity),
        calmar=calmar(equity),
        exposure=mean_exposure(exposure),
        turnover=turnover(traded_value, equity, periods),
        trades=len(trades),
        hit_rate=hit_rate(pnl),
        profit_factor=profit_factor(pnl),
        commission_paid=float(orders["commission"].sum()),
        orders_rejected=int(orders["status"].isin(REJECTED).sum()),
        final_value=float(equity.iloc[-1]),
    )


def periods_per_year(index: pd.DatetimeIndex) -> float:
    """Bars a year, counted from the calendar outside of holes; see `calendar.Calendar.bars_a_year`.

    A convention (252 or 365, so many times the bars of a day, 52, 12, 4, 1) stands for the count where the two
    agree within 5 %: 252 for the 251.4 sessions of New York, but 313 for six days a week.

    Raises
    ------
    ValueError
        Fewer than two bars: a single bar has no frequency.
    """
    return Calendar(index.to_numpy()).bars_a_year


def returns(equity: pd.Series[float]) -> pd.Series[float]:
    """Simple returns ``equity[1:] / equity[:-1] - 1``, n - 1 of them; NaN from a value at or below zero.

    Raises
    ------
    ValueError
        The equity is empty, does not start above zero or is not finite; the message names the date.
    """
    if equity.empty:
        raise ValueError("the equity series is empty; expected one account value a bar")
    values = equity.to_numpy(np.float64)  # (n,); a run asks for returns thirty times
    invalid = np.flatnonzero(~np.isfinite(values))
    if invalid.size:
        at = invalid[0]
        raise ValueError(f"equity is {equity.iloc[at]} on {equity.index[at]}; expected a finite account value")
    if values[0] <= 0.0:
        raise ValueError(f"equity starts at {equity.iloc[0]} on {equity.index[0]}; expected cash above zero")
    before = np.where(values[:-1] > 0.0, values[:-1], np.nan)
    with np.errstate(over="ignore"):
        found = values[1:] / before - 1.0
    return pd.Series(found, equity.index[1:], name=equity.name)


def total_return(equity: pd.Series[float]) -> float:
    """Last value / first value - 1."""
    return float(equity.iloc[-1] / equity.iloc[0] - 1.0)


def cagr(equity: pd.Series[float]) -> float | None:
    """Compound annual growth rate ``(last / first) ** (1 / years) - 1``, by the dates of the first and last close.

    A year has 365.25 days. -1 for an account that ends at or below zero. None for less than 365 days, whose growth
    by the year would be an extrapolation (GIPS forbids it), and where it exceeds a float.
    """
    span = years(equity.index.to_numpy())
    if not is_a_year(span):
        return None
    growth = float(equity.iloc[-1]) / float(equity.iloc[0])
    try:
        return _finite_or_none(math.pow(max(growth, 0.0), 1.0 / span) - 1.0)
    except OverflowError:
        return None


def annual_volatility(returns: npt.ArrayLike, periods: float) -> float | None:
    """Sample standard deviation of the returns times sqrt(periods); None with fewer than two returns."""
    values = np.asarray(returns, dtype=np.float64)
    return _finite_or_none(values.std(ddof=1) * math.sqrt(periods)) if len(values) > 1 else None


def sharpe(returns: npt.ArrayLike, periods: float) -> float | None:
    """Sharpe ratio over a cash rate of zero: ``mean / sample deviation * sqrt(periods)`` (Sharpe 1994).

    None with fewer than two returns, or where they do not vary.
    """
    values = np.asarray(returns, dtype=np.float64)
    if len(values) < 2 or (deviation := values.std(ddof=1)) < _NO_VARIATION:
        return None
    return _finite_or_none(values.mean() / deviation * math.sqrt(periods))


def sortino(returns: npt.ArrayLike, periods: float) -> float | None:
    """Sortino ratio about zero: ``mean / downside deviation * sqrt(periods)`` (Sortino and Price 1994).

    The downside deviation is ``sqrt(mean(min(r, 0) ** 2))`` over all bars; gains count as 0. None with fewer than
    two returns, or without a loss.
    """
    values = np.asarray(returns, dtype=np.float64)
    if len(values) < 2 or (downside := np.sqrt(np.mean(np.minimum(values, 0.0) ** 2))) < _NO_VARIATION:
        return None
    return _finite_or_none(values.mean() / downside * math.sqrt(periods))


def max_drawdown(equity: pd.Series[float]) -> float:
    """Deepest fall from the highest value so far, the first value included: a fraction at or below 0."""
    return float((equity / equity.cummax() - 1.0).min())


def calmar(equity: pd.Series[float]) -> float | None:
    """`cagr` / abs(`max_drawdown`) of the whole window (Young 1991 used 36 months); None without either."""
    growth, fall = cagr(equity), max_drawdown(equity)
    return None if growth is None or fall > -_NO_VARIATION else _finite_or_none(growth / -fall)


def mean_exposure(exposure: pd.Series[float]) -> float | None:
    """Mean of abs(position value / account value) over the closes; None where one of the values is undefined."""
    return _finite_or_none(np.abs(exposure.to_numpy()).mean())


def turnover(traded_value: float, equity: pd.Series[float], periods: float) -> float | None:
    """Traded value / mean account value, a year. Buying and selling both count, so a full switch is 2.

    None with a single bar, or where the mean account value is not above zero.
    """
    years, mean = (len(equity) - 1) / periods, float(equity.mean())
    return traded_value / mean / years if years > 0.0 and mean > 0.0 else None


def hit_rate(pnl: pd.Series[float]) -> float | None:
    """Share of closed round trips with a profit net of commission; None without a closed one."""
    return float((pnl > 0.0).mean()) if len(pnl) else None


def profit_factor(pnl: pd.Series[float]) -> float | None:
    """Sum of profits / sum of losses over closed round trips, net of commission; None without a loss."""
    losses = -float(pnl[pnl < 0.0].sum())
    return float(pnl[pnl > 0.0].sum()) / losses if losses > 0.0 else None


def _finite_or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
