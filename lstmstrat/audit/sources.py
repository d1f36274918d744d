"""P12: where a strategy may know the future from, other than from the bars that the audit changes.

A file, a database or a table of dates that comes with the strategy may have been made from the very bars that
are traded. Nobody can tell by running it, so it is named, and the strategy is not assessable. It runs once in
a child process: one that a config names in a new Python, a class that was handed over in a fork of this one, since
it may be defined in a notebook.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import itertools
import json
import linecache
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.audit import child
from lstmstrat.audit.case import Case
from lstmstrat.audit.finding import Finding
from lstmstrat.audit.tables import Tables
from lstmstrat.audit.trace import STREAMED, Subject, Trace
from lstmstrat.audit.user_code import users_modules
from lstmstrat.audit.watch import Watch
from lstmstrat.config.plugins import load_attribute
from lstmstrat.config.schema import BrokerConfig, ForecastConfig
from lstmstrat.forecasting.session import Session
from lstmstrat.store import Store

NAMED = 3  # sources that a finding names, at most


@dataclass(frozen=True)
class Sources:
    """What the code of a subject opens and carries with it, in words."""

    opened: tuple[str, ...]
    tables: tuple[str, ...]
    looked_at: int  # objects of the code
    decisions: tuple[str, ...] | None = None  # of a stream in a process that never ran it before; None: not known
    error: str = ""  # why the subject could not be watched; "" if it could


def probe(case: Case) -> Finding:
    """Watch what the subject opens, and look for tables in its code."""
    name = "P12 sources"
    subject = case.subject
    found = subject.sources or (spawned([subject])[0] if subject.path else forked(subject))
    if found.error:
        return case.not_assessed(name, f"it could not be watched: {found.error}")
    if found.decisions is not None and found.decisions != (here := decisions(case.stream)):
        pairs = itertools.zip_longest(found.decisions, here, fillvalue="none")
        first = next(f"{alone}, and {now} here" for alone, now in pairs if alone != now)
        detail = f"it uses what an earlier run left behind: alone in a new process its order is {first}"
        return case.failed(name, len(here), detail)
    said = [f"it {text}" for text in found.opened] + list(found.tables)
    if said:
        more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
        return case.not_assessed(
            name,
            f"{'; '.join(said[:NAMED])}{more}: whether that was made from later bars, no change of bars can show",
        )
    detail = "it opens no file, no connection and no process, and no table comes with its code"
    return case.passed(name, found.looked_at, (), detail)


def forked(subject: Subject) -> Sources:
    """The sources of a subject, found in a fork of this process."""
    try:
        return _from_json(child.forked(lambda: asdict(_look(Watch(), subject.with_fields(session=None)))))
    except child.ChildError as error:
        cure = "" if child.CAN_FORK else "; name the class in a config, then python -m lstmstrat.audit CONFIG can"
        return Sources((), (), 0, error=f"{error}{cure}")


def spawned(subjects: Sequence[Subject]) -> list[Sources]:
    """The sources of subjects that are named by a path, found in one new Python process for all of them."""
    frames = {id(subject.frame): subject.frame for subject in subjects}
    request = {
        "path": [os.path.abspath(folder) for folder in sys.path],
        "frames": {str(key): _frame_to_json(frame) for key, frame in frames.items()},
        "subjects": [_to_json(subject) for subject in subjects],
    }
    command = [sys.executable, "-c", "from lstmstrat.audit.sources import answer; answer()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(request["path"])}  # type: ignore[arg-type]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=child.SECONDS,
            env=environment,
        )
        return [_from_json(found) for found in json.loads(done.stdout.splitlines()[-1])]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return [Sources((), (), 0, error=f"{type(error).__name__}: {error}")] * len(subjects)


def answer() -> None:
    """Read the request of `spawned` from standard input, and write the sources to standard output."""
    request = json.load(sys.stdin)
    outlet = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the user's code prints
    frames = {key: _frame_from_json(value) for key, value in request["frames"].items()}
    watch = Watch()
    found = [_answer_for(watch, values, frames[values["frame"]]) for values in request["subjects"]]
    with os.fdopen(outlet, "w") as file:
        file.write(json.dumps(found) + "\n")


def _answer_for(watch: Watch, values: dict[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    """The sources of one subject, found in a process that has run no other, where the platform can fork."""

    def look() -> dict[str, Any]:
        with Session(Store(None)) as session:
            return asdict(_look_at_path(watch, values, frame, session))

    try:
        found: dict[str, Any] = child.forked(look) if child.CAN_FORK else look()
    except child.ChildError as error:
        return asdict(Sources((), (), 0, error=str(error)))
    return found


def decisions(stream: Trace) -> tuple[str, ...]:
    """The orders of a run in words, to the sixth digit."""
    prices = ("" if order.price is None else f" at {order.price:.6g}" for order in stream.orders)
    pairs = zip(stream.orders, prices, strict=True)
    return tuple(f"{o.side} {o.kind} {o.size:.6g}{price} on {stream.day(o.bar)}" for o, price in pairs)


def _look_at_path(watch: Watch, values: dict[str, Any], frame: pd.DataFrame, session: Session) -> Sources:
    for name in users_modules():  # so that each subject imports its modules itself
        del sys.modules[name]
    opened: list[str] = []
    try:
        with watch.watching() as opened:
            cls = load_attribute(values["path"], "Class", "", callable)
        forecast = values["forecast"] and ForecastConfig(**values["forecast"])
        broker = BrokerConfig(**values["broker"])
        shared = None if _has_own_model(values) else session
        own = {"path": values["path"], "session": shared}
        subject = Subject(values["name"], cls, values["params"], frame, broker, forecast or None, **own)
        alone = not subject.is_indicator and child.CAN_FORK
        found = _look(watch, subject, STREAMED if alone else "runonce")
        if found.error and alone:  # it needs all bars loaded
            opened += found.opened
            found = _look(watch, subject)
    except Exception as error:
        return Sources(tuple(opened), (), 0, error=f"{type(error).__name__}: {error}")
    return replace(found, opened=tuple(dict.fromkeys([*opened, *found.opened])))


def _has_own_model(values: dict[str, Any]) -> bool:
    """Whether the forecast is made by a model of the user's own, each of whose fits is to be watched."""
    model = str((values["forecast"] or values["params"]).get("model", ""))
    return ":" in model and not model.startswith("lstmstrat.")


def _look(watch: Watch, subject: Subject, mode: str = "runonce") -> Sources:
    """Import the modules of the subject again, run it, and look at its code; only in a child process."""
    for clear in (*_tables(subject, None).cached, linecache.clearcache):  # what was kept is read again
        clear()
    opened: list[str] = []
    if subject.path == "":
        opened += _imported_again(watch, subject)
    with watch.watching() as found:
        trace = subject.run(mode=mode)
    tables = _tables(subject, trace)
    error = f"{type(trace.error).__name__}: {trace.error}" if trace.error else ""
    both = (*opened, *(x for x in found if x not in opened))
    alone = decisions(trace) if mode == STREAMED and not error else None
    return Sources(both, tuple(tables.found), tables.looked_at, alone, error)


def _imported_again(watch: Watch, subject: Subject) -> list[str]:
    """What the modules of the subject open when they are imported."""
    classes = [subject.cls, *(value for value in subject.params.values() if isinstance(value, type))]
    modules = {cls.__module__ for cls in classes} & set(users_modules())
    if not modules:
        return []
    before = dict(sys.modules)
    for name in users_modules():
        del sys.modules[name]
    with watch.watching() as found:
        for name in sorted(modules):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    sys.modules.update(before)  # Backtrader looks the module of a class up there
    return found


def _tables(subject: Subject, trace: Trace | None) -> Tables:
    """The tables in the code of a subject; with the `trace` of a run also those of its features and models."""
    tables = Tables()
    tables.look_at_values("parameter", subject.params)
    tables.look_at_code(subject.cls)
    for walk in trace.walks if trace else ():
        config = walk.config
        names = (*config.features, *config.peer_features, config.refit_when or "", config.model)
        for name in names:
            if ":" in name:
                tables.look_at_code(load_attribute(name, "attribute", "", callable))
    return tables


def _from_json(values: dict[str, Any]) -> Sources:
    alone = values["decisions"]
    opened, tables = tuple(values["opened"]), tuple(values["tables"])
    return Sources(opened, tables, values["looked_at"], None if alone is None else tuple(alone), values["error"])


def _to_json(subject: Subject) -> dict[str, Any]:
    return {
        "name": subject.name,
        "path": subject.path,
        "params": dict(subject.params),
        "broker": subject.broker.model_dump(mode="json"),
        "forecast": subject.forecast.model_dump(mode="json") if subject.forecast else None,
        "frame": str(id(subject.frame)),
    }


def _frame_to_json(frame: pd.DataFrame) -> dict[str, Any]:
    index = pd.DatetimeIndex(frame.index)
    return {
        "columns": list(frame.columns),
        "values": base64.b64encode(np.ascontiguousarray(frame.to_numpy(dtype=np.float64)).tobytes()).decode(),
        "times": base64.b64encode(index.tz_localize(None).to_numpy(dtype="datetime64[ns]").tobytes()).decode(),
    }


def _frame_from_json(values: dict[str, Any]) -> pd.DataFrame:
    times = np.frombuffer(base64.b64decode(values["times"]), dtype="datetime64[ns]")
    numbers = np.frombuffer(base64.b64decode(values["values"])).reshape(len(times), -1)
    return pd.DataFrame(numbers.copy(), index=pd.DatetimeIndex(times), columns=values["columns"])
