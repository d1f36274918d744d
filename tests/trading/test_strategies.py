"""The shipped strategies, each decision worked by hand; a scripted indicator stands in for the LSTM."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from lstmstrat import BuyAndHold, LSTMForecast, StrategyError
from lstmstrat.forecasting.learned import LINES
from lstmstrat.trading.parameters import check_params, load_strategy

NAN = math.nan
PATHS = {
    name: f"strategies.{name}:{name.title().replace('_', '')}"
    for name in (
        "long_flat",
        "long_short",
        "volatility_target",
        "conviction",
        "trend_filter",
        "sma_cross",
        "known_ground",
        "kelly",
    )
}


class Oracle(bt.Indicator):
    """Stands in for LSTMForecast: the forecasts and spreads it is given, one a bar."""

    lines = LINES
    params = (("forecasts", ()), ("spreads", ()), ("distances", ()), ("sigmas", ()), ("members", 5))

    def __init__(self) -> None:
        self.walk_forward = SimpleNamespace(members=self.p.members)

    def next(self) -> None:
        bar = len(self) - 1
        self.lines.forecast[0] = self.p.forecasts[bar]
        self.lines.spread[0] = self.p.spreads[bar] if self.p.spreads else 0.0
        self.lines.distance[0] = self.p.distances[bar] if self.p.distances else 0.0
        self.lines.sigma[0] = self.p.sigmas[bar] if self.p.sigmas else 1.0


@pytest.fixture(autouse=True)
def _oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstmstrat.trading.strategy.LSTMForecast", Oracle)


def decisions(name: str, closes: list[float], params: dict[str, Any], forecast: dict[str, Any]) -> list[float]:
    """What the strategy says at each close at which it is asked."""
    said: list[float] = []
    cls = load_strategy(PATHS[name])
    assert check_params(cls, params) == []

    class Recorded(cls):  # type: ignore[misc, valid-type]
        def target_exposure(self) -> float:
            said.append(super().target_exposure())
            return 0.0

    bars = {column: np.asarray(closes, float) for column in ("open", "high", "low", "close")}
    frame = pd.DataFrame(bars | {"volume": np.ones(len(closes))}, index=pd.date_range("2020", periods=len(closes)))
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    extra = {"forecast": forecast} if hasattr(cls.params, "forecast") else {}
    cerebro.addstrategy(Recorded, **params, **extra)
    cerebro.run()
    return said


def test_long_flat() -> None:
    forecasts = {"forecasts": (0.02, 0.01, -0.02, NAN)}
    assert decisions("long_flat", [1.0] * 4, {"threshold": 0.01}, forecasts) == [1, 0, 0, 0]


def test_known_ground() -> None:
    forecasts = {"forecasts": (0.02, 0.02, 0.02, -0.02, NAN), "distances": (0.0, 2.0, 2.1, 0.0, NAN)}
    assert decisions("known_ground", [1.0] * 5, {"limit": 2.0}, forecasts) == [1, 1, 0, 0, 0]


def test_long_short() -> None:
    forecasts = {"forecasts": (0.02, 0.01, -0.01, -0.02, NAN)}
    assert decisions("long_short", [1.0] * 5, {"threshold": 0.01}, forecasts) == [1, 0, 0, -1, 0]


def test_conviction() -> None:
    forecasts = {"forecasts": (0.05, 0.03, -0.05, NAN), "spreads": (0.02, 0.02, 0.02, NAN)}
    assert decisions("conviction", [1.0] * 4, {"multiple": 2.0}, forecasts) == [1, 0, -1, 0]


@pytest.mark.parametrize("model", ["ridge", "always_up", "sklearn.linear_model:LinearRegression"])
def test_conviction_on_a_model_of_one_member_is_an_error(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever `members` says: a spread of 0 would be taken for agreement at every bar."""
    monkeypatch.setattr("lstmstrat.trading.strategy.LSTMForecast", LSTMForecast)
    with pytest.raises(StrategyError, match="and a fold has one"):
        decisions("conviction", [1.0, 2.0], {}, {"model": model, "members": 10})


def test_conviction_of_one_member_is_an_error() -> None:
    with pytest.raises(StrategyError, match=r"set forecast\.members to 5"):
        decisions("conviction", [1.0], {}, {"forecasts": (0.1,), "members": 1})


def test_volatility_target() -> None:
    # Strength 5 times 0.01 / 0.1 is 0.5, half of it at twice the risk; 5 times 0.05 / 0.1 is cut to the cap.
    forecasts = {"forecasts": (0.01, -0.01, -0.05, NAN, 0.01), "sigmas": (0.1, 0.2, 0.1, NAN, NAN)}
    said = decisions("volatility_target", [1.0] * 5, {"strength": 5.0, "cap": 0.8}, forecasts)
    assert said == pytest.approx([0.5, -0.25, -0.8, 0, 0])


def test_kelly() -> None:
    # The growth of an account with exposure f is about f (m + s^2 / 2) - f^2 s^2 / 2, the most at m / s^2 + 1 / 2:
    # 0.002 / 0.04^2 + 0.5 = 1.75, of which 0.4 is 0.7; -0.002 / 0.04^2 + 0.5 = -0.75, of which 0.4 is -0.3.
    forecasts = {"forecasts": (0.002, -0.002, 0.01, NAN, 0.01), "sigmas": (0.04, 0.04, 0.04, NAN, NAN)}
    said = decisions("kelly", [1.0] * 5, {"fraction": 0.4, "cap": 0.9}, forecasts)
    assert said == pytest.approx([0.7, -0.3, 0.9, 0, 0])


def test_the_exposure_of_kelly_grows_fastest() -> None:
    """Against a search over the exposures, for log returns that are normal, by Gauss-Hermite quadrature."""
    mean, sigma = 0.001, 0.05
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    simple = np.expm1(mean + sigma * nodes)
    exposures = np.linspace(0.5, 1.5, 1001)
    growth = np.log1p(exposures[:, None] * simple) @ weights
    best = float(exposures[growth.argmax()])
    forecasts = {"forecasts": (mean,), "sigmas": (sigma,)}
    assert decisions("kelly", [1.0], {"fraction": 0.5, "cap": 1.0}, forecasts) == pytest.approx(
        [best / 2], abs=0.005
    )


def test_trend_filter() -> None:
    # Averages of two closes from the second bar on: 1.5, 1.75, 2.0, 3.0, 4.5.
    forecasts = {"forecasts": (1, 1, 1, 1, -1, NAN)}
    closes = [1.0, 2.0, 1.5, 2.5, 3.5, 5.5]
    assert decisions("trend_filter", closes, {"period": 2}, forecasts) == [1, 0, 1, 0, 0]


def test_sma_cross() -> None:
    # From the third bar on, the average of one close against that of three: 3 > 2, 1 < 2, 2 = 2.
    assert decisions("sma_cross", [1.0, 2.0, 3.0, 1.0, 2.0], {"fast": 1, "slow": 3}, {}) == [1, 0, 0]


def test_sma_cross_wants_fast_below_slow() -> None:
    with pytest.raises(StrategyError, match="fast 50 must be less than slow 50"):
        decisions("sma_cross", [1.0], {"fast": 50}, {})


def test_buy_and_hold_is_the_benchmark_itself() -> None:
    assert load_strategy("strategies.buy_and_hold:BuyAndHold") is BuyAndHold
