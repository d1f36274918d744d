"""`LSTMForecast`: the walk-forward forecast as a Backtrader indicator.

It hands the bars to a `WalkForward` and writes the forecasts into its lines; it calculates nothing itself.
"""

from __future__ import annotations

import array
import logging
from collections.abc import Sequence
from functools import partial
from operator import getitem
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.descriptions import descriptions
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, did_you_mean
from lstmstrat.forecasting.learned import LINES
from lstmstrat.forecasting.targets import price_column
from lstmstrat.forecasting.walk_forward import WalkForward
from lstmstrat.prices.bars import CLOSE, COLUMNS
from lstmstrat.prices.outside import NOTHING
from lstmstrat.trading.clock import to_times
from lstmstrat.trading.lines import advance, values_of
from lstmstrat.trading.peer_feed import PeerFeed, check_clocks

_log = logging.getLogger(__name__)
_DEFAULTS = ForecastConfig()


class LSTMForecast(bt.Indicator):  # type: ignore[misc]
    """Forecast of an LSTM ensemble that is refitted walk-forward, with no look-ahead.

    A strategy creates it in ``__init__``: ``LSTMForecast(self.data, lookback=20, train_size=750,
    refit_every=21)``. The parameters are the fields of `ForecastConfig`, that is of the ``forecast:`` section of a
    config, and `peers`: other feeds, such as another share or an index, whose `peer_features` become inputs too,
    ``LSTMForecast(self.data, peers=[self.data1])``. Feeds are joined by time, never by position: a bar uses the
    newest bar of each peer at its own time.

    Lines
    -----
    forecast
        Log return over the next `horizon` bars: from the next open with ``target: open`` (the return of an order
        made now), from this close with ``target: close``. NaN where there is no forecast.
    spread
        Standard deviation of what the members say, before it is weighed; 0 with one member.
    distance
        How far the newest inputs lie outside the training set of the fold in use. 0 if each input lies within the
        range that it has in the training set; else the distance of the input that lies farthest outside, in
        standard deviations of that input. The model has learned nothing about such inputs.
    sigma
        Standard deviation of the log return to come over the horizon, from the errors of earlier forecasts and the
        volatility of recent bars. This is risk; `spread` is only how far the members disagree, and much smaller.
    up
        Probability, from 0 to 1, that this return is above `up_threshold`; from the same.

    The quantiles of the return to come are lines too: ``quantile(0.05)[0]``. These, `sigma` and `up` are NaN where
    the forecast is, and where no close has moved for 63 bars.

    The first value is at bar ``warm-up of the features + train_size + purge``, counted from 0, and the strategy's
    `next` begins there (purge is horizon + 1 for target open, horizon for close). `walk_forward` holds the folds.

    Raises
    ------
    TypeError
        A number in place of the data, an unknown parameter, or a single line where whole bars are needed.
    ConfigError
        A parameter has a wrong value.
    RuntimeError
        It was created in `next` and not in ``__init__``.
    ValueError
        While running: the feed is not sorted by time, or has a time twice.

    Examples
    --------
    >>> import lstmstrat
    >>> import backtrader as bt
    >>> class Watch(bt.Strategy):
    ...     def __init__(self):
    ...         self.model = lstmstrat.LSTMForecast(self.data, model="ridge", train_size=250)
    >>> cerebro = bt.Cerebro()
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> _ = cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    >>> _ = cerebro.addstrategy(Watch)
    >>> strategy = cerebro.run()[0]
    >>> len(strategy.model.walk_forward.folds)
    12
    >>> abs(strategy.model.forecast[0]) < 0.05
    True
    """

    lines: Any = LINES  # an instance has one more for each of its `quantiles`
    params: Any = (
        *((name, getattr(_DEFAULTS, name)) for name in ForecastConfig.model_fields),
        ("peers", ()),  # other data feeds; their `peer_features` become inputs too
    )
    plotinfo: ClassVar[dict[str, Any]] = {"subplot": True, "plothlines": [0.0]}
    plotlines: ClassVar[Any] = {name: {"_plotskip": True} for name in LINES[1:]}

    def __init__(self, *_: Any, **unknown: Any) -> None:
        self._refuse_misuse(unknown)
        values = {name: getattr(self.p, name) for name in ForecastConfig.model_fields}
        self._peers = [PeerFeed(peer) for peer in self.p.peers]
        for peer in self.p.peers:
            check_clocks(self._feed, peer)
        config = validated(ForecastConfig, values, "LSTMForecast:")
        outside = getattr(self._feed, "outside", NOTHING)  # of a config's own feed
        self.walk_forward = WalkForward(config, peers=len(self._peers), outside=outside)
        self._add_quantile_lines(config.quantiles)
        self._columns = self._bar_lines(config)
        self._replayed = bool(getattr(self._feed, "replaying", False))
        if self._replayed and self._peers:
            raise TypeError("LSTMForecast: peers need a feed of closed bars, not a replayed one: use resampledata")
        self._unfinished: Any = None  # arguments of `advance` for the open bar of a replayed feed
        self._bar_count = 0  # bars that `next` has processed
        self._first = self._minperiod - 1  # bars before it have no input yet, if the data is itself an indicator
        self.addminperiod(self.walk_forward.schedule.first_fit + 1)
        super().__init__()

    def _add_quantile_lines(self, levels: Sequence[float]) -> None:
        """Backtrader fixes the lines of a class. Their number is a parameter, so these belong to the instance."""
        names = (*LINES, *(f"quantile_{level}" for level in levels))
        for k, _ in enumerate(levels, len(LINES)):
            self.lines.lines.append(bt.LineBuffer())
            setattr(self.plotlines, f"_{k}", self.plotlines.up)
        self.lines._getlinealias = partial(getitem, names)  # of the class for all others
        self.lines.getlinealiases = partial(tuple, names)

    def quantile(self, level: float) -> Any:
        """The line of the quantile of the return to come at `level`, one of `quantiles`.

        Raises
        ------
        ConfigError
            `quantiles` does not have this level.
        """
        levels = tuple(self.p.quantiles)
        if level not in levels:
            raise ConfigError(f"quantile({level!r}) given, expected one of {levels}; add it to quantiles:")
        return self.lines[len(LINES) + levels.index(level)]

    def _refuse_misuse(self, unknown: dict[str, Any]) -> None:
        """Raises for calls that would otherwise hang, leave the lines empty or silently use a default."""
        if isinstance(getattr(self.data.lines[0], "a", None), bt.linebuffer.PseudoArray):
            raise TypeError(
                "LSTMForecast needs data first, then parameters by name: LSTMForecast(self.data, lookback=60)"
            )
        if isinstance(self._owner, bt.Strategy) and len(self._owner):
            raise RuntimeError(
                "LSTMForecast was created while the strategy runs, too late for Backtrader to fill its lines; "
                "create it in __init__ of the strategy"
            )
        for name in unknown:
            hint = did_you_mean(name, (*ForecastConfig.model_fields, "peers"))
            raise TypeError(f"LSTMForecast has no parameter {name!r}{hint}")

    def _bar_lines(self, config: ForecastConfig) -> list[Any]:
        """The five lines of a bar; None for a line that the data lacks and that the forecast does not need."""
        lines = [getattr(self.data.lines, name, None) for name in COLUMNS]
        if lines[CLOSE] is not None:
            return lines
        columns = self.walk_forward.features.columns | {price_column(config)}
        if columns != {CLOSE}:
            names = ", ".join(COLUMNS[c] for c in sorted(columns))
            raise TypeError(
                f"LSTMForecast needs {names}, but was given a single line; pass the whole data feed, or choose "
                "target='close' and features of the close, such as features=('return_1', 'volatility_21')"
            )
        return [self.data.lines[0] if c == CLOSE else None for c in range(len(COLUMNS))]

    @property
    def _feed(self) -> Any:
        """The data feed that the input comes from."""
        feed = self.data
        while not isinstance(feed, bt.AbstractDataBase):
            feed = feed._owner if isinstance(feed, bt.lineseries.LineSeriesStub) else feed._clock
        return feed

    def prenext(self) -> None:
        """Collects history from the first bar on."""
        self.next()

    def nextstart(self) -> None:
        """Treats the bar of the first forecast like any other."""
        self.next()

    def next(self) -> None:
        """Processes one bar. Called again for the same bar (when a second feed ticks), it keeps the values."""
        for peer in self._peers:
            peer.collect()
        new = len(self) > max(self._bar_count, self._first)
        if not (new or self._replayed):
            return
        bar = np.array([[np.nan if line is None else line[0] for line in self._columns]])  # (1, 5)
        time = to_times(np.array([self._feed.lines.datetime[0]]))  # (1,)
        arguments = time, bar, [peer.new_bars() for peer in self._peers]
        forecasts = self._replay(new, arguments) if self._replayed else self.walk_forward.advance(*arguments)
        self._bar_count = len(self)
        for line, value in zip(self.lines, forecasts[0], strict=True):
            line[0] = float(value)

    def _replay(self, new: bool, arguments: Any) -> Floats:
        """The forecast for the open bar of a replayed feed.

        Each call calculates it again; the bar is closed, and kept, when the next one begins.
        """
        if new and self._unfinished is not None:
            self.walk_forward.advance(*self._unfinished)
        self._unfinished = arguments
        return self.walk_forward.peek(*arguments)

    def preonce(self, start: int, end: int) -> None:
        """Does nothing: `once` processes all bars."""

    def oncestart(self, start: int, end: int) -> None:
        """Does nothing: `once` processes all bars."""

    def once(self, start: int, end: int) -> None:
        """Processes all bars as one chunk, so that all folds are fitted as one job."""
        bars = self.data.buflen()
        if bars <= self._first:
            return
        columns = [values_of(line, self._first, bars) for line in self._columns]
        times = to_times(values_of(self._feed.lines.datetime, self._first, bars))
        self._warn_if_short(bars)
        peers = [peer.all_bars() for peer in self._peers]
        forecasts = self.walk_forward.advance(times, np.column_stack(columns), peers)  # (n, 5 + Q)
        for line, values in zip(self.lines, forecasts.T, strict=True):
            line.array[self._first : bars] = array.array("d", values.tobytes())

    def advance(self, size: int = 1) -> None:
        """Moves on by `size` bars that `once` has filled."""
        if len(self) < len(self._clock):
            advance(self.lines.lines, size)

    def _warn_if_short(self, bars: int) -> None:
        minimum = self._first + self.walk_forward.schedule.first_fit + 1
        if bars < minimum:
            message = "LSTMForecast has no forecast: it needs %d bars for the first, the feed has %d"
            _log.warning(message, minimum, bars)

    def __repr__(self) -> str:
        walk = self.__dict__.get("walk_forward")  # not in what came from another process
        return f"<LSTMForecast of {self.p.model}{'' if walk is None else f': {walk}'}>"

    def _plotlabel(self) -> list[Any]:
        """The parameters in the legend of a plot; there is no room for all of them."""
        return [self.p.lookback, self.p.train_size, self.p.refit_every]

    def __getstate__(self) -> dict[str, Any]:
        """The state to pickle when a strategy is sent to another process; without the networks."""
        return {name: value for name, value in self.__dict__.items() if name not in ("walk_forward", "_peers")}


def _parameter_list() -> str:
    """Every parameter with its default and meaning, for help(LSTMForecast)."""
    fields, meaning = ForecastConfig.model_fields.items(), descriptions(ForecastConfig)
    return "\n".join(f"    {name} = {field.default!r}\n        {meaning[name]}" for name, field in fields)


LSTMForecast.__doc__ = f"{LSTMForecast.__doc__}\n    Parameters\n    ----------\n{_parameter_list()}\n"
