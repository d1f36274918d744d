"""How a number is written. Undefined is ``n/a``, never 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

UNDEFINED = "n/a"

Write = Callable[[float | None], str]


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


def thousandths(value: float | None) -> str:
    """Three decimals: p-values, and correlations and R2, which are small."""
    return UNDEFINED if value is None else f"{value:.3f}"


def basis_points(value: float | None) -> str:
    """A cost as a fraction of the value traded: ``0.0015`` is ``15 bp``."""
    return UNDEFINED if value is None else f"{value * 1e4:.0f} bp"


def lost(value: float | None) -> str:
    """A loss of Sharpe ratio, with the sign of what it does: ``0.12`` is ``-0.12``."""
    return UNDEFINED if value is None else f"{round(-value, 2) + 0.0:+.2f}"


def difference(versus: Mapping[str, Any]) -> str:
    """The Sharpe ratio above that of buy-and-hold, with its interval: ``0.12 [-0.45,0.69]``."""
    return interval(versus, "sharpe", ratio)


def verdict(versus: Mapping[str, Any]) -> str:
    """The verdict without its object, which the heading names: ``not distinguishable``."""
    return re.split(r" (?:from|than) ", versus["verdict"])[0]


def interval(versus: Mapping[str, Any], key: str, write: Write) -> str:
    """A difference from buy-and-hold with its interval: ``2.1% [-3.0%,7.3%]``."""
    return spread(versus[key], versus[f"{key}_low"], versus[f"{key}_high"], write)


def spread(middle: float | None, low: float | None, high: float | None, write: Write) -> str:
    """A number with its interval, where there is one."""
    return write(middle) if low is None or high is None else f"{write(middle)} [{write(low)},{write(high)}]"
