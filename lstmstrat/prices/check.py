"""The check of market data that every table of bars must pass before anything is computed from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools
from lstmstrat.errors import DataError
from lstmstrat.prices.bars import COLUMNS, PRICES

ADJUSTED_CLOSE = "adj close"
MINIMUM_BARS = 2
SMALLEST, LARGEST = 1e-15, 1e15  # of a price, so that no ratio of two prices is beyond a float

# A vendor that stores prices in float32 and multiplies them by a factor rounds three times, each time by at most
# 6e-8 of the price, so a close that equals the high may end up 2e-7 above it. A genuine fault is a tick or more:
# 1e-4 of the price at 100 and a tick of 0.01. The limit lies between the two.
PRICE_ROUNDING = 1e-6

ONE_ADJUSTED = (
    "Most rows fail in one way, as where close is adjusted for splits and dividends and open, high and low are "
    "not: take the four of them from one source, and call the adjusted one Adj Close"
)
SWAPPED = (
    "In most rows high is below low, so their columns have each other's names: write columns: {high: low, low: "
    "high} under data:, with the headings of the file after the colons, or rename the columns of the frame"
)
NO_PRICE = (
    "Most rows are not above 0, so this is no price and cannot be held: a rate or an index of that kind is an "
    "input, as an entry of data.extra with the feature column:NAME"
)
CLOCK = np.timedelta64(1, "ms")  # what the clock of Backtrader can tell apart; it counts days as floats
LONGER_BARS = (
    'frame.resample("s").agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})'
    ".dropna()"
)
FIRST, LAST = pd.Timestamp("1678-01-01"), pd.Timestamp("2262-01-01")  # what nanoseconds can count


@dataclass(frozen=True)
class Cure:
    """What can be done about rows with values that cannot be.

    Attributes
    ----------
    rows
        In words.
    entry
        Where ``start:`` and ``end:`` are written, as in `SourceConfig.entry`; None if there is no config.
    """

    rows: str
    entry: str | None = None

    def without(self, index: pd.DatetimeIndex, wrong: Bools) -> str:
        """The ``start:`` or ``end:`` that leaves the `wrong` rows (n,) out, and no other; "" if none does."""
        good = np.flatnonzero(~wrong)
        if self.entry is None or not good.size:
            return ""
        days, first, last = index.normalize(), int(good[0]), int(good[-1])
        at_edges = wrong.sum() == first + len(wrong) - 1 - last
        of_whole_days = days[first] > days[first - 1] if first else True
        of_whole_days &= last == len(days) - 1 or days[last] < days[last + 1]
        if not (at_edges and of_whole_days):
            return ""
        keys = [f"start: {day(days[first])}"] * (first > 0) + [f"end: {day(days[last])}"] * (last < len(days) - 1)
        place = f"beside {self.entry}" if self.entry else "under data:"
        return f", or leave them out: write {' and '.join(keys)} {place}"


IN_A_FRAME = Cure("Correct these rows of the frame, or drop them")
IN_A_FILE = "Correct or delete these rows in the file"


def check(frame: pd.DataFrame, title: str, cure: Cure = IN_A_FRAME) -> None:
    """Raises unless `frame` contains usable bars.

    Expected: a naive DatetimeIndex, strictly ascending; float64 columns open, high, low, close, volume and
    nothing else but an optional ``adj close``; at least `MINIMUM_BARS` rows; prices from `SMALLEST` to `LARGEST`;
    volume finite and not below 0; low <= open, close <= high within a relative `PRICE_ROUNDING`.

    Raises
    ------
    DataError
        The message begins with `title`; then one line for every kind of fault, with its first row and the number
        of such rows, and `cure` for rows with values that cannot be.
    """
    faults = _layout_faults(frame)
    if not faults:
        values = value_faults(frame)
        faults = [*_order_faults(frame.index), *(fault.text for fault in values)]
        faults += [_cure(frame, cure, values)] if values else []
    if faults:
        raise DataError("\n  ".join([f"{title}: the prices cannot be used", *faults]))


def _layout_faults(frame: pd.DataFrame) -> list[str]:
    index = frame.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is not None:
        return [f"expected an index of dates without a time zone, found {index.dtype}"]
    if tuple(c for c in frame.columns if c != ADJUSTED_CLOSE) != COLUMNS:
        return [f"expected the columns {', '.join(COLUMNS)}; found {', '.join(map(str, frame.columns))}"]
    if len(index) and not FIRST <= index.min() <= index.max() <= LAST:
        return [
            f"expected dates from {FIRST.year} to {LAST.year - 1}, found {day(index.min())} to {day(index.max())}"
        ]
    if not all(dtype == np.float64 for dtype in frame.dtypes):
        return [f"expected float64 columns, found {', '.join(map(str, frame.dtypes))}"]
    if len(frame) < MINIMUM_BARS:
        return [f"expected at least {MINIMUM_BARS} bars, found {len(frame)}"]
    return []


def _order_faults(index: pd.Index) -> list[str]:
    if index.hasnans:
        return [f"row {int(np.flatnonzero(index.isna())[0]) + 1} has no date"]
    if index.is_monotonic_decreasing and index.is_unique:
        return [f"the newest row, {day(index[0])}, comes first; expected the oldest first: frame[::-1]"]
    disorder = np.flatnonzero(index[1:] < index[:-1]) + 1
    duplicates = np.flatnonzero(index.duplicated())
    faults = []
    if disorder.size:
        row = disorder[0]
        faults.append(
            f"{day(index[row])}: stands after {day(index[row - 1])}{_count(disorder)}; sort by date: "
            "frame.sort_index()"
        )
    if duplicates.size:
        faults.append(f"{day(index[duplicates[0]])}: given twice{_count(duplicates)}; keep one row of each date")
    near = np.flatnonzero(np.diff(index.to_numpy()) < CLOCK) + 1
    if near.size and not faults:
        faults.append(
            f"{day(index[near[0]])}: less than a millisecond after the bar before{_count(near)}, which Backtrader "
            f"cannot tell apart; make longer bars with pandas: {_longer_bars(index)}"
        )
    return faults


def _longer_bars(index: pd.Index) -> str:
    """`LONGER_BARS`, of a millisecond where all bars are within one second, which would be a single bar."""
    of_seconds = len(pd.DatetimeIndex(index).floor("s").unique()) >= MINIMUM_BARS
    return LONGER_BARS if of_seconds else LONGER_BARS.replace('"s"', '"ms"', 1)


def _cure(frame: pd.DataFrame, cure: Cure, faults: Sequence[ValueFault]) -> str:
    """`cure`, unless most rows are wrong in one way: then not the rows are wrong, but the table."""
    close = frame["close"].where(np.isfinite(frame["close"]))
    inside = (frame["low"] <= frame["open"]) & (frame["open"] <= frame["high"])
    outside = inside & ((close > frame["high"]) | (close < frame["low"]))
    tables = [(outside, ONE_ADJUSTED)]
    if cure.rows in (IN_A_FILE, IN_A_FRAME.rows):  # a download has no columns that anybody could name
        tables += [
            (frame["high"] < frame["low"] * (1.0 - PRICE_ROUNDING), SWAPPED),
            (frame["close"] <= 0.0, NO_PRICE),
        ]
    for rows, said in tables:
        if 2 * rows.sum() > len(frame):
            return said
    wrong = np.logical_or.reduce([fault.rows for fault in faults])
    return cure.rows + cure.without(pd.DatetimeIndex(frame.index), wrong)


@dataclass(frozen=True, eq=False)
class ValueFault:
    """A kind of value that bars cannot have: the rows that have it, (n,), and a line about the first of them."""

    rows: Bools
    text: str


def value_faults(frame: pd.DataFrame) -> list[ValueFault]:
    """One fault for every kind of value that bars cannot have; the columns are those of bars."""
    bars = {str(name): column.to_numpy() for name, column in frame.items()}  # (n,) each
    empty = np.all([np.isnan(bars[name]) for name in PRICES], axis=0)
    prices = np.array([values for name, values in bars.items() if name != "volume"])  # (4 or 5, n)
    names = [name for name in bars if name != "volume"]
    with np.errstate(invalid="ignore"):  # bytes at random may be a NaN that says so whenever it is touched
        finite, above = np.isfinite(prices), prices > 0.0
        beyond = finite & above & ((prices < SMALLEST) | (prices > LARGEST))
        negative = bars["volume"] < 0.0
        faults = _fault(frame, empty, "open, high, low and close are all empty")
        faults += _price_faults(frame, names, ~finite & ~empty, "a finite number", "finite numbers")
        faults += _price_faults(frame, names, finite & ~above, "a price above 0", "prices above 0")
        span = f"from {SMALLEST:g} to {LARGEST:g}"
        faults += _price_faults(frame, names, beyond, f"a price {span}", f"prices {span}")
        wrong = ~np.isfinite(bars["volume"]) & ~empty
        faults += _fault(frame, wrong, "volume is {volume:.10g}, expected a finite number")
        faults += _fault(frame, negative, "volume is {volume:.10g}, expected 0 or more")
        return faults + _range_faults(frame, bars, np.asarray((finite & above).all(axis=0)))


def _price_faults(
    frame: pd.DataFrame, names: list[str], wrong: np.ndarray, one: str, several: str
) -> list[ValueFault]:
    """One line for prices (k, n) of which some are `wrong` in one way: those of the first such row."""
    rows: np.ndarray = np.asarray(wrong.any(axis=0))
    if not rows.any():
        return []
    here = [name for name, is_wrong in zip(names, wrong[:, rows.argmax()], strict=True) if is_wrong]
    values = _and([f"{{{name}:.10g}}" for name in here])
    expected = f"is {values}, expected {one}" if len(here) == 1 else f"are {values}, expected {several}"
    return _fault(frame, rows, f"{_and(here)} {expected}")


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _range_faults(frame: pd.DataFrame, bars: dict[str, np.ndarray], known: np.ndarray) -> list[ValueFault]:
    """Highs and lows that cannot be, in rows whose prices are `known` to be some; (n,)."""
    high, low = bars["high"], bars["low"]
    top = np.maximum(bars["open"], bars["close"]) * (1.0 - PRICE_ROUNDING)
    bottom = np.minimum(bars["open"], bars["close"]) * (1.0 + PRICE_ROUNDING)
    body = "open {open:.10g} or close {close:.10g}"
    return [
        *_fault(frame, known & (high < low * (1.0 - PRICE_ROUNDING)), "high {high:.10g} is below low {low:.10g}"),
        *_fault(frame, known & (high < top), f"high {{high:.10g}} is below {body}"),
        *_fault(frame, known & (low > bottom), f"low {{low:.10g}} is above {body}"),
    ]


def _fault(frame: pd.DataFrame, mask: Bools, sentence: str) -> list[ValueFault]:
    """A fault: `sentence` with the values of the first row where `mask` (n,) is true; empty if there is none."""
    rows = np.flatnonzero(mask)
    if not rows.size:
        return []
    first = {str(name): value for name, value in frame.iloc[rows[0]].items()}
    return [ValueFault(mask, f"{day(frame.index[rows[0]])}: {sentence.format(**first)}{_count(rows)}")]


def _count(rows: np.ndarray) -> str:
    return f" ({rows.size} such rows)" if rows.size > 1 else ""


def day(time: pd.Timestamp) -> str:
    """`time` for a message: the date, and the time of day if it is not midnight."""
    return str(time).removesuffix(" 00:00:00")
