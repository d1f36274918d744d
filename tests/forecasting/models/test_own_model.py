"""A user's model that misbehaves: a sentence, NaN with a counted reason, and never a wrong number."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from helpers.market import advanced, alone, bits, market, small

from lstmstrat import ConfigError, FittedModel, Model, TrainingSet
from lstmstrat.forecasting.forecasts import NO_NUMBER, TRAINING_FAILED

PRICES = market()
FIRST = 64  # warm-up, train_size and purge of `small`


@dataclass(frozen=True, eq=False)
class Says(FittedModel):
    what: Any

    def predict(self, windows: np.ndarray) -> Any:
        return self.what(windows)


@dataclass(frozen=True)
class Toy(Model):
    scaler: str
    clip: float
    does: ClassVar[Any] = staticmethod(lambda training: None)
    says: ClassVar[Any] = staticmethod(lambda windows: np.zeros(len(windows)))

    def fit(self, training: TrainingSet, seed: int, start: Any = None, stop: Any = None) -> Any:
        given = type(self).does(training)
        unit = training.scaled(self.scaler, self.clip).inputs
        return given or Says(unit, np.array([np.nan]), type(self).says)


def walk(monkeypatch: pytest.MonkeyPatch, **members: Any) -> Any:
    for name, value in members.items():
        monkeypatch.setattr(Toy, name, staticmethod(value))
    return advanced(small(model="test_own_model:Toy"), PRICES.times, PRICES.bars)


def broken(*_: Any) -> Any:
    raise ZeroDivisionError("by my own fault")


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"does": broken}, r"model: Toy.fit failed: ZeroDivisionError: by my own fault \(.*, line \d+\)"),
        ({"does": lambda t: "fitted"}, "model: Toy.fit gave a str; expected a FittedModel, or None"),
        ({"says": broken}, r"model: Says.predict failed on \d+ windows: ZeroDivisionError: by my own fault"),
        ({"says": lambda w: 0.0}, r"model: Says.predict gave shape \(\) for \d+ windows; expected \(\d+,\)"),
        ({"says": lambda w: np.zeros((len(w), 1))}, r"gave shape \(\d+, 1\) for \d+ windows"),
        (
            {"says": lambda w: ["up"] * len(w)},
            "Says.predict gave values of type <U2; expected real numbers",
        ),
        ({"says": lambda w: np.zeros(len(w), complex)}, "gave values of type complex128; expected real numbers"),
        (
            {"does": lambda t: Says(None, np.array([1.0]), None)},
            r"gave inputs of type NoneType; expected training.s",
        ),
        (
            {"does": lambda t: Says(t.scaled("robust", 5.0).inputs, 0.5, None)},
            "gave losses 0.5; expected an array",
        ),
        ({"does": lambda t: t.scaled("robust", 5.0).x.fill(0.0)}, "model: Toy.fit failed: .* read-only"),
        ({"says": lambda w: w.fill(0.0)}, "model: Says.predict failed on .* read-only"),
        ({"does": lambda t: t.rows.fill(0.0)}, "model: Toy.fit failed: .* read-only"),
        ({"does": lambda t: t.labels.fill(0.0)}, "model: Toy.fit failed: .* read-only"),
    ],
)
def test_a_mistake_is_a_sentence(members: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=sentence):
        walk(monkeypatch, **members)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_forecast_that_is_no_number_is_nan_and_counted(
    wrong: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At windows that end with a rise; law 4."""
    rises = lambda w: np.where(w[:, -1, 0] > 0.0, wrong, 0.001)  # noqa: E731
    done = walk(monkeypatch, says=rises)
    missing = np.isnan(done.forecasts.forecast[FIRST:])
    assert 0 < missing.sum() < len(missing)
    assert done.missing[NO_NUMBER] == missing.sum()
    assert (done.forecasts.forecast[FIRST:][~missing] == 0.001).all()
    assert np.isnan(bits(done).view(float)[FIRST:][missing]).all()
    assert [record.message for record in caplog.records if NO_NUMBER in record.message]


def test_integers_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    done = walk(monkeypatch, says=lambda w: np.zeros(len(w), dtype=int))
    assert (done.forecasts.forecast[FIRST:] == 0.0).all()


def test_a_fit_that_gives_nothing_is_a_failed_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "fit", lambda *_, **__: None)
    done = advanced(small(model="test_own_model:Toy"), PRICES.times, PRICES.bars)
    assert {fold.record.reason for fold in done.folds} == {TRAINING_FAILED}
    assert done.missing[TRAINING_FAILED] == len(PRICES.times) - FIRST
    assert np.isnan(done.forecasts.forecast).all()


def test_an_open_class_cannot_be_a_model() -> None:
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):

        @dataclasses.dataclass
        class Open(Model):
            pass


def test_what_a_model_breaks_stays_with_it() -> None:
    """A failure leaves the session as it was: the next walk-forward in it runs."""
    session = alone()
    with pytest.raises(ConfigError):
        advanced(small(model="test_own_model:Nothing"), PRICES.times, PRICES.bars, session=session)
    assert advanced(small(model="ridge"), PRICES.times, PRICES.bars, session=session).folds


class Undecorated(Toy):
    lookback: int = 60


@dataclass(frozen=True)
class Stored(Toy):
    stored: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Undecorated", r"the fields of Undecorated would have no value of the config; write @dataclass"),
        ("Stored", r"Says is stored, or other fits begin with it, so it needs to_bytes"),
    ],
)
def test_a_class_that_is_not_whole_is_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        advanced(small(model=f"test_own_model:{name}", lookback=7), PRICES.times, PRICES.bars)


def test_an_error_of_a_built_in_model_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstmstrat.forecasting.models.baselines.Ridge.learn", broken)
    with pytest.raises(ZeroDivisionError):
        advanced(small(model="ridge"), PRICES.times, PRICES.bars)
