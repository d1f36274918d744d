"""The one path from bars to forecasts.

    WalkForward.advance(times, bars) -> forecasts

Backtrader's `next` mode hands over one bar at a time, `once` mode all of them, a live feed whatever has come.
Many bars at once mean many folds due at once, and those are trained as one job. The forecasts do not depend on
the cut into chunks, bit for bit (the chunk law):

- a feature row is made from the bars up to its own (features.py);
- a fold is due or not by the bars up to its own, and its seed is a hash of what identifies it (folds.py);
- a network has the same bits whatever is trained beside it, and a forecast whatever is forecast beside it (lstm/).

The times travel beside the bars because the calendar decides on refits, and the seed of a fold comes from its
cutoff date.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from lstmstrat import trainer as trainers
from lstmstrat.config import ForecastConfig
from lstmstrat.features import FeatureSet, Floats, Times, feature_set, targets
from lstmstrat.folds import Fold, schedule
from lstmstrat.history import History, Rows
from lstmstrat.lstm.values import Fitted, TrainingSlice, parts, samples

_log = logging.getLogger(__name__)

WARM_UP = "warm-up: before the first fold"
TOO_FEW = "the fold had too few samples"
FAILED = "the training of the fold failed"
MISSING = "an input of the last `lookback` bars is missing"


@dataclass(frozen=True)
class FittedFold:
    """A fold after training; `members` is empty when it cannot forecast, and `reason` says why."""

    fold: Fold
    samples: int
    members: tuple[trainers.Member, ...]
    seen: Floats  # (2, F) smallest and largest value of each input in the training slice
    mean: float  # of the labels of its samples, what the past average forecasts; NaN without a sample
    reason: str = ""


@dataclass(frozen=True)
class Forecasts:
    """One row a bar that was handed over; NaN and fold 0 where there is no forecast."""

    times: Times  # (n,)
    forecast: Floats  # (n,) log return over the horizon, mean of the members
    spread: Floats  # (n,) standard deviation over the members (divisor M); 0 for one member
    distance: Floats  # (n,) how far the newest inputs lie outside the training slice; see `_distance`
    fold: np.ndarray  # (n,) number of the fold in use


class WalkForward:
    """Forecasts of an LSTM ensemble, or of a cheaper model, that is refitted as the bars go by.

    The state is what was handed over and the folds fitted so far; it is used by one caller, in order of time.
    """

    def __init__(self, config: ForecastConfig, trainer: trainers.Trainer | None = None, peers: int = 0):
        """`trainer` defaults to the active one (see trainer.py); `peers` other assets add features of theirs.

        Raises
        ------
        ConfigError
            An unknown feature, or a train_size that is not a number of bars.
        """
        self.config = config
        self.schedule = schedule(config)
        self._own = History(config.features)
        self._peers = [History(config.peer_features) for _ in range(peers)]
        self.features = self._own.features
        self.condition = feature_set([config.refit_when]).features if config.refit_when else ()
        self.folds: list[FittedFold] = []
        self._trainer = trainer or trainers.current()
        self._inputs: Rows | None = None  # (n, F), those of the peers behind its own
        self._asked = Rows((), "bool")  # (n,) the user's condition asks for a refit
        self._outputs = Rows((4,), "float64")  # (n, 4) forecast, spread, distance, fold
        self.missing: Counter[str] = Counter()
        self._told = False

    @property
    def forecasts(self) -> Forecasts:
        """Everything given out so far."""
        out = self._outputs.all
        return Forecasts(self._own.times, out[:, 0], out[:, 1], out[:, 2], out[:, 3].astype(int))

    def advance(self, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]] = ()) -> Floats:
        """Forecasts for newly closed bars, in order of time.

        Parameters
        ----------
        times
            (n,) datetime64, when each bar closed or its date.
        bars
            (n, 5) open, high, low, close, volume.
        peers
            Newly closed bars of every peer, times (m,) and bars (m, 5), any number of them. A bar sees those that
            closed at its own time or before; hand them over no later than the bar.

        Returns
        -------
        (n, 3): forecast, the log return over the horizon; spread over the members; distance of the newest inputs
        from the training slice. NaN before the first fold and wherever `missing` has counted a reason.

        Raises
        ------
        ValueError
            The times do not increase, or there are not as many `peers` as the constructor was told.
        """
        for peer, (theirs, closed) in zip(self._peers, peers, strict=True):
            peer.take(theirs, closed)
        if not len(bars):
            return np.empty((0, 3))
        begin = len(self._own.bars)
        self._take(times, bars)
        self._fit_due(begin)
        out = np.full((len(bars), 4), np.nan)  # (n, 4)
        out[:, 3] = 0
        self._forecast(begin, out)
        self._outputs.append(out)
        return out[:, :3]

    def peek(self, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]] = ()) -> Floats:
        """What `advance` would give for a bar that is not closed yet; nothing of it is kept.

        Such a bar, of a replayed feed, is an input of its own forecast and never enters a training: the labels
        of a fold are complete before the bar it is fitted at.
        """
        bars_, folds, missing = len(self._own.times), len(self.folds), self.missing.copy()
        theirs = [len(peer.times) for peer in self._peers]
        try:
            return self.advance(times, bars, peers)
        finally:
            for history, length in zip([self._own, *self._peers], [bars_, *theirs], strict=True):
                history.cut(length)
            for rows in (self._inputs, self._asked, self._outputs):
                if rows is not None:
                    rows.cut(bars_)
            del self.folds[folds:]
            self.missing = missing

    def _take(self, times: Times, bars: Floats) -> None:
        begin = len(self._own.bars)
        self._own.take(times, bars)
        others = (peer.at(self._own.times[begin:]) for peer in self._peers)
        rows = np.column_stack([self._own.rows[begin:], *others])  # (n, F)
        if self._inputs is None:
            self._inputs = Rows((rows.shape[1],), "float64")
        self._inputs.append(rows)
        asked = np.zeros(len(bars), dtype=bool)
        for condition in self.condition:
            values = FeatureSet((condition,)).rows(self._own.times, self._own.bars, begin)  # (n, 1)
            asked |= values[:, 0] > 0.0
        self._asked.append(asked)

    def _due(self, begin: int = 0) -> list[Fold]:
        """The folds that are fitted at the bars from `begin` on."""
        previous = self.folds[-1].fold if self.folds else None
        return list(self.schedule.folds(self._own.times, begin, previous, self._asked.all))

    def _fit_due(self, begin: int) -> None:
        """Fits every fold that is due at the bars from `begin` on: as one job, or in turn for a warm start."""
        due = self._due(begin)
        jobs = [[fold] for fold in due] if self.config.warm_start else [due]
        for k, job in enumerate(jobs):
            slices = [self._slices(fold) for fold in job]
            asked = [s for members in slices for s in members]
            rest = self.config.members * (len(jobs) - k - 1)
            networks = iter(self._trainer.fit(asked, self.config, self.config.members * k, rest))
            for fold, members in zip(job, slices, strict=True):
                self.folds.append(self._fitted(fold, [next(networks) for _ in members]))

    def _fitted(self, fold: Fold, networks: list[trainers.Member | None]) -> FittedFold:
        """`networks` is empty if the fold has too few samples."""
        sound = tuple(network for network in networks if network is not None)
        whole = sound if len(sound) == len(networks) else ()  # half an ensemble is another forecast
        reason = "" if whole else FAILED if networks else TOO_FEW
        rows, labels = self._training(fold)
        usable = self._usable(fold)
        mean = float(labels[usable].mean()) if usable.any() else float("nan")
        seen = np.stack([np.fmin.reduce(rows), np.fmax.reduce(rows)])  # (2, F), NaN for an input without a value
        return FittedFold(fold, int(usable.sum()), whole, seen, mean, reason)

    def _slices(self, fold: Fold) -> list[TrainingSlice]:
        """What each member learns from; nothing if the fold has too few samples."""
        if not self._learnable(fold):
            return []
        rows, labels = self._training(fold)
        cutoff = str(self._own.times[fold.cutoff])
        seeds = [seed(self.config.seed, cutoff, member) for member in range(self.config.members)]
        before = self.folds[-1].members if self.config.warm_start and self.folds else ()
        starts = {k: member.weights for k, member in enumerate(before) if isinstance(member, Fitted)}
        return [TrainingSlice(rows, labels, fold.purge, s, starts.get(k)) for k, s in enumerate(seeds)]

    def _training(self, fold: Fold) -> tuple[Floats, Floats]:
        """Feature rows and labels of the slice; labels are made of the bars before the fitting bar, no other."""
        known = self._own.bars[fold.first : fold.fitted_at]
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
        out[complete, 2] = _distance(rows[lookback - 1 :], fitted)[complete]
        out[:, 3] = fitted.fold.number
        if not complete.all():
            self._tell_of_missing()
        self.missing[MISSING] += int((~complete).sum())

    def _tell_of_missing(self) -> None:
        """Once: a plain script sees no report."""
        if not self._told:
            _log.warning("no forecast at some bars: %s; walk_forward.missing counts them", MISSING)
        self._told = True


def _distance(rows: Floats, fitted: FittedFold) -> Floats:
    """How far the inputs `rows` (n, F) lie outside what the training slice held; (n,).

    0 where every input lies within the smallest and largest value of the slice; else the distance to them of the
    input that lies farthest outside, in units of its scale (about a standard deviation of the slice).
    """
    low, high = fitted.seen
    outside = np.maximum(low - rows, rows - high) / fitted.members[0].inputs.scale  # (n, F)
    farthest: Floats = np.maximum(outside, 0.0).max(axis=1)
    return farthest


def plan(config: ForecastConfig, times: Times, bars: Floats) -> list[tuple[Fold, int]]:
    """The folds that a walk-forward over these bars fits, with the samples of each; trains nothing."""
    walk = WalkForward(config)
    walk._take(times, bars)
    return [(fold, walk._samples(fold)) for fold in walk._due()]


def seed(run: int, cutoff: str, member: int) -> int:
    """The seed of one member of one fold: a hash of the run's seed, the date of its cutoff and its number."""
    return int.from_bytes(hashlib.sha256(f"{run} {cutoff} {member}".encode()).digest()[:8], "big")
