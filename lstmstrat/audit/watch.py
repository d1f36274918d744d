"""What user code opens while it runs: files, sockets, databases, processes.

Python tells an audit hook of each `open`, connection and new process. A hook cannot be taken back, so this is done
in a child process only, see `sources.py`. Only what the user's own code asks for counts: not what an import, a
library for itself, the log or the cache of a compiler opens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from lstmstrat.audit.user_code import is_library_file, is_users

EVENTS = {
    "open": "opens",
    "os.listdir": "lists",
    "os.scandir": "lists",
    "sqlite3.connect": "opens the database",
    "socket.connect": "connects to",
    "socket.getaddrinfo": "connects to",
    "socket.gethostbyname": "connects to",
    "urllib.Request": "connects to",
    "subprocess.Popen": "starts",
    "os.system": "starts",
    "os.exec": "starts",
    "os.posix_spawn": "starts",
    "os.startfile": "starts",
    "ctypes.dlopen": "loads",
    "mmap.__new__": "maps memory",
    "winreg.OpenKey": "opens the registry",
}
DIRECT = {"os.listdir", "os.scandir", "subprocess.Popen", "ctypes.dlopen", "mmap.__new__"}
"""Events that count only if the user's code asks for them itself; libraries use them for their own purposes."""
MACHINE = (
    "/proc/",
    "/sys/",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/usr/share/zoneinfo",
    "/etc/",
)
"""Places that say something about the machine and nothing about prices."""
BEGIN = ("lstmstrat.audit.trace", "lstmstrat.audit.sources", "lstmstrat.audit.wire", "lstmstrat.config.plugins")
"""Where a run, or the import of a user's module, begins."""
SETUP = "_cerebro"  # the function that calls `setup`
OWN_WAYS = ("linecache", "tokenize", "inspect", "traceback", "warnings")
"""Modules that open files of code for themselves, whoever called them."""
ALWAYS = ("logging", "numba", "_pytest")
"""Modules that open any file for themselves."""
CODE = (".py", ".pyc", ".pyi")


class Watch:
    """Collects, in words, what the user's code opens inside of `watching`. Install it once per process."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._active = False
        sys.addaudithook(self._hook)

    @contextmanager
    def watching(self) -> Iterator[list[str]]:
        """The list of what is opened in the block, which grows while the block runs."""
        self.found, self._active = [], True
        try:
            yield self.found
        finally:
            self._active = False

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._active or event not in EVENTS:
            return
        self._active = False  # what the hook itself does is not watched
        try:
            said = _said(event, arguments)
            code, direct = _opens_code(event, arguments), event in DIRECT or _opens_of_a_library(event, arguments)
            if said and said not in self.found and _is_asked_by_user(sys._getframe(1), direct, code):
                self.found.append(said)
        finally:
            self._active = True


def _said(event: str, arguments: tuple[Any, ...]) -> str:
    """What is opened, in words; "" if it says nothing about prices."""
    target = arguments[1] if event == "socket.connect" else arguments[0] if arguments else ""
    if event == "open" and (isinstance(target, int) or not _reads(*arguments[1:3]) or _is_of_the_machine(target)):
        return ""
    if event == "sqlite3.connect" and target == ":memory:":
        return ""
    target = os.fsdecode(target) if isinstance(target, bytes) else target
    return f"{EVENTS[event]} {target}" if target not in (None, "") else EVENTS[event]


def _reads(mode: Any, flags: Any = 0) -> bool:
    if isinstance(mode, str):
        return "x" not in mode and ("r" in mode or "+" in mode)
    if not isinstance(flags, int):
        return True
    return not flags & os.O_EXCL and flags & (os.O_WRONLY | os.O_RDWR) != os.O_WRONLY  # a new file is empty


def _is_of_the_machine(path: Any) -> bool:
    return os.path.realpath(os.fsdecode(path)).startswith(MACHINE)


def _opens_code(event: str, arguments: tuple[Any, ...]) -> bool:
    return event == "open" and not isinstance(arguments[0], int) and str(arguments[0]).endswith(CODE)


def _opens_of_a_library(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a file of an installed package is opened: by the package itself, or by the user's code."""
    return event == "open" and not isinstance(arguments[0], int) and is_library_file(os.fsdecode(arguments[0]))


def _is_asked_by_user(frame: FrameType | None, direct: bool, code: bool) -> bool:
    """Whether the stack has a frame of the user's between the event and the begin of the run.

    An import that stands nearer to the event opens its files by itself, as Python does to quote a line of `code`;
    and `setup` may open what it likes, because the audit changes the bars of the feeds that it adds.
    """
    asked = False
    while frame is not None:
        filename, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))
        if module in BEGIN:
            return asked and frame.f_code.co_name != SETUP
        if not asked:
            package = module.partition(".")[0]
            if filename.startswith("<frozen importlib") or package in ALWAYS or (code and package in OWN_WAYS):
                return False
            asked = is_users(filename, module)
            if direct and not asked and module.partition(".")[0] not in sys.stdlib_module_names:
                return False
        frame = frame.f_back
    return asked
