"""Prices that cannot be true: a jump that is no return, a bar or one price of a bar that its neighbours refute.

The size of a jump is measured in the usual moves around it: 1.4826 times the median absolute log return of the
63 bars around it, the standard deviation if they were normal. Where volume goes along with moves, as at any
exchange, a crash has volume and a mistake of the vendor has none; where it does not, a jump must be larger.

Letters: n bars, k candidates. All prices are logs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmstrat.arrays import Bools, Floats, Indexes
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME

AROUND = 31  # bars on each side, whose median move is the usual one
LEAST_JUMP = 0.18  # a factor of 1.2, in logs
SPIKE = 10.0  # usual moves; in a jump that the next bar undoes, so both must be as large
UNDONE = 0.25  # of the jump may be left after the next bar
LEAST_PLAIN = 0.9  # a factor of 2.5, in logs: of a jump that is no ratio of a split
QUIET = 15.0  # usual moves, of a jump without volume, where volume tells
TAIL = 8  # the rank of the move by which the tail of moves is measured: so many may be faults themselves
SPLIT, LEAST_SPLIT = 6.0, 12.0  # times the move of that rank, and usual moves; where volume tells nothing
JUMP, LEAST_JUMPED = 9.0, 20.0  # by any other factor
ODD_PRICE, LEAST_ODD = 20.0, 0.6  # an open, high or low beyond the closes beside it, by a factor of 1.8 at least
SURGE = 5.0  # times the usual trade, before and after: a crash has it, a mistake of the vendor has none
TELLING = 1.5  # times the usual volume, on the bars with the largest moves: volume goes along with moves
NO_NEWS = 3.0  # logs: no share moves by a factor of 20 in a bar, whoever trades it
FACTOR, CRASH_FACTOR = 0.2, 0.1  # logs by which a factor of 10, 100 or 1,000 may be missed: a return is in it too
RATIO, WIDEST_RATIO = 0.01, 0.08  # logs by which the ratio of a split may be missed at least, and at most
NEAR = 4.0  # usual moves by which it may be missed in between: a return is in it too
LEAST_GAP = 0.2  # of the usual move: the usual gap, where a bar opens where the last one closed
STRETCH = 63  # bars that prices may stay at another level and be called a stretch

LARGEST_SPLIT = 1_000.0
LARGEST = 690.0  # logs: 1e300

RATIOS = (1.5, 5 / 3, 7 / 4, 2.5, *range(2, 11), 12, 15, 16, 20, 25, 30, 40, 50)  # new shares for an old one


@dataclass(frozen=True)
class Jump:
    """Bars `first` to `last`, or one price of a bar, are `factor` times what they should be.

    `last` is None where they do not come back: then all bars from `first` on are `factor` times those before.
    """

    first: int
    last: int | None
    factor: float
    what: str  # "bar", "close", "open and low" ..., or "bars" for more than one
    split: float | None = None  # new shares for an old one, below 1 for a reverse split; None where it is none


@dataclass(frozen=True, eq=False)
class Moves:
    """The moves of bars (n, 5), and what is a jump among them.

    `apart` (n - 1,) marks the moves over a hole, over which a price may have come any way.
    """

    bars: Floats
    apart: Bools

    @cached_property
    def _logs(self) -> Floats:
        """(n, 4)"""
        return np.log(self.bars[:, : CLOSE + 1])

    @cached_property
    def _close(self) -> Floats:
        return np.ascontiguousarray(self._logs[:, CLOSE])

    @cached_property
    def _moves(self) -> Floats:
        """(n - 1,) from close to close; 0 over a hole."""
        return np.where(self.apart, 0.0, np.diff(self._close))

    @cached_property
    def _gaps(self) -> Floats:
        """(n - 1,) from close to open."""
        return np.where(self.apart, 0.0, self._logs[1:, OPEN] - self._close[:-1])

    @cached_property
    def _large(self) -> Indexes:
        """The moves that are large at all; (k,)."""
        large = np.flatnonzero(np.abs(self._moves) >= LEAST_JUMP)
        least = np.minimum(SPIKE * _usual(self._moves, large), NO_NEWS)  # however often it comes
        return large[np.abs(self._moves[large]) >= least]

    @cached_property
    def _spikes(self) -> Indexes:
        """The bars whose jump the next bar undoes; never two in a row: one is the neighbour of the other."""
        rows = self._large[np.isin(self._large + 1, self._large)]
        there, back = self._moves[rows], self._moves[rows + 1]
        undone = np.abs(there + back) <= UNDONE * np.minimum(np.abs(there), np.abs(back))
        spikes: list[int] = []
        for bar in (rows[undone] + 1).tolist():
            if not spikes or bar > spikes[-1] + 1:
                spikes.append(bar)
        return np.array(spikes, dtype=np.intp)

    def jumps(self) -> Iterator[Jump]:
        """All of them: bars, levels and single prices, each kind in the order of time."""
        for bar in self._spikes.tolist():
            yield Jump(bar, bar, self._against_neighbours(bar), self._bar_or_close(bar))
        yield from _paired([jump for row in self._levels.tolist() if (jump := self._level(row))], len(self.bars))
        yield from self._odd_prices()

    def _against_neighbours(self, bar: int) -> float:
        beside = (self._close[bar - 1] + self._close[bar + 1]) / 2.0
        return _factor(self._close[bar] - beside)

    def _bar_or_close(self, bar: int) -> str:
        opened, before = self._logs[bar, OPEN], self._close[bar - 1]
        return "bar" if abs(opened - self._close[bar]) < abs(opened - before) else "close"

    @property
    def _levels(self) -> Indexes:
        """The large moves that are not undone by the next bar."""
        spikes = self._spikes
        return self._large[~np.isin(self._large, np.concatenate([spikes - 1, spikes]))]

    def _level(self, row: int) -> Jump | None:
        """What the large move from bar `row` to the next is: another unit, a split, a jump; None: a return."""
        move, usual = float(self._moves[row]), self._usual_at(row)
        news, factor = abs(move) < NO_NEWS and self._surge(row + 1) >= SURGE, _factor(move)
        if is_power_of_ten(move, CRASH_FACTOR if news else FACTOR):
            return Jump(row + 1, None, factor, "bars")
        if news:
            return None
        if ratio := self._split_at(row):
            return Jump(row + 1, None, factor, "bars", ratio)
        least = QUIET if self._telling else max(LEAST_JUMPED, JUMP * self._tail)
        return Jump(row + 1, None, factor, "bars") if abs(move) >= max(LEAST_PLAIN, least * usual) else None

    def _split_at(self, row: int) -> float | None:
        """The ratio of a split from bar `row` to the next, by the gap to its open or the move to its close."""
        move, gap, usual = float(self._moves[row]), float(self._gaps[row]), self._usual_at(row)
        usual_gap = max(float(_usual(self._gaps, np.array([row]))[0]), LEAST_GAP * usual)
        for size, unit, tail in ((gap, usual_gap, self._gap_tail), (move, usual, self._tail)):
            least = QUIET if self._telling else max(LEAST_SPLIT, SPLIT * tail)
            ratio = _split(size, min(max(RATIO, NEAR * unit), WIDEST_RATIO))
            if ratio and abs(size) >= least * unit and abs(move - size) <= max(SPIKE * usual, LEAST_JUMP):
                return ratio
        return None

    def _usual_at(self, row: int) -> float:
        return float(_usual(self._moves, np.array([row]))[0])

    @cached_property
    def _faulty(self) -> Bools:
        """The moves that are mistakes already, to and from a bar that is wrong: no part of the tail; (n - 1,)."""
        faulty = np.isin(np.arange(len(self._moves)), np.concatenate([self._spikes - 1, self._spikes]))
        return np.asarray(faulty | (np.abs(self._moves) >= NO_NEWS))

    @cached_property
    def _tail(self) -> float:
        return _tail(np.where(self._faulty, 0.0, self._moves), 0.0)

    @cached_property
    def _gap_tail(self) -> float:
        least = LEAST_GAP * float(np.median(np.abs(self._moves)))
        return _tail(np.where(self._faulty, 0.0, self._gaps), least)

    @cached_property
    def _telling(self) -> bool:
        """Whether volume goes along with moves: the largest of them have more than usual."""
        volume, size = self.bars[1:, VOLUME], np.abs(self._moves)
        count = max(len(size) // 50, 10)
        if len(size) < 5 * count or not (self.bars[:, VOLUME] > 0.0).mean() > 0.9:
            return False
        largest = np.argpartition(-size, count)[:count]
        usual = np.array([np.median(volume[max(0, row - 20) : row + 21]) for row in largest])
        return bool(np.median(volume[largest] / np.maximum(usual, 1.0)) >= TELLING)

    def _surge(self, bar: int) -> float:
        """How many times the usual shares, and the usual value, changed hands on a bar, whichever is less.

        The usual one is the median of the 20 bars before, or of those from the second after it on if that is more:
        a crash is followed by fewer trades, and another share or number of shares is not.
        """
        volume = self.bars[max(0, bar - 20) : bar + 22, VOLUME]
        price, at = self.bars[max(0, bar - 20) : bar + 22, CLOSE], min(bar, 20)
        value = volume / volume.max() * (price / price.max()) if volume.any() else volume  # never beyond a float
        return min(_above_usual(volume, at), _above_usual(value, at))

    def _odd_prices(self) -> Iterator[Jump]:
        """Opens, highs and lows far beyond the closes of their bar and of the two beside it."""
        close = np.concatenate([self._close[:1], self._close, self._close[-1:]])  # (n + 2,)
        lowest = np.minimum(np.minimum(close[:-2], close[1:-1]), close[2:])
        highest = np.maximum(np.maximum(close[:-2], close[1:-1]), close[2:])
        beyond = np.maximum(self._logs[:, :CLOSE] - highest[:, None], 0.0)
        beyond -= np.maximum(lowest[:, None] - self._logs[:, :CLOSE], 0.0)  # (n, 3)
        rows = np.flatnonzero((np.abs(beyond) >= LEAST_ODD).any(axis=1))
        if not rows.size:
            return
        usual = _usual(self._moves, np.maximum(rows - 1, 0))
        for row, unit in zip(rows, usual, strict=True):
            names = [
                name for name, column in _PARTS if abs(beyond[row, column]) >= max(LEAST_ODD, ODD_PRICE * unit)
            ]
            if names:
                size = beyond[row, np.abs(beyond[row]).argmax()]
                yield Jump(int(row), int(row), _factor(size), " and ".join(names))


_PARTS = (("open", OPEN), ("high", HIGH), ("low", LOW))


def _factor(move: float) -> float:
    """The factor of a log move; finite, whatever the prices are."""
    return math.exp(min(max(float(move), -LARGEST), LARGEST))


def is_power_of_ten(move: float, tolerance: float = FACTOR) -> bool:
    """Whether a log move is a factor of 10, 100 or 1,000, up or down, within `tolerance`."""
    return any(abs(abs(move) - k * np.log(10.0)) <= tolerance for k in (1, 2, 3))


def _usual(moves: Floats, rows: Indexes) -> Floats:
    """The usual size of the moves around each of `rows`; (k,)."""
    width = min(2 * AROUND + 1, len(moves))
    start = np.clip(rows - AROUND, 0, len(moves) - width)
    around = np.abs(moves[start[:, None] + np.arange(width)])  # (k, 63)
    return np.asarray(1.4826 * np.median(around, axis=1))


def _tail(moves: Floats, least: float) -> float:
    """The move of rank `TAIL` in usual moves, which are `least` at least; those of 63 bars at a time."""
    width = min(2 * AROUND + 1, len(moves))
    blocks = np.abs(moves[: len(moves) // width * width]).reshape(-1, width)  # what is over does not matter
    usual = np.maximum(1.4826 * np.median(blocks, axis=1), max(least, 1e-6))
    sizes = (blocks / usual[:, None]).ravel()
    rank = min(TAIL, len(sizes))
    return float(np.partition(sizes, -rank)[-rank])


def _above_usual(traded: Floats, at: int) -> float:
    """The value at `at`, in the median of those before, or from the second after on if that is more."""
    after = traded[at + 2 :]
    usual = max(float(np.median(traded[:at])), float(np.median(after)) if len(after) else 0.0)
    return float(traded[at]) / usual if usual > 0.0 else 0.0


def _split(move: float, tolerance: float) -> float | None:
    """The new shares for an old one that make a price move so; None if no ratio lies within `tolerance`."""
    if abs(move) > np.log(LARGEST_SPLIT):
        return None
    ratios = np.array(RATIOS)
    nearest = float(ratios[np.abs(np.log(ratios) - abs(move)).argmin()])
    if abs(np.log(nearest) - abs(move)) > tolerance:
        nearest = float(round(np.exp(abs(move))))  # 190:1: any whole number there is
        if nearest < 50 or abs(np.log(nearest) - abs(move)) > tolerance:
            return None
    return nearest if move < 0.0 else 1.0 / nearest


def _paired(levels: list[Jump], bars: int) -> Iterator[Jump]:
    """Changes of level; one that the next takes back is a stretch of bars."""
    k = 0
    while k < len(levels):
        jump = levels[k]
        back = levels[k + 1] if k + 1 < len(levels) else None
        size = np.log(jump.factor)
        if back and _takes_back(jump, back):
            what = "bars" if back.first - jump.first > 1 else "bar"
            yield Jump(jump.first, back.first - 1, jump.factor, what)
        elif jump.first == 1 and is_power_of_ten(size):
            yield Jump(0, 0, 1.0 / jump.factor, "bar")
        elif jump.first == bars - 1 and is_power_of_ten(size):
            yield Jump(jump.first, jump.first, jump.factor, "bar")
        else:
            yield jump
        k += 2 if back and _takes_back(jump, back) else 1


def _takes_back(jump: Jump, back: Jump) -> bool:
    there, again = np.log(jump.factor), np.log(back.factor)
    near = back.first - jump.first <= STRETCH or is_power_of_ten(there)
    return bool(near and abs(there + again) <= UNDONE * min(abs(there), abs(again)) and there * again < 0.0)
