"""What a panel learned from and forecast from, at a few places that are the same in every run.

All of it would be as large as the panel, once for each fold. A few rows and labels, kept as they were used, are
enough to work them again from the bars afterwards.

Letters: N assets, S sessions of a training set, P places, F features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats, Ints
from lstmstrat.forecasting.panel.samples import Bars, Part
from lstmstrat.forecasting.schedule import Fold

PLACES = 60  # rows of features
GOLDEN = 0.618034  # its multiples, less whole numbers, fill an interval evenly, however many they are


@dataclass(frozen=True, eq=False)
class DrawnLabels:
    """What a fold learned from at a few sessions of its training set."""

    fold: Fold
    sessions: Ints  # (S,)
    labels: Floats  # (S, N) by column of the panel; NaN where there was no label


@dataclass(frozen=True, eq=False)
class DrawnRows:
    """The features of a few bars, spread over sessions and assets."""

    assets: Ints  # (P,) column of the panel
    sessions: Ints  # (P,)
    rows: Floats  # (P, F)


def drawn_labels(fold: Fold, parts: Iterable[Part], symbols: Sequence[str]) -> DrawnLabels:
    """The labels of a fold at the last two sessions of its training set, and at two others."""
    spread = [fold.first + int(fold.bars * (k * GOLDEN * fold.number % 1.0)) for k in (1, 2)]
    sessions = np.unique([max(fold.first, fold.cutoff - 1), fold.cutoff, *spread])
    labels = np.full((len(sessions), len(symbols)), np.nan)
    column = {symbol: n for n, symbol in enumerate(symbols)}
    for part in parts:
        at = np.minimum(np.searchsorted(part.sessions, sessions), len(part.sessions) - 1)
        there = part.sessions[at] == sessions
        labels[there, column[part.symbol]] = part.labels[at[there]]
    return DrawnLabels(fold, sessions, labels)


def drawn_rows(assets: Sequence[Bars], symbols: Sequence[str], first: int, end: int) -> DrawnRows:
    """The features of the newest bar of an asset at `PLACES` sessions from `first` up to `end`.

    An asset without a bar by then has none, and the last bar of an asset neither: nothing comes after it.
    """
    column = {symbol: n for n, symbol in enumerate(symbols)}
    found = list[tuple[int, int, Floats]]()
    for k, session in enumerate(np.linspace(first, end - 1, PLACES).astype(int).tolist()):
        asset = assets[int(len(assets) * (k * GOLDEN % 1.0))]
        bar = int(np.searchsorted(asset.sessions, session, side="right")) - 1
        if 0 <= bar < len(asset.sessions) - 1:
            found.append((column[asset.symbol], int(asset.sessions[bar]), asset.rows[bar].copy()))
    columns, sessions, rows = zip(*found, strict=True) if found else ((), (), ())
    return DrawnRows(np.array(columns, dtype=int), np.array(sessions, dtype=int), np.array(rows))
