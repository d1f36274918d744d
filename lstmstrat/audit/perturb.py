"""Other bars, made of bars: pure functions on frames like that of `Prices`.

    later(frame, cut, kind, seed)    the bars after `cut` are others, those up to `cut` are the same, bit for bit

What comes out is sound: low <= open, close <= high, prices above 0, volume 0 or more; the one exception is the
kind `missing`, which is NaN. n bars, always five columns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lstmstrat.features import CLOSE, HIGH, LOW, OPEN, VOLUME, Floats

DAILY = 0.02  # standard deviation of the log return of a bar of a random walk, overnight and session together


def walk(rng: np.random.Generator, start: float, bars: int) -> Floats:
    """A random walk without drift from the close `start`; (bars, 5).

    Every open and close is a fair game: its expected simple return is 0. High and low are the extremes of a
    Brownian bridge from open to close, drawn by inverting their distribution, so that a stop or limit order inside
    the bar is a fair game as well (but high and low are drawn one by one: for both in one bar it is not exact).
    """
    night, day = DAILY * np.sqrt(0.25), DAILY * np.sqrt(0.75)
    scale = np.array([night, day])
    steps = rng.normal(0.0, 1.0, (bars, 2)) * scale - scale**2 / 2  # (bars, 2) log returns
    levels = np.log(start) + np.cumsum(steps.ravel()).reshape(bars, 2)  # (bars, 2) log of open and close
    opened, closed = levels.T
    up, down = (
        np.sqrt((closed - opened) ** 2 - 2 * day**2 * np.log(rng.uniform(1e-12, 1.0, bars))) for _ in range(2)
    )
    high, low = (opened + closed + up) / 2, (opened + closed - down) / 2
    prices = np.exp(np.column_stack([opened, high, low, closed]))
    return _sound(np.column_stack([prices, rng.integers(100_000, 1_000_000, bars).astype(float)]))


def _sound(bars: Floats) -> Floats:
    """High and low put where rounding may have moved them inside the body."""
    body = bars[:, [OPEN, CLOSE]]
    bars[:, HIGH] = np.maximum(bars[:, HIGH], body.max(axis=1))
    bars[:, LOW] = np.minimum(bars[:, LOW], body.min(axis=1))
    return bars


def _walk(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    return walk(rng, close, len(bars))


def _mirrored(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    """Every log return with the other sign: each price p becomes close**2 / p."""
    prices = close**2 / bars[:, [OPEN, LOW, HIGH, CLOSE]]
    return np.column_stack([prices, bars[::-1, VOLUME]])


def _crash(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    """A tenth of the price, ten times the volume."""
    lower: Floats = bars * np.array([0.1, 0.1, 0.1, 0.1, 10.0])
    return lower


def _flat(bars: Floats, close: float, rng: np.random.Generator) -> Floats:
    """Not a trade any more."""
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


def later(frame: pd.DataFrame, cut: int, kind: str, seed: int) -> pd.DataFrame:
    """The bars after `cut` replaced by another future of the given `kind`, one of `KINDS`."""
    return replaced(frame, slice(cut + 1, len(frame)), kind, seed)


def replaced(frame: pd.DataFrame, which: slice, kind: str, seed: int) -> pd.DataFrame:
    """The bars `which` replaced by others; those before and after are left as they are."""
    bars = _bars(frame)
    begin = which.start
    rng = np.random.default_rng([seed, begin])
    start = float(bars[begin - 1, CLOSE] if begin else bars[0, OPEN])
    bars[which] = KINDS[kind](bars[which], start, rng)
    return _framed(frame, bars)


def truncated(frame: pd.DataFrame, cut: int) -> pd.DataFrame:
    """The bars up to `cut`, and no others."""
    return frame.iloc[: cut + 1]


def intrabar(frame: pd.DataFrame, bar: int, factor: float) -> pd.DataFrame:
    """Bar number `bar` with another close, high, low and volume; its open is the same.

    The close is `factor` times the open, away from where it was for one of two factors such as 0.9 and 1.1.
    """
    bars = _bars(frame)
    opened = bars[bar, OPEN]
    close = opened * factor
    bars[bar, [HIGH, LOW, CLOSE]] = max(opened, close) * 1.01, min(opened, close) * 0.99, close
    bars[bar, VOLUME] = bars[bar, VOLUME] * 3.0 + 1.0
    return _framed(frame, bars)


def moved_open(frame: pd.DataFrame, bar: int, factor: float) -> pd.DataFrame:
    """Bar number `bar` with `factor` times its open; high and low are widened where they must be."""
    bars = _bars(frame)
    bars[bar, OPEN] *= factor
    return _framed(frame, _sound(bars))


def scaled(frame: pd.DataFrame, prices: float, volume: float = 1.0) -> pd.DataFrame:
    """All prices times `prices`, all volumes times `volume`; powers of two, such as 0.5, round nothing."""
    return _framed(frame, _bars(frame) * np.array([prices, prices, prices, prices, volume]))


def shorn(frame: pd.DataFrame, bars: int) -> pd.DataFrame:
    """Without the oldest `bars` bars."""
    return frame.iloc[bars:]


def noise(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A random walk with the dates of `frame` and nothing else of it."""
    return _framed(frame, walk(np.random.default_rng([seed, 11]), 100.0, len(frame)))


def _bars(frame: pd.DataFrame) -> Floats:
    return np.array(frame.to_numpy(), dtype=np.float64)  # (n, 5), a copy


def _framed(frame: pd.DataFrame, bars: Floats) -> pd.DataFrame:
    return pd.DataFrame(bars, index=frame.index, columns=frame.columns)
