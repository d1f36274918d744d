"""Trade only when the members of the ensemble agree."""

from lstmstrat import ForecastStrategy, StrategyError


class Conviction(ForecastStrategy):
    """Fully long or fully short while the forecast is more than `multiple` spreads above or below 0, else flat.

    The strategy is also flat without a forecast. The spread is the standard deviation of the forecast over the
    members, so the ensemble needs at least two.
    """

    params = (
        ("multiple", 1.0),  # spreads between the forecast and 0
    )
    bounds = (("multiple", 0.0, 1e6),)

    def __init__(self) -> None:
        super().__init__()
        if self.model.walk_forward.members < 2:
            raise StrategyError(
                "Conviction compares the members of an ensemble, and a fold has one; set forecast.members to 5, "
                "say, and model: lstm"
            )

    def target_exposure(self) -> float:
        """1, 0 or -1."""
        needed = self.p.multiple * self.spread[0]
        if self.forecast[0] > needed:
            return 1.0
        return -1.0 if self.forecast[0] < -needed else 0.0
