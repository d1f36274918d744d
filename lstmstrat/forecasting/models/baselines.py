"""Models that are cheaper than the LSTM, with the same folds, inputs, labels and fills: the rungs of the ladder.

    always_up    the mean absolute label, whatever the window contains
    last_sign    the mean absolute label, with the sign of the newest value of the last feature
    ridge        linear in the inputs of the newest bar, its penalty chosen by leave-one-out
    boosting     trees of the inputs of the newest bar

These models read only the newest bar of a window; the LSTM reads all `lookback` bars. They learn from the same
samples, so the advantage of the LSTM over them is what memory adds. The default features contain returns over 1, 5
and 21 bars, so ridge on them is an autoregression in the manner of HAR (Corsi 2009). The baselines learn from
all samples: none is held out, whatever `val_size` is.

Letters: n windows or samples, L lookback, F features, A penalties.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.models.base import FittedModel, Model, Stop, never
from lstmstrat.forecasting.models.borrowed import one_thread
from lstmstrat.forecasting.models.engines import source_hash
from lstmstrat.forecasting.training_set import ScaledTrainingSet, Scaler, TrainingSet

# Penalties per sample: the smallest changes almost nothing, the largest leaves a hundredth of a coefficient.
ALPHAS = np.logspace(-3, 2, 11)
STRETCH = 1024  # samples at a time, whose numbers stay in the cache
# Small steps of small trees with large leaves, because a return contains little signal.
BOOSTING: dict[str, Any] = {
    "max_iter": 50,
    "max_leaf_nodes": 8,
    "learning_rate": 0.05,
    "min_samples_leaf": 40,
    "early_stopping": False,
}
LAST_RETURN = "return_1"


@dataclass(frozen=True)
class Baseline(Model):
    """A model of the newest bar. `fit` calls `learn` and measures the loss on the samples."""

    scaler: str
    clip: float

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        """The fitted model; None without a sample, or if its loss is not finite."""
        if not training.usable.any():
            return None
        data = training.scaled(self.scaler, self.clip)
        fitted = self.learn(training, data, seed)
        if np.isnan(fitted.losses[0]):
            forecasts = fitted.of_rows(training.rows[training.usable])
            errors = (forecasts - data.output.location) / data.output.scale - data.y[training.usable]
            fitted.losses[0] = np.square(errors).mean()
        return fitted if np.isfinite(fitted.losses).all() else None

    @abstractmethod
    def learn(self, training: TrainingSet, data: ScaledTrainingSet, seed: int) -> FittedBaseline:
        """The fitted model; its loss may still be NaN."""


@dataclass(frozen=True, eq=False)
class FittedBaseline(FittedModel):
    """A function of the inputs of the newest bar."""

    def predict(self, windows: Floats) -> Floats:
        """Forecasts in log returns; (n, L, F) -> (n,)."""
        return self.of_rows(windows[:, -1])

    @abstractmethod
    def of_rows(self, rows: Floats) -> Floats:
        """Forecasts from the features of bars; (n, F) -> (n,)."""


def _unknown_loss() -> Floats:
    return np.array([np.nan])


@dataclass(frozen=True)
class AlwaysUp(Baseline):
    """Forecasts the mean absolute label at every bar."""

    calibrated: ClassVar[bool] = False

    def learn(self, training: TrainingSet, data: ScaledTrainingSet, seed: int) -> FittedBaseline:
        """Learns the mean absolute label."""
        return FittedAlwaysUp(data.inputs, _unknown_loss(), _mean_absolute_label(training))


@dataclass(frozen=True)
class LastSign(Baseline):
    """Forecasts the mean absolute label, with the sign of the newest value of the last feature."""

    calibrated: ClassVar[bool] = False

    @classmethod
    def instead(cls, name: str, config: ForecastConfig) -> ForecastConfig:
        """As `Model.instead`, with the return of the last bar as the last feature, which this model reads."""
        features = (*(f for f in config.features if f != LAST_RETURN), LAST_RETURN)
        return super().instead(name, config).model_copy(update={"features": features})

    def learn(self, training: TrainingSet, data: ScaledTrainingSet, seed: int) -> FittedBaseline:
        """Learns the mean absolute label."""
        return FittedLastSign(data.inputs, _unknown_loss(), _mean_absolute_label(training))


def _mean_absolute_label(training: TrainingSet) -> float:
    return float(np.abs(training.labels[training.usable]).mean())


@dataclass(frozen=True, eq=False)
class FittedAlwaysUp(FittedBaseline):
    """The same forecast for every bar."""

    size: float

    def of_rows(self, rows: Floats) -> Floats:
        """Forecasts from the features of bars; (n, F) -> (n,)."""
        return np.full(len(rows), self.size)


@dataclass(frozen=True, eq=False)
class FittedLastSign(FittedBaseline):
    """The same absolute forecast for every bar, with the sign of its last feature."""

    size: float

    def of_rows(self, rows: Floats) -> Floats:
        """Forecasts from the features of bars; (n, F) -> (n,)."""
        return np.sign(rows[:, -1]) * self.size


@dataclass(frozen=True, eq=False)
class FittedOnScaled(FittedBaseline):
    """A fitted model of scaled inputs and labels; converts its forecasts back to log returns."""

    output: Scaler  # (1,)
    clip: float

    def of_rows(self, rows: Floats) -> Floats:
        """Forecasts from the features of bars; (n, F) -> (n,)."""
        scaled = self.predict_scaled(self.inputs.apply(rows, self.clip).astype(np.float64))
        forecasts: Floats = self.output.location[0] + self.output.scale[0] * scaled
        return forecasts

    @abstractmethod
    def predict_scaled(self, x: Floats) -> Floats:
        """Scaled forecasts from scaled inputs; (n, F) -> (n,)."""


@dataclass(frozen=True)
class Ridge(Baseline):
    """Linear in the inputs, with the penalty that has the smallest leave-one-out error."""

    @cached_property
    def identity(self) -> str:
        """The source, the version of numpy, the code of a subclass, and the settings: lines are stored."""
        subclass = "" if type(self) is Ridge else f" {self._code}"
        return f"{source_hash([Path(__file__)])} numpy {np.__version__}{subclass} {self._settings()}"

    def learn(self, training: TrainingSet, data: ScaledTrainingSet, seed: int) -> FittedBaseline:
        """Learns the coefficients."""
        x, y = float64(training, data)
        coefficients, intercept, loss = ridge(x, y)
        return Linear(data.inputs, np.array([loss]), data.output, self.clip, coefficients, intercept)

    def load(self, data: bytes) -> FittedModel:
        """The inverse of `Linear.to_bytes`."""
        from safetensors.numpy import load

        arrays = load(data)
        inputs, output = Scaler(*arrays["inputs"]), Scaler(*arrays["output"])
        coefficients, intercept = arrays["weights"][:-1], float(arrays["weights"][-1])
        return Linear(inputs, arrays["losses"], output, self.clip, coefficients, intercept)


def ridge(x: Floats, y: Floats) -> tuple[Floats, float, float]:
    """Coefficients (F,), intercept and mean squared error of ridge on x (n, F) and y (n,).

    It has the penalty among `ALPHAS` that is best at leave-one-out.

    The eigenvectors of x'x give the error of each sample that is left out, e / (1 - h), for every penalty (Hastie,
    Tibshirani and Friedman 2009, 3.4.1 and 7.10). scikit-learn's RidgeCV gives the same numbers, but its import
    takes longer than all fits of a run.
    """
    columns, n, mean = np.ascontiguousarray(x.T), len(x), float(y.mean())  # (F, n), faster than (n, F)
    centre = columns.mean(axis=1)  # (F,)
    inner, deviations = columns - centre[:, None], y - mean
    with one_thread("numpy"):
        eigenvalues, vectors = np.linalg.eigh(inner @ inner.T)
        shrinkage = 1.0 / (np.maximum(eigenvalues, 0.0) + n * ALPHAS[:, None])  # (A, F)
        coefficients = (shrinkage * (vectors.T @ (inner @ deviations))) @ vectors.T  # (A, F)
        with np.errstate(divide="ignore", invalid="ignore"):  # a single sample: 0 / 0, with any penalty its label
            left_out = _left_out(coefficients, shrinkage, vectors, inner, deviations)
        best = coefficients[np.argmin(left_out)]
        errors = deviations - best @ inner
        intercept = mean - float(centre @ best)
    return best, intercept, float(np.square(errors).mean())


def _left_out(
    coefficients: Floats, shrinkage: Floats, vectors: Floats, inner: Floats, deviations: Floats
) -> Floats:
    """The sum of the squared errors of samples that are left out, for each penalty (A,)."""
    n, total = len(deviations), np.zeros(len(coefficients))
    for k in range(0, n, STRETCH):
        part = inner[:, k : k + STRETCH]  # (F, m)
        errors = deviations[k : k + STRETCH] - coefficients @ part  # (A, m)
        errors /= 1.0 - 1.0 / n - shrinkage @ np.square(vectors.T @ part)
        total += np.square(errors).sum(axis=1)
    return total


@dataclass(frozen=True, eq=False)
class Linear(FittedOnScaled):
    """A linear function of the scaled inputs."""

    coefficients: Floats  # (F,)
    intercept: float

    def predict_scaled(self, x: Floats) -> Floats:
        """Adds column by column, because the bits of a matrix product depend on the number of rows."""
        total: Floats = np.add.accumulate(x * self.coefficients, axis=1)[:, -1]
        return total + self.intercept

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        from safetensors.numpy import save

        return save(
            {
                "weights": np.append(self.coefficients, self.intercept),
                "inputs": np.stack([self.inputs.location, self.inputs.scale]),
                "output": np.stack([self.output.location, self.output.scale]),
                "losses": self.losses,
            }
        )


@dataclass(frozen=True)
class Boosting(Baseline):
    """Gradient boosted trees of the inputs."""

    def learn(self, training: TrainingSet, data: ScaledTrainingSet, seed: int) -> FittedBaseline:
        """Learns the trees."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        x, y = float64(training, data)
        with one_thread():
            trees = HistGradientBoostingRegressor(**BOOSTING, random_state=seed % 2**32).fit(x, y)
        return Trees(data.inputs, _unknown_loss(), data.output, self.clip, trees)


@dataclass(frozen=True, eq=False)
class Trees(FittedOnScaled):
    """Gradient boosted trees of scikit-learn."""

    trees: Any

    def predict_scaled(self, x: Floats) -> Floats:
        """Scaled forecasts from scaled inputs; (n, F) -> (n,)."""
        with one_thread():
            forecasts: Floats = self.trees.predict(x)
        return forecasts


def float64(training: TrainingSet, data: ScaledTrainingSet) -> tuple[Floats, Floats]:
    """The inputs (m, F) and labels (m,) of the samples, scaled, as float64."""
    return data.x[training.usable].astype(np.float64), data.y[training.usable].astype(np.float64)
