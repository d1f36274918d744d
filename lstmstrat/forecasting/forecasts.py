"""The forecasts and folds of a walk-forward as values, without the fitted models.

Letters: n bars, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lstmstrat.arrays import Floats, Ints, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.schedule import Fold

WARM_UP = "warm-up: before the first fold"
TOO_FEW = "the fold had too few samples"
TRAINING_FAILED = "the training of the fold failed"
MISSING = "an input of the last `lookback` bars is missing"
NO_NUMBER = "the model gave no finite number"
FAR_OUTSIDE = "since the last fit a forecast was far outside of the labels of the training set"

OF_INPUTS = (TOO_FEW, MISSING)  # the reasons that an input without a value can be behind


@dataclass(frozen=True)
class FoldRecord:
    """A fold and the result of its fit."""

    fold: Fold
    samples: int
    mean: float  # mean label of its samples, which is the forecast of the past average; NaN without a sample
    first_loss: float  # mean training loss of its members after the first epoch; NaN if the fit failed
    train_loss: float  # the same after the last epoch
    reason: str = ""  # why the fold has no forecast: TOO_FEW or TRAINING_FAILED; "" if it has one
    weights: tuple[float, ...] = ()  # of the parts of its forecasts, see calibration.py; empty without calibration
    constant: bool = False  # its labels have no spread: no model was fitted, and the forecast is their mean

    @property
    def status(self) -> str:
        """``fitted``, ``constant`` or ``failed``."""
        return "failed" if self.reason else "constant" if self.constant else "fitted"


@dataclass(frozen=True, eq=False)
class Forecasts:
    """The forecasts of a walk-forward: one row per bar, with NaN and fold 0 where there is no forecast.

    It holds no fitted model and can be pickled. The comments of the fields give shapes and units.

    Raises
    ------
    ValueError
        The lines have different lengths, or a bar names a fold that does not exist.

    Examples
    --------
    >>> import lstmstrat
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> walk = lstmstrat.WalkForward(lstmstrat.ForecastConfig(model="ridge", train_size=250))
    >>> _ = walk.advance(prices.times, prices.bars)
    >>> len(walk.forecasts.times), len(walk.forecasts.folds)
    (543, 12)
    >>> walk.forecasts.missing["warm-up: before the first fold"]
    301
    """

    config: ForecastConfig  # train_size in bars
    times: Times  # (n,)
    forecast: Floats  # (n,) log return over the horizon, mean of the members
    spread: Floats  # (n,) standard deviation over the members (divisor M); 0 for one member
    distance: Floats  # (n,) how far the newest inputs lie outside the training set, in units of their scale
    sigma: Floats  # (n,) standard deviation of the return over the horizon
    up: Floats  # (n,) probability that this return is above `config.up_threshold`
    quantiles: Floats  # (n, Q) of this return, at the levels `config.quantiles`
    linear: Floats  # (n,) what the calibrated linear part alone would have forecast; NaN without calibration
    fold: Ints  # (n,) number of the fold in use
    folds: tuple[FoldRecord, ...]
    missing: Mapping[str, int]  # number of bars without a forecast, by reason
    gaps: Mapping[str, int] = field(default_factory=dict)
    """Number of bars, from the first training set on, on which an input has no value, by the name of the input."""

    def __post_init__(self) -> None:
        named = self.forecast, self.spread, self.distance, self.sigma, self.up
        lengths = {len(line) for line in (self.times, *named, self.quantiles, self.linear, self.fold)}
        if len(lengths) != 1:
            raise ValueError(f"the lines have lengths {sorted(lengths)}; expected as many rows in each")
        if len(self.fold) and self.fold.max() > len(self.folds):
            raise ValueError(f"a bar uses fold {self.fold.max()}, but there are {len(self.folds)} folds")

    @property
    def not_forecast(self) -> list[str]:
        """One sentence for each reason for no forecast after the warm-up, with the inputs that have no value."""
        reasons = sorted((r, count) for r, count in self.missing.items() if count and r != WARM_UP)
        inputs = f" ({in_words(self.gaps)})" if self.gaps else ""
        return [f"{n} bars: {reason}{inputs if reason in OF_INPUTS else ''}" for reason, n in reasons]


def in_words(gaps: Mapping[str, int], bars: int | None = None) -> str:
    """Which inputs have no value, on how many of so many bars, the first three by name.

    Examples
    --------
    >>> in_words({"volume_change": 21, "return_5": 5}, 60)
    'volume_change has no value on 21 of 60 bars, return_5 on 5'
    """
    of = "" if bars is None else f" of {bars}"
    first, *rest = gaps.items()
    words = [f"{first[0]} has no value on {first[1]}{of} bars", *(f"{name} on {n}" for name, n in rest[:2])]
    return ", ".join(words) + (f", and {len(rest) - 2} more inputs" if len(rest) > 2 else "")
