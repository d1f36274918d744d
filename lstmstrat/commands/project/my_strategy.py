"""A strategy: say at each close how much of the account to hold; it is traded at the next open."""

from lstmstrat import ForecastStrategy


class MyStrategy(ForecastStrategy):
    """All in while the forecast is above `threshold`, else out."""

    params = (
        ("threshold", 0.0),  # log return over the horizon: 0.001 is 0.1%
    )

    def target_exposure(self) -> float:
        """1 is all in, 0 is out, -1 is fully short; anything between is allowed. self.data is the feed."""
        return 1.0 if self.forecast[0] > self.p.threshold else 0.0
