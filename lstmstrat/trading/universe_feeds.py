"""The feeds of a universe in a Backtrader script: one `PanelForward` for all the indicators that forecast them.

Letters: N feeds, D sessions, n bars of one feed, Q quantile levels.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.names import column
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.learned import LINES
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.prices.panel_assets import Asset, check_clocks, of_two_lengths, unfit
from lstmstrat.trading import peer_feed
from lstmstrat.trading.one_feed import NO_FORECAST

_log = logging.getLogger(__name__)
FILLED = 3
"""The lines that a panel fills: forecast, spread and distance, the first of `LINES`."""


class UniverseFeeds:
    """The bars of all feeds by session, and the forecast of each; used by the indicators of one strategy.

    A session is a time at which any feed has a bar. Backtrader delivers all bars of a time together, so a session
    is whole when an indicator sees it.

    Raises
    ------
    TypeError
        What is no whole feed of closed bars, or a feed twice.
    ConfigError
        A setting that is for one asset, or needs a config.
    """

    def __init__(self, feeds: Sequence[Any], config: ForecastConfig):
        _check(feeds, config)
        self.feeds, self.config = tuple(feeds), config
        self._sources = [peer_feed.PeerFeed(feed, "universe") for feed in feeds]
        for feed in feeds[1:]:
            peer_feed.check_clocks(feeds[0], feed)
        self.forward = PanelForward(config, _names(feeds))
        self._times: list[Times] = [np.empty(0, "datetime64[ns]") for _ in feeds]  # of the bars so far
        self._rows: list[list[Floats]] = [[] for _ in feeds]  # of the bars so far, (3,) each
        self._checked = False

    def serves(self, feeds: Sequence[Any], config: ForecastConfig) -> bool:
        """Whether it has the forecasts of these feeds with these settings."""
        same = len(feeds) == len(self.feeds) and all(map(lambda a, b: a is b, feeds, self.feeds))
        return same and config == self.config

    def whole(self, feed: Any) -> Floats:
        """The lines of every bar of a preloaded feed; (n, 5 + Q)."""
        if not len(self.forward.times):
            self._advance([source.all_bars() for source in self._sources])
            least, there = self.forward.schedule.first_fit + 1, len(self.forward.times)
            if there < least:
                _log.warning(NO_FORECAST, least, "sessions", "universe", there)
        return self._lines(np.array(self._rows[self._number(feed)]).reshape(-1, FILLED))

    def newest(self, feed: Any) -> Floats:
        """The lines of the newest bar of a feed, once all new bars of all feeds are in; (1, 5 + Q)."""
        for source in self._sources:
            source.collect()
        self._advance([source.new_bars() for source in self._sources])
        return self._lines(self._rows[self._number(feed)][-1][None])

    def _number(self, feed: Any) -> int:
        return next(n for n, one in enumerate(self.feeds) if one is feed)

    def _lines(self, rows: Floats) -> Floats:
        """Rows (n, 3) with the lines that only one asset has, sigma, up and the quantiles, as NaN."""
        lines = np.full((len(rows), len(LINES) + len(self.config.quantiles)), np.nan)
        lines[:, :FILLED] = rows
        return lines

    def _advance(self, new: Sequence[tuple[Times, Floats]]) -> None:
        """Hands the new bars of every feed to the panel, session by session."""
        times = np.unique(np.concatenate([of for of, _ in new]))
        if not len(times):
            return
        bars = np.full((len(times), len(new), len(COLUMNS)), np.nan)  # (d, N, 5)
        for n, (of, values) in enumerate(new):
            self._times[n] = _in_order(np.append(self._times[n], of), self.forward.symbols[n])
            bars[np.searchsorted(times, of), n] = values
        self._refuse_late(new)
        if not self._checked and len(self.forward.times) + len(times) > self.forward.schedule.first_fit:
            check_clocks(
                [Asset(*named, bars[:0, 0]) for named in zip(self.forward.symbols, self._times, strict=True)]
            )
            self._checked = True
        out = self.forward.advance(times, bars, np.ones(bars.shape[:2], dtype=bool))
        for n, (of, _) in enumerate(new):
            self._rows[n] += list(out[np.searchsorted(times, of), n])

    def _refuse_late(self, new: Sequence[tuple[Times, Floats]]) -> None:
        """Refuses weeks that are made of a feed of days: Backtrader delivers them with the day after them."""
        last = self.forward.times[-1:]
        late = [n for n, (of, _) in enumerate(new) if (of[:1] <= last).any()]
        lengths = [(feed._timeframe, feed._compression) for feed in self.feeds]
        names = self.forward.symbols
        odd = [(n, k) for n in late for k in range(len(names)) if lengths[n] != lengths[k]]
        if odd:
            raise unfit(*(of_two_lengths(names[n], names[k]) for n, k in odd[:3]))


class OneOfMany:
    """One feed of a universe, for its indicator.

    Raises
    ------
    TypeError
        `data` is none of the feeds.
    """

    least = 1
    """Bars before the first call of `next`: one feed may begin years after the others, and must not stop them."""

    def __init__(self, data: Any, universe: UniverseFeeds):
        if not any(feed is data for feed in universe.feeds):
            raise TypeError(
                "LSTMForecast: its data is no feed of the universe; write LSTMForecast(feed, universe=self.datas) "
                "for each feed of self.datas"
            )
        self._feed, self.universe, self.walk_forward = data, universe, universe.forward

    def collect(self) -> None:
        """Does nothing: the universe collects the bars of all its feeds."""

    def newest(self, new: bool) -> Floats | None:
        """The lines of the newest bar; (1, 5 + Q). None if it is not a `new` one."""
        return self.universe.newest(self._feed) if new else None

    def whole(self, bars: int) -> Floats:
        """The lines of all `bars` of a preloaded feed; (n, 5 + Q)."""
        return self.universe.whole(self._feed)


def _check(feeds: Sequence[Any], config: ForecastConfig) -> None:
    if len(feeds) < 2:
        raise TypeError(f"LSTMForecast: a universe of {len(feeds)} feeds given, expected 2 or more: self.datas")
    if len({id(feed) for feed in feeds}) < len(feeds):
        raise TypeError("LSTMForecast: universe has a feed twice; give each once, such as self.datas")
    if config.relation != "none" and len(feeds) < config.least_assets:
        raise ConfigError(
            f"LSTMForecast: a universe of {len(feeds)} feeds, and nothing is learned from a session of fewer than "
            f"{config.least_assets} returns; give least_assets={len(feeds)} or less"
        )
    if config.pool == "group":
        raise ConfigError("LSTMForecast: pool='group' needs the groups of a config; give pool='all' or 'none'")
    if named := [name for name in config.features if column(name)]:
        raise ConfigError(f"LSTMForecast: {named[0]!r} is of data.extra, which a universe has none of")


def _names(feeds: Sequence[Any]) -> list[str]:
    """The name of each feed, with its number where it has none or another one has it too."""
    names = [str(feed._name or "") for feed in feeds]
    return [name if name and names.count(name) == 1 else f"data{k}" for k, name in enumerate(names)]


def _in_order(times: Times, name: str) -> Times:
    if (np.diff(times) <= np.timedelta64(0)).any():
        raise ValueError(f"LSTMForecast: the feed {name} is not sorted by time, or has a time twice")
    return times
