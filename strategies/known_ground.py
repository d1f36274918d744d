"""Follow the forecast only where the model knows its way."""

from lstmstrat.strategy import ForecastStrategy


class KnownGround(ForecastStrategy):
    """All in while the forecast is positive and the inputs lie within `limit` of what the model was trained on.

    Flat otherwise, and when there is no forecast. `distance` is 0 within the range of the training slice, 1 at one
    standard deviation outside it.
    """

    params = (
        ("limit", 1.0),  # standard deviations outside the training slice
    )

    def target_exposure(self) -> float:
        """1 or 0."""
        return 1.0 if self.forecast[0] > 0.0 and self.distance[0] <= self.p.limit else 0.0
