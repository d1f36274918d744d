"""`Levels`: the closes by which an asset is known again, whatever it is called.

Two series are the same asset if their returns move together. That holds for another symbol, another vendor, a
later start, other bars, prices times a constant, another time zone, an inverse or a leveraged fund, prices with
noise, and returns of which only the signs are left. `same_moves` asks for no common date.

Letters: n closes, m common returns.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats, Ints, Times

SAME = 0.95  # absolute correlation from which two series are the same asset; docs/decisions.md has what was seen
SAME_OF_MANY = 0.9  # the same where `MANY` returns are common
MIN_COMMON = 20  # returns; with fewer common ones the series do not tell
MANY = 250
_SUM = 5  # bars whose returns are added up, so that noise in the prices averages out
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
            if _together(*returns):
                return True
    return False if known else None


def same_moves(one: Levels, other: Levels) -> bool:
    """Whether the returns of two series, counted one by one from some place on, are alike, whatever their dates.

    At least `MANY` of them in a row must be: those of two assets at other dates have a correlation of about
    1 / sqrt(`MANY`).
    """
    x, y = np.diff(one.closes), np.diff(other.closes)
    if min(len(x), len(y)) < MANY:
        return False
    return any(_best_correlation(view(x), view(y)) >= SAME_OF_MANY for view in (_clipped, np.sign))


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


def _together(x: Floats, y: Floats) -> bool:
    """Whether common returns (m,) are those of one asset: they, or of many their signs or their sums."""
    if len(x) < MIN_COMMON:
        return False
    correlation = _correlation(_clipped(x), _clipped(y))
    if len(x) < MANY or correlation >= SAME:
        return correlation >= SAME
    by_sign = math.sin(math.pi / 2.0 * _correlation(np.sign(x), np.sign(y)))  # that of normal returns
    of_sums = _correlation(_clipped(_sums(x)), _clipped(_sums(y))) if len(x) >= 2 * MANY else 0.0
    return max(correlation, by_sign, of_sums) >= SAME_OF_MANY


def _correlation(x: Floats, y: Floats) -> float:
    """The absolute correlation of two series (m,); 0 where one of them does not vary."""
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(abs(x @ y) / size) if size > 0.0 else 0.0


def _best_correlation(x: Floats, y: Floats) -> float:
    """The largest absolute correlation of a (n,) and b (k,), one moved along the other, over `MANY` or more.

    Means are those of the whole series.
    """
    x, y = x - x.mean(), y - y.mean()
    products, counts = _slid(x, y), _slid(np.ones_like(x), np.ones_like(y))
    sizes = _slid(x * x, np.ones_like(y)) * _slid(np.ones_like(x), y * y)
    valid = (counts > MANY - 0.5) & (sizes > 1e-9 * sizes.max())
    return float((np.abs(products[valid]) / np.sqrt(sizes[valid])).max()) if valid.any() else 0.0


def _slid(x: Floats, y: Floats) -> Floats:
    """The sums of products of x (n,) and y (k,) at each place of y along x; (n + k - 1,)."""
    size = len(x) + len(y) - 1
    sums: Floats = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(y[::-1], size), size)
    return sums


def _sums(returns: Floats) -> Floats:
    """The sums of `_SUM` returns in a row; (m - 4,)."""
    total = np.concatenate([[0.0], np.cumsum(returns)])
    sums: Floats = total[_SUM:] - total[:-_SUM]
    return sums


def _clipped(returns: Floats) -> Floats:
    sizes = np.abs(returns)
    moves = sizes[sizes > 0.0]
    limit = np.quantile(moves, _CLIPPED) if len(moves) else 0.0
    clipped: Floats = np.clip(returns, -limit, limit)
    return clipped
