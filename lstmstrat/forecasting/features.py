"""Bars to feature rows. All features are causal: row t of a feature is calculated from the bars up to t.

A feature is a function of all closed bars so far. Rolling sums add one shifted array after the other in a fixed
order, so a row has the same bits however many other rows are calculated with it; the chunk law needs this. No
feature contains a price level: levels change with every later split, and a network that learned them would have
learned the vendor's adjustment.

Letters: n bars, F feature columns.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmstrat.arrays import NO_NUMBERS, Floats, Times, sliding, unmasked
from lstmstrat.config.names import FEATURE, column, is_own, unknown_feature, window
from lstmstrat.config.plugins import load_attribute
from lstmstrat.errors import ERRORS_OF_CODE, ConfigError, describe
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME
from lstmstrat.prices.outside import NOTHING, Outside


@dataclass(frozen=True)
class Feature:
    """One or more columns of the feature matrix.

    `warmup` is the number of leading bars for which the feature is NaN. `columns` are the bar columns that it
    reads, so that an indicator on a single line can refuse the features for which it has no data. One of
    `any_sign` also has a value where a price is 0 or below, as rates and indexes of sentiment are; to all others
    such a price is missing.
    """

    name: str
    compute: Callable[[Times, Floats], Floats]  # ((n,), (n, 5)) -> (n,) or (n, k)
    warmup: int
    columns: tuple[int, ...]
    any_sign: bool = False


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


def difference(x: Floats, lag: int) -> Floats:
    """x[t] - x[t-lag]; (n,), NaN in the first `lag` rows."""
    return x - _shift(x, lag)


def change(x: Floats, lag: int) -> Floats:
    """The difference over `lag` rows, divided by the root of the summed squares of the `lag` single ones.

    From -sqrt(lag) to +sqrt(lag) in every unit of `x`; 0 where nothing has moved; (n,), NaN in the first rows.
    """
    moved = np.sqrt(_rolling_sum(difference(x, 1) ** 2, lag))
    return np.where(moved > 0.0, difference(x, lag) / np.where(moved > 0.0, moved, 1.0), moved)  # moved: 0 or NaN


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


def _difference(n: int) -> Feature:
    return Feature(f"difference_{n}", lambda _, b: difference(b[:, CLOSE], n), n, (CLOSE,), any_sign=True)


def _change(n: int) -> Feature:
    return Feature(f"change_{n}", lambda _, b: change(b[:, CLOSE], n), n, (CLOSE,), any_sign=True)


_WINDOWED = {
    "return": _return,
    "volatility": _volatility,
    "distance": _distance,
    "volume_ratio": _volume_ratio,
    "difference": _difference,
    "change": _change,
}


def _user_feature(name: str) -> Feature:
    """The feature ``module:function``: f(bars) or f(bars, times) of all bars so far, (n, 5) and (n,)."""
    try:
        function = load_attribute(name, *FEATURE, callable)
    except ImportError as error:
        raise ConfigError(f"features: {error}") from error.__cause__
    if not callable(function):
        raise ConfigError(f"features: {name!r} is not a function; expected f(bars) -> (n,) or (n, k)")
    arguments = 2 if _takes_times(name, function) else 1
    return Feature(name, lambda times, bars: _call(name, function, (bars, times)[:arguments]), 0, tuple(range(5)))


def _takes_times(name: str, function: Callable[..., Any]) -> bool:
    """Whether a user's function is f(bars, times): a second argument has no default, or is called times.

    Raises
    ------
    ConfigError
        It is neither f(bars) nor f(bars, times).
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a function that is not written in Python
        return False
    own = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_times = len(own) > 1 and (own[1].default is own[1].empty or own[1].name == "times")
    try:
        signature.bind(*("bars", "times")[: 2 if takes_times else 1])
    except TypeError as error:
        raise ConfigError(
            f"features: {name!r} has the arguments {signature}; expected f(bars) or f(bars, times), and a "
            f"default for each further one ({error})"
        ) from None
    return takes_times


def _call(name: str, function: Callable[..., Any], arguments: tuple[np.ndarray, ...]) -> Floats:
    """The values of a user's function for copies of its arguments; an error in it causes a ConfigError."""
    bars = arguments[0]
    try:
        values = unmasked(function(*(argument.copy() for argument in arguments)))
        numbers = None if values.dtype.kind in NO_NUMBERS else values.astype(np.float64)
    except ERRORS_OF_CODE as error:
        raise ConfigError(f"features: {name!r} failed on {len(bars)} bars: {describe(error)}") from error
    if numbers is None:
        raise ConfigError(f"features: {name!r} gave values of type {values.dtype}; expected real numbers")
    return numbers


_CHANGES = {"difference": difference, "change": change}


def _column(name: str, outside: Outside) -> Feature:
    """The feature ``column:NAME``, or a change of it from bar to bar; without `outside` it has no values."""
    of, made = column(name) or ("", "")
    family, bars = window(made) or ("", 0)

    def compute(times: Times, _: Floats) -> Floats:
        values = outside.column(of).at(times)[:, 0]
        return _CHANGES[family](values, bars) if family else values

    return Feature(name, compute, bars, ())


def feature(name: str) -> Feature:
    """The feature called `name`: a built-in such as ``return_5``, ``column:NAME``, a user's ``module:function``.

    That of a column has values only in a `FeatureSet.with_columns`.

    Raises
    ------
    ConfigError
        No such feature, module or function.
    """
    if is_own(name):
        return _user_feature(name)
    if column(name):
        return _column(name, NOTHING)
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

    def with_columns(self, outside: Outside) -> FeatureSet:
        """The same features, those of columns with the values of `outside`.

        Raises
        ------
        ConfigError
            It does not have such a column.
        """
        for f in self.features:
            if found := column(f.name):
                outside.column(found[0])
        return FeatureSet(tuple(_column(f.name, outside) if column(f.name) else f for f in self.features))

    def rows(self, times: Times, bars: Floats, first: int) -> Floats:
        """Feature rows of bars `first` to the end; (n - first, F), NaN where a feature has no value."""
        return self.named_rows(times, bars, first)[0]

    def named_rows(
        self, times: Times, bars: Floats, first: int, levels: Floats | None = None
    ) -> tuple[Floats, tuple[Feature, ...]]:
        """`rows`, and the feature that each column belongs to, (F,).

        Prices of 0 or below are to be NaN in `bars`; `levels` (n, 5) has them, for the features of `any_sign`. A
        built-in feature gets only the bars that its warm-up needs; a user's function gets all bars.

        Raises
        ------
        ConfigError
            A user's function returns the wrong number of rows.
        """
        with np.errstate(divide="ignore", invalid="ignore"):  # invalid prices become NaN, which is counted later
            parts = [
                self._columns(f, times, bars if levels is None or not f.any_sign else levels, first)
                for f in self.features
            ]  # each (n - first, k)
        rows = np.concatenate(parts, axis=1)
        rows[~np.isfinite(rows)] = np.nan
        return rows, tuple(f for f, part in zip(self.features, parts, strict=True) for _ in range(part.shape[1]))

    def _columns(self, f: Feature, times: Times, bars: Floats, first: int) -> Floats:
        begin = 0 if is_own(f.name) else max(0, first - f.warmup)
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
