"""Follow the forecast only in the direction of the trend."""

import backtrader as bt

from lstmstrat import ForecastStrategy


class TrendFilter(ForecastStrategy):
    """Fully long while the forecast is positive and the close is above its moving average, else flat.

    The strategy is also flat without a forecast.
    """

    params = (
        ("period", 100),  # bars in the moving average
    )
    bounds = (("period", 1, 10_000),)

    def __init__(self) -> None:
        super().__init__()
        self.average = bt.ind.SMA(self.data.close, period=self.p.period)

    def target_exposure(self) -> float:
        """1 or 0."""
        return 1.0 if self.forecast[0] > 0.0 and self.data.close[0] > self.average[0] else 0.0
