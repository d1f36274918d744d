"""What is asked of a vendor, and what it gave: `Asked`, `Download`, `Vendor`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd

from lstmstrat.config.data import is_zone
from lstmstrat.prices.findings import shown


@dataclass(frozen=True)
class Asked:
    """What is asked of a vendor: both days included; None is the first, or the newest, that there is."""

    symbol: str  # upper case
    interval: str
    start: dt.date | None
    end: dt.date | None

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval}, {self.start or 'the first bar'} to {self.end or 'the newest'}"


@dataclass(frozen=True)
class Vendor:
    """What is known of prices beside the bars; None if it is not."""

    currency: str | None = None  # as Yahoo writes it: GBp are pence
    time_zone: str | None = None  # of the exchange
    downloaded: str | None = None  # UTC, ISO


UNKNOWN = Vendor()
"""Of prices that do not say it: files, frames and what is bundled."""


@dataclass(frozen=True, eq=False)
class Download:
    """What a vendor gave, and when.

    `rows` (n, k) are as they came: the index holds dates at the exchange, without a time zone; the newest row may
    be one that was not over.
    """

    asked: Asked
    when: pd.Timestamp  # UTC, whole milliseconds
    currency: str  # "" if unknown, as exchange
    exchange: str
    time_zone: str  # of the exchange, as the IANA database names it; any other is a ValueError
    yfinance: str  # version
    rows: pd.DataFrame
    left_out: tuple[str, ...] = ()  # events that could not be, such as "dividend of 2024-01-03"

    def __post_init__(self) -> None:
        if not is_zone(self.time_zone):
            raise ValueError(f"{shown(self.time_zone)} is no time zone")

    @property
    def day(self) -> dt.date:
        """The day of the download at the exchange."""
        return self.day_at(self.when)

    def day_at(self, time: pd.Timestamp) -> dt.date:
        """The day at the exchange at a time, which has a zone."""
        return time.tz_convert(ZoneInfo(self.time_zone)).date()

    @property
    def vendor(self) -> Vendor:
        """What a report says of it."""
        return Vendor(self.currency or None, self.time_zone, self.when.isoformat())

    def settles(self, asked: Asked) -> bool:
        """Whether no later download can have another bar of `asked`: its end was over."""
        return asked.end is not None and asked.end < self.day

    def reaches(self, asked: Asked) -> bool:
        """Whether all bars of `asked` are in it that there were on its day."""
        mine = self.asked
        if (mine.symbol, mine.interval) != (asked.symbol, asked.interval):
            return False
        begins = mine.start is None or (asked.start is not None and mine.start <= asked.start)
        if asked.interval != "1d":  # where a week begins may depend on the start
            begins = mine.start == asked.start
        ends = not self.settles(mine) or (asked.end is not None and mine.end is not None and asked.end <= mine.end)
        return begins and ends
