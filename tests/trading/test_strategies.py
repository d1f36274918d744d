"""The shipped strategies, each decision worked by hand; a scripted indicator stands in for the LSTM."""

from __future__ import annotations

import math
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from lstmstrat import BuyAndHold, StrategyError
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
    )
}


class Oracle(bt.Indicator):
    """Stands in for LSTMForecast: the forecasts and spreads it is given, one a bar."""

    lines = ("forecast", "spread", "distance")
    params = (("forecasts", ()), ("spreads", ()), ("distances", ()), ("horizon", 1), ("members", 5))

    def next(self) -> None:
        bar = len(self) - 1
        self.lines.forecast[0] = self.p.forecasts[bar]
        self.lines.spread[0] = self.p.spreads[bar] if self.p.spreads else 0.0
        self.lines.distance[0] = self.p.distances[bar] if self.p.distances else 0.0


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


def test_conviction_of_one_member_is_an_error() -> None:
    with pytest.raises(StrategyError, match=r"set forecast\.members to 5"):
        decisions("conviction", [1.0], {}, {"forecasts": (0.1,), "members": 1})


@pytest.mark.parametrize("horizon", [1, 4])
def test_volatility_target(horizon: int) -> None:
    # One-bar returns +10 %, -10 %, +10 %, -10 %: the standard deviation of any two in a row is 0.1, and twice that
    # over 4 bars. Strength 5 times 0.01 / 0.1 is 0.5; 0.05 / 0.1 times 5 is cut to the cap.
    closes = [100, 110, 99, 108.9, 98.01, 107.811]
    forecasts = {"forecasts": (0, 0, 0.01, -0.01, -0.05, NAN), "horizon": horizon}
    said = decisions("volatility_target", closes, {"strength": 5.0, "cap": 0.8, "window": 2}, forecasts)
    half = 0.5 / math.sqrt(horizon)
    assert said == pytest.approx([half, -half, -0.8, 0])


def test_volatility_target_is_flat_while_prices_stand_still() -> None:
    assert decisions("volatility_target", [100.0] * 4, {"window": 2}, {"forecasts": (1.0,) * 4}) == [0, 0]


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
