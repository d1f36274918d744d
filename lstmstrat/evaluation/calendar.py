"""The calendar of bars, read from their times: years, bars a year, and holes.

The week that the bars themselves show says when one is due: on how many of the weeks each day, or each minute of a
market that trades inside the day, has a bar. A gap over more of these than any holiday takes is a hole.

Letters: n bars, s slots a week.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmstrat.arrays import Bools, Floats, Ints, Times

DAYS_A_YEAR = 365.25
LEAST_YEAR = 365.0  # days; growth over less is not stated by the year (GIPS 2020, 2.A.12 forbids it)
CONVENTIONS = (365.0, 252.0, 52.0, 12.0, 4.0, 1.0)  # bars a year, as people round them
AGREEMENT = 0.05  # a convention may differ by so much from the count
SHORT_COUNT = 2.5  # days by which holidays may move the count, which matters over a few weeks

HOLE_DAYS = 8  # trading days: no large exchange closes so long (China closes for six or seven)
LEAST_MISSING = 1.75  # bars: of weekly or monthly ones; two months are 59 to 62 days, and a month 30.4
MANY_HOLES = 3  # a year: where there are more the bars are irregular, and no gap is a hole
FULL = 0.85  # least share of the trading days that have a bar, where bars stand on consecutive days
LEAST_DAYS = 60  # days with a bar, below which a few holidays would be a large share
BLOCK = 20  # gaps, by whose median the spacing of bars is known, wherever it is
ALIKE = 0.15  # share by which gaps differ that are of one length, as months are
OTHER_SPACING = 1.8  # a factor by which it changes: half an hour to an hour
MANY_CHANGES = 5  # of the spacing: with more it has none
CONSECUTIVE = 0.2  # least share of gaps of one trading day that shows that bars are daily

_DAY, _WEEK = 86_400, 604_800  # seconds
_MONDAY = 345_600  # 1970-01-05, in seconds
_SHORTEST_SLOT = 60  # seconds
_EVEN_HALF = 0.5 / 7  # half of the share of a day where all seven trade: a rare session is no trading day


def years(times: Times) -> float:
    """The years from the first to the last of `times` (n,), of 365.25 days.

    Examples
    --------
    >>> years(np.array(["2001-01-01", "2005-01-01"], dtype="datetime64[ns]"))
    4.0
    """
    return float((times[-1] - times[0]) / np.timedelta64(1, "s")) / _DAY / DAYS_A_YEAR


def is_a_year(span: float) -> bool:
    """Whether `span` years are enough for growth by the year: 365 days."""
    return span * DAYS_A_YEAR >= LEAST_YEAR


def _spacings(gaps: Ints) -> Floats:
    """The usual gap of each of the blocks (k, gaps), in seconds; NaN where fewer than half are about as long."""
    usual = np.maximum(np.median(gaps, axis=1), 1.0)  # (k,)
    alike: Floats = (np.abs(gaps / usual[:, None] - 1.0) < ALIKE).mean(axis=1)
    return np.where(alike >= 0.5, usual, np.nan)


def _distinct(ascending: Ints) -> Ints:
    """The different ones of at least one ascending number, as `np.unique`, which sorts them first."""
    return np.asarray(ascending[np.append(True, np.diff(ascending) > 0)])


def _is_another(spacing: float, other: float) -> bool:
    """Whether two spacings are known and differ."""
    return spacing >= OTHER_SPACING * other or other >= OTHER_SPACING * spacing


@dataclass(frozen=True)
class Hole:
    """A gap that is no part of the calendar: no bar between the bars `first` and `first` + 1."""

    first: int
    missing: float  # bars that the calendar would have in it


@dataclass(frozen=True)
class Change:
    """Another spacing from the bar `first` on: usual gaps in seconds."""

    first: int
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class Calendar:
    """The calendar that bars show.

    Attributes
    ----------
    times
        (n,) datetime64, ascending; n is at least 2.

    Raises
    ------
    ValueError
        Fewer than two bars: a single bar has no frequency.

    Examples
    --------
    Bars of two days, which no convention fits:

    >>> days = np.arange("2020-01-01", "2023-01-01", 2, dtype="datetime64[D]")
    >>> round(Calendar(days).bars_a_year, 1)
    182.6
    """

    times: Times

    def __post_init__(self) -> None:
        if len(self.times) < 2:
            raise ValueError(
                f"{len(self.times)} bar has no frequency; give 2 or more, or set report.periods_per_year"
            )

    @cached_property
    def _seconds(self) -> Ints:
        """Seconds since a Monday; (n,)."""
        return self.times.astype("datetime64[s]").astype(np.int64) - _MONDAY

    @cached_property
    def _gaps(self) -> Ints:
        """(n - 1,) seconds."""
        return np.diff(self._seconds)

    @cached_property
    def _step(self) -> int:
        """The median gap, in seconds."""
        return max(int(np.median(self._gaps)), 1)

    @cached_property
    def _days(self) -> Ints:
        """The days with a bar; (d,)."""
        return _distinct(self._seconds // _DAY)

    @cached_property
    def _trades(self) -> Bools:
        """Whether each day of the week is a trading day; (7,), Monday first."""
        share = np.bincount(self._days % 7, minlength=7) / len(self._days)
        return np.asarray(share > _EVEN_HALF)

    @cached_property
    def _skipped(self) -> Ints:
        """The trading days without a bar between two days with one; (d - 1,)."""
        before = np.concatenate([[0], np.cumsum(self._trades)])  # (8,) trading days before each day of the week
        number = self._days // 7 * before[-1] + before[self._days % 7]
        return np.asarray(np.maximum(np.diff(number) - self._trades[self._days[:-1] % 7], 0))

    @cached_property
    def full(self) -> float:
        """The share of the trading days, outside of holes, that have a bar; 1 for bars that are longer."""
        skipped = self._skipped[self._skipped < HOLE_DAYS]
        if len(skipped) < LEAST_DAYS or float((skipped == 0).mean()) < CONSECUTIVE:
            return 1.0
        return len(skipped) / (len(skipped) + float(skipped.sum()))

    @cached_property
    def _missing(self) -> Floats:
        """The bars that are due inside each gap by the week that the bars show; (n - 1,)."""
        if self._step >= _WEEK:
            return self._gaps / self._step - 1.0
        week, second = self._seconds // _WEEK, self._seconds % _WEEK
        slot = second // min(max(self._step, _SHORTEST_SLOT), _DAY)  # (n,)
        due = np.bincount(slot) / len(_distinct(week))  # (s,) bars of an average week
        before = np.concatenate([[0.0], np.cumsum(due)])  # (s + 1,)
        passed = week * before[-1] + before[slot]  # (n,) bars due before each bar
        return np.asarray(np.diff(passed) - due[slot[:-1]])

    @property
    def _least_missing(self) -> float:
        """The bars that a hole lacks: those of `HOLE_DAYS` trading days.

        A market that never closes has no holidays: there bars inside the day need lack but one day.
        """
        if self._step >= _WEEK:
            return LEAST_MISSING
        a_day = len(self.times) / len(_distinct(self._seconds // _WEEK)) / int(self._trades.sum())
        never_closes = self._trades.all() and 1.5 * _DAY > a_day * self._step > 0.75 * _DAY > self._step
        return max(LEAST_MISSING, a_day * (1 if never_closes else HOLE_DAYS / self.full))

    @cached_property
    def _long_gaps(self) -> tuple[Hole, ...]:
        rows = np.flatnonzero(self._missing >= self._least_missing)
        return tuple(Hole(int(row), float(self._missing[row])) for row in rows)

    @property
    def irregular(self) -> bool:
        """Whether gaps as long as a hole come more often than `MANY_HOLES` a year."""
        return len(self._long_gaps) > MANY_HOLES * max(1.0, years(self.times))

    @property
    def holes(self) -> tuple[Hole, ...]:
        """The gaps against the calendar that the bars show; none where such gaps are usual."""
        return () if self.irregular else self._long_gaps

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Where the spacing changes for 40 bars or to the end, as from daily to hourly; none if often."""
        size, longer = divmod(len(self._gaps), max(len(self._gaps) // BLOCK, 1))  # as np.array_split has them
        first, rest = np.split(self._gaps, [longer * (size + 1)])
        blocks = first.reshape(longer, size + 1), rest.reshape(-1, size)
        spacing = np.concatenate([_spacings(each) for each in blocks]).tolist()
        starts = np.cumsum([0, *(each.shape[1] for each in blocks for _ in each)])
        found, here, since = [], math.nan, 0
        for k, (there, following) in enumerate(zip(spacing, [*spacing[1:], spacing[-1]], strict=True)):
            if _is_another(here, there) and _is_another(here, following):
                found.append(Change(self._first_of(there, here, since, int(starts[k + 1])), here, there))
            elif not math.isnan(here):
                continue
            here, since = there, int(starts[k])
        return tuple(found) if len(found) <= MANY_CHANGES else ()

    def _first_of(self, after: float, before: float, start: int, stop: int) -> int:
        """The bar from which on gaps are nearer to `after` than to `before`, between two bars."""
        logs = np.log(np.maximum(self._gaps[start:stop], 1))
        older = np.sign(np.abs(logs - math.log(after)) - np.abs(logs - math.log(before)))
        return start + int(np.cumsum([0.0, *older]).argmax())

    @cached_property
    def _folded(self) -> Ints:
        """The seconds of the bars, without the holes; (n,). Of bars of up to a day, whole weeks are taken out."""
        out = np.zeros(len(self.times), dtype=np.int64)
        for hole in self.holes:
            gap = int(self._gaps[hole.first]) - self._step
            out[hole.first + 1 :] += gap if self._step > _DAY else gap // _WEEK * _WEEK
        return self._seconds - out

    @cached_property
    def counted(self) -> float | None:
        """Bars a year by count, outside of holes; None for bars inside of a week that cover less than one.

        Bars of up to a day are counted over whole weeks: it does not matter on which day they begin.
        """
        span = int(self._folded[-1] - self._folded[0])
        if self._step > _DAY:
            return (len(self.times) - 1) / span * _DAY * DAYS_A_YEAR
        weeks = (span + self._step) // _WEEK
        if not weeks:
            return None
        inside = int((self._folded > self._folded[-1] - weeks * _WEEK).sum())
        return inside / weeks / 7.0 * DAYS_A_YEAR

    @cached_property
    def bars_a_year(self) -> float:
        """Bars a year: the convention that agrees with the count within 5 %, or else the count."""
        counted = self.counted
        if counted is None:
            return self._bars_a_day * (365.0 if self._trades.all() else 252.0)
        a_day = self._bars_a_day
        conventions = (a_day * 365.0, a_day * 252.0) if a_day > 1 else CONVENTIONS
        nearest = min(conventions, key=lambda convention: abs(math.log(convention / counted)))
        return nearest if abs(counted / nearest - 1.0) <= self._agreement else counted

    @property
    def _agreement(self) -> float:
        """How far a convention may lie from the count: `AGREEMENT`; over few weeks, `SHORT_COUNT` days of them."""
        covered = float(self._folded[-1] - self._folded[0]) / _DAY
        return max(AGREEMENT, SHORT_COUNT / covered)

    @property
    def _bars_a_day(self) -> int:
        """The usual number of bars on a day that has one."""
        _, counts = np.unique(self._seconds // _DAY, return_counts=True)
        return max(1, round(float(np.median(counts))))
