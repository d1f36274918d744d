"""The code of the user's in a universe, with its panel, as P12 watches it.

Features, rules and optimisers see the scores of a model that costs next to nothing, over the whole panel: whether
they look ahead does not depend on how well a network is trained. A model of the user's own is fitted as it is, on
the newest sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.audit.own_code import Did, Json
from lstmstrat.audit.sketch import Sketch
from lstmstrat.audit.small import shrink
from lstmstrat.audit.subjects import SKETCH, bars_of_folds
from lstmstrat.audit.wire import frame_from_json, frame_to_json, from_json, to_json
from lstmstrat.config.classes import importable
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.names import is_own
from lstmstrat.config.plugins import loaded
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.config.schema import Config
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.forecasting.session import Session
from lstmstrat.ledger import Ledger
from lstmstrat.prices.panel import Panel
from lstmstrat.store import Store
from lstmstrat.study.panel.decisions import Decisions
from lstmstrat.study.panel.stream import steps, streamed


@dataclass(frozen=True, eq=False)
class PanelCode:
    """The features, model, rule and optimiser of the user's own, and the panel that they decide on."""

    forecast: ForecastConfig
    rule: PortfolioConfig
    panel: Panel
    in_fork: bool = False  # of this process, though another one could import it

    @property
    def names(self) -> tuple[str, ...]:
        """The ``module:attribute`` of each."""
        return tuple(name for name in (*self.forecast.own_code, *self.rule.own_code) if name != SKETCH)

    @property
    def importable(self) -> bool:
        """Whether none is of a notebook."""
        return not self.in_fork and all(importable(name) for name in self.names)

    @property
    def decides(self) -> bool:
        """Whether a run alone must decide the same: always."""
        return True

    @property
    def values(self) -> Mapping[str, Any]:
        """The parameters of the rule and of the model."""
        return {**self.rule.params, **dict(self.forecast.model_params)}

    @property
    def code(self) -> tuple[Any, ...]:
        """The functions and classes."""
        return tuple(loaded(self.names))

    @property
    def roots(self) -> Sequence[tuple[str, Any]]:
        """The same, with their names."""
        return [(name.partition(":")[2], code) for name, code in zip(self.names, self.code, strict=True)]

    def did(self, streamed: bool) -> Did:
        """The weight and the score of each asset at each session."""
        return did(self.tried(streamed))

    def tried(self, in_steps: bool) -> Decisions | str:
        """What is decided, see `decided`; the error that the user's code ends with."""
        try:
            return self.decided(in_steps)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def decided(self, in_steps: bool) -> Decisions:
        """What is decided, in the steps of a stream or on the whole panel at once, with models fitted anew."""
        first, sessions = self.first, len(self.panel.times)
        ends = steps(first + 1, sessions) if in_steps else [sessions]
        with Session(Store(None), ledger=Ledger(None)) as session:
            session.told = None
            lines = streamed(self.forecast, self.rule, self.panel, session, ends)
        return Decisions(self.panel.times, self.panel.symbols, min(first, sessions), (), lines)

    @property
    def first(self) -> int:
        """The session of the first forecast, if the panel has so many."""
        return schedule(self.forecast).first_fit

    def on(self, panel: Panel) -> PanelCode:
        """The same code with another panel."""
        return replace(self, panel=panel)

    def sent(self) -> Json | None:
        """The settings and the universe as JSON."""
        settings = (self.forecast, self.rule)
        forecast, rule = (one.model_dump(mode="json", exclude_unset=True) for one in settings)
        return {"forecast": forecast, "rule": rule, "universe": to_json(self.panel.universe)}

    @property
    def made_by(self) -> str:
        """Where `made` is found."""
        return f"{__name__}:{made.__name__}"

    @property
    def bars(self) -> Panel:
        """The panel."""
        return self.panel

    def bars_sent(self) -> Json:
        """The bars, to the last bit, a row for each session."""
        rows = self.panel.bars.reshape(len(self.panel.times), -1)
        return frame_to_json(pd.DataFrame(rows, pd.DatetimeIndex(self.panel.times)))


def did(found: Decisions | str) -> Did:
    """What was decided, or the error in its place, in words."""
    return Did((f"none, it ends with {found}",), found) if isinstance(found, str) else Did(found.words)


def of_config(config: Config, panel: Panel, in_fork: bool = False) -> list[PanelCode]:
    """The own code of a config with its panel: what is there beside a model of its own, and this model."""
    assert config.portfolio is not None
    forecast, rule = shrink(config.forecast), config.portfolio
    cheap = PanelCode(Sketch.instead(SKETCH, forecast), rule, panel, in_fork)
    found = [cheap] if cheap.names else []
    if is_own(forecast.model):
        begin = max(len(panel.times) - bars_of_folds(forecast), 0)
        newest = replace(panel, times=panel.times[begin:], bars=panel.bars[begin:].copy())
        found.append(PanelCode(forecast, rule, newest, in_fork))
    return found


def made(values: Json, bars: Json) -> PanelCode:
    """The code of what was sent; its modules are imported here."""
    frame = frame_from_json(bars)
    times = frame.index.to_numpy().astype("datetime64[ns]")
    universe, numbers = from_json(values["universe"]), frame.to_numpy().reshape(len(times), -1, 5)
    settings = ForecastConfig(**values["forecast"]), PortfolioConfig(**values["rule"])
    panel = Panel(universe, "", times, np.ascontiguousarray(numbers))
    found = PanelCode(*settings, panel)
    loaded(found.names)
    return found
