"""The only path from bars to forecasts.

    WalkForward.advance(times, bars) -> forecasts

Backtrader hands over one bar at a time in `next` mode and all bars in `once` mode; a live feed hands over the bars
that have arrived. If many bars arrive at once, many folds are due at once, and they are fitted as one job. The
forecasts do not depend on the cut into chunks, bit for bit (the chunk law):

- a feature row is calculated from the bars up to its own (features.py);
- the bars up to the fitting bar decide whether a fold is due (schedule.py), and the seed of a member is a hash of
  the run's seed, the fold's cutoff date and the member's number (`seed`);
- a fitted model has the same bits whatever other models are fitted with it, and a forecast has the same bits
  whatever other bars are forecast with it (models/);
- with calibration, the weights of a fold are learned from all forecasts before it whose labels were complete
  (calibration.py).

The times are handed over with the bars because refits may follow the calendar, and because the seed of a fold
depends on its cutoff date.

Letters: n bars, M members, L lookback, F features.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lstmstrat.arrays import Bools, Floats, Ints, Times
from lstmstrat.config.schema import ForecastConfig
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.calibration import weights
from lstmstrat.forecasting.cost import SAID, check_memory, cost
from lstmstrat.forecasting.features import FeatureSet, feature_set
from lstmstrat.forecasting.fitted_fold import FittedFold, constant_fold, fitted_fold
from lstmstrat.forecasting.forecasts import FAR_OUTSIDE, MISSING, NO_NUMBER, WARM_UP, Forecasts
from lstmstrat.forecasting.history import History, Rows
from lstmstrat.forecasting.models import linear_part, model_of
from lstmstrat.forecasting.models.base import FitTask, FittedModel
from lstmstrat.forecasting.reasons import Inputs, Log, date, equal_labels, why_far, why_incomplete, why_not_fitted
from lstmstrat.forecasting.schedule import Fold, schedule
from lstmstrat.forecasting.session import Session, current
from lstmstrat.forecasting.targets import labels
from lstmstrat.forecasting.training_set import TrainingSet, windows

_log = logging.getLogger(__name__)

OUTPUTS = FORECAST, SPREAD, DISTANCE, FOLD, NETWORK, LINEAR, MEAN, FAR = range(8)
"""The columns of what is kept of each bar: the line `forecast`, and the parts that it is made of.

FAR is `FAR_PART` or `FAR_FORECAST` where this part or forecast, or one at an earlier bar of the fold, was far
outside of the labels; else 0. It is kept with the bar, and not with the fold, so that `peek` takes it back.
"""
FAR_FORECAST, FAR_PART = 1.0, 2.0


class WalkForward:
    """Forecasts of a model that is refitted as new bars arrive.

    Its state is the bars handed over and the folds fitted so far. One caller uses it, in order of time.

    Parameters
    ----------
    config
        The settings, with train_size as a number of bars.
    session
        Store, threads and progress; by default the active session (see session.py).
    peers
        The number of other assets whose features become inputs.

    Attributes
    ----------
    model, schedule, features
        Built from the config.
    folds
        Every `FittedFold` so far.
    missing
        The number of bars without a forecast, by reason.
    forecasts
        All forecasts so far, as a `Forecasts`.

    Raises
    ------
    ConfigError
        A feature or the model is unknown, or train_size is not a number of bars.

    Examples
    --------
    The forecasts are the same however the bars are cut into chunks:

    >>> import lstmstrat
    >>> import numpy as np
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> config = lstmstrat.ForecastConfig(model="ridge", train_size=250)
    >>> at_once = lstmstrat.WalkForward(config).advance(prices.times, prices.bars)
    >>> at_once.shape
    (543, 3)
    >>> walk = lstmstrat.WalkForward(config)
    >>> parts = [walk.advance(prices.times[i : i + 50], prices.bars[i : i + 50]) for i in range(0, 543, 50)]
    >>> np.array_equal(np.vstack(parts), at_once, equal_nan=True)
    True
    """

    def __init__(self, config: ForecastConfig, session: Session | None = None, peers: int = 0):
        self.config = config
        self.model = model_of(config)
        self.schedule = schedule(config)
        self._history = History(config.features)
        self._peers = [History(config.peer_features) for _ in range(peers)]
        self.features = self._history.features
        self.condition = feature_set([config.refit_when], "refit_when").features if config.refit_when else ()
        self.folds: list[FittedFold] = []
        self._session = session or current()
        self._inputs: Rows | None = None  # (n, F), the asset's own features, then those of its peers
        self._refit = Rows((), "bool")  # (n,) whether the user's condition asks for a refit
        self._linear = linear_part(config) if self.model.calibrated else None
        self._outputs = Rows((len(OUTPUTS),), "float64")  # (n, 8)
        self.missing: Counter[str] = Counter()
        self._reasons = Log(_log, self._session.told)

    @property
    def forecasts(self) -> Forecasts:
        """All forecasts so far."""
        out = self._outputs.all.copy()  # (n, 8)
        records = tuple(fitted.record for fitted in self.folds)
        lines = out[:, FORECAST], out[:, SPREAD], out[:, DISTANCE], out[:, FOLD].astype(np.int64)
        gaps = self._described.gaps(slice(self.folds[0].fold.first, len(out))) if self.folds else {}
        return Forecasts(self.config, self._history.times.copy(), *lines, records, dict(self.missing), gaps)

    def advance(self, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]] = ()) -> Floats:
        """Forecasts for newly closed bars, in order of time.

        Parameters
        ----------
        times
            (n,) datetime64, the closing time or the date of each bar.
        bars
            (n, 5) open, high, low, close, volume.
        peers
            The newly closed bars of each peer, times (m,) and bars (m, 5), any number of bars. A bar uses the bars
            of a peer that closed at its own time or before; hand them over no later than the bar itself.

        Returns
        -------
        (n, 3): forecast, the log return over the horizon; spread over the members; distance of the newest inputs
        from the training set. NaN before the first fold and at every other bar that `missing` counts.

        Raises
        ------
        ValueError
            The times do not increase, or the number of `peers` is not that of the constructor.
        """
        for peer, (peer_times, peer_bars) in zip(self._peers, peers, strict=True):
            peer.append(peer_times, peer_bars)
        if not len(bars):
            return np.empty((0, 3))
        begin = len(self._history.bars)
        self._append(times, bars)
        self._fit_due(begin)
        out = np.full((len(bars), len(OUTPUTS)), np.nan)
        out[:, [FOLD, FAR]] = 0
        self._forecast(begin, out)
        self._outputs.append(out)
        if self._linear is not None:
            self._calibrate(begin)
        return self._outputs.all[begin:, [FORECAST, SPREAD, DISTANCE]]

    def peek(self, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]] = ()) -> Floats:
        """The forecasts that `advance` would return for a bar that is not closed yet; the bar is not kept.

        The open bar of a replayed feed is an input of its own forecast but never part of a training set, because
        the labels of a fold are complete before the bar at which it is fitted.
        """
        bars_before, folds, missing = len(self._history.times), len(self.folds), self.missing.copy()
        peers_before = [len(peer.times) for peer in self._peers]
        try:
            return self.advance(times, bars, peers)
        finally:
            for history, length in zip([self._history, *self._peers], [bars_before, *peers_before], strict=True):
                history.cut(length)
            for rows in (self._inputs, self._refit, self._outputs):
                if rows is not None:
                    rows.cut(bars_before)
            del self.folds[folds:]
            self.missing = missing

    def _append(self, times: Times, bars: Floats) -> None:
        """Appends the bars, their inputs, and whether the user's condition asks for a refit."""
        begin = len(self._history.bars)
        self._history.append(times, bars)
        peer_rows = (peer.at(self._history.times[begin:]) for peer in self._peers)
        rows = np.column_stack([self._history.rows[begin:], *peer_rows])  # (n, F)
        if self._inputs is None:
            self._inputs = Rows((rows.shape[1],), "float64")
        self._inputs.append(rows)
        refit = np.zeros(len(bars), dtype=bool)
        for condition in self.condition:
            values = FeatureSet((condition,)).rows(self._history.times, self._history.bars, begin)  # (n, 1)
            refit |= values[:, 0] > 0.0
        self._refit.append(refit)

    def _due_folds(self, begin: int = 0) -> list[Fold]:
        """The folds that are fitted at the bars from `begin` on."""
        previous = self.folds[-1].fold if self.folds else None
        return list(self.schedule.folds(self._history.times, begin, previous, self._refit.all))

    def _fit_due(self, begin: int) -> None:
        """Fits every fold that is due at the bars from `begin` on: as one job, or in turn for a warm start."""
        due = self._due_folds(begin)
        jobs = [[fold] for fold in due] if self.config.warm_start else [due]
        for k, job in enumerate(jobs):
            sets = [self._training_set(fold) for fold in job]
            tasks = [self._tasks(fold, training) for fold, training in zip(job, sets, strict=True)]
            self._say_cost(sets)
            job_tasks = [task for fold_tasks in tasks for task in fold_tasks]
            before, after = self.config.members * k, self.config.members * (len(jobs) - k - 1)
            fits = iter(trainer.fit(self._session, self.model, job_tasks, before, after))
            for fold, training, fold_tasks in zip(job, sets, tasks, strict=True):
                self.folds.append(self._fitted(fold, training, [next(fits) for _ in fold_tasks]))

    def _say_cost(self, sets: Sequence[TrainingSet]) -> None:
        """Logs what a large job will take, and refuses one that does not fit into the memory."""
        bars = [len(training.rows) for training in sets]
        inputs = self._input_rows.shape[1]
        estimate = cost(self.model, self.config.members, bars, inputs, self._session.jobs)
        check_memory(estimate)
        if estimate.large:
            self._reasons.once(SAID, lambda: str(estimate))

    def _fitted(self, fold: Fold, training: TrainingSet, fits: Sequence[FittedModel | None]) -> FittedFold:
        """A fold with its members and its linear part; where the labels are equal, it forecasts their constant."""
        if training.constant and self._has_enough_samples(training):
            constant = constant_fold(fold, training, self.config)
            self._reasons.once("equal labels", lambda: equal_labels(constant))
            return constant
        fitted = fitted_fold(fold, training, fits)
        return replace(fitted, linear=self._fit_linear(training)) if fitted.members else fitted

    def _fit_linear(self, training: TrainingSet) -> FittedModel | None:
        """The linear part of a fold, with calibration; the session remembers it for the next strategy."""
        if self._linear is None:
            return None
        task, models = FitTask(training, 0), self._session.models
        key = task.key(self._linear)
        if key not in models and (fitted := self._linear.fit(training, 0)) is not None:
            models[key] = fitted
        return models.get(key)

    def _training_set(self, fold: Fold) -> TrainingSet:
        """The inputs and labels of a fold; the labels are calculated from bars before the fitting bar alone."""
        bars = self._history.bars[fold.first : fold.fitted_at]
        rows = self._input_rows[fold.first : fold.cutoff + 1]
        targets = labels(bars, self.config)[: fold.bars]
        for array in (rows, targets):
            array.flags.writeable = False  # a model that changed them would change the history
        return TrainingSet(rows, targets, self.config.lookback, fold.purge)

    def _tasks(self, fold: Fold, training: TrainingSet) -> list[FitTask]:
        """The fit of each member; none if the fold has too few samples, or labels that are all equal."""
        if training.constant or not self._has_enough_samples(training):
            return []
        cutoff = str(self._history.times[fold.cutoff])
        begun = self.config.warm_start and self.folds and not self.folds[-1].record.constant
        previous = self.folds[-1].members if begun else ()
        starts = dict(enumerate(previous))
        seeds = [seed(self.config.seed, cutoff, member) for member in range(self.config.members)]
        return [FitTask(training, s, starts.get(k)) for k, s in enumerate(seeds)]

    def _has_enough_samples(self, training: TrainingSet) -> bool:
        """Whether there is a block of losses to train on and, with early stopping, a sample to validate on.

        The rule is that of the LSTM for every model, so that all rungs of a ladder skip the same folds.
        """
        end, held_out = training.split(self.config.val_size)
        enough = training.usable[:end].sum() >= self.config.loss_steps
        return bool(enough and (not self.config.val_size or training.usable[held_out:].any()))

    @property
    def _input_rows(self) -> Floats:
        assert self._inputs is not None
        return self._inputs.all

    def _forecast(self, begin: int, out: np.ndarray) -> None:
        """Writes the outputs of the bars from `begin` on into `out` (n, 8), the forecast not calibrated."""
        end = begin + len(out)
        first = self.folds[0].fold.fitted_at if self.folds else end
        self.missing[WARM_UP] += min(end, first) - min(begin, first)
        high, spans = end, []
        for fitted in reversed(self.folds):
            low = max(begin, fitted.fold.fitted_at)
            if low < high:
                spans.append((fitted, low, high))
                high = low
            if high == begin:
                break
        for fitted, low, high in reversed(spans):  # in order of time, so that a log names the first bar
            self._forecast_fold(fitted, low, high, out[low - begin : high - begin])

    def _forecast_fold(self, fitted: FittedFold, low: int, high: int, out: np.ndarray) -> None:
        """Writes the outputs of one fold for bars `low` to `high` into `out` (bars, 8)."""
        if not fitted.members:
            needed = self.config.loss_steps
            why = lambda _: why_not_fitted(self._described, fitted, needed)  # noqa: E731
            self._count_missing(fitted.record.reason, np.ones(high - low, dtype=bool), low, why)
            return
        lookback = self.config.lookback
        rows = self._input_rows[low + 1 - lookback : high]  # (L - 1 + bars, F)
        seen = windows(rows, lookback)  # (bars, L, F)
        members = trainer.predict(self._session, self.model, fitted.members, seen)  # (M, bars)
        linear = [] if fitted.linear is None else [fitted.linear.predict(seen)]
        parts = np.vstack([members, *linear])  # (M or M + 1, bars)
        complete = sliding_window_view(np.isfinite(rows).all(1), lookback).all(1)  # (bars,)
        far = self._since(complete & fitted.far_outside(parts), fitted, low, FAR_PART)  # (bars,)
        good = np.logical_and.reduce([complete, np.isfinite(parts).all(axis=0), ~far])  # (bars,)
        members = np.where(good, members, np.nan)
        # Added member by member, so that the bits of a bar do not depend on the number of bars.
        mean = np.add.accumulate(members)[-1] / len(members)  # (bars,)
        spread = np.sqrt(np.add.accumulate(np.square(members - mean))[-1] / len(members))
        out[good, FORECAST], out[good, NETWORK], out[good, SPREAD] = mean[good], mean[good], spread[good]
        if fitted.linear is not None:
            out[good, LINEAR] = parts[-1, good]
        out[good, DISTANCE] = fitted.distance(rows[lookback - 1 :])[good]
        out[:, FOLD], out[:, MEAN], out[far, FAR] = fitted.fold.number, fitted.record.mean, FAR_PART
        self._count_missing(
            MISSING, np.logical_not(complete), low, lambda bar: why_incomplete(self._described, bar, lookback)
        )
        self._count_missing(FAR_OUTSIDE, complete & far, low, lambda bar: why_far(fitted, parts[:, bar - low]))
        no_number = np.logical_and.reduce([complete, ~far, ~good])
        self._count_missing(NO_NUMBER, no_number, low, lambda _: f"model: {self.config.model}")

    def _since(self, far: Bools, fitted: FittedFold, low: int, kind: float) -> Bools:
        """True from the first `far` bar on (bars,); everywhere if the bar before `low` was, in this fold."""
        before = low > fitted.fold.fitted_at and self._outputs.all[low - 1, FAR] >= kind
        since: Bools = np.logical_or.accumulate(far) | before
        return since

    def _calibrate(self, begin: int) -> None:
        """Learns the weights of the new folds, and weighs the parts of the forecasts from bar `begin` on.

        Without a new fold it looks at the new bars alone, so a bar takes the same time at any length.
        """
        for k in takewhile(lambda k: not self.folds[k].record.weights, reversed(range(len(self.folds)))):
            fitted = self.folds[k]
            known = slice(0, fitted.fold.fitted_at)  # labels are NaN until they are complete
            earlier = self._outputs.all[known]
            realised = labels(self._history.bars[known], self.config) - earlier[:, MEAN]
            learned = tuple(weights(_deviations(earlier), realised).tolist())
            self.folds[k] = replace(fitted, record=replace(fitted.record, weights=learned))
        out = self._outputs.all[begin:]
        for number in np.unique(out[out[:, FOLD] > 0, FOLD]).astype(np.int64):
            rows = np.flatnonzero(out[:, FOLD] == number)
            weighed = _deviations(out[rows]) * self.folds[number - 1].record.weights  # (n, P)
            out[rows, FORECAST] = out[rows, MEAN] + weighed[:, 0] + weighed[:, 1]
            self._drop_far(self.folds[number - 1], out, rows, begin + int(rows[0]))

    def _drop_far(self, fitted: FittedFold, out: np.ndarray, rows: Ints, low: int) -> None:
        """Drops the calibrated forecasts of a fold, at `rows` of `out` and from bar `low` on, since a far one.

        The parts stay in the history: they are sound, and folds to come must not learn from fewer of them if the
        bars come one by one.
        """
        forecasts = out[rows, FORECAST].copy()  # (bars,)
        since = self._since(fitted.far_outside(forecasts[None]), fitted, low, FAR_FORECAST)
        dropped = since & np.isfinite(forecasts)
        out[rows[since], FAR] = np.maximum(out[rows[since], FAR], FAR_FORECAST)
        out[np.ix_(rows[dropped], (FORECAST, SPREAD, DISTANCE))] = np.nan
        self._count_missing(FAR_OUTSIDE, dropped, low, lambda bar: why_far(fitted, forecasts[[bar - low]]))

    def _count_missing(self, reason: str, missing: Bools, low: int, why: Callable[[int], str]) -> None:
        """Counts the bars from `low` on without a forecast; `why` says what is behind it, for the log."""
        if len(bars := np.flatnonzero(missing)):
            self.missing[reason] += len(bars)
            bar = low + int(bars[0])
            at, counted = date(self._history.times, bar), "walk_forward.missing counts all such bars"
            self._reasons.once(reason, lambda: f"no forecast at {at}: {reason}: {why(bar)}; {counted}")

    @property
    def _described(self) -> Inputs:
        return Inputs(self._history, self._peers, self._input_rows)


def _deviations(out: Floats) -> Floats:
    """The parts of forecasts, less the mean of their fold; (n, 8) -> (n, P)."""
    parts: Floats = out[:, [NETWORK, LINEAR]] - out[:, [MEAN]]
    return parts


def plan(config: ForecastConfig, times: Times, bars: Floats) -> list[tuple[Fold, int]]:
    """The folds that a walk-forward over these bars would fit, and the number of samples of each."""
    walk = WalkForward(config)
    walk._append(times, bars)
    return [(fold, walk._training_set(fold).samples) for fold in walk._due_folds()]


def seed(run: int, cutoff: str, member: int) -> int:
    """The seed of a member of a fold: a hash of the run's seed, the cutoff date and the number of the member."""
    return int.from_bytes(hashlib.sha256(f"{run} {cutoff} {member}".encode()).digest()[:8], "big")
