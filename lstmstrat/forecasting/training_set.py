"""The training set of a fold, and its scaling.

Letters: n bars of a training set, F features, L lookback.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lstmstrat.arrays import Bools, Floats, Singles, sliding

EQUAL = 1e-9
"""Log returns that differ by less are equal: the rest is rounding, and no cost is as small."""
ROUNDING = 1e-12  # relative spread of a column below which all of it is the rounding of one number


def windows(rows: Floats, lookback: int) -> Floats:
    """Every `lookback` consecutive rows; (L - 1 + n, F) -> (n, L, F), a view."""
    return sliding(rows, lookback)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The samples of one fold; all members of the fold learn from the same training set.

    The sample of row t has the window of the rows t - L + 1 to t as its input and ``labels[t]`` as its label.

    Examples
    --------
    >>> import numpy as np
    >>> rows, labels = np.arange(10.0).reshape(5, 2), np.array([0.1, 0.2, 0.3, 0.4, np.nan])
    >>> training = TrainingSet(rows, labels, lookback=2, purge=2)
    >>> training.usable
    array([False,  True,  True,  True, False])
    >>> inputs, targets = training.windows()
    >>> inputs.shape, targets
    ((3, 2, 2), array([0.2, 0.3, 0.4]))
    """

    rows: Floats  # (n, F) consecutive feature rows, oldest first
    labels: Floats  # (n,) NaN where a row has no label
    lookback: int  # L, rows of a window
    purge: int  # bars left out between the training and the validation part, if there is validation
    held_out: int | None = None  # rows at the end that are the validation part; None: a share of them, see `split`

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: the samples, and nothing that was worked out from them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def usable(self) -> Bools:
        """(n,) True for the rows that are samples: with a label, and with `lookback` complete rows up to it."""
        row = np.arange(len(self.rows))
        gaps = np.where(np.isfinite(self.rows).all(axis=1), -1, row)  # -1: none so far; the row -1 is one
        complete: Bools = row - np.maximum.accumulate(gaps) >= self.lookback
        return complete & np.isfinite(self.labels)

    @property
    def samples(self) -> int:
        """The number of samples."""
        return int(self.usable.sum())

    @cached_property
    def mean_label(self) -> float:
        """Mean label of the samples, which is the forecast of the past average; NaN without a sample."""
        low, high = self.label_range
        if np.isnan(low):
            return low
        return float(np.clip(self.labels[self.usable].mean(), low, high))  # rounding can lead out of equal labels

    @cached_property
    def label_range(self) -> tuple[float, float]:
        """Smallest and largest label of the samples; NaN without a sample."""
        labels = self.labels[self.usable]
        return (float(labels.min()), float(labels.max())) if len(labels) else (float("nan"), float("nan"))

    @property
    def constant(self) -> bool:
        """Whether the labels of the samples are equal but for rounding, so that there is nothing to learn.

        In units of their own spread, which is none, the smallest noise of a model would be a large return.

        >>> import numpy as np
        >>> TrainingSet(np.zeros((3, 1)), np.array([0.001, 0.001 + 1e-17, np.nan]), lookback=1, purge=2).constant
        True
        """
        low, high = self.label_range
        return high - low <= EQUAL

    @cached_property
    def range(self) -> Floats:
        """(2, F) smallest and largest value of each input; NaN for an input without a value."""
        columns = np.ascontiguousarray(self.rows.T)  # (F, n), along which it takes a fifth of the time
        return np.stack([np.fmin.reduce(columns, axis=1), np.fmax.reduce(columns, axis=1)])

    @cached_property
    def digest(self) -> bytes:
        """Hash of all that a model may learn from."""
        held_out = () if self.held_out is None else (self.held_out,)
        digest = hashlib.sha256(repr((self.rows.shape, self.lookback, self.purge, *held_out)).encode())
        digest.update(np.ascontiguousarray(self.rows).tobytes())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        return digest.digest()

    def split(self, val_size: float) -> tuple[int, int]:
        """The row where the training part ends, and the row where the validation part begins.

        The validation part is the newest share `val_size`. The purge separates the two parts, as it separates a
        training set from the forecasts of its fold: the labels of the first are complete before the second begins.
        Of many assets, which lie one behind the other, whoever made the set has separated them by their sessions.
        """
        if self.held_out is not None:
            return len(self.rows) - self.held_out, len(self.rows) - self.held_out
        begin = len(self.rows) - int(val_size * len(self.rows))
        return (begin - self.purge if val_size else len(self.rows)), begin

    def scaled(self, scaler: str, clip: float) -> ScaledTrainingSet:
        """Rows and labels in units of this training set; calculated once for all members of a fold."""
        cache = self.__dict__.setdefault("_scaled", {})
        if (scaler, clip) not in cache:
            labels = self.labels[:, None]
            inputs, output = fit_scaler(self.rows, scaler), fit_scaler(labels, scaler)
            x, y = inputs.apply(self.rows, clip), output.apply(labels, clip)[:, 0]
            for array in (*vars(inputs).values(), *vars(output).values(), x, y):
                array.flags.writeable = False  # all members of the fold share them
            cache[scaler, clip] = ScaledTrainingSet(inputs, output, x, y)
        scaled: ScaledTrainingSet = cache[scaler, clip]
        return scaled

    def windows(self) -> tuple[Floats, Floats]:
        """The samples for a user's own model: inputs (m, L, F) and labels (m,), neither scaled nor clipped."""
        ends = np.flatnonzero(self.usable)
        return windows(self.rows, self.lookback)[ends - self.lookback + 1], self.labels[ends]


@dataclass(frozen=True)
class Scaler:
    """Centre and unit of each column, calculated from a training set alone."""

    location: Floats  # (F,)
    scale: Floats  # (F,), positive

    def apply(self, x: Floats, clip: float) -> Singles:
        """`x` (..., F) in units of `scale`, clipped to +-`clip`; a missing value (NaN) becomes 0."""
        with np.errstate(over="ignore", invalid="ignore"):  # inputs of 1e300
            z = np.clip((x - self.location) / self.scale, -clip, clip)
        return np.nan_to_num(z, nan=0.0).astype(np.float32)


def fit_scaler(x: Floats, kind: str) -> Scaler:
    """Median and 1.4826 MAD (`robust`) or mean and standard deviation (`standard`) of the columns of x (n, F).

    1.4826 makes the MAD of a normal sample its standard deviation. A column whose MAD is 0 or rounding (most
    values equal) falls back to the standard deviation, a constant one to 1, so that it becomes 0 everywhere.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # an input of 1e300 has a square without a number
        if kind == "standard":
            return _scaler(*_mean_and_deviation(x))
        location = _medians(x)  # (F,)
        scale = 1.4826 * _medians(np.abs(x - location))  # (F,)
        flat = ~(scale > _rounding(location))
        if flat.any():
            scale[flat] = _mean_and_deviation(x[:, flat])[1]
        return _scaler(location, scale)


def _scaler(location: Floats, scale: Floats) -> Scaler:
    return Scaler(location, np.where(scale > _rounding(location), scale, 1.0))


def _rounding(location: Floats) -> Floats:
    """Deviations from values of that size which are nothing but rounding."""
    return ROUNDING * (1.0 + np.abs(location))


def _mean_and_deviation(x: Floats) -> tuple[Floats, Floats]:
    """`np.nanmean` and `np.nanstd` of the columns of x (n, F), bit for bit, in half of the time."""
    there = ~np.isnan(x)
    count = there.sum(axis=0)  # (F,)
    mean = np.where(there, x, 0.0).sum(axis=0) / count
    apart = np.where(there, x - mean, 0.0)
    return mean, np.sqrt((apart * apart).sum(axis=0) / count)


def _medians(x: Floats) -> Floats:
    """Median of each column of x (n, F) without its missing values; `np.nanmedian`, in a third of the time."""
    columns = np.ascontiguousarray(x.T)  # (F, n)
    found: Floats = (np.nanmedian if np.isnan(columns).any() else np.median)(columns, axis=1)
    return found


class ScaledTrainingSet(NamedTuple):
    """A training set in the units of its own statistics, clipped."""

    inputs: Scaler  # (F,)
    output: Scaler  # (1,)
    x: Singles  # (n, F)
    y: Singles  # (n,)
