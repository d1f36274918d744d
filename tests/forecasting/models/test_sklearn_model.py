"""Regressors of scikit-learn by their names: six kinds, and everything that is no regressor."""

from __future__ import annotations

import math
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
from helpers.market import advanced, bits, market, small
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.svm import SVR
from threadpoolctl import threadpool_info, threadpool_limits

from lstmstrat import ConfigError, ForecastConfig, Session, Store, TrainingSet
from lstmstrat.config.files import dump, parse
from lstmstrat.config.schema import Config
from lstmstrat.forecasting.models import model_class, model_of
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.sklearn_model import FittedSklearn, SklearnModel
from lstmstrat.forecasting.training_set import fit_scaler

PRICES = market()
FOREST = "sklearn.ensemble:RandomForestRegressor"


def pipeline(degree: int = 2, alpha: float = 0.1) -> Any:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    return make_pipeline(PolynomialFeatures(degree), Ridge(alpha))


# A forest, a product, kernels, distances, a network, a Gaussian process, a pipeline of a user's function.
KINDS: dict[str, dict[str, Any]] = {
    FOREST: {"n_estimators": 5},
    "sklearn.linear_model:LinearRegression": {},
    "sklearn.svm:SVR": {"C": 0.5},
    "sklearn.neighbors:KNeighborsRegressor": {"n_neighbors": 7},
    "sklearn.neural_network:MLPRegressor": {"hidden_layer_sizes": [6], "solver": "lbfgs", "tol": 0.1},
    "sklearn.gaussian_process:GaussianProcessRegressor": {"alpha": 1.0, "optimizer": None},
    "test_sklearn_model:pipeline": {"degree": 2},
}
kinds = pytest.mark.parametrize("name", KINDS)


def a_set(seed: int = 0, rows: int = 90, features: int = 4) -> TrainingSet:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, features))
    return TrainingSet(x, 0.5 * x[:, 0] + rng.standard_normal(rows), 5, 2)


def model(name: str, **changes: Any) -> Any:
    return model_of(small(**{"model": name, "model_params": KINDS.get(name, {}), **changes}))


def fitted(name: str, training: TrainingSet | None = None, seed: int = 7, **changes: Any) -> FittedSklearn:
    made = model(name, **changes).fit(training or a_set(), seed)
    assert isinstance(made, FittedSklearn)
    return made


@kinds
def test_law_1_chunk_a_forecast_is_the_same_in_any_company(name: str) -> None:
    made, windows = fitted(name), np.random.default_rng(3).standard_normal((70, 5, 4))
    together = made.predict(windows)
    for size in (1, 2, 7, 33, 64):
        for begin in (0, 3, 6):
            assert np.array_equal(made.predict(windows[begin : begin + size]), together[begin : begin + size])
    assert np.array_equal(made.predict(windows[::-1])[::-1], together)
    assert made.predict(windows[:0]).shape == (0,)


@kinds
def test_law_1_chunk_bar_by_bar_equals_all_at_once(name: str) -> None:
    config = small(model=name, model_params=KINDS[name], refit_every=60)
    expected = bits(advanced(config, PRICES.times, PRICES.bars))
    assert np.array_equal(bits(advanced(config, PRICES.times, PRICES.bars, range(1, 250))), expected)
    for jobs in (1, 3):
        walk = advanced(config, PRICES.times, PRICES.bars, session=Session(Store(None), jobs))
        assert np.array_equal(bits(walk), expected)
    assert np.isfinite(walk.forecasts.forecast[walk.folds[0].fold.fitted_at :]).all()


@kinds
@pytest.mark.parametrize("calibration", ["none", "learned"])
def test_both_calibrations_take_it(name: str, calibration: str) -> None:
    config = small(model=name, model_params=KINDS[name], refit_every=60, calibration=calibration)
    walk = advanced(config, PRICES.times, PRICES.bars)
    assert np.isfinite(walk.forecasts.forecast[walk.folds[0].fold.fitted_at :]).all()


def test_it_is_the_regressor_on_the_scaled_inputs_of_the_newest_bar() -> None:
    training = a_set()
    made = fitted("sklearn.svm:SVR", training)
    column = training.labels[:, None]
    inputs, output = fit_scaler(training.rows, "robust"), fit_scaler(column, "robust")
    x, y = inputs.apply(training.rows, 5.0)[4:].astype(float), output.apply(column, 5.0)[4:, 0].astype(float)
    expected = SVR(C=0.5).fit(x, y)
    windows, _ = training.windows()
    np.testing.assert_allclose(
        made.predict(windows), output.location[0] + output.scale[0] * expected.predict(x), rtol=1e-12
    )
    assert made.losses == pytest.approx([np.square(expected.predict(x) - y).mean()])


def test_the_seed_of_a_member_is_its_random_state() -> None:
    training = a_set()
    made = fitted(FOREST, training, seed=2**64 - 1)
    assert made.regressor.random_state == (2**64 - 1) % 2**32
    x, y = (training.scaled("robust", 5.0).x[4:].astype(float), training.scaled("robust", 5.0).y[4:].astype(float))
    expected = RandomForestRegressor(5, random_state=2**32 - 1).fit(x, y).predict(x)
    data = training.scaled("robust", 5.0)
    unscaled = data.output.location[0] + data.output.scale[0] * expected
    np.testing.assert_array_equal(made.predict(training.windows()[0]), unscaled)


def test_a_regressor_has_one_member() -> None:
    """A forest is an ensemble by itself, and ten of them would need gigabytes."""
    assert model_class(FOREST) is model_class("sklearn.linear_model:LinearRegression") is SklearnModel
    walk = advanced(small(model=FOREST, model_params={"n_estimators": 3}, members=3), PRICES.times, PRICES.bars)
    assert {len(fold.members) for fold in walk.folds} == {1}


def test_parts_of_a_pipeline_get_the_seed_too() -> None:
    made = fitted("test_sklearn_model:pipeline", seed=9)
    assert made.regressor.get_params()["ridge__random_state"] == 9


def test_one_thread_but_where_more_are_asked_for() -> None:
    assert fitted(FOREST).regressor.n_jobs == 1
    made = fitted(FOREST, model_params={"n_estimators": 5, "n_jobs": 2})
    assert made.regressor.n_jobs == 1  # for the forecasts, which threads would add in the order of their ends
    assert np.array_equal(made.predict(a_set().windows()[0]), fitted(FOREST).predict(a_set().windows()[0]))


class Watched(RegressorMixin, BaseEstimator):
    """Notes the threads, and draws from the random numbers of the process, as old code does."""

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def fit(self, x: Any, y: Any) -> Any:
        self.threads_ = max(pool["num_threads"] for pool in threadpool_info())
        self.drawn_ = self.scale * np.random.normal()  # noqa: NPY002
        return self

    def predict(self, x: Any) -> Any:
        return np.full(len(x), self.drawn_)


def test_law_3_purity_threads_and_random_numbers_of_the_process_do_not_matter() -> None:
    name = "test_sklearn_model:Watched"
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    with threadpool_limits(2):
        made = fitted(name)
    assert made.regressor.threads_ == 1
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    assert fitted(name).regressor.drawn_ == made.regressor.drawn_ != fitted(name, seed=8).regressor.drawn_


@kinds
def test_a_fitted_one_can_be_sent_to_another_process_and_is_not_stored(name: str) -> None:
    made, windows = fitted(name), a_set().windows()[0]
    assert np.array_equal(pickle.loads(pickle.dumps(made)).predict(windows), made.predict(windows))
    assert not model(name).kept
    with pytest.raises(ConfigError, match="needs to_bytes"):
        made.to_bytes()


def test_no_sample_and_a_forecast_that_is_no_number_are_failed_fits() -> None:
    assert model(FOREST).fit(a_set(rows=4), 7) is None
    assert model("test_sklearn_model:Watched", model_params={"scale": 1e308}).fit(a_set(), 7) is None


# ---- the config ------------------------------------------------------------------------------------------------


def test_the_parameters_are_a_part_of_the_key() -> None:
    task = FitTask(a_set(), 7)
    given = ({}, {"n_estimators": 5}, {"n_estimators": 6}, {"n_estimators": 5, "max_depth": 2})
    assert len({task.key(model(FOREST, model_params=params)) for params in given}) == 4
    two = ({"max_depth": 2, "n_estimators": 5}, {"n_estimators": 5, "max_depth": 2})
    assert len({task.key(model(FOREST, model_params=params)) for params in two}) == 1
    assert task.key(model("sklearn.svm:SVR")) != task.key(model("sklearn.svm:NuSVR"))


def test_the_key_has_the_code_of_a_function_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    task = FitTask(a_set(), 7)
    before = task.key(model("test_sklearn_model:pipeline"))
    monkeypatch.setitem(globals(), "pipeline", lambda degree=2, alpha=0.1: LinearRegression())
    assert task.key(model("test_sklearn_model:pipeline")) != before


def test_the_parameters_survive_the_config_file() -> None:
    params = {
        "n_estimators": 5,
        "max_features": 0.5,
        "bootstrap": False,
        "max_depth": None,
        "ccp_alpha": 1e-9,
    }
    config = Config(
        forecast={"model": FOREST, "model_params": params},  # type: ignore[arg-type]
        strategies=[{"class": "strategies.long_flat:LongFlat"}],  # type: ignore[arg-type]
    )
    again = Config.model_validate(parse(dump(config)))
    assert again == config
    assert dict(again.forecast.model_params) == params
    assert hash(again.forecast) == hash(config.forecast)


def test_nobody_can_change_the_parameters() -> None:
    given = {"hidden_layer_sizes": [3]}
    config = ForecastConfig(model_params=given)  # type: ignore[arg-type]
    given["hidden_layer_sizes"].append(4)
    config.model_params["hidden_layer_sizes"].append(5)
    assert dict(config.model_params) == {"hidden_layer_sizes": [3]}
    with pytest.raises(TypeError):
        config.model_params["x"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"x": object()}, r"model_params: x has a value of type object, .*; expected numbers, text, true, false"),
        ({"x": {"y": math.inf}}, r"model_params: x.y has a value of type float, inf; expected numbers"),
        ({"x": [np.float64(1.0)]}, r"model_params: x has a value of type float64"),
        ({1: 2}, r"model_params: the name 1 is no text; expected such as \{n_estimators: 50\}"),
        ([1], r"model_params: expected names and values, such as \{n_estimators: 50\}"),
        (5, r"model_params: 5 given, expected names and values"),
    ],
)
def test_parameters_that_are_not_yaml_are_a_sentence(params: Any, sentence: str) -> None:
    from lstmstrat.config.validation import validated

    with pytest.raises(ConfigError, match=sentence):
        validated(ForecastConfig, {"model_params": params}, "forecast:")


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"n_estimatrs": 5}, r"model_params.n_estimatrs: unknown parameter; did you mean 'n_estimators'\?"),
        ({"zzz": 5}, r"model_params.zzz: unknown parameter; known: bootstrap, ccp_alpha, criterion, max_depth, "),
        ({"n_estimators": "many"}, r"model_params: The 'n_estimators' parameter of RandomForestRegressor must be"),
        ({"max_features": -1}, r"model_params: The 'max_features' parameter of RandomForestRegressor must be"),
        ({"random_state": 5}, r"model_params.random_state: comes from the seed of each member; remove it here"),
    ],
)
def test_a_wrong_parameter_is_a_sentence(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        model(FOREST, model_params=params)


def no_regressor() -> Any:
    return 5


def broken() -> Any:
    raise ZeroDivisionError("by my own fault")


def needs(depth: int) -> Any:
    return RandomForestRegressor(max_depth=depth)


bound = partial(pipeline, 3)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "sklearn.ensemble:RandomForestClassifier",
            "is a classifier; expected a regressor, which forecasts",
        ),
        ("sklearn.cluster:KMeans", "is a clusterer; expected a regressor"),
        ("sklearn.ensemble:IsolationForest", "is a outlier_detector; expected a regressor"),
        ("sklearn.preprocessing:StandardScaler", "is no model; expected a class of lstmstrat.Model with fit"),
        ("sklearn.ensemble:RandomForestRegresor", "did you mean 'RandomForestRegressor'"),
        ("sklearn.ensemble:VotingRegressor", "cannot be called with .*: TypeError: .* 'estimators'"),
        ("sklearn.metrics:r2_score", "is no model; expected"),
        ("test_sklearn_model:no_regressor", "returns a int; expected a scikit-learn regressor"),
        ("test_sklearn_model:broken", "cannot be called with .*: ZeroDivisionError: by my own fault; expected"),
        ("test_sklearn_model:needs", "is no model; expected"),
        ("test_sklearn_model:bound", "is no model; expected"),
    ],
)
def test_what_is_no_regressor_is_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"^model: .*{sentence}"):
        model(name)


class Duck:
    """No class of scikit-learn, but with its interface, as other libraries have."""

    def __init__(self, mean: float = 0.0):
        self.mean = mean

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"mean": self.mean}

    def set_params(self, **params: Any) -> Any:
        self.__dict__.update(params)
        return self

    def fit(self, x: Any, y: Any) -> Any:
        self.mean += y.mean()
        return self

    def predict(self, x: Any) -> Any:
        return np.full((len(x), 1), self.mean)


class Wide(Duck):
    def predict(self, x: Any) -> Any:
        return np.zeros((len(x), 2))


class Fails(Duck):
    def fit(self, x: Any, y: Any) -> Any:
        return 1 / 0


def test_another_library_with_the_interface_works() -> None:
    training = a_set()
    made = fitted("test_sklearn_model:Duck", training, model_params={"mean": 2})
    data = training.scaled("robust", 5.0)
    expected = data.output.location[0] + data.output.scale[0] * (2.0 + data.y[4:].astype(float).mean())
    np.testing.assert_allclose(made.predict(np.zeros((3, 5, 4))), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "Wide",
            r"predict gave values of type float64 and shape \(86, 2\) for 86 rows; expected real",
        ),
        ("Fails", r"fit failed: ZeroDivisionError: division by zero \(.*, line \d+\)"),
    ],
)
def test_a_regressor_that_fails_is_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"^model: test_sklearn_model:{name}: {sentence}"):
        fitted(f"test_sklearn_model:{name}")
