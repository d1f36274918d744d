"""The walk-forward forecast as a Backtrader indicator: hands bars over, writes lines, does no arithmetic."""

from __future__ import annotations

import array
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from lstmstrat.config import ForecastConfig, validated
from lstmstrat.errors import did_you_mean
from lstmstrat.features import CLOSE, COLUMNS, OPEN, Floats, Times
from lstmstrat.forecast import WalkForward

_DEFAULTS = ForecastConfig()
_EPOCH = 719163  # Backtrader's day number of 1970-01-01


class LSTMForecast(bt.Indicator):  # type: ignore[misc]
    """Forecast of an LSTM ensemble that is refitted walk-forward, with no look-ahead.

    ``LSTMForecast(self.data, lookback=60, train_size=750, refit_every=21)``; the parameters are the fields of
    `ForecastConfig`, that is of the ``forecast:`` section of a config.

    Lines
    -----
    forecast
        Log return over the next `horizon` bars: from the next open with ``target: open`` (what an order made now
        can earn), from this close with ``target: close``. NaN where there is no forecast.
    spread
        Standard deviation of the members' forecasts; 0 with one member.

    The first value is at bar ``warm-up of the features + train_size + purge``, counted from 0, and the strategy's
    `next` begins there (purge is horizon + 1 for target open, horizon for close). `walk_forward` holds the folds.

    Raises
    ------
    TypeError
        A number in place of the data, an unknown parameter, or a single line where whole bars are needed.
    ConfigError
        A parameter has a wrong value.
    """

    lines: Any = ("forecast", "spread")
    params: Any = tuple((name, getattr(_DEFAULTS, name)) for name in ForecastConfig.model_fields)
    plotinfo: ClassVar[dict[str, Any]] = {"subplot": True, "plothlines": [0.0]}
    plotlines: ClassVar[dict[str, Any]] = {"spread": {"_plotskip": True}}

    def __init__(self, *_: Any, **unknown: Any) -> None:
        if isinstance(getattr(self.data.lines[0], "a", None), bt.linebuffer.PseudoArray):
            raise TypeError(
                "LSTMForecast needs data first, then parameters by name: LSTMForecast(self.data, lookback=60)"
            )
        for name in unknown:
            hint = did_you_mean(name, ForecastConfig.model_fields)
            raise TypeError(f"LSTMForecast has no parameter {name!r}{hint}")
        if getattr(self._feed, "replaying", False):
            raise TypeError(
                "LSTMForecast needs closed bars; a replayed feed has unfinished ones: use resampledata"
            )
        values = {name: getattr(self.p, name) for name in ForecastConfig.model_fields}
        self.walk_forward = WalkForward(validated(ForecastConfig, values, "LSTMForecast:"))
        self._columns = self._bar_lines()
        self._first = self._minperiod - 1  # bars before it have no input yet, when the data is itself an indicator
        self.addminperiod(self.walk_forward.schedule.first_fit + 1)
        super().__init__()

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
        walk = self.walk_forward
        if len(self) - 1 < self._first + len(walk.forecasts.times):
            return
        bar = np.array([[np.nan if line is None else line[0] for line in self._columns]])  # (1, 5)
        out = walk.advance(_times(np.array([self._feed.lines.datetime[0]])), bar)
        self.lines.forecast[0], self.lines.spread[0] = float(out[0, 0]), float(out[0, 1])

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
        out = self.walk_forward.advance(times, np.column_stack(columns))  # (n, 2)
        for line, values in zip((self.lines.forecast, self.lines.spread), out.T, strict=True):
            line.array[self._first : bars] = array.array("d", values.tobytes())

    def __getstate__(self) -> dict[str, Any]:
        """Networks stay here when a strategy is sent to another process."""
        return {name: value for name, value in self.__dict__.items() if name != "walk_forward"}


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
