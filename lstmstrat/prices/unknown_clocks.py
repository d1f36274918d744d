"""What is asked where a clock is not known, and the one beside it is, or may be another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lstmstrat.config.data import ExtraConfig, PeerConfig
from lstmstrat.errors import DataError
from lstmstrat.prices.clock import are_days
from lstmstrat.prices.extra import Column
from lstmstrat.prices.utc_offset import Abbreviated, Offset, UtcOffset

if TYPE_CHECKING:
    from lstmstrat.prices.prices import Prices

ZONE = "America/New_York"  # in a message, as an example


def check_clock_of_column(config: ExtraConfig, column: Column, own: Prices) -> None:
    """Raises where the clocks of a column and of the prices are not known, and are not said to be one."""
    if column.offset == own.offset:  # nothing, or the same abbreviation
        return
    if not isinstance(column.offset, UtcOffset):
        raise DataError(
            f"{config.entry}: {config.path}: {_unsaid('its times are', column.offset)}, and "
            f'{_other("the prices", own.offset)}; write time_zone: "{ZONE}", or where they were written, beside '
            f'{config.entry}; if they are those of UTC, time_zone: "UTC"'
        )
    if not column.in_utc:
        raise DataError(
            f"{config.entry}: {config.path}: the clock of its times is known, and "
            f"{_unsaid('the prices are', own.offset)}; {_zone_of_prices(own)}"
        )
    if config.time_zone is None:  # else they are on the clock of the exchange, by what the user says of it
        raise DataError(
            f"{config.entry}: {config.path}: its times are in UTC or have an offset, and "
            f'{_unsaid("the prices are", own.offset)}; write time_zone: "{ZONE}", or where their exchange is, '
            f'beside {config.entry}; if the times of the prices are those of UTC, time_zone: "UTC"'
        )


def one_clock_of_days(config: PeerConfig, prices: Prices, own: Prices) -> str:
    """The sentence on days of the prices and of a peer, one of whose clocks is not known."""
    if isinstance(prices.offset, UtcOffset):
        said = f"{_unsaid('the days of the prices begin', own.offset)}, and {_other('the peer', prices.offset)}"
        zone = _zone_of_prices(own)
    else:
        said = f"{_unsaid('its days begin', prices.offset)}, and {_other('the prices', own.offset)}"
        zone = _zone_of_peer(config)
    return (
        f"{said}; {zone}; or, if each of its bars is known before the bar of the prices of its date ends, write "
        f"lag: 0d beside {config.entry}, and if not, lag: 1d"
    )


def one_clock_alone(config: PeerConfig, prices: Prices, own: Prices) -> str:
    """The sentence on prices and a peer, one of whose clocks is not known."""
    if isinstance(prices.offset, UtcOffset):
        return (
            f"its times are in UTC or have an offset, and {_unsaid('those of the prices are', own.offset)}; "
            f"{_zone_of_prices(own)}; if they are those of UTC, that"
        )
    whose = "its days begin" if are_days(pd.DatetimeIndex(prices.times)) else "its times are"
    return (
        f"{_unsaid(whose, prices.offset)}, and {_other('the prices', own.offset)}; "
        f'{_zone_of_peer(config)}; if it is that of UTC, time_zone: "UTC"'
    )


def _unsaid(what: str, clock: Offset) -> str:
    """The half of a sentence on a clock that is not known."""
    name = f", and {clock.name} is what several zones are called" if isinstance(clock, Abbreviated) else ""
    return f"nothing says on which clock {what}{name}"


def _other(whose: str, clock: Offset) -> str:
    """The other half of it, on the clock beside which it has to be."""
    return f"that of {whose} is " + ("known" if isinstance(clock, UtcOffset) else "maybe another")


def _zone_of_peer(config: PeerConfig) -> str:
    return f'write time_zone: "{ZONE}", or where its exchange is, beside {config.entry}'


def _zone_of_prices(own: Prices) -> str:
    say = (
        f'write data.time_zone: "{ZONE}"' if own.source in ("csv", "parquet")
        else f"make the prices by lstmstrat.Prices.from_frame(frame, symbol, time_zone={ZONE!r})"
    )  # fmt: skip
    return f"{say}, or where their exchange is"
