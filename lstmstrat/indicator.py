"""The walk-forward forecast as a Backtrader indicator: hands bars over, writes lines, does no arithmetic."""

from __future__ import annotations

import array
import logging
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from lstmstrat.config import ForecastConfig, validated
from lstmstrat.errors import did_you_mean
from lstmstrat.features import CLOSE, COLUMNS, OPEN, Floats, Times
from lstmstrat.forecast import WalkForward

_log = logging.getLogger(__name__)
_DEFAULTS = ForecastConfig()
_EPOCH = 719163  # Backtrader's day number of 1970-01-01


class LSTMForecast(bt.Indicator):  # type: ignore[misc]
    """Forecast of an LSTM ensemble that is refitted walk-forward, with no look-ahead.

    ``LSTMForecast(self.data, lookback=60, train_size=750, refit_every=21)``; the parameters are the fields of
    `ForecastConfig`, that is of the ``forecast:`` section of a config, and `peers`: other feeds (another share, an
    index) whose `peer_features` become inputs, ``LSTMForecast(self.data, peers=[self.data1])``. A bar sees the bar
    of a peer that is newest at its own time, joined by time and never by position.

    Lines
    -----
    forecast
        Log return over the next `horizon` bars: from the next open with ``target: open`` (what an order made now
        can earn), from this close with ``target: close``. NaN where there is no forecast.
    spread
        Standard deviation of the members' forecasts; 0 with one member.
    distance
        How far the newest inputs lie outside the training slice of the fold in use: 0 within the range of each,
        else in standard deviations of the input that lies farthest outside. A model knows nothing out there.

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
    """

    lines: Any = ("forecast", "spread", "distance")
    params: Any = (
        *((name, getattr(_DEFAULTS, name)) for name in ForecastConfig.model_fields),
        ("peers", ()),  # other data feeds, whose `peer_features` become inputs too
    )
    plotinfo: ClassVar[dict[str, Any]] = {"subplot": True, "plothlines": [0.0]}
    plotlines: ClassVar[dict[str, Any]] = {"spread": {"_plotskip": True}, "distance": {"_plotskip": True}}

    def __init__(self, *_: Any, **unknown: Any) -> None:
        self._refuse_misuse(unknown)
        values = {name: getattr(self.p, name) for name in ForecastConfig.model_fields}
        self._peers = [_PeerFeed(peer) for peer in self.p.peers]
        config = validated(ForecastConfig, values, "LSTMForecast:")
        self.walk_forward = WalkForward(config, peers=len(self._peers))
        self._columns = self._bar_lines()
        self._replayed = bool(getattr(self._feed, "replaying", False))
        if self._replayed and self._peers:
            raise TypeError("LSTMForecast: peers need a feed of closed bars, not a replayed one: use resampledata")
        self._unfinished: Any = None  # the newest bar of a replayed feed, as `advance` takes it
        self._seen = 0  # bars that `next` was called for
        self._first = self._minperiod - 1  # bars before it have no input yet, when the data is itself an indicator
        self.addminperiod(self.walk_forward.schedule.first_fit + 1)
        super().__init__()

    def _refuse_misuse(self, unknown: dict[str, Any]) -> None:
        """Each would be a hang, an empty line or a silent default."""
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

    def _bar_lines(self) -> list[Any]:
        """The five lines to read; None where the data has none, which only a close-based forecast may lack."""
        lines = [getattr(self.data.lines, name, None) for name in COLUMNS]
        if lines[CLOSE] is not None:
            return lines
        needed = self.walk_forward.features.columns | {OPEN if self.p.target == "open" else CLOSE}
        if needed != {CLOSE}:
            names = ", ".join(COLUMNS[c] for c in sorted(needed))
            raise TypeError(
                f"LSTMForecast needs {names}, but was given a single line; pass the whole data feed, or choose "
                "target='close' and features of the close, such as features=('return_1', 'volatility_21')"
            )
        return [self.data.lines[0] if c == CLOSE else None for c in range(len(COLUMNS))]

    @property
    def _feed(self) -> Any:
        """The feed behind the input."""
        feed = self.data
        while not isinstance(feed, bt.AbstractDataBase):
            feed = feed._owner if isinstance(feed, bt.lineseries.LineSeriesStub) else feed._clock
        return feed

    def prenext(self) -> None:
        """Collects history from the first bar on."""
        self.next()

    def nextstart(self) -> None:
        """The first forecast is a bar like any other."""
        self.next()

    def next(self) -> None:
        """One bar. A bar that is announced again (a second feed ticked) keeps its values."""
        for peer in self._peers:
            peer.collect()
        new = len(self) > max(self._seen, self._first)
        if not (new or self._replayed):
            return
        bar = np.array([[np.nan if line is None else line[0] for line in self._columns]])  # (1, 5)
        given = _times(np.array([self._feed.lines.datetime[0]])), bar, [peer.new() for peer in self._peers]
        out = self._replay(new, given) if self._replayed else self.walk_forward.advance(*given)
        self._seen = len(self)
        for line, value in zip(self.lines, out[0], strict=True):
            line[0] = float(value)

    def _replay(self, new: bool, given: Any) -> Floats:
        """A bar is closed, and kept, when the next one begins; till then its forecast is made anew each time."""
        if new and self._unfinished is not None:
            self.walk_forward.advance(*self._unfinished)
        self._unfinished = given
        return self.walk_forward.peek(*given)

    def preonce(self, start: int, end: int) -> None:
        """Nothing: `once` does all bars."""

    def oncestart(self, start: int, end: int) -> None:
        """Nothing: `once` does all bars."""

    def once(self, start: int, end: int) -> None:
        """All bars as one chunk, so that all folds are trained as one job."""
        bars = self.data.buflen()
        if bars <= self._first:
            return
        columns = [_values(line, self._first, bars) for line in self._columns]
        times = _times(_values(self._feed.lines.datetime, self._first, bars))
        self._warn_if_short(bars)
        peers = [peer.all() for peer in self._peers]
        out = self.walk_forward.advance(times, np.column_stack(columns), peers)  # (n, 3)
        for line, values in zip(self.lines, out.T, strict=True):
            line.array[self._first : bars] = array.array("d", values.tobytes())

    def _warn_if_short(self, bars: int) -> None:
        needed = self._first + self.walk_forward.schedule.first_fit + 1
        if bars < needed:
            told = "LSTMForecast has no forecast: it needs %d bars for the first, the feed has %d"
            _log.warning(told, needed, bars)

    def _plotlabel(self) -> list[Any]:
        """What the legend of a plot shows: all parameters would not fit."""
        return [self.p.lookback, self.p.train_size, self.p.refit_every]

    def __getstate__(self) -> dict[str, Any]:
        """Networks stay here when a strategy is sent to another process."""
        return {name: value for name, value in self.__dict__.items() if name not in ("walk_forward", "_peers")}


class _PeerFeed:
    """A second feed, read when a bar of the first one asks for it."""

    def __init__(self, feed: Any):
        if not isinstance(feed, bt.AbstractDataBase):
            raise TypeError(
                f"LSTMForecast: peers are whole data feeds, not {type(feed).__name__}; write peers=[self.data1]"
            )
        if feed._env is not None and feed._env.p.exactbars == 1:
            raise TypeError(
                "LSTMForecast: with exactbars=1 Backtrader loses bars of a second feed; use exactbars=-1"
            )
        if getattr(feed, "replaying", False):
            raise TypeError("LSTMForecast: a replayed feed has unfinished bars; peers=[...] need closed ones")
        self._feed = feed
        self._taken = 0
        self._fresh: list[list[float]] = []

    def collect(self) -> None:
        """Takes the bars that came since the last call."""
        lines = [getattr(self._feed.lines, name) for name in ("datetime", *COLUMNS)]
        for ago in range(self._taken - len(self._feed) + 1, 1):
            self._fresh.append([line[ago] for line in lines])
        self._taken = len(self._feed)

    def new(self) -> tuple[Times, Floats]:
        """What was collected since the last call of this; times (m,), bars (m, 5)."""
        rows = np.array(self._fresh).reshape(-1, 6)
        self._fresh = []
        return _times(rows[:, 0]), rows[:, 1:]

    def all(self) -> tuple[Times, Floats]:
        """Every bar of a loaded feed."""
        count = self._feed.buflen()
        bars = np.column_stack([_values(getattr(self._feed.lines, name), 0, count) for name in COLUMNS])
        return _times(_values(self._feed.lines.datetime, 0, count)), bars


def _parameters() -> str:
    """Every parameter with its default and meaning, for help(LSTMForecast)."""
    fields = ForecastConfig.model_fields.items()
    return "\n".join(f"    {name} = {field.default!r}\n        {field.description}" for name, field in fields)


LSTMForecast.__doc__ = f"{LSTMForecast.__doc__}\n    Parameters\n    ----------\n{_parameters()}\n"


def _values(line: Any, first: int, end: int) -> Floats:
    """Bars `first` to `end` of a line's buffer, copied; NaN for a line that is not there."""
    if line is None:
        return np.full(end - first, np.nan)
    return np.array(line.array[first:end], dtype=np.float64)


def _times(numbers: Floats) -> Times:
    """Backtrader's day numbers to datetime64, to the millisecond: they are floats about 10 microseconds apart."""
    days = np.floor(numbers)
    milliseconds = np.rint((numbers - days) * 86_400e3)
    milliseconds = np.minimum(milliseconds, 86_399_999)  # a bar at 23:59:59.99999 stays on its day
    whole = (days.astype(np.int64) - _EPOCH) * 86_400_000
    return (whole + milliseconds.astype(np.int64)).astype("datetime64[ms]").astype("datetime64[ns]")
