"""Null worlds of a universe keep the market and the size of everything, and no score orders what comes in them."""

from __future__ import annotations

import numpy as np
import pytest

from lstmstrat import ForecastConfig, Session, Store
from lstmstrat.evaluation.ranks import estimate, rank_ic
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.forecasting.targets import labels
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME
from lstmstrat.prices.null_panel import null_panel
from lstmstrat.prices.panel import Panel
from lstmstrat.prices.universe import listed

SESSIONS, ASSETS = 700, 12


def reversing() -> Panel:
    """Stocks that give back three tenths of what they had beyond the market the day before; some have holes."""
    rng = np.random.default_rng(0)
    own = rng.normal(0.0, 0.01, (SESSIONS, ASSETS))
    for t in range(1, SESSIONS):
        own[t] -= 0.3 * own[t - 1]
    close = 50.0 * np.exp(np.cumsum(own + rng.normal(0.0, 0.01, (SESSIONS, 1)), axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.0005, close.shape))
    bars = np.stack(
        [opened, np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998, close, close * 1e4], axis=2
    )
    bars[200:203, 3] = np.nan  # no bar
    bars[300:360, 4, :VOLUME] = np.nan  # in quarantine
    symbols = [f"A{n:02d}" for n in range(ASSETS)]
    return Panel(listed(symbols), "made", np.datetime64("2020-01-01") + np.arange(SESSIONS), bars)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return reversing()


def test_bars_of_a_world_can_be_and_are_where_the_real_ones_are(panel: Panel) -> None:
    world = null_panel(panel, 1)
    bars = world.bars
    assert np.array_equal(np.isfinite(bars), np.isfinite(panel.bars))
    assert np.array_equal(world.members, panel.members)
    assert np.array_equal(bars[:, :, VOLUME], panel.bars[:, :, VOLUME], equal_nan=True)
    known = np.isfinite(bars[:, :, CLOSE])
    assert (bars[known][:, HIGH] >= bars[known][:, [OPEN, LOW, CLOSE]].max(axis=1)).all()
    assert (bars[known][:, LOW] <= bars[known][:, [OPEN, HIGH, CLOSE]].min(axis=1)).all()
    assert not np.array_equal(null_panel(panel, 2).bars, bars, equal_nan=True)
    assert np.array_equal(null_panel(panel, 1).bars, bars, equal_nan=True)


def test_each_bar_is_as_far_from_the_mean_of_its_session_as_it_was(panel: Panel) -> None:
    real, world = (np.diff(np.log(one.bars[:150, :, CLOSE]), axis=0) for one in (panel, null_panel(panel, 3)))
    mean = real.mean(axis=1, keepdims=True)
    assert np.allclose(abs(real - mean), abs(world - mean))
    turned = np.sign(real - mean) != np.sign(world - mean)
    assert 0.45 < turned.mean() < 0.55


def test_a_signal_of_the_real_panel_is_gone_in_its_worlds(panel: Panel) -> None:
    """What ridge finds by the return of the day before: t far above 10; in 8 worlds none above 3.5 either way."""
    config = ForecastConfig(
        model="ridge", pool="all", relation="rank", least_assets=5, train_size=250, features=("return_1",)
    )
    config = config.model_copy(update={"lookback": 1, "loss_steps": 1})

    def t(one: Panel) -> float:
        walk = PanelForward(config, one.symbols, session=Session(Store(None), 1))
        scores = walk.advance(one.times, one.bars, one.members)[:, :, 0]
        realised = np.full(scores.shape, np.nan)
        for n in range(ASSETS):
            own = np.isfinite(one.bars[:, n]).any(axis=1)
            realised[own, n] = labels(one.bars[own, n], config)
        found = estimate(rank_ic(scores, realised), 1).t
        assert found is not None
        return found

    assert t(panel) > 10.0
    assert max(abs(t(null_panel(panel, k))) for k in range(1, 9)) < 3.5
