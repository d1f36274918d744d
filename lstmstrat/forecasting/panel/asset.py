"""`Asset`: the bars of one asset of a panel, beside the sessions at which it has them.

Letters: n bars of an asset, L lookback, m bars that are asked about, F features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmstrat.arrays import Floats, Ints, Times
from lstmstrat.forecasting.features import Feature
from lstmstrat.forecasting.history import History, Rows
from lstmstrat.forecasting.panel.samples import Bars


class Asset:
    """One asset: its closed bars with their features and sessions, and the pool that it belongs to."""

    def __init__(self, symbol: str, pool: str, features: Sequence[str]):
        self.symbol, self.pool = symbol, pool
        self.sessions = Rows((), "int64")  # (n,)
        self.far_since = 0  # the last fold that was far outside of its labels for this asset
        self._history = History(features, name=symbol)

    def append(self, sessions: Ints, times: Times, bars: Floats) -> None:
        """Appends bars, with the numbers of their sessions."""
        if len(sessions):
            self.sessions.append(sessions)
            self._history.append(times, bars)

    @property
    def bars(self) -> Bars:
        """The bars so far."""
        rows = self._history.rows if len(self.sessions.all) else np.empty((0, 0))
        return Bars(self.symbol, self.sessions.all, self._history.bars, rows)

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The feature of each input, once it has a bar; (F,)."""
        return tuple(self._history.inputs)

    def between(self, low: int, high: int) -> slice:
        """The bars at the sessions from `low` up to `high`."""
        first, end = np.searchsorted(self.sessions.all, [low, high])
        return slice(int(first), int(end))

    def window(self, bars: slice, lookback: int) -> Floats:
        """The feature rows of some bars and of the L - 1 before them, NaN before the first bar."""
        begin = bars.start + 1 - lookback
        rows = self._history.rows[max(begin, 0) : bars.stop]
        return np.vstack([np.full((max(-begin, 0), rows.shape[1]), np.nan), rows])
