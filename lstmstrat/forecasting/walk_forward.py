"""The only path from bars to forecasts.

    WalkForward.advance(times, bars) -> forecasts

Backtrader hands over one bar at a time in `next` mode and all bars in `once` mode; a live feed hands over the bars
that have arrived. If many bars arrive at once, many folds are due at once, and they are fitted as one job. The
forecasts do not depend on the cut into chunks, bit for bit (the chunk law):

- a feature row is calculated from the bars up to its own (features.py);
- the bars up to the fitting bar decide whether a fold is due (schedule.py), and the seed of a member is a hash of
  the run's seed, the fold's cutoff date and the member's number (fitting.py);
- a fitted model has the same bits whatever other models are fitted with it, and a forecast has the same bits
  whatever other bars are forecast with it (models/);
- with calibration, the weights of a fold are learned from all forecasts before it whose labels were complete
  (calibration.py), and so are the errors from which the distribution of the return comes (predictive.py).

The times are handed over with the bars because refits may follow the calendar, and because the seed of a fold
depends on its cutoff date.

Letters: n bars, M members, L lookback, F features, Q quantiles.
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.identity import identify
from lstmstrat.config.plugins import loaded
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.features import FeatureSet, feature_set
from lstmstrat.forecasting.fitted_fold import FittedFold
from lstmstrat.forecasting.fitting import Due, fit_due
from lstmstrat.forecasting.forecasts import FAR_OUTSIDE, MISSING, NO_NUMBER, WARM_UP, Forecasts
from lstmstrat.forecasting.history import History, Rows
from lstmstrat.forecasting.learned import FAR, FAR_FORECAST, FAR_PART, FOLD, LINES, PARTS, Learned, Seen, learn
from lstmstrat.forecasting.models import model_of, settled
from lstmstrat.forecasting.parts import said
from lstmstrat.forecasting.predictive import recent_volatility
from lstmstrat.forecasting.reasons import Inputs, Log, Missing, why_far, why_incomplete, why_not_fitted
from lstmstrat.forecasting.schedule import Fold, schedule
from lstmstrat.forecasting.session import Session, current
from lstmstrat.forecasting.targets import labels
from lstmstrat.forecasting.training_set import TrainingSet, windows
from lstmstrat.prices.bars import CLOSE
from lstmstrat.prices.outside import NOTHING, Outside

_log = logging.getLogger(__name__)

BEFORE = np.datetime64(-(2**62), "ns")  # before every bar


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
        The number of other assets whose features become inputs, and whose bars `advance` is given.
    outside
        Extra columns and further peers whose rows are known already, each from the time on that it has.

    Attributes
    ----------
    model, schedule, features
        Built from the config.
    folds
        Every `FittedFold` so far.

    Raises
    ------
    ConfigError
        A feature, a column or the model is unknown, train_size is not a number of bars, or a setting is for a
        universe.

    Examples
    --------
    The forecasts are the same however the bars are cut into chunks:

    >>> import lstmstrat
    >>> import numpy as np
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> config = lstmstrat.ForecastConfig(model="ridge", train_size=250)
    >>> at_once = lstmstrat.WalkForward(config).advance(prices.times, prices.bars)
    >>> at_once.shape
    (543, 8)
    >>> walk = lstmstrat.WalkForward(config)
    >>> parts = [walk.advance(prices.times[i : i + 50], prices.bars[i : i + 50]) for i in range(0, 543, 50)]
    >>> np.array_equal(np.vstack(parts), at_once, equal_nan=True)
    True
    """

    def __init__(
        self, config: ForecastConfig, session: Session | None = None, peers: int = 0, outside: Outside = NOTHING
    ):
        for name in (name for name in ("pool", "relation") if getattr(config, name) != "none"):
            raise ConfigError(f"{name}: {getattr(config, name)} is for a universe of assets; set {name}: none")
        self.config = config
        self._settled = settled(config)
        self.model = model_of(config)
        self.schedule = schedule(config)
        self._outside = outside
        self._history = History(config.features, outside)
        self._peers = [History(config.peer_features, name=stream.name) for stream in outside.peers]
        self._peers += [History(config.peer_features, name=f"peer {k}") for k in range(1, peers + 1)]
        self.features = self._history.features
        conditions = [config.refit_when] if config.refit_when else []
        self.condition = feature_set(conditions, "refit_when").with_columns(outside).features
        self.folds: list[FittedFold] = []
        self._session = session or current()
        self._inputs: Rows | None = None  # (n, F), the asset's own features, then those of its peers
        self._refit = Rows((), "bool")  # (n,) whether the user's condition asks for a refit
        self._volatility = Rows((), "float64")  # (n,)
        self._parts = Rows((len(PARTS),), "float64")  # (n, 7)
        self._outputs = len(LINES) + len(config.quantiles)  # 5 + Q
        self._lines = Rows((self._outputs + 1,), "float64")  # (n, 5 + Q + 1), see Learned.lines
        self._missing = Missing(Log(_log, self._session.told), self._history)

    def __repr__(self) -> str:
        bars, every = len(self._history.times), self.config.refit_every
        return (
            f"<WalkForward of {self.config.model}, refit every {every}: {bars:,} bars, {len(self.folds):,} folds>"
        )

    @property
    def members(self) -> int:
        """The models of a fold: `config.members`, or 1 if the model is no ensemble."""
        return self._settled.members

    @property
    def missing(self) -> Counter[str]:
        """The number of bars without a forecast, by reason."""
        return self._missing.counts

    @property
    def forecasts(self) -> Forecasts:
        """All forecasts so far."""
        lines = self._lines.all.copy()  # (n, 5 + Q + 1)
        return Forecasts(
            config=self.config,
            times=self._history.times.copy(),
            **dict(zip(LINES, lines.T, strict=False)),
            quantiles=lines[:, len(LINES) : -1],
            linear=lines[:, -1],
            fold=self._parts.all[:, FOLD].astype(np.int64),
            folds=tuple(fitted.record for fitted in self.folds),
            missing=dict(self.missing),
            gaps=self._described.gaps(slice(self.folds[0].fold.first, len(lines))) if self.folds else {},
        )

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
        (n, 5 + Q): forecast, the log return over the horizon; spread over the members; distance of the newest
        inputs from the training set; sigma, the standard deviation of the return to come; up, the probability
        that it is above `up_threshold`; its `quantiles`. NaN before the first fold and at every other bar that
        `missing` counts; the last 2 + Q also where no close has moved for 63 bars.

        Raises
        ------
        ValueError
            The times do not increase, or the number of `peers` is not that of the constructor.
        """
        known = None if self._begun else self._session.walks
        key = None if known is None else _of_first_bars(self.config, times, bars, peers, self._outside)
        if known is None or key is None:
            return self._advance(times, bars, peers)
        if key in known:
            vars(self).update(vars(known[key]._twin()))
            return self._lines_from(0)
        lines = self._advance(times, bars, peers)
        known[key] = self._twin()
        return lines

    def _advance(self, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]]) -> Floats:
        begin = len(self._history.bars)
        self._append(times, bars, peers)
        if not len(bars):
            return np.empty((0, self._outputs))
        self._fit_due(begin)
        self._forecast(begin)
        self._weigh(begin)
        return self._lines_from(begin)

    def _lines_from(self, begin: int) -> Floats:
        return self._lines.all[begin:, : self._outputs].copy()  # its caller may change it

    @property
    def _begun(self) -> bool:
        return any(len(history.times) for history in (self._history, *self._peers))

    def _twin(self) -> WalkForward:
        """A walk with the same bars and folds; neither of the two sees how the other goes on."""
        twin = copy.copy(self)
        twin._history, twin._peers = self._history.twin(), [peer.twin() for peer in self._peers]
        twin._inputs, twin._refit = self._inputs and self._inputs.twin(), self._refit.twin()
        twin._volatility, twin._parts = self._volatility.twin(), self._parts.twin()
        twin._lines, twin._missing = self._lines.twin(), self._missing.twin(twin._history)
        twin.folds = list(self.folds)
        return twin

    def peek(self, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]] = ()) -> Floats:
        """The forecasts that `advance` would return for a bar that is not closed yet; the bar is not kept.

        The open bar of a replayed feed is an input of its own forecast but never part of a training set, because
        the labels of a fold are complete before the bar at which it is fitted.
        """
        bars_before, folds, counts = len(self._history.times), len(self.folds), self.missing.copy()
        peers_before = [len(peer.times) for peer in self._peers]
        try:
            return self.advance(times, bars, peers)
        finally:
            for history, length in zip([self._history, *self._peers], [bars_before, *peers_before], strict=True):
                history.cut(length)
            for rows in (self._inputs, self._refit, self._volatility, self._parts, self._lines):
                if rows is not None:
                    rows.cut(bars_before)
            del self.folds[folds:]
            self._missing.counts = counts

    def _append(self, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]] = ()) -> None:
        """Appends the bars, their inputs, and whether the user's condition asks for a refit."""
        for peer, (peer_times, peer_bars) in zip(self._peers, [*self._known(times), *peers], strict=True):
            peer.append(peer_times, peer_bars)
        if not len(bars):
            return
        begin = len(self._history.bars)
        self._history.append(times, bars)
        peer_rows = (peer.at(self._history.times[begin:]) for peer in self._peers)
        rows = np.column_stack([self._history.rows[begin:], *peer_rows])  # (n, F)
        if self._inputs is None:
            self._inputs = Rows((rows.shape[1],), "float64")
        self._inputs.append(rows)
        self._volatility.append(recent_volatility(self._history.bars[:, CLOSE], begin))
        refit = np.zeros(len(bars), dtype=bool)
        for condition in self.condition:
            values = FeatureSet((condition,)).rows(self._history.times, self._history.bars, begin)  # (n, 1)
            refit |= values[:, 0] > 0.0
        self._refit.append(refit)

    def _known(self, times: Times) -> list[tuple[Times, Floats]]:
        """The bars of the peers from outside that are new at the last of `times`, and known by then."""
        last = times[-1] if len(times) else BEFORE
        peers = zip(self._peers, self._outside.peers, strict=False)
        return [stream.between(len(peer.times), last) for peer, stream in peers]

    def _due_folds(self, begin: int = 0) -> list[Fold]:
        """The folds that are fitted at the bars from `begin` on."""
        previous = self.folds[-1].fold if self.folds else None
        return list(self.schedule.folds(self._history.times, begin, previous, self._refit.all))

    def _fit_due(self, begin: int) -> None:
        """Fits every fold that is due at the bars from `begin` on."""
        due = [
            Due(fold, self._training_set(fold), str(self._history.times[fold.cutoff]))
            for fold in self._due_folds(begin)
        ]
        previous = self.folds[-1] if self.folds else None
        self.folds += fit_due(self._session, self.model, self._settled, due, previous, self._missing.log)

    def _training_set(self, fold: Fold) -> TrainingSet:
        """The inputs and labels of a fold; the labels are calculated from bars before the fitting bar alone."""
        bars = self._history.bars[fold.first : fold.fitted_at]
        rows = self._input_rows[fold.first : fold.cutoff + 1]
        targets = labels(bars, self.config)[: fold.bars]
        for array in (rows, targets):
            array.flags.writeable = False  # a model that changed them would change the history
        return TrainingSet(rows, targets, self.config.lookback, fold.purge)

    @property
    def _input_rows(self) -> Floats:
        assert self._inputs is not None
        return self._inputs.all

    def _forecast(self, begin: int) -> None:
        """What the models say about the bars from `begin` on."""
        end = len(self._history.bars)
        out = np.full((end - begin, len(PARTS)), np.nan)
        out[:, FOLD] = 0
        first = self.folds[0].fold.fitted_at if self.folds else end
        self.missing[WARM_UP] += min(end, first) - min(begin, first)
        for fitted, low, high in self._in_use(begin):
            self._forecast_fold(fitted, low, high, out[low - begin : high - begin])
        self._parts.append(out)

    def _in_use(self, begin: int) -> list[tuple[FittedFold, int, int]]:
        """The folds in use at the bars from `begin` on, with the begin and end of these bars, the oldest first."""
        found, high = [], len(self._history.bars)
        for fitted in reversed(self.folds):
            low = max(begin, fitted.fold.fitted_at)
            if low < high:
                found.append((fitted, low, high))
                high = low
            if high == begin:
                break
        return found[::-1]

    def _forecast_fold(self, fitted: FittedFold, low: int, high: int, out: np.ndarray) -> None:
        """Writes what one fold says about bars `low` to `high` into `out` (bars, 7)."""
        missing, inputs, lookback = self._missing, self._described, self.config.lookback
        if not fitted.members:
            needed = self.config.loss_steps
            all_of_them = np.ones(high - low, dtype=bool)
            missing.count(fitted.record.reason, all_of_them, low, lambda _: why_not_fitted(inputs, fitted, needed))
            return
        rows = self._input_rows[low + 1 - lookback : high]  # (L - 1 + bars, F)
        members = trainer.predict(self._session, self.model, fitted.members, windows(rows, lookback))  # (M, bars)
        found = said(fitted, members, rows, lookback, self._was_far(fitted, low, FAR_PART))
        out[:] = found.parts
        reasons = {
            MISSING: lambda bar: why_incomplete(inputs, bar, lookback),
            FAR_OUTSIDE: lambda bar: why_far(fitted, found.predictions[:, bar - low]),
            NO_NUMBER: lambda _: f"model: {self.config.model}",
        }
        for reason, bars in found.missing.items():
            missing.count(reason, bars, low, reasons[reason])

    def _was_far(self, fitted: FittedFold, low: int, kind: float) -> bool:
        """Whether the fold was far outside of its labels before bar `low`."""
        return bool(low > fitted.fold.fitted_at and self._parts.all[low - 1, FAR] >= kind)

    def _weigh(self, begin: int) -> None:
        """The lines of the bars from `begin` on; a new fold first learns from the forecasts before it."""
        self._lines.append(np.full((len(self._history.bars) - begin, self._outputs + 1), np.nan))
        for fitted, low, high in self._in_use(begin):
            learned = fitted.learned or self._learn(fitted)
            parts, volatility = self._parts.all[low:high], self._volatility.all[low:high]
            lines = learned.lines(parts, volatility, self._settled)
            self._drop_far(fitted, lines, low)
            self._lines.all[low:high] = lines

    def _drop_far(self, fitted: FittedFold, lines: Floats, low: int) -> None:
        """Drops the `lines` of a fold from bar `low` on, since a forecast that was far outside of its labels.

        Its parts stay in the history: they are sound, and folds to come must not learn from fewer of them if the
        bars come one by one.
        """
        forecasts = lines[:, 0].copy()  # (bars,)
        since = np.logical_or.accumulate(fitted.far_outside(forecasts[None]))
        since |= self._was_far(fitted, low, FAR_FORECAST)
        far = self._parts.all[low : low + len(lines), FAR]  # a view
        far[since] = np.maximum(far[since], FAR_FORECAST)
        dropped = since & np.isfinite(forecasts)
        lines[dropped] = np.nan
        self._missing.count(FAR_OUTSIDE, dropped, low, lambda bar: why_far(fitted, forecasts[[bar - low]]))

    def _learn(self, fitted: FittedFold) -> Learned:
        """What a new fold learns from the forecasts before it."""
        number, mean = fitted.fold.number, fitted.record.mean
        before = self.folds[number - 2].learned if number > 1 else None
        seen = Seen(self._history.bars, self._parts.all, self._lines.all[:, 0], self._volatility.all)
        learned = learn(fitted.fold, mean, before, seen, self._settled)
        record = replace(fitted.record, weights=learned.weights)
        self.folds[number - 1] = replace(fitted, learned=learned, record=record)
        return learned

    @property
    def _described(self) -> Inputs:
        return Inputs(self._history, self._peers, self._input_rows)


def _of_first_bars(
    config: ForecastConfig, times: Times, bars: Floats, peers: Sequence[tuple[Times, Floats]], outside: Outside
) -> str | None:
    """A key of all that a walk over its first bars depends on; None if code of the user's has no identity."""
    code = identify(*loaded(config.own_code)).sha256
    if code is None:
        return None
    digest = hashlib.sha256(f"{code} {config.model_dump_json()}".encode() + outside.digest)
    for part_times, part_bars in ((times, bars), *peers):
        digest.update(repr((part_times.dtype, part_times.shape, part_bars.dtype, part_bars.shape)).encode())
        digest.update(part_times.tobytes() + part_bars.tobytes())
    return digest.hexdigest()


def plan(config: ForecastConfig, times: Times, bars: Floats, outside: Outside = NOTHING) -> list[tuple[Fold, int]]:
    """The folds that a walk-forward over these bars would fit, and the number of samples of each."""
    walk = WalkForward(config, outside=outside)
    walk._append(times, bars)
    return [(fold, walk._training_set(fold).samples) for fold in walk._due_folds()]
