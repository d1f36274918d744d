"""`Panel`: the bars of many assets side by side, and what is done about those that cannot be true.

The sessions of a panel are all times at which any of its assets has a bar. An asset with a finding that can change
a number is in quarantine from that bar on, until it has had `CLEAN` bars: its prices there are unknown, so no
feature, no label and no order is made of them, while it still has a bar with a volume. An asset that cannot be
read at all is left out. Both are counted, and neither ends a run.

Letters: D sessions, N assets, n bars of one asset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.errors import DataError
from lstmstrat.prices.bars import CLOSE, VOLUME
from lstmstrat.prices.faults import Fault, day_of
from lstmstrat.prices.universe import Universe
from lstmstrat.prices.utc_offset import Offset, UtcOffset

CLEAN = 60
"""Bars in quarantine. More than the window of any default feature, so that none reaches across the finding."""


@dataclass(frozen=True)
class Quarantine:
    """Bars of an asset that are not used, and why."""

    symbol: str
    first: str  # the time of the finding, ISO
    bars: int  # in quarantine, the one of the finding included
    text: str  # what was found


@dataclass(frozen=True, eq=False)
class Asset:
    """The bars of one asset, with the findings that put it into quarantine."""

    symbol: str
    times: Times  # (n,)
    bars: Floats  # (n, 5) open, high, low, close, volume
    faults: tuple[Fault, ...] = ()
    offset: Offset = None  # how far the clock of the times is ahead of UTC; None where nothing says it

    @property
    def of_days(self) -> bool:
        """Whether the times are dates."""
        return bool((self.times == self.times.astype("datetime64[D]")).all())


@dataclass(frozen=True, eq=False)
class Panel:
    """The bars of the assets of a universe, session by session.

    Attributes
    ----------
    universe
        Of the assets that are there; the columns have the order of its symbols.
    times
        (D,) datetime64[ns], ascending.
    bars
        (D, N, 5) open, high, low, close, volume. Five times NaN: no bar at that session. NaN prices with a volume:
        a bar in quarantine.
    quarantines
        Each stay in quarantine, by symbol and time.
    left_out
        Why a symbol of the universe is not there, by symbol.
    notices
        Sentences about the data that a report must show.

    Raises
    ------
    DataError
        There are fewer than two assets, or no session.

    Examples
    --------
    >>> import lstmstrat
    >>> panel = lstmstrat.load_panel({"universe": ["KO", "PEP"], "start": "2016-01-04"})
    >>> panel.bars.shape, panel.members.all()
    ((470, 2, 5), np.True_)
    """

    universe: Universe
    source: str
    times: Times
    bars: Floats
    quarantines: tuple[Quarantine, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.symbols) < 2 or not len(self.times):
            out = "".join(f"\n  {symbol}: {why}" for symbol, why in [*self.left_out.items()][:5])
            raise DataError(
                f"universe {self.universe.name}: {len(self.symbols)} of its assets can be read; a universe needs "
                f"two at least{out}"
            )
        if self.bars.shape != (len(self.times), len(self.symbols), 5):
            raise ValueError(f"bars of shape {self.bars.shape} for {len(self.times)} x {len(self.symbols)}")

    @property
    def symbols(self) -> tuple[str, ...]:
        """(N,) in alphabetical order."""
        return self.universe.symbols

    @cached_property
    def members(self) -> Bools:
        """Whether an asset belongs to the universe at a session and has a bar there that may be used; (D, N)."""
        return self.universe.members(self.times) & np.isfinite(self.bars[:, :, CLOSE])

    @cached_property
    def sha256(self) -> str:
        """Hex digest of symbols, times, bars and members; the same on every machine."""
        digest = hashlib.sha256(repr(self.symbols).encode())
        digest.update(self.times.astype("<M8[ns]").tobytes() + self.bars.astype("<f8").tobytes())
        digest.update(self.members.tobytes())
        return digest.hexdigest()


def panel_of(
    universe: Universe,
    source: str,
    assets: Sequence[Asset],
    *,
    left_out: Mapping[str, str] | None = None,
    notices: Sequence[str] = (),
    clean: int = CLEAN,
) -> Panel:
    """The panel of the assets that could be read; `clean` is the number of bars in quarantine.

    Examples
    --------
    >>> from lstmstrat.prices.universe import listed
    >>> days = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
    >>> one = Asset("A", days[:3], np.full((3, 5), 10.0))
    >>> other = Asset("B", days[1:], np.full((3, 5), 20.0), (Fault(1, "2024-01-03", "unit", 100.0, "100 times"),))
    >>> panel = panel_of(listed(["A", "B"]), "csv", [one, other], clean=2)
    >>> panel.bars[:, :, 3]
    array([[10., nan],
           [10., 20.],
           [10., nan],
           [nan, nan]])
    >>> panel.quarantines
    (Quarantine(symbol='B', first='2024-01-03', bars=2, text='100 times'),)
    """
    there = sorted(assets, key=lambda asset: asset.symbol)
    _check_clocks(there)
    times = np.unique(np.concatenate([asset.times.astype("datetime64[ns]") for asset in there] or [_NO_TIMES]))
    bars = np.full((len(times), len(there), 5), np.nan)
    quarantines = list[Quarantine]()
    for column, asset in enumerate(there):
        unused, stays = _quarantined(asset, clean)
        own = asset.bars.copy()
        own[unused, :VOLUME] = np.nan
        bars[np.searchsorted(times, asset.times.astype("datetime64[ns]")), column] = own
        quarantines += stays
    for array in (times, bars):
        array.flags.writeable = False
    of_them = universe.with_symbols([asset.symbol for asset in there]) if there else universe
    return Panel(of_them, source, times, bars, tuple(quarantines), dict(left_out or {}), tuple(notices))


def _check_clocks(assets: Sequence[Asset]) -> None:
    """Refuses times of day that are not on one clock: an asset would see another's bar before it was over.

    Dates need none: a session is over when its last asset closes, and the next opens come after that.
    """
    odd = []
    for asset in assets[1:]:
        if asset.of_days != assets[0].of_days:
            first = f"{assets[0].symbol} {_kind(assets[0])}"
            odd.append(f"{asset.symbol} has {_kind(asset)}, {first}; give all the same")
        elif not asset.of_days and not _same_clock(assets[0], asset):
            odd.append(
                f"{asset.symbol} may be on another clock than {assets[0].symbol}; write data.time_zone: with that "
                "of one exchange, such as America/New_York, to have all on its clock"
            )
    if odd:
        raise DataError("\n  ".join(["the assets of the universe do not fit together:", *odd[:3]]))


def _kind(asset: Asset) -> str:
    return "days" if asset.of_days else "bars with a time of day"


def _same_clock(one: Asset, other: Asset) -> bool:
    """Whether the times that both have are the same moments, as far as anything says it."""
    if not isinstance(one.offset, UtcOffset) or not isinstance(other.offset, UtcOffset):
        return one.offset == other.offset
    both = np.intersect1d(one.times, other.times)
    return bool((one.offset.to_utc(both) == other.offset.to_utc(both)).all())


_NO_TIMES = np.empty(0, dtype="datetime64[ns]")


def _quarantined(asset: Asset, clean: int) -> tuple[Bools, list[Quarantine]]:
    """Which bars are not used (n,), and the stays in quarantine; findings during one make it longer."""
    unused, stays = np.zeros(len(asset.times), dtype=bool), list[Quarantine]()
    until = first = 0
    for fault in sorted(asset.faults, key=lambda fault: fault.bar):
        if stays and fault.bar <= until:
            text, start = f"{stays[-1].text}; {day_of(asset.times[fault.bar])}: {fault.text}", first
            stays.pop()
        else:
            text, start = fault.text, fault.bar
        first, until = start, min(fault.bar + clean, len(asset.times))
        unused[first:until] = True
        stays.append(Quarantine(asset.symbol, day_of(asset.times[first]), until - first, text))
    return unused, stays
