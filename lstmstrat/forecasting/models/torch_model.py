"""A network of the user's own in torch as a `Model`. The import of this file does not load torch.

Letters: n windows, L lookback, F features, B windows of a minibatch.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.models.base import FittedModel, Model, Stop, never
from lstmstrat.forecasting.models.engines import device_here, source_hash
from lstmstrat.forecasting.training_set import Scaler, TrainingSet

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TorchModel(Model):
    """A network of your own: a subclass that defines `network`, named ``model: module:Class`` in a config.

    It is trained as the LSTM is, but window by window: on the same folds, scaled inputs and labels, in minibatches
    of `batch_size` windows, by AdamW with the settings of the ``forecast:`` section, with early stopping, warm
    starts, members, the store and the GPU. For parameters of its own a subclass is a frozen dataclass, and
    ``model_params:`` gives them other values than their defaults.

    Everything random begins with the seed of the member: the first weights, the order of the minibatches, and
    dropout, whether it comes from torch, NumPy or Python. A forecast is made of one window at a time, in
    ``eval()``, because the rounding of a batch depends on its size. One network is trained at a time, on one
    thread, because torch has one number of threads and one generator of random numbers for the whole process. To
    train on several cores, hand over an executor of processes, ``Session(store, executor=ProcessPoolExecutor())``.

    Raises
    ------
    ConfigError
        In a fit: `network` gives no module, or other weights when it is called again from the same seed; the
        output is not one number for each window, or not the same for the same window; the loss is not one number.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import lstmstrat
    >>> @dataclass(frozen=True)
    ... class Perceptron(lstmstrat.TorchModel):
    ...     width: int = 8
    ...
    ...     def network(self, features):
    ...         from torch import nn
    ...
    ...         inputs = self.lookback * features
    ...         layers = nn.Linear(inputs, self.width), nn.Tanh(), nn.Linear(self.width, 1)
    ...         return nn.Sequential(nn.Flatten(), *layers)
    >>> rng = np.random.default_rng(0)
    >>> training = lstmstrat.TrainingSet(rng.normal(size=(90, 2)), rng.normal(size=90), lookback=5, purge=2)
    >>> config = lstmstrat.ForecastConfig(lookback=5, epochs=2, model_params={"width": 4}, device="cpu")
    >>> fitted = Perceptron.of(config).fit(training, seed=7)
    >>> fitted.losses.shape, fitted.predict(training.windows()[0]).shape
    ((2,), (86,))
    """

    ensemble: ClassVar[bool] = True
    warm_start: ClassVar[bool] = True
    stored: ClassVar[bool] = True

    lookback: int
    scaler: str
    clip: float
    epochs: int
    loss: str  # "mse" or "huber"
    batch_size: int
    learning_rate: float
    weight_decay: float
    gradient_clip: float
    val_size: float
    patience: int
    device: str  # "cpu" or "cuda": they round differently

    @classmethod
    def of(cls, config: ForecastConfig) -> Self:
        """The model with its settings from a config, and with the device of this machine.

        Raises
        ------
        ConfigError
            As `Model.of`, or ``device: cuda`` on a machine where torch finds no GPU.
        """
        return super().of(config.model_copy(update={"device": device_here(config.device)}))

    @abstractmethod
    def network(self, features: int) -> torch.nn.Module:
        """A new network for windows of `features` columns: float32 (B, lookback, features) -> (B,) or (B, 1).

        Its outputs are in units of the scaled label. It is called for every fit and every forecast, with the
        random numbers of torch at the seed of the member.
        """

    def criterion(self, forecasts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a minibatch, a single number; both (B,), in units of the scaled label.

        By default that of the setting `loss`: the mean squared error, or Huber's (1964) with a delta of 1.
        Override it for a loss of your own. Early stopping compares the same loss.
        """
        from lstmstrat.forecasting.models.torch_network import LOSSES

        return LOSSES[self.loss](forecasts, labels)

    @cached_property
    def identity(self) -> str:
        """The sources of the engine, the version of torch, the code of the subclass, and the settings."""
        return f"{engine_version()} {self._code} {self._settings()}"

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        """A trained network; None if its training failed twice."""
        from lstmstrat.forecasting.models.torch_training import fit

        return fit(self, training, seed, start if isinstance(start, FittedTorch) else None, stop)

    def load(self, data: bytes) -> FittedModel:
        """The inverse of `FittedTorch.to_bytes`."""
        from safetensors.numpy import load

        arrays = load(data)
        inputs, output = Scaler(*arrays["inputs"]), Scaler(*arrays["output"])
        losses = arrays["train_loss"], arrays["valid_loss"]
        return FittedTorch(inputs, *losses, self, arrays["weights"].tobytes(), int(arrays["seed"][0]), output)


@dataclass(frozen=True, eq=False)
class FittedTorch(FittedModel):
    """A trained network of the user's own: its weights, and the seed from which the network is built again."""

    valid_losses: Floats  # (epochs run,) as `losses`, of the validation part; empty without early stopping
    settings: TorchModel
    weights: bytes  # the state dict as a safetensors file
    seed: int
    output: Scaler  # (1,), of the label

    def predict(self, windows: Floats) -> Floats:
        """Forecasts in log returns; (n, L, F) -> (n,)."""
        from lstmstrat.forecasting.models.torch_training import predict

        return predict(self, windows)

    @cached_property
    def digest(self) -> bytes:
        """Hash of everything that a forecast depends on."""
        scalers = (self.inputs.location, self.inputs.scale, self.output.location, self.output.scale)
        parts = (str(self.seed).encode(), *(array.tobytes() for array in scalers), self.weights)
        return hashlib.sha256(b" ".join(parts)).digest()

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        from safetensors.numpy import save

        return save(
            {
                "weights": np.frombuffer(self.weights, dtype=np.uint8),
                "seed": np.array([self.seed], dtype=np.uint64),
                "inputs": np.stack([self.inputs.location, self.inputs.scale]),
                "output": np.stack([self.output.location, self.output.scale]),
                "train_loss": self.losses,
                "valid_loss": self.valid_losses,
            }
        )


@cache
def engine_version() -> str:
    """The sources that train a network, hashed, and the version of torch."""
    return f"{source_hash(Path(__file__).parent.glob('torch_*.py'))} torch {version('torch')}"
