"""Hold the asset while the forecast is above a threshold, else hold cash."""

from lstmstrat import ForecastStrategy


class LongFlat(ForecastStrategy):
    """Fully long while the forecast exceeds `threshold`; flat otherwise, and without a forecast."""

    params = (
        ("threshold", 0.0),  # log return over the forecast's horizon; about the cost of a round trip, or 0
    )
    bounds = (("threshold", -10.0, 10.0),)

    def target_exposure(self) -> float:
        """1 or 0."""
        return 1.0 if self.forecast[0] > self.p.threshold else 0.0
