"""Trade only when the members of the ensemble agree."""

from lstmstrat.errors import StrategyError
from lstmstrat.strategy import ForecastStrategy


class Conviction(ForecastStrategy):
    """All in, or fully short, while the forecast is more than `multiple` spreads from 0; flat otherwise.

    Flat, too, when there is no forecast. The spread is the standard deviation of the forecast over the members, so
    there must be at least two.
    """

    params = (
        ("multiple", 1.0),  # spreads between the forecast and 0
    )

    def __init__(self) -> None:
        super().__init__()
        if self.model.p.members < 2:
            raise StrategyError(
                "Conviction compares the members of an ensemble; set forecast.members to 5, say, not 1"
            )

    def target_exposure(self) -> float:
        """1, 0 or -1."""
        needed = self.p.multiple * self.spread[0]
        if self.forecast[0] > needed:
            return 1.0
        return -1.0 if self.forecast[0] < -needed else 0.0
