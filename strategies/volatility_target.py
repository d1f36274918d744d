"""Hold more where the forecast is large relative to the risk of the return, and less where it is small."""

import math

from lstmstrat import ForecastStrategy


class VolatilityTarget(ForecastStrategy):
    """The exposure is `strength` times the forecast over `sigma`, limited to `cap`.

    Both are of the return over the horizon, which `sigma` is the standard deviation of. With strength 10, a
    forecast of 0.05 standard deviations gives an exposure of 0.5; twice the risk halves it. The strategy is flat
    without a forecast, and where no close has moved for 63 bars.
    """

    params = (
        ("strength", 10.0),  # exposure for a forecast of one standard deviation
        ("cap", 1.0),  # largest exposure, long or short; at most 1
    )
    bounds = (("strength", 0.0, 1e6), ("cap", 0.0, 1.0))

    def target_exposure(self) -> float:
        """From -cap to cap; 0 without a forecast."""
        exposure = self.p.strength * self.forecast[0] / self.sigma[0]
        return 0.0 if math.isnan(exposure) else max(-self.p.cap, min(self.p.cap, exposure))
