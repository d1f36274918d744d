"""The feed of a peer in a Backtrader script: its bars as they come, and on which clock they are."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats, Times
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.trading.clock import to_times
from lstmstrat.trading.lines import values_of

EXAMPLES = {"peers": "[self.data1]", "universe": "self.datas"}


class PeerFeed:
    """A feed whose new bars an indicator of another feed collects; `parameter` is what it was given as."""

    def __init__(self, feed: Any, parameter: str = "peers"):
        if not isinstance(feed, bt.AbstractDataBase):
            raise TypeError(
                f"LSTMForecast: {parameter} are whole data feeds, not {type(feed).__name__}; write "
                f"{parameter}={EXAMPLES[parameter]}"
            )
        if feed._env is not None and feed._env.p.exactbars == 1:
            raise TypeError(
                "LSTMForecast: with exactbars=1 Backtrader loses bars of a second feed; use exactbars=-1"
            )
        if getattr(feed, "replaying", False):
            raise TypeError(
                f"LSTMForecast: a replayed feed has unfinished bars; {parameter}=[...] need closed ones"
            )
        self._feed = feed
        self._bar_count = 0  # bars collected so far
        self._rows: list[list[float]] = []  # time and columns of the bars since the last call of `new_bars`

    def collect(self) -> None:
        """Collects the bars that arrived since the last call."""
        lines = [getattr(self._feed.lines, name) for name in ("datetime", *COLUMNS)]
        for ago in range(self._bar_count - len(self._feed) + 1, 1):
            self._rows.append([line[ago] for line in lines])
        self._bar_count = len(self._feed)

    def new_bars(self) -> tuple[Times, Floats]:
        """The bars collected since the last call of this method; times (m,), bars (m, 5)."""
        rows = np.array(self._rows).reshape(-1, 6)
        self._rows = []
        return to_times(rows[:, 0]), rows[:, 1:]

    def all_bars(self) -> tuple[Times, Floats]:
        """Every bar of a preloaded feed; times (m,), bars (m, 5)."""
        count = self._feed.buflen()
        bars = np.column_stack([values_of(getattr(self._feed.lines, name), 0, count) for name in COLUMNS])
        return to_times(values_of(self._feed.lines.datetime, 0, count)), bars


def check_clocks(own: Any, peer: Any) -> None:
    """Raises where one of two frames has times with a time zone, which become those of UTC, and the other none."""
    zones = [_time_zone(own), _time_zone(peer)]
    if None in zones or bool(zones[0]) == bool(zones[1]):
        return
    which, zone = ("prices", zones[1]) if zones[1] else ("peer", zones[0])
    raise TypeError(
        f"LSTMForecast: one frame has times in {zone}, which Backtrader makes those of UTC, and that of the "
        f"{which} has no time zone: a peer would be known hours early or late; say where its exchange is, "
        "frame.tz_localize('America/New_York')"
    )


def _time_zone(feed: Any) -> str | None:
    """The time zone of the index of a feed's frame, "" if it has none; None of a feed that shows no index."""
    source = feed
    while isinstance(source, bt.AbstractDataBase):  # a resampled feed is made of another
        source = source.p.dataname
    index = getattr(source, "index", None)
    return str(index.tz or "") if isinstance(index, pd.DatetimeIndex) else None
