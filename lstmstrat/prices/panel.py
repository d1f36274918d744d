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

from lstmstrat.arrays import Bools, Floats, Ints, Times
from lstmstrat.errors import DataError
from lstmstrat.prices.bars import CLOSE, VOLUME
from lstmstrat.prices.faults import day_of
from lstmstrat.prices.panel_assets import Asset, check_clocks
from lstmstrat.prices.universe import Universe

RESTS = 10
"""Days with a session, but without a bar of an asset, after which it is no longer held; holidays are shorter."""
CLEAN = 60
"""Bars in quarantine. More than the window of any default feature, so that none reaches across the finding."""


@dataclass(frozen=True)
class Quarantine:
    """Bars of an asset that are not used, and why."""

    symbol: str
    first: str  # the time of the finding, ISO
    bars: int  # in quarantine, the one of the finding included
    text: str  # what was found
    single: bool  # whether the bars of the findings alone are wrong; else the price may really have moved


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
    whole
        The universe as it was asked for, with the symbols that are left out; by default `universe`.
    index
        The index of which the universe is a part; None where nothing says it.

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
    whole: Universe | None = None
    index: Universe | None = None

    def __post_init__(self) -> None:
        if self.bars.shape[1] < 2 or not len(self.times):
            out = "".join(f"\n  {symbol}: {why}" for symbol, why in [*self.left_out.items()][:5])
            raise DataError(
                f"universe {self.universe.name}: {self.bars.shape[1]} of its assets can be read; a universe needs "
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
    def tradable(self) -> Bools:
        """Whether an asset may be held from a session on, by the bars so far; (D, N).

        It belongs to the universe, and its newest bar, at most `RESTS` days of sessions old, may be used: a night,
        a holiday of its exchange or a halt of some days is no reason to sell it.
        """
        return self.universe.members(self.times) & np.isfinite(self.closes)

    @cached_property
    def closes(self) -> Floats:
        """The close of the newest bar of each asset; (D, N), NaN where it may not be used or is too old."""
        day, newest = days_of_sessions(self.times), self.newest
        closes = np.take_along_axis(self.bars[:, :, CLOSE], np.maximum(newest, 0), axis=0)
        rests: Bools = (newest >= 0) & (day[:, None] - day[newest] <= RESTS)
        return np.where(rests, closes, np.nan)

    @cached_property
    def newest(self) -> Ints:
        """The session of the newest bar of each asset at each session; (D, N), -1 before its first."""
        there: Bools = np.logical_or.reduce(np.isfinite(self.bars), axis=2)
        newest: Ints = np.maximum.accumulate(np.where(there, np.arange(len(self.times))[:, None], -1), axis=0)
        return newest

    @property
    def expected(self) -> Ints:
        """How many assets belong to the universe at each session, with or without data; (D,)."""
        count: Ints = (self.whole or self.universe).members(self.times).sum(axis=1)
        return count

    def of_index(self, index: Universe) -> tuple[Ints, Ints]:
        """How many assets belong to an index at each session, and how many of them are `members`; (D,) twice."""
        of_index = index.members(self.times)
        known = of_index[:, np.isin(index.symbols, self.symbols)]  # (D, n) of the symbols that both have
        here = self.members[:, np.isin(self.symbols, index.symbols)]
        return of_index.sum(axis=1), (known & here).sum(axis=1)

    @cached_property
    def sha256(self) -> str:
        """Hex digest of symbols, times, bars and members; the same on every machine."""
        digest = hashlib.sha256(repr(self.symbols).encode())
        digest.update(self.times.astype("<M8[ns]").tobytes() + self.bars.astype("<f8").tobytes())
        digest.update(self.members.tobytes())
        return digest.hexdigest()


def days_of_sessions(times: Times) -> Ints:
    """The number of the day of each session, among the days that have one; (D,), the first is 0.

    >>> hours = np.array(["2024-01-05T09", "2024-01-05T10", "2024-01-08T09"], dtype="datetime64[ns]")
    >>> days_of_sessions(hours).tolist()
    [0, 0, 1]
    """
    days = times.astype("datetime64[D]")
    number: Ints = np.cumsum(np.diff(days, prepend=days[:1]) != np.timedelta64(0))
    return number


def panel_of(
    universe: Universe,
    source: str,
    assets: Sequence[Asset],
    *,
    left_out: Mapping[str, str] | None = None,
    notices: Sequence[str] = (),
    clean: int = CLEAN,
    index: Universe | None = None,
) -> Panel:
    """The panel of the assets that could be read; `clean` is the number of bars in quarantine.

    Examples
    --------
    >>> from lstmstrat.prices.faults import Fault
    >>> from lstmstrat.prices.universe import listed
    >>> days = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
    >>> one = Asset("A", days[:3], np.full((3, 5), 10.0))
    >>> fault = Fault(1, "2024-01-03", "bar", 100.0, "100 times", single=True)
    >>> other = Asset("B", days[1:], np.full((3, 5), 20.0), (fault,))
    >>> panel = panel_of(listed(["A", "B"]), "csv", [one, other], clean=2)
    >>> panel.bars[:, :, 3]
    array([[10., nan],
           [10., 20.],
           [10., nan],
           [nan, nan]])
    >>> panel.quarantines
    (Quarantine(symbol='B', first='2024-01-03', bars=2, text='100 times', single=True),)
    """
    there = sorted(assets, key=lambda asset: asset.symbol)
    check_clocks(there)
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
    facts = tuple(quarantines), dict(left_out or {}), tuple(notices)
    return Panel(of_them, source, times, bars, *facts, whole=universe, index=index)


_NO_TIMES = np.empty(0, dtype="datetime64[ns]")


def _quarantined(asset: Asset, clean: int) -> tuple[Bools, list[Quarantine]]:
    """Which bars are not used (n,), and the stays in quarantine; findings during one make it longer."""
    unused, stays = np.zeros(len(asset.times), dtype=bool), list[Quarantine]()
    until = first = 0
    for fault in sorted(asset.faults, key=lambda fault: fault.bar):
        if stays and fault.bar <= until:
            before = stays.pop()
            text, start = f"{before.text}; {day_of(asset.times[fault.bar])}: {fault.text}", first
            single = before.single and fault.single
        else:
            text, start, single = fault.text, fault.bar, fault.single
        first, until = start, min(fault.bar + clean, len(asset.times))
        unused[first:until] = True
        stays.append(Quarantine(asset.symbol, day_of(asset.times[first]), until - first, text, single))
    return unused, stays
