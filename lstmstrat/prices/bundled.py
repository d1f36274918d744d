"""Prices that come with the package: they need no network, and everyone can reproduce numbers from them."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import pandas as pd

from lstmstrat.errors import DataError, did_you_mean
from lstmstrat.prices.cells import of_text
from lstmstrat.prices.findings import Hints
from lstmstrat.prices.table import read_bars

TIME_ZONE = "America/New_York"  # of the exchanges of all bundled symbols
FOLDER: Traversable = files("lstmstrat.prices") / "snapshots"

# The volume of the snapshot is one day late: on the day of a split the price is per new share, but the volume
# still counts old shares. With the correction all 3,270 days of AAPL and of MSFT agree within 1.5 % with another
# vendor's split-adjusted volume; without it only these three days differ, by exactly the split. All are 2:1.
SPLIT_DAYS = {"AAPL": ("2000-06-21", "2005-02-28"), "MSFT": ("2003-02-18",)}


def read(symbol: str, folder: Traversable = FOLDER) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Raw bars of `symbol`, with the volume on `SPLIT_DAYS` corrected, and a notice about their origin.

    Raises
    ------
    DataError
        There is no such symbol, or the file differs from the one that was published (sha256 of the text).
    """
    manifest = json.loads((folder / "PROVENANCE.json").read_text(encoding="utf-8"))["files"]
    if symbol not in manifest:
        hint = did_you_mean(symbol.upper(), manifest)
        raise DataError(f"no bundled prices of {symbol!r}{hint}\n  To download any other symbol: source: yahoo")
    title = f"bundled {symbol}"
    text = _read_text(folder / f"{symbol}_2000_2013.csv.gz", manifest[symbol]["sha256_csv"], title)
    origin = (
        "DATA: bundled snapshot, Quandl WIKI end-of-day prices (public domain, no guarantee of accuracy), "
        f"not Yahoo; sha256 {hashlib.sha256(text).hexdigest()}"
    )
    return _bars(text, symbol, title).copy(), (origin,)


@lru_cache(maxsize=8)
def _bars(text: bytes, symbol: str, title: str) -> pd.DataFrame:
    """The bars in a text, which is read once in a process; whoever gets them copies them."""
    (raw, _), _ = read_bars(of_text(text.decode(), title, Hints(symbol)), Hints(symbol))
    on_split_day = raw.index.isin(pd.to_datetime(SPLIT_DAYS.get(symbol, ())))
    raw["volume"] *= np.where(on_split_day, 2.0, 1.0)
    return raw


def _read_text(file: Traversable, expected: str, title: str) -> bytes:
    """The decompressed text of `file`, whose sha256 must be the `expected` one."""
    try:
        text = gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{title}: cannot read the file ({error}); reinstall lstmstrat") from None
    digest = hashlib.sha256(text).hexdigest()
    if digest != expected:
        raise DataError(
            f"{title}: the file was changed: sha256 {digest}, published {expected}; reinstall lstmstrat"
        )
    return text
