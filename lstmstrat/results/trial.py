"""`Trial`: an entry of the ledger of trials."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True)
class Trial:
    """One series of returns of a strategy on an asset, and its Sharpe ratio over its traded window."""

    number: int  # of its row in the ledger
    entered: str  # time of the entry, UTC
    asset: int  # number of the row with the prices
    symbol: str  # upper case, as the config named the asset
    strategy: str  # its name in the run
    class_path: str
    params: dict[str, Any]
    model: str | None  # of the forecast that it traded on, with its refits; None without a forecast
    refit_every: int | str | None
    first: str  # dates of the traded window, ISO
    last: str
    bars: int
    sharpe: float | None  # annual
    key: str  # hash of the times and the returns
    failed: tuple[str, ...]  # checks that failed and void an edge
    struck: str | None = None  # why the ratio was struck; None if it was not
    settings: dict[str, Any] = field(default_factory=dict)  # of forecast and account; older rows have none

    @property
    def counted_ratio(self) -> float | None:
        """The Sharpe ratio, where the variance of the ratios counts it: not if it was struck or checks failed."""
        return None if self.failed or self.struck is not None else self.sharpe

    @classmethod
    def of(cls, number: int, entered: str, content: dict[str, Any]) -> Trial:
        """The trial of a row of the ledger.

        Raises
        ------
        ValueError
            A field is missing, or a value has another type.
        """
        return _adapter().validate_python({**content, "number": number, "entered": entered})

    def overlaps(self, first: str, last: str) -> bool:
        """Whether the traded window shares a day with that from `first` to `last`."""
        return self.first <= last and first <= self.last


@cache
def _adapter() -> TypeAdapter[Trial]:
    return TypeAdapter(Trial)
