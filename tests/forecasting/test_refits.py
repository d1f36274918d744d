"""When a fold is fitted and what it starts from: the user's own condition, the warm start; and the distance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.market import BARS, advanced, alone, bits, market, small

from lstmstrat import ConfigError, ForecastConfig, Schedule, Session, Store, TrainingSet, WalkForward
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.engines import RETRY
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.models.lstm.training import fit
from lstmstrat.prices.bars import CLOSE

PRICES = market()


# ---- refit_when ------------------------------------------------------------------------------------------------


def fell(bars: Floats) -> Floats:
    """After a bar that closed 3% below the one before: a condition as users write it."""
    change = np.append(0.0, np.diff(np.log(bars[:, CLOSE])))
    return change < -0.03


def ahead(bars: Floats) -> Floats:
    """Before such a bar: a condition that looks ahead."""
    return np.append(fell(bars)[1:], False)


def broken(bars: Floats) -> Floats:
    return np.ones(3)


def test_a_condition_of_ones_own_by_hand() -> None:
    # The first fold is at bar 14; asked at 3 (too early), 16 and 17; the 5 bars count from the last.
    asked = np.zeros(25, dtype=bool)
    asked[[3, 16, 17]] = True
    times = np.arange("2020-01-01", "2020-01-26", dtype="datetime64[D]").astype("datetime64[ns]")
    folds = Schedule(10, 5, "rolling", 2, 2).folds(times, refit=asked)
    assert [fold.fitted_at for fold in folds] == [14, 16, 17, 22]


def test_the_folds_are_fitted_where_the_condition_holds() -> None:
    config = small(refit_every="never", refit_when="test_refits:fell")
    walk = advanced(config, PRICES.times, PRICES.bars)
    first = walk.schedule.first_fit
    expected = [first, *(t for t in np.flatnonzero(fell(PRICES.bars)) if t > first)]
    assert [f.fold.fitted_at for f in walk.folds] == expected
    assert len(expected) > 5
    bar_by_bar = advanced(config, PRICES.times, PRICES.bars, range(1, BARS))
    assert np.array_equal(bits(bar_by_bar), bits(walk))


def test_a_condition_that_cannot_be_asked_is_said() -> None:
    with pytest.raises(ConfigError, match=r"test_refits has no fel; did you mean 'fell'\?"):
        WalkForward(small(refit_when="test_refits:fel"), alone())
    with pytest.raises(ConfigError, match=r"gave shape \(3,\) for 250 bars"):
        advanced(small(refit_when="test_refits:broken"), PRICES.times, PRICES.bars)


# ---- warm start ------------------------------------------------------------------------------------------------


def test_the_first_fold_starts_cold_and_the_next_from_its_weights() -> None:
    """With a rate of almost nothing the weights stay where they start."""
    still = {"learning_rate": 1e-30, "weight_decay": 0.0, "members": 2}
    cold, warm = (advanced(small(**still, warm_start=on), PRICES.times, PRICES.bars).folds for on in (False, True))
    assert [m.digest for m in cold[0].members] == [m.digest for m in warm[0].members]
    for fold in warm[1:]:
        for member, first in zip(fold.members, warm[0].members, strict=True):
            np.testing.assert_allclose(member.weights, first.weights, rtol=0.0, atol=1e-20)
    assert not np.array_equal(cold[1].members[0].weights, cold[0].members[0].weights)


def test_a_warm_start_is_the_same_however_it_is_trained() -> None:
    config = small(warm_start=True, members=3, epochs=2)
    whole = advanced(config, PRICES.times, PRICES.bars)
    cold = advanced(small(members=3, epochs=2), PRICES.times, PRICES.bars)
    assert whole.folds[1].members[0].digest != cold.folds[1].members[0].digest
    for jobs, cuts in ((1, ()), (3, (100, 101, 180)), (2, range(1, BARS))):
        session = Session(Store(None), jobs)
        assert np.array_equal(bits(advanced(config, PRICES.times, PRICES.bars, cuts, session)), bits(whole))


def test_a_warm_start_is_found_in_the_cache_by_what_it_started_from() -> None:
    config, session = small(warm_start=True, members=2), alone()
    walk = advanced(config, PRICES.times, PRICES.bars, session=session)
    assert session.fitted == 2 * len(walk.folds)
    advanced(config, PRICES.times, PRICES.bars, session=session)
    assert session.fitted == 2 * len(walk.folds)
    later = advanced(config, PRICES.times[13:], PRICES.bars[13:], session=session)
    assert session.fitted == 2 * (len(walk.folds) + len(later.folds))


def test_progress_of_a_warm_start_counts_the_whole_chain() -> None:
    session, calls = alone(), []
    session.progress = lambda done, total: calls.append((done, total))
    advanced(small(warm_start=True), PRICES.times, PRICES.bars, session=session)
    assert sorted(set(calls)) == [(done, 15) for done in range(16)]


def test_a_second_attempt_starts_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lstm = LSTM.of(small(hidden_size=4, device="cpu"))
    task = FitTask(TrainingSet(rng.normal(size=(60, 3)), rng.normal(size=60), lstm.lookback, 2), 5)
    (sound,) = fit([replace(task, seed=5 ^ RETRY)], lstm)
    assert isinstance(sound, FittedLSTM)
    (found,) = fit([replace(task, start=replace(sound, weights=np.full_like(sound.weights, np.nan)))], lstm)
    assert found is not None
    assert found.to_bytes() == sound.to_bytes()


# ---- distance --------------------------------------------------------------------------------------------------


def test_distance_by_hand() -> None:
    """One input, one fold: outside the range of the training set, in units of 1.4826 MAD of it."""
    config: ForecastConfig = small(features=("return_1",), refit_every="never")
    walk = advanced(config, PRICES.times, PRICES.bars)
    (fold,) = walk.folds
    close = np.log(PRICES.bars[:, CLOSE])
    change = np.append(np.nan, np.diff(close))
    learned_from = change[fold.fold.first : fold.fold.cutoff + 1]
    unit = 1.4826 * np.median(np.abs(learned_from - np.median(learned_from)))
    outside = np.maximum(learned_from.min() - change, change - learned_from.max())
    expected = np.maximum(outside, 0.0) / unit
    found = walk.forecasts.distance
    assert np.isnan(found[: fold.fold.fitted_at]).all()
    np.testing.assert_allclose(found[fold.fold.fitted_at :], expected[fold.fold.fitted_at :], rtol=1e-9)
    assert 0 < (found > 0.0).sum() < 40


def test_distance_is_that_of_the_input_farthest_outside() -> None:
    """A crash after the fold: the return lies outside, and the forecast is still given."""
    bars = PRICES.bars.copy()
    bars[200:, :4] *= 0.5
    walk = advanced(small(refit_every="never"), PRICES.times, bars)
    assert walk.forecasts.distance[200] == np.nanmax(walk.forecasts.distance)
    assert walk.forecasts.distance[200] > 10.0
    assert np.isfinite(walk.forecasts.forecast[200])
