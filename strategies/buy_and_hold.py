"""Buy at the first open and hold to the end: the benchmark of every run, here for other programs to import."""

from lstmstrat.strategy import BuyAndHold

__all__ = ["BuyAndHold"]
