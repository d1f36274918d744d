"""The control of a universe: labels dealt out by chance within each session."""

from __future__ import annotations

import numpy as np
import pytest
from test_panel_laws import config, panel

from lstmstrat.forecasting.panel.samples import Bars, sample_labels
from lstmstrat.forecasting.panel.shuffled import shuffled_labels
from lstmstrat.forecasting.schedule import Fold

FOLD = Fold(1, 10, 70, 73, 2)
LATER = Fold(2, 30, 90, 93, 2)


def assets(seed: int) -> tuple[list[Bars], np.ndarray]:
    _, bars, members = panel(seed)
    found = []
    for n in range(bars.shape[1]):
        own = np.flatnonzero(np.isfinite(bars[:, n]).any(axis=1))
        found.append(Bars(f"A{n}", own, bars[own, n], np.zeros((len(own), 1))))
    return found, members & np.isfinite(bars).any(axis=2)


@pytest.mark.parametrize("relation", ["none", "demean", "rank", "above_median"])
def test_each_session_keeps_its_labels_and_loses_their_order(relation: str) -> None:
    of, members = assets(1)
    settings = config(relation=relation)
    found, known = sample_labels(of, members, FOLD, settings)
    shuffled, known_then = shuffled_labels(of, members, FOLD, settings)
    assert np.array_equal(np.isfinite(shuffled), np.isfinite(found))
    assert np.array_equal(np.sort(shuffled, axis=1), np.sort(found, axis=1), equal_nan=True)
    both = np.isfinite(found)
    assert abs(np.corrcoef(shuffled[both], found[both])[0, 1]) < 0.2
    assert (known_then[both] >= known[both]).all()
    assert (known_then[both] < FOLD.fitted_at).all()


def test_folds_that_share_a_session_agree_on_its_labels_and_seeds_do_not() -> None:
    of, members = assets(2)
    one, _ = shuffled_labels(of, members, FOLD, config())
    other, _ = shuffled_labels(of, members, LATER, config())
    shared = slice(LATER.first - FOLD.first, None)
    assert np.array_equal(one[shared], other[: FOLD.cutoff + 1 - LATER.first], equal_nan=True)
    reseeded, _ = shuffled_labels(of, members, FOLD, config(seed=1))
    assert not np.array_equal(one, reseeded, equal_nan=True)


def test_an_asset_that_is_no_member_changes_nothing() -> None:
    of, members = assets(3)
    without = members.copy()
    without[:, 2] = False
    whole, _ = shuffled_labels(of, without, FOLD, config())
    fewer, _ = shuffled_labels([a for n, a in enumerate(of) if n != 2], np.delete(without, 2, 1), FOLD, config())
    assert np.array_equal(np.delete(whole, 2, 1), fewer, equal_nan=True)
