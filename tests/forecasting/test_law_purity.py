"""Law 3: a fitted model is a function of its training set, its settings and its seed, and of nothing else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from helpers.market import BARS, advanced, alone, bits, learned, market, small
from helpers.own_model import EVERY, FOREST, alive
from threadpoolctl import threadpool_limits

from lstmstrat import TrainingSet, WalkForward
from lstmstrat.forecasting.fitting import seed
from lstmstrat.forecasting.models import model_class, model_of
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.prices.bars import OPEN, VOLUME

PRICES, LONGER = market(), market(BARS + 80)
TIMES, SHORTER = PRICES.times[:160], PRICES.bars[:160]
models = pytest.mark.parametrize("model", EVERY)
LEARNING = [m for m in EVERY if m not in ("always_up", "last_sign")]  # the others know nothing of the inputs


def digests(walk: WalkForward) -> dict[str, list[bytes]]:
    """What was learned, by the date of the cutoff."""
    times = walk.forecasts.times
    return {str(times[f.fold.cutoff]): learned(f) for f in walk.folds}


@models
def test_law_3_purity_two_instances_are_equal(model: str) -> None:
    config = small(**{**alive(model), "members": 3 if model_class(model).ensemble else 1})
    first, second = (advanced(config, PRICES.times, PRICES.bars) for _ in range(2))
    assert np.array_equal(bits(first), bits(second))
    assert digests(first) == digests(second)


@models
def test_law_3_purity_a_later_start_finds_the_same_folds_by_content(model: str) -> None:
    """Refits follow the calendar, so only the first fold of the shorter history has a training set of its own."""
    config, session = small(**alive(model), refit_every="month"), alone()
    long = advanced(config, LONGER.times, LONGER.bars, session=session)
    fitted = session.fitted
    short = advanced(config, LONGER.times[37:], LONGER.bars[37:], session=session)
    assert len(short.folds) > 3
    assert session.fitted == fitted + config.members
    before, after = digests(long), digests(short)
    shared = before.keys() & after.keys()
    assert len(shared) == len(short.folds) - 1
    assert all(before[cutoff] == after[cutoff] for cutoff in shared)


@pytest.mark.parametrize("model", [m for m in EVERY if model_class(m).ensemble])
def test_law_3_purity_seed_cutoff_and_member_make_the_model(model: str) -> None:
    base = small(model=model, members=2, refit_every="never")
    walk = advanced(base, PRICES.times, PRICES.bars)
    other = advanced(base.model_copy(update={"seed": 1}), PRICES.times, PRICES.bars)
    moved = advanced(base, PRICES.times + np.timedelta64(7, "D"), PRICES.bars)
    found = [m for w in (walk, other, moved) for m in learned(w.folds[0])]
    assert len(set(found)) == 6
    seeds = {seed(r, c, m) for r in (1, 11) for c in ("2020-01-01", "2020-01-02") for m in (0, 1)}
    assert len(seeds) == 8


@pytest.mark.parametrize("model", [m for m in EVERY if not (model_class(m).ensemble or "Random" in m)])
def test_law_3_purity_a_model_without_chance_is_the_same_from_any_seed(model: str) -> None:
    """That is why it has one member: all would be equal."""
    base = small(**alive(model))
    walk = advanced(base, PRICES.times, PRICES.bars)
    other = advanced(base.model_copy(update={"seed": 1}), PRICES.times, PRICES.bars)
    moved = advanced(base, PRICES.times + np.timedelta64(7, "D"), PRICES.bars)
    assert list(digests(walk).values()) == list(digests(other).values()) == list(digests(moved).values())


def alone_on_two(model: str) -> dict[str, Any]:
    """One member, fitted once, on two features, at bar 143 of 160; enough trees that every sample is in some."""
    once = {"members": 1, "refit_every": "never", "features": ("return_1", "volume_change")}
    trees = {"model_params": {"n_estimators": 20}} if model == FOREST else {}
    return {**alive(model), **once, **trees}


@pytest.mark.parametrize("model", LEARNING)
def test_law_3_purity_bars_outside_the_training_set_do_not_touch_the_model(model: str) -> None:
    """Volume has no memory beyond one bar here, so the edges of the training set are known exactly."""
    config = small(**alone_on_two(model))
    walk = advanced(config, TIMES, SHORTER)
    fold, untouched = walk.folds[0].fold, learned(walk.folds[0])

    def with_other_volume(bar: int | slice) -> list[bytes]:
        bars = SHORTER.copy()
        bars[bar, VOLUME] *= 10.0
        return learned(advanced(config, TIMES, bars).folds[0])

    for bar in (fold.cutoff + 1, fold.fitted_at, fold.fitted_at + 1, len(SHORTER) - 1):
        assert with_other_volume(bar) == untouched
    inside: tuple[int | slice, ...] = (fold.first, fold.cutoff - 30, fold.cutoff)
    if model == "boosting":  # trees see in which order values come, and one bar may keep its place
        inside = (slice(fold.first, fold.cutoff - 60, 2), slice(fold.cutoff - 60, fold.cutoff + 1, 2))
    for bar in inside:
        assert with_other_volume(bar) != untouched


@models
def test_law_3_purity_opens_outside_the_labels_do_not_touch_the_model(model: str) -> None:
    """No feature here reads an open, and the label of bar t the opens of t + 1 and t + 2.

    With lookback 5 the first sample is the fifth bar of the training set. The labels of those before it, which
    begin with the open after the first bar, are no samples, but the scale of the labels is that of all.
    """
    config = small(**alone_on_two(model))
    walk = advanced(config, TIMES, SHORTER)
    fold, untouched = walk.folds[0].fold, learned(walk.folds[0])

    def with_another_open(bar: int) -> list[bytes]:
        bars = SHORTER.copy()
        bars[bar, OPEN] *= 1.01
        return learned(advanced(config, TIMES, bars).folds[0])

    for bar in (fold.first - 1, fold.first, fold.fitted_at, fold.fitted_at + 1, len(SHORTER) - 1):
        assert with_another_open(bar) == untouched
    for bar in (fold.first + 5, fold.cutoff - 30, fold.cutoff + 1, fold.fitted_at - 1):
        assert with_another_open(bar) != untouched


@models
def test_law_3_purity_what_else_is_fitted_does_not_touch_the_model(model: str) -> None:
    """Neither the tasks of the same call, nor their order, nor what the object has fitted before."""
    made = model_of(small(**alive(model)))
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((140, 4))
    tasks = [FitTask(TrainingSet(rows, rng.standard_normal(140), 5, 2), seed) for seed in (3, 2**64 - 1, 5)]
    windows = rng.standard_normal((50, 5, 4))

    def said(*order: int) -> dict[int, bytes]:
        fits = made.fit_all([tasks[k] for k in order])
        return {k: fit.predict(windows).tobytes() for k, fit in zip(order, fits, strict=True) if fit is not None}

    together = said(0, 1, 2)
    assert len(set(together.values())) == 3
    assert said(2, 1, 0) == together
    assert {k: said(k)[k] for k in range(3)} == together


def seen_globally() -> tuple[object, ...]:
    generators = np.random.get_state()[1].tobytes(), random.getstate(), torch.get_rng_state().tolist()  # noqa: NPY002
    return *generators, np.geterr(), torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()


@models
def test_law_3_purity_nothing_global_is_changed_or_read(model: str) -> None:
    network = {"layers": 2, "dropout": 0.2} if model == "lstm" else {}
    config = small(**alive(model), **network)
    before = seen_globally()
    first = bits(advanced(config, PRICES.times, PRICES.bars))
    assert seen_globally() == before
    assert torch.is_grad_enabled()
    kept = np.random.get_state(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    try:
        torch.manual_seed(123)
        np.random.seed(123)  # noqa: NPY002
        random.seed(123)
        assert np.array_equal(first, bits(advanced(config, PRICES.times, PRICES.bars)))
    finally:
        np.random.set_state(kept[0])  # noqa: NPY002
        random.setstate(kept[1])
        torch.set_rng_state(kept[2])


@models
@pytest.mark.parametrize("threads", [1, 2])
def test_law_3_purity_the_number_of_threads_of_the_host_does_not_matter(model: str, threads: int) -> None:
    kept, config = torch.get_num_threads(), small(**alive(model))
    reference = bits(advanced(config, PRICES.times, PRICES.bars))
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            assert np.array_equal(bits(advanced(config, PRICES.times, PRICES.bars)), reference)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(kept)
