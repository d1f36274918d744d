"""The path from the bars of many assets to their forecasts.

    PanelForward.advance(times, bars, members) -> forecasts

It is what `WalkForward` is for one asset, with its laws and those of the panel: what comes out for a session
depends on the sessions up to it, not on how they are cut into chunks, not on the order of the assets, and not on
assets that are members at no session that a fold learns from. The members of a session are those of that session.

With ``pool: all`` one model learns from all members, with ``pool: group`` one from those of each group, and with
``pool: none`` each asset has its own. A forecast is the mean of the members of an ensemble, as it is: it is
neither weighed nor turned into a distribution, since under a relation it is a score that orders the assets of a
day.

Letters: d new sessions, D sessions so far, N assets, n bars of an asset, M members of an ensemble, F features.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.fitted_fold import FittedFold
from lstmstrat.forecasting.fitting import Due, fit_due
from lstmstrat.forecasting.history import Rows
from lstmstrat.forecasting.learned import DISTANCE, FAR, FAR_PART, NETWORK, SPREAD
from lstmstrat.forecasting.models import model_of, settled
from lstmstrat.forecasting.panel.asset import Asset
from lstmstrat.forecasting.panel.drawn import DrawnLabels, drawn_labels, drawn_rows
from lstmstrat.forecasting.panel.forecasts import PanelForecasts
from lstmstrat.forecasting.panel.reasons import learns_nothing_new, newest_label, why_not_fitted
from lstmstrat.forecasting.panel.samples import LabelMaker, Part, panel_fold, sample_labels
from lstmstrat.forecasting.panel.sessions import sessions
from lstmstrat.forecasting.parts import said
from lstmstrat.forecasting.reasons import Log
from lstmstrat.forecasting.schedule import Fold, schedule
from lstmstrat.forecasting.session import Session, current
from lstmstrat.forecasting.training_set import windows

_log = logging.getLogger(__name__)

NO_GROUPS: Mapping[str, str] = MappingProxyType({})
LINES = "forecast", "spread", "distance"


class PanelForward:
    """Forecasts for many assets, of models that are refitted as new sessions close.

    Its state is the bars handed over and the folds fitted so far. One caller uses it, in order of time.

    Parameters
    ----------
    config
        The settings. `train_size` and `refit_every` count sessions, `lookback` and `horizon` the bars of an asset.
    symbols
        The assets, in the order of the columns of `advance`.
    groups
        The group of each symbol, for ``pool: group``.
    session
        Store, threads and progress; by default the active session.
    labels
        What the folds learn from: `sample_labels`, or for a control `shuffled_labels`.

    Attributes
    ----------
    folds
        For each model, by its group or symbol ("" with ``pool: all``), every `FittedFold` so far; None where there
        were no samples.
    missing
        The number of sessions of members without a forecast, by reason.

    Raises
    ------
    ConfigError
        A feature or the model is unknown, a symbol stands there twice or has no group, or a setting is for one
        asset only.

    Examples
    --------
    Three years of 20 assets; the ridge model is refitted every 100 sessions:

    >>> import lstmstrat
    >>> rng = np.random.default_rng(0)
    >>> close = np.exp(np.cumsum(rng.normal(0.0, 0.01, (750, 20)), axis=0))
    >>> bars = np.stack([close, 1.01 * close, 0.99 * close, close, np.full_like(close, 1e6)], axis=2)
    >>> times = np.datetime64("2020-01-01") + np.arange(750)
    >>> config = lstmstrat.ForecastConfig(
    ...     model="ridge", pool="all", relation="rank", least_assets=10, train_size=250, refit_every=100
    ... )
    >>> walk = PanelForward(config, [f"A{k:02d}" for k in range(20)])
    >>> walk.advance(times, bars, np.ones((750, 20), dtype=bool)).shape
    (750, 20, 3)
    >>> [fitted.record.samples for fitted in walk.folds[""]]
    [4620, 6620, 8620, 10620, 12620]
    """

    def __init__(
        self,
        config: ForecastConfig,
        symbols: Sequence[str],
        groups: Mapping[str, str] = NO_GROUPS,
        session: Session | None = None,
        labels: LabelMaker = sample_labels,
    ):
        _check(config, symbols, groups)
        self.config = settled(config).model_copy(update={"calibration": "none"})
        self.model = model_of(self.config)
        self.schedule = schedule(config)
        self.symbols = tuple(symbols)
        self._order = np.argsort(np.array(self.symbols))  # of the columns, by symbol
        self._assets = [Asset(symbols[n], _pool(config, symbols[n], groups), config.features) for n in self._order]
        self._times = Rows((), "datetime64[ns]")
        self._members = Rows((len(symbols),), "bool")  # (D, N) by symbol
        self._lines = Rows((len(symbols), len(LINES)), "float64")  # (D, N, 3)
        self.folds: dict[str, list[FittedFold | None]] = {asset.pool: [] for asset in self._assets}
        self._schedule: list[Fold] = []
        self._drawn: list[DrawnLabels] = []  # of each fold
        self.missing: Counter[str] = Counter()
        self._why: dict[tuple[str, int], str] = {}  # there is no model, by pool and fold
        self._session = session or current()
        self._labels = labels
        # Of a pool, by sessions. Of one asset its rows are held out; a cheaper model holds out none.
        by_session = config.pool != "none" and hasattr(self.model, "val_size")
        self._held_out = config.val_size if by_session else 0.0
        self._log = Log(_log, self._session.told)

    def advance(self, times: Times, bars: Floats, members: Bools) -> Floats:
        """Forecasts at newly closed sessions, in order of time.

        Parameters
        ----------
        times
            (d,) datetime64 of each session.
        bars
            (d, N, 5) open, high, low, close, volume. Five times NaN: the asset has no bar at that session. NaN
            prices with a volume: it has one that must not be used.
        members
            (d, N) whether an asset is a member at that session, and may be learned from and traded.

        Returns
        -------
        (d, N, 3): forecast, a log return over the horizon or a score under a relation; spread over the members of
        the ensemble; distance of the newest inputs from the training set. NaN where an asset is no member or has
        no bar, and where `missing` counts a reason.

        Raises
        ------
        ValueError
            A shape is another one, or the times do not increase: a session is whole when it is handed over.
            Nothing is taken, and a corrected call goes on.
        """
        begin = len(self._times.all)
        times, bars, members = sessions(times, bars, members, len(self.symbols), self._times.all)
        self._append(times, bars[:, self._order], members[:, self._order])
        self._fit_due(begin)
        out = np.full((len(times), len(self.symbols), len(LINES)), np.nan)
        for number, column in enumerate(self._order):
            out[:, column] = self._forecast(number, begin)
        self._lines.append(out)
        return out

    @property
    def times(self) -> Times:
        """The times of all sessions so far; (D,)."""
        return self._times.all

    @property
    def forecasts(self) -> PanelForecasts:
        """All forecasts so far."""
        fold = np.zeros(len(self._times.all), dtype=np.int64)
        for number, low, high in self._in_use(0):
            fold[low:high] = number
        lines = np.moveaxis(self._lines.all, 2, 0).copy()  # (3, D, N)
        first = self._schedule[0].first if self._schedule else 0
        return PanelForecasts(
            config=self.config,
            symbols=self.symbols,
            times=self._times.all.copy(),
            **dict(zip(LINES, lines, strict=True)),
            fold=fold,
            folds=tuple(self._schedule),
            records={
                pool: tuple(None if one is None else one.record for one in done)
                for pool, done in self.folds.items()
            },
            missing={reason: count for reason, count in self.missing.items() if count},
            drawn_labels=tuple(self._drawn),
            drawn_rows=drawn_rows([asset.bars for asset in self._assets], self.symbols, first, len(fold)),
        )

    def _append(self, times: Times, bars: Floats, members: Bools) -> None:
        begin = len(self._times.all)
        self._times.append(times)
        there: Bools = np.logical_or.reduce(np.isfinite(bars), axis=2)  # (d, N)
        self._members.append(members & there)
        for number, asset in enumerate(self._assets):
            new = np.flatnonzero(there[:, number])
            asset.append(begin + new, times[new], bars[new, number])

    def _fit_due(self, begin: int) -> None:
        """Fits every fold that is due at the sessions from `begin` on, of all pools as one job."""
        previous = self._schedule[-1] if self._schedule else None
        folds = list(self.schedule.folds(self._times.all, begin, previous))
        due = {(one.fold.number, pool): one for fold in folds for pool, one in self._due(fold)}
        fitted = fit_due(self._session, self.model, self.config, list(due.values()), None, self._log)
        found = dict(zip(due, fitted, strict=True))
        self._schedule += folds
        for pool, of_pool in self.folds.items():
            of_pool += [found.get((fold.number, pool)) for fold in folds]

    def _due(self, fold: Fold) -> Iterator[tuple[str, Due]]:
        """Each pool that has a sample in the fold, with its training set."""
        bars, parts = [asset.bars for asset in self._assets], list[Part]()
        found, known = self._labels(bars, self._members.all, fold, self.config)
        if (last := newest_label(found)) < len(found) - len(found) // 4 - 1:
            day = fold.first + last if last >= 0 else None
            self._log.once(f"gap {day}", lambda: learns_nothing_new(fold, last, self._times.all, self.config))
        cutoff = str(self._times.all[fold.cutoff])
        validation = int(self._held_out * fold.bars)
        for pool in self.folds:
            chosen = [number for number, asset in enumerate(self._assets) if asset.pool == pool]
            learned_from = panel_fold(bars, found, known, fold, self.config.lookback, chosen)
            parts += learned_from.parts
            if learned_from.parts:
                training = learned_from.training_set(self.config.lookback, self.config.loss_steps, validation)
                yield pool, Due(fold, training, cutoff, pool if self.config.pool == "group" else "")
        self._drawn.append(drawn_labels(fold, parts, self.symbols))

    def _forecast(self, number: int, begin: int) -> Floats:
        """The lines of one asset at the sessions from `begin` on; (d, 3)."""
        asset, end = self._assets[number], len(self._times.all)
        out = np.full((end - begin, len(LINES)), np.nan)
        for fold, low, high in self._in_use(begin):
            bars = asset.between(low, high)
            at = asset.sessions.all[bars] - begin
            member = self._members.all[begin:, number][at]
            fitted = self.folds[asset.pool][fold - 1]
            if fitted is None or not fitted.members:
                self.missing[self._why_not_fitted(asset.pool, fold)] += int(member.sum())
                continue
            lines, missing = self._said(asset, fitted, bars)
            out[at[member]] = lines[member]
            self.missing.update({reason: int((of & member).sum()) for reason, of in missing.items()})
        return out

    def _why_not_fitted(self, pool: str, number: int) -> str:
        """Why a fold of a pool has no model."""
        if (pool, number) not in self._why:
            self._why[pool, number] = why_not_fitted(
                [asset for asset in self._assets if asset.pool == pool], self._schedule[number - 1]
            )
        return self._why[pool, number]

    def _said(self, asset: Asset, fitted: FittedFold, bars: slice) -> tuple[Floats, Mapping[str, Bools]]:
        """What a fold says at some bars of an asset, and at which it says nothing, by reason."""
        lookback = self.config.lookback
        if bars.start == bars.stop:
            return np.empty((0, len(LINES))), {}
        rows = asset.window(bars, lookback)  # (L - 1 + m, F)
        members = trainer.predict(self._session, self.model, fitted.members, windows(rows, lookback))
        found = said(fitted, members, rows, lookback, asset.far_since == fitted.fold.number)
        if found.parts[-1, FAR] >= FAR_PART:
            asset.far_since = fitted.fold.number
        return found.parts[:, [NETWORK, SPREAD, DISTANCE]], found.missing

    def _in_use(self, begin: int) -> Iterator[tuple[int, int, int]]:
        """The folds in use at the sessions from `begin` on: number, first session and the one after the last."""
        ends = [*(fold.fitted_at for fold in self._schedule[1:]), len(self._times.all)]
        for fold, high in zip(self._schedule, ends, strict=False):
            if high > begin:
                yield fold.number, max(begin, fold.fitted_at), high


def _pool(config: ForecastConfig, symbol: str, groups: Mapping[str, str]) -> str:
    """What the assets that learn together have in common: nothing, the group, or the symbol."""
    return {"all": "", "group": groups.get(symbol, ""), "none": symbol}[config.pool]


def _check(config: ForecastConfig, symbols: Sequence[str], groups: Mapping[str, str]) -> None:
    """Refuses what cannot be meant for many assets."""
    twice = sorted(symbol for symbol, count in Counter(symbols).items() if count > 1)
    alone = [symbol for symbol in symbols if not groups.get(symbol)] if config.pool == "group" else []
    mistakes = [
        *(f"the symbol {symbol!r} stands there twice; take one out" for symbol in twice[:3]),
        *(f"pool: group, but {symbol!r} has no group; give it one, or set pool: all" for symbol in alone[:3]),
        *(["warm_start: true is for one asset; set warm_start: false"] if config.warm_start else []),
        *(["refit_when is for one asset; set refit_every: month"] if config.refit_when else []),
    ]
    if mistakes:
        raise ConfigError("\n  ".join(["forecast: cannot be used for many assets:", *mistakes]))
