"""Perturbations of bars: pure functions on frames (n, 5) like that of `Prices`.

    replace_future(frame, cut, kind, seed)    replaces the bars after `cut`; those up to `cut` keep their bits

The new bars are valid: low <= open, close <= high, prices above 0, volume at least 0. The only exception is the
kind `missing`, whose bars are NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME
from lstmstrat.prices.null_history import widen_to_body

ROUNDING = 1e-6  # relative; sums over arrays of another length, or in another order, round differently

DAILY = 0.02  # standard deviation of a bar's log return in a random walk, from close to close


def walk(rng: np.random.Generator, start: float, bars: int) -> Floats:
    """A random walk without drift that starts after the close `start`; (bars, 5).

    From any open or close to a later one the expected simple return is 0: every trade at these prices is a fair
    game. High and low are the extremes of a Brownian bridge from open to close, drawn by inverting their
    distributions, so a stop or limit order inside the bar is a fair game as well. High and low are drawn
    independently, so this is not exact for two orders that use both in one bar.
    """
    overnight, session = DAILY * np.sqrt(0.25), DAILY * np.sqrt(0.75)
    scale = np.array([overnight, session])
    steps = rng.normal(0.0, 1.0, (bars, 2)) * scale - scale**2 / 2  # (bars, 2) log returns
    levels = np.log(start) + np.cumsum(steps.ravel()).reshape(bars, 2)  # (bars, 2) log of open and close
    open_, close = levels.T
    up, down = (
        np.sqrt((close - open_) ** 2 - 2 * session**2 * np.log(rng.uniform(1e-12, 1.0, bars))) for _ in range(2)
    )
    high, low = (open_ + close + up) / 2, (open_ + close - down) / 2
    prices = np.exp(np.column_stack([open_, high, low, close]))
    return widen_to_body(np.column_stack([prices, rng.integers(100_000, 1_000_000, bars).astype(float)]))


def _walk(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    return walk(rng, close, len(bars))


def _mirrored(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    """Every log return since `close` with the opposite sign: each price p becomes close**2 / p."""
    prices = close**2 / bars[:, [OPEN, LOW, HIGH, CLOSE]]
    return np.column_stack([prices, bars[::-1, VOLUME]])


def _crash(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    """A tenth of each price and ten times each volume."""
    lower: Floats = bars * np.array([0.1, 0.1, 0.1, 0.1, 10.0])
    return lower


def _leap(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    """Ten times each price and a tenth of each volume."""
    higher: Floats = bars * np.array([10.0, 10.0, 10.0, 10.0, 0.1])
    return higher


def _flat(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    """No trade any more: every price is `close`, and the volume is 0."""
    return np.tile([close, close, close, close, 0.0], (len(bars), 1))


def _missing(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    return np.full_like(bars, np.nan)


KINDS: dict[str, Callable[[Floats, float, np.random.Generator], Floats]] = {
    "walk": _walk,
    "mirrored": _mirrored,
    "crash": _crash,
    "flat": _flat,
    "missing": _missing,
}


def replace_future(frame: pd.DataFrame, cut: int, kind: str, seed: int) -> pd.DataFrame:
    """Replace the bars after `cut` by another future of the given `kind`, one of `KINDS` or ``leap``."""
    return replace_bars(frame, slice(cut + 1, len(frame)), kind, seed)


def replace_bars(frame: pd.DataFrame, which: slice, kind: str, seed: int) -> pd.DataFrame:
    """Replace the bars `which` by bars of the given `kind`; those before and after stay as they are."""
    bars = _bars(frame)
    begin = which.start
    rng = np.random.default_rng([seed, begin])
    start = float(bars[begin - 1, CLOSE] if begin else bars[0, OPEN])
    bars[which] = (KINDS | {"leap": _leap})[kind](bars[which], start, rng)
    return _to_frame(frame, bars)


def truncate(frame: pd.DataFrame, cut: int) -> pd.DataFrame:
    """Keep only the bars up to `cut`."""
    return frame.iloc[: cut + 1]


def change_inside(frame: pd.DataFrame, bar: int, factor: float) -> pd.DataFrame:
    """Give bar number `bar` another close, high, low and volume, and keep its open.

    The new close is `factor` times the open. Of two factors such as 0.9 and 1.1 at least one changes the close.
    """
    bars = _bars(frame)
    open_ = bars[bar, OPEN]
    close = open_ * factor
    bars[bar, [HIGH, LOW, CLOSE]] = max(open_, close) * 1.01, min(open_, close) * 0.99, close
    bars[bar, VOLUME] = bars[bar, VOLUME] * 3.0 + 1.0
    return _to_frame(frame, bars)


def move_open(frame: pd.DataFrame, bar: int, factor: float) -> pd.DataFrame:
    """Multiply the open of bar number `bar` by `factor`, and widen its high and low to include the new open."""
    bars = _bars(frame)
    bars[bar, OPEN] *= factor
    return _to_frame(frame, widen_to_body(bars))


def scale(frame: pd.DataFrame, prices: float, volume: float = 1.0) -> pd.DataFrame:
    """Multiply all prices by `prices` and all volumes by `volume`; a power of two, such as 0.5, is exact."""
    return _to_frame(frame, _bars(frame) * np.array([prices, prices, prices, prices, volume]))


def without_oldest(frame: pd.DataFrame, bars: int) -> pd.DataFrame:
    """Leave out the oldest `bars` bars."""
    return frame.iloc[bars:]


def noise(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A random walk with the dates and column names of `frame`; its prices are not used."""
    return _to_frame(frame, walk(np.random.default_rng([seed, 11]), 100.0, len(frame)))


def _bars(frame: pd.DataFrame) -> Floats:
    return np.array(frame.to_numpy(), dtype=np.float64)  # (n, 5), a copy


def _to_frame(frame: pd.DataFrame, bars: Floats) -> pd.DataFrame:
    return pd.DataFrame(bars, index=frame.index, columns=frame.columns)
