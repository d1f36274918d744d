"""Believe the forecast only in the direction of the trend."""

import backtrader as bt

from lstmstrat.strategy import ForecastStrategy


class TrendFilter(ForecastStrategy):
    """All in while the forecast is positive and the close above its moving average; flat otherwise.

    Flat, too, when there is no forecast.
    """

    params = (
        ("period", 100),  # bars in the moving average
    )

    def __init__(self) -> None:
        super().__init__()
        self.average = bt.ind.SMA(self.data.close, period=self.p.period)

    def target_exposure(self) -> float:
        """1 or 0."""
        return 1.0 if self.forecast[0] > 0.0 and self.data.close[0] > self.average[0] else 0.0
