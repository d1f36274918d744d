"""A strategy or an indicator, with its bars, as what P12 watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstmstrat.audit.own_code import Did, Json
from lstmstrat.audit.trace import ACCOUNT, STREAMED, Subject, Trace
from lstmstrat.audit.user_code import of_user
from lstmstrat.audit.wire import (
    NotSentError,
    frame_from_json,
    frame_to_json,
    from_json,
    outside_from_json,
    outside_to_json,
    to_json,
)
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.plugins import load_attribute
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.trading.simulation import set_by_run


@dataclass(frozen=True)
class SubjectCode:
    """A subject of the audit as a `OwnCode`."""

    subject: Subject

    @property
    def names(self) -> tuple[str, ...]:
        """The path of its class, and the code of its forecast."""
        forecast = self.subject.forecast
        return tuple(filter(None, (self.subject.path, *(forecast.own_code if forecast else ()))))

    @property
    def importable(self) -> bool:
        """Whether its class has a path."""
        return bool(self.subject.path)

    @property
    def decides(self) -> bool:
        """Whether it is a strategy, or an indicator of the user's."""
        return not self.subject.is_indicator or of_user(self.subject.cls)

    @property
    def values(self) -> Mapping[str, Any]:
        """Its parameters, but for those that the run sets."""
        set_there = set_by_run(self.subject.cls, self.subject.broker, self.subject.forecast)
        return {name: value for name, value in self.subject.params.items() if name not in set_there}

    @property
    def code(self) -> tuple[Any, ...]:
        """Its class."""
        return (self.subject.cls,)

    @property
    def roots(self) -> Sequence[tuple[str, Any]]:
        """What `setup` keeps, and its class."""
        return ("setup", self.subject.setup), (self.subject.cls.__qualname__, self.subject.cls)

    def did(self, streamed: bool) -> Did:
        """What a run orders, with the code of the forecasts in it."""
        trace = self.subject.run(mode=STREAMED if streamed else "runonce")
        error = f"{type(trace.error).__name__}: {trace.error}" if trace.error else ""
        names = [name for walk in trace.walks for name in walk.config.own_code]
        code = tuple(load_attribute(name, "attribute", "", callable) for name in names)
        return Did(decisions(self.subject, trace), error, code)

    def sent(self) -> Json | None:
        """The subject as JSON, without its bars."""
        subject = self.subject
        forecast = subject.forecast and subject.forecast.model_dump(mode="json")
        try:
            given = {"params": to_json(dict(subject.params)), "setup": to_json(subject.setup)}
        except NotSentError:
            return None
        plain = {"name": subject.name, "path": subject.path, "refits": list(subject.refits), "forecast": forecast}
        outside, broker = outside_to_json(subject.outside), subject.broker.model_dump(mode="json")
        return {**plain, **given, "outside": outside, "broker": broker}

    @property
    def made_by(self) -> str:
        """Where `made` is found."""
        return f"{__name__}:{made.__name__}"

    @property
    def bars(self) -> pd.DataFrame:
        """The frame."""
        return self.subject.frame

    def bars_sent(self) -> Json:
        """The frame, to the last bit."""
        return frame_to_json(self.subject.frame)


def made(values: Json, bars: Json) -> SubjectCode:
    """The subject of such JSON; its modules are imported here."""
    cls = load_attribute(values["path"], "Class", "", callable)
    forecast = ForecastConfig(**values["forecast"]) if values["forecast"] else None
    given = {name: from_json(values[name]) for name in ("params", "setup")}
    outside, frame = outside_from_json(values["outside"]), frame_from_json(bars)
    own = {"refits": tuple(values["refits"]), "path": values["path"], "setup": given["setup"], "outside": outside}
    subject = Subject(values["name"], cls, given["params"], frame, BrokerConfig(**values["broker"]), forecast)
    return SubjectCode(subject.with_fields(**own))


def decisions(subject: Subject, trace: Trace) -> tuple[str, ...]:
    """The orders of a run in words, to the sixth digit; of an indicator its values; and how the run ends."""
    prices = ("" if order.price is None else f" at {order.price:.6g}" for order in trace.orders)
    pairs = zip(trace.orders, prices, strict=True)
    said = [f"{o.side} {o.kind} {o.size:.6g}{price} on {trace.day(o.bar)}" for o, price in pairs]
    if subject.is_indicator:
        lines = {name: line for name, line in trace.lines.items() if name != ACCOUNT}
        said += [f"{name} {x:.6g} on {trace.day(k)}" for name, line in lines.items() for k, x in enumerate(line)]
    end = [f"none, it ends with {type(trace.error).__name__}: {trace.error}"] if trace.error else []
    return (*said, *end)
