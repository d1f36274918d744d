"""Made-up bars, in the layouts of vendors: each as its own download has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.config.data import DataConfig
from lstmstrat.prices import Prices, load

COLUMNS = ["open", "high", "low", "close", "volume"]


def made_up(index: pd.DatetimeIndex, start: float = 100.0, digits: int = 2) -> pd.DataFrame:
    """Sound bars at some times: prices with so many digits, volumes from 1,000 on."""
    rng = np.random.default_rng(len(index))
    close = start * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(index))))
    before = np.concatenate([[start], close[:-1]])
    high, low = np.maximum(before, close) * 1.01, np.minimum(before, close) * 0.99
    prices = np.round(np.column_stack([before, high, low, close]), digits)
    volume = rng.integers(1_000, 9_000_000, len(index)).astype(float)
    return pd.DataFrame(np.column_stack([prices, volume]), index=index, columns=COLUMNS)


DAYS = made_up(pd.bdate_range("2015-01-02", periods=40))
HOURS = made_up(
    pd.DatetimeIndex(
        [f"2015-01-{day:02} {hour:02}:30" for day in (5, 6, 7, 8, 9, 12, 13, 14) for hour in range(9, 16)]
    )
)
CRYPTO = made_up(pd.date_range("2025-02-10", periods=40), start=862.0)


def csv(folder: Path, text: str | bytes, name: str = "prices.csv", **data: Any) -> Prices:
    """The prices of a CSV file with this text."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(DataConfig(**{"source": "csv", "path": str(path), **data}))


def parquet(folder: Path, frame: pd.DataFrame, **data: Any) -> Prices:
    """The prices of a Parquet file with this frame."""
    path = folder / "prices.parquet"
    frame.to_parquet(path)
    return load(DataConfig(**{"source": "parquet", "path": str(path), **data}))


def lines(bars: pd.DataFrame, form: str, heading: str = "", end: str = "\n") -> str:
    """A text with one line for each bar.

    `form` has {t}, {o}, {h}, {l}, {c}, {v} with formats of their own; {s} and {us}, seconds since 1970 and
    microseconds; and {d}, the day as Excel counts it: 2 is 1900-01-01 since its authors made 1900 a leap year.
    """
    rows = [
        form.format(
            **{"t": time, "o": o, "h": h, "l": low, "c": c, "v": int(v)},
            **{"s": time.value // 10**9, "us": time.value // 10**3},
            d=(time.tz_localize(None) - pd.Timestamp("1899-12-30")).days,
        )
        for time, (o, h, low, c, v) in zip(bars.index, bars.to_numpy().tolist(), strict=True)
    ]
    return end.join([*([heading] if heading else []), *rows]) + end


def assert_bars(prices: Prices, expected: pd.DataFrame) -> None:
    """The very same numbers at the very same times."""
    assert prices.frame.index.tolist() == expected.index.tolist()
    assert prices.frame.to_numpy().tolist() == expected[COLUMNS].to_numpy().tolist()
