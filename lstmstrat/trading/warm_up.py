"""The bars before the first decision: held back from a strategy, and gone through at once if nobody looks at them.

Backtrader goes through them one by one, which takes nearly as long as bars that are traded. In once mode all lines
are complete by then, and most strategies have nothing to do there.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt

from lstmstrat.trading.indicator import LSTMForecast
from lstmstrat.trading.recorder import Recorder

# What Backtrader calls at such a bar. A strategy with one of its own is called at each.
_CALLED = (
    *("prenext", "prenext_open", "notify_cashvalue", "notify_fund"),
    *("_oncepost", "_oncepost_open", "_notify", "_next_analyzers", "_next_observers", "forward", "clear"),
    "_getminperstatus",
)


class FirstDecision(bt.Indicator):  # type: ignore[misc]
    """An empty indicator; its minimum period holds back the strategy's `next` until bar number `bar`."""

    lines = ("nothing",)
    params = (("bar", 0),)

    def __init__(self) -> None:
        self.addminperiod(self.p.bar + 1)

    def advance(self, size: int = 1) -> None:
        """Does nothing: nobody reads its line."""


def skip_warm_up(cerebro: Any, feed: Any) -> None:
    """Move all of a run in once mode to its last bar but one before the first decision, if no one would notice.

    Called before the first bar. `feed` is the feed of `cerebro`.
    """
    if len(cerebro.runningstrats) != 1 or len(cerebro.datas) != 1:
        return
    (strategy,) = cerebro.runningstrats
    bars, indicators = strategy._minperiod - 2, strategy.getindicators()  # one is left for Backtrader to see
    if not 0 < bars < feed.buflen() or _is_watched(cerebro, strategy) or not _follow(indicators, feed):
        return
    feed.advance(bars)
    for indicator in indicators:
        indicator.advance(bars)
    strategy.forward(size=bars)
    strategy.lines.datetime.array[:bars] = feed.lines.datetime.array[:bars]
    for analyzer in strategy.analyzers:
        analyzer.skip(bars)


def _is_watched(cerebro: Any, strategy: Any) -> bool:
    """Whether something is called at each bar before the first decision, or has to do there."""
    cls, broker = type(strategy), cerebro.broker
    if not getattr(broker, "is_idle", False):  # or not ours, of which nobody knows what it does at a bar
        return True
    own = any(getattr(cls, name) is not getattr(bt.Strategy, name) or name in vars(strategy) for name in _CALLED)
    beside = (cerebro._timers, cerebro._timerscheat, cerebro.runwriters, broker.notifs)
    observers = strategy._lineiterators[bt.LineIterator.ObsType], strategy._slave_analyzers
    skipping = all(isinstance(analyzer, Recorder) for analyzer in strategy.analyzers)
    return own or any(beside) or any(observers) or strategy._oldsync or not skipping


def _follow(indicators: list[Any], feed: Any) -> bool:
    """Whether each indicator moves on with the feed, or with one before it, and by Backtrader's rule."""
    moved = {id(line) for line in feed.lines.lines}
    plain = bt.Indicator.advance, bt.LineBuffer.advance, LSTMForecast.advance, FirstDecision.advance
    for indicator in indicators:
        if id(indicator._clock.lines[0]) not in moved or type(indicator).advance not in plain:
            return False
        if not isinstance(indicator, FirstDecision):
            moved |= {id(line) for line in getattr(indicator.lines, "lines", [indicator])}
    return True
