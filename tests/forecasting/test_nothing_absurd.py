"""Equal labels, forecasts far outside of the labels, and the reason for each bar without a forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from helpers.market import advanced, alone, bits, market, small
from helpers.planted_signal import BARS as PLANTED_BARS
from helpers.planted_signal import CONFIG as PLANTED
from helpers.planted_signal import bars_with

from lstmstrat import DataConfig, FittedModel, Model, WalkForward, load_prices
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.calibration import Evidence
from lstmstrat.forecasting.forecasts import FAR_OUTSIDE, MISSING, NO_NUMBER, TOO_FEW, TRAINING_FAILED, WARM_UP
from lstmstrat.forecasting.learned import NETWORK
from lstmstrat.forecasting.models import MODELS
from lstmstrat.forecasting.targets import labels
from lstmstrat.forecasting.training_set import TrainingSet, fit_scaler
from lstmstrat.prices.bars import CLOSE, OPEN, VOLUME

PRICES = market()
OWN = ("helpers.own_model:Nearest", "test_nothing_absurd:Scripted")


def growing(rate: float, bars: int = 250) -> Floats:
    """Bars that grow by `rate` a bar; the rounding of the exponential makes labels that differ by 1e-16."""
    price = 100.0 * np.exp(rate * np.arange(bars))
    return np.column_stack([price, price * 1.001, price * 0.999, price, np.full(bars, 1000.0)])


def always_one(bars: Floats) -> Floats:
    """A feature without spread."""
    return np.ones(len(bars))


SCRIPT: dict[str, Any] = {"fit": None, "says": None}


@dataclass(frozen=True, eq=False)
class Says(FittedModel):
    """Says what the script tells it to, of the newest row of each window."""

    def predict(self, windows: Floats) -> Floats:
        said: Floats = SCRIPT["says"](windows[:, -1])
        return said


@dataclass(frozen=True)
class Scripted(Model):
    """A user's model that does as `SCRIPT` says."""

    stored: ClassVar[bool] = False
    scaler: str
    clip: float

    def fit(self, training: TrainingSet, seed: int, start: Any = None, stop: Any = None) -> FittedModel | None:
        if SCRIPT["fit"] is not None and SCRIPT["fit"](training) is None:
            return None
        return Says(training.scaled(self.scaler, self.clip).inputs, np.array([np.nan]))


@pytest.fixture(autouse=True)
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCRIPT, "fit", None)
    monkeypatch.setitem(SCRIPT, "says", lambda rows: 0.1 * rows[:, 0])


# Equal labels


@pytest.mark.parametrize("rate", [0.0, 0.001, -0.002])
@pytest.mark.parametrize("model", [*MODELS, *OWN])
def test_equal_labels_are_forecast_whatever_the_model(model: str, rate: float) -> None:
    """The label of a price that grows by a rate is the rate; the rest is rounding."""
    walk = advanced(small(model=model, members=3 if model == "lstm" else 1), PRICES.times, growing(rate))
    first = walk.schedule.first_fit
    assert np.abs(walk.forecasts.forecast[first:] - rate).max() < 1e-14
    assert (walk.forecasts.spread[first:] == 0.0).all()
    assert {fold.record.status for fold in walk.folds} == {"constant"}
    assert +walk.missing == {WARM_UP: first}
    assert walk._session.fitted == 0


@pytest.mark.parametrize("changes", [{"horizon": 4}, {"target": "close"}, {"target": "close", "horizon": 3}])
@pytest.mark.parametrize("calibration", ["none", "learned"])
@pytest.mark.parametrize("scaler", ["robust", "standard"])
def test_equal_labels_of_any_target(changes: dict[str, Any], calibration: Any, scaler: Any) -> None:
    config = small(calibration=calibration, scaler=scaler, **changes)
    walk = advanced(config, PRICES.times, growing(0.001))
    expected = 0.001 * config.horizon
    assert np.abs(walk.forecasts.forecast[walk.schedule.first_fit :] - expected).max() < 1e-13


@pytest.mark.parametrize("features", [("return_1",), ("return_1", "test_nothing_absurd:always_one")])
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("calibration", ["none", "learned"])
def test_a_suspended_share_is_forecast_to_stand_still(features: Any, warm_start: bool, calibration: Any) -> None:
    """It moves, stands still for 150 bars, and moves again: no forecast is larger than a label that was seen."""
    bars = market(400).bars.copy()
    bars[100:250, :4] = bars[100, CLOSE]
    bars[250:, :4] *= bars[100, CLOSE] / bars[250, OPEN]
    config = small(features=features, warm_start=warm_start, calibration=calibration, refit_every=1)
    cuts = [] if not warm_start else [170, 171, 300]
    walk = advanced(config, market(400).times, bars, cuts)
    constant = {fold.fold.fitted_at for fold in walk.folds if fold.record.constant}
    # train_size 60 and a purge of 2: samples from bar t - 62 on, of which those with a window of 5 rows
    assert constant == {t for t in range(63, 400) if len(set(labels(bars[:t], config)[t - 62 + 4 : t - 2])) == 1}
    forecasts = walk.forecasts.forecast
    assert (forecasts[sorted(constant)] == 0.0).all()
    largest = [np.abs(labels(bars[:t], config)[t - 62 : t - 2]).max() for t in range(63, 400)]
    assert (np.abs(forecasts[63:]) <= np.array(largest)).all()


def test_labels_that_are_equal_but_for_a_few_have_the_unit_of_these() -> None:
    """MAD of rounding, a standard deviation of 0.02: the unit was 1 log return."""
    noise = np.random.default_rng(0).normal(0.0, 1e-17, 100)
    y = np.where(np.arange(100) < 4, 0.1, 0.001) + noise
    assert fit_scaler(y[:, None], "robust").scale[0] == pytest.approx(y.std())
    assert y.std() == pytest.approx(0.099 * np.sqrt(0.04 * 0.96))  # of a coin that shows 0.1 in 4% of cases


def test_equal_labels_and_few_samples_are_too_few() -> None:
    walk = advanced(small(features=("test_nothing_absurd:never",)), PRICES.times, growing(0.001))
    assert {fold.record.reason for fold in walk.folds} == {TOO_FEW}


def never(bars: Floats) -> Floats:
    """A feature without a value."""
    return np.full(len(bars), np.nan)


def test_equal_labels_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    advanced(small(), PRICES.times, growing(0.001))
    assert [record.message for record in caplog.records] == [
        "the labels of fold 1 are all equal (0.001 on 56 bars), so nothing is fitted to them, and the forecast is "
        "this number"
    ]


# Far outside


def brute_force(walk: WalkForward, said: Floats) -> Floats:
    """The forecasts that remain of what was said at each bar, by the definition in words, (n,)."""
    left, bars = np.full(len(said), np.nan), walk._history.bars
    starts = [fold.fold.fitted_at for fold in walk.folds]
    for fold, end in zip(walk.folds, [*starts[1:], len(said)], strict=True):
        first, cutoff = fold.fold.first, fold.fold.cutoff
        seen = labels(bars, walk.config)[max(first + walk.config.lookback - 1, first) : cutoff + 1]
        for t in range(fold.fold.fitted_at, end):
            if np.isfinite(said[t]) and abs(said[t]) > 2.0 * np.abs(seen).max():
                break
            left[t] = said[t] if np.isfinite(said[t]) else np.nan
    return left


@pytest.mark.parametrize("cuts", [(), range(1, 250), (70, 71, 99, 180)], ids=["once", "bar by bar", "some"])
@pytest.mark.parametrize("seed", range(4))
def test_from_a_far_forecast_on_there_is_none_until_the_next_fold(cuts: Any, seed: int) -> None:
    """A tenth of the bars say something between a thousandth and a thousand returns, or no number."""
    rng = np.random.default_rng(seed)
    sizes = np.concatenate([np.exp(rng.uniform(-7.0, 7.0, 200)), [np.inf, -np.inf, np.nan, 1e9, -1e300]])
    rare = {float(row): rng.choice(sizes) for row in np.diff(np.log(PRICES.bars[:, CLOSE]))[rng.random(249) < 0.1]}

    def says(rows: Floats) -> Floats:
        return np.array([next((v for k, v in rare.items() if abs(k - row) < 1e-12), 0.001) for row in rows[:, 0]])

    SCRIPT["says"] = says
    walk = advanced(small(model="test_nothing_absurd:Scripted"), PRICES.times, PRICES.bars, cuts)
    said = np.concatenate([[np.nan], says(np.diff(np.log(PRICES.bars[:, CLOSE]))[:, None])])
    expected = brute_force(walk, said)
    assert 0 < np.isnan(expected[walk.schedule.first_fit :]).sum() < 186
    assert np.array_equal(walk.forecasts.forecast, expected, equal_nan=True)
    assert np.isnan(walk.forecasts.spread).tolist() == np.isnan(expected).tolist()
    assert sum(walk.missing.values()) == np.isnan(expected).sum()


@pytest.mark.parametrize("calibration", ["none", "learned"])
def test_a_peek_at_a_far_forecast_leaves_no_trace(calibration: Any) -> None:
    SCRIPT["says"] = lambda rows: np.where(rows[:, 0] > 0.03, 1e9, 0.001)
    config = small(model="test_nothing_absurd:Scripted", calibration=calibration)
    times, bars = PRICES.times, PRICES.bars
    wild = bars.copy()
    wild[:, CLOSE] *= 1.2
    peeked, plain = WalkForward(config, alone()), advanced(config, times, bars)
    for t in range(len(bars)):
        there = peeked.peek(times[t : t + 1], wild[t : t + 1])
        if t >= plain.schedule.first_fit:
            assert np.isnan(there).all()
        peeked.advance(times[t : t + 1], bars[t : t + 1])
    assert (bits(peeked) == bits(plain)).all()
    assert peeked.missing == plain.missing
    assert plain.missing[FAR_OUTSIDE] > 0


@pytest.mark.parametrize("cuts", [(), range(1, 250)], ids=["once", "bar by bar"])
def test_a_calibrated_forecast_that_is_far_outside_is_none(cuts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of 30 make sound parts far forecasts; the parts stay for the folds to come."""
    monkeypatch.setattr(Evidence, "weights", lambda one, _: np.array([30.0, 0.0])[-len(one.products) :])
    SCRIPT["says"] = lambda rows: rows[:, 0]
    walk = advanced(
        small(model="test_nothing_absurd:Scripted", calibration="learned"), PRICES.times, PRICES.bars, cuts
    )
    returns = np.concatenate([[0.0], np.diff(np.log(PRICES.bars[:, CLOSE]))])
    mean = np.array([walk.folds[k - 1].record.mean if k else np.nan for k in walk.forecasts.fold])
    expected = brute_force(walk, mean + 30.0 * (returns - mean))
    assert 0 < np.isnan(expected[walk.schedule.first_fit :]).sum() < 186
    assert np.allclose(walk.forecasts.forecast, expected, equal_nan=True)
    assert walk.missing[FAR_OUTSIDE] == np.isnan(expected[walk.schedule.first_fit :]).sum()
    assert np.isfinite(walk._parts.all[walk.schedule.first_fit :, NETWORK]).all()


def test_a_far_forecast_does_not_spoil_the_weights_of_later_folds() -> None:
    """The weights are to the last bit those of a model that says nothing from that bar on until the next fold."""
    config = small(model="test_nothing_absurd:Scripted", calibration="learned", refit_every=40)
    of_second_fold = np.diff(np.log(PRICES.bars[:, CLOSE]))[103:143]  # bars 104 to 143: 64 + 40 and the 39 after
    learned = []
    for wrong, at in ((1e9, of_second_fold[:1]), (np.nan, of_second_fold)):
        SCRIPT["says"] = lambda rows, wrong=wrong, at=at: np.where(
            (np.abs(rows[:, :1] - at) < 1e-12).any(axis=1), wrong, 0.1 * rows[:, 0]
        )
        learned.append([fold.record.weights for fold in advanced(config, PRICES.times, PRICES.bars).folds])
    assert learned[0] == learned[1]
    assert len(set(learned[0])) == len(learned[0]) == 5


@pytest.mark.parametrize("model", ["lstm", "ridge"])
@pytest.mark.parametrize("symbol", ["AAPL", "GOOG", "IBM", "MSFT"])
def test_no_false_alarm_on_the_bundled_shares(symbol: str, model: str) -> None:
    prices = load_prices(DataConfig(symbol=symbol))
    config = PLANTED.model_copy(
        update={"model": model, "members": 1, "features": ("return_1", "return_5", "range")}
    )
    walk = advanced(config, prices.times, prices.bars)
    assert +walk.missing == {WARM_UP: walk.schedule.first_fit}


@pytest.mark.parametrize("model", ["lstm", "ridge", "boosting"])
@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_no_false_alarm_on_planted_signals(model: str, share: float) -> None:
    """Also where the label can be forecast exactly, so that forecasts go as far as labels."""
    rng = np.random.default_rng(3)
    seen = rng.normal(size=(PLANTED_BARS, 2))
    returns = 0.01 * (np.sqrt(share) * seen[:, 0] + np.sqrt(1.0 - share) * rng.normal(size=PLANTED_BARS))
    members = PLANTED.members if model == "lstm" else 1
    config = PLANTED.model_copy(update={"model": model, "members": members, "train_size": 120})
    walk = advanced(config, market(PLANTED_BARS).times, bars_with(returns, seen))
    assert +walk.missing == {WARM_UP: walk.schedule.first_fit}


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 1.0, "gradient_clip": 1e6, "epochs": 8},
        {"clip": 1000.0, "learning_rate": 0.5, "epochs": 8},
        {"features": ("return_1", "test_nothing_absurd:huge")},
        {"features": ("return_1", "test_nothing_absurd:huge"), "model": "ridge", "clip": 1000.0},
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_no_forecast_is_absurd_under_any_settings(changes: dict[str, Any]) -> None:
    walk = advanced(small(**changes), PRICES.times, PRICES.bars)
    for t in range(walk.schedule.first_fit, 250):
        fold = walk.folds[walk.forecasts.fold[t] - 1].fold
        largest = np.nanmax(np.abs(labels(PRICES.bars, walk.config)[fold.first : fold.cutoff + 1]))
        assert not abs(walk.forecasts.forecast[t]) > 2.0 * largest


def huge(bars: Floats) -> Floats:
    """An input of up to 1e300."""
    return np.exp(690.0 * np.sin(np.arange(len(bars)))) * np.sign(np.cos(np.arange(len(bars))))


# Reasons


def first_message(caplog: pytest.LogCaptureFixture, reason: str) -> str:
    (message,) = [record.message for record in caplog.records if reason in record.message]
    return message


@pytest.mark.parametrize("cuts", [(), range(1, 250)], ids=["once", "bar by bar"])
def test_a_feed_without_volume_says_so(cuts: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Samples need windows of 5 rows without a gap; there is none."""
    bars = PRICES.bars.copy()
    bars[:, VOLUME] = np.nan
    walk = advanced(small(), PRICES.times, bars, cuts)
    assert [record.message for record in caplog.records] == [
        "no forecast at 2020-03-31: the fold had too few samples: fold 1 has 0 samples on 60 bars, and needs 3 to "
        "train on, and with val_size one to validate on; volume_change has no value on 60 of 60 bars; the bars "
        "have no volume there: give them one, such as 0, or leave volume_change out of features; "
        "walk_forward.missing counts all such bars"
    ]
    assert walk.forecasts.gaps == {"volume_change": 248}  # from bar 2, where the first training set begins
    assert walk.forecasts.not_forecast == [
        "186 bars: the fold had too few samples (volume_change has no value on 248 bars)"
    ]


@pytest.mark.parametrize("cuts", [(), range(1, 250)], ids=["once", "bar by bar"])
def test_a_feature_of_ones_own_without_a_value_is_named(cuts: Any, caplog: pytest.LogCaptureFixture) -> None:
    name = "test_nothing_absurd:gaps"
    walk = advanced(small(features=("return_1", name)), PRICES.times, PRICES.bars, cuts)
    assert f"{name} has no value on 1 of 5 bars; leave {name} out of features, or begin later" in first_message(
        caplog, MISSING
    )
    assert walk.forecasts.not_forecast == [f"10 bars: {MISSING} ({name} has no value on 2 bars)"]


def gaps(bars: Floats) -> Floats:
    """A feature without a value at bars 100 and 120."""
    values = bars[:, CLOSE] / bars[:, OPEN]
    values[[t for t in (100, 120) if t < len(bars)]] = np.nan
    return values


def test_a_peer_without_bars_is_named(caplog: pytest.LogCaptureFixture) -> None:
    peer = market(seed=1)
    walk = WalkForward(small(peer_features=("return_1", "range")), alone(), peers=1)
    walk.advance(PRICES.times, PRICES.bars, [(peer.times[120:], peer.bars[120:])])
    message = first_message(caplog, TOO_FEW)
    assert "return_1 of peer 1 has no value on 60 of 60 bars, range of peer 1 on 60" in message
    assert "leave that peer out of peers, or begin when it has bars" in message
    assert walk.forecasts.gaps == {"return_1 of peer 1": 119, "range of peer 1": 118}  # bars 2 to 120, 2 to 119


def test_missing_prices_of_the_target_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """The open is the price of the target alone."""
    bars = PRICES.bars.copy()
    bars[:, OPEN] = np.nan
    advanced(small(features=("return_1",)), PRICES.times, bars)
    assert "fold 1 has 0 samples on 60 bars" in first_message(caplog, TOO_FEW)
    assert "prices of the target are missing there" in first_message(caplog, TOO_FEW)


def test_a_failed_training_and_a_model_without_a_number_are_said(caplog: pytest.LogCaptureFixture) -> None:
    config = small(model="test_nothing_absurd:Scripted")
    SCRIPT["fit"] = lambda training: None
    advanced(config, PRICES.times, PRICES.bars)
    assert "fold 1: a model or its loss is not finite; lower learning_rate" in first_message(
        caplog, TRAINING_FAILED
    )
    SCRIPT.update(fit=None, says=lambda rows: np.full(len(rows), np.inf))
    advanced(config, PRICES.times, PRICES.bars)
    assert "model: test_nothing_absurd:Scripted" in first_message(caplog, NO_NUMBER)


def test_a_far_forecast_is_said_with_its_size(caplog: pytest.LogCaptureFixture) -> None:
    SCRIPT["says"] = lambda rows: np.full(len(rows), 84_651.0)
    advanced(small(model="test_nothing_absurd:Scripted"), PRICES.times, PRICES.bars)
    assert "fold 1 says 8.47e+04, more than 2 times the largest return that it has seen, 0.0" in first_message(
        caplog, FAR_OUTSIDE
    )


def test_each_message_is_logged_once_for_all_strategies_of_a_session(caplog: pytest.LogCaptureFixture) -> None:
    bars, session = PRICES.bars.copy(), alone()
    bars[:, VOLUME] = np.nan
    for _ in range(3):
        advanced(small(), PRICES.times, bars, session=session)
    assert len(caplog.records) == 1
