"""The five columns of bars: their order in an array (n, 5), and their names in a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from lstmstrat.prices.outside import Outside

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")


class Bars(Protocol):
    """Bars of a symbol: `Prices`, or the bars of an audit, which may contain NaN."""

    @property
    def symbol(self) -> str: ...  # noqa: D102

    @property
    def frame(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def outside(self) -> Outside: ...  # noqa: D102
