"""Laws 2 and 4: nothing later than a bar reaches its forecast, and where there is none the line holds NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from helpers.market import BARS, advanced, alone, bits, learned, market, small

from lstmstrat import ForecastConfig, TrainingSet, WalkForward
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.fitted_fold import FittedFold
from lstmstrat.forecasting.forecasts import MISSING, TOO_FEW, TRAINING_FAILED, WARM_UP
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.targets import labels
from lstmstrat.prices.bars import CLOSE, OPEN

PRICES = market()
KINDS: dict[str, dict[str, Any]] = {
    "open": {},
    "close, horizon 3": {"target": "close", "horizon": 3},
    "month, expanding": {"refit_every": "month", "mode": "expanding", "members": 3},
    "warm start, own condition": {"warm_start": True, "refit_when": "test_refits:fell"},
    "validation, horizon 2": {"val_size": 0.2, "epochs": 3, "horizon": 2},
    "boosting": {"model": "boosting", "train_size": 140},  # a split needs 80 samples
    "ridge": {"model": "ridge", "target": "close"},
    "last sign": {"model": "last_sign"},
    "always up": {"model": "always_up"},
}
kinds = pytest.mark.parametrize("kind", KINDS)


def times_ten(later: Floats) -> Floats:
    return later * 10.0


def crash(later: Floats) -> Floats:
    return later * np.array([0.05, 0.05, 0.04, 0.04, 30.0])


def another_walk(later: Floats) -> Floats:
    return market(len(later), seed=99).bars if len(later) else later


Change = Callable[[Floats], Floats]
CHANGES: tuple[Change, ...] = (times_ten, crash, another_walk)


def boundaries(walk: WalkForward) -> Iterator[int]:
    """Bars around the fitting of a fold, where a leak would show first."""
    fold = walk.folds[2].fold
    horizon = walk.config.horizon
    t = fold.fitted_at
    yield from sorted({fold.cutoff, t - 2, t - 1, t, t + 1, t + horizon, t + horizon + 1, t + 6})


def leaks(config: ForecastConfig, change: Change) -> list[int]:
    """The boundaries at which a change of all later bars moves a forecast that was already made."""
    original = advanced(config, PRICES.times, PRICES.bars)
    found = []
    for last in boundaries(original):
        bars = PRICES.bars.copy()
        bars[last + 1 :] = change(bars[last + 1 :])
        changed = advanced(config, PRICES.times, bars)
        assert not np.array_equal(bits(changed), bits(original)), "the change must be felt later"
        if not np.array_equal(bits(changed)[: last + 1], bits(original)[: last + 1]):
            found.append(last)
    return found


@kinds
@pytest.mark.parametrize("change", CHANGES)
def test_law_2_no_later_bar_moves_a_forecast(kind: str, change: Change) -> None:
    assert leaks(small(**KINDS[kind]), change) == []


@kinds
def test_law_2_a_shorter_history_gives_the_same_beginning(kind: str) -> None:
    original = advanced(small(**KINDS[kind]), PRICES.times, PRICES.bars)
    for last in boundaries(original):
        short = advanced(small(**KINDS[kind]), PRICES.times[: last + 1], PRICES.bars[: last + 1])
        assert np.array_equal(bits(short), bits(original)[: last + 1])


@kinds
def test_law_2_the_fitting_bar_never_enters_the_training(kind: str) -> None:
    """It is an input of the forecast made there, though."""
    config = small(**KINDS[kind])
    original = advanced(config, PRICES.times, PRICES.bars)
    for number in (0, 2):
        t = original.folds[number].fold.fitted_at
        bars = PRICES.bars.copy()
        bars[t] = crash(bars[t])
        changed = advanced(config, PRICES.times, bars)
        assert learned(changed.folds[number]) == learned(original.folds[number])
        moves = changed.forecasts.forecast[t] != original.forecasts.forecast[t]
        assert moves == (config.model != "always_up")  # which has no inputs


@kinds
def test_law_2_the_newest_label_does_enter_the_training(kind: str) -> None:
    """The bar before the fitting bar is the last price of the newest label: alive, not merely safe."""
    config = small(**KINDS[kind])
    original = advanced(config, PRICES.times, PRICES.bars)
    t = original.folds[0].fold.fitted_at
    bars = PRICES.bars.copy()
    bars[t - 1, OPEN if config.target == "open" else CLOSE] *= 1.02
    changed = advanced(config, PRICES.times, bars)
    assert learned(changed.folds[0])[0] != learned(original.folds[0])[0]


@kinds
def test_law_2_a_bar_inside_the_training_set_changes_the_forecasts(kind: str) -> None:
    config = small(**KINDS[kind])
    original = advanced(config, PRICES.times, PRICES.bars)
    fold = original.folds[0].fold
    bars = PRICES.bars.copy()
    bars[fold.first + 30] *= 1.1
    changed = advanced(config, PRICES.times, bars).forecasts.forecast
    now = slice(fold.fitted_at, fold.fitted_at + 3)
    assert (changed[now] != original.forecasts.forecast[now]).all()


# --- the probe must find leaks that are there ---------------------------------------------------------------


def test_the_probe_finds_labels_that_reach_past_the_fitting_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """A purge too short by three bars, and labels made with the bars that this takes."""

    def leaky(self: WalkForward, fold: Fold) -> TrainingSet:
        late = labels(self._history.bars, self.config)[fold.first + 3 : fold.cutoff + 4]
        rows = self._input_rows[fold.first : fold.cutoff + 1]
        return TrainingSet(rows, np.nan_to_num(late), self.config.lookback, fold.purge)

    monkeypatch.setattr(WalkForward, "_training_set", leaky)
    t = advanced(small(), PRICES.times, PRICES.bars).folds[2].fold.fitted_at
    assert t in leaks(small(), another_walk)


def ahead(bars: Floats) -> Floats:
    """A feature that looks one bar ahead, as users write them by accident."""
    return np.log(np.append(bars[1:, CLOSE], bars[-1, CLOSE]) / bars[:, CLOSE])


def test_the_probe_finds_a_feature_that_looks_ahead() -> None:
    config = small(features=("return_1", "test_law_no_lookahead:ahead"))
    assert len(leaks(config, times_ten)) > 3


def test_the_probe_finds_statistics_of_the_whole_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classical fault: the inputs standardised with the mean of all bars."""
    causal = WalkForward._forecast_fold

    def standardised(self: WalkForward, fitted: FittedFold, low: int, high: int, out: Floats) -> None:
        kept = self._input_rows.copy()
        self._input_rows[:] -= np.nanmean(kept, axis=0)
        causal(self, fitted, low, high, out)
        self._input_rows[:] = kept

    monkeypatch.setattr(WalkForward, "_forecast_fold", standardised)
    assert len(leaks(small(), crash)) > 3


def test_law_2_a_purge_of_nothing_cannot_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForecastConfig, "purge", property(lambda _: 0))
    with pytest.raises(ValueError, match="must lie before the fitting bar"):
        advanced(small(), PRICES.times, PRICES.bars)


# --- law 4: NaN, and the reason counted ---------------------------------------------------------------------


@kinds
def test_law_4_the_first_value_is_at_the_first_fold(kind: str) -> None:
    """Warm-up 2 (distance_3), the bars of training, and the purge: horizon + 1 for open, horizon for close."""
    config = small(**KINDS[kind])
    first = 2 + config.train_size + config.horizon + (config.target == "open")
    walk = advanced(config, PRICES.times, PRICES.bars)
    given = np.isfinite(walk.forecasts.forecast)
    assert walk.schedule.first_fit == first
    assert not given[:first].any()
    assert given[first:].all()
    assert np.isnan(walk.forecasts.spread[:first]).all()
    assert +walk.missing == {WARM_UP: first}
    assert walk.forecasts.fold[first - 1 : first + 1].tolist() == [0, 1]


def gap(bars: Floats) -> Floats:
    """A feature of its own that has no value on bars 100 and 120."""
    values = bars[:, CLOSE] / bars[:, OPEN]
    values[[t for t in (100, 120) if t < len(bars)]] = np.nan
    return values


@pytest.mark.parametrize("cuts", [(), range(1, BARS)], ids=["once", "bar by bar"])
def test_law_4_a_gap_in_an_input_is_nan_as_long_as_a_window_holds_it(cuts: Any) -> None:
    """lookback 5: the bar of the gap and the four after it, twice; folds trained across it stay sound."""
    config = small(features=("return_1", "test_law_no_lookahead:gap"))
    walk = advanced(config, PRICES.times, PRICES.bars, cuts)
    first = walk.schedule.first_fit
    nan = np.flatnonzero(np.isnan(walk.forecasts.forecast[first:])) + first
    assert nan.tolist() == [100, 101, 102, 103, 104, 120, 121, 122, 123, 124]
    assert +walk.missing == {WARM_UP: first, MISSING: 10}
    assert walk.forecasts.fold[100] > 0


def late(bars: Floats) -> Floats:
    """A feature that begins at bar 100, as a user's function with a long memory does."""
    values = np.full(len(bars), np.nan)
    values[100:] = bars[100:, CLOSE] / bars[100:, OPEN]
    return values


def test_law_4_a_fold_with_too_few_samples_does_not_forecast() -> None:
    """The first sample is bar 104, with five rows from bar 100 on, and there must be at least 3 (loss_steps).

    Folds are fitted at 63 (1 + 60 + 2), 76, 89, 102, 115, their cutoffs lie 3 bars before: 112 is the first one
    of 106 or later.
    """
    config = small(features=("return_1", "test_law_no_lookahead:late"))
    walk = advanced(config, PRICES.times, PRICES.bars)
    assert next(f.fold.fitted_at for f in walk.folds if f.members) == 115
    assert {f.record.reason for f in walk.folds if not f.members} == {TOO_FEW}
    assert +walk.missing == {WARM_UP: 63, TOO_FEW: 115 - 63}
    assert np.isnan(walk.forecasts.forecast[:115]).all()
    assert np.isfinite(walk.forecasts.forecast[115:]).all()


def test_law_4_a_training_that_diverges_does_not_forecast() -> None:
    """A step of 1e37 makes a loss of infinity in the second epoch; so does the second attempt."""
    session = alone()
    config = small(epochs=2, members=3).model_copy(update={"learning_rate": 1e37})
    walk = advanced(config, PRICES.times, PRICES.bars, session=session)
    assert np.isnan(walk.forecasts.forecast).all()
    assert {f.record.reason for f in walk.folds} == {TRAINING_FAILED}
    assert +walk.missing == {WARM_UP: 64, TRAINING_FAILED: BARS - 64}
    assert (session.fitted, session.failed) == (0, 3 * len(walk.folds))
