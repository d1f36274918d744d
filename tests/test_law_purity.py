"""Law 3: a fold is a function of its training slice, the config, the cutoff and the seed, and of nothing else."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from walks import BARS, advanced, alone, bits, learned, market, small

from lstmstrat.features import VOLUME
from lstmstrat.forecast import WalkForward, seed

PRICES = market()


def digests(walk: WalkForward) -> dict[str, list[bytes]]:
    """What was learned, by the date of the cutoff."""
    times = walk.forecasts.times
    return {str(times[f.fold.cutoff]): [m.digest for m in f.members] for f in walk.folds}


def test_law_3_purity_two_instances_are_equal() -> None:
    config = small(members=3)
    first, second = (advanced(config, PRICES.times, PRICES.bars) for _ in range(2))
    assert np.array_equal(bits(first), bits(second))


def test_law_3_purity_a_later_start_finds_the_same_folds_by_content() -> None:
    """Refits follow the calendar, so only the first fold of the shorter history has a slice of its own."""
    config, trainer = small(refit_every="month", members=3), alone()
    long = advanced(config, PRICES.times, PRICES.bars, trainer=trainer)
    trained = trainer.fitted
    short = advanced(config, PRICES.times[37:], PRICES.bars[37:], trainer=trainer)
    assert len(short.folds) > 3
    assert trainer.fitted == trained + config.members
    shared = {cutoff: made for cutoff, made in digests(short).items() if cutoff in digests(long)}
    assert len(shared) == len(short.folds) - 1
    assert all(digests(long)[cutoff] == made for cutoff, made in shared.items())


def test_law_3_purity_seed_cutoff_and_member_make_the_network() -> None:
    base = small(members=2, refit_every="never")
    walk = advanced(base, PRICES.times, PRICES.bars)
    other = advanced(base.model_copy(update={"seed": 1}), PRICES.times, PRICES.bars)
    moved = advanced(base, PRICES.times + np.timedelta64(7, "D"), PRICES.bars)
    found = [m.digest for w in (walk, other, moved) for m in w.folds[0].members]
    assert len(set(found)) == 6
    seeds = {seed(r, c, m) for r in (1, 11) for c in ("2020-01-01", "2020-01-02") for m in (0, 1)}
    assert len(seeds) == 8


@pytest.mark.parametrize("model", ["lstm", "ridge"])
def test_law_3_purity_bars_outside_the_slice_do_not_touch_the_network(model: str) -> None:
    """Volume has no memory beyond one bar here, so the edges of the slice are known exactly."""
    config = small(model=model, refit_every="never", train_size=140, features=("return_1", "volume_change"))
    fold = advanced(config, PRICES.times, PRICES.bars).folds[0].fold

    def with_other_volume(bar: int) -> list[bytes]:
        bars = PRICES.bars
        bars[bar, VOLUME] *= 10.0
        return learned(advanced(config, PRICES.times, bars).folds[0])

    untouched = learned(advanced(config, PRICES.times, PRICES.bars).folds[0])
    for bar in (fold.cutoff + 1, fold.fitted_at, fold.fitted_at + 1, BARS - 1):
        assert with_other_volume(bar) == untouched
    for bar in (fold.first, fold.cutoff - 30, fold.cutoff):
        assert with_other_volume(bar) != untouched


def test_law_3_purity_nothing_global_is_changed_or_read() -> None:
    before = (np.random.get_state()[1].tobytes(), random.getstate(), torch.get_rng_state().tolist())  # noqa: NPY002
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    config = small(members=2, layers=2, dropout=0.2)
    first = bits(advanced(config, PRICES.times, PRICES.bars))
    after = (np.random.get_state()[1].tobytes(), random.getstate(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert before == after
    assert (threads, dtype) == (torch.get_num_threads(), torch.get_default_dtype())
    assert torch.is_grad_enabled()
    torch.manual_seed(123)
    assert np.array_equal(first, bits(advanced(config, PRICES.times, PRICES.bars)))


@pytest.mark.parametrize("threads", [1, 2])
def test_law_3_purity_the_number_of_threads_of_the_host_does_not_matter(threads: int) -> None:
    kept = torch.get_num_threads()
    reference = bits(advanced(small(), PRICES.times, PRICES.bars))
    torch.set_num_threads(threads)
    try:
        assert np.array_equal(bits(advanced(small(), PRICES.times, PRICES.bars)), reference)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(kept)
