"""The statistics of a run that take thousands of resamples, each worked out once for the same series and code.

They are a function of their arguments: the draws are seeded. So they are kept in the store, under a hash of the
series, of the settings and of the code (`fingerprint.of_statistic`). What is quicker to work out than to look up,
such as a ratio or a mean, is not kept.

Letters: S strategies, n bars of the traded window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from lstmstrat.arrays import Bools, Floats
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.calendar import years
from lstmstrat.evaluation.growth import cagr_difference, drawdown_differences
from lstmstrat.evaluation.many_trials import superior_predictive_ability
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.evaluation.timing import Placebo, Positions, placebo
from lstmstrat.results.base_run import BaseRun
from lstmstrat.store import Store
from lstmstrat.study import fingerprint

T = TypeVar("T")


def known(store: Store, cls: type[T], kind: str, arrays: Sequence[Floats | Bools], make: Callable[[], T]) -> T:
    """The value of `make`, a dataclass of numbers and None; `store` keeps it for these `arrays` and this `kind`.

    `kind` names the statistic and every number that it depends on beside the arrays.
    """
    values: dict[str, Any] = store.remembered(
        fingerprint.of_statistic(kind, *arrays),
        lambda: asdict(make()),  # type: ignore[call-overload]
    )
    return cls(**values)


@dataclass(frozen=True, eq=False)
class Resampled:
    """What is resampled of the returns of a run."""

    store: Store
    run: BaseRun

    def sharpe(self, returns: Floats) -> Difference:
        """The annual Sharpe ratio of a strategy with these returns (n,) less that of buy-and-hold.

        The interval is one of as many as there are strategies.
        """
        base, periods, count = self._base, self.run.periods, len(self.run.strategies)
        return known(
            self.store,
            Difference,
            f"sharpe {periods} {count}",
            (returns, base),
            lambda: sharpe_difference(returns, base, periods, count),
        )

    def growth(self, returns: Floats) -> Difference:
        """The annual growth of a strategy with these returns (n,) less that of buy-and-hold."""
        base, span = self._base, years(self.run.dates.to_numpy())
        return known(
            self.store,
            Difference,
            f"growth {span}",
            (returns, base),
            lambda: cagr_difference(returns, base, span),
        )

    @property
    def drawdowns(self) -> list[Difference]:
        """The maximum drawdown of each strategy less that of buy-and-hold; (S,)."""
        found = self.store.remembered(
            fingerprint.of_statistic("drawdowns", self.run.returns),
            lambda: [asdict(d) for d in drawdown_differences(self.run.returns[1:], self._base)],
        )
        return [Difference(**values) for values in found]

    def placebo(self, positions: Positions) -> Placebo:
        """A strategy with these positions among shuffles of its holdings."""
        series, periods = (positions.held, positions.asset, positions.filled), self.run.periods
        return known(self.store, Placebo, f"placebo {periods}", series, lambda: placebo(positions, periods))

    @property
    def best(self) -> float | None:
        """The p-value that no strategy has a higher mean return than buy-and-hold: Hansen's test."""
        key = fingerprint.of_statistic("best", self.run.returns)
        found: float | None = self.store.remembered(
            key, lambda: superior_predictive_ability(self.run.returns[1:], self._base)
        )
        return found

    @property
    def _base(self) -> Floats:
        """Returns of buy-and-hold; (n,)."""
        base: Floats = self.run.returns[0]
        return base
