"""What the tests of the contract share: a strategy that keeps every line of an indicator at every bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from helpers.market import SMALL, alone, market
from lstmstrat import LSTMForecast
from lstmstrat.arrays import Floats

FIRST = 2 + 60 + 2  # warm-up of distance_3, train_size, purge of target: open
REFITS = [64, 77, 90, 103, 116, 129, 142, 155]  # FIRST and every 13th bar
TWO: dict[str, Any] = {**SMALL, "members": 2}
CLOSES: dict[str, Any] = {**SMALL, "features": ("return_1", "distance_3"), "target": "close"}
FRAME = market(160).frame

Lines = dict[str, Any]
Build = Callable[[bt.Strategy], Lines]


def one(strategy: Any) -> Lines:
    return {"f": LSTMForecast(strategy.data, **TWO)}


class Recorder(bt.Strategy):
    """Keeps what every line of every indicator that `build` makes shows at each of its bars."""

    params = (("build", one),)

    def __init__(self) -> None:
        self.built = self.p.build(self)
        self.seen: dict[str, dict[int, list[float]]] = {name: {} for name in self.built}
        self.begun: int | None = None

    def prenext(self) -> None:
        for name, indicator in self.built.items():
            if len(indicator):  # of a bar that is announced again, the last stays
                lines = getattr(indicator, "lines", (indicator,))
                self.seen[name][len(indicator)] = [line[0] for line in lines]

    def next(self) -> None:
        self.begun = len(self) - 1 if self.begun is None else self.begun
        self.prenext()


class Ticking(bt.feeds.PandasData):
    """A live feed: at two of three calls there is nothing new."""

    def start(self) -> None:
        super().start()
        self.calls = 0

    def islive(self) -> bool:
        return True

    def _load(self) -> Any:
        self.calls += 1
        return super()._load() if self.calls % 3 == 0 else None


@dataclass(frozen=True)
class Recorded:
    """`lines` of an indicator: (bars, lines) as they were shown; `refits` the bars its folds were fitted at."""

    strategy: Any
    trained: int  # networks

    def lines(self, name: str = "f") -> Floats:
        return np.array(list(self.strategy.seen[name].values()))

    def bits(self, name: str = "f") -> np.ndarray:
        """Equal only if every bit is, NaN too."""
        return self.lines(name).view(np.uint64)

    @property
    def refits(self) -> list[int]:
        return [fitted.fold.fitted_at for fitted in self.strategy.built["f"].walk_forward.folds]


def recorded(
    build: Build = one,
    frame: pd.DataFrame = FRAME,
    feed: type[Any] = bt.feeds.PandasData,
    feeds: Callable[[Any], None] | None = None,
    **cerebro: Any,
) -> Recorded:
    """A run of `build` on `frame`; `feeds` adds other feeds to the cerebro, in place of it."""
    engine = bt.Cerebro(**{"stdstats": False, **cerebro})
    if feeds is None:
        engine.adddata(feed(dataname=frame))
    else:
        feeds(engine)
    engine.addstrategy(Recorder, build=build)
    with alone().active() as session:
        return Recorded(engine.run()[0], session.fitted)
