"""Which modules are the user's own, wherever they lie; all others are installed and have a version."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import platform
import sys
import sysconfig
from functools import cache
from importlib import metadata
from types import ModuleType

ENGINE = ("lstmstrat", "backtrader")  # never the user's, also where they are installed from a folder
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib"))


def installed(name: str) -> str | None:
    """The top-level name and the version of the installed package of module `name`; None for a user's module.

    A module of the standard library has the version of Python. A file in ``site-packages`` that belongs to no
    distribution is the user's, and so is everything that lies elsewhere.
    """
    top = name.partition(".")[0]
    if top in ENGINE or top in sys.builtin_module_names or top.startswith("_frozen_importlib"):
        return _package(top, "")
    path = _file(name) or _file(top)
    return None if path is None else _package(top, path)


def own_module(name: str) -> ModuleType | None:
    """The user's module called `name`, imported if need be; None if it is an installed one or there is none."""
    if name in sys.modules:
        return sys.modules[name] if installed(name) is None else None
    top = name.partition(".")[0]
    try:
        found = importlib.util.find_spec(top)
        if found is None or _package(top, found.origin or ""):
            return None
        return importlib.import_module(name)
    except Exception:  # whatever it raises, the code that names the module will meet it again
        return None


def _file(name: str) -> str | None:
    return getattr(sys.modules.get(name), "__file__", None)


@cache
def _package(top: str, path: str) -> str | None:
    """See `installed`; `path` is a file of the package, "" for what has none."""
    path = os.path.realpath(path) if path else ""
    if top in ENGINE:
        return f"{top} {_version(top)}"
    if set(path.split(os.sep)) & set(_INSTALLED):
        version = _version(top)
        return f"{top} {version}" if version else None
    standard = top in sys.builtin_module_names or path.startswith(_STANDARD)
    return f"python {platform.python_version()}" if standard or top.startswith("_frozen_importlib") else None


@cache
def _version(top: str) -> str:
    """Versions of the distributions of a top-level module, and hashes of their lists of files; "" without any.

    A list has the hash of each file: a package of the user's may be installed again without another version.
    """
    try:
        distributions = [metadata.distribution(top)]
    except metadata.PackageNotFoundError:
        names = sorted(set(metadata.packages_distributions().get(top, [])))
        distributions = [metadata.distribution(name) for name in names]
    files = [hashlib.sha256((found.read_text("RECORD") or "").encode()).hexdigest() for found in distributions]
    return " ".join(f"{found.version} {listed}" for found, listed in zip(distributions, files, strict=True))
