"""The rungs of the ladder below the LSTM: cheaper models on the same folds, inputs, targets and fills.

    always_up    the usual size of a label, upwards, whatever is seen
    last_sign    that size, with the sign of the newest value of the last feature
    ridge        linear in the newest bar's inputs, its penalty chosen by leave-one-out
    boosting     trees of the newest bar's inputs

They see the newest bar only, where the LSTM sees `lookback` bars. They learn from the same samples, so what the
LSTM has over them is what memory adds. The default features hold returns over 1, 5 and 21 bars: ridge on them is
an autoregression in the manner of HAR (Corsi 2009).

Letters: n bars, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.values import Array, Scaled, Scaler, TrainingSlice, samples, scaled

Model = Callable[[Array], Array]  # inputs (n, F) -> forecasts (n,)

ALPHAS = np.logspace(-3, 2, 11)  # penalty a sample: from next to none, to a hundredth of the coefficients left
BOOSTING: dict[str, Any] = {  # small steps of small trees with large leaves: there is little signal in a return
    "max_iter": 50,
    "max_leaf_nodes": 8,
    "learning_rate": 0.05,
    "min_samples_leaf": 40,
    "early_stopping": False,
}


@dataclass(frozen=True)
class FittedRung:
    """A fitted model; the counterpart of a trained network (`lstm.values.Fitted`)."""

    inputs: Scaler  # (F,)
    train_loss: Array  # (1,), mean squared error of the scaled target in the training slice
    model: Model  # from the features of the newest bar, as they are, to log returns


def fit(s: TrainingSlice, config: ForecastConfig) -> FittedRung | None:
    """The rung `config.model` of a slice; None without a sample, or where it is not finite.

    All samples are learned from: nothing is held out, whatever `val_size` says.
    """
    usable = samples(s.rows, s.targets, config.lookback)
    if not usable.any():
        return None
    data = scaled(s, config)
    model = _model(s, data, usable, config)
    errors = (model(s.rows[usable]) - data.output.location) / data.output.scale - data.y[usable]
    loss = np.array([np.square(errors).mean()])
    return FittedRung(data.inputs, loss, model) if np.isfinite(loss).all() else None


def predict(rung: FittedRung, rows: Array, config: ForecastConfig) -> Array:
    """Forecasts (n,) from `rows` (L - 1 + n, F) of features, as a network is given them; log returns.

    A forecast has the same bits whatever stands beside it.
    """
    return rung.model(rows[config.lookback - 1 :])


def _model(s: TrainingSlice, data: Scaled, usable: npt.NDArray[np.bool_], config: ForecastConfig) -> Model:
    size = float(np.abs(s.targets[usable]).mean())
    if config.model == "always_up":
        return partial(_always_up, size)
    if config.model == "last_sign":
        return partial(_last_sign, size)
    x, y = data.x[usable].astype(np.float64), data.y[usable].astype(np.float64)
    learned = _ridge(x, y) if config.model == "ridge" else _boosting(x, y, s.seed)
    return partial(_in_units, learned, data.inputs, data.output, config.clip)


def _always_up(size: float, rows: Array) -> Array:
    return np.full(len(rows), size)


def _last_sign(size: float, rows: Array) -> Array:
    return np.sign(rows[:, -1]) * size


def _in_units(learned: Model, inputs: Scaler, output: Scaler, clip: float, rows: Array) -> Array:
    """A model of scaled inputs and a scaled target, on features and log returns."""
    made = learned(inputs.apply(rows, clip).astype(np.float64))
    unscaled: Array = output.location[0] + output.scale[0] * made
    return unscaled


def _linear(coefficients: Array, intercept: float, x: Array) -> Array:
    """No matrix product, whose bits depend on how many rows there are: column by column."""
    summed: Array = np.add.accumulate(x * coefficients, axis=1)[:, -1]
    return summed + intercept


def _ridge(x: Array, y: Array) -> Model:
    """The penalty with the smallest leave-one-out error."""
    from sklearn.linear_model import RidgeCV

    # A single sample has no leave-one-out error (0 / 0); any penalty gives its label then.
    with _threads().limit(limits=1), np.errstate(divide="ignore", invalid="ignore"):
        found = RidgeCV(alphas=len(x) * ALPHAS).fit(x, y)
    return partial(_linear, found.coef_, float(found.intercept_))


def _boosting(x: Array, y: Array, seed: int) -> Model:
    from sklearn.ensemble import HistGradientBoostingRegressor

    with _threads().limit(limits=1):
        found = HistGradientBoostingRegressor(**BOOSTING, random_state=seed % 2**32).fit(x, y)
    return partial(_trees, found)


def _trees(found: Any, x: Array) -> Array:
    with _threads().limit(limits=1):
        made: Array = found.predict(x)
    return made


@cache
def _threads() -> Any:
    """What limits the threads of scikit-learn and of its matrix products to one, while a block lasts.

    Their sums round by the number of threads; and threads that wait for each other after every step of a tree take
    a hundred times as long as one, once something else runs on a core.
    """
    import sklearn.ensemble  # noqa: F401  its thread pools must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looking them up takes milliseconds: once
