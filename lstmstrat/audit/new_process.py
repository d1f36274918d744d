"""Code of the user's, in a new Python process, in which nothing ran before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lstmstrat.audit import child
from lstmstrat.audit.own_code import Json, OwnCode
from lstmstrat.audit.user_code import of_user
from lstmstrat.config.plugins import load_attribute
from lstmstrat.config.search import searched

_COMMAND = "from lstmstrat.audit.sources import answer; answer()"


def import_path(cls: type[Any]) -> str:
    """``module:Class`` of a class that another process can import; "" for one of a notebook or of a function."""
    module = sys.modules.get(cls.__module__)
    if module is None or cls.__module__ == "__main__" or not getattr(module, "__file__", None):
        return ""
    name = next((name for name, value in vars(module).items() if value is cls), None)
    return f"{cls.__module__}:{name}" if name and of_user(cls) else ""


def in_new_process(codes: Sequence[OwnCode]) -> list[Json | None]:
    """The answer of `sources.answer` for each; None where there is none.

    Raises
    ------
    ChildError
        The process did not answer at all.
    """
    sent = [_sent(one) for one in codes]
    wanted = [values for values in sent if values is not None]
    if not wanted:
        return [None] * len(codes)
    folders = _roots(codes)
    path = [os.path.abspath(folder) for folder in (*folders, *sys.path)]
    bars = {id(one.bars): one for one in codes}
    request = {
        "bars": {str(key): one.bars_sent() for key, one in bars.items()},
        "codes": wanted,
        "folders": folders,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=child.SECONDS * len(wanted),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )
        answers = iter(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise child.ChildError(f"{type(error).__name__}: {error}") from error
    return [None if values is None else next(answers) for values in sent]


def _sent(own: OwnCode) -> Json | None:
    values = own.sent() if own.importable else None
    return values and {"made_by": own.made_by, "values": values, "bars": str(id(own.bars))}


def imported(sent: Json, bars: Json) -> OwnCode:
    """What was sent, made here; its modules are imported here."""
    make: Callable[[Json, Json], OwnCode] = load_attribute(sent["made_by"], "function", "", callable)
    return make(sent["values"], bars)


def _roots(codes: Sequence[OwnCode]) -> list[str]:
    """The folders from which the user's modules were imported."""
    names = dict.fromkeys(name.partition(":")[0] for one in codes for name in one.names)
    return list(dict.fromkeys(root for name in names if (root := _root(name))))


def _root(name: str) -> str:
    """The folder in which the import found a module of the user's, the top of its packages; "" if it has none."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None or not file or not of_user(module):
        return ""
    return str(Path(file).absolute().parents[name.count(".") + Path(file).name.startswith("__init__.")])


def answer_with(work: Callable[[Json, Json], Json | None]) -> None:
    """Read what `in_new_process` sends from standard input, and write what `work` answers to it and its bars."""
    request = json.load(sys.stdin)
    outlet = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the user's code prints
    with searched(request["folders"]):
        answers = [work(sent, request["bars"][sent["bars"]]) for sent in request["codes"]]
    with os.fdopen(outlet, "w") as file:
        file.write(json.dumps(answers) + "\n")
