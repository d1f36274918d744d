"""`Levels`: the closes by which an asset is known again, whatever it is called.

Two series are the same asset if their returns move together. That holds for another symbol, another vendor, a
later start, other bars, prices times a constant, another time zone, an inverse or a leveraged fund.

Letters: n closes, m common returns.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats, Ints, Times

SAME = 0.95  # absolute correlation from which two series are the same asset; docs/decisions.md has what was seen
MIN_COMMON = 20  # returns; with fewer common ones the series do not tell
_CLIPPED = 0.9  # quantile of the absolute returns at which they are cut: a bad tick or a split decides nothing
_DAY = 24
_ZONES = 26  # hours between the clocks of two time zones, at most
_STALE = 5 * _DAY  # the age of a close that still stands for a later time: a long weekend
_NEW_DAYS, _NEW_SHARE = 20, 0.1  # days, and share of the days, that a series may have beside one that covers it
_ROUNDING = 1e-5  # difference of returns that is only rounding


@dataclass(frozen=True, eq=False)
class Levels:
    """The last close of each calendar day; of each hour, if there are several bars a day.

    Raises
    ------
    ValueError
        The hours do not ascend, or there is not one close for each.
    """

    hours: Ints  # (n,) since 1970; multiples of 24 if the closes are those of days
    closes: Floats  # (n,) natural logarithms, relative to the first; single precision

    def __post_init__(self) -> None:
        if self.hours.shape != self.closes.shape or (np.diff(self.hours) <= 0).any():
            raise ValueError("levels need one close for each of ascending hours")

    @classmethod
    def of(cls, times: Times, closes: Floats) -> Levels:
        """The levels of bars: (n,) times and positive closes."""
        hours = times.astype("datetime64[h]").astype(np.int64)
        days = hours // _DAY * _DAY
        steps = days if len(np.unique(days)) == len(days) else hours
        last = np.flatnonzero(np.diff(steps, append=steps[-1] + 1))
        logs = np.log(closes[last])
        return cls(steps[last], (logs - logs[0]).astype(np.float32).astype(np.float64))

    def to_text(self) -> str:
        """The levels as text, about 4 bytes a close; `from_text` is the inverse."""
        steps = np.diff(self.hours, prepend=0).astype("<i4")
        return base64.b64encode(zlib.compress(steps.tobytes() + self.closes.astype("<f4").tobytes(), 9)).decode()

    @classmethod
    def from_text(cls, text: str) -> Levels:
        """The levels that `to_text` wrote.

        Raises
        ------
        ValueError
            It did not write this text.
        """
        try:
            data = zlib.decompress(base64.b64decode(text, validate=True))
        except zlib.error as error:
            raise ValueError(f"no levels: {error}") from None
        steps, closes = np.split(np.frombuffer(data, "<i4"), 2)
        return cls(np.cumsum(steps, dtype=np.int64), closes.view("<f4").astype(np.float64))

    def covers(self, other: Levels) -> bool:
        """Whether `other` has closes of hardly any other day, and the same returns where both have closes."""
        common, here, there = np.intersect1d(self.hours, other.hours, assume_unique=True, return_indices=True)
        new = np.unique(np.setdiff1d(other.hours, common, assume_unique=True) // _DAY)
        if len(new) > min(_NEW_DAYS, _NEW_SHARE * len(np.unique(other.hours // _DAY))):
            return False
        differences = np.diff(self.closes[here]) - np.diff(other.closes[there])
        return bool((np.abs(differences) <= _ROUNDING).all())

    def since(self, time: np.datetime64) -> Levels:
        """The closes of the day of `time` and later."""
        hour = time.astype("datetime64[D]").astype(np.int64) * _DAY
        later = slice(np.searchsorted(self.hours, hour), None)
        return Levels(self.hours[later], self.closes[later])

    @property
    def spacing(self) -> float:
        """The median number of hours between two closes, of which there must be two."""
        return float(np.median(np.diff(self.hours)))

    @property
    def by_day(self) -> bool:
        """Whether the closes are those of days or of something longer."""
        return not (self.hours % _DAY).any()

    def thinned(self) -> Levels:
        """The last close of each calendar day, at its own hour."""
        days = self.hours // _DAY
        last = np.flatnonzero(np.diff(days, append=days[-1] + 1))
        return Levels(self.hours[last], self.closes[last])

    def daily(self) -> Levels:
        """The last close of each calendar day, at hour 0 of the day."""
        thin = self.thinned()
        return Levels(thin.hours // _DAY * _DAY, thin.closes)


def same_asset(one: Levels, other: Levels) -> bool | None:
    """Whether the returns of two series show that they are the same asset; None with too few common returns.

    The returns are those between the closes that both have: of days, or of weeks if one has weeks. Clocks and
    conventions differ (a bar may be named by its begin or by its end), so one series is moved against the other by
    up to a bar and a time zone, and the largest absolute correlation counts.
    """
    if min(len(one.hours), len(other.hours)) <= MIN_COMMON:
        return None
    coarse, fine = sorted((one, other), key=lambda levels: -levels.spacing)
    coarse = coarse.thinned()
    if len(coarse.hours) <= MIN_COMMON:
        return None
    fine = fine.daily() if coarse.spacing > 2 * _DAY else fine
    known = False
    for moved in _shifts(coarse, fine):
        for returns in _common_returns(coarse, fine, moved):
            known = known or len(returns[0]) >= MIN_COMMON
            if len(returns[0]) >= MIN_COMMON and _correlation(*returns) >= SAME:
                return True
    return False if known else None


def _shifts(coarse: Levels, fine: Levels) -> list[int]:
    """The hours by which the times of `coarse` are moved, the smallest first."""
    bar = int(np.ceil(coarse.spacing / _DAY)) * _DAY
    by_hour = range(-bar - _ZONES, bar + _ZONES + 1)
    return sorted(range(-bar, bar + 1, _DAY) if coarse.by_day and fine.by_day else by_hour, key=abs)


def _common_returns(coarse: Levels, fine: Levels, moved: int) -> Iterator[tuple[Floats, Floats]]:
    """The returns (m,) of both between common times; then also between times when `fine` has an older close."""
    times = coarse.hours + moved
    newest = np.searchsorted(fine.hours, times, side="right") - 1
    age = np.where(newest >= 0, times - fine.hours[newest], _STALE + 1)
    exact = np.flatnonzero(age == 0)
    yield np.diff(coarse.closes[exact]), np.diff(fine.closes[newest[exact]])
    at = np.flatnonzero(age <= _STALE)
    at = at[np.diff(newest[at], prepend=-1) > 0]  # a close counts once
    if len(at) > len(exact):
        yield np.diff(coarse.closes[at]), np.diff(fine.closes[newest[at]])


def _correlation(x: Floats, y: Floats) -> float:
    """The absolute correlation of clipped returns; 0 where one of them does not vary."""
    x, y = _clipped(x), _clipped(y)
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(abs(x @ y) / size) if size > 0.0 else 0.0


def _clipped(returns: Floats) -> Floats:
    sizes = np.abs(returns)
    moves = sizes[sizes > 0.0]
    limit = np.quantile(moves, _CLIPPED) if len(moves) else 0.0
    clipped: Floats = np.clip(returns, -limit, limit)
    return clipped
