"""The control of a universe: the labels of each session, dealt out among its assets by chance.

A model that learns from them sees the same features and as many labels of the same size, and there is nothing to
learn about which asset will be better. What its scores still order afterwards is the error of the method.

Letters: D sessions so far, C sessions of a training set, N assets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstmstrat.arrays import Bools, Floats, Ints
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.panel.samples import Bars, sample_labels
from lstmstrat.forecasting.schedule import Fold


def shuffled_labels(
    assets: Sequence[Bars], members: Bools, fold: Fold, config: ForecastConfig
) -> tuple[Floats, Ints]:
    """As `sample_labels`, with the labels of each session in random order; (C, N) each.

    A session has one order, drawn from its number and the seed of the run, so folds that share it agree on its
    labels. All labels of a session are known when the last of them is.
    """
    found, known = sample_labels(assets, members, fold, config)
    shuffled = np.full_like(found, np.nan)
    for row, (labels, into) in enumerate(zip(found, shuffled, strict=True)):
        there = np.flatnonzero(np.isfinite(labels))
        order = np.random.default_rng([config.seed, fold.first + row]).permutation(len(there))
        into[there] = labels[there[order]]
    last = np.where(np.isfinite(found), known, known.min()).max(axis=1, keepdims=True)  # (C, 1)
    return shuffled, np.where(np.isfinite(found), last, known)
