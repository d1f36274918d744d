"""Law 2: a fold fitted at the close of bar t uses only labels whose last price was known before bar t."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from helpers.market import advanced, market, small
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lstmstrat import ForecastConfig, Schedule
from lstmstrat.forecasting.schedule import Fold, schedule
from lstmstrat.forecasting.targets import labels


def test_a_fold_within_the_law_can_be_built():
    # 10 bars, 3..12; a label of purge 2 is complete at bar 14, before the fitting bar 15.
    assert Fold(1, 3, 12, 15, 2).bars == 10


@pytest.mark.parametrize(
    ("first", "cutoff", "fitted_at", "gap", "message"),
    [
        (3, 12, 14, 2, "label of bar 12 is complete at bar 14, which must lie before the fitting bar 14"),
        (3, 12, 13, 1, "label of bar 12 is complete at bar 13, which must lie before the fitting bar 13"),
        (3, 12, 11, 1, "which must lie before the fitting bar 11"),
        (3, 12, 15, 0, "label of bar 12 is complete at bar 12"),
        (3, 12, 15, -4, "label of bar 12 is complete at bar 8"),
        (13, 12, 20, 2, "empty training set 13..12"),
        (-1, 12, 20, 2, "empty training set -1..12"),
    ],
)
def test_a_fold_in_breach_cannot_be_built(first, cutoff, fitted_at, gap, message):
    with pytest.raises(ValueError, match=f"fold 4: .*{message}"):
        Fold(4, first, cutoff, fitted_at, gap)


@st.composite
def walks(draw) -> tuple[Schedule, np.ndarray, ForecastConfig]:
    """Any schedule of a config, and the times of up to 200 bars with gaps of up to 40 days."""
    config = ForecastConfig(
        lookback=1,
        loss_steps=1,
        features=draw(st.sampled_from([("range",), ("return_1",), ("distance_10", "volatility_7")])),
        horizon=draw(st.integers(1, 12)),
        target=draw(st.sampled_from(["open", "close"])),
        train_size=draw(st.integers(2, 60)),
        refit_every=draw(
            st.one_of(st.integers(1, 50), st.sampled_from(["week", "month", "quarter", "year", "never"]))
        ),
        mode=draw(st.sampled_from(["rolling", "expanding"])),
    )
    gaps = draw(st.lists(st.integers(1, 40), min_size=1, max_size=200))
    times = np.datetime64("2019-12-20", "ns") + np.cumsum(gaps) * np.timedelta64(1, "D")
    return schedule(config), times, config


@settings(max_examples=150, deadline=None)
@given(walks())
def test_law_labels_are_complete_before_the_fitting_bar(walk):
    plan, times, config = walk
    price = np.linspace(1.0, 2.0, len(times))
    for fold in plan.folds(times):
        # The prices up to the bar before the fitting give every label of the training set, and not one beyond it.
        known = labels(np.column_stack([price[: fold.fitted_at]] * 5), config)
        assert np.isfinite(known[fold.first : fold.cutoff + 1]).all()
        assert np.flatnonzero(np.isfinite(known))[-1] == fold.cutoff


@settings(max_examples=150, deadline=None)
@given(walks())
def test_training_sets_and_order(walk):
    plan, times, config = walk
    folds = list(plan.folds(times))
    assert bool(folds) == (len(times) > plan.first_fit)
    assert [fold.number for fold in folds] == list(range(1, len(folds) + 1))
    assert all(a.fitted_at < b.fitted_at for a, b in pairwise(folds))
    assert all(fold.purge == config.purge for fold in folds)
    for fold in folds:
        # The newest sample whose label is known before the fitting bar, and no row of the features' warm-up.
        assert fold.cutoff == fold.fitted_at - 1 - config.purge
        assert fold.first >= plan.warmup
        assert fold.first == plan.warmup or config.mode == "rolling"
        assert fold.bars == config.train_size or config.mode == "expanding"
    if folds:
        assert folds[0].fitted_at == plan.warmup + config.train_size + config.purge == plan.first_fit
        assert folds[0].first == plan.warmup


@settings(max_examples=150, deadline=None)
@given(walks(), st.data())
def test_prefix_and_continuation_give_the_same_folds(walk, data):
    plan, times, _ = walk
    assume(len(times) > 1)
    whole = list(plan.folds(times))
    cut = data.draw(st.integers(0, len(times)))
    early = list(plan.folds(times[:cut]))
    assert early == [fold for fold in whole if fold.fitted_at < cut]
    later = plan.folds(times, cut, early[-1] if early else None)
    assert early + list(later) == whole


@settings(max_examples=150, deadline=None)
@given(walks())
def test_refits_fall_where_the_calendar_turns(walk):
    plan, times, config = walk
    fitted = [fold.fitted_at for fold in plan.folds(times)]
    after = range(plan.first_fit + 1, len(times))
    if isinstance(config.refit_every, int):
        expected = [t for t in after if (t - plan.first_fit) % config.refit_every == 0]
    elif config.refit_every == "never":
        expected = []
    else:
        # pandas is the second origin: periods of weeks that end on Sunday, of months, quarters and years.
        period = pd.DatetimeIndex(times).to_period(config.refit_every[0].upper())
        expected = [t for t in after if period[t] != period[t - 1]]
    assert fitted[1:] == expected
    assert fitted[:1] == ([plan.first_fit] if plan.first_fit < len(times) else [])


def test_the_fitting_bar_and_those_after_it_never_enter_training():
    # The network of the first fold keeps its bits when every bar from the fitting bar on becomes another.
    config, prices = small(), market(90)
    times, bars = prices.times, prices.bars
    walk = advanced(config, times, bars)
    first = walk.folds[0]
    changed = bars.copy()
    changed[first.fold.fitted_at :] = market(90, seed=1).bars[first.fold.fitted_at :]
    other = advanced(config, times, changed).folds[0]
    assert first.fold == other.fold
    assert first.members[0].weights.tobytes() == other.members[0].weights.tobytes()

    # The bar before it completes the newest label, so it does enter.
    changed = bars.copy()
    changed[first.fold.fitted_at - 1] *= 1.01
    other = advanced(config, times, changed).folds[0]
    assert first.members[0].weights.tobytes() != other.members[0].weights.tobytes()
