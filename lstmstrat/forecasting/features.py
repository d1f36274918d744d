"""Bars to feature rows. All features are causal: row t of a feature is calculated from the bars up to t.

A feature is a function of all closed bars so far. Rolling sums add one shifted array after the other in a fixed
order, so a row has the same bits however many other rows are calculated with it; the chunk law needs this. No
feature contains a price level: levels change with every later split, and a network that learned them would have
learned the vendor's adjustment.

Letters: n bars, F feature columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats, Times, sliding
from lstmstrat.config.names import FEATURE, unknown_feature, window
from lstmstrat.config.plugins import load_attribute
from lstmstrat.errors import ERRORS_OF_CODE, ConfigError, describe
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME


@dataclass(frozen=True)
class Feature:
    """One or more columns of the feature matrix.

    `warmup` is the number of leading bars for which the feature is NaN. `columns` are the bar columns that it
    reads, so that an indicator on a single line can refuse the features for which it has no data.
    """

    name: str
    compute: Callable[[Times, Floats], Floats]  # ((n,), (n, 5)) -> (n,) or (n, k)
    warmup: int
    columns: tuple[int, ...]


def _shift(x: Floats, lag: int) -> Floats:
    """`x` shifted `lag` rows later; the first rows are NaN."""
    shifted = np.full_like(x, np.nan)
    if lag < len(x):
        shifted[lag:] = x[: len(x) - lag]
    return shifted


def _rolling_sum(x: Floats, window: int) -> Floats:
    """Sum of the last `window` values, from the newest on; (n,), NaN in the first `window - 1` rows."""
    total = np.full_like(x, np.nan)
    if len(x) < window:
        return total
    newest_first = sliding(x, window)[:, ::-1]  # (rows, window)
    if len(newest_first) < window:  # the same additions, in fewer calls
        total[window - 1 :] = np.add.accumulate(newest_first, axis=1)[:, -1]
        return total
    sums = newest_first[:, 0].copy()
    for lag in range(1, window):
        sums += newest_first[:, lag]
    total[window - 1 :] = sums
    return total


def log_return(price: Floats, lag: int) -> Floats:
    """log(price[t] / price[t-lag]); (n,), NaN in the first `lag` rows."""
    return np.log(price / _shift(price, lag))


def realised_volatility(close: Floats, window: int) -> Floats:
    """Root mean square of the last `window` one-bar log returns; (n,), NaN in the first `window` rows."""
    return np.sqrt(_rolling_sum(log_return(close, 1) ** 2, window) / window)


def _close_location(bars: Floats) -> Floats:
    """Where the close lies between low (-1) and high (+1); 0 if the bar has no range."""
    span = bars[:, HIGH] - bars[:, LOW]
    position = 2.0 * (bars[:, CLOSE] - bars[:, LOW]) / np.where(span > 0.0, span, 1.0) - 1.0
    return np.where(span > 0.0, position, 0.0)


def _log_volume(bars: Floats) -> Floats:
    """log(1 + volume): a bar without trades has a low value and not -infinity."""
    return np.log1p(bars[:, VOLUME])


def _cycle(phase: Floats) -> Floats:
    """The point on the unit circle for each phase in [0, 1); (n, 2)."""
    return np.column_stack([np.sin(2.0 * np.pi * phase), np.cos(2.0 * np.pi * phase)])  # (n, 2)


def _day_of_week(times: Times) -> Floats:
    days = times.astype("datetime64[D]").astype(np.int64)
    return _cycle(((days + 3) % 7) / 7.0)  # 1970-01-01 was a Thursday; Monday is phase 0


def _month_of_year(times: Times) -> Floats:
    return _cycle((times.astype("datetime64[M]").astype(np.int64) % 12) / 12.0)


_PLAIN: dict[str, Feature] = {
    f.name: f
    for f in (
        Feature("range", lambda _, b: np.log(b[:, HIGH] / b[:, LOW]), 0, (HIGH, LOW)),
        Feature("gap", lambda _, b: np.log(b[:, OPEN] / _shift(b[:, CLOSE], 1)), 1, (OPEN, CLOSE)),
        Feature("body", lambda _, b: np.log(b[:, CLOSE] / b[:, OPEN]), 0, (OPEN, CLOSE)),
        Feature("close_location", lambda _, b: _close_location(b), 0, (HIGH, LOW, CLOSE)),
        Feature("volume_change", lambda _, b: _log_volume(b) - _shift(_log_volume(b), 1), 1, (VOLUME,)),
        Feature("day_of_week", lambda t, _: _day_of_week(t), 0, ()),
        Feature("month_of_year", lambda t, _: _month_of_year(t), 0, ()),
    )
}


def _return(n: int) -> Feature:
    return Feature(f"return_{n}", lambda _, b: log_return(b[:, CLOSE], n), n, (CLOSE,))


def _volatility(n: int) -> Feature:
    return Feature(f"volatility_{n}", lambda _, b: realised_volatility(b[:, CLOSE], n), n, (CLOSE,))


def _distance(n: int) -> Feature:
    return Feature(
        f"distance_{n}",
        lambda _, b: np.log(b[:, CLOSE] / (_rolling_sum(b[:, CLOSE], n) / n)),
        n - 1,
        (CLOSE,),
    )


def _volume_ratio(n: int) -> Feature:
    return Feature(
        f"volume_ratio_{n}",
        lambda _, b: _log_volume(b) - _rolling_sum(_log_volume(b), n) / n,
        n - 1,
        (VOLUME,),
    )


_WINDOWED = {
    "return": _return,
    "volatility": _volatility,
    "distance": _distance,
    "volume_ratio": _volume_ratio,
}


def _user_feature(name: str) -> Feature:
    """The feature ``module:function``, called with open, high, low, close, volume of all bars so far (n, 5)."""
    try:
        function = load_attribute(name, *FEATURE, callable)
    except ImportError as error:
        raise ConfigError(f"features: {error}") from error.__cause__
    if not callable(function):
        raise ConfigError(f"features: {name!r} is not a function; expected f(bars) -> (n,) or (n, k)")
    return Feature(name, lambda _, bars: _call(name, function, bars), 0, tuple(range(5)))


def _call(name: str, function: Callable[[Floats], Any], bars: Floats) -> Floats:
    """The values of a user's function for a copy of the bars; an error in it is the cause of the ConfigError."""
    try:
        return np.asarray(function(bars.copy()), dtype=np.float64)
    except ERRORS_OF_CODE as error:
        raise ConfigError(f"features: {name!r} failed on {len(bars)} bars: {describe(error)}") from error


def feature(name: str) -> Feature:
    """The feature called `name`: a built-in such as ``return_5``, or a user's ``module:function``.

    Raises
    ------
    ConfigError
        No such feature, module or function.
    """
    if ":" in name:
        return _user_feature(name)
    if name in _PLAIN:
        return _PLAIN[name]
    if windowed := window(name):
        family, bars = windowed
        return _WINDOWED[family](bars)
    raise ConfigError(f"features: {unknown_feature(name)}")


@dataclass(frozen=True)
class FeatureSet:
    """The features of a config, side by side."""

    features: tuple[Feature, ...]

    @property
    def warmup(self) -> int:
        """The number of leading bars without a complete feature row; a user's function counts as 0."""
        return max(f.warmup for f in self.features)

    @property
    def columns(self) -> frozenset[int]:
        """The bar columns that the features read."""
        return frozenset(c for f in self.features for c in f.columns)

    def rows(self, times: Times, bars: Floats, first: int) -> Floats:
        """Feature rows of bars `first` to the end; (n - first, F), NaN where a feature has no value."""
        return self.named_rows(times, bars, first)[0]

    def named_rows(self, times: Times, bars: Floats, first: int) -> tuple[Floats, tuple[Feature, ...]]:
        """`rows`, and the feature that each column belongs to, (F,).

        A built-in feature gets only the bars that its warm-up needs; a user's function gets all bars.

        Raises
        ------
        ConfigError
            A user's function returns the wrong number of rows.
        """
        with np.errstate(divide="ignore", invalid="ignore"):  # invalid prices become NaN, which is counted later
            parts = [self._columns(f, times, bars, first) for f in self.features]  # each (n - first, k)
        rows = np.concatenate(parts, axis=1)
        rows[~np.isfinite(rows)] = np.nan
        return rows, tuple(f for f, part in zip(self.features, parts, strict=True) for _ in range(part.shape[1]))

    def _columns(self, f: Feature, times: Times, bars: Floats, first: int) -> Floats:
        begin = 0 if ":" in f.name else max(0, first - f.warmup)
        values = f.compute(times[begin:], bars[begin:])
        if values.shape[:1] != (len(bars) - begin,) or values.ndim > 2:
            raise ConfigError(
                f"features: {f.name!r} gave shape {values.shape} for {len(bars)} bars; "
                f"expected ({len(bars)},) or ({len(bars)}, k)"
            )
        return (values[:, None] if values.ndim == 1 else values)[first - begin :]


def feature_set(names: Sequence[str], key: str = "features") -> FeatureSet:
    """The features called `names`; `key` is the setting that names them, for the message of an error.

    Raises
    ------
    ConfigError
        A feature does not exist; the message names every such feature.
    """
    features, mistakes = [], []
    for name in names:
        try:
            features.append(feature(name))
        except ConfigError as error:
            mistakes.append(str(error).replace("features:", f"{key}:", 1))
    if mistakes:
        raise ConfigError("\n  ".join(mistakes))
    return FeatureSet(tuple(features))
