"""The one path from bars to forecasts.

    WalkForward.advance(times, bars) -> forecasts

Backtrader's `next` mode hands over one bar at a time, `once` mode all of them, a live feed whatever has come.
Many bars at once mean many folds due at once, and those are trained as one batch. The forecasts do not depend on
the cut into chunks, bit for bit (the chunk law):

- a feature row is made from the bars up to its own (features.py);
- a fold is due or not by the bars up to its own, and its seed is a hash of what identifies it (folds.py);
- a network has the same bits whatever is trained beside it, and a forecast whatever is forecast beside it (lstm/).

The times travel beside the bars because the calendar decides on refits, and the seed of a fold comes from its
cutoff date.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from lstmstrat import trainer as trainers
from lstmstrat.config import ForecastConfig
from lstmstrat.features import Floats, Times, feature_set, targets
from lstmstrat.folds import Fold, schedule
from lstmstrat.lstm.values import Fitted, TrainingSlice, parts, samples

WARM_UP = "warm-up: before the first fold"
TOO_FEW = "the fold had too few samples"
FAILED = "the training of the fold failed"
MISSING = "an input of the last `lookback` bars is missing"


@dataclass(frozen=True)
class FittedFold:
    """A fold after training; `members` is empty when it cannot forecast, and `reason` says why."""

    fold: Fold
    samples: int
    members: tuple[Fitted, ...]
    reason: str = ""


@dataclass(frozen=True)
class Forecasts:
    """One row a bar that was handed over; NaN and fold 0 where there is no forecast."""

    times: Times  # (n,)
    forecast: Floats  # (n,) log return over the horizon, mean of the members
    spread: Floats  # (n,) standard deviation over the members (divisor M); 0 for one member
    fold: np.ndarray  # (n,) number of the fold in use


class _Rows:
    """An array that grows at its end; appending one row costs the same at any length."""

    def __init__(self, shape: tuple[int, ...], dtype: str):
        self._data = np.empty((64, *shape), dtype=dtype)
        self._length = 0

    def append(self, rows: np.ndarray) -> None:
        end = self._length + len(rows)
        if end > len(self._data):
            grown = np.empty((max(end, 2 * len(self._data)), *self._data.shape[1:]), dtype=self._data.dtype)
            grown[: self._length] = self.all
            self._data = grown
        self._data[self._length : end] = rows
        self._length = end

    @property
    def all(self) -> np.ndarray:
        return self._data[: self._length]


class WalkForward:
    """Forecasts of an LSTM ensemble that is refitted as the bars go by.

    The state is what was handed over and the folds fitted so far; it is used by one caller, in order of time.
    """

    def __init__(self, config: ForecastConfig, trainer: trainers.Trainer | None = None):
        """`trainer` defaults to the active one (see trainer.py).

        Raises
        ------
        ConfigError
            An unknown feature, or a train_size that is not a number of bars.
        """
        self.config = config
        self.schedule = schedule(config)
        self.features = feature_set(config.features)
        self.folds: list[FittedFold] = []
        self._trainer = trainer or trainers.current()
        self._times = _Rows((), "datetime64[ns]")
        self._bars = _Rows((5,), "float64")
        self._inputs: _Rows | None = None  # (n, F); F is known after the first bars
        self._outputs = _Rows((3,), "float64")  # (n, 3) forecast, spread, fold
        self.missing: Counter[str] = Counter()

    @property
    def forecasts(self) -> Forecasts:
        """Everything given out so far."""
        out = self._outputs.all
        return Forecasts(self._times.all, out[:, 0], out[:, 1], out[:, 2].astype(int))

    def advance(self, times: Times, bars: Floats) -> Floats:
        """Forecasts for newly closed bars, in order of time.

        Parameters
        ----------
        times
            (n,) datetime64, when each bar closed or its date.
        bars
            (n, 5) open, high, low, close, volume.

        Returns
        -------
        (n, 2): forecast, the log return over the horizon, and spread over the members; NaN before the first
        fold and wherever `missing` has counted a reason.

        Raises
        ------
        ValueError
            The times do not increase.
        """
        if not len(bars):
            return np.empty((0, 2))
        begin = len(self._bars.all)
        self._take(times, bars)
        self._fit_due(begin)
        out = np.full((len(bars), 3), np.nan)  # (n, 3)
        out[:, 2] = 0
        self._forecast(begin, out)
        self._outputs.append(out)
        return out[:, :2]

    def _take(self, times: Times, bars: Floats) -> None:
        begin = len(self._bars.all)
        times = times.astype("datetime64[ns]")
        if (np.diff(np.append(self._times.all[-1:], times)) <= np.timedelta64(0)).any():
            raise ValueError(f"the bars handed over, from {times[0]} on, are not in order of time")
        self._times.append(times)
        self._bars.append(bars)
        rows = self.features.rows(self._times.all, self._bars.all, begin)  # (n, F)
        if self._inputs is None:
            self._inputs = _Rows((rows.shape[1],), "float64")
        self._inputs.append(rows)

    def _fit_due(self, begin: int) -> None:
        """Fits every fold that is due at the bars from `begin` on, all of them as one job."""
        previous = self.folds[-1].fold if self.folds else None
        due = list(self.schedule.folds(self._times.all, begin, previous))
        slices = [self._slices(fold) for fold in due]
        asked = [s for members in slices for s in members]
        networks = iter(self._trainer.fit(asked, self.config))
        for fold, members in zip(due, slices, strict=True):
            found = [next(networks) for _ in members]
            sound = tuple(f for f in found if f is not None)
            whole = sound if len(sound) == len(found) else ()  # half an ensemble is another forecast
            reason = "" if whole else FAILED if members else TOO_FEW
            self.folds.append(FittedFold(fold, self._samples(fold), whole, reason))

    def _slices(self, fold: Fold) -> list[TrainingSlice]:
        """What each member learns from; nothing if the fold has too few samples."""
        if not self._learnable(fold):
            return []
        rows, labels = self._training(fold)
        cutoff = str(self._times.all[fold.cutoff])
        seeds = [seed(self.config.seed, cutoff, member) for member in range(self.config.members)]
        return [TrainingSlice(rows, labels, fold.purge, s) for s in seeds]

    def _training(self, fold: Fold) -> tuple[Floats, Floats]:
        """Feature rows and labels of the slice; labels are made of the bars before the fitting bar, no other."""
        known = self._bars.all[fold.first : fold.fitted_at]
        return self._input_rows[fold.first : fold.cutoff + 1], targets(known, self.config)[: fold.bars]

    def _usable(self, fold: Fold) -> npt.NDArray[np.bool_]:
        rows, labels = self._training(fold)
        return samples(rows, labels, self.config.lookback)

    def _samples(self, fold: Fold) -> int:
        return int(self._usable(fold).sum())

    def _learnable(self, fold: Fold) -> bool:
        """A block of losses to train on at least, and with early stopping something to validate on."""
        usable = self._usable(fold)
        end, held_out = parts(fold.bars, fold.purge, self.config.val_size)
        enough = usable[:end].sum() >= self.config.loss_steps
        return bool(enough and (not self.config.val_size or usable[held_out:].any()))

    @property
    def _input_rows(self) -> Floats:
        assert self._inputs is not None
        return self._inputs.all

    def _forecast(self, begin: int, out: np.ndarray) -> None:
        end = begin + len(out)
        first = self.folds[0].fold.fitted_at if self.folds else end
        self.missing[WARM_UP] += min(end, first) - min(begin, first)
        high = end
        for fitted in reversed(self.folds):
            low = max(begin, fitted.fold.fitted_at)
            if low < high:
                self._forecast_fold(fitted, low, high, out[low - begin : high - begin])
                high = low
            if high == begin:
                break

    def _forecast_fold(self, fitted: FittedFold, low: int, high: int, out: np.ndarray) -> None:
        """Forecasts of one fold for bars `low` to `high`."""
        if not fitted.members:
            self.missing[fitted.reason] += high - low
            return
        lookback = self.config.lookback
        rows = self._input_rows[low + 1 - lookback : high]  # (L - 1 + bars, F)
        members = self._trainer.predict(fitted.members, rows, self.config)  # (M, bars)
        complete = sliding_window_view(np.isfinite(rows).all(1), lookback).all(1)  # (bars,)
        # Member by member: the bits of a bar do not depend on how many stand beside it.
        mean = np.add.accumulate(members)[-1] / len(members)  # (bars,)
        spread = np.sqrt(np.add.accumulate(np.square(members - mean))[-1] / len(members))
        out[complete, 0], out[complete, 1] = mean[complete], spread[complete]
        out[:, 2] = fitted.fold.number
        self.missing[MISSING] += int((~complete).sum())


def plan(config: ForecastConfig, times: Times, bars: Floats) -> list[tuple[Fold, int]]:
    """The folds that a walk-forward over these bars fits, with the samples of each; trains nothing."""
    walk = WalkForward(config)
    walk._take(times, bars)
    return [(fold, walk._samples(fold)) for fold in walk.schedule.folds(times)]


def seed(run: int, cutoff: str, member: int) -> int:
    """The seed of one member of one fold: a hash of the run's seed, the date of its cutoff and its number."""
    return int.from_bytes(hashlib.sha256(f"{run} {cutoff} {member}".encode()).digest()[:8], "big")
