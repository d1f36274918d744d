"""`LSTMForecast`: the walk-forward forecast as a Backtrader indicator.

It hands the bars to a `WalkForward` and writes the forecasts into its lines; it calculates nothing itself.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from functools import partial
from operator import getitem
from typing import Any, ClassVar

import backtrader as bt

from lstmstrat.config.descriptions import descriptions
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, did_you_mean
from lstmstrat.forecasting.learned import LINES
from lstmstrat.trading.lines import advance
from lstmstrat.trading.one_feed import OneFeed
from lstmstrat.trading.universe_feeds import OneOfMany, UniverseFeeds

_DEFAULTS = ForecastConfig()


class LSTMForecast(bt.Indicator):  # type: ignore[misc]
    """Forecast of an LSTM ensemble that is refitted walk-forward, with no look-ahead.

    A strategy creates it in ``__init__``: ``LSTMForecast(self.data, lookback=20, train_size=750,
    refit_every=21)``. The parameters are the fields of `ForecastConfig`, that is of the ``forecast:`` section of a
    config, and `peers`: other feeds, such as another share or an index, whose `peer_features` become inputs too,
    ``LSTMForecast(self.data, peers=[self.data1])``. Feeds are joined by time, never by position: a bar uses the
    newest bar of each peer at its own time.

    One model may learn from many feeds: ``LSTMForecast(feed, universe=self.datas, pool="all", relation="rank")``
    for each `feed` of them. The indicators of a strategy with the same settings share it. All bars of a time are
    one session, `train_size` and `refit_every` count sessions, and `sigma`, `up` and the quantiles are NaN: under
    a `relation` a forecast is a score that orders the feeds. `next` begins with the first bar of the last feed,
    and a forecast may come later; a comparison with NaN is false.

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
        ("universe", ()),  # all feeds of a universe, this one among them; models learn from all of them
    )
    plotinfo: ClassVar[dict[str, Any]] = {"subplot": True, "plothlines": [0.0]}
    plotlines: ClassVar[Any] = {name: {"_plotskip": True} for name in LINES[1:]}

    def __init__(self, *_: Any, **unknown: Any) -> None:
        self._refuse_misuse(unknown)
        values = {name: getattr(self.p, name) for name in ForecastConfig.model_fields}
        config = validated(ForecastConfig, values, "LSTMForecast:")
        self._bar_count = 0  # bars that `next` has processed
        self._first = self._minperiod - 1  # bars before it have no input yet, if the data is itself an indicator
        self._source: OneFeed | OneOfMany = self._one_of_many(config) if self.p.universe else self._one(config)
        self._add_quantile_lines(config.quantiles)
        self.addminperiod(self._source.least)
        super().__init__()

    def _one(self, config: ForecastConfig) -> OneFeed:
        return OneFeed(self.data, self._feed, self.p.peers, config, self._first)

    def _one_of_many(self, config: ForecastConfig) -> OneOfMany:
        """Its feed in the universe, whose bars it shares with earlier indicators of the same settings."""
        feeds = list(self.p.universe)
        if self.p.peers:
            raise TypeError(
                "LSTMForecast: universe and peers given; its feeds are inputs already, so leave peers out"
            )
        others = (one._source for one in self._owner.getindicators() if isinstance(one, LSTMForecast))
        shared = (of.universe for of in others if isinstance(of, OneOfMany) and of.universe.serves(feeds, config))
        return OneOfMany(self.data, next(shared, None) or UniverseFeeds(feeds, config))

    @property
    def walk_forward(self) -> Any:
        """The `WalkForward` behind the lines, with its folds; of a universe the `PanelForward`."""
        return self._source.walk_forward

    @walk_forward.setter
    def walk_forward(self, walk: Any) -> None:
        self._source.walk_forward = walk

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
            hint = did_you_mean(name, (*ForecastConfig.model_fields, "peers", "universe"))
            raise TypeError(f"LSTMForecast has no parameter {name!r}{hint}")

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
        self._source.collect()
        lines = self._source.newest(len(self) > max(self._bar_count, self._first))
        if lines is None:
            return
        self._bar_count = len(self)
        for line, value in zip(self.lines, lines[0], strict=True):
            line[0] = float(value)

    def preonce(self, start: int, end: int) -> None:
        """Does nothing: `once` processes all bars."""

    def oncestart(self, start: int, end: int) -> None:
        """Does nothing: `once` processes all bars."""

    def once(self, start: int, end: int) -> None:
        """Processes all bars as one chunk, so that all folds are fitted as one job."""
        bars = self.data.buflen()
        if bars <= self._first:
            return
        for line, values in zip(self.lines, self._source.whole(bars).T, strict=True):
            line.array[self._first : bars] = array.array("d", values.tobytes())

    def advance(self, size: int = 1) -> None:
        """Moves on by `size` bars that `once` has filled."""
        if len(self) < len(self._clock):
            advance(self.lines.lines, size)

    def __repr__(self) -> str:
        source = self.__dict__.get("_source")  # not in what came from another process
        return f"<LSTMForecast of {self.p.model}{'' if source is None else f': {source.walk_forward}'}>"

    def _plotlabel(self) -> list[Any]:
        """The parameters in the legend of a plot; there is no room for all of them."""
        return [self.p.lookback, self.p.train_size, self.p.refit_every]

    def __getstate__(self) -> dict[str, Any]:
        """The state to pickle when a strategy is sent to another process; without the networks."""
        return {name: value for name, value in self.__dict__.items() if name != "_source"}


def _parameter_list() -> str:
    """Every parameter with its default and meaning, for help(LSTMForecast)."""
    fields, meaning = ForecastConfig.model_fields.items(), descriptions(ForecastConfig)
    return "\n".join(f"    {name} = {field.default!r}\n        {meaning[name]}" for name, field in fields)


LSTMForecast.__doc__ = f"{LSTMForecast.__doc__}\n    Parameters\n    ----------\n{_parameter_list()}\n"
