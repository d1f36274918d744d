"""What is said of the return to come: its deviation, the chance of a rise, its quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.market import advanced, market, small
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import DataConfig, ForecastConfig, load_prices
from lstmstrat.arrays import Floats
from lstmstrat.evaluation.reliability import reliability
from lstmstrat.forecasting.predictive import BARS, DECAY, EARLIER, LEAST, Predictive, recent_volatility
from lstmstrat.forecasting.targets import labels

PRICES = market(1500, seed=3)
CONFIG = small(calibration="learned", members=2, refit_every=40, quantiles=(0.1, 0.5, 0.8), up_threshold=0.01)


def weighted_root(returns: Floats) -> float:
    """By numpy's own weighted mean, over those of the last 63 returns that are known and not 0."""
    last = returns[-BARS:]
    weights = np.array([DECAY ** (len(last) - 1 - k) for k in range(len(last))])
    known = np.isfinite(last) & (last != 0.0)
    return float(np.sqrt(np.average(last[known] ** 2, weights=weights[known])))


def test_the_volatility_is_that_of_the_last_returns() -> None:
    close = PRICES.frame["close"].to_numpy()[:200].copy()
    close[90] = np.nan  # two returns are missing
    close[120] = close[119]
    returns = np.diff(np.log(close))
    found = recent_volatility(close, 0)
    assert np.isnan(found[0])
    expected = [weighted_root(returns[:t]) for t in range(1, 200)]
    np.testing.assert_allclose(found[1:], expected, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 199))
def test_law_1_chunk_the_volatility_of_a_bar_has_the_same_bits_in_any_chunk(first: int) -> None:
    close = PRICES.frame["close"].to_numpy()[:200]
    assert np.array_equal(recent_volatility(close, first), recent_volatility(close, 0)[first:], equal_nan=True)


def test_prices_that_do_not_move_have_no_volatility() -> None:
    assert np.isnan(recent_volatility(np.full(100, 5.0), 0)).all()
    assert np.isnan(recent_volatility(np.full(3, np.nan), 0)).all()


def test_what_the_errors_say_by_hand() -> None:
    errors = np.arange(-10.0, 11.0)  # 21 of them
    predictive = Predictive.of(np.append(errors[::-1], np.nan), np.ones(22))
    forecast, volatility = np.array([0.0, 1.0, np.nan]), np.array([1.0, 2.0, 1.0])
    assert predictive.sigma(volatility).tolist() == pytest.approx(
        [np.sqrt(110 / 3), 2 * np.sqrt(110 / 3)] * 1 + [np.sqrt(110 / 3)]
    )
    # Above 0.5 are 10 of 21 errors; above (0.5 - 1) / 2 = -0.25 are 11; half a one more on each side.
    assert predictive.up(forecast, volatility, 0.5).tolist() == pytest.approx(
        [10.5 / 22, 11.5 / 22, np.nan], nan_ok=True
    )
    quantiles = predictive.quantiles(forecast, volatility, (0.25, 0.5))
    np.testing.assert_allclose(quantiles, [[-5.0, 0.0], [-9.0, 1.0], [np.nan, np.nan]])


def test_a_return_equal_to_the_threshold_is_not_above_it() -> None:
    """Of 99 returns 33 were 0, 33 below and 33 above; a forecast moves only those that were not 0."""
    returns = np.repeat([-1.0, 0.0, 1.0], 33)
    predictive = Predictive.of(returns - 0.5, returns)  # every forecast was 0.5
    forecast = np.array([-0.5, 0.5, 2.0])
    assert predictive.up(forecast, np.ones(3), 0.0) == pytest.approx([0.5 / 100, 33.5 / 100, 66.5 / 100])
    assert predictive.up(forecast, np.ones(3), -0.1)[1] == pytest.approx(66.5 / 100)


def test_one_wrong_price_does_not_make_everything_uncertain() -> None:
    errors = np.random.default_rng(0).normal(size=1000)
    sound = Predictive.of(errors, errors).sigma(np.ones(1))
    errors[500] = 450.0
    assert Predictive.of(errors, errors).sigma(np.ones(1)) < 1.1 * sound


def test_errors_that_are_all_equal_say_nothing() -> None:
    assert np.isnan(Predictive.of(np.zeros(99), np.zeros(99)).sigma(np.ones(1))).all()


def test_with_too_few_errors_nothing_is_said() -> None:
    predictive = Predictive.of(np.append(np.arange(LEAST - 1.0), np.nan), np.ones(LEAST))
    one = np.ones(2)
    for said in (predictive.sigma(one), predictive.up(one, one, 0.0), predictive.quantiles(one, one, (0.5,))):
        assert np.isnan(said).all()


def test_a_fold_has_learned_the_errors_before_it() -> None:
    """Worked again from the forecasts themselves; a bar without one counts with the mean of the training set."""
    walk = advanced(CONFIG, PRICES.times, PRICES.bars)
    made, known = walk.forecasts, labels(PRICES.bars, CONFIG)
    volatility = recent_volatility(PRICES.bars[:, 3], 0)
    for record, following in zip(made.folds, [*made.folds[1:], None], strict=True):
        t = record.fold.fitted_at
        earlier = slice(max(0, t - CONFIG.purge - EARLIER), t - CONFIG.purge)
        said = np.where(np.isfinite(made.forecast[earlier]), made.forecast[earlier], record.mean)
        errors = (known[earlier] - said) / volatility[earlier]
        errors = errors[np.isfinite(errors)]
        used = slice(t, following.fold.fitted_at if following else None)
        np.testing.assert_allclose(made.sigma[used], errors.std() * volatility[used], rtol=1e-12)
        expected = made.forecast[used, None] + volatility[used, None] * np.quantile(errors, CONFIG.quantiles)
        np.testing.assert_allclose(made.quantiles[used], expected, rtol=1e-12)
        needed = (0.01 - made.forecast[used]) / volatility[used]
        above = (errors > needed[:, None]).sum(axis=1)
        np.testing.assert_allclose(made.up[used], (above + 0.5) / (len(errors) + 1), rtol=1e-12)
    assert len(made.folds) > 30


def test_errors_are_learned_from_labels_that_were_complete() -> None:
    last = advanced(CONFIG, PRICES.times, PRICES.bars).folds[-1]
    assert last.learned is not None
    for bar, moves in ((last.fold.fitted_at, False), (last.fold.fitted_at - 1, True)):
        changed = PRICES.bars.copy()
        changed[bar] *= 1.01
        other = advanced(CONFIG, PRICES.times, changed).folds[-1].learned
        assert other is not None
        assert np.array_equal(other.predictive.errors, last.learned.predictive.errors) != moves


def test_a_forecast_that_is_missing_has_no_distribution() -> None:
    bars = PRICES.bars[:400].copy()
    bars[300:310, 4] = np.nan  # no volume: an input is missing
    made = advanced(CONFIG, PRICES.times[:400], bars).forecasts
    missing = np.isnan(made.forecast)
    assert missing[300:315].all()
    for line in (made.sigma, made.up, *made.quantiles.T):
        assert np.array_equal(np.isnan(line), missing)


@pytest.mark.parametrize("symbol", ["AAPL", "GOOG", "IBM", "MSFT"])
def test_ninety_percent_are_ninety_percent_on_real_prices(symbol: str) -> None:
    prices = load_prices(DataConfig(symbol=symbol))
    config = ForecastConfig(refit_every=63, members=2, epochs=1, device="cpu")
    made = advanced(config, prices.times, prices.bars).forecasts
    found = reliability(made.up, made.quantiles, labels(prices.bars, config), config.quantiles, 0.0)
    assert found.interval is not None
    assert found.observations > 1200
    assert 0.87 <= found.interval[1] <= 0.93


def test_a_price_that_moves_by_ticks_rises_as_often_as_stated() -> None:
    """A third of the returns of IBM in whole dollars are 0, and these are no rises."""
    prices = load_prices(DataConfig(symbol="IBM"))
    bars = prices.bars.copy()
    bars[:, :4] = np.round(bars[:, :4])
    config = ForecastConfig(refit_every=63, members=2, epochs=1, device="cpu")
    made, realised = advanced(config, prices.times, bars).forecasts, labels(bars, config)
    known = np.isfinite(made.up) & np.isfinite(realised)
    assert (realised[known] == 0.0).mean() > 0.3
    assert made.up[known].mean() == pytest.approx((realised[known] > 0.0).mean(), abs=0.03)
