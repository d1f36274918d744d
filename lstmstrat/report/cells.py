"""The columns of the table of strategies, and how a number is written. Undefined is ``n/a``, never 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

UNDEFINED = "n/a"


def percent(value: float | None) -> str:
    """A fraction as whole percent: ``-0.616`` is ``-62%``."""
    return UNDEFINED if value is None else f"{value:.0%}"


def fine_percent(value: float | None) -> str:
    """A fraction as percent with one decimal, for what is small: ``0.1234`` is ``12.3%``."""
    return UNDEFINED if value is None else f"{value:.1%}"


def ratio(value: float | None) -> str:
    """Two decimals: Sharpe ratios and differences of them."""
    return UNDEFINED if value is None else f"{round(value, 2) + 0.0:.2f}"  # + 0.0: never -0.00


def tenths(value: float | None) -> str:
    """One decimal: turnover, in account values a year."""
    return UNDEFINED if value is None else f"{value:.1f}"


def amount(value: float | None) -> str:
    """Money, or a count: whole, thousands apart."""
    return UNDEFINED if value is None else f"{value:,.0f}"


@dataclass(frozen=True)
class Column:
    """One metric: its key in summary.json, its heading (soft hyphens where it may break), how it is written."""

    key: str
    heading: str
    write: Callable[[float | None], str]


COLUMNS = (
    Column("total_return", "total return", percent),
    Column("cagr", "CAGR", fine_percent),
    Column("annual_volatility", "vol.", percent),
    Column("sharpe", "Sharpe", ratio),
    Column("max_drawdown", "max. DD", percent),
    Column("exposure", "expo\u00adsure", percent),
    Column("turnover", "turn\u00adover", tenths),
    Column("trades", "trades", amount),
)
"""The metrics of the table, in the terminal and on the page."""

FURTHER = (
    Column("sortino", "Sortino", ratio),
    Column("calmar", "Calmar", ratio),
    Column("hit_rate", "hit rate", fine_percent),
    Column("profit_factor", "profit factor", ratio),
    Column("commission_paid", "commission paid", amount),
    Column("orders_rejected", "orders rejected", amount),
    Column("final_value", "final value", amount),
)
"""The metrics that only the page shows, below the table."""


def difference(versus: Mapping[str, Any]) -> str:
    """The Sharpe ratio above that of buy-and-hold, with its interval: ``0.12 [-0.45,0.69]``."""
    if versus["sharpe"] is None:
        return UNDEFINED
    return f"{ratio(versus['sharpe'])} [{ratio(versus['sharpe_low'])},{ratio(versus['sharpe_high'])}]"


def verdict(versus: Mapping[str, Any]) -> str:
    """The verdict without its object, which the heading names: ``not distinguishable``."""
    return re.split(r" (?:from|than) ", versus["verdict"])[0]


def tried(summary: Mapping[str, Any]) -> str:
    """How many strategies were tried on the data of a run, and what is left of each: the best of many is luck."""
    count, symbol = summary["trials"]["count"], summary["data"]["symbol"]
    known = f"{count} so far on {symbol} over this period (python -m lstmstrat.trials lists them)"
    alone = f"{count} in this run; without a cache, earlier ones are not known"
    left = ", ".join(f"{s['name']} {ratio(s['luck']['deflated_sharpe'])}" for s in summary["strategies"])
    return (
        f"Trials: {known if summary['trials']['kept'] else alone}. Chance that the Sharpe ratio is above what the "
        "best of so many without skill would have (deflated Sharpe ratio; that of buy-and-hold is not asked for): "
        f"{left}."
    )
