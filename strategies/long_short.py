"""Follow the sign of the forecast, long or short."""

from lstmstrat import ForecastStrategy


class LongShort(ForecastStrategy):
    """Fully long above `threshold`, fully short below -`threshold`; flat between, and without a forecast.

    The simulated short position pays commission and slippage, but no fee for borrowing the shares.
    """

    params = (
        ("threshold", 0.0),  # log return over the forecast's horizon
    )
    bounds = (("threshold", 0.0, 10.0),)

    def target_exposure(self) -> float:
        """1, 0 or -1."""
        if self.forecast[0] > self.p.threshold:
            return 1.0
        return -1.0 if self.forecast[0] < -self.p.threshold else 0.0
