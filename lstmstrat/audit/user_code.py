"""Which code is the user's own: neither of Python, nor of an installed package, nor of this one."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = str(Path(__file__).parents[1])
_PLANTED = tuple(
    str(Path(_PACKAGE, *parts))
    for parts in (("audit", "leaks.py"), ("audit", "more_leaks.py"), ("study", "panel", "own_leaks.py"))
)
_CODE = {".py", ".pyc", ".nbi", ".nbc"}
_LIBRARY = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))
_NOT_USERS = {"backtrader", "lstmstrat"}  # also where they are installed in a folder of the user's


@cache
def is_users(filename: str, module: str) -> bool:
    """Whether code of this file, in a module of this name, is the user's; the planted leaks count as such."""
    if filename in _PLANTED or (module == "__main__" and not filename.startswith("<frozen")):
        return True  # also a notebook, whatever file its kernel was started from
    top = module.partition(".")[0]
    if top in _NOT_USERS or top in sys.stdlib_module_names:
        return False
    if filename.startswith("<"):  # code that was made while the program runs, maybe by a library
        return not filename.startswith("<frozen") and not _is_library(
            getattr(sys.modules.get(top), "__file__", None)
        )
    return not _is_library(filename)


def _is_library(filename: str | None) -> bool:
    path = _resolved(filename or "")
    return path.startswith(_PACKAGE) or _is_installed(path)


def is_library_file(filename: str) -> bool:
    """Whether a file belongs to Python or to an installed package; the prices that come with this one do not."""
    path = _resolved(filename)
    return Path(path).suffix in _CODE if path.startswith(_PACKAGE) else _is_installed(path)


def _is_installed(path: str) -> bool:
    return bool({"site-packages", "dist-packages"} & set(path.split(os.sep))) or path.startswith(_LIBRARY)


def _resolved(filename: str) -> str:
    """The real path of a file. Thousands are asked for, of a few hundred folders."""
    folder, name = os.path.split(os.path.abspath(filename))
    return os.path.realpath(filename) if os.path.islink(filename) else os.path.join(_real_folder(folder), name)


@cache
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def of_user(thing: Any) -> bool:
    """Whether a class, function or module is the user's."""
    if isinstance(thing, ModuleType):
        return is_users(getattr(thing, "__file__", None) or "<notebook>", thing.__name__)
    code = getattr(thing, "__code__", None)
    module = getattr(thing, "__module__", None) or ""
    filename = code.co_filename if code else getattr(sys.modules.get(module), "__file__", None) or "<notebook>"
    return is_users(filename, module)


def users_modules() -> list[str]:
    """The names of the imported modules that are the user's, without ``__main__``."""
    return [
        name
        for name, module in list(sys.modules.items())
        if _has_file(module) and name != "__main__" and of_user(module)
    ]


def _has_file(module: Any) -> bool:
    return isinstance(module, ModuleType) and getattr(module, "__file__", None) is not None
