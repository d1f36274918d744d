"""A universe that comes in steps: in whatever steps, it decides what it decides on the whole panel at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel_own_kinds as kinds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_panel_run import SYMBOLS, config

from lstmstrat import Ledger, Session, Store
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.study.panel.run import prepare_panel
from lstmstrat.study.panel.stream import steps, streamed

FORECAST = {"model": "ridge", "pool": "all", "relation": "rank", "train_size": 60, "refit_every": 20}
CONFIG = config(
    data={"universe": SYMBOLS[:8], "start": "2008-06-01", "end": "2009-01-31"},
    forecast={**FORECAST, "least_assets": 4, "lookback": 5, "loss_steps": 5},
)
RULES: dict[str, dict[str, Any]] = {
    "that keeps its holdings": {"rule": "top", "long": 2, "short": 2, "hold_until": 4},
    "by volatility": {"rule": "top", "long": 3, "short": 3, "weights": "inverse_volatility"},
    "by score": {"rule": "proportional", "long": 1, "short": 1},
    "by an optimiser": {"rule": "top", "long": 3, "short": 0, "gross": 1, "weights": f"{kinds.__name__}:Calm"},
    "of one's own": {"rule": f"{kinds.__name__}:Holds", "gross": 1},
}


def lines(rule: str, ends: list[int]) -> dict[str, np.ndarray]:
    found, panel = prepare_panel(CONFIG, loaded=_loaded)
    with Session(Store(None), 1, ledger=Ledger(None)) as session:
        session.told = None
        return streamed(found.forecast, PortfolioConfig(**RULES[rule]), panel, session, [*ends, len(panel.times)])


_loaded: dict[str, Any] = {}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_decides_the_same_in_whatever_steps(rule: str) -> None:
    whole = lines(rule, [])
    assert (whole["weight"] != 0.0).any()

    @settings(max_examples=4, deadline=None)
    @given(st.lists(st.integers(1, 160), min_size=1, max_size=8, unique=True))
    def in_steps(ends: list[int]) -> None:
        found = lines(rule, sorted(ends))
        for name, values in whole.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)

    in_steps()


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_steps_cover_all_sessions_in_order(first: int, sessions: int) -> None:
    ends = steps(first, sessions)
    assert ends[0] == min(first, sessions)
    assert ends[-1] == sessions
    assert (np.diff(ends) > 0).all()
    assert len(ends) <= 101
