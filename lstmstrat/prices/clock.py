"""The times of rows on the clock of their exchange and in UTC: `Clock`, and which of them dates the bars.

Two clocks are kept as long as possible: the local one of the exchange, which dates a bar, and UTC, which orders
bars where the local one is put back, and joins them with those of another exchange.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools
from lstmstrat.prices.findings import Findings, Hints
from lstmstrat.prices.utc_offset import Abbreviated, Offset, UtcOffset, inferred, utc_of
from lstmstrat.prices.zones import a_day_early, hours_to_midnight, likely_zone, one_clock, span_of_offsets

DAY = np.timedelta64(1, "D").astype("timedelta64[ns]")
DAYS_APART = pd.Timedelta(hours=22)  # two bars of a day each, or more; a clock is changed by up to two hours


@dataclass(frozen=True)
class Clock:
    """The time of each row on the clock of its exchange, and in UTC if that is known; NaT where unreadable."""

    local: pd.DatetimeIndex  # (n,), naive
    utc: pd.DatetimeIndex | None  # (n,), naive
    untimed: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))  # (n,): a date without a time of day
    abbreviation: str = ""  # of the zone, where the rows say that alone: UTC is known from the user's zone, or not

    def __post_init__(self) -> None:
        if len(self.untimed) != len(self.local):
            object.__setattr__(self, "untimed", np.zeros(len(self.local), dtype=bool))

    @property
    def unreadable(self) -> Bools:
        """The rows without a time; (n,)."""
        return np.asarray(self.local.isna())

    @property
    def says_utc(self) -> bool:
        """Whether the rows themselves say what their times are in UTC."""
        return self.utc is not None and not self.abbreviation

    @property
    def offset(self) -> Offset:
        """How far the clock is ahead of UTC, or its abbreviation; None where nothing says it."""
        if self.utc is None:
            return Abbreviated(self.abbreviation) if self.abbreviation else None
        return UtcOffset.of(self.local, self.utc)

    def of_rows(self, rows: Any) -> Clock:
        """The times of some rows; in UTC if it is known of each of them, and not of some among plain dates."""
        utc = None if self.utc is None or self.utc[rows].isna().any() else self.utc[rows]
        return replace(self, local=self.local[rows], utc=utc, untimed=self.untimed[rows])


def are_days(times: pd.DatetimeIndex) -> bool:
    """Whether all times are midnight: dates, whatever the clock that they were written on."""
    return bool((times == times.normalize()).all())


def exact(clock: Clock, hints: Hints, found: Findings) -> Clock:
    """One time for each row: on the clock of the exchange if it orders the rows as they happened, else in UTC."""
    if hints.time_zone is not None and clock.utc is not None and are_days(clock.local) and are_days(clock.utc):
        clock = replace(clock, utc=None)  # dates stamped in UTC are those of the zone
    local = _in_zone(clock, hints, found)
    utc = clock.utc
    if utc is None and hints.time_zone is not None:
        utc = inferred(local, hints.time_zone)
    if utc is None:
        utc = None if hints.time_zone is None else utc_of(local, hints.time_zone)
    elif not _same_order(local, utc):
        twice = local[local.duplicated(keep=False)]
        at = f": {twice[0]} is there twice" if len(twice) else ""
        found.notices.append(f"the clocks were put back within the data{at}; the times are those of UTC")
        local = utc
    return Clock(local, utc, abbreviation=clock.abbreviation)


def settled(clock: Clock, hints: Hints, found: Findings) -> Clock:
    """The `exact` times of bars; the time of day is dropped where no date has two bars."""
    one = exact(clock, hints, found)
    local, days = one.local, one.local.normalize()
    if not days.is_unique:
        _two_of_a_day(one, clock, hints, found)
    if not days.is_unique or not _whole_days(local):
        return one
    _check_days(local, clock, hints, found)
    if are_days(local):
        return one
    return Clock(days, _utc_of_days(days, one, hints), abbreviation=one.abbreviation)


def _utc_of_days(days: pd.DatetimeIndex, one: Clock, hints: Hints) -> pd.DatetimeIndex | None:
    """Midnight of `days` in UTC, by the zone or the offset of a time of each; of times in UTC it is not known."""
    if hints.time_zone is not None:
        return utc_of(days, hints.time_zone)
    return None if one.utc is None or (one.utc == one.local).all() else one.utc - (one.local - days)


def _whole_days(local: pd.DatetimeIndex) -> bool:
    """Whether bars are usually a whole number of days apart, up to a change of clocks; of 36 hours are not."""
    gaps = np.diff(np.sort(local.to_numpy()))
    rest = np.median(gaps) % DAY if len(gaps) else DAY - DAY
    return bool(min(rest, DAY - rest) <= DAY - DAYS_APART.to_timedelta64())


def _check_days(local: pd.DatetimeIndex, clock: Clock, hints: Hints, found: Findings) -> None:
    """Adds a fault, or a notice, for daily bars whose stamps have another date than their session."""
    if clock.utc is None:
        _check_evenings(local, hints, found)
        return
    if hints.time_zone is not None or not (local == clock.utc).all():
        _check_sessions(local, hints, found)
        return
    if a_day_early(local):
        found.faults.append(
            f"the bars are stamped {_stamps(local)} UTC, and by the dates of UTC the market trades on Sundays and "
            "not on Fridays, as where its day begins before that of UTC; "
            f"{hints.write('time_zone', likely_zone(local))}, or where the exchange is; if it does, "
            f"{hints.setting('time_zone', 'UTC')}"
        )
    elif (local.hour >= 18).all():
        found.notices.append(
            f"the bars are stamped {_stamps(local)} UTC and have the date of UTC; where the exchange is a day "
            f"ahead by then, {hints.write('time_zone', 'Asia/Tokyo')}, or where it is"
        )


def _check_sessions(local: pd.DatetimeIndex, hints: Hints, found: Findings) -> None:
    """Adds a fault for daily bars that have the date of the evening on which their session begins."""
    if a_day_early(local) and not are_days(local) and hints.time_zone != "UTC":
        found.faults.append(
            f"the bars are stamped {_stamps(local)}, and by their dates the market trades on Sundays and not on "
            f"Fridays, as where a session opens on the evening before: add {hours_to_midnight(local)} hours to "
            f"each; if it does, {hints.write('time_zone', 'UTC')}"
        )


def _check_evenings(local: pd.DatetimeIndex, hints: Hints, found: Findings) -> None:
    """Adds a fault for daily bars without an offset that are stamped with the evening before their date."""
    zone, add = hints.time_zone, f"add {hours_to_midnight(local)} hours to each"
    if are_days(local) or zone == "UTC":
        return
    is_midnight = zone is not None and are_days(local.tz_localize("UTC").tz_convert(zone).tz_localize(None))
    if is_midnight and len(set(local.time)) > 1:  # one time alone may be that of a close in this zone
        found.faults.append(f"the bars are stamped {_stamps(local)}, which is midnight of {zone} in UTC; {add}")
    else:
        _check_sessions(local, hints, found)


def _stamps(local: pd.DatetimeIndex) -> str:
    return " and ".join(sorted({f"{time:%H:%M}" for time in local})[:2])


def _two_of_a_day(one: Clock, clock: Clock, hints: Hints, found: Findings) -> None:
    """Adds a fault for daily bars two of which have one date, because midnight was written on another clock."""
    times = one.local.sort_values()
    if len(times) < 3 or (times[1:] - times[:-1]).min() < DAYS_APART:
        return
    what = (
        f"add {hours_to_midnight(times)} hours to each" if clock.utc is None
        else f"{hints.write('time_zone', likely_zone(clock.utc))}, or where its day begins"
    )  # fmt: skip
    found.faults.append(
        f"the bars are a day apart and stamped {_stamps(times)}, so that two have the date {_twice(times)}, as "
        f"where midnight is written on another clock, before and after it is changed: {what}"
    )


def _twice(times: pd.DatetimeIndex) -> str:
    days = times.normalize()
    return f"{days[days.duplicated()][0]:%Y-%m-%d}"


def _in_zone(clock: Clock, hints: Hints, found: Findings) -> pd.DatetimeIndex:
    """The times on the clock of the exchange; what is stamped midnight, in UTC too, is a date and stays it."""
    if clock.utc is None or are_days(clock.local):
        return clock.local
    if hints.time_zone is not None:
        return clock.utc.tz_localize("UTC").tz_convert(hints.time_zone).tz_localize(None)
    if one_clock(clock.local, clock.utc):
        return clock.local
    found.notices.append(
        f"the times have offsets from {span_of_offsets(clock.local, clock.utc)}, which are not those of one "
        "clock: they are made times of UTC; for those of an exchange "
        f"{hints.write('time_zone', 'America/New_York')}, or where it is"
    )
    return clock.utc


def _same_order(local: pd.DatetimeIndex, utc: pd.DatetimeIndex) -> bool:
    """Whether a later bar always has a later local time."""
    order = np.argsort(utc.to_numpy(), kind="stable")
    real, seen = np.diff(utc.to_numpy()[order]), np.diff(local.to_numpy()[order])
    zero = np.timedelta64(0)
    return bool(np.all((seen > zero) | (real <= zero)))
