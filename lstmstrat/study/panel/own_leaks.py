"""Planted leaks in code of the user's own: rules of a universe that its audit must not pass."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.prices.bars import CLOSE


def momentum(bars: Floats) -> Floats:
    """A feature without a leak: the return over three bars; (n, 5) -> (n,)."""
    closes = np.log(bars[:, CLOSE])
    moved: Floats = closes - np.concatenate([np.full(min(3, len(closes)), np.nan), closes[:-3]])
    return moved


class BestScore:
    """A rule without a leak: the asset with the best score."""

    def weights(self, scores: Floats, held: Floats, closes: Floats) -> Floats:
        """All of the account in one asset."""
        return _all_in(np.nan_to_num(self.values(scores, closes), nan=-np.inf), scores)

    def values(self, scores: Floats, closes: Floats) -> Floats:
        """What the best asset has most of."""
        return scores


class ReadsAFile(BestScore):
    """Labels in a file, made from the very bars that are traded."""

    def __init__(self, path: str):
        self.path = path

    def values(self, scores: Floats, closes: Floats) -> Floats:
        """The labels of this session."""
        labels = np.array(Path(self.path).read_text().split(), dtype=float)
        return np.roll(np.resize(labels, len(scores)), len(closes))


class Remembers(BestScore):
    """The next closes, kept on the class when an earlier run was shown them."""

    shown: ClassVar[dict[int, Floats]] = {}

    def values(self, scores: Floats, closes: Floats) -> Floats:
        """The return to the next close, where that is known."""
        self.shown[len(closes)] = closes[-1].copy()
        moved: Floats = self.shown.get(len(closes) + 1, closes[-1]) / closes[-1]
        return moved


class BehindTheCloses(BestScore):
    """The next closes, from the array of which the closes so far are a part."""

    def values(self, scores: Floats, closes: Floats) -> Floats:
        """The return to the next close, where there is one."""
        whole = closes if closes.base is None else closes.base
        return np.asarray(whole[min(len(closes), len(whole) - 1)] / closes[-1])


class StaleCache(BestScore):
    """Values that are kept by the number of the session, whatever the bars are."""

    by_length: ClassVar[dict[int, Floats]] = {}

    def values(self, scores: Floats, closes: Floats) -> Floats:
        """The scores of the first run."""
        return self.by_length.setdefault(len(closes), scores)


class Cheapest(BestScore):
    """The asset with the lowest price, among prices that are adjusted for later splits."""

    def values(self, scores: Floats, closes: Floats) -> Floats:
        """The less the price, the more."""
        values: Floats = -closes[-1]
        return values


def _all_in(values: Floats, scores: Floats) -> Floats:
    """All of the account in the asset with the highest value, of those with a score."""
    weights = np.zeros(len(scores))
    weights[np.argmax(np.where(np.isnan(scores), -np.inf, values))] = 1.0
    return weights
