"""Hold what makes the account grow fastest if the forecast is right: the Kelly criterion."""

import math

from lstmstrat import ForecastStrategy


class Kelly(ForecastStrategy):
    """The exposure is `fraction` times the mean of the return to come over its variance, limited to `cap`.

    For a log return with mean m and standard deviation s, the simple return has about the mean m + s^2 / 2, so the
    exposure of fastest growth is m / s^2 + 1/2 (Kelly 1956; Thorp 2006). It needs the true mean. With half of it,
    the custom, growth is three quarters of the fastest, and an error of the forecast costs much less. The strategy
    is flat without a forecast, and where no close has moved for 63 bars.
    """

    params = (
        ("fraction", 0.5),  # of the exposure of fastest growth
        ("cap", 1.0),  # largest exposure, long or short; at most 1
    )
    bounds = (("fraction", 0.0, 100.0), ("cap", 0.0, 1.0))

    def target_exposure(self) -> float:
        """From -cap to cap; 0 without a forecast."""
        exposure = self.p.fraction * (self.forecast[0] / self.sigma[0] ** 2 + 0.5)
        return 0.0 if math.isnan(exposure) else max(-self.p.cap, min(self.p.cap, exposure))
