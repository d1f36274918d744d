"""What the engine is given and what it gives back. No torch here.

Letters: n bars of a training slice, F features, P numbers of a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstmstrat.config import ForecastConfig

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

# The fields of a config that shape one model. The schedule and the choice of features act through the rows,
# the ensemble and the run's seed through the seed of the slice.
SHAPING = (
    "model",
    "lookback",
    "scaler",
    "clip",
    "hidden_size",
    "layers",
    "dropout",
    "epochs",
    "batch_size",
    "loss_steps",
    "learning_rate",
    "weight_decay",
    "gradient_clip",
    "val_size",
    "patience",
)


def samples(rows: Array, labels: Array, lookback: int) -> npt.NDArray[np.bool_]:
    """Which rows can be learned from: a label, and `lookback` complete feature rows up to it; (n, F) -> (n,)."""
    found = np.isfinite(labels)
    gaps = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    for gap in (-1, *gaps):  # the row before the first is missing too
        found[max(0, gap) : gap + lookback] = False
    return found


def parts(bars: int, purge: int, val_size: float) -> tuple[int, int]:
    """Where the training part of a slice of `bars` ends, and where its validation part begins.

    The purge lies between them as it lies between a slice and its fold: labels end before validation begins.
    """
    held_out = bars - int(val_size * bars)
    return (held_out - purge if val_size else bars), held_out


@dataclass(frozen=True)
class TrainingSlice:
    """What one network learns from.

    `rows` (n, F) are consecutive feature rows, oldest first; `targets` (n,) is NaN where a row has no label.
    `purge` is the number of bars kept free between training and validation, when there is validation.
    `seed` decides first weights, order of minibatches and dropout; nothing else does, but that the training begins
    with the weights `start` (P,) where they are given (warm start).
    """

    rows: Array
    targets: Array
    purge: int
    seed: int
    start: Single | None = None

    def key(self, config: ForecastConfig, device: str) -> str:
        """Content address of the network that training gives: equal keys, equal networks."""
        digest = hashlib.sha256(engine_version(device).encode())
        shaping = {name: getattr(config, name) for name in SHAPING}
        digest.update(repr((shaping, device, self.rows.shape, self.purge, self.seed)).encode())
        digest.update(np.ascontiguousarray(self.rows).tobytes())
        digest.update(np.ascontiguousarray(self.targets).tobytes())
        digest.update(b"" if self.start is None else self.start.tobytes())
        return digest.hexdigest()


def forecast_key(members: Sequence[Fitted], rows: Array, config: ForecastConfig) -> str:
    """Content address of what `members` forecast from `rows` (L - 1 + n, F)."""
    shaping = (config.lookback, config.hidden_size, config.layers, config.clip, rows.shape)
    digest = hashlib.sha256(f"{engine_version('cpu')} {shaping}".encode())
    for member in members:
        digest.update(member.digest)
    digest.update(rows.tobytes())
    return digest.hexdigest()


@cache
def engine_version(device: str) -> str:
    """Changes with the source of this package and its compiler, so a stale network is never found."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    compiler = "numba" if device == "cpu" else "torch"
    return f"{digest.hexdigest()} {compiler} {version(compiler)}"


@dataclass(frozen=True)
class Scaler:
    """Centre and unit of each column, learned from a training slice alone."""

    location: Array  # (F,)
    scale: Array  # (F,), positive

    def apply(self, x: Array, clip: float) -> Single:
        """`x` (..., F) in units of `scale`, clipped to +-`clip`; NaN, a value that is not there, as 0."""
        z = np.clip((x - self.location) / self.scale, -clip, clip)
        return np.nan_to_num(z, nan=0.0).astype(np.float32)


def fit_scaler(x: Array, kind: str) -> Scaler:
    """Median and 1.4826 MAD (`robust`) or mean and standard deviation (`standard`) of the columns of x (n, F).

    1.4826 makes the MAD of a normal sample its standard deviation. A column whose MAD is 0 (most values equal)
    falls back to the standard deviation, a constant one to 1, so that it becomes 0 everywhere.
    """
    location = np.nanmedian(x, axis=0) if kind == "robust" else np.nanmean(x, axis=0)  # (F,)
    spread = np.nanstd(x, axis=0)  # (F,)
    if kind == "robust":
        mad = 1.4826 * np.nanmedian(np.abs(x - location), axis=0)
        spread = np.where(mad > 0.0, mad, spread)
    return Scaler(location, np.where(spread > 1e-12 * (1.0 + np.abs(location)), spread, 1.0))


class Scaled(NamedTuple):
    """A training slice in the units of its own statistics, clipped."""

    inputs: Scaler  # (F,)
    output: Scaler  # (1,)
    x: Single  # (n, F)
    y: Single  # (n,)


def scaled(s: TrainingSlice, config: ForecastConfig) -> Scaled:
    """Rows and targets of a slice as every model learns from them."""
    targets = s.targets[:, None]
    inputs, output = fit_scaler(s.rows, config.scaler), fit_scaler(targets, config.scaler)
    return Scaled(inputs, output, inputs.apply(s.rows, config.clip), output.apply(targets, config.clip)[:, 0])


@dataclass(frozen=True)
class Fitted:
    """A trained network: all that a forecast needs, and how the training went."""

    weights: Single  # (P,), see network.Layout
    inputs: Scaler  # (F,)
    output: Scaler  # (1,), of the target
    train_loss: Array  # (epochs run,), mean squared error of the scaled target
    valid_loss: Array  # (epochs run,), likewise; empty without early stopping

    @cached_property
    def digest(self) -> bytes:
        """Hash of all that a forecast depends on."""
        parts = (self.weights, self.inputs.location, self.inputs.scale, self.output.location, self.output.scale)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).digest()

    def to_bytes(self) -> bytes:
        """As a safetensors file."""
        from safetensors.numpy import save

        return save(
            {
                "weights": self.weights,
                "inputs": np.stack([self.inputs.location, self.inputs.scale]),
                "output": np.stack([self.output.location, self.output.scale]),
                "train_loss": self.train_loss,
                "valid_loss": self.valid_loss,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Fitted:
        """The inverse of `to_bytes`."""
        from safetensors.numpy import load

        found = load(data)
        return cls(
            found["weights"],
            Scaler(*found["inputs"]),
            Scaler(*found["output"]),
            found["train_loss"],
            found["valid_loss"],
        )
