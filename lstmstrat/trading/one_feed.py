"""The bars of one feed, handed to a `WalkForward`: what an `LSTMForecast` of one asset reads.

Letters: n bars, Q quantile levels.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.targets import price_column
from lstmstrat.forecasting.walk_forward import WalkForward
from lstmstrat.prices.bars import CLOSE, COLUMNS
from lstmstrat.prices.outside import NOTHING
from lstmstrat.trading.clock import to_times
from lstmstrat.trading.lines import values_of
from lstmstrat.trading.peer_feed import PeerFeed, check_clocks

_log = logging.getLogger(__name__)
NO_FORECAST = "LSTMForecast has no forecast: it needs %d %s for the first, the %s has %d"


class OneFeed:
    """The input of an indicator and its peers, as they come.

    Parameters
    ----------
    data
        What the indicator was given: a feed, an indicator or a line.
    feed
        The feed that it comes from, which has the times.
    peers
        Other feeds.
    first
        Number of bars before which `data` has no value.

    Raises
    ------
    TypeError
        A line where whole bars are needed, or peers that cannot be joined.
    """

    def __init__(self, data: Any, feed: Any, peers: Sequence[Any], config: ForecastConfig, first: int):
        self._feed, self._first = feed, first
        self._peers = [PeerFeed(peer) for peer in peers]
        for peer in peers:
            check_clocks(feed, peer)
        outside = getattr(feed, "outside", NOTHING)  # of a config's own feed
        self.walk_forward = WalkForward(config, peers=len(self._peers), outside=outside)
        self._columns = _bar_lines(data, config, self.walk_forward.features.columns)
        self._replayed = bool(getattr(feed, "replaying", False))
        if self._replayed and self._peers:
            raise TypeError("LSTMForecast: peers need a feed of closed bars, not a replayed one: use resampledata")
        self._unfinished: Any = None  # arguments of `advance` for the open bar of a replayed feed

    @property
    def least(self) -> int:
        """Bars that the first forecast needs."""
        return self.walk_forward.schedule.first_fit + 1

    def collect(self) -> None:
        """Collects new bars of the peers, also where the feed itself has none."""
        for peer in self._peers:
            peer.collect()

    def newest(self, new: bool) -> Floats | None:
        """The lines of the newest bar; (1, 5 + Q). None if it is not a `new` one and will not change."""
        if not (new or self._replayed):
            return None
        bar = np.array([[np.nan if line is None else line[0] for line in self._columns]])  # (1, 5)
        arguments = self._time(), bar, [peer.new_bars() for peer in self._peers]
        return self._replay(new, arguments) if self._replayed else self.walk_forward.advance(*arguments)

    def whole(self, bars: int) -> Floats:
        """The lines of all bars of a preloaded feed; (n, 5 + Q)."""
        columns = [values_of(line, self._first, bars) for line in self._columns]
        times = to_times(values_of(self._feed.lines.datetime, self._first, bars))
        if bars < self._first + self.least:
            _log.warning(NO_FORECAST, self._first + self.least, "bars", "feed", bars)
        peers = [peer.all_bars() for peer in self._peers]
        return self.walk_forward.advance(times, np.column_stack(columns), peers)

    def _time(self) -> Times:
        return to_times(np.array([self._feed.lines.datetime[0]]))

    def _replay(self, new: bool, arguments: Any) -> Floats:
        """The forecast for the open bar of a replayed feed.

        Each call calculates it again; the bar is closed, and kept, when the next one begins.
        """
        if new and self._unfinished is not None:
            self.walk_forward.advance(*self._unfinished)
        self._unfinished = arguments
        return self.walk_forward.peek(*arguments)


def _bar_lines(data: Any, config: ForecastConfig, features: Set[int]) -> list[Any]:
    """The five lines of a bar; None for a line that the data lacks and that the forecast does not need."""
    lines = [getattr(data.lines, name, None) for name in COLUMNS]
    if lines[CLOSE] is not None:
        return lines
    columns = features | {price_column(config)}
    if columns != {CLOSE}:
        names = ", ".join(COLUMNS[c] for c in sorted(columns))
        raise TypeError(
            f"LSTMForecast needs {names}, but was given a single line; pass the whole data feed, or choose "
            "target='close' and features of the close, such as features=('return_1', 'volatility_21')"
        )
    return [data.lines[0] if c == CLOSE else None for c in range(len(COLUMNS))]
