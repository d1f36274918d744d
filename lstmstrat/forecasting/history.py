"""The closed bars of an asset and their features, appended bar by bar or all at once."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.forecasting.features import Feature, feature_set
from lstmstrat.prices.outside import NOTHING, Outside


class Rows:
    """An array that grows at its end; appending a row takes the same time at any length."""

    def __init__(self, shape: tuple[int, ...], dtype: str):
        """`shape` of one row."""
        self._data = np.empty((64, *shape), dtype=dtype)
        self._length = 0

    def append(self, rows: np.ndarray) -> None:
        """Appends `rows` (n, ...)."""
        end = self._length + len(rows)
        if end > len(self._data) or not self._data.flags.writeable:
            larger = np.empty((max(end, 2 * len(self._data)), *self._data.shape[1:]), dtype=self._data.dtype)
            larger[: self._length] = self.all
            self._data = larger
        self._data[self._length : end] = rows
        self._length = end

    def cut(self, length: int) -> None:
        """Drops all rows but the first `length`."""
        self._length = min(length, self._length)

    def twin(self) -> Rows:
        """The same rows, not copied: the next `append` to one of the two moves it to an array of its own."""
        self._data = self.all
        self._data.flags.writeable = False
        return copy.copy(self)

    @property
    def all(self) -> np.ndarray:
        """All rows so far, as a view; after a later `append` it may show an old array."""
        return self._data[: self._length]


class History:
    """The bars of one asset in order of time, and their feature rows."""

    def __init__(self, names: Sequence[str], outside: Outside = NOTHING, name: str = ""):
        """`names` are those of the features; `outside` has the columns among them. `name` is that of a peer.

        Raises
        ------
        ConfigError
            A feature or a column does not exist.
        """
        self.name = name
        self.features = feature_set(names).with_columns(outside)
        needs_levels = any(f.any_sign for f in self.features.features)
        self._levels = (
            Rows((5,), "float64") if needs_levels else None
        )  # (n, 5), the bars with prices of 0 and below
        self.inputs: tuple[Feature, ...] = ()  # (F,) the feature that each column belongs to, after the first bars
        self._times = Rows((), "datetime64[ns]")
        self._bars = Rows((5,), "float64")
        self._rows: Rows | None = None  # (n, F); the first bars tell F

    @property
    def times(self) -> Times:
        """(n,)."""
        return self._times.all

    @property
    def bars(self) -> Floats:
        """(n, 5) open, high, low, close, volume."""
        return self._bars.all

    @property
    def rows(self) -> Floats:
        """(n, F) features."""
        assert self._rows is not None
        return self._rows.all

    def append(self, times: Times, bars: Floats) -> None:
        """Appends newly closed bars. A price of 0 or below is invalid: it and the features from it become NaN.

        Only features of `any_sign`, such as difference_1, have a value there.

        Raises
        ------
        ValueError
            The times do not increase; nothing is appended.
        """
        times, begin = times.astype("datetime64[ns]"), len(self.bars)
        in_order = np.append(self.times[-1:], times)
        wrong = np.flatnonzero(np.diff(in_order) <= np.timedelta64(0))
        if wrong.size:
            before, time = (_at(each) for each in in_order[wrong[0] : wrong[0] + 2])
            what = "is there twice" if time == before else f"comes after that of {before}"
            raise ValueError(
                f"{self.name and f'{self.name}: '}the bar of {time} {what}, so the bars are not in order of time; "
                "sort the feed by date and keep one bar of each"
            )
        self._times.append(times)
        self._bars.append(bars)
        if self._levels is not None:
            self._levels.append(bars)
        prices = self._bars.all[begin:, :4]
        prices[prices <= 0.0] = np.nan
        levels = None if self._levels is None else self._levels.all
        rows, self.inputs = self.features.named_rows(self.times, self.bars, begin, levels)
        self._rows = self._rows or Rows((rows.shape[1],), "float64")
        self._rows.append(rows)

    def cut(self, length: int) -> None:
        """Drops all bars but the first `length`."""
        for rows in (self._times, self._bars, self._levels, self._rows):
            if rows is not None:
                rows.cut(length)

    def twin(self) -> History:
        """The same bars; neither of the two sees what is appended to the other."""
        twin = copy.copy(self)
        twin._times, twin._bars = self._times.twin(), self._bars.twin()
        twin._rows = self._rows and self._rows.twin()
        twin._levels = self._levels and self._levels.twin()
        return twin

    def at(self, times: Times) -> Floats:
        """The feature row of the newest bar at each of `times` (n,); (n, F), NaN before the first bar."""
        newest = np.searchsorted(self.times, times, side="right") - 1  # (n,), -1 before the first bar
        rows = np.full((len(times), self.rows.shape[1]), np.nan)
        rows[newest >= 0] = self.rows[newest[newest >= 0]]
        return rows


def _at(time: np.datetime64) -> str:
    """A time for a message: the date, and the time of day if it is not midnight; without pandas, which is slow."""
    return str(time.astype("datetime64[ms]")).removesuffix(".000").removesuffix("T00:00:00").replace("T", " ")
