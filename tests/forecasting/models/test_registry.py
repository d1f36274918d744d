"""The models by name, a user's own by module:Class, and what each of them promises whatever it learns."""

from __future__ import annotations

import dataclasses
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from helpers.market import advanced, alone, bits, learned, market, small
from helpers.own_model import EVERY, OWN, Drawn, Nearest, alive
from helpers.own_network import Gru
from helpers.parallel import Cores

from lstmstrat import ConfigError, FittedModel, ForecastConfig, Model, Session, Store, TrainingSet
from lstmstrat.arrays import Floats
from lstmstrat.config import names
from lstmstrat.config.parameters import Parameters
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.executor import GivenUp
from lstmstrat.forecasting.models import MODELS, checked, model_class, model_of, settled
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.models.baselines import AlwaysUp, Boosting, LastSign, Ridge
from lstmstrat.forecasting.models.constant import Constant
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM
from lstmstrat.forecasting.models.sklearn_model import SklearnModel
from lstmstrat.forecasting.training_set import windows

PRICES = market(190)
models = pytest.mark.parametrize("model", EVERY)

NO_MODEL = (
    "is no model; expected a class of lstmstrat.Model with fit(), a lstmstrat.TorchModel whose network() returns "
    "the layers, or a scikit-learn regressor"
)


# ---- names -----------------------------------------------------------------------------------------------------


def test_the_cheapest_comes_first() -> None:
    """The ladder climbs in this order."""
    assert list(MODELS.items()) == [
        ("always_up", AlwaysUp),
        ("last_sign", LastSign),
        ("ridge", Ridge),
        ("boosting", Boosting),
        ("lstm", LSTM),
    ]
    assert list(MODELS) == list(names.MODELS)


@models
def test_a_name_finds_its_class(model: str) -> None:
    own = (Nearest, Drawn, Gru, SklearnModel, SklearnModel)
    assert model_class(model) is {**MODELS, **dict(zip(OWN, own, strict=True))}[model]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rigde", "did you mean 'ridge'?"),
        ("LSTM_", "known: always_up, boosting, last_sign, lstm, ridge"),
        ("lstms", "did you mean 'lstm'?"),
        ("gru", "known: always_up, boosting, last_sign, lstm, ridge"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        model_class(name)
    assert (
        str(refused.value) == f"model: {name!r} is not known; {hint} (a class of your own is written module:Class)"
    )


# ---- a user's own, in a module of the current directory --------------------------------------------------------

MINE = """
from dataclasses import dataclass
import numpy as np
from lstmstrat import FittedModel, Model

@dataclass(frozen=True)
class PastMean(Model):
    scaler: str
    clip: float
    more: float = 0.0

    def fit(self, training, seed, start=None, stop=None):
        inputs = training.scaled(self.scaler, self.clip).inputs
        return Constant(inputs, np.array([np.nan]), training.mean_label + self.more)

@dataclass(frozen=True, eq=False)
class Constant(FittedModel):
    value: float

    def predict(self, windows):
        return np.full(len(windows), self.value)

class Unfinished(Model):
    pass

number = 3
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with my_models.py, from which nothing is left imported."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_models.py").write_text(MINE)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_model_of_ones_own_forecasts(mine: Path) -> None:
    """The past average is also what each fold records, by another way."""
    walk = advanced(small(model="my_models:PastMean"), PRICES.times, PRICES.bars)
    assert len(walk.folds) > 5
    means = np.array([np.nan, *(fold.record.mean for fold in walk.folds)])
    assert np.array_equal(walk.forecasts.forecast, means[walk.forecasts.fold], equal_nan=True)
    assert walk.model.of(walk.config) == walk.model
    assert not any(path == str(mine) for path in sys.path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_models:PastMaen", "'my_models:PastMaen': my_models has no PastMaen; did you mean 'PastMean'?"),
        ("my_models:Nothing", "'my_models:Nothing': my_models has no Nothing; known: PastMean"),
        (
            "my_models:Unfinished",
            f"'my_models:Unfinished' {NO_MODEL}",
        ),
        (
            "my_models:Constant",
            f"'my_models:Constant' {NO_MODEL}",
        ),
        (
            "my_models:number",
            f"'my_models:number' {NO_MODEL}",
        ),
        (
            "my_models:Model",
            f"'my_models:Model' {NO_MODEL}",
        ),
        ("my_model:PastMean", "there is no module my_model; did you mean 'my_models'?"),
        ("my_models:", "'my_models:' is not module:Class; expected such as my_models:Mine"),
        (":PastMean", "':PastMean' is not module:Class; expected such as my_models:Mine"),
    ],
)
def test_what_is_no_model_is_refused(mine: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        model_of(small(model=name))
    assert str(refused.value) == f"model: {said}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import numpy\nnumber = 1 / 0\n", "ZeroDivisionError: division by zero ({file}, line 2)"),
        ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library' ({file}, line 1)"),
        ("def fit(:\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_cannot_be_imported_is_said_with_its_line(mine: Path, source: str, said: str) -> None:
    file = mine / "broken_models.py"
    file.write_text(source)
    with pytest.raises(ConfigError) as refused:
        model_of(small(model="broken_models:Mine"))
    assert str(refused.value).startswith("model: broken_models cannot be imported: ")
    assert said.format(file=file) in str(refused.value)
    assert refused.value.__cause__ is not None


# ---- settings --------------------------------------------------------------------------------------------------

OTHER: dict[str, Any] = {  # another value for each setting
    "horizon": 3,
    "target": "close",
    "features": ("range", "return_1"),
    "peer_features": ("range",),
    "train_size": 150,
    "refit_every": "month",
    "refit_when": "mine:condition",
    "mode": "expanding",
    "max_train_size": 100,
    "up_threshold": 0.01,
    "quantiles": (0.1, 0.9),
    "seed": 7,
    "lookback": 7,
    "scaler": "standard",
    "clip": 4.0,
    "hidden_size": 5,
    "layers": 2,
    "dropout": 0.2,
    "epochs": 2,
    "loss": "huber",
    "batch_size": 65,
    "loss_steps": 4,
    "backprop_steps": 5,
    "learning_rate": 0.01,
    "weight_decay": 0.5,
    "gradient_clip": 0.9,
    "val_size": 0.2,
    "calibration": "learned",
    "patience": 6,
}
CHOICES = {"model", "model_params", "members", "warm_start", "device"}  # which, how often, from where, on what
OF_A_UNIVERSE = {"pool", "relation", "least_assets"}  # what the training set is made of


def settings_of(model: str) -> set[str]:
    return {field.name for field in dataclasses.fields(model_class(model))} & ForecastConfig.model_fields.keys()


def test_every_setting_has_another_value() -> None:
    assert OTHER.keys() | CHOICES | OF_A_UNIVERSE == ForecastConfig.model_fields.keys()
    assert not [name for name, value in OTHER.items() if value == getattr(small(), name)]


@models
def test_a_model_takes_its_fields_from_the_config(model: str) -> None:
    config = small(**{**OTHER, "model": model})
    made = model_of(config)
    assert type(made) is model_class(model)
    for name in settings_of(model) - {"device"}:
        assert getattr(made, name) == OTHER[name], name


@models
def test_a_field_that_is_no_setting_has_its_default(model: str) -> None:
    """And the two of a regressor of scikit-learn say which one it is."""
    made = model_of(small(model=model))
    defaults = {field.name: field.default for field in dataclasses.fields(made)}
    if isinstance(made, SklearnModel):
        defaults |= {"maker": model, "parameters": Parameters()}
    for name in defaults.keys() - ForecastConfig.model_fields.keys():
        assert getattr(made, name) == defaults[name]


@models
def test_a_model_cannot_see_a_setting_that_is_not_a_field(model: str) -> None:
    """`fit` is handed the training set, the seed, the start and the sign to stop, and none knows the config."""
    config = small(model=model)
    unseen = {name: value for name, value in OTHER.items() if name not in settings_of(model)}
    assert len(unseen) > 5
    made, other = model_of(config), model_of(config.model_copy(update=unseen))
    assert made == other
    assert made.identity == other.identity
    assert said(fitted(made)) == said(fitted(other))
    for name in settings_of(model) - {"device"}:
        assert model_of(config.model_copy(update={name: OTHER[name]})).identity != made.identity, name


@models
def test_a_start_that_a_model_does_not_have_is_refused(model: str) -> None:
    asked = small(model=model, members=2, warm_start=True)
    if model_class(model).warm_start:
        model_of(asked)
        return
    with pytest.raises(ConfigError) as refused:
        model_of(asked)
    assert str(refused.value) == (
        f"warm_start: true given with model: {model}, which has no weights to begin with; "
        "expected false; set warm_start: false, or model: lstm"
    )


@models
def test_a_model_without_a_seed_has_one_member_and_a_plain_rule_is_not_weighed(model: str) -> None:
    asked, cls = small(model=model, members=3, calibration="learned"), model_class(model)
    expected = {"members": 3 if cls.ensemble else 1, "calibration": "learned" if cls.calibrated else "none"}
    assert settled(asked) == asked.model_copy(update=expected)
    walk = advanced(asked, PRICES.times, PRICES.bars)
    assert {len(fold.members) for fold in walk.folds} == {expected["members"]}
    assert walk.forecasts.config == asked


@models
def test_a_model_cannot_be_changed(model: str) -> None:
    made = model_of(small(model=model))
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.clip = 1.0  # type: ignore[attr-defined]


@models
def test_models_with_the_same_settings_are_one_and_others_are_not(model: str) -> None:
    made, again = (model_of(small(model=model)) for _ in range(2))
    assert made == again
    assert made.identity == again.identity
    others = {model_of(small(model=other)).identity for other in EVERY if other != model}
    assert made.identity not in others
    assert len(others) == len(EVERY) - 1


def defined(far: float, log: object = None) -> Model:
    @dataclasses.dataclass(frozen=True)
    class Mine(Nearest):
        def fit(self, *task: Any, **options: Any) -> FittedModel | None:
            return None if far > 1.0 or log else super().fit(*task, **options)

    return Mine.of(small())


def test_a_class_with_the_same_code_is_the_same_model_and_with_other_code_another() -> None:
    """As in a notebook whose cell is run again, or in a module that is loaded again."""
    assert defined(0.0).identity == defined(0.0).identity
    assert defined(0.0).identity != defined(1e-9).identity


def test_a_model_whose_code_has_no_identity_is_never_found_again() -> None:
    """Else a fit of other code might be taken for its own; so nothing of it is stored either."""
    with open(os.devnull) as file:
        first, second = defined(0.0, file), defined(0.0, file)
    assert first.identity != second.identity
    assert dataclasses.replace(first, neighbours=4).identity != first.identity == first.identity

    @dataclasses.dataclass(frozen=True)
    class Stored(Drawn):
        held: ClassVar[object] = file

    assert (Stored.of(small()).kept, Drawn.of(small()).kept, Nearest.of(small()).kept) == (False, True, False)


def test_every_field_of_a_model_has_a_value_that_its_key_shows_whole() -> None:
    @dataclasses.dataclass(frozen=True)
    class Unset(Nearest):
        extra: int = dataclasses.field(kw_only=True)

    @dataclasses.dataclass(frozen=True)
    class Large(Nearest):
        table: Any = dataclasses.field(default_factory=lambda: np.zeros(5000))

    @dataclasses.dataclass(frozen=True)
    class Hidden(Nearest):
        secret: float = dataclasses.field(default=1.5, repr=False)

    with pytest.raises(ConfigError, match=r"the field extra of .*Unset is no setting of the config"):
        Unset.of(small())
    with pytest.raises(ConfigError, match=r"the field table of .*Large is a ndarray; expected a number"):
        Large.of(small())
    assert "('secret', 1.5)" in Hidden.of(small()).identity


KEPT = """
import sys
sys.path.insert(0, "tests")
from dataclasses import dataclass
from typing import ClassVar
from helpers.market import small
from helpers.own_model import Drawn
from lstmstrat.forecasting.models.constant import Constant
from lstmstrat.forecasting.models.lstm.model import LSTM, FittedLSTM

@dataclass(frozen=True)
class Own(Drawn):
    weight: ClassVar[float] = float(sys.argv[1])

@dataclass(frozen=True)
class Network(LSTM):
    weight: ClassVar[float] = float(sys.argv[1])

for cls in (Own, Network, Drawn, LSTM):
    print(cls.of(small()).identity)
"""


def test_a_stored_model_is_found_by_another_process_if_its_code_is_the_same_and_not_else() -> None:
    """No version that somebody has to change by hand says so."""
    runs = [
        subprocess.Popen([sys.executable, "-c", KEPT, weight], stdout=subprocess.PIPE, text=True)
        for weight in ("1.0", "1.0", "1.5")
    ]
    first, second, other = (run.communicate()[0].splitlines() for run in runs)
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len(set(first)) == 4
    assert first == second
    assert [a == b for a, b in zip(first, other, strict=True)] == [False, False, True, True]


# ---- in place of another ---------------------------------------------------------------------------------------

RICH = small(members=5, warm_start=True, layers=2, dropout=0.2, refit_when="mine:condition", seed=3)


@pytest.mark.parametrize("model", ["always_up", "ridge", "boosting", "helpers.own_model:Nearest"])
def test_instead_leaves_out_what_the_model_does_not_have(model: str) -> None:
    found = model_class(model).instead(model, RICH)
    assert found == RICH.model_copy(update={"model": model, "members": 1, "warm_start": False})
    assert type(model_of(found)) is model_class(model)


@pytest.mark.parametrize("model", ["lstm", "helpers.own_model:Drawn"])
def test_instead_keeps_what_the_model_has(model: str) -> None:
    assert model_class(model).instead(model, RICH) == RICH.model_copy(update={"model": model})
    plain = small(model="ridge")
    assert model_class(model).instead(model, plain) == plain.model_copy(update={"model": model})


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (("return_1", "range"), ("range", "return_1")),
        (("range", "return_1"), ("range", "return_1")),
        (("range", "return_5"), ("range", "return_5", "return_1")),
        (("return_1",), ("return_1",)),
    ],
)
def test_the_last_sign_is_that_of_the_last_return_in_place_of_another_model(
    features: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    config = RICH.model_copy(update={"features": features})
    changes = {"model": "last_sign", "members": 1, "warm_start": False, "features": expected}
    assert LastSign.instead("last_sign", config) == config.model_copy(update=changes)


@models
def test_instead_gives_a_config_that_is_sound(model: str) -> None:
    found = model_class(model).instead(model, RICH)
    assert ForecastConfig.model_validate(found.model_dump()) == found


# ---- what every model promises ---------------------------------------------------------------------------------


@cache
def training() -> TrainingSet:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((140, 4))
    rows[70, 2] = np.nan
    labels = 0.01 * (rows[:, 0] + np.nan_to_num(rows[:, 2]) + rng.standard_normal(140))
    return TrainingSet(rows, labels, 5, 2)


def shown() -> np.ndarray:
    return windows(np.random.default_rng(1).standard_normal((64, 4)), 5)  # (60, 5, 4)


def fitted(model: Model, seed: int = 11, start: FittedModel | None = None) -> FittedModel:
    found = model.fit(training(), seed, start)
    assert found is not None
    return found


def said(model: FittedModel) -> bytes:
    return model.predict(shown()).tobytes()


@models
def test_a_model_survives_a_pickle(model: str) -> None:
    made = model_of(small(model=model))
    back = pickle.loads(pickle.dumps(made))
    assert type(back) is type(made)
    assert back == made
    assert back.identity == made.identity
    assert said(fitted(back)) == said(fitted(made))


@models
def test_a_fitted_model_survives_a_pickle_and_forecasts_the_same_bits(model: str) -> None:
    made = fitted(model_of(small(**alive(model))))
    before = pickle.dumps(made)
    there = said(made)
    for payload in (before, pickle.dumps(made)):  # what `predict` has worked out by the way may travel too
        back = pickle.loads(payload)
        assert said(back) == there
        assert back.losses.tobytes() == made.losses.tobytes()
        assert back.inputs.scale.tobytes() == made.inputs.scale.tobytes()
    assert len(set(np.frombuffer(there))) > (1 if model != "always_up" else 0)


@models
def test_a_task_survives_a_pickle_with_its_key(model: str) -> None:
    made = model_of(small(**alive(model)))
    start = fitted(made, 3) if made.warm_start else None
    task = FitTask(training(), 11, start)
    back = pickle.loads(pickle.dumps(task))
    assert back.key(made) == task.key(made)
    assert said(fitted(made, back.seed, back.start)) == said(fitted(made, 11, start))


@models
def test_a_forecast_changes_nothing_and_depends_on_its_own_window_alone(model: str) -> None:
    made, seen = fitted(model_of(small(**alive(model)))), shown()
    kept = seen.copy()
    whole = made.predict(seen)
    assert whole.shape == (60,)
    assert whole.dtype == np.float64
    assert np.array_equal(seen, kept)
    assert said(made) == whole.tobytes()
    for first, last in ((0, 1), (7, 8), (30, 60), (11, 37), (59, 60)):
        assert made.predict(seen[first:last]).tobytes() == whole[first:last].tobytes()


# The LSTM is only asked with `loss_steps` samples or more.
@pytest.mark.parametrize("model", [m for m in EVERY if m != "lstm"])
def test_without_a_sample_there_is_no_fit(model: str) -> None:
    rows = training().rows.copy()
    rows[::4] = np.nan  # no five complete rows
    for nothing in (
        TrainingSet(training().rows, np.full(140, np.nan), 5, 2),
        TrainingSet(rows, training().labels, 5, 2),
    ):
        assert nothing.samples == 0
        assert model_of(small(**alive(model))).fit(nothing, 11) is None


@models
def test_a_stored_model_comes_back_from_its_bytes_and_another_has_none(model: str) -> None:
    made = model_of(small(**alive(model)))
    found = fitted(made)
    if model == "ridge":  # the trainer does not store it, but fitting.py does, as the linear part of a fold
        assert not made.stored
    elif not made.stored:
        with pytest.raises(ConfigError, match=r"is stored, or other fits begin with it, so it needs to_bytes\(\)"):
            found.to_bytes()
        with pytest.raises(ConfigError, match=r"is stored, so it needs load\(\)"):
            made.load(b"")
        return
    back = made.load(found.to_bytes())
    assert said(back) == said(found)
    assert back.to_bytes() == found.to_bytes()
    assert back.digest == found.digest
    assert (found.digest != fitted(made, 12).digest) == made.stored  # ridge has no seed


@pytest.mark.parametrize("model", [m for m in EVERY if model_class(m).warm_start])
def test_a_warm_start_is_felt_and_has_a_key_of_its_own(model: str) -> None:
    made = model_of(small(**alive(model)))
    start = fitted(made, 3)
    assert said(fitted(made, 11, start)) != said(fitted(made, 11))
    tasks = [FitTask(training(), 11, s) for s in (None, start, fitted(made, 4))]
    assert len({task.key(made) for task in tasks}) == 3


# ---- on an executor of one's own -------------------------------------------------------------------------------


@models
def test_processes_give_the_same_bits_as_threads(model: str, cores: Cores) -> None:
    config = small(**alive(model))
    with Session(Store(None), jobs=2, executor=cores.pool) as elsewhere, Session(Store(None), jobs=2) as here:
        other = advanced(config, PRICES.times, PRICES.bars, session=elsewhere)
        walk = advanced(config, PRICES.times, PRICES.bars, session=here)
    assert elsewhere.fitted == here.fitted == config.members * len(walk.folds) > 0
    assert np.array_equal(bits(other), bits(walk))
    assert [learned(fold) for fold in other.folds] == [learned(fold) for fold in walk.folds]
    assert [repr(fold.record) for fold in other.folds] == [repr(fold.record) for fold in walk.folds]


@pytest.mark.parametrize("model", [m for m in EVERY if model_class(m).warm_start])
def test_a_warm_start_goes_to_another_process_and_back(model: str, cores: Cores) -> None:
    config = small(**{**alive(model), "warm_start": True})
    with Session(Store(None), jobs=2, executor=cores.pool) as elsewhere:
        other = advanced(config, PRICES.times, PRICES.bars, session=elsewhere)
    assert np.array_equal(bits(other), bits(advanced(config, PRICES.times, PRICES.bars)))


def test_a_fit_that_fails_in_another_process_is_counted(cores: Cores) -> None:
    nothing = TrainingSet(training().rows, np.full(140, np.nan), 5, 2)
    with Session(Store(None), jobs=2, executor=cores.pool) as session:
        made = model_of(small(model="ridge"))
        tasks = [FitTask(nothing, 0), FitTask(training(), 0)]
        failed, sound = trainer.fit(session, made, tasks)
        assert failed is None
        assert sound is not None
        assert (session.fitted, session.failed) == (1, 1)


def usable(executor: Executor) -> bool:
    return executor.submit(abs, -3).result(timeout=30.0) == 3


class Half(FittedLSTM):
    """Says half of what the network says."""

    def predict(self, windows: Floats) -> Floats:
        return 0.5 * super().predict(windows)


def test_what_a_members_own_predict_says_counts() -> None:
    """Members are asked at once only where their class has not changed what one of them says."""
    made = model_of(small(model="lstm", members=2))
    plain = [fitted(made, seed) for seed in (1, 2)]
    halves = [Half(**{f.name: getattr(one, f.name) for f in dataclasses.fields(one)}) for one in plain]
    windows = training().windows()[0]
    said_by_plain = checked.forecasts(plain, windows)
    assert np.array_equal(checked.forecasts(halves, windows), 0.5 * said_by_plain)
    mixed = checked.forecasts([halves[0], plain[1]], windows)
    assert np.array_equal(mixed, said_by_plain * [[0.5], [1.0]])
    constant = Constant(plain[0].inputs, np.zeros(1), 7.0)
    assert (checked.forecasts([constant, plain[0]], windows)[0] == 7.0).all()


def test_nothing_is_begun_once_the_work_has_been_given_up() -> None:
    begun: list[int] = []

    @dataclasses.dataclass(frozen=True)
    class Slow(AlwaysUp):
        def fit(self, training: TrainingSet, seed: int, *_: Any) -> Any:
            begun.append(seed)
            return super().fit(training, seed)

    model, given_up = Slow("robust", 5.0), GivenUp()
    made = checked.fits(model, [FitTask(training(), seed) for seed in range(3)], given_up)
    next(made)
    given_up.set()
    with pytest.raises(CancelledError):
        next(made)
    with pytest.raises(CancelledError):
        next(checked.fits(model, [FitTask(training(), 3)], given_up))
    assert begun == [0]


def test_a_users_own_cancelled_error_is_not_taken_for_a_stop() -> None:
    @dataclasses.dataclass(frozen=True)
    class Cancelled(AlwaysUp):
        def fit(self, *_: Any) -> Any:
            raise CancelledError("a pool of the user's own")

    with Session(Store(None), jobs=1) as session, pytest.raises(CancelledError, match="of the user's own"):
        trainer.fit(session, Cancelled("robust", 5.0), [FitTask(training(), 0)])


def test_an_executor_of_ones_own_is_not_shut_down() -> None:
    with ThreadPoolExecutor(2) as pool:
        session = Session(Store(None), jobs=2, executor=pool)
        with session, session.active():
            advanced(small(), PRICES.times, PRICES.bars, session=session)
            assert usable(pool)
            with session.workers() as executor:
                assert executor is pool
        session.close()
        assert usable(pool)


def test_nor_is_one_of_processes(cores: Cores) -> None:
    with Session(Store(None), jobs=2, executor=cores.pool) as session:
        trainer.fit(session, model_of(small(model="always_up")), [FitTask(training(), 0)])
    assert usable(cores.pool)


def test_nor_is_it_when_the_work_is_left_early() -> None:
    def stop(done: int, total: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool, Session(Store(None), jobs=2, executor=pool, progress=stop) as session:
        with pytest.raises(KeyboardInterrupt):
            advanced(small(refit_every=1), PRICES.times, PRICES.bars, session=session)
        assert (
            2 <= session.fitted <= 5 * 4
        )  # those in work, two calls for each thread, are kept if they are done soon
        assert usable(pool)


def test_threads_of_its_own_end_with_the_block() -> None:
    with alone() as session, session.workers() as executor:
        assert usable(executor)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, -3)


def test_own_models_are_among_those_that_are_tested() -> None:
    assert set(OWN) <= set(EVERY)
    assert {model_class(m).stored for m in OWN} == {False, True}
    assert len(EVERY) == len(MODELS) + len(OWN)
