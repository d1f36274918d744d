"""The default forecast on planted signals and on nothing: the small version of benchmarks/skill.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.market import alone

from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.walk_forward import WalkForward

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = ("skill", "contenders", "jobs", "verdicts", "judged", "simple_rules", "worlds", "grids")


class Worlds:
    """Planted worlds with the forecasts of the default config, but half the refits and half the networks."""

    def __init__(self, skill: Any):
        self.skill = skill
        self.aimed: tuple[str, ...] = skill.AIMED

    @cache  # noqa: B019 (as long as the tests of this file)
    def forecast(self, kind: str, strength: float, seed: int) -> tuple[Any, Forecasts]:
        asset = self.skill.planted(kind, strength, seed)
        config = self.skill.DEFAULT.model_copy(update={"refit_every": 126, "members": 5})
        walk = WalkForward(config, alone())
        walk.advance(asset.times, asset.bars)
        return asset, walk.forecasts

    def score(self, kind: str, strength: float, seed: int) -> Any:
        asset, made = self.forecast(kind, strength, seed)
        return self.skill.score(asset, self.skill.Said(made.forecast, made.quantiles[:, [0, -1]]))


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    """The modules of the benchmark import each other by their plain names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield Worlds(__import__("skill"))
        for name in NAMES:
            sys.modules.pop(name, None)


def test_it_finds_a_part_of_a_weak_signal(worlds: Worlds) -> None:
    """In percent of the variance, of which 2 are planted; -1.2 with 32 units, 8 epochs and no calibration."""
    assert np.mean([worlds.score(kind, 0.02, seed).r2 for kind in worlds.aimed for seed in range(2)]) > 0.6


def test_where_there_is_nothing_it_says_nothing(worlds: Worlds) -> None:
    assert np.mean([worlds.score("nothing", 0.02, seed).r2 for seed in range(3)]) > -0.3


def test_what_it_says_comes_on_average(worlds: Worlds) -> None:
    """The slope of what came on what was said, over all worlds together, is about 1."""
    scores = [worlds.score(kind, 0.02, seed) for kind in worlds.aimed for seed in range(2)]
    assert 0.6 < sum(s.products for s in scores) / sum(s.forecast_squares for s in scores) < 1.5


def test_ninety_percent_of_the_returns_are_where_it_says(worlds: Worlds) -> None:
    for kind, strength in (*((kind, 0.02) for kind in worlds.aimed), ("nothing", 0.02), ("AR(1)", 0.1)):
        assert 0.87 <= worlds.score(kind, strength, 0).held <= 0.93


def test_sixty_percent_are_sixty_percent(worlds: Worlds) -> None:
    """On a strong signal, of 10% of the variance: on few bars of others is so much said."""
    rose = []
    for kind in ("AR(1)", "threshold"):
        asset, made = worlds.forecast(kind, 0.1, 0)
        near = (np.abs(made.up - 0.6) < 0.03) & np.isfinite(asset.realised)
        rose.append(asset.realised[near] > 0.0)
    assert len(np.concatenate(rose)) > 400
    assert 0.55 < np.concatenate(rose).mean() < 0.65
