"""The cheaper models: each against a hand, a second library or a signal that was planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import planted_signal as planted
from helpers.command import command, summary, tiny, written
from helpers.market import advanced, alone, bits, market, small
from helpers.recorder import recorded
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from threadpoolctl import threadpool_info, threadpool_limits

from lstmstrat import LSTMForecast, TrainingSet
from lstmstrat.arrays import Floats
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.fitting import seed
from lstmstrat.forecasting.models import baselines, model_of
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.baselines import ALPHAS, FittedBaseline
from lstmstrat.forecasting.training_set import windows

PRICES = market()
BASELINES = ("boosting", "ridge", "last_sign", "always_up")
models = pytest.mark.parametrize("model", BASELINES)
SEED = 2**63 + 1


def learned_from(n: int = 120, features: int = 3, seed: int = 0) -> TrainingSet:
    """A training set with a weak linear signal in it, features and labels in units of their own."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, features))
    y = 0.01 * (0.3 * x[:, 0] + rng.standard_normal(n)) + 0.001
    return TrainingSet(x * 0.02 + 0.5, y, 5, 2)


def fitted(s: TrainingSet, **changes: Any) -> FittedBaseline:
    found = model_of(small(**changes)).fit(s, SEED)
    assert isinstance(found, FittedBaseline)
    return found


# --- by hand --------------------------------------------------------------------------------------------------

# Four labels whose mean absolute value is (1 + 3 + 2 + 2) / 4 = 2 per cent.
BY_HAND = TrainingSet(np.array([[9.0, 1], [8, -1], [7, 1], [6, -1]]), np.array([0.01, -0.03, 0.02, 0.02]), 1, 2)


def test_always_up_is_the_mean_absolute_label() -> None:
    found = fitted(BY_HAND, model="always_up", scaler="standard")
    np.testing.assert_allclose(found.of_rows(np.array([[5.0, -1.0], [-5.0, 1.0]])), [0.02, 0.02], rtol=1e-15)
    # Labels less 2: -1, -5, 0, 0, squares 1 + 25; labels less their mean 0.5: 0.5, -3.5, 1.5, 1.5, squares 17.
    np.testing.assert_allclose(found.losses, [26 / 17], rtol=1e-6)


def test_last_sign_is_that_with_the_sign_of_the_last_feature_as_it_is() -> None:
    found = fitted(BY_HAND, model="last_sign", scaler="standard")
    rows = np.array([[5.0, 0.5], [5.0, -0.5], [5.0, 0.0], [-5.0, 3.0]])
    np.testing.assert_allclose(found.of_rows(rows), [0.02, -0.02, 0.0, 0.02], rtol=1e-15)
    # In the training set it says 2, -2, 2, -2: errors 1, 1, 0, -4, squares 18.
    np.testing.assert_allclose(found.losses, [18 / 17], rtol=1e-6)


def test_the_sign_is_that_of_the_value_and_not_of_its_distance_from_the_centre() -> None:
    s = TrainingSet(np.array([[3.0], [4.0], [5.0], [6.0]]), BY_HAND.labels, 1, 2)
    assert fitted(s, model="last_sign").of_rows(np.array([[1.0]])) == pytest.approx(0.02)


@models
def test_what_is_learned_from_is_a_sample_of_the_lstm(model: str) -> None:
    """With lookback 5 the first four rows are none, and a gap at row 50 takes five.

    Two of their labels change places: the centre and the scale, which are of the whole training set, stay.
    """
    s = learned_from()
    s.rows[50] = np.nan
    changed = s.labels.copy()
    changed[[0, 1, 50, 51]] = changed[[1, 0, 51, 50]]
    rows = learned_from(seed=1).rows
    other = TrainingSet(s.rows, changed.copy(), 5, 2)
    assert fitted(s, model=model).of_rows(rows).tobytes() == fitted(other, model=model).of_rows(rows).tobytes()
    changed[[54, 55]] = changed[[55, 54]]  # the first one after the gap is row 55
    moved = fitted(TrainingSet(s.rows, changed, 5, 2), model=model).of_rows(rows)
    assert moved.tobytes() != fitted(s, model=model).of_rows(rows).tobytes()


@models
def test_without_a_sample_nothing_can_be_fitted_and_that_is_counted(model: str) -> None:
    nothing = TrainingSet(learned_from().rows, np.full(120, np.nan), 5, 2)
    session = alone()
    assert trainer.fit(session, model_of(small(model=model)), [FitTask(nothing, 0)]) == [None]
    assert (session.fitted, session.failed) == (0, 1)


@pytest.mark.parametrize("model", ["boosting", "ridge"])
def test_of_a_single_sample_its_label_is_learned(model: str) -> None:
    s = TrainingSet(learned_from(5).rows, np.array([np.nan, np.nan, np.nan, np.nan, 0.01]), 5, 2)
    np.testing.assert_allclose(fitted(s, model=model).of_rows(learned_from(seed=1).rows), 0.01, rtol=1e-12)


# --- against second origins -----------------------------------------------------------------------------------


def standardised(s: TrainingSet) -> tuple[Floats, Floats]:
    """Inputs and labels in standard deviations of the training set; from row 4 on, with lookback 5."""
    z = (s.rows - s.rows.mean(axis=0)) / s.rows.std(axis=0)
    return z[4:].clip(-5, 5), ((s.labels - s.labels.mean()) / s.labels.std())[4:].clip(-5, 5)


def normal_equations(x: Floats, y: Floats, alpha: float) -> tuple[Floats, float]:
    """Coefficients and intercept that minimise the squares plus alpha times those of the coefficients."""
    centred, level = x - x.mean(axis=0), y - y.mean()
    b = np.linalg.solve(centred.T @ centred + alpha * np.eye(x.shape[1]), centred.T @ level)
    return b, y.mean() - x.mean(axis=0) @ b


def left_out(x: Floats, y: Floats, alpha: float) -> float:
    """Mean squared error of each sample by all the others."""
    errors = []
    for i in range(len(x)):
        b, a = normal_equations(np.delete(x, i, 0), np.delete(y, i), alpha)
        errors.append(y[i] - a - x[i] @ b)
    return float(np.mean(np.square(errors)))


@pytest.mark.parametrize("seed", range(3))
def test_ridge_solves_the_normal_equations_with_the_penalty_that_leave_one_out_chooses(seed: int) -> None:
    """Leave-one-out by force: 116 fits for each of 11 penalties. Inputs are float32, hence 1e-5."""
    s = learned_from(seed=seed)
    x, y = standardised(s)
    alphas = len(x) * ALPHAS
    best = min(alphas, key=lambda alpha: left_out(x, y, alpha))
    assert alphas[0] < best < alphas[-1]
    b, a = normal_equations(x, y, best)
    found = fitted(s, model="ridge", scaler="standard")
    expected = s.labels.mean() + s.labels.std() * (a + x @ b)
    np.testing.assert_allclose(found.of_rows(s.rows[4:]), expected, atol=1e-5 * s.labels.std())
    np.testing.assert_allclose(found.losses, [np.square(a + x @ b - y).mean()], rtol=1e-5)


@pytest.mark.parametrize(("samples", "features"), [(120, 3), (750, 10), (12, 10), (8, 10), (2, 1)])
def test_ridge_is_that_of_scikit_learn(samples: int, features: int) -> None:
    rng = np.random.default_rng(samples)
    x = rng.standard_normal((samples, features)) + 0.3
    y = 0.1 * x[:, 0] + rng.standard_normal(samples) + 2.0
    second = RidgeCV(alphas=samples * ALPHAS).fit(x, y)
    coefficients, intercept, loss = baselines.ridge(x, y)
    np.testing.assert_allclose(coefficients, second.coef_, rtol=0.0, atol=1e-12)
    assert intercept == pytest.approx(second.intercept_, abs=1e-12)
    assert loss == pytest.approx(np.square(second.predict(x) - y).mean(), abs=1e-12)


def test_a_line_and_its_bytes_are_the_same() -> None:
    s = learned_from(200)
    model = model_of(small(model="ridge"))
    line = model.fit(s, 0)
    assert line is not None
    back = model.load(line.to_bytes())
    assert back.to_bytes() == line.to_bytes()
    windows = s.windows()[0]
    assert back.predict(windows).tobytes() == line.predict(windows).tobytes()


def test_boosting_is_scikit_learns_with_the_settings_that_are_written() -> None:
    s = learned_from(400)
    x, y = (part.astype(np.float32) for part in standardised(s))
    settings = {"max_iter": 50, "max_leaf_nodes": 8, "learning_rate": 0.05, "min_samples_leaf": 40}
    second = HistGradientBoostingRegressor(**settings, early_stopping=False).fit(x, y).predict(x)
    found = fitted(s, model="boosting", scaler="standard").of_rows(s.rows[4:])
    np.testing.assert_allclose(found, s.labels.mean() + s.labels.std() * second, atol=1e-5 * s.labels.std())


# --- signals that are there -----------------------------------------------------------------------------------


def found_of(mean: Floats, seen: Floats, rng: np.random.Generator, model: str) -> float:
    """Correlation of the forecasts, all out of sample, with the true mean."""
    config = planted.CONFIG.model_copy(update={"model": model, "members": 1})
    returns = mean + 0.008 * rng.standard_normal(len(mean))
    made = planted.forecasts(planted.bars_with(returns, seen), config)
    return planted.correlation(made, mean)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ridge_finds_a_linear_signal(seed: int) -> None:
    """The mean is 0.006 x of a first input, the noise 0.008: a coefficient of 700 samples is off by 0.0003 each.

    So the correlation is about 6 / sqrt(6^2 + 0.3^2 + 0.3^2) = 0.998, less what the penalty adds.
    """
    rng = np.random.default_rng(seed)
    seen = rng.standard_normal((planted.BARS, 2))
    assert found_of(0.006 * seen[:, 0], seen, rng, "ridge") > 0.98


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_boosting_finds_an_interaction_and_ridge_cannot(seed: int) -> None:
    """The sign of one input decides what the other one means: no linear function of the two forecasts anything.

    The best one has the correlation 0, and one that was fitted to chance no more than chance itself: 4 standard
    errors of 1 / sqrt(1008), as both are functions of the same inputs. Boosting had 0.89 to 0.93 when written.
    """
    rng = np.random.default_rng(seed)
    seen = rng.standard_normal((planted.BARS, 2))
    mean = 0.006 * np.sign(seen[:, 0]) * seen[:, 1]
    bars = np.random.default_rng(seed + 100)
    assert found_of(mean, seen, bars, "boosting") > 0.8
    assert abs(found_of(mean, seen, np.random.default_rng(seed + 100), "ridge")) < 4 / np.sqrt(16 * 63)


# --- in their place -------------------------------------------------------------------------------------------


@models
@pytest.mark.parametrize("features", [1, 2, 10, 40])
def test_a_forecast_has_the_same_bits_whatever_stands_beside_it(model: str, features: int) -> None:
    seen = windows(learned_from(60, features, seed=1).rows, 5)
    found = fitted(learned_from(400, features), model=model)
    together = found.predict(seen)
    assert together.shape == (56,)
    for count in (1, 2, 3, 17):
        parts = [found.predict(seen[i : i + count]) for i in range(0, 56 - count + 1)]
        for i, part in enumerate(parts):
            assert part.tobytes() == together[i : i + count].tobytes()


@pytest.mark.parametrize("model", ["boosting", "ridge"])
def test_the_threads_of_the_host_do_not_matter_and_stay_as_they_are(model: str) -> None:
    reference = fitted(learned_from(700, 10), model=model).of_rows(learned_from(seed=1, features=10).rows)
    for threads in (1, 2):
        with threadpool_limits(threads):
            before = threadpool_info()
            again = fitted(learned_from(700, 10), model=model).of_rows(learned_from(seed=1, features=10).rows)
            assert threadpool_info() == before
        assert again.tobytes() == reference.tobytes()


def test_one_thread_fits_and_forecasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two took 0.6 s a fold in place of 0.04 while something else ran."""
    seen: list[int] = []
    for name in ("fit", "predict"):
        method = getattr(HistGradientBoostingRegressor, name)

        def watched(*args: Any, method: Any = method) -> Any:
            seen.append(max(pool["num_threads"] for pool in threadpool_info()))
            return method(*args)

        monkeypatch.setattr(HistGradientBoostingRegressor, name, watched)
    with threadpool_limits(2):
        fitted(learned_from(), model="boosting").predict(windows(learned_from().rows, 5))
    assert seen == [1, 1, 1]  # the second is the training loss


@models
def test_a_baseline_is_counted_shared_while_it_is_used_and_not_stored(model: str) -> None:
    """Folds at bar 64 (2 + 60 + 2) and each 13th bar of 250: 15."""
    session, calls = alone(), []
    session.progress = lambda done, total: calls.append((done, total))
    first, second = (advanced(small(model=model), PRICES.times, PRICES.bars, session=session) for _ in range(2))
    assert (session.fitted, session.cached, session.failed) == (15, 0, 0)
    assert calls == [(done, 15) for done in range(16)]
    assert session.seconds > 0.0
    assert all(a.members[0] is b.members[0] for a, b in zip(first.folds, second.folds, strict=True))
    folds = [fitted.fold for fitted in first.folds]
    seeds = [seed(0, str(PRICES.times[fold.cutoff]), 0) for fold in folds]
    sets = [first._training_set(fold) for fold in folds]
    keys = [FitTask(training, s).key(first.model) for training, s in zip(sets, seeds, strict=True)]
    assert len(keys) == 15
    assert set(keys) == session.models.keys()
    assert session.store.get(keys) == {}


def test_models_do_not_share_what_they_fitted() -> None:
    session = alone()
    made = [advanced(small(model=m), PRICES.times, PRICES.bars, session=session) for m in ("lstm", *BASELINES)]
    assert session.fitted == 5 * 15
    assert len({bits(walk).tobytes() for walk in made}) == 5


@models
def test_the_spread_is_0_and_the_distance_that_of_the_lstm(model: str) -> None:
    lstm, baseline = (advanced(small(model=m), PRICES.times, PRICES.bars).forecasts for m in ("lstm", model))
    assert (baseline.spread[64:] == 0.0).all()
    assert np.array_equal(baseline.distance, lstm.distance, equal_nan=True)


@models
def test_device_cuda_is_of_the_lstm_alone(model: str) -> None:
    walk = advanced(small(model=model, device="cuda"), PRICES.times, PRICES.bars)
    assert np.array_equal(bits(walk), bits(advanced(small(model=model), PRICES.times, PRICES.bars)))


@models
def test_a_baseline_in_backtrader_is_the_same_in_both_modes(model: str) -> None:
    def build(strategy: Any) -> Any:
        return {"f": LSTMForecast(strategy.data, **small(model=model).model_dump())}

    once, bar_by_bar = (recorded(build, runonce=mode) for mode in (True, False))
    assert np.isfinite(once.lines()[64:]).all()
    assert np.array_equal(once.bits(), bar_by_bar.bits())


@models
def test_a_whole_backtest_runs_on_a_baseline(model: str, tmp_path: Path) -> None:
    config = written(tmp_path, tiny(forecast={"model": model, "members": 1}))
    told = command(config, "--out", tmp_path / "run", "--no-cache", "--quiet")
    assert told.code == 0, told.err
    assert summary(tmp_path / "run")["walk_forward"]["failed"] == 0
