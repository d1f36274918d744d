"""Hold more where the forecast is large relative to the realised volatility, and less where it is small."""

import math

import backtrader as bt

from lstmstrat import ForecastStrategy


class VolatilityTarget(ForecastStrategy):
    """The exposure is `strength` times the forecast over the realised volatility, limited to `cap`.

    Both cover the horizon of the forecast: the volatility is the standard deviation of one-bar returns over the
    last `window` bars, times the square root of the horizon. With strength 10, a forecast of 0.05 standard
    deviations gives an exposure of 0.5; twice the volatility halves it. The strategy is flat without a forecast,
    and while prices do not change.
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
        """From -cap to cap; 0 without a forecast."""
        volatility = self.volatility[0] * math.sqrt(self.model.p.horizon)
        if volatility == 0.0 or math.isnan(self.forecast[0]):
            return 0.0
        exposure = self.p.strength * self.forecast[0] / volatility
        return max(-self.p.cap, min(self.p.cap, exposure))
