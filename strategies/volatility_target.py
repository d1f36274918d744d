"""Hold more where the forecast is large beside the realised volatility, less where the market is wild."""

import math

import backtrader as bt

from lstmstrat.strategy import ForecastStrategy


class VolatilityTarget(ForecastStrategy):
    """Exposure is the forecast over the realised volatility, times `strength`, capped; flat with no forecast.

    Both are over the forecast's horizon: the volatility is the standard deviation of one-bar returns over the
    last `window` bars times the root of the horizon. So a forecast of 0.05 standard deviations asks, with
    strength 10, for an exposure of 0.5, and twice the volatility halves it. Flat, too, while prices stand still.
    """

    params = (
        ("strength", 10.0),  # exposure for a forecast of one standard deviation
        ("cap", 1.0),  # largest exposure, long or short; at most 1
        ("window", 21),  # bars
    )

    def __init__(self) -> None:
        super().__init__()
        one_bar = bt.ind.PercentChange(self.data.close, period=1)
        self.volatility = bt.ind.StandardDeviation(one_bar, period=self.p.window)

    def target_exposure(self) -> float:
        """From -cap to cap; NaN when there is no forecast."""
        volatility = self.volatility[0] * math.sqrt(self.model.p.horizon)
        if volatility == 0.0 or math.isnan(self.forecast[0]):
            return 0.0
        exposure = self.p.strength * self.forecast[0] / volatility
        return max(-self.p.cap, min(self.p.cap, exposure))
