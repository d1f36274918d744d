"""How far a forecast trusts its parts: by the forecasts before, and by nothing later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.market import advanced, bits, market, small
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from lstmstrat import Session, Store
from lstmstrat.arrays import Floats
from lstmstrat.forecasting.calibration import LEAST, PRIOR, WIDTH, Evidence
from lstmstrat.forecasting.models import baselines
from lstmstrat.forecasting.models.baselines import Ridge
from lstmstrat.forecasting.targets import labels

PRICES = market(400, seed=3)
LEARNED = small(calibration="learned", members=2)


def weights(parts: Floats, realised: Floats) -> Floats:
    """From the sums over two halves."""
    half = len(parts) // 2
    evidence = Evidence.of(parts[:half], realised[:half]) + Evidence.of(parts[half:], realised[half:])
    return evidence.weights(1)


def stacked(parts: Floats, realised: Floats) -> Floats:
    """The same by scipy: least squares within bounds, with two rows more for the prior."""
    deviation = realised.std()
    rows = np.vstack([parts / deviation, np.eye(parts.shape[1]) / WIDTH])
    target = np.concatenate([realised / deviation, np.full(parts.shape[1], PRIOR / WIDTH)])
    found: Floats = lsq_linear(rows, target, (0.0, np.inf), tol=1e-14).x
    return found


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([20, 60, 1000]), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_weights_are_those_of_least_squares_within_bounds(seed: int, n: int, first: float, second: float) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((n, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    realised = parts @ [first, second] + rng.standard_normal(n)
    np.testing.assert_allclose(weights(parts, realised), stacked(parts, realised), atol=1e-6)


def test_one_part_by_hand() -> None:
    """With the variance 1 of the labels: (sum xy + prior / width^2) / (sum xx + 1 / width^2)."""
    x = np.tile([1.0, -1.0], 50)
    y = np.tile([1.0, -1.0, -1.0, 1.0, 1.0], 20)
    y /= y.std()
    expected = (x @ y + PRIOR / WIDTH**2) / (100.0 + 1.0 / WIDTH**2)
    assert weights(x[:, None], y) == pytest.approx([expected])
    assert 0.0 < expected < PRIOR


def test_before_there_is_a_history_the_weights_are_those_of_the_prior() -> None:
    rng = np.random.default_rng(0)
    parts, realised = rng.standard_normal((LEAST, 2)), rng.standard_normal(LEAST)
    parts[3, 1] = np.nan
    assert weights(parts, realised).tolist() == [PRIOR, PRIOR]
    assert weights(np.empty((0, 2)), np.empty(0)).tolist() == [PRIOR, PRIOR]
    assert weights(parts, np.zeros(LEAST)).tolist() == [PRIOR, PRIOR]


def test_a_forecast_is_the_mean_and_its_weighed_parts() -> None:
    """Worked again from the plain walk-forwards of the networks and of ridge."""
    walk = advanced(LEARNED, PRICES.times, PRICES.bars)
    network = advanced(small(members=2), PRICES.times, PRICES.bars).forecasts
    linear = advanced(small(model="ridge"), PRICES.times, PRICES.bars).forecasts
    made, known = walk.forecasts, labels(PRICES.bars, LEARNED)
    means = np.array([np.nan, *(record.mean for record in made.folds)])[made.fold]
    parts = np.column_stack([network.forecast - means, linear.forecast - means])
    for record, following in zip(made.folds, [*made.folds[1:], None], strict=True):
        t = record.fold.fitted_at
        # A label of bar s is complete at bar s + purge, which must lie before t.
        earlier = slice(0, t - LEARNED.purge)
        assert record.weights == pytest.approx(weights(parts[earlier], (known - means)[earlier]), rel=1e-12)
        used = slice(t, following.fold.fitted_at if following else None)
        np.testing.assert_allclose(made.forecast[used], record.mean + parts[used] @ record.weights, rtol=1e-12)
        np.testing.assert_array_equal(made.spread[used], network.spread[used])
        alone = weights(parts[earlier, 1:], (known - means)[earlier])
        np.testing.assert_allclose(made.linear[used], record.mean + parts[used, 1:] @ alone, rtol=1e-12)
    assert made.folds[0].weights == (PRIOR, PRIOR)
    assert len({record.weights for record in made.folds}) > 5


def test_a_weight_is_learned_from_labels_that_were_complete() -> None:
    last = advanced(LEARNED, PRICES.times, PRICES.bars).folds[-1].record
    for bar, moves in ((last.fold.fitted_at, False), (last.fold.fitted_at - 1, True)):
        changed = PRICES.bars.copy()
        changed[bar] *= 1.01
        other = advanced(LEARNED, PRICES.times, changed).folds[-1].record
        assert (other.weights != last.weights) == moves


@pytest.mark.parametrize("model", ["always_up", "last_sign"])
def test_a_plain_rule_is_not_weighed(model: str) -> None:
    plain, asked = (
        advanced(small(model=model, calibration=calibration), PRICES.times, PRICES.bars).forecasts.forecast
        for calibration in ("none", "learned")
    )
    np.testing.assert_array_equal(plain, asked)


def test_the_linear_parts_of_a_second_run_come_from_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are made in one transaction, and are no networks: neither run counts them."""
    prices, config = market(), small(calibration="learned")
    with Session(Store(tmp_path / "store")) as first:
        walk = advanced(config, prices.times, prices.bars, session=first)
        assert first.fitted == len(walk.folds)
    monkeypatch.setattr(Ridge, "learn", None)
    with Session(Store(tmp_path / "store")) as second:
        again = advanced(config, prices.times, prices.bars, session=second)
        assert (second.fitted, second.cached) == (0, len(walk.folds))
    assert np.array_equal(bits(again), bits(walk))
    assert all(fold.linear is not None for fold in again.folds)


def test_a_stored_linear_part_is_that_of_this_source_and_this_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = set()
    for change in ({}, {"source_hash": lambda _: "another"}):
        for name, value in change.items():
            monkeypatch.setattr(baselines, name, value)
        keys.add(Ridge("robust", 5.0).identity)
    monkeypatch.setattr(np, "__version__", "0.0")
    keys.add(Ridge("robust", 5.0).identity)
    assert len(keys) == 3
