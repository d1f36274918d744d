from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.market import advanced, market, small

from lstmstrat import ConfigError, ForecastConfig, Schedule
from lstmstrat.forecasting.schedule import Fold, resolved, schedule
from lstmstrat.prices.bars import OPEN


def days(n: int, start: str = "2020-01-01") -> np.ndarray:
    return pd.bdate_range(start, periods=n).to_numpy(dtype="datetime64[ns]")


def test_rolling_by_hand():
    # Warm-up 2, 10 samples, purge 2: bars 2..11 train, 12 and 13 are purged, the fold is fitted at bar 14.
    folds = list(Schedule(10, 5, "rolling", 2, 2).folds(days(25)))
    assert folds == [Fold(1, 2, 11, 14, 2), Fold(2, 7, 16, 19, 2), Fold(3, 12, 21, 24, 2)]


def test_expanding_by_hand():
    folds = list(Schedule(10, 5, "expanding", 2, 2).folds(days(25)))
    assert folds == [Fold(1, 2, 11, 14, 2), Fold(2, 2, 16, 19, 2), Fold(3, 2, 21, 24, 2)]


def test_one_bar_too_few_gives_no_fold():
    plan = Schedule(10, 5, "rolling", 2, 2)
    assert list(plan.folds(days(14))) == []
    assert len(list(plan.folds(days(15)))) == 1


def test_never_gives_one_fold():
    assert list(Schedule(10, "never", "rolling", 1, 0).folds(days(500))) == [Fold(1, 0, 9, 11, 1)]


# From a calendar of 2020: Monday 27 April to Friday 8 May, without Friday 1 May and Monday 4 May. The first fold
# is fitted on Wednesday 29 April; the first bar of the next week and that of the next month are Tuesday 5 May.
@pytest.mark.parametrize(
    ("every", "dates"), [("week", ["2020-05-05"]), ("month", ["2020-05-05"]), ("quarter", [])]
)
def test_calendar_across_holidays_by_hand(every, dates):
    times = days(10, "2020-04-27")
    times = times[~np.isin(times, np.array(["2020-05-01", "2020-05-04"], dtype="datetime64[ns]"))]
    folds = list(Schedule(1, every, "rolling", 1, 0).folds(times))
    assert [str(times[fold.fitted_at])[:10] for fold in folds] == ["2020-04-29", *dates]


def test_a_gap_of_years_is_one_refit():
    times = np.concatenate([days(20, "2010-01-04"), days(5, "2015-06-10")])
    fitted = [fold.fitted_at for fold in Schedule(10, "year", "rolling", 1, 0).folds(times)]
    assert fitted == [11, 20]


def test_the_schedule_of_a_config():
    # distance_50 needs 49 bars before its first; `open` with horizon 3 purges 4.
    config = ForecastConfig(train_size=500, refit_every="month", horizon=3, features=("return_1", "distance_50"))
    assert schedule(config) == Schedule(500, "month", "expanding", 4, 49)
    assert schedule(config).first_fit == 553


def test_an_expanding_training_set_grows_to_its_largest_size_and_then_rolls() -> None:
    def sizes(train_size: int, largest: int) -> list[int]:
        made = Schedule(train_size, 10, "expanding", 2, 5, largest)
        return [fold.bars for fold in made.folds(days(75))]

    assert sizes(20, 45) == [20, 30, 40, 45, 45]
    assert sizes(40, 20) == [40, 40, 40]
    last = list(Schedule(20, 10, "expanding", 2, 5, 45).folds(days(75)))[-1]
    assert (last.first, last.cutoff, last.fitted_at) == (20, 64, 67)


def test_a_fraction_ends_the_training_part_at_its_share_of_all_bars():
    # 0.8 of 1000 bars is 800: bars 0..799 train, the 21 of the warm-up not among the samples.
    config = ForecastConfig(train_size=0.8, refit_every="never", features=("return_21",))
    with pytest.raises(ConfigError, match=r"train_size: 0\.8 is a fraction .*; give a number of bars"):
        schedule(config)
    known = resolved(config, 1000)
    assert known.train_size == 779
    (fold,) = schedule(known).folds(days(1000))
    assert (fold.first, fold.cutoff, fold.fitted_at) == (21, 799, 802)


def test_a_number_of_bars_is_left_alone():
    config = ForecastConfig()
    assert resolved(config, 1000) is config


def test_the_mean_of_a_fold_is_that_of_its_samples_labels():
    """Labels are log(open[t+2] / open[t+1]); with lookback 5 the first sample is row 4 of the training set."""
    prices = market()
    opens = prices.bars[:, OPEN]
    for fitted in advanced(small(), prices.times, prices.bars).folds:
        first, last = fitted.fold.first + 4, fitted.fold.cutoff
        by_hand = np.log(opens[last + 2] / opens[first + 1]) / (last - first + 1)  # the sum telescopes
        assert fitted.record.mean == pytest.approx(by_hand, rel=1e-9)


def test_a_fold_without_a_sample_has_no_mean():
    """A feature that begins at bar 100: the first sample is bar 104, and folds up to bar 102 end before."""
    prices = market()
    config = small(features=("return_1", "test_law_no_lookahead:late"))
    folds = advanced(config, prices.times, prices.bars).folds
    assert [np.isnan(f.record.mean) for f in folds] == [f.fold.fitted_at <= 102 for f in folds]
