"""Work in a child process: what cannot be taken back is done there and dies with it."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

CAN_FORK = hasattr(os, "fork")
SECONDS = 600.0  # after which a child is ended


class ChildError(Exception):
    """The child could not do its work; the message says why."""


def forked(work: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """The result of `work`, a JSON value, from a fork of this process, which has every object of it.

    The child prints nothing, and what it changes is not changed here.

    Raises
    ------
    ChildError
        The platform cannot fork, `work` raised an error or did not end in time.
    """
    if not CAN_FORK:
        raise ChildError("this platform cannot fork a process")
    inlet, outlet = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later: a fork has one thread only
        process = os.fork()
    if process == 0:
        os.close(inlet)
        _answer(work, outlet)
    os.close(outlet)
    try:
        answer = _read(inlet, seconds)
    finally:
        os.close(inlet)
        os.kill(process, signal.SIGKILL)  # it has answered, or never will
        os.waitpid(process, 0)
    if "error" in answer:
        raise ChildError(answer["error"])
    return answer["value"]


def _answer(work: Callable[[], Any], outlet: int) -> None:
    """Write the result of `work` to `outlet`, and end this process without the clean-up of its parent."""
    answer: dict[str, Any] = {"error": "it ended without an answer"}
    try:
        sys.stdout = sys.stderr = silent = open(os.devnull, "w")  # noqa: SIM115 (open as long as the process)
        for stream in (1, 2):  # what holds the old ones, such as a handler of logging, is silent too
            os.dup2(silent.fileno(), stream)
        answer = {"value": work()}
        text = json.dumps(answer)
    except BaseException as error:
        text = json.dumps({"error": f"{type(error).__name__}: {error}"})
    try:
        with os.fdopen(outlet, "w") as file:
            file.write(text)
    finally:
        os._exit(0)


def _read(inlet: int, seconds: float) -> dict[str, Any]:
    chunks, end = list[bytes](), time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([inlet], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return {"error": f"it did not end within {seconds:.0f} seconds"}
        chunk = os.read(inlet, 65536)
        if not chunk:
            break
        chunks.append(chunk)
    found: dict[str, Any] = json.loads(b"".join(chunks) or b'{"error": "it was ended"}')
    return found
