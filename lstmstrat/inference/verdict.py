"""What may be said of a strategy, by a rule declared beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.inference.sharpe import (
    SIGNIFICANCE,
    Floats,
    minimum_detectable_difference,
    sharpe_difference,
)

SUPPORTED = "edge supported"
WORSE = "worse than buy-and-hold"
UNDECIDED = "not distinguishable from buy-and-hold"
RULE = (
    f"{SUPPORTED!r} needs a Sharpe ratio above buy-and-hold's with a p-value below {SIGNIFICANCE} (two-sided "
    f"Ledoit-Wolf test, Holm-adjusted for the number of strategies); {WORSE!r} needs the same with a Sharpe "
    f"ratio below; all else, and a test that is undefined, is {UNDECIDED!r}."
)


@dataclass(frozen=True)
class Verdict:
    """What may be said of one strategy by `RULE`, and the annual Sharpe differences behind it."""

    text: str
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None  # Holm, over the strategies compared
    detectable: float | None  # see `minimum_detectable_difference`


def verdicts(returns: pd.DataFrame, benchmark: pd.Series[float], periods: int) -> dict[str, Verdict]:
    """The verdict on each column of `returns` against `benchmark`, by `RULE`.

    Parameters
    ----------
    returns, benchmark
        Simple returns on the same dates, one column a strategy.
    periods
        Bars a year.

    Raises
    ------
    ValueError
        The dates differ.
    """
    if not returns.index.equals(benchmark.index):
        raise ValueError("strategies and benchmark must be compared on the same dates; these indexes differ")
    base: Floats = np.asarray(benchmark, dtype=np.float64)
    columns: dict[str, Floats] = {str(name): np.asarray(r, dtype=np.float64) for name, r in returns.items()}
    tests = {name: sharpe_difference(column, base, periods) for name, column in columns.items()}
    p_values = {name: test.p_value for name, test in tests.items() if test.p_value is not None}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return {
        name: Verdict(
            text=_text(test.difference, adjusted.get(name)),
            difference=test.difference,
            low=test.low,
            high=test.high,
            p_value=test.p_value,
            p_adjusted=adjusted.get(name),
            detectable=minimum_detectable_difference(columns[name], base, periods),
        )
        for name, test in tests.items()
    }


def _text(difference: float | None, p_adjusted: float | None) -> str:
    if difference is None or p_adjusted is None or p_adjusted >= SIGNIFICANCE:
        return UNDECIDED
    return SUPPORTED if difference > 0.0 else WORSE


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm (1979) step-down adjusted p-values, in the order given.

    Rejecting where the adjusted value is below 5 % keeps the chance of any false rejection among all of them
    below 5 %, however they depend on each other.

    Raises
    ------
    ValueError
        A value outside 0 to 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError(f"p-values must lie between 0 and 1; {list(p_values)} given")
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
