"""The classical crossover of two moving averages: a strategy without a forecast, for comparison."""

import backtrader as bt

from lstmstrat import ExposureStrategy, StrategyError


class SmaCross(ExposureStrategy):
    """Fully long while the fast moving average of the close is above the slow one, else flat."""

    params = (
        ("fast", 20),  # bars
        ("slow", 50),  # bars
    )
    bounds = (("fast", 1, 10_000), ("slow", 2, 10_000))

    def __init__(self) -> None:
        super().__init__()
        if not self.p.fast < self.p.slow:
            raise StrategyError(f"SmaCross: fast {self.p.fast} must be less than slow {self.p.slow}")
        self.fast = bt.ind.SMA(self.data.close, period=self.p.fast)
        self.slow = bt.ind.SMA(self.data.close, period=self.p.slow)

    def target_exposure(self) -> float:
        """1 or 0."""
        return 1.0 if self.fast[0] > self.slow[0] else 0.0
