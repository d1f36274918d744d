"""The checks of a run: each is seen to pass and to fail."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.market import alone, small

from lstmstrat import Forecasts, WalkForward
from lstmstrat.arrays import Floats
from lstmstrat.audit.books import check_benchmark
from lstmstrat.audit.features import _cuts, check_features
from lstmstrat.audit.labels import check_labels
from lstmstrat.config.data import DataConfig
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.forecasts import TRAINING_FAILED as FAILED_FOLD
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.prices import Prices, load
from lstmstrat.results.assessment import FAILED, PASSED, VOIDING, Check
from lstmstrat.study import checks
from lstmstrat.study.prepare import load_config
from lstmstrat.study.run import run
from lstmstrat.trading.simulation import simulate
from lstmstrat.trading.strategy import BuyAndHold

CAUSAL, AHEAD = "test_checks:causal", "test_checks:ahead"


def causal(bars: Floats) -> Floats:
    return np.log(bars[:, 3] / bars[:, 0])


def ahead(bars: Floats) -> Floats:
    """Tomorrow's return, as a careless shift gives it."""
    return np.append(np.log(bars[1:, 3] / bars[:-1, 3]), 0.0)


@pytest.fixture
def prices() -> Prices:
    return load(DataConfig(start="2005-01-03", end="2005-12-30"))


def walked(prices: Prices, *features: str) -> Forecasts:
    walk = WalkForward(small(features=features), alone())
    walk.advance(prices.times, prices.bars)
    return walk.forecasts


def test_a_causal_feature_passes(prices: Prices) -> None:
    found = check_features(walked(prices, "return_1", CAUSAL), prices)
    assert found.status == PASSED
    assert found.detail.startswith(f"{CAUSAL}: unmoved by later bars at ")


def test_every_bar_of_the_last_fold_is_looked_at(prices: Prices) -> None:
    """A single peek is found wherever it stands in the last fold; ten bars spread over all of them missed it."""
    forecasts = walked(prices, "return_1")
    begin = forecasts.folds[-1].fold.fitted_at
    cuts, of_fold = _cuts(forecasts, prices)
    assert of_fold == len(prices.bars) - begin
    assert set(range(begin, len(prices.bars) - 1)) <= set(cuts.tolist())


FILE = np.random.default_rng(0).normal(size=2000)


def by_position(bars: Floats) -> Floats:
    """A file without dates, joined by the number of the bar."""
    return FILE[: len(bars)]


def from_the_end(bars: Floats) -> Floats:
    """The same, aligned at the newest bar: cut off, it is another one."""
    return FILE[-len(bars) :]


def expanding(bars: Floats) -> Floats:
    close = bars[:, 3]
    return close / (np.cumsum(close) / np.arange(1, len(close) + 1)) - 1.0


def fading(bars: Floats) -> Floats:
    mean = bars[:, 3].copy()
    for t in range(1, len(mean)):
        mean[t] = 0.9 * mean[t - 1] + 0.1 * bars[t, 3]
    return bars[:, 3] / mean - 1.0


@pytest.mark.parametrize(
    ("feature", "status", "said"),
    [
        ("by_position", FAILED, "goes by the position of a bar"),
        ("from_the_end", FAILED, "looks ahead"),
        ("expanding", PASSED, "depends on how much history is loaded"),
        ("fading", PASSED, "bars of the last fold"),
    ],
)
def test_a_feature_is_worked_again_without_the_oldest_bars(
    feature: str, status: str, said: str, prices: Prices
) -> None:
    found = check_features(walked(prices, "return_1", f"{__name__}:{feature}"), prices)
    assert (found.status, said in found.detail) == (status, True), found.detail
    assert (feature == "fading") <= ("history" not in found.detail)


def test_a_feature_that_looks_ahead_is_named(prices: Prices) -> None:
    found = check_features(walked(prices, CAUSAL, AHEAD), prices)
    assert found.status == FAILED
    assert found.detail.startswith(f"{AHEAD} looks ahead: at 2005-")


def test_a_refit_condition_that_looks_ahead_is_named(prices: Prices) -> None:
    """AHEAD has a value on every bar, and another one when later bars are cut off."""
    walk = WalkForward(small(refit_every="never", refit_when=AHEAD), alone())
    found = check_features(walk.forecasts, prices)
    assert found.status == FAILED
    assert found.detail.startswith(f"{AHEAD} looks ahead: at 2005-")


def beside_a_peer(feature: str) -> tuple[Forecasts, Prices]:
    """A year of AAPL with a feature of the peer MSFT, whose bars begin a year earlier."""
    peer = {"name": "msft", "symbol": "MSFT", "start": "2004-01-02"}
    prices = load(DataConfig(start="2005-01-03", end="2005-12-30", peers=[peer]))
    walk = WalkForward(small(features=("return_1",), peer_features=(feature,)), alone(), outside=prices.outside)
    walk.advance(prices.times, prices.bars)
    return walk.forecasts, prices


@pytest.mark.parametrize(
    ("feature", "status", "said"),
    [
        ("causal", PASSED, "test_checks:causal of msft: unmoved by later bars at "),
        ("ahead", FAILED, "test_checks:ahead of msft looks ahead: at 2005-"),
        ("by_position", FAILED, "test_checks:by_position of msft goes by the position of a bar"),
        ("from_the_end", FAILED, "test_checks:from_the_end of msft looks ahead: at 2005-"),
        ("expanding", PASSED, "expanding of msft depends on how much history is loaded"),
    ],
)
def test_a_feature_of_a_peer_is_looked_at_too(feature: str, status: str, said: str) -> None:
    found = check_features(*beside_a_peer(f"test_checks:{feature}"))
    assert (found.status, said in found.detail) == (status, True), found.detail


def test_labels_of_the_future_are_named(prices: Prices) -> None:
    found = walked(prices, "return_1")
    assert check_labels(found, prices.bars).status == PASSED
    first, *others = found.folds
    leaking = object.__new__(Fold)  # the constructor would refuse it
    vars(leaking).update(dataclasses.asdict(first.fold) | {"fitted_at": first.fold.cutoff + 2})
    leaked = dataclasses.replace(found, folds=(dataclasses.replace(first, fold=leaking), *others))
    assert check_labels(leaked, prices.bars) == Check(
        "training labels", FAILED, "folds [1] were trained on labels of their own future"
    )


def test_buy_and_hold_that_is_not_its_closed_form_is_said(prices: Prices) -> None:
    cheap, dear = BrokerConfig(commission=0.0), BrokerConfig(commission=0.01)
    hold = simulate(prices, BuyAndHold, {}, cheap, session=alone(), start=50, name="buy_and_hold")
    assert check_benchmark(cheap, prices.bars, hold).status == PASSED
    assert check_benchmark(dear, prices.bars, hold).status == FAILED


def test_rejected_orders_are_said(prices: Prices) -> None:
    hold = simulate(prices, BuyAndHold, {}, BrokerConfig(), session=alone(), start=50, name="buy_and_hold")
    assert checks.check_orders([hold]).status == PASSED
    refused = dataclasses.replace(hold, orders=hold.orders.assign(status="Margin"))
    assert checks.check_orders([refused]) == Check("orders", FAILED, "the broker refused 1 of buy_and_hold")


def test_half_an_ensemble_is_no_forecast(prices: Prices, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = trainer.fit
    monkeypatch.setattr(trainer, "fit", lambda *job: [None, *fit(*job)[1:]])
    walk = WalkForward(small(members=3), alone())
    walk.advance(prices.times, prices.bars)
    assert walk.folds[0].members == ()
    assert walk.folds[0].record.reason == FAILED_FOLD
    assert len(walk.folds[1].members) == 3
    found = checks._forecasts(walk.forecasts)
    assert found.status == FAILED
    assert "the training of the fold failed" in found.detail


def test_early_stopping_needs_something_to_learn_from_and_to_validate_on(prices: Prices) -> None:
    """A feature that begins late leaves the first folds nothing before the validation part."""
    late = WalkForward(small(features=("test_checks:late",), val_size=0.3), alone())
    late.advance(prices.times, prices.bars)
    assert late.folds[0].members == ()
    assert late.folds[-1].members


def late(bars: Floats) -> Floats:
    return np.where(np.arange(len(bars)) < 45, np.nan, bars[:, 3] / bars[:, 0])


def test_the_report_of_a_strategy_with_a_forecast_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(
        "import backtrader as bt\n"
        "from lstmstrat import LSTMForecast\n"
        "class Mine(bt.Strategy):\n"
        "    def __init__(self):\n"
        "        self.model = LSTMForecast(self.data, lookback=5, loss_steps=5, hidden_size=4, epochs=1,\n"
        "                                  train_size=60, refit_every=50, members=1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own.yaml").write_text(
        "data: {start: 2005-01-03, end: 2005-12-30}\n"
        "forecast: {lookback: 5, loss_steps: 5, train_size: 60, members: 2}\n"
        "strategies: [{class: 'own:Mine'}]\n"
    )
    summary = run(load_config(tmp_path / "own.yaml"), session=alone()).summary
    assert (summary["walk_forward"]["members"], summary["walk_forward"]["refit_every"]) == (1, 50)
    assert summary["forecast_skill"]["observations"] > 0
    assert any("a strategy's own LSTMForecast" in notice for notice in summary["data"]["notices"])


def test_what_voids_an_edge_is_a_check_that_there_is() -> None:
    """A name that no check has would void nothing."""
    config = load_config(Path("configs/aapl.yaml"), ["forecast.model=always_up", "forecast.members=1"])
    config = config.model_copy(update={"strategies": config.strategies[:1]})
    names = {check.name for check in run(config).assessment.checks}
    assert names >= set(VOIDING)
