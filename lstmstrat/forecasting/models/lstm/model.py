"""The LSTM as a `Model`: its settings, its fit, and a fitted network. The import of this file loads no compiler.

Letters: M members, n windows, L lookback, F features, P numbers of a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from lstmstrat.arrays import Floats, Singles
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.models.base import FitTask, FittedModel, Model, Stop, never
from lstmstrat.forecasting.models.engines import device_here, source_hash
from lstmstrat.forecasting.training_set import Scaler, TrainingSet

GPU_BATCH = 1024  # networks trained as one batch on a GPU, measured in benchmarks/gpu.py


@dataclass(frozen=True)
class LSTM(Model):
    """An LSTM with a dense layer on its last state. The fields are those of the ``forecast:`` section."""

    ensemble: ClassVar[bool] = True
    warm_start: ClassVar[bool] = True
    stored: ClassVar[bool] = True

    lookback: int
    scaler: str
    clip: float
    hidden_size: int
    layers: int
    dropout: float
    epochs: int
    batch_size: int
    loss: str  # "mse" or "huber"
    loss_steps: int
    backprop_steps: int | None
    learning_rate: float
    weight_decay: float
    gradient_clip: float
    val_size: float
    patience: int
    device: str  # "cpu" or "cuda": the engines round differently

    @classmethod
    def of(cls, config: ForecastConfig) -> Self:
        """The model with its settings from a config. ``device: auto`` is the CPU: 16 cores do what an H100 does.

        Raises
        ------
        ConfigError
            ``device: cuda`` on a machine where torch finds no GPU.
        """
        device = "cpu" if config.device == "auto" else device_here(config.device)
        return super().of(config.model_copy(update={"device": device}))

    @cached_property
    def identity(self) -> str:
        """The source of the engine, the version of its compiler, the code of a subclass, and the settings."""
        subclass = "" if type(self) is LSTM else f" {self._code}"
        return f"{engine_version(self.device)}{subclass} {self._settings()}"

    @property
    def at_once(self) -> int:
        """A thousand networks on a GPU; on a CPU each thread trains its own network."""
        return GPU_BATCH if self.device == "cuda" else 1

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        """One network; None if its training failed twice."""
        return next(self.fit_all([FitTask(training, seed, start)], stop))

    def fit_all(self, tasks: Sequence[FitTask], stop: Stop = never) -> Iterator[FittedModel | None]:
        """On a GPU all networks are one batch; on a CPU each comes when it is trained."""
        from lstmstrat.forecasting.models.lstm.training import fit

        yield from fit(tasks, self, stop)

    def load(self, data: bytes) -> FittedModel:
        """The inverse of `FittedLSTM.to_bytes`."""
        from safetensors.numpy import load

        arrays = load(data)
        inputs, output = Scaler(*arrays["inputs"]), Scaler(*arrays["output"])
        return FittedLSTM(inputs, arrays["train_loss"], arrays["valid_loss"], self, arrays["weights"], output)


@dataclass(frozen=True, eq=False)
class FittedLSTM(FittedModel):
    """A trained network."""

    valid_losses: Floats  # (epochs run,) as `losses`, of the validation part; empty without early stopping
    settings: LSTM
    weights: Singles  # (P,), see layout.Layout
    output: Scaler  # (1,), of the label

    def predict(self, windows: Floats) -> Floats:
        """Forecasts in log returns; (n, L, F) -> (n,)."""
        return next(iter(self.predict_all([self], windows)))

    @classmethod
    def predict_all(cls, members: Sequence[Self], windows: Floats) -> Iterable[Floats]:
        """Forecasts of the members of a fold, whose inputs are scaled once; (n, L, F) -> (M, n)."""
        from lstmstrat.forecasting.models.lstm.cpu import predict

        rows = np.concatenate([windows[0], windows[1:, -1]])  # (L - 1 + n, F)
        if len({member._inputs for member in members}) == 1:
            return predict(members, rows)
        return [predict([member], rows)[0] for member in members]

    @property
    def _inputs(self) -> tuple[LSTM, bytes, bytes]:
        """What the network takes from a window."""
        return self.settings, self.inputs.location.tobytes(), self.inputs.scale.tobytes()

    @cached_property
    def digest(self) -> bytes:
        """Hash of everything that a forecast depends on."""
        parts = (self.weights, self.inputs.location, self.inputs.scale, self.output.location, self.output.scale)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).digest()

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        from safetensors.numpy import save

        return save(
            {
                "weights": self.weights,
                "inputs": np.stack([self.inputs.location, self.inputs.scale]),
                "output": np.stack([self.output.location, self.output.scale]),
                "train_loss": self.losses,
                "valid_loss": self.valid_losses,
            }
        )


@cache
def engine_version(device: str) -> str:
    """The sources that determine a network, hashed, and the version of the compiler."""
    compiler = "numba" if device == "cpu" else "torch"
    return f"{source_hash(Path(__file__).parent.glob('*.py'))} {compiler} {version(compiler)}"
