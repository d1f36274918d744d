"""Subjects in a new Python process, in which nothing ran before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lstmstrat.audit import child
from lstmstrat.audit.trace import Subject
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
from lstmstrat.config.search import searched

Json = dict[str, Any]
_COMMAND = "from lstmstrat.audit.sources import answer; answer()"


def import_path(cls: type[Any]) -> str:
    """``module:Class`` of a class that another process can import; "" for one of a notebook or of a function."""
    module = sys.modules.get(cls.__module__)
    if module is None or cls.__module__ == "__main__" or not getattr(module, "__file__", None):
        return ""
    name = next((name for name, value in vars(module).items() if value is cls), None)
    return f"{cls.__module__}:{name}" if name and of_user(cls) else ""


def _sent(subject: Subject) -> Json | None:
    """A subject as JSON, without its bars; None if another process cannot make it."""
    forecast = subject.forecast and subject.forecast.model_dump(mode="json")
    try:
        given = {"params": to_json(dict(subject.params)), "setup": to_json(subject.setup)}
    except NotSentError:
        return None
    plain = {"name": subject.name, "path": subject.path, "refits": list(subject.refits), "forecast": forecast}
    plain["outside"] = outside_to_json(subject.outside)
    broker, frame = subject.broker.model_dump(mode="json"), str(id(subject.frame))
    return {**plain, **given, "broker": broker, "frame": frame} if subject.path else None


def imported(values: Json, frame: pd.DataFrame) -> Subject:
    """The subject of such JSON; its modules are imported here."""
    cls = load_attribute(values["path"], "Class", "", callable)
    forecast = ForecastConfig(**values["forecast"]) if values["forecast"] else None
    given = {name: from_json(values[name]) for name in ("params", "setup")}
    outside = outside_from_json(values["outside"])
    own = {"refits": tuple(values["refits"]), "path": values["path"]}
    subject = Subject(values["name"], cls, given["params"], frame, BrokerConfig(**values["broker"]), forecast)
    return subject.with_fields(setup=given["setup"], outside=outside, **own)


def in_new_process(subjects: Sequence[Subject]) -> list[Json | None]:
    """The answer of `sources.answer` for each subject; None where there is none.

    Raises
    ------
    ChildError
        The process did not answer at all.
    """
    sent = [_sent(subject) for subject in subjects]
    wanted = [values for values in sent if values is not None]
    if not wanted:
        return [None] * len(subjects)
    frames = {str(id(subject.frame)): subject.frame for subject in subjects}
    folders = _roots(subjects)
    path = [os.path.abspath(folder) for folder in (*folders, *sys.path)]
    request = {
        "frames": {key: frame_to_json(frame) for key, frame in frames.items()},
        "subjects": wanted,
        "folders": folders,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=child.SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )
        answers = iter(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise child.ChildError(f"{type(error).__name__}: {error}") from error
    return [None if values is None else next(answers) for values in sent]


def _roots(subjects: Sequence[Subject]) -> list[str]:
    """The folders from which the user's modules of the subjects were imported."""
    codes = [(subject.path, *(subject.forecast.own_code if subject.forecast else ())) for subject in subjects]
    names = dict.fromkeys(path.partition(":")[0] for each in codes for path in each if path)
    return list(dict.fromkeys(root for name in names if (root := _root(name))))


def _root(name: str) -> str:
    """The folder in which the import found a module of the user's, the top of its packages; "" if it has none."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None or not file or not of_user(module):
        return ""
    return str(Path(file).absolute().parents[name.count(".") + Path(file).name.startswith("__init__.")])


def answer_with(work: Callable[[Json, pd.DataFrame], Json | None]) -> None:
    """Read the subjects of `in_new_process` from standard input, and write the answers of `work` for them."""
    request = json.load(sys.stdin)
    outlet = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the user's code prints
    frames = {key: frame_from_json(values) for key, values in request["frames"].items()}
    with searched(request["folders"]):
        answers = [work(values, frames[values["frame"]]) for values in request["subjects"]]
    with os.fdopen(outlet, "w") as file:
        file.write(json.dumps(answers) + "\n")
