"""Subjects in a new Python process, in which nothing ran before."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from lstmstrat.audit import child
from lstmstrat.audit.trace import Subject
from lstmstrat.audit.user_code import of_user

Answer = dict[str, Any]  # JSON
_FIELDS = ("name", "path", "broker", "forecast", "refits", "params", "setup")
_COMMAND = "from lstmstrat.audit.sources import answer; answer()"


def import_path(cls: type[Any]) -> str:
    """``module:Class`` of a class that another process can import; "" for one of a notebook or of a function."""
    module = sys.modules.get(cls.__module__)
    if module is None or cls.__module__ == "__main__" or not getattr(module, "__file__", None):
        return ""
    name = next((name for name, value in vars(module).items() if value is cls), None)
    return f"{cls.__module__}:{name}" if name and of_user(cls) else ""


def pickled(subject: Subject) -> bytes | None:
    """What another process needs to make the subject; None if it cannot be sent, or is part of a notebook.

    The class is not in it: `load_attribute` finds it by the path.
    """
    try:
        data = pickle.dumps({name: getattr(subject, name) for name in _FIELDS})
    except Exception:  # whatever an object of the user's raises
        return None
    return None if not subject.path or b"__main__" in data else data


def in_new_process(subjects: Sequence[Subject]) -> list[Answer | None]:
    """The answer of `sources.answer` for each subject; None where there is none.

    Raises
    ------
    ChildError
        The process did not answer at all.
    """
    sent = [pickled(subject) for subject in subjects]
    frames = {id(subject.frame): subject.frame for subject in subjects}
    path = [os.path.abspath(folder) for folder in sys.path]
    wanted = [(s.path, data, id(s.frame)) for data, s in zip(sent, subjects, strict=True) if data is not None]
    if not wanted:
        return [None] * len(subjects)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND],
            input=pickle.dumps((frames, wanted)),
            capture_output=True,
            timeout=child.SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )
        answers = iter(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise child.ChildError(f"{type(error).__name__}: {error}") from error
    return [None if data is None else next(answers) for data in sent]


def answer_with(work: Callable[[str, bytes, Any], Answer | None]) -> None:
    """Read the subjects of `in_new_process` from standard input, and write the answers of `work` for them.

    `work` gets the path, the result of `pickled`, whose modules it may want to import anew, and the bars.
    """
    frames, wanted = pickle.load(sys.stdin.buffer)
    outlet = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the user's code prints
    answers = [work(path, data, frames[key]) for path, data, key in wanted]
    with os.fdopen(outlet, "w") as file:
        file.write(json.dumps(answers) + "\n")
