"""Buy at the first open and hold to the end. The benchmark of every run, here for other programs to import."""

from lstmstrat import BuyAndHold

__all__ = ["BuyAndHold"]
