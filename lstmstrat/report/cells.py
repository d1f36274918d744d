"""Numbers and verdicts as text, in one form everywhere.

An undefined number is ``n/a``, never 0, and no number is minus nothing. Text has a hyphen for a minus, so that it
can be copied; the page writes it as a minus sign.
"""

from __future__ import annotations

from collections.abc import Callable

from lstmstrat.errors import count
from lstmstrat.evaluation.calendar import DAYS_A_YEAR
from lstmstrat.evaluation.verdict import (
    NEVER_TRADED,
    NO_VERDICT,
    SUPPORTED,
    UNDECIDED,
    UNPROVEN,
    WORDS,
    WORSE,
)
from lstmstrat.results.assessment import VersusBenchmark
from lstmstrat.results.result import HOLDING as HELD

UNDEFINED = "n/a"
HOLDING = "holding"
"""What buy-and-hold is called for a reader; its column in files is ``buy_and_hold``."""

COLOURS = {
    SUPPORTED: "good",
    UNPROVEN: "open",
    UNDECIDED: "none",
    WORSE: "bad",
    NEVER_TRADED: "none",
    NO_VERDICT: "none",
}
"""The colour of each verdict."""

Format = Callable[[float | None], str]


def verdict(text: str) -> tuple[str, str]:
    """A verdict in words, and its colour; one that another version wrote is shown as it is."""
    return WORDS.get(text, text), COLOURS.get(text, "none")


def account(name: str) -> str:
    """The name of an account for a reader."""
    return HOLDING if name == HELD else name


def lasted(years: float) -> str:
    """How long a period is, in the largest unit of which it has two or more.

    >>> lasted(9.84), lasted(0.55), lasted(0.1), lasted(0.02), lasted(0.0005)
    ('9.8 years', '7 months', '5 weeks', '7 days', '4 hours')
    """
    if years >= 1.0:
        return f"{years:.1f} years"
    days = years * DAYS_A_YEAR
    for name, length in (("month", DAYS_A_YEAR / 12.0), ("week", 7.0), ("day", 1.0)):
        if days >= 2.0 * length:
            return count(round(days / length), name)
    return count(round(days * 24.0), "hour")


def fixed(value: float | None, digits: int, form: str = ",") -> str:
    """`digits` decimals; `form` is what stands before the dot in a format, such as ``+``."""
    if value is None:
        return UNDEFINED
    value = round(value, digits) + 0.0  # + 0.0: never -0
    return f"{value:{form if value else ''}.{digits}f}"


def percent(value: float | None) -> str:
    """A fraction as whole percent: ``-0.616`` is ``-62%``."""
    return UNDEFINED if value is None else f"{round(value, 2) + 0.0:.0%}"


def chance(value: float | None) -> str:
    """A probability in whole percent, never as certain.

    >>> chance(0.5), chance(0.9999), chance(0.0001), chance(None)
    ('50%', 'over 99%', 'under 1%', 'n/a')
    """
    if value is None:
        return UNDEFINED
    return "over 99%" if value > 0.99 else "under 1%" if value < 0.01 else percent(value)


def fine_percent(value: float | None) -> str:
    """A fraction as percent with one decimal, for small numbers: ``0.1234`` is ``12.3%``."""
    return UNDEFINED if value is None else f"{round(value, 3) + 0.0:.1%}"


def ratio(value: float | None) -> str:
    """Two decimals: Sharpe ratios and differences of them."""
    return fixed(value, 2)


def tenths(value: float | None) -> str:
    """One decimal: turnover, in account values a year."""
    return fixed(value, 1)


def per_year(bars: float | None) -> str:
    """A number of bars a year: whole if it is, as 252, else with one decimal."""
    return fixed(bars, 0 if bars is not None and bars == round(bars) else 1)


def amount(value: float | None) -> str:
    """Money or a count, as a whole number with a comma between thousands."""
    return fixed(value, 0)


def thousandths(value: float | None) -> str:
    """Three decimals: correlations and R2, which are small."""
    return fixed(value, 3)


def p_value(value: float | None) -> str:
    """Three decimals, and ``<0.001`` where these would all be 0: no test gives a p of nothing."""
    return UNDEFINED if value is None else "<0.001" if value < 0.0005 else fixed(value, 3)


def p_in_words(value: float | None) -> str:
    """``p = 0.034`` or ``p < 0.001``, for a sentence."""
    text = p_value(value)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def basis_points(value: float | None) -> str:
    """A cost as a fraction of the value traded: ``0.0015`` is ``15 bp``."""
    return UNDEFINED if value is None else f"{fixed(value * 1e4, 0)} bp"


def loss(value: float | None) -> str:
    """A loss of Sharpe ratio, written as a change: ``0.12`` is ``-0.12``."""
    return UNDEFINED if value is None else fixed(-value, 2, "+")


def level(strategies: int) -> str:
    """How much the intervals of the Sharpe differences hold: 95%, for all strategies of the run together."""
    return "95% interval" if strategies == 1 else f"95% for all {strategies}"


def interval(low: float | None, high: float | None) -> str:
    """``[-0.84, -0.07]``; an end that is not zero keeps its sign, as the verdict depends on it."""
    return UNDEFINED if low is None or high is None else f"[{signed(low)}, {signed(high)}]"


def signed(value: float) -> str:
    """An end of an interval: two decimals, or one digit where these would be 0 and hide its sign."""
    text = ratio(value)
    return f"{value:.1g}" if value and text == "0.00" else text


def spread(middle: float | None, low: float | None, high: float | None, write: Format) -> str:
    """A number, with its interval if there is one: ``2.1% [-3.0%, 7.3%]``."""
    return write(middle) if low is None or high is None else f"{write(middle)} [{write(low)}, {write(high)}]"


def estimate(middle: float | None, low: float | None, high: float | None) -> str:
    """A Sharpe difference, with its interval if there is one: ``0.12 [-0.45, 0.69]``."""
    return ratio(middle) if low is None or high is None else f"{ratio(middle)} {interval(low, high)}"


def difference(versus: VersusBenchmark) -> str:
    """The Sharpe ratio minus that of holding, with its interval."""
    return estimate(versus.sharpe, versus.sharpe_low, versus.sharpe_high)
