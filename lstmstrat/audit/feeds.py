"""What a strategy can see of its feeds in a run of the audit: bars that come one by one, other bars, hidden bars.

streamed(bars)              a feed that holds no bar before its turn
OtherBars                   what becomes of other bars than those of the first feed:
change_others               of the feeds that `setup` adds
change_outside              of the columns and peers of a config
MaskedOpens                 another high, low, close and volume while a strategy acts at an open
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools, Floats
from lstmstrat.audit.perturb import DAILY
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME, Bars
from lstmstrat.prices.outside import Outside, Stream
from lstmstrat.trading.clock import to_numbers

HOOKS_AT_OPEN = ("prenext_open", "nextstart_open", "next_open")


def streamed(bars: Bars) -> Any:
    """A feed of `bars` that holds no bar before its turn; its `dataname` does not have the later ones either."""
    feed = bt.feed.DataBase(name=bars.symbol)
    feed.outside = bars.outside
    columns = {str(name): bars.frame[name].to_numpy() for name in bars.frame}  # each (n,)
    columns["datetime"] = to_numbers(pd.DatetimeIndex(bars.frame.index))
    rows = iter(np.column_stack(list(columns.values())).tolist())

    def load() -> bool:
        row = next(rows, None)
        for name, value in zip(columns, row or (), strict=False):
            getattr(feed.lines, name)[0] = value
        return row is not None

    feed._load = load
    return feed


@dataclass(frozen=True)
class OtherBars:
    """What becomes of the bars of the other feeds; times are Backtrader's numbers."""

    first: float = -math.inf  # earlier bars are left out
    last: float = math.inf  # later bars are left out
    changed_after: float = math.inf  # later bars are changed ...
    changed_until: float = math.inf  # ... up to this time
    mirrored: bool = False  # True: every return with the opposite sign; False: times a random walk
    seed: int = 0


def change_others(cerebro: Any, what: OtherBars) -> None:
    """Change each feed but the first while it loads its bars; a resampled copy of a feed follows its source."""
    for feed in cerebro.datas[1:]:
        if not isinstance(feed, bt.feed.DataClone):
            feed._load = _changed(feed, feed._load, what)
            if not isinstance(feed, bt.feed.CSVDataBase):  # others may load whole columns, past `_load`
                feed.preload = functools.partial(bt.feed.AbstractDataBase.preload, feed)


def change_outside(outside: Outside, what: OtherBars) -> Outside:
    """Columns and peers with the rows changed or left out that become known at the times of `what`.

    None is left out at the beginning: a history that begins later has the same files.
    """
    return outside.of(_changed_stream(stream, what, k) for k, stream in enumerate(outside.streams))


def _changed_stream(stream: Stream, what: OtherBars, number: int) -> Stream:
    numbers = to_numbers(pd.DatetimeIndex(stream.known))  # (m,)
    which = (numbers > what.changed_after) & (numbers <= what.changed_until)  # (m,)
    rng = np.random.default_rng([what.seed, 5, number])
    steps = np.cumsum(rng.normal(size=int(which.sum())))
    values = stream.values.copy()
    before = values[: int(which.argmax())][-1:] if which.any() else values[:0]
    values[which] = (_other_bars if values.shape[1] > 1 else _other_values)(values, which, before, steps, what)
    kept = numbers <= what.last
    return replace(stream, known=stream.known[kept], values=values[kept])


def _other_values(values: Floats, which: Bools, before: Floats, steps: Floats, what: OtherBars) -> Floats:
    """Other values of a column: those about the one before the change, or a random walk added to them."""
    if what.mirrored:
        start: Floats = before if len(before) else np.zeros((1, 1))
        mirrored: Floats = 2.0 * start - values[which] + (values[which] == start)
        return mirrored
    scale = float(np.std(values)) or 1.0
    moved: Floats = values[which] + scale * steps[:, None]
    return moved


def _other_bars(values: Floats, which: Bools, before: Floats, steps: Floats, what: OtherBars) -> Floats:
    """Other bars of a peer, by the rules for the bars of a feed."""
    bars = values[which].copy()
    if what.mirrored and len(before):
        bars[:, : CLOSE + 1] = before[0, CLOSE] ** 2 / bars[:, [OPEN, LOW, HIGH, CLOSE]]
    else:
        bars[:, OPEN] *= np.exp(DAILY * np.append(0.0, steps[:-1]))
        bars[:, CLOSE] *= np.exp(DAILY * steps)
        bars[:, HIGH] = bars[:, [OPEN, CLOSE]].max(axis=1) * 1.01
        bars[:, LOW] = bars[:, [OPEN, CLOSE]].min(axis=1) * 0.99
    bars[:, VOLUME] *= 1.5
    return bars


def _changed(feed: Any, load: Callable[[], Any], what: OtherBars) -> Callable[[], Any]:
    """The `_load` of a feed, which leaves out or changes what it loads."""
    rng, level, kept = np.random.default_rng([what.seed, 3]), 0.0, 0.0

    def changed() -> Any:
        nonlocal level, kept
        while loaded := load():
            time = feed.lines.datetime[0]
            if time > what.last:
                return False
            if time < what.first:
                continue
            if what.changed_after < time <= what.changed_until:
                before, level = level, level + DAILY * float(rng.normal())
                _mirror_bar(feed, kept) if what.mirrored and kept else _move_bar(feed, before, level)
            else:
                kept = feed.lines.close[0]
            return loaded
        return loaded

    return changed


def _move_bar(feed: Any, before: float, after: float) -> None:
    """Move the log of the newest open by `before`, and that of its close by `after`."""
    lines = feed.lines
    lines.open[0] *= math.exp(before)
    lines.close[0] *= math.exp(after)
    lines.high[0] = max(lines.open[0], lines.close[0]) * 1.01
    lines.low[0] = min(lines.open[0], lines.close[0]) * 0.99
    _change_numbers(feed, math.exp(after))


def _mirror_bar(feed: Any, close: float) -> None:
    """Give every return since `close` the opposite sign: each price p becomes close**2 / p."""
    lines = feed.lines
    prices = [getattr(lines, name)[0] or math.nan for name in ("open", "low", "high", "close")]
    for name, price in zip(("open", "high", "low", "close"), prices, strict=True):
        getattr(lines, name)[0] = close**2 / price
    _change_numbers(feed, 1.5)


def _change_numbers(feed: Any, factor: float) -> None:
    """Change what is no price: the volume, and the lines of a feed of the user's own."""
    for name in feed.getlinealiases():
        line = getattr(feed.lines, name)
        if name == "volume":
            line[0] *= factor
        elif name not in ("open", "high", "low", "close", "datetime", "openinterest"):
            line[0] = factor - 1.0 - line[0]


class MaskedOpens:
    """Hides the rest of each bar from a strategy while it acts at the open of the bar.

    Backtrader has the whole bar loaded when it calls `next_open`. What a strategy does there must not move if
    high, low, close and volume of the bar are others for the time of the call: the close is `factor` times the
    open.
    """

    def __init__(self, strategy: Any, factor: float):
        self.strategy, self.factor = strategy, factor
        self.seen = [0] * len(strategy.datas)  # bars of each feed at the last close
        for name in HOOKS_AT_OPEN:
            setattr(strategy, name, self._masked(getattr(strategy, name)))
        strategy.notify_timer = self._timer(strategy.notify_timer)

    def close(self) -> None:
        """Note that a bar is complete: from now on all of it may be seen."""
        self.seen = [len(feed) for feed in self.strategy.datas]

    def _masked(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def masked(*args: Any, **values: Any) -> Any:
            feeds = zip(self.strategy.datas, self.seen, strict=True)
            new = [feed for feed, seen in feeds if len(feed) > seen]
            kept = [(line, line.array[line.idx]) for feed in new for line in _unknown(feed).values()]
            for feed in new:
                _hide(feed, self.factor)
            try:
                return act(*args, **values)
            finally:
                for line, value in kept:
                    line.array[line.idx] = value

        return masked

    def _timer(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """A timer with `cheat` is called at the open, any other at the close."""
        masked = self._masked(act)

        def notify(timer: Any, when: Any, *args: Any, **values: Any) -> Any:
            return (masked if timer.params.cheat else act)(timer, when, *args, **values)

        return notify


def _unknown(feed: Any) -> dict[str, Any]:
    """The lines of a feed, by name, whose newest value is not known at the open of its bar."""
    names = [name for name in feed.getlinealiases() if name not in ("datetime", "open", "openinterest")]
    return {name: getattr(feed.lines, name) for name in names}


def _hide(feed: Any, factor: float) -> None:
    """Put a close of `factor` times the open, and a high and low around it, in place of the newest bar's."""
    opened = feed.lines.open[0]
    close = opened * factor
    bar = {"close": close, "high": max(opened, close) * 1.01, "low": min(opened, close) * 0.99}
    for name, line in _unknown(feed).items():
        line.array[line.idx] = bar.get(name, line.array[line.idx] * factor + factor - 1.0)
