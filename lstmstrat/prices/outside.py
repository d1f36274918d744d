"""What comes from outside of the prices, with the time at which it was known: extra columns, and peers.

A row is used from its `known` time on: at a bar of time t the newest row known at or before t. Nothing is joined
by position, and no bar ever sees a row that was known later.

Letters: m rows, n bars.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from lstmstrat.prices.faults import Fault


def later(times: Times, lag: np.timedelta64) -> Times:
    """`times` (m,), each `lag` later, in nanoseconds."""
    moved: Times = (times + lag).astype("datetime64[ns]")
    return moved


@dataclass(frozen=True, eq=False)
class Stream:
    """Rows of numbers with the time at which each was known; one column of a file, or the bars of a peer.

    Attributes
    ----------
    name
        As in the config.
    known
        (m,) datetime64[ns], strictly ascending: the time of a row and its lag.
    values
        (m, 1) of an extra column, (m, 5) of a peer: open, high, low, close, volume.
    path, lag
        Where it comes from and how late it is known, for the report.
    faults
        What cannot be true in the prices of a peer, marked where its config accepts it.

    Raises
    ------
    ValueError
        The times do not increase, or there is not one for each row.

    Examples
    --------
    >>> import numpy as np
    >>> known = np.array(["2024-01-02", "2024-01-05"], dtype="datetime64[ns]")
    >>> stream = Stream("mood", known, np.array([[1.0], [2.0]]))
    >>> stream.at(np.array(["2024-01-01", "2024-01-04", "2024-01-05"], dtype="datetime64[ns]")).tolist()
    [[nan], [1.0], [2.0]]
    """

    name: str
    known: Times
    values: Floats
    path: str = ""
    lag: str = ""
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if len(self.known) != len(self.values) or (np.diff(self.known) <= np.timedelta64(0)).any():
            raise ValueError(f"{self.name}: the times of the rows must increase, one for each row")

    def newest(self, times: Times) -> np.ndarray:
        """The row that is the newest known at each of `times` (n,); -1 before the first."""
        return np.searchsorted(self.known, times, side="right") - 1

    def at(self, times: Times) -> Floats:
        """The newest values known at each of `times`; (n, k), NaN before the first row."""
        rows = self.newest(times)
        values = np.full((len(times), self.values.shape[1]), np.nan)
        values[rows >= 0] = self.values[rows[rows >= 0]]
        return values

    def between(self, first: int, last: np.datetime64) -> tuple[Times, Floats]:
        """The rows from number `first` on that are known at `last`; times and values."""
        end = max(first, int(np.searchsorted(self.known, last, side="right")))
        return self.known[first:end], self.values[first:end]

    def until(self, last: np.datetime64) -> Stream:
        """The rows that are known at `last`."""
        known, values = self.between(0, last)
        return replace(self, known=known, values=values)

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the times and the values; the same on every machine."""
        times = self.known.astype("<M8[ns]").tobytes()
        return hashlib.sha256(times + np.ascontiguousarray(self.values, dtype="<f8").tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class Outside:
    """All that a config takes from outside: the columns of ``data.extra`` and the bars of ``data.peers``."""

    extra: tuple[Stream, ...] = ()
    peers: tuple[Stream, ...] = ()

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The columns, then the peers."""
        return *self.extra, *self.peers

    def __bool__(self) -> bool:
        return bool(self.streams)

    def column(self, name: str) -> Stream:
        """The extra column called `name`.

        Raises
        ------
        ConfigError
            There is none.
        """
        for stream in self.extra:
            if stream.name == name:
                return stream
        hint = did_you_mean(name, [stream.name for stream in self.extra]) if self.extra else ""
        raise ConfigError(
            f"features: there is no column {name!r}{hint}; name its file in the config, "
            f"data: {{extra: [{{name: {name}, path: {name}.csv}}]}}; in a script of your own pass a feed as "
            "peers=[...]"
        )

    def until(self, last: np.datetime64) -> Outside:
        """What is known at `last`."""
        return self.of(stream.until(last) for stream in self.streams)

    def of(self, streams: Iterable[Stream]) -> Outside:
        """The same columns and peers with other rows: one stream for each of `streams`, in this order."""
        changed = tuple(streams)
        return Outside(changed[: len(self.extra)], changed[len(self.extra) :])

    @property
    def digest(self) -> bytes:
        """What a key of a run must contain: names and contents; b"" if there is nothing."""
        names = [f"{len(self.extra)}", *(f"{stream.name} {stream.sha256}" for stream in self.streams)]
        return "\n".join(names).encode() if self else b""


NOTHING = Outside()
"""What prices without ``data.extra`` and ``data.peers`` have from outside."""
