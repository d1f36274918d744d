"""`Trial`: an entry of the ledger of trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """One strategy with its parameters, and its Sharpe ratio over its traded window."""

    symbol: str  # upper case
    entered: str  # time of the entry, UTC
    strategy: str  # its name in the run
    class_path: str
    params: dict[str, Any]
    first: str  # dates of the traded window, ISO
    last: str
    bars: int
    sharpe: float | None  # per bar, not annual

    def overlaps(self, first: str, last: str) -> bool:
        """Whether the traded window shares a day with that from `first` to `last`."""
        return self.first <= last and first <= self.last
