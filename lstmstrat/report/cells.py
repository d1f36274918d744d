"""Numbers as text. An undefined number is ``n/a``, never 0."""

from __future__ import annotations

from collections.abc import Callable

from lstmstrat.evaluation.verdict import NO_VERDICT, UNDECIDED, WORSE
from lstmstrat.results.assessment import VersusBenchmark

UNDEFINED = "n/a"

SHORT_VERDICTS = {WORSE: "worse", UNDECIDED: "not distinguishable", NO_VERDICT: "no verdict"}
"""Short forms of the verdicts that name buy-and-hold, for a column whose heading names it."""

Format = Callable[[float | None], str]


def percent(value: float | None) -> str:
    """A fraction as whole percent: ``-0.616`` is ``-62%``."""
    return UNDEFINED if value is None else f"{round(value, 2) + 0.0:.0%}"  # + 0.0: never -0%


def fine_percent(value: float | None) -> str:
    """A fraction as percent with one decimal, for small numbers: ``0.1234`` is ``12.3%``."""
    return UNDEFINED if value is None else f"{round(value, 3) + 0.0:.1%}"


def ratio(value: float | None) -> str:
    """Two decimals: Sharpe ratios and differences of them."""
    return UNDEFINED if value is None else f"{round(value, 2) + 0.0:.2f}"  # + 0.0: never -0.00


def tenths(value: float | None) -> str:
    """One decimal: turnover, in account values a year."""
    return UNDEFINED if value is None else f"{value:.1f}"


def per_year(bars: float | None) -> str:
    """A number of bars a year: whole if it is, as 252, else with one decimal."""
    if bars is None:
        return UNDEFINED
    return f"{bars:,.0f}" if bars == round(bars) else f"{bars:,.1f}"


def amount(value: float | None) -> str:
    """Money or a count, as a whole number with a comma between thousands."""
    return UNDEFINED if value is None else f"{value:,.0f}"


def thousandths(value: float | None) -> str:
    """Three decimals: correlations and R2, which are small."""
    return UNDEFINED if value is None else f"{value:.3f}"


def p_value(value: float | None) -> str:
    """Three decimals, and ``<0.001`` where these would all be 0: no test gives a p of nothing."""
    return UNDEFINED if value is None else "<0.001" if value < 0.0005 else f"{value:.3f}"


def p_in_words(value: float | None) -> str:
    """``p = 0.034`` or ``p < 0.001``, for a sentence."""
    text = p_value(value)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def basis_points(value: float | None) -> str:
    """A cost as a fraction of the value traded: ``0.0015`` is ``15 bp``."""
    return UNDEFINED if value is None else f"{value * 1e4:.0f} bp"


def loss(value: float | None) -> str:
    """A loss of Sharpe ratio, written as a change: ``0.12`` is ``-0.12``."""
    return UNDEFINED if value is None else f"{round(-value, 2) + 0.0:+.2f}"


def spread(middle: float | None, low: float | None, high: float | None, write: Format) -> str:
    """A number, with its interval if there is one: ``2.1% [-3.0%,7.3%]``."""
    return write(middle) if low is None or high is None else f"{write(middle)} [{write(low)},{write(high)}]"


def difference(versus: VersusBenchmark) -> str:
    """The Sharpe ratio minus that of buy-and-hold, with its interval: ``0.12 [-0.45,0.69]``."""
    if versus.sharpe_low is None or versus.sharpe_high is None:
        return ratio(versus.sharpe)
    return f"{ratio(versus.sharpe)} [{_signed_ratio(versus.sharpe_low)},{_signed_ratio(versus.sharpe_high)}]"


def _signed_ratio(value: float | None) -> str:
    """As `ratio`, but an end that is not zero keeps its sign: ``-0.003``, as the verdict depends on it."""
    text = ratio(value)
    return f"{value:.1g}" if value and text == "0.00" else text


def verdict(versus: VersusBenchmark) -> str:
    """The verdict in its short form: ``not distinguishable``."""
    return SHORT_VERDICTS.get(versus.verdict, versus.verdict)
