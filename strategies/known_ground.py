"""Follow the forecast only where the inputs resemble the training set."""

from lstmstrat import ForecastStrategy


class KnownGround(ForecastStrategy):
    """Fully long while the forecast is positive and the `distance` of the inputs is at most `limit`, else flat.

    The strategy is also flat without a forecast. `distance` is 0 within the range of the training set, 1 at one
    standard deviation outside it.
    """

    params = (
        ("limit", 1.0),  # standard deviations outside the range of the training set
    )
    bounds = (("limit", 0.0, 1e6),)

    def target_exposure(self) -> float:
        """1 or 0."""
        return 1.0 if self.forecast[0] > 0.0 and self.distance[0] <= self.p.limit else 0.0
