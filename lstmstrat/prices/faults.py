"""What is well-formed in prices and cannot be true, or is worth a look: each finding with its bar, size and words.

A finding that can change a number voids an edge until somebody has looked at it and accepts it by its date; one
that is only worth reading does not. See `jumps.py` for the prices and `evaluation/calendar.py` for the holes.

Letters: n bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.evaluation.calendar import FULL, Calendar
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, VOLUME
from lstmstrat.prices.jumps import Jump, Moves, is_power_of_ten
from lstmstrat.prices.staleness import without_volume

LEAST_RUN = 5  # equal closes that are worth a word
LEAST_IDLE = 5  # bars without volume that are worth a word: the feeds of most shares have one or two
LONG_RUN = 10  # equal closes that void an edge: nobody traded, and a backtest would
BY_CHANCE = 0.001  # expected number of runs so long, from the share of other closes that equal the one before


@dataclass(frozen=True)
class Fault:
    """A finding about prices.

    Attributes
    ----------
    bar
        The position of the bar at which it shows.
    date
        The time of that bar, ISO; by its day the finding is accepted.
    kind
        split, unit, bar, price, jump, hole, spacing, thin, flat, volume, repeat or factor (see `factor.py`).
    size
        The factor of a price, or of the ``spacing`` of bars; the number of bars of the others, or the share of
        days of ``thin``; the number of falls of a ``factor``.
    text
        What it looks like, in words, without the date.
    voids
        Whether it can change a number, so that no edge is supported until it is accepted.
    single
        Whether the bar alone is wrong, so that leaving it out is a cure.
    accepted
        Whether somebody has looked at it and says that it is right.
    peer
        The peer whose prices they are, by its name in the config; "" for the prices themselves.
    """

    bar: int
    date: str
    kind: str
    size: float
    text: str
    voids: bool = True
    single: bool = False
    accepted: bool = False
    peer: str = ""

    @property
    def day(self) -> str:
        """The date by which it is accepted: 2008-09-29."""
        return self.date[:10]

    def __str__(self) -> str:
        return f"{self.peer + ', ' if self.peer else ''}{self.date}: {self.text}"


def find_faults(times: Times, bars: Floats) -> tuple[Fault, ...]:
    """What cannot be true, or is worth a look, in checked and adjusted bars; in the order of time.

    Parameters
    ----------
    times
        (n,) datetime64, ascending.
    bars
        (n, 5) open, high, low, close, volume; prices above 0.

    Examples
    --------
    >>> import lstmstrat
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="AAPL", start="2010-01-04"))
    >>> find_faults(prices.times, prices.bars)
    ()
    >>> bars = prices.bars.copy()
    >>> bars[100:] *= [0.25, 0.25, 0.25, 0.25, 4.0]
    >>> print(*find_faults(prices.times, bars))
    2010-05-27: 4:1 split not taken out (close 31.3714, then 8.13975)
    """
    calendar = Calendar(times)
    apart = np.zeros(len(times) - 1, dtype=bool)
    apart[[hole.first for hole in calendar.holes]] = True
    found = [
        *(_of_jump(jump, times, bars) for jump in Moves(bars, apart).jumps()),
        *_holes(calendar),
        *_changes(calendar),
        *_thin(calendar),
        *_flat(times, bars[:, CLOSE]),
        *_no_volume(times, bars),
        *_repeats(times, bars),
    ]
    return tuple(sorted(found, key=lambda fault: fault.bar))


def day_of(time: np.datetime64) -> str:
    """The time of a bar, ISO: the date, and the time of day if it is not midnight."""
    return str(time.astype("datetime64[s]")).removesuffix("T00:00:00")


def _of_jump(jump: Jump, times: Times, bars: Floats) -> Fault:
    first, date = jump.first, day_of(times[jump.first])
    if jump.last is None:
        closes = f"close {bars[first - 1, CLOSE]:g}, then {bars[first, CLOSE]:g}"
        return Fault(first, date, _kind(jump), jump.factor, f"{_change(jump)} ({closes})")
    if jump.what == "bars":
        text = f"all bars to {day_of(times[jump.last])} are {_times(jump.factor)} those around them"
        return Fault(first, date, "unit" if is_power_of_ten(np.log(jump.factor)) else "jump", jump.factor, text)
    beside = "its neighbours" if jump.what in ("bar", "close") else "the closes beside it"
    verb = "are" if " and " in jump.what else "is"
    kind = "bar" if jump.what == "bar" else "price"
    return Fault(
        first, date, kind, jump.factor, f"the {jump.what} {verb} {_times(jump.factor)} {beside}", True, True
    )


def _kind(jump: Jump) -> str:
    if is_power_of_ten(np.log(jump.factor)):
        return "unit"
    return "jump" if jump.split is None else "split"


def _change(jump: Jump) -> str:
    if is_power_of_ten(np.log(jump.factor)):
        split = _split_text(10.0 ** -round(np.log10(jump.factor)))
        return (
            f"from here on {_times(jump.factor)} the bars before: another unit, as pence and pounds, or a {split}"
        )
    if jump.split is not None:
        return _split_text(jump.split)
    return f"from here on {_times(jump.factor)} the bars before: another share, or another unit"


def _split_text(ratio: float) -> str:
    """``4:1 split not taken out``, from the new shares for an old one."""
    new, old = (ratio, 1.0) if ratio > 1.0 else (1.0, 1.0 / ratio)
    for scale in (1, 2, 3, 4):
        if all(abs(side * scale - round(side * scale)) < 1e-9 for side in (new, old)):
            reverse = "reverse " if ratio < 1.0 else ""
            return f"{round(new * scale)}:{round(old * scale)} {reverse}split not taken out"
    raise ValueError(f"{ratio} is no ratio of small numbers")


def _times(factor: float) -> str:
    """A factor in words: ``100 times``, ``a tenth of``, ``0.39 of``."""
    power = np.log10(factor)
    if is_power_of_ten(float(np.log(factor))):
        words = {-1: "a tenth of", -2: "a hundredth of", -3: "a thousandth of"}
        return words.get(round(power), f"{10 ** round(power):,} times")
    return f"{factor:.3g} times" if factor > 1.0 else f"{factor:.2g} of"


def _holes(calendar: Calendar) -> Iterator[Fault]:
    for hole in calendar.holes:
        before, after = calendar.times[hole.first], calendar.times[hole.first + 1]
        text = f"no bar from {day_of(before)} to {day_of(after)} (about {hole.missing:,.0f} are missing)"
        yield Fault(hole.first + 1, day_of(after), "hole", hole.missing, text)


def _changes(calendar: Calendar) -> Iterator[Fault]:
    for change in calendar.changes:
        date = day_of(calendar.times[change.first])
        text = f"{_spacing(change.before)} bars until then, {_spacing(change.after)} from then on"
        yield Fault(change.first, date, "spacing", change.after / change.before, text)


def _spacing(seconds: float) -> str:
    """The length of bars in words: daily, hourly, 5-minute."""
    days = seconds / 86_400
    if days >= 27.0:
        return "monthly" if days < 32.0 else f"{days:.0f}-day"
    words = {604_800: "weekly", 86_400: "daily", 3_600: "hourly"}
    unit, name = next((one for one in _LENGTHS if seconds >= one[0]), (1, "second"))
    return words.get(round(seconds), f"{seconds / unit:.3g}-{name}")


_LENGTHS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def _thin(calendar: Calendar) -> Iterator[Fault]:
    if calendar.full < FULL:
        text = f"only {calendar.full:.0%} of the trading days have a bar"
        yield Fault(0, day_of(calendar.times[0]), "thin", calendar.full, text)
    elif calendar.irregular:
        text = "bars come irregularly: gaps as long as a hole are usual"
        yield Fault(0, day_of(calendar.times[0]), "thin", calendar.full, text)


def _flat(times: Times, close: Floats) -> Iterator[Fault]:
    """Runs of equal closes that are longer than chance makes them, at the share of equal closes elsewhere."""
    equal = np.diff(close) == 0.0  # (n - 1,)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]]).astype(np.int8)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]  # a run of m equal moves has m + 1 equal closes
    for start, length in zip(starts, lengths, strict=True):
        share = max(float(equal.sum() - length), 1.0) / max(len(equal) - length, 1)
        lasts_a_day = times[start + length] - times[start] >= np.timedelta64(
            1, "D"
        )  # quiet minutes are no finding
        if lasts_a_day and length + 1 >= LEAST_RUN and len(equal) * min(share, 1.0) ** float(length) < BY_CHANCE:
            closes = int(length) + 1
            text = f"{closes} equal closes in a row, of {close[start]:g}, to {day_of(times[start + length])}"
            yield Fault(int(start), day_of(times[start]), "flat", float(closes), text, closes > LONG_RUN)


def _no_volume(times: Times, bars: Floats) -> Iterator[Fault]:
    idle: Bools = without_volume(bars)
    first, count = int(idle.argmax()), int(idle.sum())
    if count >= LEAST_IDLE:
        text = f"no volume, the first of {count} such bars"
        yield Fault(first, day_of(times[first]), "volume", float(count), text, False)


def _repeats(times: Times, bars: Floats) -> Iterator[Fault]:
    """Days with every number of the day before, of its range and its volume too, which is no chance."""
    traded = (bars[1:, VOLUME] > 0.0) & (bars[1:, HIGH] > bars[1:, LOW])
    again: Bools = traded & (bars[1:] == bars[:-1]).all(axis=1) & (np.diff(times) >= np.timedelta64(1, "D"))
    first, count = int(again.argmax()) + 1, int(again.sum())
    if count:
        more = f", the first of {count} such bars" if count > 1 else ""
        text = f"every number of the bar before again, its volume too, as where a closed day is filled in{more}"
        yield Fault(first, day_of(times[first]), "repeat", float(count), text)
